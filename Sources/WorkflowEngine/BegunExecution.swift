import StateStore
import StatesLanguage
import StatesRuntime

/// An execution that has taken its first step, of which nothing is durable yet.
final class BegunExecution {
    /// As it is after the step.
    let record: ExecutionRecord
    let step: ExecutionStep
    private var loaded: LoadedExecution?
    /// While the execution is held.
    var cell: ExecutionCell?

    /// - Parameter missing: activities of the definition that there are not.
    init(
        _ record: ExecutionRecord, _ input: Payload, _ definition: StateMachineDefinition, missing: Set<String>,
        _ engine: WorkflowEngine
    ) throws {
        var loaded = LoadedExecution(
            record: record,
            machine: ExecutionMachine(
                definition: definition, execution: ExecutionIdentity(record, input: input),
                limits: engine.limits(of: record.stateMachine)))
        loaded.machine.missingActivities = missing
        guard var step = try loaded.step([], clock: engine.clock, observer: engine.configuration.observer)?.step else {
            throw ExecutionError("a new execution has nothing to do")
        }
        loaded.advance(past: step)
        var after = loaded.record
        if let end = step.end {
            after.output = end.output
            after.error = end.error
            after.cause = end.cause
            step.newTimers = []
            // One that has succeeded needs no frames any more; the others may be redriven.
            after.redrives.isPrepared = end.status != .succeeded
            if end.status == .succeeded { step.frames = [] }
        } else {
            self.loaded = consume loaded
        }
        self.record = after
        self.step = step
    }

    var durable: NewExecution { NewExecution(record, step: step) }

    func takeLoaded() -> LoadedExecution? { loaded.take() }
}
