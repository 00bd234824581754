import JSONModel
import Logging
import ObjectStore
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
    struct Wish {
        var arn: String
        var name: String
        var machine: GeneratedMachine
        var isStarted = false
        var isStopRequested = false
        var isDone = false
    }

    let scenario: Scenario
    let scheduler: SimulatedScheduler
    let journal: SimulatedJournal
    let services: SimulatedServices
    private var random: SeededRandom
    var limits = ExecutionLimits()
    private var process: Process?
    private var pastProcesses: [Process] = []
    private var crashesLeft: Int
    private var crashes = 0
    var wishes: [Wish] = []
    /// Where item readers read and result writers write; it outlives processes.
    let bucket: MemoryObjectStore
    private let objects = ObjectStores()
    private var expressLeft = 0
    var failure: SimulationFailure?
    /// The events that executions took in, by the seeds of their steps. What was computed again replaces what was lost.
    var taken: [StepSeed: (event: ExecutionEvent, context: StepContext)] = [:]

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
        bucket = MemoryObjectStore(clock: scheduler, pageSize: 3)
        objects.bind(bucket: "b", to: bucket)
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
        for machine in services.machines.values {
            // Memory refuses nothing.
            for (key, text) in machine.objects { _ = try? bucket.put(key, Array(text.utf8), condition: .none) }
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
            wishes.allSatisfy({ $0.isStarted && $0.isDone })
        else { return false }
        return journal.durable.isEverythingOver
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
        return "executions: \(states)\ncommands: \(commands)\ntimers: \(journal.durable.timers(limit: 9))"
    }

    // MARK: Processes

    private func boot() {
        var configuration = WorkflowEngine.Configuration()
        configuration.executor = scheduler
        configuration.makeSecret = { [unowned self] in (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        configuration.observer = { [unowned self] _, _, event, context in
            // Its secret tells an execution from one that was begun under the same name and never became durable.
            taken[context.seed] = (event, context)
        }
        configuration.residentBytesMax = [0, 64 << 10, 128 << 20][draw(below: 3)]
        configuration.timersMax = [2, 5, 50_000][draw(below: 3)]
        configuration.limits = limits
        let store = journal.open(), integration = SimulatedIntegration(services)
        let engine = WorkflowEngine(
            store: store, objects: objects, clock: scheduler, configuration: configuration,
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
        let seed = scenario.seed &+ 100 &+ UInt64(index)
        var machine = MachineGenerator.machine(
            seed: seed, size: scenario.size, isRaceFree: scenario.isRaceFree, hasCallee: true)
        machine.input = #"{"v": 1, "id": "e\#(index)"}"#
        let callee = MachineGenerator.machine(
            seed: seed &+ 50, size: min(scenario.size, 4), isRaceFree: scenario.isRaceFree)
        let arn = "arn:aws:states:us-east-1:123456789012:execution:m\(index):e\(index)"
        for (name, machine) in [("m\(index)", machine), ("c\(index)", callee)] {
            services.machines[name] = machine
            // Keys are unique in a machine, and both are put before anything begins.
            services.callees[name] = record(callee, "c\(index)", type: "STANDARD")
        }
        wishes.append(Wish(arn: arn, name: "e\(index)", machine: machine))
    }

    private func record(_ machine: GeneratedMachine, _ name: String, type: String) -> StateMachineRecord {
        StateMachineRecord(
            arn: "arn:aws:states:us-east-1:123456789012:stateMachine:\(name)", account: "123456789012",
            region: "us-east-1", name: name, type: type, definition: machine.definition,
            roleArn: "arn:aws:iam::123456789012:role/r", createdAt: Timestamp(millisecondsSince1970: 0))
    }

    /// A client who starts an execution, asking again until it is answered, and may stop it later.
    private func begin(_ index: Int) {
        let wish = wishes[index]
        let delay = draw(below: 3000), stopDelay = draw(below: 30_000)
        let machine = record(wish.machine, "m\(index)", type: "STANDARD")
        Task(executorPreference: scheduler) { [unowned self] in
            try? await scheduler.sleep(for: .milliseconds(delay))  // Nobody cancels it.
            await insist { engine in
                // One that is there stays; a redrive asks for it.
                _ = try await engine.createStateMachine(machine, tags: [])
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
            defer { if wishes.indices.contains(index) { wishes[index].isDone = true } }
            if scenario.stops { await stop(wish, after: stopDelay) }
            for number in 0..<scenario.redrives { await redrive(wish, number) }
        }
    }

    private func stop(_ wish: Wish, after delay: Int) async {
        try? await scheduler.sleep(for: .milliseconds(delay))  // Nobody cancels it.
        await insist { engine in _ = try await engine.stopExecution(arn: wish.arn, error: "Stopped", cause: nil) }
        if !isBroken, journal.durable.execution(wish.arn)?.status == .running {
            failure = failure ?? SimulationFailure("durability", "the stop of \(wish.name) was answered and it runs")
        }
    }

    /// Lets an execution go on that ended without success, asking again until that is answered.
    private func redrive(_ wish: Wish, _ number: Int) async {
        while !isBroken, journal.durable.execution(wish.arn)?.status == .running {
            try? await scheduler.sleep(for: .milliseconds(500))  // Nobody cancels it.
        }
        guard !isBroken, journal.durable.execution(wish.arn)?.status != .succeeded else { return }
        await insist { engine in _ = try await engine.redriveExecution(arn: wish.arn, clientToken: "redrive \(number)") }
        if !isBroken, journal.durable.execution(wish.arn)?.redrives.count != number + 1 {
            failure = failure ?? SimulationFailure("durability", "a redrive of \(wish.name) was answered and is not durable")
        }
    }

    /// An Express execution, whose caller hears its end or that the process died.
    private func beginExpress() {
        let machine = MachineGenerator.machine(
            seed: scenario.seed &+ 99, size: scenario.size, isRaceFree: scenario.isRaceFree, isExpress: true)
        let arn = "arn:aws:states:us-east-1:123456789012:express:m9:x:1"
        services.machines["m9"] = machine
        let request: StartExecutionRequest
        do {
            request = StartExecutionRequest(
                executionArn: arn, name: "x", stateMachine: record(machine, "m9", type: "EXPRESS"),
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
