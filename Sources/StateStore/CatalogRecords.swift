package import JSONModel
package import Support

/// The data catalog's durable records: databases, tables with their versions, partitions, job definitions, job runs.
///
/// Every write is one durable transaction. A write whose scope carries a command id records its outcomes under that id
/// in the same transaction; repeated, it changes nothing and gives the first outcomes. Listings ascend by UTF-8 bytes
/// of the name, or of the partition key.
package protocol CatalogRecords: Sendable {
    func createDatabase(_ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope) async throws
        -> CatalogOutcome
    func updateDatabase(_ name: String, _ document: JSONObject, in scope: CatalogScope) async throws -> CatalogOutcome
    /// Takes its tables and their partitions along.
    func deleteDatabase(_ name: String, in scope: CatalogScope) async throws -> CatalogOutcome
    func database(_ name: String, in scope: CatalogScope) async throws -> CatalogDatabaseRecord?
    func databases(after name: String, limit: Int, in scope: CatalogScope) async throws -> [CatalogDatabaseRecord]

    /// The first version is 1.
    func createTable(_ table: CatalogTableRecord, in scope: CatalogScope) async throws -> CatalogOutcome
    /// Replaces the document and raises the version by 1.
    /// - Parameter expected: the version that must be the present one.
    /// - Parameter archives: keep the present version among the old ones.
    func updateTable(
        _ name: String, in database: String, _ document: JSONObject, expecting expected: Int64?, archives: Bool,
        at: Timestamp, scope: CatalogScope
    ) async throws -> CatalogOutcome
    /// Each table goes with its versions and partitions.
    func deleteTables(_ names: [String], in database: String, scope: CatalogScope) async throws -> [CatalogOutcome]
    func table(_ name: String, in database: String, scope: CatalogScope) async throws -> CatalogTableRecord?
    func tables(in database: String, after name: String, limit: Int, scope: CatalogScope) async throws
        -> [CatalogTableRecord]
    /// The archived versions and the present one, ascending.
    func tableVersions(_ name: String, in database: String, after version: Int64, limit: Int, scope: CatalogScope)
        async throws -> [CatalogTableRecord]
    /// Archived versions only.
    func deleteTableVersions(_ versions: [Int64], of name: String, in database: String, scope: CatalogScope)
        async throws -> [CatalogOutcome]

    func createPartitions(_ partitions: [CatalogPartitionRecord], of table: CatalogTableName, scope: CatalogScope)
        async throws -> [CatalogOutcome]
    /// Replaces partitions, whose values may change.
    func updatePartitions(
        _ changes: [(key: String, partition: CatalogPartitionRecord)], of table: CatalogTableName, scope: CatalogScope
    ) async throws -> [CatalogOutcome]
    func deletePartitions(_ keys: [String], of table: CatalogTableName, scope: CatalogScope) async throws
        -> [CatalogOutcome]
    /// Those that exist, in no order.
    func partitions(_ keys: [String], of table: CatalogTableName, scope: CatalogScope) async throws
        -> [CatalogPartitionRecord]
    func partitions(of table: CatalogTableName, after key: String, limit: Int, scope: CatalogScope) async throws
        -> [CatalogPartitionRecord]

    func createJob(_ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope) async throws
        -> CatalogOutcome
    func updateJob(_ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope) async throws
        -> CatalogOutcome
    func deleteJob(_ name: String, in scope: CatalogScope) async throws -> CatalogOutcome
    func job(_ name: String, in scope: CatalogScope) async throws -> CatalogJobRecord?
    func jobs(after name: String, limit: Int, in scope: CatalogScope) async throws -> [CatalogJobRecord]

    /// Makes a run unless the job has `concurrentMax` open ones already.
    /// - Returns: nil in that case; else the run, or the one that the scope's command id made before.
    func createJobRun(_ run: CatalogJobRunRecord, concurrentMax: Int, in scope: CatalogScope) async throws
        -> CatalogJobRunRecord?
    /// Notes the batch job that performs a run, and whether the run may still change.
    func updateJobRun(_ id: String, batchJobID: String?, isOpen: Bool, in scope: CatalogScope) async throws
    func jobRun(_ id: String, in scope: CatalogScope) async throws -> CatalogJobRunRecord?
    /// The newest first.
    func jobRuns(of job: String, before sequence: Int64, limit: Int, openOnly: Bool, in scope: CatalogScope)
        async throws -> [CatalogJobRunRecord]
    /// Open runs without a batch job, of every account and region.
    func unsubmittedJobRuns() async throws -> [(scope: CatalogScope, run: CatalogJobRunRecord)]

    /// Adds, replaces and removes tags of a resource.
    func changeTags(of arn: String, set: JSONObject, remove: [String]) async throws
    func tags(of arn: String) async throws -> JSONObject
}

/// The account and region to which records belong, and the command that causes a write.
package struct CatalogScope: Sendable, Hashable {
    package var account: String
    package var region: String
    package var commandID: String?

    package init(account: String, region: String, commandID: String? = nil) {
        self.account = account
        self.region = region
        self.commandID = commandID
    }
}

package enum CatalogOutcome: String, Sendable, Hashable {
    case done
    case exists
    case noDatabase
    case notFound
    /// The version is not the one that was expected.
    case conflict
}

package struct CatalogTableName: Sendable, Hashable {
    package var database: String
    package var name: String

    package init(database: String, name: String) {
        self.database = database
        self.name = name
    }
}

package struct CatalogDatabaseRecord: Sendable, Hashable {
    package var name: String
    package var createdAt: Timestamp
    package var document: JSONObject
}

package struct CatalogTableRecord: Sendable, Hashable {
    package var database: String
    package var name: String
    package var version: Int64
    package var createdAt: Timestamp
    package var updatedAt: Timestamp
    package var document: JSONObject

    package init(
        database: String, name: String, version: Int64 = 1, createdAt: Timestamp, updatedAt: Timestamp,
        document: JSONObject
    ) {
        self.database = database
        self.name = name
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.document = document
    }
}

package struct CatalogPartitionRecord: Sendable, Hashable {
    /// Made from the values; orders the partitions of a table.
    package var key: String
    package var createdAt: Timestamp
    package var document: JSONObject

    package init(key: String, createdAt: Timestamp, document: JSONObject) {
        self.key = key
        self.createdAt = createdAt
        self.document = document
    }
}

package struct CatalogJobRecord: Sendable, Hashable {
    package var name: String
    package var createdAt: Timestamp
    package var modifiedAt: Timestamp
    package var document: JSONObject
}

package struct CatalogJobRunRecord: Sendable, Hashable {
    package var id: String
    package var job: String
    /// Ascending in order of creation.
    package var sequence: Int64
    package var createdAt: Timestamp
    package var isOpen: Bool
    package var batchJobID: String?
    package var document: JSONObject

    package init(id: String, job: String, createdAt: Timestamp, document: JSONObject) {
        self.id = id
        self.job = job
        sequence = 0
        self.createdAt = createdAt
        isOpen = true
        self.document = document
    }
}
