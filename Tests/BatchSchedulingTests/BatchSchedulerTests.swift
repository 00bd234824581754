import BatchScheduling
import Support
import Testing

private let queueKey = QueueKey(account: "1", region: "r", name: "q")
private let otherKey = QueueKey(account: "1", region: "r", name: "low")
private let environmentKey = QueueKey(account: "1", region: "r", name: "e")

/// Drives a scheduler by hand and keeps what it says.
private struct Harness {
    var scheduler: BatchScheduler
    var commands: [SchedulerCommand] = []
    var states: [String: JobState] = [:]
    var now = Timestamp(millisecondsSince1970: 1000)
    private var sequence: Int64 = 0

    init(cpus: Int = 2, limit: Int? = nil) {
        scheduler = BatchScheduler(machine: ResourceDemand(milliCPUs: cpus * 1000, memoryMiB: 8192))
        scheduler.set(EnvironmentSetting(key: environmentKey, isEnabled: true, milliCPUsMax: limit.map { $0 * 1000 }))
        scheduler.set(QueueSetting(key: queueKey, priority: 10, environments: [environmentKey]))
        scheduler.set(QueueSetting(key: otherKey, priority: 1, environments: [environmentKey]))
    }

    func job(
        _ id: String, _ sequence: Int64, cpus: Int = 1, after: Set<String> = [], attempts: Int = 1,
        queue: QueueKey = queueKey, parent: String? = nil, children: Int? = nil, priority: Int = 0
    ) -> ScheduledJob {
        ScheduledJob(
            id: id, queue: queue, priority: priority, sequence: sequence,
            demand: ResourceDemand(milliCPUs: cpus * 1000, memoryMiB: 100), retry: RetryStrategy(attempts: attempts),
            parent: parent, waitsFor: after, children: children.map { ScheduledJob.ChildCounts(open: $0) },
            state: JobState(status: .submitted, createdAt: now))
    }

    mutating func submit(
        _ id: String, cpus: Int = 1, after: Set<String> = [], attempts: Int = 1, queue: QueueKey = queueKey,
        priority: Int = 0
    ) {
        sequence += 1
        let job = job(id, sequence, cpus: cpus, after: after, attempts: attempts, queue: queue, priority: priority)
        apply(.submitted([job]))
    }

    mutating func apply(_ event: SchedulerEvent) {
        now = now.adding(milliseconds: 1)
        var changes = JobChanges()
        scheduler.apply(event, at: now, changes: &changes, commands: &commands)
        for job in changes.jobs { states[job.id] = job.state }
    }

    mutating func end(_ id: String, _ cause: AttemptOutcome.Cause = .exited(code: 0)) {
        let attempt = states[id]?.attempts.last?.number ?? 1
        apply(.attemptStarted(jobID: id, attempt: attempt, at: now))
        apply(.attemptEnded(jobID: id, attempt: attempt, AttemptOutcome(cause, startedAt: now, stoppedAt: now)))
    }

    func status(_ id: String) -> JobStatus? { states[id]?.status }
}

struct BatchSchedulerTests {
    @Test func runsAJobThroughItsStates() {
        var harness = Harness()
        harness.submit("a")
        #expect(harness.status("a") == .starting)
        #expect(harness.commands == [.start(jobID: "a", attempt: 1)])
        harness.apply(.attemptStarted(jobID: "a", attempt: 1, at: harness.now))
        #expect(harness.status("a") == .running)
        harness.end("a")
        #expect(harness.states["a"]?.ending == .succeeded)
        #expect(harness.states["a"]?.statusReason == "Essential container in task exited")
        #expect(harness.scheduler.jobs.isEmpty)
        #expect(harness.scheduler.use == ResourceDemand(milliCPUs: 0, memoryMiB: 0))
    }

    @Test func keepsToCapacityAndOrder() {
        var harness = Harness(cpus: 2)
        harness.submit("a")
        harness.submit("b", cpus: 2)
        harness.submit("c")
        // c would fit beside a, but b is older.
        #expect(harness.status("b") == .runnable && harness.status("c") == .runnable)
        harness.end("a")
        #expect(harness.status("b") == .starting && harness.status("c") == .runnable)
        harness.end("b")
        #expect(harness.status("c") == .starting)
    }

