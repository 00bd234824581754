import JSONModel
import StateStore
import StatesLanguage
import StatesRuntime
import Support
import Synchronization
import TestSupport
import WorkflowEngine

/// A clock that only moves when told.
final class ManualClock: WallClock {
    private let milliseconds = Atomic<Int64>(1_700_000_000_000)

    func now() -> Timestamp { Timestamp(millisecondsSince1970: milliseconds.load(ordering: .relaxed)) }
    func advance(milliseconds delta: Int64) { milliseconds.add(delta, ordering: .relaxed) }
}

/// An integration whose outcomes the test decides, and which remembers what it was asked.
final class FakeIntegration: TaskIntegration, IntegrationRegistry {
    private struct Book {
        var starts: [String] = []
        var completions: [String] = []
        var cancellations: [JSONValue] = []
    }
    private let book = Mutex(Book())
    private let startOutcome: @Sendable (IntegrationCall) async -> IntegrationOutcome
    private let completionOutcome: @Sendable (JSONValue, IntegrationCall) async -> IntegrationOutcome
    private let isRepeatable: Bool

    /// By default calls succeed with their parameters; `.sync` ones are submitted first.
    init(
        isRepeatable: Bool = true,
        start: @escaping @Sendable (IntegrationCall) async -> IntegrationOutcome = { call in
            call.resource.pattern == .requestResponse
                ? .succeeded(call.parameters) : .submitted(output: ["Id": "1"], handle: ["job": call.parameters])
        },
        completion: @escaping @Sendable (JSONValue, IntegrationCall) async -> IntegrationOutcome = { handle, _ in
            .succeeded(handle["job"] ?? .null)
        }
    ) {
        self.isRepeatable = isRepeatable
        startOutcome = start
        completionOutcome = completion
    }

    /// Command ids in the order of calls, repetitions included.
    var starts: [String] { book.withLock { $0.starts } }
    var completions: [String] { book.withLock { $0.completions } }
    var cancellations: [JSONValue] { book.withLock { $0.cancellations } }

    func integration(for resource: TaskResource) -> (any TaskIntegration)? {
        resource.service == "missing" ? nil : self
    }

    func isRepeatable(_ call: IntegrationCall) -> Bool { isRepeatable }

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        book.withLock { $0.starts.append(call.commandID) }
        return await startOutcome(call)
    }

    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        book.withLock { $0.completions.append(call.commandID) }
        return await completionOutcome(handle, call)
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {
        book.withLock { $0.cancellations.append(handle) }
    }
}

/// Passes everything on until a number of writes have been made; from then on it is as if the process had died: the
/// last write either reached the disk or did not, and nothing is answered any more.
final class CrashingStore: WorkflowStore {
    private let base: any WorkflowStore
    private let writesLeft: Atomic<Int>
    private let lastWriteIsDurable: Bool
    private let started: @Sendable (_ arns: [String]) async -> Void

    /// - Parameter started: called when executions are durable, before those who started them are told.
    init(
        _ base: any WorkflowStore, writes: Int = .max, lastWriteIsDurable: Bool = true,
        started: @escaping @Sendable (_ arns: [String]) async -> Void = { _ in }
    ) {
        self.base = base
        writesLeft = Atomic(writes)
        self.lastWriteIsDurable = lastWriteIsDurable
        self.started = started
    }

    var hasCrashed: Bool { writesLeft.load(ordering: .relaxed) <= 0 }

    private func writing<T>(_ body: () async throws -> T) async throws -> T {
        let left = writesLeft.subtract(1, ordering: .relaxed).newValue
        if left > 0 { return try await body() }
        if left == 0, lastWriteIsDurable { _ = try await body() }
        throw StateStoreError.closed
    }

    private func reading<T>(_ body: () async throws -> T) async throws -> T {
        if hasCrashed { throw StateStoreError.closed }
        return try await body()
    }

