import JSONModel
package import Logging
package import ObjectStore
package import StateStore
import StatesLanguage
package import StatesRuntime
package import Support
import Synchronization

/// Runs executions: takes events in, applies them to the executions' machines, makes what follows durable, and only
/// then performs the commands.
///
/// One step of one execution is one write of the store, which commits the writes of many executions together. Events
/// that arrive while an execution's step is being committed are taken in by its next one. A machine whose step failed is
/// dropped and loaded again from what is durable; when the second attempt fails, the execution fails.
///
/// Invariant: no command is performed, no event acknowledged and no change published before its step is durable.
package final class WorkflowEngine: Sendable {
    /// Is told every event before it is applied, with the number of events that the execution took in before it. A step
    /// that does not become durable is computed again, and its events are told again, with the same numbers. The start of
    /// an execution that turns out to be there already is told, too.
    package typealias Observer = @Sendable (
        _ executionArn: String, _ number: Int64, _ event: ExecutionEvent, _ context: StepContext
    ) -> Void

    package struct Configuration: Sendable {
        package var limits = ExecutionLimits.default
        /// Whether the service's quotas hold for all machines, and not only for those that are tagged so.
        package var hasAWSLimits = false
        /// How long closed executions are kept.
        package var retentionDays: Int64 = 90
        /// Idle machines are dropped when resident ones together hold more than about this.
        package var residentBytesMax = 128 << 20
        /// Threads on which steps are computed and committed.
        package var threads = 2
        /// How long to wait after the store has refused a step.
        package var storeRetryDelay = Duration.seconds(1)
        /// Timers held in memory; later ones wait in the store.
        package var timersMax = 50_000
        /// Runs the engine's tasks in place of its own threads; for simulation.
        package var executor: (any TaskExecutor)?
        /// Makes the secret of a new execution, 32 bytes that nobody can guess.
        package var makeSecret: @Sendable () -> [UInt8] = {
            var random = SystemRandomNumberGenerator()
            return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        }
        package var observer: Observer?

        package init() {}
    }

    enum Work: Sendable {
        case drive(ExecutionCell)
        case perform(CommandRecord, PendingCommand)
        /// Forgets a cancelled command that nobody performs.
        case forget(commandID: String, executionArn: String)
        case fireTimers(afterMilliseconds: Int64, endsRest: Bool = false)
        case express(StartExecutionRequest, startedAt: Timestamp)
        case mapRun(MapRunCell)
        case expressChild(ExpressChild, PendingCommand, MapRunCell)
    }

    let store: any WorkflowStore
    /// Takes what Express executions log; nil drops it.
    let logs: (any ExecutionLogStore)?
    let clock: any WallClock
    let configuration: Configuration
    let logger: Logger
    let residents = Mutex(Residents())
    let timers = Mutex(TimerQueue())
    let pendingCommands = Mutex<[String: PendingCommand]>([:])
    /// Of open map runs.
    let mapRuns = Mutex<[String: MapRunCell]>([:])
    /// Where item readers read and result writers write; nil where there is no object store.
    let objects: ObjectStores?
    let activityQueues = Mutex(ActivityQueues())
    let executionBudget = Mutex(ExecutionBudget())
    let feed = ExecutionFeed()
    let definitions = DefinitionCache()
    /// Active machines as last read; every change of a machine raises the generation.
    let machines = Mutex<(records: [String: StateMachineRecord], generation: Int)>(([:], 0))
    /// Set while the engine runs.
    let integrations = Mutex<(any IntegrationRegistry)?>(nil)
    let starts = Mutex(ExecutionStarts())
    let startSignals: AsyncStream<Void>
    let startSignal: AsyncStream<Void>.Continuation
    private let work: AsyncStream<Work>
    private let workContinuation: AsyncStream<Work>.Continuation
    private let threads: BlockingExecutor?
    let executor: any TaskExecutor
    /// Where outcomes of the store are passed on to those who wait for them.
    let answers: any TaskExecutor

    package init(
        store: any WorkflowStore, logs: (any ExecutionLogStore)? = nil, objects: ObjectStores? = nil,
        clock: any WallClock = SystemWallClock(), configuration: Configuration = .init(),
        logger: Logger = Logger(label: "millrace.workflow")
    ) {
        self.store = store
        self.logs = logs
        self.objects = objects
        self.clock = clock
        self.configuration = configuration
        self.logger = logger
        (work, workContinuation) = AsyncStream.makeStream(of: Work.self)
        (startSignals, startSignal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        if let given = configuration.executor {
            threads = nil
            executor = given
            answers = given
        } else {
            let own = BlockingExecutor(name: "workflow", threads: configuration.threads)
            threads = own
            executor = own
            answers = InlineExecutor()
        }
    }

    deinit { threads?.stop() }

    /// Takes up what is durable, then works until the surrounding task is cancelled. To be called once.
    ///
    /// Executions may be started before: they begin when the engine runs.
    package func run(_ integrations: any IntegrationRegistry) async throws {
        self.integrations.withLock { $0 = integrations }
        try await recover()
        await withTaskExecutorPreference(executor) { await self.doWork(integrations) }
    }

    private func doWork(_ integrations: any IntegrationRegistry) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watchTimers() }
            group.addTask { await self.watchRetention() }
            group.addTask(executorPreference: configuration.executor ?? globalConcurrentExecutor) { await self.watchStarts() }
            starts.withLock { $0.open() }
            for await item in work {
                switch item {
                case .drive(let cell):
                    group.addTask { await self.drive(cell) }
                case .perform(let command, let pending):
                    group.addTask { await self.perform(command, pending, integrations) }
                case .forget(let commandID, let executionArn):
                    group.addTask { await self.forget(commandID, executionArn: executionArn) }
                case .mapRun(let cell):
                    group.addTask { await self.drive(cell) }
                case .expressChild(let child, let pending, let cell):
                    group.addTask { await self.finish(child, pending, cell) }
                case .express(let request, let startedAt):
                    group.addTask {
                        do {
                            _ = try await self.runExpress(request, startedAt: startedAt)
                        } catch {
                            self.logger.error(
                                "An Express execution broke off.",
                                metadata: ["execution": "\(request.executionArn)", "error": "\(error)"])
                        }
                    }
                case .fireTimers(let milliseconds, let endsRest):
                    group.addTask {
                        try? await self.clock.sleep(for: .milliseconds(milliseconds))  // A cancelled sleep fires early.
                        if endsRest { self.timers.withLock { $0.endRest() } }
                        self.fireDueTimers()
                    }
                }
            }
            group.cancelAll()
            // Before the tasks have ended: some of them wait for what nobody will take in any more.
            for start in starts.withLock({ $0.close() }) where start.claim() { start.resume(.failure(CancellationError())) }
            for event in residents.withLock({ $0.close() }) { event.acknowledge?(CancellationError()) }
        }
    }

    /// Runs what evaluates expressions of users, which may take a second, on the engine's threads; those who ask are on threads
    /// that also serve others.
    package func onOwnThreads<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        try await withTaskExecutorPreference(executor, operation: body)
    }

    func enqueue(_ item: Work) { workContinuation.yield(item) }

    /// Hands an event to an execution.
    func post(_ event: PostedEvent, to executionArn: String) {
        var isTaken = false
        let idle = residents.withLock {
            $0.activate(executionArn) {
                $0.inbox.append(event)
                isTaken = true
            }
        }
        if let idle { enqueue(.drive(idle)) }
        if !isTaken { event.acknowledge?(CancellationError()) }
    }

    /// Hands an event to an execution and returns once it has been taken in durably.
    func postAndWait(_ event: ExecutionEvent, to executionArn: String) async throws {
        timers.withLock { $0.noteCaller() }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            post(
                PostedEvent(event: event) { error in
                    if let error { continuation.resume(throwing: error) } else { continuation.resume() }
                }, to: executionArn)
        }
    }

    /// What has become durable since the call, step by step. A subscriber who does not keep up loses the oldest.
    package func changes() -> AsyncStream<ExecutionChange> { feed.changes() }

    package var counts: ExecutionCounts { feed.counts }

    // MARK: - Recovery

    /// Brings what the store knows to be unfinished back to work: executions that can go on, commands without an
    /// outcome, timers. Machines are loaded when their next event comes.
    private func recover() async throws {
        let page = 1000
        var lastArn: String?
        repeat {
            let arns = try await store.runnableExecutions(after: lastArn, limit: page)
            for arn in arns { resume(arn) }
            lastArn = arns.count == page ? arns.last : nil
        } while lastArn != nil
        var lastCommand: CommandRecord?
        repeat {
            let commands = try await store.commands(
                after: lastCommand.map { ($0.executionArn, $0.commandID) }, limit: page)
            for command in commands { schedule(command) }
            lastCommand = commands.count == page ? commands.last : nil
        } while lastCommand != nil
        var lastRun: String?
        repeat {
            let arns = try await store.openMapRuns(after: lastRun, limit: page)
            for arn in arns { open(arn) }
            lastRun = arns.count == page ? arns.last : nil
        } while lastRun != nil
        try await fillTimers()
    }

    /// Lets an execution go on that is runnable.
    func resume(_ executionArn: String) {
        let idle = residents.withLock { $0.activate(executionArn) { $0.needsRun = true } }
        if let idle { enqueue(.drive(idle)) }
    }
}
