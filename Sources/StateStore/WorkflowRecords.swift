package import JSONModel
package import Support

/// A state machine as its last revision has it.
package struct StateMachineRecord: Sendable, Hashable {
    package enum Status: String, Sendable, Hashable {
        case active = "ACTIVE"
        /// Goes away with its last running execution; starts no more.
        case deleting = "DELETING"
    }

    package var arn: String
    package var account: String
    package var region: String
    package var name: String
    package var type: String
    package var status: Status
    package var definition: String
    package var roleArn: String
    package var createdAt: Timestamp
    package var updatedAt: Timestamp?
    /// Nil before the first update.
    package var revisionID: String?
    /// Further members by their names in the service's answers: `loggingConfiguration`, `tracingConfiguration`, ...
    package var configuration: JSONObject
    /// Whether the service's quotas hold for its executions: its tag `awsLimitsTag` is `true`.
    package var hasAWSLimits = false
    /// Of an execution's machine: the version and the alias by which it was started.
    package var versionArn: String?
    package var aliasArn: String?

    package static let awsLimitsTag = "millrace:aws-limits"

    package init(
        arn: String, account: String, region: String, name: String, type: String, status: Status = .active,
        definition: String, roleArn: String, createdAt: Timestamp, updatedAt: Timestamp? = nil,
        revisionID: String? = nil, configuration: JSONObject = [:]
    ) {
        self.arn = arn
        self.account = account
        self.region = region
        self.name = name
        self.type = type
        self.status = status
        self.definition = definition
        self.roleArn = roleArn
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.revisionID = revisionID
        self.configuration = configuration
    }
}

/// An activity: a name under which workers ask for tasks.
package struct ActivityRecord: Sendable, Hashable {
    package var arn: String
    package var account: String
    package var region: String
    package var name: String
    package var createdAt: Timestamp

    package init(arn: String, account: String, region: String, name: String, createdAt: Timestamp) {
        self.arn = arn
        self.account = account
        self.region = region
        self.name = name
        self.createdAt = createdAt
    }
}

/// An execution: what it was started with, which never changes, and how far it has come.
package struct ExecutionRecord: Sendable, Hashable {
    package enum Status: String, Sendable, Hashable {
        case running = "RUNNING", succeeded = "SUCCEEDED", failed = "FAILED", timedOut = "TIMED_OUT", aborted = "ABORTED"
        /// Of children of a map run, as they are shown and counted; no record has it.
        case pendingRedrive = "PENDING_REDRIVE"

        package var isFailure: Bool { self == .failed || self == .timedOut || self == .aborted }
    }

    package var arn: String
    package var account: String
    package var region: String
    package var name: String
    /// The state machine as it was at the start.
    package var stateMachine: StateMachineRecord
    package var input: String
    package var traceHeader: String?
    package var startedAt: Timestamp
    /// Not to be told to anyone: the seed of tokens and identifiers.
    package var secret: [UInt8]

    package var status: Status = .running
    package var stoppedAt: Timestamp?
    package var output: String?
    package var error: String?
    package var cause: String?
    package var lastEventID: Int64 = 0
    /// Events applied so far.
    package var stepCount: Int64 = 0
    /// Whether the execution has work to do that no command or timer will bring: its start, or a continuation.
    package var isRunnable = true
    /// Goes up by one with every commit of a step, and with a redrive.
    package var revision: Int64 = 0
    /// Set for a child of a distributed Map.
    package var mapRun: MapRunMembership?
    package var redrives = Redrives()

    /// How often an execution went on after an end without success.
    package struct Redrives: Sendable, Hashable {
        package struct Token: Sendable, Hashable {
            package var token: String
            package var usedAt: Timestamp

            package init(token: String, usedAt: Timestamp) {
                self.token = token
                self.usedAt = usedAt
            }
        }

        package var count = 0
        /// Of the last one.
        package var date: Timestamp?
        /// Of the last calls, oldest first, so that repeating one changes nothing.
        package var tokens: [Token] = []
        /// Whether the execution has ended without success, and enough is kept of it to go on.
        package var isPrepared = false

        package init() {}
    }

    package init(
        arn: String, account: String, region: String, name: String, stateMachine: StateMachineRecord, input: String,
        traceHeader: String? = nil, startedAt: Timestamp, secret: [UInt8]
    ) {
        self.arn = arn
        self.account = account
        self.region = region
        self.name = name
        self.stateMachine = stateMachine
        self.input = input
        self.traceHeader = traceHeader
        self.startedAt = startedAt
        self.secret = secret
    }
}

