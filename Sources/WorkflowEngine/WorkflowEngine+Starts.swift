package import StateStore
package import StatesRuntime
import Support
import Synchronization

/// What StartExecution is given.
package struct StartExecutionRequest: Sendable {
    package var executionArn: String
    package var name: String
    package var stateMachine: StateMachineRecord
    package var input: Payload
    package var traceHeader: String?
    /// The call may be repeated after a crash: one that has ended meanwhile is answered too.
    package var isCommand: Bool

    package init(
        executionArn: String, name: String, stateMachine: StateMachineRecord, input: Payload,
        traceHeader: String? = nil, isCommand: Bool = false
    ) {
        self.executionArn = executionArn
        self.name = name
        self.stateMachine = stateMachine
        self.input = input
        self.traceHeader = traceHeader
        self.isCommand = isCommand
    }
}

/// An execution on its way into the store: with its first step, or alone if others keep that from being computed soon.
final class ExecutionStart: Sendable {
    /// As it is before its first step.
    let record: ExecutionRecord
    let input: Payload
    private let isClaimed = Atomic<Bool>(false)
    private let answer: CheckedContinuation<ExecutionRecord?, any Error>

    /// - Parameter answer: gets the record that holds the ARN already, if there is one.
    init(_ record: ExecutionRecord, _ input: Payload, _ answer: CheckedContinuation<ExecutionRecord?, any Error>) {
        self.record = record
        self.input = input
        self.answer = answer
    }

    var isUnclaimed: Bool { !isClaimed.load(ordering: .relaxed) }

    /// True once: for whoever stores the execution and answers.
    func claim() -> Bool { isClaimed.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged }

    func resume(_ outcome: Result<ExecutionRecord?, any Error>) { answer.resume(with: outcome) }
}

/// Starts whose first steps are awaited.
struct ExecutionStarts {
    /// First steps are being computed.
    private(set) var isOpen = false
    private var fresh: [ExecutionStart] = []
    private var old: [ExecutionStart] = []

    var isEmpty: Bool { fresh.isEmpty && old.isEmpty }

    mutating func open() { isOpen = true }

    /// False unless they are open.
    mutating func add(_ start: ExecutionStart) -> Bool {
        if isOpen { fresh.append(start) }
        return isOpen
    }

    /// Those that were there at the call before and still are.
    mutating func takeLate() -> [ExecutionStart] {
        let late = old.filter(\.isUnclaimed)
        old = fresh.filter(\.isUnclaimed)
        fresh = []
        return late
    }

    mutating func close() -> [ExecutionStart] {
        let rest = fresh + old
        self = ExecutionStarts()
        return rest
    }
}

extension WorkflowEngine {
    /// How long a start waits for its first step; at most twice as long.
    private static let startPatienceMilliseconds: Int64 = 10

    /// Starts an execution; returns when its start is durable.
    ///
    /// The states that need nothing from outside are run before that, and share its commit: a short execution costs one.
    /// When they take long, or others before them do, the start is made durable alone, and they follow.
    ///
    /// Repeating a call with the same name and input while the execution runs gives the first one's record.
    /// - Throws: `WorkflowEngineError.executionAlreadyExists`, `.quotaExceeded`; `StateStoreError`.
    package func startExecution(_ request: StartExecutionRequest) async throws -> ExecutionRecord {
        timers.withLock { $0.noteCaller() }
        let machine = request.stateMachine
        try await checkOpenExecutions(of: machine)
        let record = ExecutionRecord(
            arn: request.executionArn, account: machine.account, region: machine.region, name: request.name,
            stateMachine: machine, input: request.input.text, traceHeader: request.traceHeader, startedAt: clock.now(),
            secret: configuration.makeSecret())
        let existing = starts.withLock(\.isOpen)
            ? try await storeSoon(record, request.input) : try await storeAlone(record)
        guard let existing else { return record }
        guard existing.status == .running || request.isCommand, existing.input == record.input else {
            throw WorkflowEngineError.executionAlreadyExists(arn: record.arn)
        }
        return existing
    }

    private func storeSoon(_ record: ExecutionRecord, _ input: Payload) async throws -> ExecutionRecord? {
        try await withCheckedThrowingContinuation { answer in
            let start = ExecutionStart(record, input, answer)
            guard starts.withLock({ $0.add(start) }) else { return answer.resume(throwing: CancellationError()) }
            Task(executorPreference: executor) { await self.begin(start) }
            startSignal.yield()
        }
    }

    /// Computes the first step of an execution, and stores both.
    private func begin(_ start: ExecutionStart) async {
        guard start.isUnclaimed else { return }
        let begun = try? await begun(start.record, start.input)
        guard start.claim() else { return }
        // A machine that cannot be made here is reported by the step that needs it.
        guard let begun, hold(begun) else { return await storeAlone(start) }
        defer { letGo(begun) }
        // Whoever waits for the answer is told by the store's thread, and does not wait for one of the engine's.
        let isStored = await withTaskExecutorPreference(answers) {
            do {
                let existing = try await store.startExecution(begun.durable)
                start.resume(.success(existing))
                return existing == nil
            } catch {
                start.resume(.failure(error))
                return false
            }
        }
        if isStored { follow(begun) }
    }

    private func begun(_ record: ExecutionRecord, _ input: Payload) async throws -> BegunExecution {
        let definition = try definitions.definition(record.stateMachine.definition, type: record.stateMachine.type)
        return try BegunExecution(record, input, definition, missing: try await missingActivities(of: definition), self)
    }

    private func storeAlone(_ start: ExecutionStart) async {
        do {
            start.resume(.success(try await storeAlone(start.record)))
        } catch {
            start.resume(.failure(error))
        }
    }

    private func storeAlone(_ record: ExecutionRecord) async throws -> ExecutionRecord? {
        let existing = try await store.startExecution(NewExecution(record))
        if existing == nil { resume(record.arn) }
        return existing
    }

    /// Stores starts alone whose first steps do not come, until cancelled. Runs on threads that no state holds up.
    func watchStarts() async {
        for await _ in startSignals {
            repeat {
                try? await clock.sleep(for: .milliseconds(Self.startPatienceMilliseconds))  // A cancelled watch ends below.
                if Task.isCancelled { return }
                await withDiscardingTaskGroup { group in
                    for start in starts.withLock({ $0.takeLate() }) where start.claim() {
                        group.addTask { await self.storeAlone(start) }
                    }
                }
            } while starts.withLock { !$0.isEmpty }
        }
    }

    /// Keeps others from an execution that goes on, until `letGo`: what they ask of it once it is durable waits for what
    /// follows from its first step. False if something drives an execution of this ARN.
    func hold(_ begun: BegunExecution) -> Bool {
        guard begun.record.status == .running else { return true }
        begun.cell = residents.withLock { $0.activate(begun.record.arn) { $0.needsRun = true } }
        return begun.cell != nil
    }

    /// Has a held execution driven, if it is there now.
    func letGo(_ begun: BegunExecution) {
        if let cell = begun.cell.take() { enqueue(.drive(cell)) }
    }

    /// After the first step of a held execution is durable.
    func follow(_ begun: BegunExecution) {
        let step = begun.step
        addTimers(step.newTimers)
        for command in step.newCommands { schedule(command) }
        followMapRuns(of: step)
        begun.cell?.loaded = begun.takeLoaded()
        feed.publish(
            ExecutionChange(
                executionArn: begun.record.arn, stateMachineArn: begun.record.stateMachine.arn,
                status: begun.record.status, events: step.history))
    }
}
