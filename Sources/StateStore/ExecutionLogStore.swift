package import JSONModel
package import Support

/// A log group that somebody made, for executions to log into.
package struct LogGroupRecord: Sendable, Hashable {
    package var account: String
    package var region: String
    package var name: String
    package var createdAt: Timestamp
    /// Kept and shown: logs go with their executions.
    package var retentionDays: Int64?
    package var tags: JSONObject

    package init(
        account: String, region: String, name: String, createdAt: Timestamp, retentionDays: Int64? = nil,
        tags: JSONObject = [:]
    ) {
        self.account = account
        self.region = region
        self.name = name
        self.createdAt = createdAt
        self.retentionDays = retentionDays
        self.tags = tags
    }
}

/// Where a state machine's executions log, and what.
package struct LogDestination: Sendable, Hashable {
    package enum Level: String, Sendable, Hashable {
        case all = "ALL", error = "ERROR", fatal = "FATAL"

        /// - Source: Step Functions, "Log levels for Step Functions execution events".
        package func includes(_ eventType: String) -> Bool {
            let isFatal = ["ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"].contains(eventType)
            return switch self {
            case .all: true
            case .error:
                isFatal || eventType == "FailStateEntered"
                    || ["Failed", "TimedOut", "Aborted"].contains { eventType.hasSuffix($0) }
            case .fatal: isFatal
            }
        }
    }

    package var group: String
    package var level: Level
    package var includesData: Bool

    package init(group: String, level: Level, includesData: Bool) {
        self.group = group
        self.level = level
        self.includesData = includesData
    }

    /// The name of the group in the ARN of a log group; nil for another text.
    package static func group(ofARN text: String) -> (account: String, region: String, name: String)? {
        guard let arn = ARN(text), arn.service == "logs", arn.resource.hasPrefix("log-group:") else { return nil }
        let name = String(arn.resource.dropFirst("log-group:".count).prefix { $0 != ":" })
        return name.isEmpty ? nil : (arn.account, arn.region, name)
    }
}

extension StateMachineRecord {
    /// Nil while the machine's executions do not log.
    package var logDestination: LogDestination? {
        guard let logging = configuration["loggingConfiguration"],
            let level = logging["level"]?.string.flatMap({ LogDestination.Level(rawValue: $0) }),
            let arn = logging["destinations"]?.array?.first?["cloudWatchLogsLogGroup"]?["logGroupArn"]?.string,
            let group = LogDestination.group(ofARN: arn)
        else { return nil }
        return LogDestination(
            group: group.name, level: level, includesData: logging["includeExecutionData"]?.bool ?? false)
    }
}

/// One execution that logs into a group. Its events are its history.
package struct LoggedExecution: Sendable, Hashable {
    package var arn: String
    package var machineName: String
    package var destination: LogDestination
    package var startedAt: Timestamp
    /// Nil while it runs.
    package var stoppedAt: Timestamp?
    package var redriveCount: Int

    package init(
        arn: String, machineName: String, destination: LogDestination, startedAt: Timestamp, stoppedAt: Timestamp?,
        redriveCount: Int = 0
    ) {
        self.arn = arn
        self.machineName = machineName
        self.destination = destination
        self.startedAt = startedAt
        self.stoppedAt = stoppedAt
        self.redriveCount = redriveCount
    }
}

/// Which executions of a group are listed.
package struct LoggedExecutionQuery: Sendable {
    package var account: String
    package var region: String
    package var group: String
    /// Those that started at or after this time.
    package var from: Timestamp?
    /// Those that started at or before this time.
    package var to: Timestamp?
    /// The last one of the page before.
    package var after: PageKey?
    /// Newest first rather than oldest first.
    package var isDescending = false
    package var limit: Int

    package init(account: String, region: String, group: String, limit: Int) {
        self.account = account
        self.region = region
        self.group = group
        self.limit = limit
    }
}

/// Log groups and what executions have logged into them. A STANDARD execution's log is its history, so logging writes
/// nothing; an EXPRESS execution's events are added when it has ended. Both go with the retention of executions.
package protocol ExecutionLogStore: Sendable {
    /// False, and nothing changes, if there is a group of that name.
    func createLogGroup(_ record: LogGroupRecord) async throws -> Bool
    /// Replaces a group's record, if there is one.
    func updateLogGroup(_ record: LogGroupRecord) async throws
    /// Removes a group with all that was logged into it. False if there is none.
    func deleteLogGroup(account: String, region: String, name: String) async throws -> Bool
    func logGroup(account: String, region: String, name: String) async throws -> LogGroupRecord?
    /// By name.
    func logGroups(account: String, region: String) async throws -> [LogGroupRecord]

    /// Executions by start and ARN.
    func loggedExecutions(_ query: LoggedExecutionQuery) async throws -> [LoggedExecution]
    func history(ofExecution arn: String, ids: ClosedRange<Int64>, descending: Bool, limit: Int) async throws
        -> [HistoryRecord]

    /// Adds the events of an Express execution, without waiting: they are lost, and `failed` called, when they cannot be
    /// written.
    func addExpressLog(
        _ execution: LoggedExecution, account: String, region: String, events: [HistoryRecord],
        failed: @escaping @Sendable (any Error) -> Void)
}