/// An execution as lists show it.
package struct ExecutionSummary: Sendable, Hashable {
    package var arn: String
    package var stateMachineArn: String
    package var versionArn: String?
    package var aliasArn: String?
    package var name: String
    package var status: ExecutionRecord.Status
    package var startedAt: Timestamp
    package var stoppedAt: Timestamp?
    package var redriveCount: Int
    package var redrivenAt: Timestamp?
    /// Where the children of a map run are listed.
    package var mapRun: MapRunMembership?

    package init(
        arn: String, stateMachineArn: String, versionArn: String?, aliasArn: String?, name: String,
        status: ExecutionRecord.Status, startedAt: Timestamp, stoppedAt: Timestamp?, redriveCount: Int = 0,
        redrivenAt: Timestamp? = nil
    ) {
        self.arn = arn
        self.stateMachineArn = stateMachineArn
        self.versionArn = versionArn
        self.aliasArn = aliasArn
        self.name = name
        self.status = status
        self.startedAt = startedAt
        self.stoppedAt = stoppedAt
        self.redriveCount = redriveCount
        self.redrivenAt = redrivenAt
    }
}

/// One event of an execution's history.
package struct HistoryRecord: Sendable, Hashable {
    package var id: Int64
    package var previousEventID: Int64
    package var timestamp: Timestamp
    package var type: String
    package var details: JSONObject?

    package init(id: Int64, previousEventID: Int64, timestamp: Timestamp, type: String, details: JSONObject?) {
        self.id = id
        self.previousEventID = previousEventID
        self.timestamp = timestamp
        self.type = type
        self.details = details
    }
}

/// A command that has been decided and whose end has not been recorded.
package struct CommandRecord: Sendable, Hashable {
    package enum Progress: String, Sendable, Hashable {
        /// Not known to have been performed.
        case pending
        /// About to be performed, by a call that must not be repeated.
        case sending
        /// Accepted elsewhere; `handle` says where.
        case submitted
    }

    package var executionArn: String
    package var commandID: String
    /// What to perform.
    package var call: JSONValue
    package var progress: Progress
    package var handle: JSONValue?
    /// The outcome no longer matters; what was submitted is to be stopped.
    package var isCancelled: Bool
    /// Unique among all commands. With it the callee reports the outcome.
    package var taskToken: String?

    package init(
        executionArn: String, commandID: String, call: JSONValue, progress: Progress = .pending,
        handle: JSONValue? = nil, isCancelled: Bool = false, taskToken: String? = nil
    ) {
        self.executionArn = executionArn
        self.commandID = commandID
        self.call = call
        self.progress = progress
        self.handle = handle
        self.isCancelled = isCancelled
        self.taskToken = taskToken
    }
}

package struct TimerRecord: Sendable, Hashable {
    package var executionArn: String
    package var timerID: String
    package var dueAt: Timestamp

    package init(executionArn: String, timerID: String, dueAt: Timestamp) {
        self.executionArn = executionArn
        self.timerID = timerID
        self.dueAt = dueAt
    }
}

/// A part of an execution's snapshot.
package struct FrameRecord: Sendable, Hashable {
    /// Unique in the execution.
    package var path: String
    /// Nil removes the frame.
    package var bytes: [UInt8]?

    package init(path: String, bytes: [UInt8]?) {
        self.path = path
        self.bytes = bytes
    }
}

/// An execution on its way into the store.
package struct NewExecution: Sendable {
    /// As it is after `step`: one that is new, or that has ended already.
    package var record: ExecutionRecord
    /// Its first step; nil if none has been taken, or if nothing is kept of its life but what the record says.
    package var step: ExecutionStep?

    package init(_ record: ExecutionRecord, step: ExecutionStep? = nil) {
        self.record = record
        self.step = step
    }
}

/// All that one step of an execution changes. Durable as a whole or not at all.
package struct ExecutionStep: Sendable {
    package struct End: Sendable, Hashable {
        package var status: ExecutionRecord.Status
        package var stoppedAt: Timestamp
        package var output: String?
        package var error: String?
        package var cause: String?

        package init(
            status: ExecutionRecord.Status, stoppedAt: Timestamp, output: String? = nil, error: String? = nil,
            cause: String? = nil
        ) {
            self.status = status
            self.stoppedAt = stoppedAt
            self.output = output
            self.error = error
            self.cause = cause
        }
    }

    package var executionArn: String
    /// The revision that the step was computed from.
    package var revision: Int64
    package var stepCount: Int64
    package var isRunnable: Bool
    package var frames: [FrameRecord] = []
    /// Ascending ids without gaps, following the last one stored.
    package var history: [HistoryRecord] = []
    package var newCommands: [CommandRecord] = []
    /// Commands whose outcome this step took in.
    package var finishedCommands: [String] = []
    /// Commands whose work goes on elsewhere, with its handle.
    package var submittedCommands: [(commandID: String, handle: JSONValue)] = []
    package var cancelledCommands: [String] = []
    package var newTimers: [TimerRecord] = []
    package var finishedTimers: [String] = []
    package var newMapRuns: [MapRunRecord] = []
    package var redrivenMapRuns: [MapRunRedrive] = []
    package var endedMapRuns: [MapRunEnd] = []
    package var end: End?

    package init(executionArn: String, revision: Int64, stepCount: Int64, isRunnable: Bool) {
        self.executionArn = executionArn
        self.revision = revision
        self.stepCount = stepCount
        self.isRunnable = isRunnable
    }
}
