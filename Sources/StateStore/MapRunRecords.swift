package import JSONModel
package import Support

/// A run of a distributed Map: how it was started, which never changes, and how far it has come. How its children
/// fared is told by their own records.
package struct MapRunRecord: Sendable, Hashable {
    package enum Status: String, Sendable, Hashable {
        case running = "RUNNING", succeeded = "SUCCEEDED", failed = "FAILED", aborted = "ABORTED"
    }

    package var arn: String
    /// The execution that entered the Map.
    package var executionArn: String
    /// What children are started with; its ARN and its name end in the Map's label.
    package var childMachine: StateMachineRecord
    /// What the workflow engine knows of the Map's fields.
    package var configuration: JSONObject
    /// The items as JSON text, an array; nil when a reader finds them.
    package var items: String?
    /// How many there are, unless a reader finds them.
    package var itemCount: Int64?
    package var startedAt: Timestamp
    /// Not to be told to anyone: the seed of names and of random numbers in item selectors.
    package var secret: [UInt8]

    package var settings: MapRunSettings
    package var status = Status.running
    package var stoppedAt: Timestamp?
    /// Children with lower ordinals have records.
    package var nextOrdinal: Int64 = 0
    /// Where the reader goes on for child `nextOrdinal`; nil at the beginning.
    package var cursor: JSONObject?
    /// Whether the engine has work left: children to start or to stop, results to write.
    package var isOpen = true
    package var resultsWritten: MapRunCounts.Pair?
    /// How often the run went on after an end without success, and when last.
    package var redriveCount = 0
    package var redrivenAt: Timestamp?

    package init(
        arn: String, executionArn: String, childMachine: StateMachineRecord, configuration: JSONObject, items: String?,
        itemCount: Int64?, startedAt: Timestamp, secret: [UInt8], settings: MapRunSettings
    ) {
        self.arn = arn
        self.executionArn = executionArn
        self.childMachine = childMachine
        self.configuration = configuration
        self.items = items
        self.itemCount = itemCount
        self.startedAt = startedAt
        self.secret = secret
        self.settings = settings
    }

    /// Whether a child has not succeeded and the run's last redrive is still to let it go on.
    package func willRedrive(_ child: ExecutionRecord) -> Bool {
        guard status == .running, let membership = child.mapRun, membership.redriveCount < redriveCount else { return false }
        return childMachine.type == "EXPRESS" ? child.status.isFailure : child.redrives.isPrepared
    }
}

/// What can be changed while a map run goes on.
package struct MapRunSettings: Sendable, Hashable {
    /// 0 for the greatest there is.
    package var maxConcurrency: Int64
    /// Nil where nobody has said anything.
    package var toleratedFailureCount: Int64?
    package var toleratedFailurePercentage: Double?

    package init(maxConcurrency: Int64, toleratedFailureCount: Int64?, toleratedFailurePercentage: Double?) {
        self.maxConcurrency = maxConcurrency
        self.toleratedFailureCount = toleratedFailureCount
        self.toleratedFailurePercentage = toleratedFailurePercentage
    }
}

/// How many children have records, by their status, and how many items they were given.
package struct MapRunCounts: Sendable, Hashable {
    package struct Pair: Sendable, Hashable {
        package var executions: Int64
        package var items: Int64

        package init(executions: Int64 = 0, items: Int64 = 0) {
            self.executions = executions
            self.items = items
        }

        package static func += (sum: inout Pair, other: Pair) {
            sum.executions += other.executions
            sum.items += other.items
        }

        package static func -= (difference: inout Pair, other: Pair) {
            difference.executions -= other.executions
            difference.items -= other.items
        }
    }

    private var pairs: [ExecutionRecord.Status: Pair] = [:]
    /// Of those that have not succeeded: which of them no redrive can let go on.
    package var notRedrivable = Pair()

    package init() {}

    package subscript(status: ExecutionRecord.Status) -> Pair {
        get { pairs[status] ?? Pair() }
        set { pairs[status] = newValue }
    }

    package var total: Pair {
        pairs.values.reduce(into: Pair()) { $0 += $1 }
    }
}

/// That an execution is a child of a map run.
package struct MapRunMembership: Sendable, Hashable {
    package var mapRunArn: String
    /// Counts the children of the run from 0, in the order of their items.
    package var ordinal: Int64
    package var itemCount: Int64
    /// The run's `redriveCount` when the child began or was last let go on.
    package var redriveCount: Int

    package init(mapRunArn: String, ordinal: Int64, itemCount: Int64, redriveCount: Int = 0) {
        self.mapRunArn = mapRunArn
        self.ordinal = ordinal
        self.itemCount = itemCount
        self.redriveCount = redriveCount
    }
}

/// The next children of a map run. Durable as a whole, with the place where the reader goes on, or not at all.
package struct MapRunBatch: Sendable {
    package var mapRunArn: String
    /// `nextOrdinal` as it is before and after.
    package var ordinals: Range<Int64>
    package var cursor: JSONObject
    package var children: [NewExecution] = []
    /// Children with records that have run again as a whole: how they fared replaces how they fared before.
    package var repeated: [ExecutionRecord] = []

    package init(mapRunArn: String, ordinals: Range<Int64>, cursor: JSONObject) {
        self.mapRunArn = mapRunArn
        self.ordinals = ordinals
        self.cursor = cursor
    }
}

