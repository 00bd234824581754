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
struct ExpressLog {
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
        let isAsynchronous = startedAt != nil
        let startedAt = startedAt ?? clock.now()
        let definition = try definitions.definition(machine.definition, type: machine.type)
        var identity = ExecutionIdentity(
            executionArn: request.executionArn, executionName: request.name, stateMachineArn: machine.arn,
            stateMachineName: machine.name, roleArn: machine.roleArn, region: machine.region, account: machine.account,
            type: .express, startTime: startedAt, input: request.input, stateMachineVersionArn: machine.versionArn,
            stateMachineAliasArn: machine.aliasArn)
        identity.isAsynchronous = isAsynchronous
        let destination = logs == nil ? nil : machine.logDestination
        let execution = ExpressExecution(
            definition, identity, secret: configuration.makeSecret(), limits: expressLimits(of: machine), clock: clock,
            log: destination)
        let outcome = try await onOwnThreads { try await self.finish(execution, after: try execution.apply(.started)) }
        let stoppedAt = clock.now()
        deliverLog(of: execution, machine, startedAt: startedAt, stoppedAt: stoppedAt)
        return ExpressResult(outcome: outcome, startedAt: startedAt, stoppedAt: stoppedAt)
    }

    /// The service keeps no history of Express executions, and so limits none.
    func expressLimits(of machine: StateMachineRecord) -> ExecutionLimits {
        var limits = limits(of: machine)
        limits.historyEventsMax = configuration.limits.historyEventsMax
        return limits
    }

    /// Keeps what an execution that has ended has logged.
    func deliverLog(
        of execution: ExpressExecution, _ machine: StateMachineRecord, startedAt: Timestamp, stoppedAt: Timestamp
    ) {
        guard let log = execution.log else { return }
        let logged = LoggedExecution(
            arn: execution.identity.executionArn, machineName: machine.name, destination: log.destination,
            startedAt: startedAt, stoppedAt: stoppedAt)
        logs?.addExpressLog(logged, account: machine.account, region: machine.region, events: log.events) {
            [logger] error in
            logger.warning(
                "What an Express execution logged is lost.",
                metadata: ["execution": "\(logged.arn)", "error": "\(error)"])
        }
    }

    /// Takes an execution to its end.
    /// - Parameter first: what its first step asked for.
    func finish(_ execution: ExpressExecution, after first: [ExecutionCommand]) async throws -> ExecutionOutcome {
        // Nil: the time is up.
        let (events, feed) = AsyncStream.makeStream(of: ExecutionEvent?.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await self.clock.sleep(for: Self.expressDuration)
                feed.yield(nil)
            }
            var commands = first
            var arrivals = events.makeAsyncIterator()
            while true {
                for command in commands {
                    switch command {
                    case .endExecution(let outcome): return outcome
                    case .continueExecution: feed.yield(.continuation)
                    case .startTask(let start):
                        let identity = execution.identity
                        group.addTask {
                            let outcome = await self.performOnce(start, account: identity.account, region: identity.region)
                            feed.yield(Self.event(outcome, start.taskID))
                        }
                    case .startTimer(let timerID, let at):
                        group.addTask {
                            try await self.clock.sleep(for: .milliseconds(max(0, at.milliseconds(since: self.clock.now()))))
                            feed.yield(.timerFired(timerID: timerID))
                        }
                    case .startMapRun(let start):
                        let cause = "Express state machine does not support Maps in DISTRIBUTED mode"
                        let run = MapRunAttempt(mapRunArn: start.mapRunArn)
                        feed.yield(.mapRunFailed(run, error: "States.Runtime", cause: cause))
                    case .redriveMapRun: continue  // Nobody redrives an Express execution.
                    case .cancelTask, .cancelTimer, .cancelMapRun: continue  // What they report later changes nothing.
                    }
                }
                guard let arrival = await arrivals.next() else { throw CancellationError() }
                guard let event = arrival else {
                    execution.endByTime()
                    return .timedOut(error: "States.Timeout", cause: nil)
                }
                commands = try execution.apply(event)
            }
        }
    }

    private static func event(_ outcome: IntegrationOutcome, _ taskID: String) -> ExecutionEvent {
        switch outcome {
        case .succeeded(let output), .submitted(let output, _): .taskSucceeded(taskID: taskID, output: output)
        case .failed(let error, let cause): .taskFailed(taskID: taskID, error: error, cause: cause)
        }
    }
}

/// The machine of an execution that is in memory only. Used by one task at a time.
final class ExpressExecution: @unchecked Sendable {
    // Unchecked: see above.
    let identity: ExecutionIdentity
    private var machine: ExecutionMachine
    private let secret: [UInt8]
    private var stepCount: Int64 = 0
    private let clock: any WallClock
    private(set) var log: ExpressLog?

    /// - Parameter log: where the execution logs; nil if it does not.
    init(
        _ definition: StateMachineDefinition, _ identity: ExecutionIdentity, secret: [UInt8], limits: ExecutionLimits,
        clock: any WallClock, log destination: LogDestination?
    ) {
        log = destination.map { ExpressLog($0) }
        self.identity = identity
        self.secret = secret
        self.clock = clock
        machine = ExecutionMachine(definition: definition, execution: identity, limits: limits)
    }

    /// Notes that its time is up.
    func endByTime() { log?.endByTime(machine.nextEventID, at: clock.now()) }

    /// Applies an event; of its history is kept what is logged.
    func apply(_ event: ExecutionEvent) throws(ExecutionError) -> [ExecutionCommand] {
        var history: [HistoryEvent] = []
        var commands: [ExecutionCommand] = []
        let context = StepContext(now: clock.now(), seed: StepSeed(secret: secret, step: stepCount))
        stepCount += 1
        try machine.apply(event, in: context, history: &history, commands: &commands)
        log?.add(history)
        return commands
    }
}
