import JSONModel
import Logging
import StateStore
package import StatesRuntime
import StatesLanguage
import Support
import WorkflowEngine

/// One run: machines from the seed, executed by the production engine over a journal and services that fail, until
/// every execution is over and nothing is left to do. Then checkers judge what is durable.
package final class Simulation: @unchecked Sendable {
    // Unchecked: everything happens on the thread that calls `run`.
    package struct Report: Sendable {
        package var failure: SimulationFailure?
        package var crashes = 0
        package var writes = 0
        package var events = 0
        /// Milliseconds of the run's own time.
        package var elapsed: Int64 = 0
        /// The same for every run of the scenario.
        package var digest: UInt64 = 0
        /// Definitions and histories, for people.
        package var transcript: [String] = []
    }

    /// Runs a scenario; one of machines without races a second time without faults, to compare.
    package static func run(_ scenario: Scenario, transcribes: Bool = false) -> Report {
        let disturbed = Simulation(scenario)
        var report = disturbed.run(transcribes)
        guard report.failure == nil, scenario.isRaceFree else { return report }
        var quiet = scenario
        (quiet.crashes, quiet.clockJumps, quiet.refusals, quiet.stops, quiet.defect) = (0, 0, false, false, nil)
        let undisturbed = Simulation(quiet)
        report.failure = undisturbed.run(false).failure ?? disturbed.difference(to: undisturbed)
        return report
    }

    /// One process: an engine and its connections.
    private final class Process: @unchecked Sendable {
        // Unchecked: everything happens on the thread of the scheduler.
        let store: SimulatedStore
        let integration: SimulatedIntegration
        var task: Task<Void, Never>?
        weak var engine: WorkflowEngine?
        var hasEnded = false

        init(_ store: SimulatedStore, _ integration: SimulatedIntegration) {
            self.store = store
            self.integration = integration
        }
    }

    /// An execution that clients want, and what they were told.
    private struct Wish {
        var arn: String
        var name: String
        var machine: GeneratedMachine
        var isStarted = false
        var isStopRequested = false
        var isDone = false
    }

    private let scenario: Scenario
    private let scheduler: SimulatedScheduler
    private let journal: SimulatedJournal
    private let services: SimulatedServices
    private var random: SeededRandom
    private var limits = ExecutionLimits()
    private var process: Process?
    private var pastProcesses: [Process] = []
    private var crashesLeft: Int
    private var crashes = 0
    private var wishes: [Wish] = []
    private var expressLeft = 0
    private var failure: SimulationFailure?
    /// The events that each execution took in, by number. What was computed again replaces what was lost.
    private var taken: [String: [Int64: (event: ExecutionEvent, context: StepContext)]] = [:]

    private init(_ scenario: Scenario) {
        self.scenario = scenario
        scheduler = SimulatedScheduler(seed: scenario.seed &+ 10)
        random = SeededRandom(seed: scenario.seed &+ 11)
        var faults = SimulatedJournal.Faults()
        faults.latencyMax = random.next() % 20
        faults.refusedOneIn = scenario.refusals ? 30 : 0
        faults.defect = scenario.defect
        journal = SimulatedJournal(scheduler: scheduler, seed: scenario.seed &+ 12, faults: faults)
        services = SimulatedServices(scheduler: scheduler, seed: scenario.seed, journal: journal)
        crashesLeft = scenario.crashes
        limits.stepTransitionsMax = [1, 3, 1000][draw(below: 3)]
    }

    private func draw(below limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    private func run(_ transcribes: Bool) -> Report {
        for index in 0..<scenario.executions { wish(index) }
        expressLeft = scenario.express ? 1 : 0
        journal.onWrite = { [unowned self] _ in
            // Often early, where most happens.
            if crashesLeft > 0, draw(below: 6) == 0 { crash() }
        }
        boot()
        for index in wishes.indices { begin(index) }
        if scenario.express { beginExpress() }
        for _ in 0..<scenario.clockJumps {
            scheduler.after(Int64(draw(below: 60_000))) { [unowned self] in
                scheduler.wallOffset += Int64(draw(below: 240_000)) - 120_000
            }
        }
        if crashesLeft > 0 { scheduler.after(Int64(draw(below: 40_000))) { [unowned self] in crash() } }
        do throws(SimulationFailure) {
            try scheduler.run(elapsedMax: 40_000_000, jobsMax: 3_000_000) { [unowned self] in isQuiet || isBroken }
            if !isBroken { try stopAtEnd() }
        } catch {
            failure = failure ?? services.failure ?? SimulationFailure(error.rule, error.message + "\n" + pending)
        }
        failure = failure ?? services.failure
        if failure == nil { check() }
        if failure != nil { abandon() }
        return report(transcribes)
    }

    private var isBroken: Bool { failure != nil || services.failure != nil }

    /// Whether nothing is left to do: every client was answered, every execution is over, the outbox is empty.
    private var isQuiet: Bool {
        guard expressLeft == 0, services.openReports == 0, process != nil,
            wishes.allSatisfy({ $0.isStarted && (!scenario.stops || $0.isDone) })
        else { return false }
        return wishes.allSatisfy { journal.durable.execution($0.arn)?.status != .running }
            && journal.durable.commands(after: nil, limit: 1).isEmpty
    }

    /// What is missing, for the message about a run that did not end.
    private var pending: String {
        let states = wishes.map { wish in
            let record = journal.durable.execution(wish.arn)
            return "\(wish.name): \(record.map { "\($0.status.rawValue) after event \($0.lastEventID)" } ?? "not started")"
        }
        let commands = journal.durable.commands(after: nil, limit: 9).map {
            "\($0.commandID) \($0.progress.rawValue)\($0.isCancelled ? ", cancelled" : "")"
        }
        return "executions: \(states)\ncommands: \(commands)\ntimers: \(journal.durable.timers(after: nil, limit: 9))"
    }

    // MARK: Processes

    private func boot() {
        var configuration = WorkflowEngine.Configuration()
        configuration.executor = scheduler
        configuration.makeSecret = { [unowned self] in (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        configuration.observer = { [unowned self] arn, number, event, context in
            taken[arn, default: [:]][number] = (event, context)
        }
        configuration.residentBytesMax = [0, 64 << 10, 128 << 20][draw(below: 3)]
        configuration.timersMax = [2, 5, 50_000][draw(below: 3)]
        configuration.limits = limits
        let store = journal.open(), integration = SimulatedIntegration(services)
        let engine = WorkflowEngine(
            store: store, clock: scheduler, configuration: configuration,
            logger: Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() }))
        let process = Process(store, integration)
        process.engine = engine
        self.process = process
        services.engine = engine
        process.task = Task(executorPreference: scheduler) { [unowned self] in
            do {
                try await engine.run(integration)
            } catch {
                if store.isAlive { failure = failure ?? SimulationFailure("recovery", "the engine gave up: \(error)") }
            }
            process.hasEnded = true
        }
        Task(executorPreference: scheduler) { [services] in await services.workOnActivities(engine) }
        Task(executorPreference: scheduler) {
            let activity = ActivityRecord(
                arn: SimulatedServices.activityArn, account: "123456789012", region: "us-east-1", name: "work",
                createdAt: Timestamp(millisecondsSince1970: 0))
            _ = try? await engine.createActivity(activity, tags: [])  // Workers ask again until it is there.
        }
    }

    /// Ends the process at once, or, one time in four, lets it finish what it is writing; then starts another.
    private func crash() {
        guard let process, crashesLeft > 0 else { return }
        crashesLeft -= 1
        crashes += 1
        let isAbrupt = draw(below: 4) > 0
        end(process, isAbrupt: isAbrupt)
        scheduler.after(Int64(draw(below: 20_000))) { [unowned self] in
            journal.crash(process.store)
            boot()
        }
    }

    private func end(_ process: Process, isAbrupt: Bool) {
        if isAbrupt { journal.crash(process.store) }
        process.integration.isAlive = false
        process.task?.cancel()
        services.engine = nil
        self.process = nil
        pastProcesses.append(process)
    }

    /// Ends the last process; every one must come to its end and leave nothing behind.
    private func stopAtEnd() throws(SimulationFailure) {
        guard let last = process else { return }
        end(last, isAbrupt: false)
        try scheduler.run(elapsedMax: scheduler.elapsed + 4_000_000, jobsMax: 4_000_000) { [unowned self] in
            pastProcesses.allSatisfy { $0.hasEnded && $0.engine == nil }
        }
    }

    /// After a failure: lets tasks end, so that they do not outlive the run.
    private func abandon() {
        crashesLeft = 0
        wishes = []
        if let process { end(process, isAbrupt: true) }
        try? scheduler.run(elapsedMax: scheduler.elapsed + 4_000_000, jobsMax: 5_000_000) { [unowned self] in
            pastProcesses.allSatisfy(\.hasEnded)  // The run has failed already.
        }
    }

    // MARK: Clients

    private func wish(_ index: Int) {
        let machine = MachineGenerator.machine(
            seed: scenario.seed &+ 100 &+ UInt64(index), size: scenario.size, isRaceFree: scenario.isRaceFree)
        let arn = "arn:aws:states:us-east-1:123456789012:execution:m\(index):e\(index)"
        services.machines[arn] = machine
        wishes.append(Wish(arn: arn, name: "e\(index)", machine: machine))
    }

    private func record(_ machine: GeneratedMachine, _ index: Int, type: String) -> StateMachineRecord {
        StateMachineRecord(
            arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m\(index)", account: "123456789012",
            region: "us-east-1", name: "m\(index)", type: type, definition: machine.definition,
            roleArn: "arn:aws:iam::123456789012:role/r", createdAt: Timestamp(millisecondsSince1970: 0))
    }

    /// A client who starts an execution, asking again until it is answered, and may stop it later.
    private func begin(_ index: Int) {
        let wish = wishes[index]
        let delay = draw(below: 3000), stopDelay = draw(below: 30_000)
        let machine = record(wish.machine, index, type: "STANDARD")
        Task(executorPreference: scheduler) { [unowned self] in
            try? await scheduler.sleep(for: .milliseconds(delay))  // Nobody cancels it.
            await insist { engine in
                do {
                    _ = try await engine.startExecution(
                        StartExecutionRequest(
                            executionArn: wish.arn, name: wish.name, stateMachine: machine,
                            input: try Payload(parsing: wish.machine.input)))
                } catch WorkflowEngineError.executionAlreadyExists {}  // An earlier request was carried out.
            }
            guard wishes.indices.contains(index) else { return }
            wishes[index].isStarted = true
            if journal.durable.execution(wish.arn) == nil {
                failure = failure ?? SimulationFailure("durability", "the start of \(wish.name) was answered and is not durable")
            }
            guard scenario.stops else { return }
            try? await scheduler.sleep(for: .milliseconds(stopDelay))  // Nobody cancels it.
            await insist { engine in _ = try await engine.stopExecution(arn: wish.arn, error: "Stopped", cause: nil) }
            guard wishes.indices.contains(index) else { return }
            wishes[index].isDone = true
            if journal.durable.execution(wish.arn)?.status == .running {
                failure = failure ?? SimulationFailure("durability", "the stop of \(wish.name) was answered and it runs")
            }
        }
    }

    /// An Express execution, whose caller hears its end or that the process died.
    private func beginExpress() {
        let machine = MachineGenerator.machine(
            seed: scenario.seed &+ 99, size: scenario.size, isRaceFree: scenario.isRaceFree, isExpress: true)
        let arn = "arn:aws:states:us-east-1:123456789012:express:m9:x:1"
        services.machines[arn] = machine
        let request: StartExecutionRequest
        do {
            request = StartExecutionRequest(
                executionArn: arn, name: "x", stateMachine: record(machine, 9, type: "EXPRESS"),
                input: try Payload(parsing: machine.input))
        } catch {
            return
        }
        Task(executorPreference: scheduler) { [unowned self] in
            let process = process, begin = scheduler.elapsed
            if let engine = process?.engine {
                let task = Task(executorPreference: scheduler) { try await engine.runExpress(request) }
                scheduler.after(0) { [unowned self] in watch(process, task) }
                _ = try? await task.value  // Its process may have died.
            }
            if scheduler.elapsed - begin > 1_600_000 { services.fail("hang", "an Express execution took \(scheduler.elapsed - begin) ms") }
            expressLeft = 0
        }
    }

    /// A caller inside a process ends with it.
    private func watch(_ process: Process?, _ task: Task<ExpressResult, any Error>) {
        if expressLeft == 0 { return }
        if process === self.process { scheduler.after(1000) { [unowned self] in watch(process, task) } } else { task.cancel() }
    }

    private func insist(_ request: (WorkflowEngine) async throws -> Void) async {
        while !isBroken {
            if let engine = services.engine {
                do {
                    return try await request(engine)
                } catch {}  // Asked again below, as a client would.
            }
            try? await scheduler.sleep(for: .milliseconds(300))  // Nobody cancels it.
        }
    }

    // MARK: Judgement

    private func check() {
        do throws(SimulationFailure) {
            for wish in wishes {
                guard let record = journal.durable.execution(wish.arn) else {
                    throw SimulationFailure("durability", "\(wish.name) was started and is gone")
                }
                let history = journal.durable.history(wish.arn, ids: 1...Int64.max, descending: false, limit: .max)
                let checker = HistoryChecker(record: record, history: history, machine: wish.machine)
                try checker.check()
                try checker.check(against: services.effects)
                try checkReplay(record, history)
                if record.status == .succeeded, journal.durable.frameCount(wish.arn) > 0 {
                    throw SimulationFailure("leftover", "\(wish.name) has succeeded and has frames")
                }
            }
            if let timer = journal.durable.timers(after: nil, limit: 1).first {
                throw SimulationFailure("leftover", "everything is over and there is a timer: \(timer)")
            }
            for (commandID, effect) in services.effects.sorted(by: { $0.key.precedes($1.key) })
            where effect.call.resource.pattern == .sync && !effect.isCancelled {
                if effect.endsAt.map({ $0 > scheduler.elapsed }) ?? true {
                    throw SimulationFailure("leftover", "the job \(commandID) goes on although nobody waits for it")
                }
            }
        } catch {
            failure = error
        }
    }

    /// Gives the same events to one machine that is never dropped: the history must be the same.
    private func checkReplay(_ record: ExecutionRecord, _ history: [HistoryRecord]) throws(SimulationFailure) {
        var replayed: [HistoryEvent] = []
        do {
            var machine = ExecutionMachine(
                definition: try StateMachineDefinition(parsing: record.stateMachine.definition),
                execution: try ExecutionIdentity(record), limits: limits)
            for number in 0..<record.stepCount {
                guard let (event, context) = taken[record.arn]?[number] else {
                    throw SimulationFailure("replay", "\(record.name) has no event number \(number)")
                }
                var commands: [ExecutionCommand] = []
                try machine.apply(event, in: context, history: &replayed, commands: &commands)
            }
        } catch {
            throw SimulationFailure("replay", "\(record.name) cannot be replayed: \(error)")
        }
        let durable = history.map(\.event)
        if let index = durable.indices.first(where: { !replayed.indices.contains($0) || replayed[$0] != durable[$0] }) {
            throw SimulationFailure(
                "replay",
                "\(record.name): event \(index + 1) is \(durable[index]), without crashes "
                    + (replayed.indices.contains(index) ? "\(replayed[index])" : "there is none"))
        }
        if replayed.count > durable.count {
            throw SimulationFailure("replay", "\(record.name) has lost events from \(durable.count + 1) on")
        }
    }

    private func difference(to other: Simulation) -> SimulationFailure? {
        for wish in wishes {
            let mine = projection(wish), theirs = other.projection(wish)
            for scope in Set(mine.keys).union(theirs.keys).sorted(by: { $0.precedes($1) }) where mine[scope] != theirs[scope] {
                let a = mine[scope] ?? [], b = theirs[scope] ?? []
                let position = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, b.count)
                return SimulationFailure(
                    "equality",
                    "\(wish.name), scope '\(scope)', event \(position): \(a.indices.contains(position) ? a[position] : "none"), "
                        + "undisturbed \(b.indices.contains(position) ? b[position] : "none")")
            }
        }
        return nil
    }

    private func projection(_ wish: Wish) -> [String: [String]] {
        guard let record = journal.durable.execution(wish.arn) else { return [:] }
        let history = journal.durable.history(wish.arn, ids: 1...Int64.max, descending: false, limit: .max)
        return HistoryChecker(record: record, history: history, machine: wish.machine).eventsByScope
    }

    private func report(_ transcribes: Bool) -> Report {
        var report = Report(failure: failure, crashes: crashes, writes: journal.writes, elapsed: scheduler.elapsed)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for record in journal.durable.allExecutions {
            let history = journal.durable.history(record.arn, ids: 1...Int64.max, descending: false, limit: .max)
            report.events += history.count
            let lines = history.map { JSONValue.object($0.event.json).text }
            for byte in lines.joined().utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            if transcribes {
                report.transcript += ["\(record.name): \(record.status.rawValue)", record.stateMachine.definition] + lines
            }
        }
        report.digest = hash ^ UInt64(truncatingIfNeeded: scheduler.elapsed)
        return report
    }
}
