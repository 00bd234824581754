import JSONModel
import Logging
import StateStore
import StatesLanguage
import StatesRuntime
import Support
import Synchronization

/// A command that this process performs, so that it can be told to stop.
final class PendingCommand: Sendable {
    let executionArn: String
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let cancelled = Atomic<Bool>(false)

    init(executionArn: String) {
        self.executionArn = executionArn
        (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func cancel() {
        cancelled.store(true, ordering: .releasing)
        continuation.finish()
    }

    /// What `body` gives, or nil when the command is cancelled before; `body`'s task is then cancelled.
    func unlessCancelled<Outcome: Sendable>(_ body: @escaping @Sendable () async -> Outcome) async -> Outcome? {
        await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await body() }
            group.addTask {
                for await _ in self.stream {}
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return isCancelled ? nil : first
        }
    }
}

extension WorkflowEngine {
    /// Has a durable command performed, unless it is being performed already.
    func schedule(_ command: CommandRecord) {
        let pending = PendingCommand(executionArn: command.executionArn)
        if command.isCancelled { pending.cancel() }
        let isNew = pendingCommands.withLock { commands in
            if commands[command.commandID] != nil { return false }
            commands[command.commandID] = pending
            return true
        }
        if isNew { enqueue(.perform(command, pending)) }
    }

    /// Has the work of a command stopped that is durably cancelled.
    func cancel(_ commandID: String, executionArn: String) {
        if let pending = pendingCommands.withLock({ $0[commandID] }) {
            pending.cancel()
        } else {
            activityQueues.withLock { $0.remove(commandID: commandID) }
            enqueue(.forget(commandID: commandID, executionArn: executionArn))
        }
    }

    func commandIDs(of executionArn: String) -> [String] {
        pendingCommands.withLock { $0.filter { $0.value.executionArn == executionArn }.map(\.key) }
    }

    /// Takes a command from the outbox to its outcome.
    func perform(_ command: CommandRecord, _ pending: PendingCommand, _ integrations: any IntegrationRegistry) async {
        defer { _ = pendingCommands.withLock { $0.removeValue(forKey: command.commandID) } }
        let arn = ARN(command.executionArn)
        guard let call = IntegrationCall(command, account: arn?.account ?? "", region: arn?.region ?? "") else {
            return deliver(.failed(error: "States.Runtime", cause: "The task's record cannot be read."), command)
        }
        guard let integration = integrations.integration(for: call.resource) else {
            if pending.isCancelled { return await forget(command.commandID, executionArn: command.executionArn) }
            // Activities and tokens may have nobody to call: their outcome is reported through the API.
            if call.resource.kind == .activity {
                if command.progress == .pending { await offer(command, toWorkersOf: call.resource.arn) }
                return
            }
            return deliver(.failed(error: "States.Runtime", cause: Self.obstacle(call.resource)), command)
        }
        switch command.progress {
        case .submitted:
            await awaitCompletion(command.handle ?? .null, call, command, pending, integration)
        case .sending:
            if pending.isCancelled { return await forget(command.commandID, executionArn: command.executionArn) }
            deliver(.failed(error: "States.TaskFailed", cause: "outcome unknown"), command)
        case .pending:
            await begin(call, command, pending, integration)
        }
    }

    /// Why there is no integration for a resource.
    static func obstacle(_ resource: TaskResource) -> String {
        resource.obstacle ?? "The resource \(resource.arn) is not supported."
    }

    private func offer(_ command: CommandRecord, toWorkersOf activity: String) async {
        do {
            if try await store.activity(arn: activity) == nil {
                return deliver(
                    .failed(error: "States.Runtime", cause: "The activity \(activity) does not exist."), command)
            }
        } catch {
            logger.warning("An activity could not be looked up.", metadata: ["arn": "\(activity)", "error": "\(error)"])
        }
        activityQueues.withLock { $0.add(command, activityArn: activity) }
    }

