/// Why the engine refuses a call.
package enum WorkflowEngineError: Error, Sendable, Hashable {
    case stateMachineDoesNotExist(arn: String)
    case stateMachineDeleting(arn: String)
    case activityDoesNotExist(arn: String)
    case executionDoesNotExist(arn: String)
    case mapRunDoesNotExist(arn: String)
    /// The name is in use by an execution with another input, or by one that has ended.
    case executionAlreadyExists(arn: String)
    /// The execution cannot go on, as the reason says in the service's words.
    case executionNotRedrivable(reason: String)
    case quotaExceeded(WorkflowQuota)
    /// No task waits for a report with this token.
    case taskDoesNotExist
}
