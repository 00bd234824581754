package import JSONModel
package import Support

/// One event of an execution's history, with the member names of `GetExecutionHistory`.
package struct HistoryEvent: Sendable, Hashable {
    /// Counts from 1 without gaps.
    package var id: Int64
    /// The event that led to this one; 0 for the first ones.
    package var previousEventID: Int64
    package var timestamp: Timestamp
    package var type: HistoryEventType
    /// The members of the type's details; nil when the type has none.
    package var details: JSONObject?

    package init(
        id: Int64, previousEventID: Int64, timestamp: Timestamp, type: HistoryEventType, details: JSONObject?
    ) {
        self.id = id
        self.previousEventID = previousEventID
        self.timestamp = timestamp
        self.type = type
        self.details = details
    }

    /// The event as the service sends it; `timestamp` in seconds with milliseconds.
    package var json: JSONObject {
        var object: JSONObject = [
            "timestamp": .number(timestamp.secondsSince1970), "type": .string(type.rawValue), "id": .number(id),
            "previousEventId": .number(previousEventID),
        ]
        if let details, let member = type.detailsMember { object[member] = .object(details) }
        return object
    }
}

/// The service's name of an event type.
package struct HistoryEventType: RawRepresentable, Sendable, Hashable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The member of an event that holds the details of this type; nil when it has none.
    package var detailsMember: String? {
        switch self {
        case .parallelStateStarted, .parallelStateSucceeded, .parallelStateFailed, .mapStateSucceeded,
            .mapStateFailed, .mapRunSucceeded, .mapRunAborted:
            return nil
        default: break
        }
        if rawValue.hasSuffix("StateEntered") { return "stateEnteredEventDetails" }
        if rawValue.hasSuffix("StateExited") { return "stateExitedEventDetails" }
        return rawValue.prefix(1).lowercased() + rawValue.dropFirst() + "EventDetails"
    }
}

extension HistoryEventType {
    package static let executionStarted = HistoryEventType(rawValue: "ExecutionStarted")
    package static let executionSucceeded = HistoryEventType(rawValue: "ExecutionSucceeded")
    package static let executionFailed = HistoryEventType(rawValue: "ExecutionFailed")
    package static let executionTimedOut = HistoryEventType(rawValue: "ExecutionTimedOut")
    package static let executionAborted = HistoryEventType(rawValue: "ExecutionAborted")
    package static let executionRedriven = HistoryEventType(rawValue: "ExecutionRedriven")
    package static let taskScheduled = HistoryEventType(rawValue: "TaskScheduled")
    package static let taskStarted = HistoryEventType(rawValue: "TaskStarted")
    package static let taskSubmitted = HistoryEventType(rawValue: "TaskSubmitted")
    package static let taskSucceeded = HistoryEventType(rawValue: "TaskSucceeded")
    package static let taskFailed = HistoryEventType(rawValue: "TaskFailed")
    package static let taskTimedOut = HistoryEventType(rawValue: "TaskTimedOut")
    package static let activityScheduled = HistoryEventType(rawValue: "ActivityScheduled")
    package static let activityStarted = HistoryEventType(rawValue: "ActivityStarted")
    package static let activitySucceeded = HistoryEventType(rawValue: "ActivitySucceeded")
    package static let activityScheduleFailed = HistoryEventType(rawValue: "ActivityScheduleFailed")
    package static let activityFailed = HistoryEventType(rawValue: "ActivityFailed")
    package static let activityTimedOut = HistoryEventType(rawValue: "ActivityTimedOut")
    package static let lambdaFunctionScheduled = HistoryEventType(rawValue: "LambdaFunctionScheduled")
    package static let lambdaFunctionStarted = HistoryEventType(rawValue: "LambdaFunctionStarted")
    package static let lambdaFunctionSucceeded = HistoryEventType(rawValue: "LambdaFunctionSucceeded")
    package static let lambdaFunctionFailed = HistoryEventType(rawValue: "LambdaFunctionFailed")
    package static let lambdaFunctionTimedOut = HistoryEventType(rawValue: "LambdaFunctionTimedOut")
    package static let parallelStateStarted = HistoryEventType(rawValue: "ParallelStateStarted")
    package static let parallelStateSucceeded = HistoryEventType(rawValue: "ParallelStateSucceeded")
    package static let parallelStateFailed = HistoryEventType(rawValue: "ParallelStateFailed")
    package static let mapStateStarted = HistoryEventType(rawValue: "MapStateStarted")
    package static let mapStateSucceeded = HistoryEventType(rawValue: "MapStateSucceeded")
    package static let mapStateFailed = HistoryEventType(rawValue: "MapStateFailed")
    package static let evaluationFailed = HistoryEventType(rawValue: "EvaluationFailed")
    package static let mapRunStarted = HistoryEventType(rawValue: "MapRunStarted")
    package static let mapRunRedriven = HistoryEventType(rawValue: "MapRunRedriven")
    package static let mapRunSucceeded = HistoryEventType(rawValue: "MapRunSucceeded")
    package static let mapRunFailed = HistoryEventType(rawValue: "MapRunFailed")
    package static let mapRunAborted = HistoryEventType(rawValue: "MapRunAborted")
    package static let mapIterationStarted = HistoryEventType(rawValue: "MapIterationStarted")
    package static let mapIterationSucceeded = HistoryEventType(rawValue: "MapIterationSucceeded")
    package static let mapIterationFailed = HistoryEventType(rawValue: "MapIterationFailed")
    package static let mapIterationAborted = HistoryEventType(rawValue: "MapIterationAborted")

    package static func aborted(_ stateType: String) -> HistoryEventType {
        HistoryEventType(rawValue: stateType + "StateAborted")
    }

    package static func entered(_ stateType: String) -> HistoryEventType {
        HistoryEventType(rawValue: stateType + "StateEntered")
    }

    package static func exited(_ stateType: String) -> HistoryEventType {
        HistoryEventType(rawValue: stateType + "StateExited")
    }
}
