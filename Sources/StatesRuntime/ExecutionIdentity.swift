package import StatesLanguage
package import Support

/// What an execution is started with; fixed for its life. Its owner stores it beside the snapshot.
package struct ExecutionIdentity: Sendable, Hashable {
    package var executionArn: String
    package var executionName: String
    package var stateMachineArn: String
    package var stateMachineName: String
    package var roleArn: String
    package var region: String
    package var account: String
    package var type: StateMachineType
    package var startTime: Timestamp
    package var input: Payload
    /// Set when the machine was started through a version or an alias.
    package var stateMachineVersionArn: String?
    package var stateMachineAliasArn: String?
    package var redriveCount = 0
    /// Of an EXPRESS one: nobody waits for its end, and its context object has a `RedriveCount`.
    package var isAsynchronous = false
    /// Of the last redrive.
    package var redriveTime: Timestamp?
    /// Of an EXPRESS child: for which redrive of its map run it runs as a whole. Its tasks are others each time.
    package var mapRunRedriveCount = 0

    package init(
        executionArn: String, executionName: String, stateMachineArn: String, stateMachineName: String,
        roleArn: String, region: String, account: String, type: StateMachineType = .standard, startTime: Timestamp,
        input: Payload, stateMachineVersionArn: String? = nil, stateMachineAliasArn: String? = nil
    ) {
        self.executionArn = executionArn
        self.executionName = executionName
        self.stateMachineArn = stateMachineArn
        self.stateMachineName = stateMachineName
        self.roleArn = roleArn
        self.region = region
        self.account = account
        self.type = type
        self.startTime = startTime
        self.input = input
        self.stateMachineVersionArn = stateMachineVersionArn
        self.stateMachineAliasArn = stateMachineAliasArn
    }
}

/// How far one step and one execution may go.
package struct ExecutionLimits: Sendable, Hashable {
    /// A step yields a continuation after this many transitions.
    package var stepTransitionsMax = 1_000
    /// A step yields a continuation after about this many bytes of history.
    package var stepHistoryBytesMax = 1 << 20
    /// An execution with more events fails.
    package var historyEventsMax: Int64 = 1_000_000
    /// An execution whose history holds more than about this fails.
    package var historyBytesMax: Int64 = 1 << 30
    /// Of any input, output or result; a larger one is `States.DataLimitExceeded`.
    package var payloadBytesMax = 64 << 20
    /// Of all variables that an execution has at once; those of one `Assign` then count as one payload. Nil for no limit.
    package var variablesBytesMax: Int?
    /// An execution that takes longer is timed out; nil means as long as its definition allows.
    package var executionSecondsMax: Int64?

    package init() {}

    package static let `default` = ExecutionLimits()

    /// What the service allows an execution.
    /// - Source: Step Functions, "Quotas", state machine executions and state executions.
    package static let aws = {
        var limits = ExecutionLimits()
        limits.historyEventsMax = 25_000
        limits.payloadBytesMax = 262_144
        limits.variablesBytesMax = 10 << 20
        limits.executionSecondsMax = 365 * 86_400
        return limits
    }()
}
