package import JSONModel
package import StatesLanguage
package import Support

/// What must be done outside after the step's history is durable. After a crash a command may be performed again; the
/// identifiers in it make that harmless.
package enum ExecutionCommand: Sendable, Hashable {
    case startTask(TaskStart)
    /// The task's outcome no longer matters. A `.sync` job is to be stopped.
    case cancelTask(taskID: String)
    /// Asks for `timerFired` at that time. The identifier is unique in the execution and never used again.
    case startTimer(timerID: String, at: Timestamp)
    case cancelTimer(timerID: String)
    /// Asks for `mapRunSucceeded` or `mapRunFailed`.
    case startMapRun(MapRunStart)
    /// Lets a map run that has ended without success go on; asks for the same.
    case redriveMapRun(MapRunAttempt)
    /// The map run's outcome no longer matters. Its children are to be stopped.
    case cancelMapRun(MapRunAttempt)
    /// Asks for `continuation` as soon as others have had their turn.
    case continueExecution
    /// The last command: nothing follows, and what it did not cancel has ended.
    case endExecution(ExecutionOutcome)
}

/// One attempt of a Task state.
package struct TaskStart: Sendable, Hashable {
    /// Unique among all executions and the same whenever the command is repeated: the execution's ARN and the id of
    /// the event that scheduled the attempt; in an Express execution what it asks for, too.
    package var taskID: String
    package var resource: TaskResource
    package var parameters: JSONValue
    /// The `Credentials` field as evaluated.
    package var credentials: JSONValue?
    package var stateName: String
    /// The id of the state's Entered event: retries keep it, entering the state again makes a new one.
    package var taskVisit: Int64
    /// The indices of the Map iterations around the state, outermost first.
    package var mapPath: [Int]
    /// Counts the attempts of this visit from 0.
    package var attempt: Int
    /// Handed to the callee for `.waitForTaskToken`, and to workers of activities; not guessable.
    package var taskToken: String?
    /// For information: the machine keeps both clocks with timers of its own.
    package var timeoutSeconds: Int64?
    package var heartbeatSeconds: Int64?
}

/// How an execution ended.
package enum ExecutionOutcome: Sendable, Hashable {
    case succeeded(output: Payload)
    case failed(error: String?, cause: String?)
    case timedOut(error: String?, cause: String?)
    case aborted(error: String?, cause: String?)
}

/// The machine found itself in a state that no sequence of events leads to. The caller drops it, reloads the last
/// durable snapshot, and fails the execution with `States.Runtime` when that does not help.
package struct ExecutionError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}