    func createStateMachine(
        _ record: StateMachineRecord, tags: [(key: String, value: String)]
    ) async throws -> StateMachineRecord? {
        try await base.createStateMachine(record, tags: tags)
    }
    func updateStateMachine(_ record: StateMachineRecord) async throws -> Bool {
        try await writing { try await base.updateStateMachine(record) }
    }
    func stateMachine(arn: String) async throws -> StateMachineRecord? {
        try await reading { try await base.stateMachine(arn: arn) }
    }
    func stateMachines(
        account: String, region: String, after arn: String?, limit: Int
    ) async throws -> [StateMachineRecord] {
        try await reading {
            try await base.stateMachines(account: account, region: region, after: arn, limit: limit)
        }
    }
    func deleteStateMachine(arn: String) async throws { try await writing { try await base.deleteStateMachine(arn: arn) } }
    func tags(ofResource arn: String) async throws -> [(key: String, value: String)] {
        try await reading { try await base.tags(ofResource: arn) }
    }
    func changeTags(
        ofResource arn: String, set: [(key: String, value: String)], remove: [String]
    ) async throws {
        try await writing { try await base.changeTags(ofResource: arn, set: set, remove: remove) }
    }
    func publishVersion(ofMachine arn: String, description: String?, at time: Timestamp) async throws -> VersionRecord? {
        try await writing { try await base.publishVersion(ofMachine: arn, description: description, at: time) }
    }
    func version(ofMachine arn: String, number: Int64) async throws -> VersionRecord? {
        try await reading { try await base.version(ofMachine: arn, number: number) }
    }
    func versions(ofMachine arn: String, before number: Int64?, limit: Int) async throws -> [VersionRecord] {
        try await reading { try await base.versions(ofMachine: arn, before: number, limit: limit) }
    }
    func deleteVersion(ofMachine arn: String, number: Int64) async throws -> [AliasRecord] {
        try await writing { try await base.deleteVersion(ofMachine: arn, number: number) }
    }
    func setAlias(_ record: AliasRecord) async throws { try await writing { try await base.setAlias(record) } }
    func alias(arn: String) async throws -> AliasRecord? { try await reading { try await base.alias(arn: arn) } }
    func aliases(ofMachine arn: String, after: PageKey?, limit: Int) async throws -> [AliasRecord] {
        try await reading { try await base.aliases(ofMachine: arn, after: after, limit: limit) }
    }
    func deleteAlias(arn: String) async throws { try await writing { try await base.deleteAlias(arn: arn) } }
    func createActivity(
        _ record: ActivityRecord, tags: [(key: String, value: String)]
    ) async throws -> ActivityRecord? {
        try await writing { try await base.createActivity(record, tags: tags) }
    }
    func activity(arn: String) async throws -> ActivityRecord? {
        try await reading { try await base.activity(arn: arn) }
    }
    func activities(
        account: String, region: String, after: PageKey?, limit: Int
    ) async throws -> [ActivityRecord] {
        try await reading { try await base.activities(account: account, region: region, after: after, limit: limit) }
    }
    func deleteActivity(arn: String) async throws { try await writing { try await base.deleteActivity(arn: arn) } }
    func startExecution(_ new: NewExecution) async throws -> ExecutionRecord? {
        let existing = try await writing { try await base.startExecution(new) }
        if existing == nil { await started([new.record.arn]) }
        return existing
    }
    func execution(arn: String) async throws -> ExecutionRecord? {
        try await reading { try await base.execution(arn: arn) }
    }
    func executions(
        account: String, region: String, stateMachineArn: String?, status: ExecutionRecord.Status?, isRedriven: Bool?,
        after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await reading {
            try await base.executions(
                account: account, region: region, stateMachineArn: stateMachineArn, status: status,
                isRedriven: isRedriven, after: after, limit: limit)
        }
    }
    func history(
        ofExecution arn: String, ids: ClosedRange<Int64>, descending: Bool, limit: Int
    ) async throws -> [HistoryRecord] {
        try await reading {
            try await base.history(ofExecution: arn, ids: ids, descending: descending, limit: limit)
        }
    }
    func loadExecution(arn: String) async throws -> (record: ExecutionRecord, frames: [FrameRecord])? {
        try await reading { try await base.loadExecution(arn: arn) }
    }
    func commit(_ step: ExecutionStep) async throws { try await writing { try await base.commit(step) } }
    func redriveExecution(arn: String, revision: Int64, redrives: ExecutionRecord.Redrives) async throws {
        try await writing { try await base.redriveExecution(arn: arn, revision: revision, redrives: redrives) }
    }
    func forgetRedrives(stoppedBefore time: Timestamp, limit: Int) async throws -> Int {
        try await writing { try await base.forgetRedrives(stoppedBefore: time, limit: limit) }
    }
    func setProgress(
        _ progress: CommandRecord.Progress, ofCommand commandID: String, executionArn: String
    ) async throws {
        try await writing { try await base.setProgress(progress, ofCommand: commandID, executionArn: executionArn) }
    }
    func command(taskToken: String) async throws -> CommandRecord? {
        try await reading { try await base.command(taskToken: taskToken) }
    }
    func removeCommand(_ commandID: String, executionArn: String) async throws {
        try await writing { try await base.removeCommand(commandID, executionArn: executionArn) }
    }
    func removeExecutions(stoppedBefore time: Timestamp, limit: Int) async throws -> Int {
        try await writing { try await base.removeExecutions(stoppedBefore: time, limit: limit) }
    }
    func removeUnusedDefinitions(limit: Int) async throws -> Int {
        try await writing { try await base.removeUnusedDefinitions(limit: limit) }
    }
    func count(_ records: CountedRecords, limit: Int) async throws -> Int {
        try await reading { try await base.count(records, limit: limit) }
    }
    func runnableExecutions(after arn: String?, limit: Int) async throws -> [String] {
        try await reading { try await base.runnableExecutions(after: arn, limit: limit) }
    }
    func commands(after: (executionArn: String, commandID: String)?, limit: Int) async throws -> [CommandRecord] {
        try await reading { try await base.commands(after: after, limit: limit) }
    }
    func timers(limit: Int) async throws -> [TimerRecord] {
        try await reading { try await base.timers(limit: limit) }
    }
    func mapRun(arn: String) async throws -> MapRunRecord? { try await reading { try await base.mapRun(arn: arn) } }
    func mapRuns(ofExecution arn: String, after: PageKey?, limit: Int) async throws -> [MapRunRecord] {
        try await reading { try await base.mapRuns(ofExecution: arn, after: after, limit: limit) }
    }
    func openMapRuns(after arn: String?, limit: Int) async throws -> [String] {
        try await reading { try await base.openMapRuns(after: arn, limit: limit) }
    }
    func loadMapRun(arn: String) async throws -> LoadedMapRun? {
        try await reading { try await base.loadMapRun(arn: arn) }
    }
    func startChildren(_ batch: MapRunBatch) async throws {
        try await writing { try await base.startChildren(batch) }
        await started(batch.children.map(\.record.arn))
    }
    func mapRunCounts(arn: String) async throws -> MapRunCounts {
        try await reading { try await base.mapRunCounts(arn: arn) }
    }
    func children(ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int) async throws -> [ExecutionRecord] {
        try await reading { try await base.children(ofMapRun: arn, afterOrdinal: ordinal, limit: limit) }
    }
    func executions(
        ofMapRun arn: String, status: ExecutionRecord.Status?, isRedriven: Bool?, after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await reading {
            try await base.executions(ofMapRun: arn, status: status, isRedriven: isRedriven, after: after, limit: limit)
        }
    }
    func childrenToRedrive(
        ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int
    ) async throws -> [ExecutionRecord] {
        try await reading { try await base.childrenToRedrive(ofMapRun: arn, afterOrdinal: ordinal, limit: limit) }
    }
    func redriveChildren(_ redrives: ChildRedrives) async throws {
        try await writing { try await base.redriveChildren(redrives) }
    }
    func updateMapRun(arn: String, _ settings: MapRunSettings) async throws -> Bool {
        try await writing { try await base.updateMapRun(arn: arn, settings) }
    }
    func setResultsWritten(_ written: MapRunCounts.Pair, ofMapRun arn: String) async throws {
        try await writing { try await base.setResultsWritten(written, ofMapRun: arn) }
    }
    func closeMapRun(arn: String, redriveCount: Int, at time: Timestamp) async throws {
        try await writing { try await base.closeMapRun(arn: arn, redriveCount: redriveCount, at: time) }
    }
}

