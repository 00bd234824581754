import JSONModel
import Logging
package import StateStore
import StatesLanguage
package import StatesRuntime
package import Support

/// How an Express execution went.
package struct ExpressResult: Sendable {
    package var outcome: ExecutionOutcome
    package var startedAt: Timestamp
    package var stoppedAt: Timestamp
}

/// What an Express execution logs, until it ends.
private struct ExpressLog {
    /// Later events of a chatty execution are not kept, but for its last.
    private static let eventsMax = 25_000

    let destination: LogDestination
    private(set) var events: [HistoryRecord] = []

    init(_ destination: LogDestination) { self.destination = destination }

    mutating func add(_ history: [HistoryEvent]) {
        for event in history where destination.level.includes(event.type.rawValue) {
            if events.count >= Self.eventsMax { events.removeLast() }
            events.append(event.record)
        }
    }

    mutating func endByTime(_ id: Int64, at time: Timestamp) {
        add([
            HistoryEvent(
                id: id, previousEventID: id - 1, timestamp: time, type: .executionTimedOut,
                details: ["error": "States.Timeout"])
        ])
    }
}

// Express executions: in memory, for five minutes at most, gone with the server.
extension WorkflowEngine {
    /// - Source: Step Functions, "Quotas", state machine executions.
    private static let expressDuration = Duration.seconds(300)

    /// Starts an execution whose end nobody is told.
    /// - Returns: when it started.
    package func startExpress(_ request: StartExecutionRequest) -> Timestamp {
        let time = clock.now()
        enqueue(.express(request, startedAt: time))
        return time
    }

    /// Runs an execution to its end.
    /// - Throws: `ExecutionError`; `CancellationError` when the server stops meanwhile.
    package func runExpress(_ request: StartExecutionRequest, startedAt: Timestamp? = nil) async throws -> ExpressResult {
        let machine = request.stateMachine
        let startedAt = startedAt ?? clock.now()
        let definition = try definitions.definition(machine.definition, type: machine.type)
        let identity = ExecutionIdentity(
            executionArn: request.executionArn, executionName: request.name, stateMachineArn: machine.arn,
            stateMachineName: machine.name, roleArn: machine.roleArn, region: machine.region, account: machine.account,
            type: .express, startTime: startedAt, input: request.input, stateMachineVersionArn: machine.versionArn,
            stateMachineAliasArn: machine.aliasArn)
        let destination = logs == nil ? nil : machine.logDestination
        var limits = limits(of: machine)
        // The service keeps no history of them, and so limits none.
        limits.historyEventsMax = configuration.limits.historyEventsMax
        let (outcome, log) = try await run(definition, identity, limits, destination)
        let stoppedAt = clock.now()
        if let log {
            let execution = LoggedExecution(
                arn: request.executionArn, machineName: machine.name, destination: log.destination, startedAt: startedAt,
                stoppedAt: stoppedAt)
            logs?.addExpressLog(
                execution, account: machine.account, region: machine.region, events: log.events
            ) { [logger] error in
                logger.warning(
                    "What an Express execution logged is lost.",
                    metadata: ["execution": "\(execution.arn)", "error": "\(error)"])
            }
        }
        return ExpressResult(outcome: outcome, startedAt: startedAt, stoppedAt: stoppedAt)
    }

    private func run(
        _ definition: StateMachineDefinition, _ identity: ExecutionIdentity, _ limits: ExecutionLimits,
        _ destination: LogDestination?
    ) async throws -> (ExecutionOutcome, ExpressLog?) {
        // Nil: the time is up.
        let (events, feed) = AsyncStream.makeStream(of: ExecutionEvent?.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            var machine = ExecutionMachine(definition: definition, execution: identity, limits: limits)
            let secret = configuration.makeSecret()
            var stepCount: Int64 = 0
            var log = destination.map { ExpressLog($0) }
            group.addTask {
                try await self.clock.sleep(for: Self.expressDuration)
                feed.yield(nil)
            }
            feed.yield(.started)
            for await event in events {
                guard let event else {
                    log?.endByTime(machine.nextEventID, at: clock.now())
                    return (.timedOut(error: "States.Timeout", cause: nil), log)
                }
                var history: [HistoryEvent] = []
                var commands: [ExecutionCommand] = []
                try machine.apply(
                    event, in: StepContext(now: clock.now(), seed: StepSeed(secret: secret, step: stepCount)),
                    history: &history, commands: &commands)
                stepCount += 1
                log?.add(history)
                for command in commands {
                    switch command {
                    case .endExecution(let outcome): return (outcome, log)
                    case .continueExecution: feed.yield(.continuation)
                    case .startTask(let start):
                        group.addTask {
                            let outcome = await self.performOnce(start, account: identity.account, region: identity.region)
                            feed.yield(Self.event(outcome, start.taskID))
                        }
                    case .startTimer(let timerID, let at):
                        group.addTask {
                            try await self.clock.sleep(for: .milliseconds(max(0, at.milliseconds(since: self.clock.now()))))
                            feed.yield(.timerFired(timerID: timerID))
                        }
                    case .cancelTask, .cancelTimer: continue  // What they report later changes nothing.
                    }
                }
            }
            throw CancellationError()
        }
    }

    private static func event(_ outcome: IntegrationOutcome, _ taskID: String) -> ExecutionEvent {
        switch outcome {
        case .succeeded(let output), .submitted(let output, _): .taskSucceeded(taskID: taskID, output: output)
        case .failed(let error, let cause): .taskFailed(taskID: taskID, error: error, cause: cause)
        }
    }
}
