package import StatesLanguage

/// One workflow execution, advanced by events. Performs no I/O and reads no clock: the same events in the same contexts
/// give the same history and commands, byte for byte.
package struct ExecutionMachine: ~Copyable, Sendable {
    package let definition: StateMachineDefinition
    package let execution: ExecutionIdentity
    package let limits: ExecutionLimits

    /// Nil while the execution runs.
    package private(set) var outcome: ExecutionOutcome?
    /// The id that the next history event will get.
    package private(set) var nextEventID: Int64 = 1

    /// An execution that has not begun; its first event is `started`.
    package init(
        definition: StateMachineDefinition, execution: ExecutionIdentity, limits: ExecutionLimits = .default
    ) {
        self.definition = definition
        self.execution = execution
        self.limits = limits
    }

    /// An execution as a snapshot has it. `frames` are all of its frames in any order, `definition` and `execution`
    /// what it was started with.
    package init(
        definition: StateMachineDefinition, execution: ExecutionIdentity, frames: [SnapshotFrame],
        limits: ExecutionLimits = .default
    ) throws(SnapshotError) {
        self.init(definition: definition, execution: execution, limits: limits)
    }

    /// Applies `event`, appending what must become durable to `history`, then what must be done to `commands`.
    ///
    /// The caller persists history and frame changes in one transaction before performing any command. A step is
    /// bounded by `limits`; one that stops early appends `continueExecution`. Events after the end are ignored.
    /// - Throws: `ExecutionError` for an impossible state; the machine must then be dropped.
    package mutating func apply(
        _ event: ExecutionEvent, in context: StepContext, history: inout [HistoryEvent],
        commands: inout [ExecutionCommand]
    ) throws(ExecutionError) {
        throw ExecutionError("unfinished")
    }

    /// What differs from the snapshot of the last call, or from no snapshot at the first. After the end of the
    /// execution every frame but `""` is removed.
    package mutating func takeFrameChanges() -> [FrameChange] { [] }

    /// All frames, whatever has been taken.
    package func snapshot() -> [SnapshotFrame] { [] }

    /// Whether an outcome of the task would still count.
    package func isWaiting(forTask taskID: String) -> Bool { false }

    /// Starts of tasks, timers and the continuation that the execution waits for: what must be performed again when
    /// nothing is known of the commands given before a crash.
    package var outstandingCommands: [ExecutionCommand] { [] }
}
