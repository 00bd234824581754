package import JSONModel

/// What happened outside, as the machine is told. An event about a task or timer that the execution no longer waits
/// for changes nothing, so events may be repeated.
package enum ExecutionEvent: Sendable, Hashable {
    /// The first event of an execution.
    case started
    /// Answers `ExecutionCommand.continueExecution`.
    case continuation
    /// A `.sync` or `.waitForTaskToken` call was accepted; the task goes on.
    case taskSubmitted(taskID: String, output: Payload)
    case taskSucceeded(taskID: String, output: Payload)
    case taskFailed(taskID: String, error: String?, cause: String?)
    /// Restarts the task's heartbeat clock.
    case taskHeartbeat(taskID: String)
    /// A worker took the activity's task.
    case activityStarted(taskID: String, workerName: String?)
    /// The time of a timer came; late is as good.
    case timerFired(timerID: String)
    /// `output` is nil when it is larger than a state's result may be.
    case mapRunSucceeded(MapRunAttempt, output: Payload?)
    case mapRunFailed(MapRunAttempt, error: String, cause: String?)
    case stopRequested(error: String?, cause: String?)
    /// An execution that ended without success is to go on, for the `count`th time. `lastEventID` ends its history.
    case redriven(count: Int, lastEventID: Int64)

    package static func taskSubmitted(taskID: String, output: JSONValue) -> ExecutionEvent {
        .taskSubmitted(taskID: taskID, output: Payload(output))
    }

    package static func taskSucceeded(taskID: String, output: JSONValue) -> ExecutionEvent {
        .taskSucceeded(taskID: taskID, output: Payload(output))
    }
}