/// Children of a map run that its redrive has looked at. Durable as a whole or not at all.
package struct ChildRedrives: Sendable {
    package var mapRunArn: String
    /// Of the run.
    package var redriveCount: Int
    /// They are running and runnable again, as `WorkflowStore.redriveExecution` leaves an execution.
    package var children: [(arn: String, revision: Int64, redrives: ExecutionRecord.Redrives)] = []
    /// What is kept of these lets none of them go on, now or later.
    package var refused: [String] = []

    package init(mapRunArn: String, redriveCount: Int) {
        self.mapRunArn = mapRunArn
        self.redriveCount = redriveCount
    }
}

/// That a map run goes on after an end without success, as it is recorded in its execution's step.
package struct MapRunRedrive: Sendable, Hashable {
    package var mapRunArn: String
    /// All redrives of the run, this one included.
    package var count: Int
    package var date: Timestamp

    package init(mapRunArn: String, count: Int, date: Timestamp) {
        self.mapRunArn = mapRunArn
        self.count = count
        self.date = date
    }
}

/// How a map run's outcome is recorded in its execution's step. It says nothing about later redrives of the run.
package struct MapRunEnd: Sendable, Hashable {
    package var mapRunArn: String
    package var redriveCount: Int
    package var status: MapRunRecord.Status
    package var stoppedAt: Timestamp

    package init(mapRunArn: String, redriveCount: Int, status: MapRunRecord.Status, stoppedAt: Timestamp) {
        self.mapRunArn = mapRunArn
        self.redriveCount = redriveCount
        self.status = status
        self.stoppedAt = stoppedAt
    }
}

/// The durable records of distributed Maps. A map run is made by the step of its execution that starts it
/// (`ExecutionStep.newMapRuns`) and goes with the execution.
package protocol MapRunStore: Sendable {
    func mapRun(arn: String) async throws -> MapRunRecord?

    /// The runs that an execution started, newest first.
    func mapRuns(ofExecution arn: String, after: PageKey?, limit: Int) async throws -> [MapRunRecord]

    /// ARNs of runs that the engine has work with, ascending.
    func openMapRuns(after arn: String?, limit: Int) async throws -> [String]

    /// The run, what became of its children, and which of them run or stand beyond `nextOrdinal`, all at one moment.
    func loadMapRun(arn: String) async throws -> LoadedMapRun?

    /// Makes children of a run durable.
    /// - Throws: `WorkflowStoreError.staleRevision` if the run does not stand at the batch's first ordinal.
    func startChildren(_ batch: MapRunBatch) async throws

    /// Children that a redrive of the run is still to let go on are `pendingRedrive`.
    func mapRunCounts(arn: String) async throws -> MapRunCounts

    /// Children that a redrive of the run is still to let go on, with ordinals above `ordinal`, ascending.
    func childrenToRedrive(ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int) async throws -> [ExecutionRecord]

    /// Lets children go on that ended without success.
    /// - Throws: `WorkflowStoreError.staleRevision` if one of them is not at its revision, or cannot go on.
    func redriveChildren(_ redrives: ChildRedrives) async throws

    /// Children with ordinals above `ordinal`, ascending, with input and outcome.
    func children(ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int) async throws -> [ExecutionRecord]

    /// Children by start, newest first, with statuses as `mapRunCounts` counts them.
    func executions(
        ofMapRun arn: String, status: ExecutionRecord.Status?, isRedriven: Bool?, after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary]

    /// Changes a running run. False if it does not run.
    func updateMapRun(arn: String, _ settings: MapRunSettings) async throws -> Bool

    /// Records how many children's results a run has written.
    func setResultsWritten(_ written: MapRunCounts.Pair, ofMapRun arn: String) async throws

    /// Says that the engine has no more work with a run, unless it was redriven since. One that runs still, as its
    /// execution is gone, is aborted.
    func closeMapRun(arn: String, redriveCount: Int, at time: Timestamp) async throws
}

package struct LoadedMapRun: Sendable {
    package struct Child: Sendable, Hashable {
        package var ordinal: Int64
        package var executionArn: String
        package var itemCount: Int64
        package var redriveCount: Int

        package init(ordinal: Int64, executionArn: String, itemCount: Int64, redriveCount: Int) {
            self.ordinal = ordinal
            self.executionArn = executionArn
            self.itemCount = itemCount
            self.redriveCount = redriveCount
        }
    }

    package var record: MapRunRecord
    package var counts: MapRunCounts
    package var running: [Child]
    /// Ordinals, from `nextOrdinal` on, of children with a record.
    package var early: Set<Int64>

    package init(record: MapRunRecord, counts: MapRunCounts, running: [Child], early: Set<Int64>) {
        self.record = record
        self.counts = counts
        self.running = running
        self.early = early
    }
}