    private func begin(
        _ call: IntegrationCall, _ command: CommandRecord, _ pending: PendingCommand, _ integration: any TaskIntegration
    ) async {
        // A cancelled call may have been made before a crash; repeating it is how its handle is found again.
        if pending.isCancelled, call.resource.pattern != .sync, call.resource.pattern != .sync2 {
            return await forget(command.commandID, executionArn: command.executionArn)
        }
        if !integration.isRepeatable(call), !(await markAsSending(command, pending)) { return }
        let outcome = await integration.start(call)
        if Task.isCancelled { return }
        let release: @Sendable () -> Void = { integration.release(call) }
        switch (outcome, call.resource.pattern) {
        case (.submitted(_, let handle), .sync), (.submitted(_, let handle), .sync2):
            if !pending.isCancelled { deliver(outcome, command, release) }
            await awaitCompletion(handle, call, command, pending, integration)
        case (.succeeded(let output), .waitForTaskToken), (.submitted(let output, _), .waitForTaskToken):
            if pending.isCancelled { return await forget(command.commandID, executionArn: command.executionArn) }
            deliver(.submitted(output: output, handle: .null), command, release)
        case (.submitted(let output, _), .requestResponse):
            deliver(.succeeded(output), command, release)
        default:
            deliver(outcome, command, release)
        }
    }

    /// Makes it durable that a call is about to be made which must not be repeated. False if it is not to be made.
    private func markAsSending(_ command: CommandRecord, _ pending: PendingCommand) async -> Bool {
        while !Task.isCancelled {
            if pending.isCancelled {
                await forget(command.commandID, executionArn: command.executionArn)
                return false
            }
            do {
                try await store.setProgress(
                    .sending, ofCommand: command.commandID, executionArn: command.executionArn)
                return true
            } catch {
                logger.error(
                    "A command could not be marked as being sent; it stays pending.",
                    metadata: ["command": "\(command.commandID)", "error": "\(error)"])
                try? await clock.sleep(for: configuration.storeRetryDelay)  // Cancelled: the next start takes it up.
            }
        }
        return false
    }

    private func awaitCompletion(
        _ handle: JSONValue, _ call: IntegrationCall, _ command: CommandRecord, _ pending: PendingCommand,
        _ integration: any TaskIntegration
    ) async {
        if call.resource.pattern == .waitForTaskToken {
            if pending.isCancelled { await forget(command.commandID, executionArn: command.executionArn) }
            return
        }
        let outcome = await pending.unlessCancelled { await integration.completion(of: handle, for: call) }
        if Task.isCancelled { return }
        guard let outcome else {
            await integration.cancel(handle, for: call)
            if Task.isCancelled { return }
            return await forget(command.commandID, executionArn: command.executionArn)
        }
        if case .submitted = outcome {
            return deliver(
                .failed(error: "States.Runtime", cause: "\(call.resource.arn) reported no outcome."), command)
        }
        deliver(outcome, command)
    }

    /// - Parameter release: called once the outcome is durable.
    private func deliver(
        _ outcome: IntegrationOutcome, _ command: CommandRecord, _ release: (@Sendable () -> Void)? = nil
    ) {
        let taskID = command.commandID
        var event =
            switch outcome {
            case .succeeded(let output): PostedEvent(event: .taskSucceeded(taskID: taskID, output: output))
            case .failed(let error, let cause):
                PostedEvent(event: .taskFailed(taskID: taskID, error: error, cause: cause))
            case .submitted(let output, let handle):
                PostedEvent(event: .taskSubmitted(taskID: taskID, output: output), handle: handle)
            }
        if let release { event.acknowledge = { error in if error == nil { release() } } }
        post(event, to: command.executionArn)
    }

    /// Removes a command that is done with. Where that fails for good the record stays, and the next start of the engine
    /// performs or cancels it again, which is harmless.
    func forget(_ commandID: String, executionArn: String) async {
        while true {
            do {
                return try await store.removeCommand(commandID, executionArn: executionArn)
            } catch {
                logger.warning(
                    "A finished command could not be removed.",
                    metadata: ["command": "\(commandID)", "error": "\(error)"])
                guard (error as? StateStoreError)?.isPassing == true, !Task.isCancelled else { return }
                try? await clock.sleep(for: configuration.storeRetryDelay)  // Cancelled: the next start takes it up.
            }
        }
    }
}