    @Test func prefersPriorityOverAge() {
        var harness = Harness(cpus: 1)
        harness.submit("running")
        harness.submit("low", queue: otherKey)
        harness.submit("normal")
        harness.submit("urgent", priority: 5)
        harness.end("running")
        #expect(harness.status("urgent") == .starting)
        harness.end("urgent")
        #expect(harness.status("normal") == .starting)
        harness.end("normal")
        #expect(harness.status("low") == .starting)
    }

    @Test func tellsWhatCanNeverRunAndPassesIt() {
        var harness = Harness(cpus: 4, limit: 2)
        harness.submit("huge", cpus: 3)
        harness.submit("small")
        #expect(harness.status("huge") == .runnable && harness.status("small") == .starting)
        #expect(harness.states["huge"]?.statusReason?.hasPrefix("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT") == true)
    }

    @Test func givesTheWholeMachineToAJobLargerThanIt() {
        var harness = Harness(cpus: 2)
        harness.submit("large", cpus: 16)
        #expect(harness.status("large") == .starting)
        harness.submit("small")
        #expect(harness.status("small") == .runnable)
        harness.end("large")
        #expect(harness.status("small") == .starting)
    }

    @Test func startsDependentsAfterTheLastDependency() {
        var harness = Harness()
        harness.submit("a")
        harness.submit("b")
        harness.submit("c", after: ["a", "b"])
        #expect(harness.status("c") == .pending)
        harness.end("a")
        #expect(harness.status("c") == .pending)
        harness.end("b")
        #expect(harness.status("c") == .starting)
    }

    @Test func failsAChainOfDependents() {
        var harness = Harness()
        harness.submit("j0")
        for index in 1..<3000 { harness.submit("j\(index)", after: ["j\(index - 1)"]) }
        harness.end("j0", .exited(code: 1))
        #expect(harness.states["j2999"]?.statusReason == "Dependent Job failed")
        #expect(harness.scheduler.jobs.isEmpty)
    }

    @Test func retriesAndCountsAttempts() {
        var harness = Harness()
        harness.submit("a", attempts: 3)
        harness.end("a", .exited(code: 1))
        #expect(harness.status("a") == .starting)
        harness.end("a", .signalled(9))
        harness.end("a", .exited(code: 0))
        #expect(harness.status("a") == .succeeded)
        #expect(harness.states["a"]?.attempts.map(\.exitCode) == [1, 137, 0])
    }

    @Test func cancelsOnlyWhatHasNoAttempt() {
        var harness = Harness(cpus: 1)
        harness.submit("a")
        harness.submit("b")
        harness.apply(.cancelRequested(jobID: "a", reason: "why"))
        harness.apply(.cancelRequested(jobID: "b", reason: "why"))
        #expect(harness.status("a") == .starting)
        #expect(harness.states["b"]?.statusReason == "why" && harness.states["b"]?.isCancelled == true)
        harness.apply(.terminateRequested(jobID: "a", reason: "enough"))
        harness.apply(.terminateRequested(jobID: "a", reason: "again"))
        #expect(harness.commands.filter { $0 == .stop(jobID: "a", attempt: 1) }.count == 1)
        harness.end("a", .stopped(code: 143))
        #expect(harness.states["a"]?.ending == .stopped && harness.states["a"]?.statusReason == "enough")
    }

    @Test func ignoresNewsOfForeignAttempts() {
        var harness = Harness()
        harness.submit("a", attempts: 2)
        harness.end("a", .exited(code: 1))
        let before = harness.states["a"]
        let outcome = AttemptOutcome(.exited(code: 0), startedAt: nil, stoppedAt: harness.now)
        harness.apply(.attemptEnded(jobID: "a", attempt: 1, outcome))
        harness.apply(.attemptEnded(jobID: "nobody", attempt: 1, outcome))
        #expect(harness.states["a"] == before)
    }

    @Test func endsAnArrayWithItsLastChild() {
        var harness = Harness(cpus: 8)
        let parent = harness.job("p", 1, children: 3)
        let children = (0..<3).map { harness.job("p:\($0)", 2 + Int64($0), parent: "p") }
        harness.apply(.submitted([parent] + children))
        #expect(harness.status("p") == .pending)
        harness.end("p:0")
        harness.end("p:1", .exited(code: 1))
        #expect(harness.status("p") == .pending)
        harness.end("p:2")
        #expect(harness.status("p") == .failed)
        #expect(harness.scheduler.jobs.isEmpty)
    }

