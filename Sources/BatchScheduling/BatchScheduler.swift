package import Support

/// Decides which jobs run: dependencies, capacity, priorities, retries, cancellation. Performs no I/O and reads no clock.
///
/// Holds every job that has not ended. The caller makes `changes` durable before it performs `commands`; after a crash
/// it builds a new scheduler from the durable records with `restore`, and performs again what `commands(for:)` says.
///
/// One pass over the queues places jobs as follows:
/// 1. Queues in descending priority, then by name; in a queue, jobs by descending priority, then by age.
/// 2. A job goes to the first environment of its queue that has room for it.
/// 3. A job that must wait for room keeps all environments it could run in from the jobs behind it, in this queue and
///    in those of lower priority: no job starves.
/// 4. A job that asks for more than any environment of its queue may ever give keeps nobody waiting. It stays runnable
///    and says why.
/// A job larger than the machine, though not than its environment, takes the whole machine.
package struct BatchScheduler: Sendable {
    private(set) package var jobs: [String: ScheduledJob] = [:]
    private var queues: [QueueKey: QueueSetting] = [:]
    private var environments: [QueueKey: EnvironmentSetting] = [:]
    /// Jobs that wait for the job, which is in `jobs`.
    private var dependents: [String: Set<String>] = [:]
    private var machineUse = ResourceDemand(milliCPUs: 0, memoryMiB: 0)
    private var environmentUse: [QueueKey: ResourceDemand] = [:]
    /// Runnable jobs by queue, in the order in which they are to run.
    private var waiting: [QueueKey: [WaitingJob]] = [:]
    private let machine: ResourceDemand

    package init(machine: ResourceDemand) { self.machine = machine }

    private struct WaitingJob: Comparable {
        var priority: Int
        var sequence: Int64
        var id: String

        init(_ job: ScheduledJob) { (priority, sequence, id) = (job.priority, job.sequence, job.id) }

        static func < (a: WaitingJob, b: WaitingJob) -> Bool {
            (b.priority, a.sequence, a.id) < (a.priority, b.sequence, b.id)
        }
    }

    // MARK: - Settings

    /// Adds or replaces a queue. Its environments need not exist.
    package mutating func set(_ queue: QueueSetting) { queues[queue.key] = queue }
    package mutating func removeQueue(_ key: QueueKey) { queues[key] = nil }
    package mutating func set(_ environment: EnvironmentSetting) { environments[environment.key] = environment }
    package mutating func removeEnvironment(_ key: QueueKey) { environments[key] = nil }

    package func queue(_ key: QueueKey) -> QueueSetting? { queues[key] }

    // MARK: - Events

    /// Takes a job back that was durable before a restart. All jobs are restored before the first event.
    package mutating func restore(_ job: ScheduledJob) {
        jobs[job.id] = job
        for id in job.waitsFor { dependents[id, default: []].insert(job.id) }
        index(job)
        if job.state.status.isActive { occupy(job) }
    }

    /// What has to be done for the jobs as they stand, in order of age: attempts to start or to stop. For use after
    /// `restore`; repeating a command is harmless.
    package func pendingCommands() -> [SchedulerCommand] {
        jobs.values.filter(\.state.status.isActive).sorted { $0.sequence < $1.sequence }.flatMap { job in
            let attempt = job.state.currentAttempt ?? 1
            let start = SchedulerCommand.start(jobID: job.id, attempt: attempt)
            return job.state.isTerminated ? [start, .stop(jobID: job.id, attempt: attempt)] : [start]
        }
    }

    /// Applies one event, and then starts what there is room for.
    ///
    /// An event for a job or attempt that is not there any more has no effect.
    package mutating func apply(
        _ event: SchedulerEvent, at now: Timestamp, changes: inout JobChanges, commands: inout [SchedulerCommand]
    ) {
        switch event {
        case .submitted(let submitted): submit(submitted, now, &changes)
        case .attemptStarted(let id, let attempt, let startedAt):
            guard var job = jobs[id], job.state.currentAttempt == attempt, job.state.status == .starting else { return }
            job.state.status = .running
            job.state.startedAt = startedAt
            job.state.attempts[job.state.attempts.count - 1].startedAt = startedAt
            put(job, &changes)
        case .attemptEnded(let id, let attempt, let outcome):
            guard let job = jobs[id], job.state.currentAttempt == attempt else { return }
            endAttempt(job, outcome, now, &changes)
        case .cancelRequested(let id, let reason):
            stop(id, reason, terminating: false, now, &changes, &commands)
        case .terminateRequested(let id, let reason):
            stop(id, reason, terminating: true, now, &changes, &commands)
        case .settingsChanged: break
        }
        place(now, &changes, &commands)
    }

    // MARK: - Submission

    private mutating func submit(_ submitted: [ScheduledJob], _ now: Timestamp, _ changes: inout JobChanges) {
        for job in submitted {
            jobs[job.id] = job
            changes.insert(job)
        }
        for var job in submitted where !job.state.status.isTerminal {
            if job.dependsOnFailure {
                end(job, .failed, .failed, "Dependent Job failed", now, &changes)
                continue
            }
            // A dependency may have ended between its resolution and this event; the caller resolves in the same step.
            job.waitsFor = job.waitsFor.filter { jobs[$0] != nil }
            for id in job.waitsFor { dependents[id, default: []].insert(job.id) }
            job.state.status = job.waitsFor.isEmpty && job.children == nil ? .runnable : .pending
            put(job, &changes)
        }
    }

    // MARK: - Ends

    private mutating func endAttempt(
        _ ended: ScheduledJob, _ outcome: AttemptOutcome, _ now: Timestamp, _ changes: inout JobChanges
    ) {
        var job = ended
        release(job)
        var attempt = job.state.attempts.removeLast()
        attempt.startedAt = outcome.startedAt ?? attempt.startedAt
        attempt.stoppedAt = outcome.stoppedAt
        attempt.exitCode = outcome.exitCode
        attempt.reason = outcome.reason
        attempt.statusReason = outcome.statusReason
        job.state.attempts.append(attempt)
        if let startedAt = attempt.startedAt { job.state.startedAt = startedAt }
        job.environment = nil
        if job.state.isTerminated {
            // A job that succeeded before it could be stopped has succeeded.
            if outcome.isSuccess {
                end(job, .succeeded, .succeeded, outcome.statusReason, outcome.stoppedAt, &changes)
            } else {
                end(job, .failed, .stopped, job.state.stopReason ?? outcome.statusReason, outcome.stoppedAt, &changes)
            }
        } else if outcome.isSuccess {
            end(job, .succeeded, .succeeded, outcome.statusReason, outcome.stoppedAt, &changes)
        } else if job.retry.retries(after: outcome, attempt: attempt.number) {
            job.state.status = .runnable
            job.state.statusReason = outcome.statusReason
            put(job, &changes)
        } else {
            let ending: JobEnding = outcome.isTimeout ? .timedOut : .failed
            end(job, .failed, ending, outcome.statusReason, outcome.stoppedAt, &changes)
        }
    }

    private mutating func stop(
        _ id: String, _ reason: String, terminating: Bool, _ now: Timestamp, _ changes: inout JobChanges,
        _ commands: inout [SchedulerCommand]
    ) {
        guard var job = jobs[id] else { return }
        if job.children != nil {
            // The children end one by one, and the parent with the last of them.
            guard !job.state.isTerminated else { return }
            job.state.stopReason = job.state.stopReason ?? reason
            job.state.isCancelled = job.state.isCancelled || !terminating
            job.state.isTerminated = terminating
            put(job, &changes)
            for child in openChildren(of: id) { stop(child, reason, terminating: terminating, now, &changes, &commands) }
            return
        }
        if job.state.status.isActive {
            guard terminating, !job.state.isTerminated else { return }
            job.state.isTerminated = true
            job.state.stopReason = job.state.stopReason ?? reason
            put(job, &changes)
            commands.append(.stop(jobID: id, attempt: job.state.currentAttempt ?? 1))
        } else {
            if terminating { job.state.isTerminated = true } else { job.state.isCancelled = true }
            job.state.stopReason = job.state.stopReason ?? reason
            end(job, .failed, .stopped, reason, now, &changes)
        }
    }

    /// Makes the job's status final and tells those that wait for it.
    private mutating func end(
        _ ended: ScheduledJob, _ status: JobStatus, _ ending: JobEnding, _ reason: String, _ at: Timestamp,
        _ changes: inout JobChanges
    ) {
        // A list rather than recursion: chains of dependencies may be long.
        var pending: [(ScheduledJob, JobStatus, JobEnding, String)] = [(ended, status, ending, reason)]
        while let (next, status, ending, reason) = pending.popLast() {
            var job = next
            job.state.status = status
            job.state.ending = ending
            job.state.statusReason = reason
            job.state.stoppedAt = at
            put(job, &changes)
            jobs[job.id] = nil
            for id in job.waitsFor { dependents[id]?.remove(job.id) }
            for id in (dependents.removeValue(forKey: job.id) ?? []).sorted(by: ageOrder) {
                guard var dependent = jobs[id] else { continue }
                dependent.waitsFor.remove(job.id)
                if status == .failed {
                    jobs[id] = dependent
                    if dependent.children != nil {
                        for child in openChildren(of: id) {
                            if let child = jobs[child] { pending.append((child, .failed, .failed, "Dependent Job failed")) }
                        }
                    } else {
                        pending.append((dependent, .failed, .failed, "Dependent Job failed"))
                    }
                } else {
                    if dependent.waitsFor.isEmpty, dependent.children == nil { dependent.state.status = .runnable }
                    put(dependent, &changes)
                }
            }
            if let parentID = job.parent, var parent = jobs[parentID] {
                parent.children?.count(status)
                jobs[parentID] = parent
                if let children = parent.children, children.open == 0 {
                    let failed = children.failed > 0
                    let reason =
                        failed
                        ? parent.state.stopReason ?? "Array Child Job failed" : "Array Child Jobs succeeded"
                    let ending: JobEnding = !failed ? .succeeded : parent.state.stopReason != nil ? .stopped : .failed
                    pending.append((parent, failed ? .failed : .succeeded, ending, reason))
                } else {
                    put(parent, &changes)
                }
            }
        }
    }

    private func openChildren(of parent: String) -> [String] {
        jobs.values.filter { $0.parent == parent }.map(\.id).sorted(by: ageOrder)
    }

    private func ageOrder(_ a: String, _ b: String) -> Bool {
        (jobs[a]?.sequence ?? .max, a) < (jobs[b]?.sequence ?? .max, b)
    }

    // MARK: - Placement

    private mutating func place(_ now: Timestamp, _ changes: inout JobChanges, _ commands: inout [SchedulerCommand]) {
        guard machineUse.milliCPUs < machine.milliCPUs else { return }
        var kept: Set<QueueKey> = []
        var machineKept = false
        let order = queues.values.sorted { ($1.priority, $0.key) < ($0.priority, $1.key) }
        for queue in order {
            guard let waitingHere = waiting[queue.key], !waitingHere.isEmpty else { continue }
            let usable = queue.environments.filter { environments[$0]?.isEnabled == true }
            for candidate in waitingHere {
                guard machineUse.milliCPUs < machine.milliCPUs else { return }
                guard let job = jobs[candidate.id] else { continue }
                if machineKept || !usable.isEmpty && usable.allSatisfy(kept.contains) { break }
                let possible = usable.filter { fitsEver(job, in: $0) }
                guard !possible.isEmpty else {
                    explainMisfit(job, usable.isEmpty, &changes)
                    continue
                }
                if let environment = possible.first(where: { !kept.contains($0) && hasRoom(for: job, in: $0) }) {
                    start(job, in: environment, &changes, &commands)
                } else {
                    kept.formUnion(possible)
                    // It waits for the machine, which all environments share.
                    if !machineDemand(job).fits(in: machine - machineUse) { machineKept = true }
                }
            }
        }
    }

    private mutating func start(
        _ waiting: ScheduledJob, in environment: QueueKey, _ changes: inout JobChanges,
        _ commands: inout [SchedulerCommand]
    ) {
        var job = waiting
        let number = (job.state.attempts.last?.number ?? 0) + 1
        job.state.status = .starting
        job.state.statusReason = nil
        job.state.attempts.append(JobAttempt(number: number))
        job.environment = environment
        put(job, &changes)
        occupy(job)
        commands.append(.start(jobID: job.id, attempt: number))
    }

    private func fitsEver(_ job: ScheduledJob, in key: QueueKey) -> Bool {
        guard let limit = environments[key]?.milliCPUsMax else { return true }
        return job.demand.milliCPUs <= limit
    }

    private func hasRoom(for job: ScheduledJob, in key: QueueKey) -> Bool {
        guard machineDemand(job).fits(in: machine - machineUse) else { return false }
        guard let limit = environments[key]?.milliCPUsMax else { return true }
        let used = environmentUse[key]?.milliCPUs ?? 0
        return job.demand.milliCPUs <= limit - min(limit, used)
    }

    private func machineDemand(_ job: ScheduledJob) -> ResourceDemand { job.demand.clamped(to: machine) }

    private mutating func explainMisfit(_ waiting: ScheduledJob, _ noEnvironment: Bool, _ changes: inout JobChanges) {
        let reason =
            noEnvironment
            ? "MISCONFIGURATION:COMPUTE_ENVIRONMENT_DISABLED - No compute environment of the job queue is enabled."
            : "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) attached to the job queue."
        guard waiting.state.statusReason != reason else { return }
        var job = waiting
        job.state.statusReason = reason
        put(job, &changes)
    }

    private mutating func occupy(_ job: ScheduledJob) {
        machineUse = machineUse + machineDemand(job)
        if let key = job.environment {
            environmentUse[key] = (environmentUse[key] ?? ResourceDemand(milliCPUs: 0, memoryMiB: 0)) + job.demand
        }
    }

    private mutating func release(_ job: ScheduledJob) {
        machineUse = machineUse - machineDemand(job)
        if let key = job.environment, let used = environmentUse[key] { environmentUse[key] = used - job.demand }
    }

    // MARK: - Bookkeeping

    private mutating func put(_ job: ScheduledJob, _ changes: inout JobChanges) {
        jobs[job.id] = job
        index(job)
        changes.insert(job)
    }

    /// Keeps `waiting` in step with the job's status. Logarithmic search, then a move of what comes after.
    private mutating func index(_ job: ScheduledJob) {
        let entry = WaitingJob(job)
        var low = 0
        var high = waiting[job.queue]?.count ?? 0
        while low < high, let list = waiting[job.queue] {
            let middle = (low + high) / 2
            if list[middle] < entry { low = middle + 1 } else { high = middle }
        }
        let isThere = waiting[job.queue].map { low < $0.count && $0[low].id == job.id } ?? false
        if job.state.status == .runnable {
            if !isThere { waiting[job.queue, default: []].insert(entry, at: low) }
        } else if isThere {
            waiting[job.queue]?.remove(at: low)
        }
    }

    /// What attempts occupy now; for checks and metrics.
    package var use: ResourceDemand { machineUse }
}
