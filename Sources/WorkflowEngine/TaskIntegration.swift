package import JSONModel
package import StatesLanguage

/// One task to be performed outside the engine.
package struct IntegrationCall: Sendable {
    /// The same for every repetition of this call, also after a crash; unlike that of any other call.
    package var commandID: String
    package var resource: TaskResource
    /// The state's Parameters or Arguments, evaluated.
    package var parameters: JSONValue
    package var executionARN: String
    /// The history id of the TaskStateEntered event: kept by retries, new when the state is entered again.
    package var taskVisit: Int64
    /// The index of the iteration in each enclosing Map, outermost first.
    package var mapPath: [Int]
    /// 0 for the first attempt of the visit, then one more for each Retry.
    package var attempt: Int
    package var account: String
    package var region: String
    /// For `.waitForTaskToken`, whose parameters contain it already.
    package var taskToken: String?

    package init(
        commandID: String, resource: TaskResource, parameters: JSONValue, executionARN: String, taskVisit: Int64,
        mapPath: [Int], attempt: Int, account: String, region: String, taskToken: String? = nil
    ) {
        self.commandID = commandID
        self.resource = resource
        self.parameters = parameters
        self.executionARN = executionARN
        self.taskVisit = taskVisit
        self.mapPath = mapPath
        self.attempt = attempt
        self.account = account
        self.region = region
        self.taskToken = taskToken
    }
}

/// What became of a call.
package enum IntegrationOutcome: Sendable {
    /// The task's result.
    case succeeded(JSONValue)
    /// An error name as Retry and Catch match it, and the cause's text.
    case failed(error: String, cause: String?)
    /// The work goes on elsewhere. `output` is what the request was answered with (the TaskSubmitted event shows it);
    /// `handle` is kept durably and is enough to await the work's end or to cancel it.
    case submitted(output: JSONValue, handle: JSONValue)
}

/// Performs the tasks of some resources.
package protocol TaskIntegration: Sendable {
    /// Whether `start` may be repeated with the same command id: the call only reads, or its effect is recorded under
    /// that id. Where it may not, the engine commits that it is about to call, and after a crash with an unknown
    /// outcome fails the task with `States.TaskFailed`, so that the definition's Retry decides. True by default.
    func isRepeatable(_ call: IntegrationCall) -> Bool

    /// Performs the request. After a crash it is repeated with the same command id if the call is repeatable.
    func start(_ call: IntegrationCall) async -> IntegrationOutcome

    /// Waits for the end of submitted work: `.succeeded` or `.failed`. Also called after a restart. Returns early when
    /// its task is cancelled; the outcome is then disregarded.
    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome

    /// Stops submitted work, as StopExecution, a time-out or a failing sibling demands. May be repeated.
    func cancel(_ handle: JSONValue, for call: IntegrationCall) async

    /// The outcome of `start` is durable, so `start` is not repeated: what was kept for that may go. Does nothing by
    /// default, and must not take long.
    func release(_ call: IntegrationCall)
}

extension TaskIntegration {
    package func isRepeatable(_ call: IntegrationCall) -> Bool { true }

    package func release(_ call: IntegrationCall) {}
}

/// Finds the integration of a resource; nil for one that is not supported.
package protocol IntegrationRegistry: Sendable {
    func integration(for resource: TaskResource) -> (any TaskIntegration)?
}