    @Test func terminatesAnArrayWhole() {
        var harness = Harness(cpus: 1)
        let parent = harness.job("p", 1, children: 3)
        let children = (0..<3).map { harness.job("p:\($0)", 2 + Int64($0), parent: "p") }
        harness.apply(.submitted([parent] + children))
        harness.apply(.terminateRequested(jobID: "p", reason: "stop it"))
        #expect(harness.status("p:1") == .failed && harness.status("p:2") == .failed)
        harness.end("p:0", .stopped(code: nil))
        #expect(harness.states["p"]?.ending == .stopped && harness.states["p"]?.statusReason == "stop it")
    }

    /// Random events against what must always hold.
    @Test(arguments: 0..<60)
    func keepsItsInvariants(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var harness = Harness(cpus: 3, limit: seed % 2 == 0 ? 2 : nil)
        var ids: [String] = []
        func randomID() -> String? { ids.randomElement(using: &random) }
        for step in 0..<300 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let id = "j\(ids.count)"
                let after = Set((0..<Int.random(in: 0...2, using: &random)).compactMap { _ in randomID() })
                    .filter { harness.scheduler.jobs[$0] != nil }
                harness.submit(
                    id, cpus: Int.random(in: 1...2, using: &random), after: after,
                    attempts: Int.random(in: 1...3, using: &random),
                    queue: Bool.random(using: &random) ? queueKey : otherKey,
                    priority: Int.random(in: 0...2, using: &random))
                ids.append(id)
            case 4..<8:
                let active = harness.scheduler.jobs.values.filter(\.state.status.isActive).map(\.id).sorted()
                guard let id = active.randomElement(using: &random) else { continue }
                let causes: [AttemptOutcome.Cause] = [
                    .exited(code: 0), .exited(code: 0), .exited(code: 1), .lost, .timedOut(code: nil), .outOfMemory,
                ]
                harness.end(id, causes.randomElement(using: &random) ?? .lost)
            case 8: if let id = randomID() { harness.apply(.cancelRequested(jobID: id, reason: "c")) }
            default: if let id = randomID() { harness.apply(.terminateRequested(jobID: id, reason: "t")) }
            }
            check(harness, "seed \(seed), step \(step)")
        }
        // Once nothing fails any more, everything ends.
        for _ in 0..<2000 {
            guard let id = harness.scheduler.jobs.values.filter(\.state.status.isActive).map(\.id).min() else { break }
            harness.end(id)
        }
        #expect(harness.scheduler.jobs.isEmpty, "seed \(seed)")
        #expect(ids.allSatisfy { harness.status($0)?.isTerminal == true }, "seed \(seed)")
        #expect(harness.scheduler.use.milliCPUs == 0, "seed \(seed)")
    }

    private func check(_ harness: Harness, _ place: Comment) {
        let active = harness.scheduler.jobs.values.filter(\.state.status.isActive)
        let used = active.reduce(0) { $0 + $1.demand.milliCPUs }
        #expect(used == harness.scheduler.use.milliCPUs, place)
        #expect(used <= 3000, place)
        for job in harness.scheduler.jobs.values {
            #expect(!job.state.status.isTerminal, place)
            #expect((job.state.status == .pending) == !job.waitsFor.isEmpty, place)
            #expect(job.waitsFor.allSatisfy { harness.scheduler.jobs[$0] != nil }, place)
            #expect(job.state.attempts.count <= job.retry.attempts, place)
        }
    }

    /// A scheduler built from the durable states goes on as the first one would.
    @Test func restoresWhatItKnew() {
        var harness = Harness(cpus: 2)
        harness.submit("a")
        harness.submit("b", after: ["a"])
        harness.submit("c")
        harness.submit("d")
        harness.apply(.terminateRequested(jobID: "c", reason: "t"))
        var restored = BatchScheduler(machine: ResourceDemand(milliCPUs: 2000, memoryMiB: 8192))
        restored.set(EnvironmentSetting(key: environmentKey, isEnabled: true, milliCPUsMax: nil))
        restored.set(QueueSetting(key: queueKey, priority: 10, environments: [environmentKey]))
        for job in harness.scheduler.jobs.values { restored.restore(job) }
        #expect(
            restored.pendingCommands() == [
                .start(jobID: "a", attempt: 1), .start(jobID: "c", attempt: 1), .stop(jobID: "c", attempt: 1),
            ])
        #expect(restored.use == harness.scheduler.use)
        harness.scheduler = restored
        harness.end("a")
        harness.end("c", .stopped(code: nil))
        #expect(harness.status("b") == .starting && harness.status("d") == .starting)
    }
}
