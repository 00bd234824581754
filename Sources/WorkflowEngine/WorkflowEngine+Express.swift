import JSONModel
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
        let outcome = try await run(definition, identity)
        return ExpressResult(outcome: outcome, startedAt: startedAt, stoppedAt: clock.now())
    }

    private func run(
        _ definition: StateMachineDefinition, _ identity: ExecutionIdentity
    ) async throws -> ExecutionOutcome {
        // Nil: the time is up.
        let (events, feed) = AsyncStream.makeStream(of: ExecutionEvent?.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            var machine = ExecutionMachine(definition: definition, execution: identity, limits: configuration.limits)
            let secret = configuration.makeSecret()
            var stepCount: Int64 = 0
            group.addTask {
                try await self.clock.sleep(for: Self.expressDuration)
                feed.yield(nil)
            }
            feed.yield(.started)
            for await event in events {
                guard let event else { return .timedOut(error: "States.Timeout", cause: nil) }
                var history: [HistoryEvent] = []
                var commands: [ExecutionCommand] = []
                try machine.apply(
                    event, in: StepContext(now: clock.now(), seed: StepSeed(secret: secret, step: stepCount)),
                    history: &history, commands: &commands)
                stepCount += 1
                for command in commands {
                    switch command {
                    case .endExecution(let outcome): return outcome
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
