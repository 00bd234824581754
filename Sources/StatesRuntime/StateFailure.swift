import JSONModel

/// A workflow error on its way to Retry and Catch.
struct StateFailure: Sendable, Hashable {
    var error: String?
    var cause: String?
    /// A task that missed its heartbeat fails with `States.Timeout`, and has another name for Retry and Catch.
    var isMissedHeartbeat = false
    /// What is too large is what a task has answered.
    var isTaskResult = false

    static let runtime = "States.Runtime"
    static let queryEvaluation = "States.QueryEvaluationError"
    static let dataLimitExceeded = "States.DataLimitExceeded"
    static let timeout = "States.Timeout"
    static let heartbeatTimeout = "States.HeartbeatTimeout"
    static let exceededThreshold = StateFailure(
        error: "States.ExceedToleratedFailureThreshold", cause: "The specified tolerated failure threshold was exceeded")

    /// As a catcher hands it on.
    var output: JSONObject {
        let cause = cause ?? (error == Self.timeout || error == Self.heartbeatTimeout ? "" : nil)
        return ["Error": error.map { .string($0) } ?? .null, "Cause": cause.map { .string($0) } ?? .null]
    }

    /// Whether a name in `ErrorEquals` stands for this error. `States.Runtime` ends the execution whatever is caught;
    /// `States.DataLimitExceeded` must be named, unless it is a task's result that is too large.
    /// - Source: Step Functions, "Handling errors in workflows", error names; the exception was recorded.
    func isMatched(by name: String) -> Bool {
        let error = error ?? ""
        if error == Self.runtime { return false }
        switch name {
        case "States.ALL": return error != Self.dataLimitExceeded || isTaskResult
        case "States.TaskFailed":
            return error != Self.timeout && error != Self.heartbeatTimeout && error != Self.dataLimitExceeded
        case Self.timeout: return error == Self.timeout || error == Self.heartbeatTimeout
        case Self.heartbeatTimeout: return isMissedHeartbeat || error == name
        default: return error == name
        }
    }
}

/// Evaluation of a field that failed; becomes a `StateFailure` whose cause names the state.
struct EvaluationFailure: Error, Sendable, Hashable {
    var error = StateFailure.runtime
    var text: String
    /// The field of a JSONata expression that failed.
    var location: String?

    init(_ text: String) { self.text = text }

    init(error: String, _ text: String) {
        self.error = error
        self.text = text
    }

    /// The failure of a field in JSONata.
    init(query text: String, at location: String?) {
        error = StateFailure.queryEvaluation
        self.text = text
        self.location = location
    }
}
