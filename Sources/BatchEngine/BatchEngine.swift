import BatchScheduling
package import JSONModel
package import Logging
package import ProcessRunner
package import StateStore
package import Support

/// Runs jobs: the asynchronous shell around `BatchScheduler`.
///
/// Requests and news of attempts queue up and are handled by one loop, a batch at a time: all of the batch is applied
/// to the scheduler, then what changed is made durable in one transaction, then commands are performed and requests
/// answered. If the transaction fails, the scheduler is thrown away and built again from the durable records; requests
/// of the batch fail, news of attempts are applied again.
///
/// A job in `STARTING` is durable before its process exists, so that a restart finds it; the attempt's directory then
/// tells whether the process was started. Shutting down stops no job: attempts go on and are adopted by the next
/// engine.
package actor BatchEngine: JobControl {
    /// Requests and news that are handled together.
    static let batchMax = 256
    /// Requests that may wait.
    static let waitingMax = 50_000

    let configuration: BatchEngineConfiguration
    let store: any BatchStore
    let clock: any WallClock
    let logger: Logger
    let attemptRunner: AttemptRunner

    var scheduler: BatchScheduler
    /// Records of the jobs in `scheduler`.
    var records: [String: JobRecord] = [:]
    private var nextSequence: Int64 = 1
    private var waiting: [Work] = []
    private var isDraining = false
    private var isStarted = false
    private var completions: [String: [UInt64: CheckedContinuation<JobRecord, any Error>]] = [:]
    private var nextToken: UInt64 = 0
    private var feeds: [UInt64: AsyncStream<JobRecord>.Continuation] = [:]
    private var attempts: [String: RunningAttempt] = [:]

    /// Something for the loop to handle. Every continuation is resumed once: by `EngineStep.answers` when the step is
    /// durable, or by `recover`.
    enum Work {
        case submit(JobSubmission, CheckedContinuation<JobRecord, any Error>)
        case stop(SchedulerEvent, jobID: String, CheckedContinuation<Void, any Error>)
        case change(ResourceChange, CheckedContinuation<Int, any Error>)
        case news(SchedulerEvent)
    }

    private struct RunningAttempt {
        var number: Int
        var task: Task<Void, Never>
        var stop: StopFlag
    }

    package init(
        store: any BatchStore, runner: ProcessRunner, configuration: BatchEngineConfiguration,
        credentials: any JobCredentialIssuer, artifacts: any ArtifactFetcher, clock: any WallClock = SystemWallClock(),
        logger: Logger = Logger(label: "batch")
    ) {
        self.store = store
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
        attemptRunner = AttemptRunner(
            runner: runner, configuration: configuration, credentials: credentials, artifacts: artifacts, clock: clock,
            logger: logger)
        scheduler = BatchScheduler(machine: configuration.machine)
    }

    // MARK: - Life

    /// Loads the durable records and takes up every attempt that was under way: those whose process lives are adopted,
    /// those that have ended are accounted for, those that never started are started. Called once, before anything
    /// else.
    package func start() async throws {
        guard !isStarted else { return }
        try await load()
        try await attemptRunner.runner.makeDirectory(configuration.workDirectory)
        isStarted = true
        let listening = ReportSocket.listen(at: attemptRunner.reportSocketPath) { report in
            Task { await self.report(report) }
        }
        if !listening {
            logger.warning(
                "jobs cannot report their progress", metadata: ["path": "\(attemptRunner.reportSocketPath)"])
        }
        for command in scheduler.pendingCommands() { perform(command) }
        post(.settingsChanged)
    }

    /// Stops waiting for attempts and ends the feeds. Jobs go on.
    package func shutDown() {
        for attempt in attempts.values { attempt.task.cancel() }
        attempts = [:]
        for feed in feeds.values { feed.finish() }
        feeds = [:]
        for waiters in completions.values {
            for waiter in waiters.values { waiter.resume(throwing: CancellationError()) }
        }
        completions = [:]
        isStarted = false
    }

    private func load() async throws {
        var loaded = BatchScheduler(machine: configuration.machine)
        for row in try await store.resources(.computeEnvironment, in: nil) { loaded.set(ComputeEnvironment(row).setting) }
        for row in try await store.resources(.jobQueue, in: nil) { loaded.set(JobQueue(row).setting) }
        let open = try await store.openJobs().map(JobRecord.init)
        let ids = Set(open.map(\.id))
        var byID: [String: JobRecord] = [:]
        for record in open {
            byID[record.id] = record
            let scope = BatchScope(account: record.submission.account, region: record.submission.region)
            ensureBuiltIns(scope, &loaded)
            var job = scheduledJob(record, waitsFor: Set(record.resolvedDependencies).intersection(ids))
            if record.submission.arraySize != nil {
                let counts = try await store.childCounts(of: record.id)
                job.children = childCounts(counts)
            }
            loaded.restore(job)
        }
        nextSequence = try await store.lastSequence() + 1
        scheduler = loaded
        records = byID
    }

    private func childCounts(_ counts: [String: Int]) -> ScheduledJob.ChildCounts {
        let succeeded = counts[JobStatus.succeeded.rawValue] ?? 0
        let failed = counts[JobStatus.failed.rawValue] ?? 0
        var result = ScheduledJob.ChildCounts(open: counts.values.reduce(0, +) - succeeded - failed)
        result.succeeded = succeeded
        result.failed = failed
        return result
    }

    /// Nothing about built-in queues is durable: whoever names one has it.
    private func ensureBuiltIns(_ scope: BatchScope, _ scheduler: inout BatchScheduler) {
        guard scheduler.queue(scope.key(JobQueueNames.glue)) == nil else { return }  // All of them or none.
        scheduler.set(BuiltIn.environment(in: scope).setting)
        for name in JobQueueNames.builtIn {
            if let queue = BuiltIn.queue(name, in: scope) { scheduler.set(queue.setting) }
        }
    }

    private func scheduledJob(_ record: JobRecord, waitsFor: Set<String>) -> ScheduledJob {
        let submission = record.submission
        let scope = BatchScope(account: submission.account, region: submission.region)
        return ScheduledJob(
            id: record.id, queue: scope.key(submission.queue), priority: submission.priority,
            sequence: record.sequence, demand: submission.demand, retry: submission.retry, parent: record.arrayParent,
            waitsFor: waitsFor, environment: record.environmentName.map(scope.key), state: record.state)
    }

    // MARK: - Requests

    package func submit(_ submission: JobSubmission) async throws -> JobRecord {
        try checkOpen()
        return try await withCheckedThrowingContinuation { enqueue(.submit(submission, $0)) }
    }

    package func cancel(_ id: String, reason: String) async throws {
        try checkOpen()
        try await withCheckedThrowingContinuation {
            enqueue(.stop(.cancelRequested(jobID: id, reason: reason), jobID: id, $0))
        }
    }

    package func terminate(_ id: String, reason: String) async throws {
        try checkOpen()
        try await withCheckedThrowingContinuation {
            enqueue(.stop(.terminateRequested(jobID: id, reason: reason), jobID: id, $0))
        }
    }

    /// Makes a change of queues, environments or definitions durable and effective.
    ///
    /// - Returns: the revision of a registered definition, else 0.
    package func change(_ change: ResourceChange) async throws -> Int {
        try checkOpen()
        return try await withCheckedThrowingContinuation { enqueue(.change(change, $0)) }
    }

    package func completion(ofJob id: String) async throws -> JobRecord {
        while records[id] == nil {
            guard let record = try await describe([id]).first else {
                throw JobError(.unknownJob, "There is no job \(id).")
            }
            if record.status.isTerminal { return record }
            // It has ended since it was read, or its submission is being made durable; a look later tells.
            try checkOpen()
            try await Task.sleep(for: .milliseconds(5))
        }
        nextToken += 1
        let token = nextToken
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    completions[id, default: [:]][token] = continuation
                }
            }
        } onCancel: {
            Task { await self.abandonCompletion(id, token) }
        }
    }

    private func abandonCompletion(_ id: String, _ token: UInt64) {
        completions[id]?.removeValue(forKey: token)?.resume(throwing: CancellationError())
    }

    /// Every later change of a job's record, and reports of progress. A reader that falls behind loses the oldest.
    package func changes() -> AsyncStream<JobRecord> {
        nextToken += 1
        let token = nextToken
        let (stream, continuation) = AsyncStream.makeStream(of: JobRecord.self, bufferingPolicy: .bufferingNewest(1024))
        feeds[token] = continuation
        continuation.onTermination = { _ in Task { await self.endFeed(token) } }
        return stream
    }

    private func endFeed(_ token: UInt64) { feeds[token] = nil }

    private func checkOpen() throws {
        guard isStarted else { throw JobError(.notRunning, "The batch engine is not running.") }
        guard waiting.count < Self.waitingMax else {
            throw JobError(.tooManyRequests, "Too many requests to the batch engine are waiting.")
        }
    }

    /// After the end of this engine's life nothing is news to it: the next engine finds out by itself.
    func post(_ event: SchedulerEvent) {
        if isStarted { enqueue(.news(event)) }
    }

    /// Takes in what a job says about itself; what does not name a running attempt is dropped.
    package func report(_ report: JSONValue) {
        guard let id = report["jobId"]?.string, var record = records[id], let attempt = record.state.currentAttempt,
            report["attempt"]?.int64 == Int64(attempt) || report["attempt"]?.string == String(attempt)
        else { return }
        var progress = record.progress ?? JobProgress(attempt: attempt, at: clock.now())
        if progress.attempt != attempt { progress = JobProgress(attempt: attempt, at: clock.now()) }
        progress.at = clock.now()
        progress.read(report)
        record.progress = progress
        records[id] = record
        for feed in feeds.values { feed.yield(record) }
    }

    // MARK: - The loop

    private func enqueue(_ work: Work) {
        waiting.append(work)
        guard !isDraining else { return }
        isDraining = true
        Task { await drain() }
    }

    private func drain() async {
        while !waiting.isEmpty {
            let batch = Array(waiting.prefix(Self.batchMax))
            waiting.removeFirst(batch.count)
            await handle(batch)
        }
        isDraining = false
    }

    private func handle(_ batch: [Work]) async {
        var step = EngineStep(now: clock.now())
        do {
            for work in batch { try await apply(work, &step) }
            let commit = step.commit(records: &records)
            if !commit.isEmpty { try await store.apply(commit) }
        } catch {
            await recover(from: error, batch)
            return
        }
        for record in step.changed(records) {
            for feed in feeds.values { feed.yield(record) }
            if record.status.isTerminal {
                records[record.id] = nil
                for waiter in (completions.removeValue(forKey: record.id) ?? [:]).values {
                    waiter.resume(returning: record)
                }
            }
        }
        for answer in step.answers { answer() }
        for command in step.commands { perform(command) }
    }

    private func recover(from error: any Error, _ batch: [Work]) async {
        logger.error("a batch of job changes was not made durable", metadata: ["error": "\(error)"])
        var news: [Work] = []
        for work in batch {
            switch work {
            case .submit(_, let continuation): continuation.resume(throwing: error)
            case .stop(_, _, let continuation): continuation.resume(throwing: error)
            case .change(_, let continuation): continuation.resume(throwing: error)
            case .news: news.append(work)
            }
        }
        waiting.insert(contentsOf: news, at: 0)
        // News are tried again until they are durable: not all the time, should the disk be full.
        if !news.isEmpty { try? await Task.sleep(for: .seconds(1)) }  // cancellation only shortens the pause
        while isStarted {
            do {
                try await load()
                return
            } catch {
                logger.error("the durable records of jobs cannot be loaded", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))  // cancellation only shortens the pause
            }
        }
    }

    private func apply(_ work: Work, _ step: inout EngineStep) async throws {
        switch work {
        case .news(let event):
            step.apply(event, to: &scheduler)
        case .stop(let event, let id, let continuation):
            if records[id] == nil, step.created[id] == nil, try await store.jobs([id]).isEmpty {
                step.answers.append { continuation.resume(throwing: JobError(.unknownJob, "There is no job \(id).")) }
                return
            }
            step.apply(event, to: &scheduler)
            step.answers.append { continuation.resume() }
        case .change(let change, let continuation):
            let revision = try await apply(change, &step)
            step.answers.append { continuation.resume(returning: revision) }
        case .submit(let submission, let continuation):
            switch try await submit(submission, &step) {
            case .success(let record): step.answers.append { continuation.resume(returning: record) }
            case .failure(let refusal): step.answers.append { continuation.resume(throwing: refusal) }
            }
        }
    }

    private func submit(_ submission: JobSubmission, _ step: inout EngineStep) async throws -> Result<JobRecord, JobError> {
        if let command = submission.commandID {
            var owner = step.newOwner(of: command)
            if owner == nil { owner = try await store.jobIDs(forCommands: [command])[command] }
            if let owner {
                if let record = step.created[owner] ?? records[owner] { return .success(record) }
                if let row = try await store.jobs([owner]).first { return .success(try JobRecord(row)) }
            }
        }
        let scope = BatchScope(account: submission.account, region: submission.region)
        ensureBuiltIns(scope, &scheduler)
        if let refusal = try await refusal(of: submission, scope) { return .failure(refusal) }
        let id = randomUUIDText()
        let expansion = JobExpansion(submission, id: id, sequence: nextSequence, now: step.now)
        nextSequence += Int64(expansion.records.count)
        var jobs: [ScheduledJob] = []
        var statuses: [String: JobStatus] = [:]
        for record in expansion.records {
            var waitsFor: Set<String> = []
            var fails = false
            for dependency in record.resolvedDependencies {
                if expansion.contains(dependency) || scheduler.jobs[dependency] != nil {
                    waitsFor.insert(dependency)
                } else {
                    if statuses[dependency] == nil {
                        guard let row = try await store.jobs([dependency]).first else {
                            return .failure(JobError(.unknownDependency, "There is no job \(dependency)."))
                        }
                        statuses[dependency] = JobStatus(rawValue: row.status)
                    }
                    fails = fails || statuses[dependency] == .failed
                }
            }
            var job = scheduledJob(record, waitsFor: waitsFor)
            job.dependsOnFailure = fails
            if let size = record.submission.arraySize { job.children = ScheduledJob.ChildCounts(open: size) }
            jobs.append(job)
        }
        for record in expansion.records { step.created[record.id] = record }
        if let command = submission.commandID { step.commands(command, make: id) }
        step.apply(.submitted(jobs), to: &scheduler)
        return .success(step.created[id] ?? expansion.records[0])
    }

    private func refusal(of submission: JobSubmission, _ scope: BatchScope) async throws -> JobError? {
        if BuiltIn.queue(submission.queue, in: scope) == nil {
            let queue = try await queues(in: scope).first { $0.name == submission.queue }
            guard let queue else { return JobError(.unknownQueue, "Job Queue \(submission.queue) not found.") }
            guard queue.isEnabled else { return JobError(.queueDisabled, "Job Queue \(queue.name) is disabled.") }
        }
        if let size = submission.arraySize, !(2...10_000).contains(size) {
            return JobError(.invalid, "The array size \(size) is not between 2 and 10000.")
        }
        for dependency in submission.dependencies where dependency.kind != .whole && submission.arraySize == nil {
            return JobError(.invalid, "A \(dependency.kind.rawValue) dependency needs an array job.")
        }
        for dependency in submission.dependencies where dependency.kind == .nToN {
            let other = records[dependency.jobID]
            let size: Int?
            if let other {
                size = other.submission.arraySize
            } else {
                size = try await store.jobs([dependency.jobID]).first.map(JobRecord.init)?.submission.arraySize
            }
            guard size == submission.arraySize else {
                return JobError(.invalid, "Job \(dependency.jobID) is not an array job of the same size.")
            }
        }
        return nil
    }

    // MARK: - Commands

    private func perform(_ command: SchedulerCommand) {
        switch command {
        case .start(let id, let number):
            guard isStarted, let record = records[id], attempts[id]?.number != number else { return }
            let stop = StopFlag()
            let task = Task { [attemptRunner] in
                let outcome = await attemptRunner.run(record, attempt: number, stop: stop) { startedAt in
                    await self.post(.attemptStarted(jobID: id, attempt: number, at: startedAt))
                }
                self.attemptEnded(id, number, outcome)
            }
            attempts[id] = RunningAttempt(number: number, task: task, stop: stop)
        case .stop(let id, let number):
            guard let attempt = attempts[id], attempt.number == number else { return }
            attempt.stop.set()
            let directory = attemptRunner.directory(ofJob: id, attempt: number)
            Task { [attemptRunner] in await attemptRunner.requestStop(in: directory) }
        }
    }

    /// - Parameter outcome: nil when the engine has been shut down meanwhile.
    private func attemptEnded(_ id: String, _ number: Int, _ outcome: AttemptOutcome?) {
        guard let outcome else { return }
        if attempts[id]?.number == number { attempts[id] = nil }
        post(.attemptEnded(jobID: id, attempt: number, outcome))
    }
}
