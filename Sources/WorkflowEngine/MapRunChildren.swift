import StateStore
import StatesLanguage
import StatesRuntime
import Support

/// A STANDARD child that has taken its first step, of which nothing is durable yet.
final class BegunChild {
    /// As it is after the step.
    let record: ExecutionRecord
    let step: ExecutionStep
    private var loaded: LoadedExecution?

    init(
        _ record: ExecutionRecord, _ input: Payload, _ definition: StateMachineDefinition, _ engine: WorkflowEngine
    ) throws {
        var loaded = LoadedExecution(
            record: record,
            machine: ExecutionMachine(
                definition: definition, execution: ExecutionIdentity(record, input: input),
                limits: engine.limits(of: record.stateMachine)))
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

    func takeLoaded() -> LoadedExecution? { loaded.take() }
}

/// An EXPRESS child: its machine, for the task that takes it on.
final class ExpressChild: @unchecked Sendable {
    // Unchecked: used by the task that makes it, until it hands it over to the one that takes it on.
    private(set) var record: ExecutionRecord
    let execution: ExpressExecution
    /// What the first step asked for.
    private(set) var commands: [ExecutionCommand] = []
    private let clock: any WallClock

    /// Takes the first step, with which many children end.
    init(
        _ record: ExecutionRecord, _ input: Payload, _ definition: StateMachineDefinition, _ engine: WorkflowEngine
    ) {
        self.record = record
        clock = engine.clock
        var identity = ExecutionIdentity(record, input: input)
        identity.mapRunRedriveCount = record.mapRun?.redriveCount ?? 0
        execution = ExpressExecution(
            definition, identity, secret: record.secret,
            limits: engine.expressLimits(of: record.stateMachine), clock: clock,
            log: engine.logs == nil ? nil : record.stateMachine.logDestination)
        do {
            commands = try execution.apply(.started)
        } catch {
            end(.failed(error: "States.Runtime", cause: "The execution could not be continued: \(error)"))
        }
        if case .endExecution(let outcome)? = commands.last { end(outcome) }
    }

    /// The record of one that has ended.
    var ended: ExecutionRecord? { record.status == .running ? nil : record }

    func end(_ outcome: ExecutionOutcome) {
        let end = ExecutionStep.End(outcome, at: clock.now())
        record.status = end.status
        record.stoppedAt = end.stoppedAt
        record.output = end.output
        record.error = end.error
        record.cause = end.cause
        record.isRunnable = false
    }
}
