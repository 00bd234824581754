package import JSONModel
package import Support

/// The batch engine's durable records: jobs, queues, compute environments, job definitions.
///
/// Every write is one durable transaction. Documents are opaque to the store; what it searches by stands beside them.
package protocol BatchStore: Sendable {
    /// Applies everything in `commit` or nothing.
    func apply(_ commit: BatchCommit) async throws

    /// Jobs that have not ended, ascending by sequence.
    func openJobs() async throws -> [BatchJobRow]
    /// Those that exist, in no order.
    func jobs(_ ids: [String]) async throws -> [BatchJobRow]
    /// Descending by sequence.
    func jobs(matching query: BatchJobQuery) async throws -> [BatchJobRow]
    func job(externalID: String, account: String, region: String) async throws -> BatchJobRow?
    /// How many children of an array job have each status.
    func childCounts(of parent: String) async throws -> [String: Int]
    /// The jobs that commands have made, by command id.
    func jobIDs(forCommands ids: [String]) async throws -> [String: String]
    /// 0 when there has never been a job.
    func lastSequence() async throws -> Int64

    /// In order of name and revision; nil for those of all accounts and regions.
    func resources(_ kind: BatchResourceKind, in scope: BatchScope?) async throws -> [BatchResourceRow]
    /// 0 when the name has never been used.
    func lastRevision(_ kind: BatchResourceKind, name: String, in scope: BatchScope) async throws -> Int64
}

/// The account and region to which a record belongs.
package struct BatchScope: Sendable, Hashable {
    package var account: String
    package var region: String

    package init(account: String, region: String) {
        self.account = account
        self.region = region
    }
}

package enum BatchResourceKind: String, Sendable, Hashable {
    case computeEnvironment, jobQueue, jobDefinition, schedulingPolicy
}

package struct BatchJobRow: Sendable, Hashable {
    package var scope: BatchScope
    /// Unique among all jobs.
    package var id: String
    package var sequence: Int64
    package var name: String
    package var queue: String
    package var status: String
    /// Whether the job may still change.
    package var isOpen: Bool
    package var parent: String?
    /// What another service calls it; unique in its scope.
    package var externalID: String?
    package var createdAt: Timestamp
    package var document: JSONValue

    package init(
        scope: BatchScope, id: String, sequence: Int64, name: String, queue: String, status: String, isOpen: Bool,
        parent: String?, externalID: String?, createdAt: Timestamp, document: JSONValue
    ) {
        self.scope = scope
        self.id = id
        self.sequence = sequence
        self.name = name
        self.queue = queue
        self.status = status
        self.isOpen = isOpen
        self.parent = parent
        self.externalID = externalID
        self.createdAt = createdAt
        self.document = document
    }
}

package struct BatchResourceRow: Sendable, Hashable {
    package var kind: BatchResourceKind
    package var scope: BatchScope
    package var name: String
    /// 0 for kinds without revisions.
    package var revision: Int64
    package var document: JSONValue

    package init(kind: BatchResourceKind, scope: BatchScope, name: String, revision: Int64, document: JSONValue) {
        self.kind = kind
        self.scope = scope
        self.name = name
        self.revision = revision
        self.document = document
    }
}

package struct BatchCommit: Sendable {
    /// New jobs, and jobs that replace their earlier rows.
    package var jobs: [BatchJobRow] = []
    /// Command ids and the jobs they make. One that is there already fails the commit.
    package var commands: [(id: String, jobID: String)] = []
    package var putResources: [BatchResourceRow] = []
    package var deletedResources: [BatchResourceRow] = []

    package init() {}

    package var isEmpty: Bool {
        jobs.isEmpty && commands.isEmpty && putResources.isEmpty && deletedResources.isEmpty
    }
}

package struct BatchJobQuery: Sendable, Hashable {
    package var scope: BatchScope
    package var queue: String?
    package var parent: String?
    /// Nil: any.
    package var statuses: [String]?
    package var name: String?
    /// Only jobs before this sequence.
    package var before: Int64?
    package var limit: Int
    /// Whether children of array jobs are listed with the others.
    package var includesChildren = false

    package init(scope: BatchScope, limit: Int) {
        self.scope = scope
        self.limit = limit
    }
}
