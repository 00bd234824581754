import JSONModel
package import StateStore
package import StatesRuntime
import Support
import Synchronization

/// Tasks of activities that no worker has taken, in the order in which they came, and the workers who wait for one.
struct ActivityQueues {
    private var tasks: [String: [CommandRecord]] = [:]
    private var waiters: [String: [Int: AsyncStream<Void>.Continuation]] = [:]
    private var waiterCount = 0
    /// Workers who ask for a task right now.
    private var polls: [String: Int] = [:]

    /// Adds a task. Waiting workers look again; one of them gets it.
    mutating func add(_ task: CommandRecord, activityArn: String) {
        tasks[activityArn, default: []].append(task)
        for waiter in waiters.removeValue(forKey: activityArn) ?? [:] { waiter.value.finish() }
    }

    /// The oldest task; nil if there is none.
    mutating func take(activityArn: String) -> CommandRecord? {
        guard var waiting = tasks[activityArn], !waiting.isEmpty else { return nil }
        let task = waiting.removeFirst()
        tasks[activityArn] = waiting.isEmpty ? nil : waiting
        return task
    }

    mutating func remove(commandID: String) {
        for (arn, waiting) in tasks where waiting.contains(where: { $0.commandID == commandID }) {
            let rest = waiting.filter { $0.commandID != commandID }
            tasks[arn] = rest.isEmpty ? nil : rest
        }
    }

    /// Notes a worker who asks for a task; false if there are `limit` already.
    mutating func beginPoll(activityArn: String, limit: Int) -> Bool {
        guard polls[activityArn, default: 0] < limit else { return false }
        polls[activityArn, default: 0] += 1
        return true
    }

    mutating func endPoll(activityArn: String) {
        let rest = polls[activityArn, default: 1] - 1
        polls[activityArn] = rest == 0 ? nil : rest
    }

    /// A stream that ends when a task is added, and what `endWait` calls it; nil if there is a task.
    mutating func wait(activityArn: String) -> (id: Int, added: AsyncStream<Void>)? {
        if tasks[activityArn] != nil { return nil }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        waiterCount += 1
        waiters[activityArn, default: [:]][waiterCount] = continuation
        return (waiterCount, stream)
    }

    /// Forgets a wait, which may have ended without a task.
    mutating func endWait(_ id: Int, activityArn: String) {
        waiters[activityArn]?[id] = nil
        if waiters[activityArn]?.isEmpty == true { waiters[activityArn] = nil }
    }
}

/// What a worker is given.
package struct ActivityTask: Sendable, Hashable {
    package var taskToken: String
    package var input: String
}

extension WorkflowEngine {
    /// Stores a new activity, or returns the one that holds the ARN already.
    package func createActivity(
        _ record: ActivityRecord, tags: [(key: String, value: String)]
    ) async throws -> ActivityRecord? {
        try await checkQuota(.activities, .activities(account: record.account, region: record.region))
        return try await store.createActivity(record, tags: tags)
    }

    /// - Throws: `WorkflowEngineError.activityDoesNotExist`.
    package func activity(arn: String) async throws -> ActivityRecord {
        guard let record = try await store.activity(arn: arn) else {
            throw WorkflowEngineError.activityDoesNotExist(arn: arn)
        }
        return record
    }

    package func activities(
        account: String, region: String, after: PageKey?, limit: Int
    ) async throws -> [ActivityRecord] {
        try await store.activities(account: account, region: region, after: after, limit: limit)
    }

    /// Removes an activity; one that is missing stays missing. Tasks that wait for a worker wait on, as
    /// far as the engine's next start.
    package func deleteActivity(arn: String) async throws { try await store.deleteActivity(arn: arn) }

    /// Hands the oldest waiting task of an activity to a worker, waiting for one up to `limit`.
    ///
    /// Who gets the task has it alone: that it is taken is durable before this returns, and a task is not handed out
    /// again when the worker is lost, until the state's time-outs end it.
    /// - Returns: nil if none came.
    /// - Throws: `WorkflowEngineError.activityDoesNotExist`, `.quotaExceeded`.
    package func takeActivityTask(arn: String, workerName: String?, limit: Duration) async throws -> ActivityTask? {
        _ = try await activity(arn: arn)
        let pollsMax = configuration.hasAWSLimits ? WorkflowQuota.activityWorkers.limit : .max
        guard activityQueues.withLock({ $0.beginPoll(activityArn: arn, limit: pollsMax) }) else {
            throw WorkflowEngineError.quotaExceeded(.activityWorkers)
        }
        defer { activityQueues.withLock { $0.endPoll(activityArn: arn) } }
        return try await withThrowingTaskGroup(of: ActivityTask?.self) { group in
            group.addTask { try await self.nextActivityTask(arn, for: workerName) }
            group.addTask {
                try? await self.clock.sleep(for: limit)  // Either end will do.
                return nil
            }
            // The first to end cancels the other, which may have a task all the same.
            let first = try await group.next() ?? nil
            group.cancelAll()
            let second = try await group.next() ?? nil
            guard let task = first ?? second else {
                try Task.checkCancellation()
                return nil
            }
            return task
        }
    }

    /// Waits for a task and hands it out; nil when cancelled before.
    private func nextActivityTask(_ arn: String, for workerName: String?) async throws -> ActivityTask? {
        repeat {
            if let task = activityQueues.withLock({ $0.take(activityArn: arn) }) {
                if let taken = try await hand(task, to: workerName) { return taken }
                continue
            }
            guard let wait = activityQueues.withLock({ $0.wait(activityArn: arn) }) else { continue }
            for await _ in wait.added {}
            activityQueues.withLock { $0.endWait(wait.id, activityArn: arn) }
        } while !Task.isCancelled
        return nil
    }

    /// Nil if the task is over.
    private func hand(_ task: CommandRecord, to workerName: String?) async throws -> ActivityTask? {
        guard let token = task.taskToken, try await store.command(taskToken: token) != nil else { return nil }
        do {
            try await store.setProgress(.sending, ofCommand: task.commandID, executionArn: task.executionArn)
            try await postAndWait(
                .activityStarted(taskID: task.commandID, workerName: workerName), to: task.executionArn)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            activityQueues.withLock { $0.add(task, activityArn: task.call["resource"]?.string ?? "") }
            throw error
        }
        return ActivityTask(taskToken: token, input: (task.call["parameters"] ?? [:]).text)
    }
}
