import StateStore
import StatesLanguage
import StatesRuntime
import Support

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