/// A state machine's record for a definition, as the service would make it.
func machine(_ definition: String, name: String = "m") -> StateMachineRecord {
    StateMachineRecord(
        arn: "arn:aws:states:us-east-1:123456789012:stateMachine:\(name)", account: "123456789012",
        region: "us-east-1", name: name, type: "STANDARD", definition: definition,
        roleArn: "arn:aws:iam::123456789012:role/r", createdAt: Timestamp(millisecondsSince1970: 0))
}

extension WorkflowEngine {
    /// Runs the engine while `body` runs.
    func running<T: Sendable>(
        _ integrations: any IntegrationRegistry, _ body: @escaping @Sendable (WorkflowEngine) async throws -> T
    ) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.run(integrations) }
            let result: T
            do {
                result = try await body(self)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
            try? await group.waitForAll()  // A crashed store ends the run with its error.
            return result
        }
    }

    func start(_ definition: String, name: String = "e", input: String = "{}") async throws -> ExecutionRecord {
        try await startExecution(
            StartExecutionRequest(
                executionArn: "arn:aws:states:us-east-1:123456789012:execution:m:\(name)", name: name,
                stateMachine: machine(definition), input: try Payload(parsing: input)))
    }
}

/// Lets timers come due as fast as possible, until cancelled.
func race(_ clock: ManualClock, _ engine: WorkflowEngine) async {
    while !Task.isCancelled {
        clock.advance(milliseconds: 500)
        engine.fireDueTimers()
        try? await Task.sleep(for: .milliseconds(1))  // Cancellation ends the loop.
    }
}
