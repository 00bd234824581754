package import StateStore
package import Support

/// A workflow store in memory, as a medium that outlives the processes that write to it.
///
/// Writes queue up and become durable together, as a group commit does it; then their callers are told. A crash loses
/// what is queued, and the answers that are on their way: a write may be durable although its caller was never told.
/// These faults are survivable by what `WorkflowStore` promises: a call that returned is durable, a call that threw
/// `.full` or `.tooManyWrites` did nothing, and any other call may have happened or not.
package final class SimulatedJournal: @unchecked Sendable {
    // Unchecked: everything happens on the thread of the scheduler.
    package struct Faults: Sendable {
        /// How long a write takes to become durable, in milliseconds, at most.
        package var latencyMax: UInt64 = 0
        /// One write in so many is refused for now; 0 means none.
        package var refusedOneIn: UInt64 = 0
        /// Wrong on purpose: shows that checkers find it.
        package var defect: Scenario.Defect?

        package init() {}
    }

    let scheduler: SimulatedScheduler
    let faults: Faults
    private var random: SeededRandom
    /// What is left after a crash.
    private(set) var durable = WorkflowTables()
    /// What readers see when writes are acknowledged early; else they see what is durable.
    private var early: WorkflowTables?
    /// Called after writes have become durable and before anybody is told, and again after the telling.
    package var onWrite: (_ isTold: Bool) -> Void = { _ in }
    /// Whether a write, given as the operation's name with its labels, finds the disk full.
    package var refuses: (_ operation: String) -> Bool = { _ in false }
    /// Writes that have become durable.
    package private(set) var writes = 0

    private struct Write {
        let store: SimulatedStore
        let apply: (inout WorkflowTables) -> Void
        /// True: it is durable.
        let answer: (Bool) -> Void
    }
    private var queue: [Write] = []
    private var isFlushing = false

    package init(scheduler: SimulatedScheduler, seed: UInt64, faults: Faults = Faults()) {
        self.scheduler = scheduler
        self.faults = faults
        random = SeededRandom(seed: seed)
        early = faults.defect == .acknowledgesEarly ? WorkflowTables() : nil
    }

    /// The store as one process sees it.
    package func open() -> SimulatedStore { SimulatedStore(self) }

    /// Ends a process: what it has not made durable is lost, and it hears nothing any more.
    package func crash(_ store: SimulatedStore) {
        store.isAlive = false
        let lost = queue
        queue = []
        if early != nil { early = durable }
        for write in lost { write.answer(false) }
    }

    /// The step as a defect leaves it.
    fileprivate func damaged(_ step: ExecutionStep) -> ExecutionStep {
        var step = step
        switch faults.defect {
        case .losesTimers: step.newTimers = []
        case .losesCommands: step.newCommands = []
        case .losesFrames: step.frames.removeAll { $0.path.isEmpty && step.revision > 0 }
        case .losesEvents: if step.history.count > 1 { step.history.removeLast() }
        case .forgetsOutcomes: step.finishedCommands = []
        case .acknowledgesEarly, .losesChildren, .losesRedrives, nil: break
        }
        return step
    }

    fileprivate func damaged(_ batch: MapRunBatch) -> MapRunBatch {
        var batch = batch
        if faults.defect == .losesChildren, !batch.children.isEmpty { batch.children.removeLast() }
        return batch
    }

    fileprivate func damaged(_ redrives: ChildRedrives) -> ChildRedrives {
        var redrives = redrives
        if faults.defect == .losesRedrives {
            redrives.refused += redrives.children.map(\.arn)
            redrives.children = []
        }
        return redrives
    }

    func read<T>(_ body: (borrowing WorkflowTables) throws -> T) rethrows -> T { try body(early ?? durable) }

    func draw(below limit: UInt64) -> UInt64 { limit == 0 ? 0 : random.next() % limit }

    func write(_ store: SimulatedStore, _ apply: @escaping (inout WorkflowTables) -> Void, answer: @escaping (Bool) -> Void) {
        if var tables = early {
            early = nil
            apply(&tables)
            early = tables
            answer(true)
            queue.append(Write(store: store, apply: apply, answer: { _ in }))
        } else {
            queue.append(Write(store: store, apply: apply, answer: answer))
        }
        flushLater()
    }

    private func flushLater() {
        if isFlushing { return }
        isFlushing = true
        scheduler.after(Int64(draw(below: faults.latencyMax + 1))) { [self] in
            isFlushing = false
            let batch = queue
            queue = []
            for write in batch {
                write.apply(&durable)
                writes += 1
            }
            onWrite(false)
            for write in batch { write.answer(write.store.isAlive) }
            onWrite(true)
        }
    }
}

/// One process's connection to a journal.
package final class SimulatedStore: WorkflowStore, @unchecked Sendable {
    // Unchecked: everything happens on the thread of the scheduler.
    private let journal: SimulatedJournal
    package fileprivate(set) var isAlive = true

    init(_ journal: SimulatedJournal) { self.journal = journal }

    private func reading<T>(_ body: (borrowing WorkflowTables) throws -> T) async throws -> T {
        if journal.draw(below: 4) == 0 { await journal.scheduler.pause() }
        guard isAlive else { throw StateStoreError.closed }
        return try journal.read(body)
    }

    private func writing<T>(
        operation: String = #function, _ body: @escaping (inout WorkflowTables) throws -> T
    ) async throws -> T {
        guard isAlive else { throw StateStoreError.closed }
        if journal.refuses(operation) { throw StateStoreError.full }
        if journal.faults.refusedOneIn > 0, journal.draw(below: journal.faults.refusedOneIn) == 0 {
            await journal.scheduler.pause()
            throw journal.draw(below: 2) == 0 ? StateStoreError.full : .tooManyWrites(limit: 0)
        }
        var result: Result<T, any Error> = .failure(StateStoreError.closed)
        let isDurable = await withCheckedContinuation { continuation in
            journal.write(self) { tables in
                result = Result { try body(&tables) }
            } answer: {
                continuation.resume(returning: $0)
            }
        }
        guard isDurable, isAlive else { throw StateStoreError.closed }
        return try result.get()
    }
}

extension SimulatedStore {
    package func createStateMachine(
        _ record: StateMachineRecord, tags: [(key: String, value: String)]
    ) async throws -> StateMachineRecord? {
        try await writing { $0.createStateMachine(record, tags) }
    }
    package func updateStateMachine(_ record: StateMachineRecord) async throws -> Bool {
        try await writing { $0.updateStateMachine(record) }
    }
    package func stateMachine(arn: String) async throws -> StateMachineRecord? {
        try await reading { $0.stateMachine(arn) }
    }
    package func stateMachines(
        account: String, region: String, after arn: String?, limit: Int
    ) async throws -> [StateMachineRecord] {
        try await reading { $0.stateMachines(account: account, region: region, after: arn, limit: limit) }
    }
    package func deleteStateMachine(arn: String) async throws { try await writing { $0.deleteStateMachine(arn) } }
    package func tags(ofResource arn: String) async throws -> [(key: String, value: String)] {
        try await reading { $0.tags(of: arn) }
    }
    package func changeTags(
        ofResource arn: String, set: [(key: String, value: String)], remove: [String]
    ) async throws {
        try await writing { $0.changeTags(arn, set: set, remove: remove) }
    }

    package func publishVersion(
        ofMachine arn: String, description: String?, at time: Timestamp
    ) async throws -> VersionRecord? {
        try await writing { $0.publishVersion(arn, description, at: time) }
    }
    package func version(ofMachine arn: String, number: Int64) async throws -> VersionRecord? {
        try await reading { $0.version(arn, number) }
    }
    package func versions(ofMachine arn: String, before number: Int64?, limit: Int) async throws -> [VersionRecord] {
        try await reading { $0.versions(arn, before: number, limit: limit) }
    }
    package func deleteVersion(ofMachine arn: String, number: Int64) async throws -> [AliasRecord] {
        try await writing { $0.deleteVersion(arn, number) }
    }
    package func setAlias(_ record: AliasRecord) async throws { try await writing { $0.setAlias(record) } }
    package func alias(arn: String) async throws -> AliasRecord? { try await reading { $0.alias(arn) } }
    package func aliases(ofMachine arn: String, after: PageKey?, limit: Int) async throws -> [AliasRecord] {
        try await reading { $0.aliases(arn, after: after, limit: limit) }
    }
    package func deleteAlias(arn: String) async throws { try await writing { $0.deleteAlias(arn) } }

    package func createActivity(
        _ record: ActivityRecord, tags: [(key: String, value: String)]
    ) async throws -> ActivityRecord? {
        try await writing { $0.createActivity(record, tags) }
    }
    package func activity(arn: String) async throws -> ActivityRecord? { try await reading { $0.activity(arn) } }
    package func activities(
        account: String, region: String, after: PageKey?, limit: Int
    ) async throws -> [ActivityRecord] {
        try await reading { $0.activities(account: account, region: region, after: after, limit: limit) }
    }
    package func deleteActivity(arn: String) async throws { try await writing { $0.deleteActivity(arn) } }

    package func startExecution(_ new: NewExecution) async throws -> ExecutionRecord? {
        var new = new
        new.step = new.step.map { journal.damaged($0) }
        return try await writing { [new] in $0.startExecution(new) }
    }
    package func execution(arn: String) async throws -> ExecutionRecord? { try await reading { $0.execution(arn) } }
    package func executions(
        account: String, region: String, stateMachineArn: String?, status: ExecutionRecord.Status?, isRedriven: Bool?,
        after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await reading {
            $0.executions(
                account: account, region: region, stateMachineArn: stateMachineArn, status: status,
                isRedriven: isRedriven, after: after, limit: limit)
        }
    }
    package func history(
        ofExecution arn: String, ids: ClosedRange<Int64>, descending: Bool, limit: Int
    ) async throws -> [HistoryRecord] {
        try await reading { $0.history(arn, ids: ids, descending: descending, limit: limit) }
    }
    package func loadExecution(arn: String) async throws -> (record: ExecutionRecord, frames: [FrameRecord])? {
        try await reading { $0.loadExecution(arn) }
    }
    package func commit(_ step: ExecutionStep) async throws {
        let step = journal.damaged(step)
        try await writing { try $0.commit(step) }
    }
    package func redriveExecution(
        arn: String, revision: Int64, redrives: ExecutionRecord.Redrives
    ) async throws {
        try await writing { try $0.redriveExecution(arn, revision, redrives) }
    }
    package func forgetRedrives(stoppedBefore time: Timestamp, limit: Int) async throws -> Int {
        try await writing { $0.forgetRedrives(stoppedBefore: time, limit: limit) }
    }
    package func count(_ records: CountedRecords, limit: Int) async throws -> Int {
        try await reading { $0.count(records, limit: limit) }
    }
    package func setProgress(
        _ progress: CommandRecord.Progress, ofCommand commandID: String, executionArn: String
    ) async throws {
        try await writing { $0.setProgress(progress, commandID, executionArn) }
    }
    package func command(taskToken: String) async throws -> CommandRecord? {
        try await reading { $0.command(taskToken: taskToken) }
    }
    package func removeCommand(_ commandID: String, executionArn: String) async throws {
        try await writing { $0.removeCommand(commandID, executionArn) }
    }
    package func removeExecutions(stoppedBefore time: Timestamp, limit: Int) async throws -> Int {
        try await writing { $0.removeExecutions(stoppedBefore: time, limit: limit) }
    }

    /// Definitions are parts of the records that have them.
    package func removeUnusedDefinitions(limit: Int) async throws -> Int { 0 }

    package func mapRun(arn: String) async throws -> MapRunRecord? { try await reading { $0.mapRuns[arn] } }
    package func mapRuns(ofExecution arn: String, after: PageKey?, limit: Int) async throws -> [MapRunRecord] {
        try await reading { $0.mapRuns(ofExecution: arn, after: after, limit: limit) }
    }
    package func openMapRuns(after arn: String?, limit: Int) async throws -> [String] {
        try await reading { $0.openMapRuns(after: arn, limit: limit) }
    }
    package func loadMapRun(arn: String) async throws -> LoadedMapRun? { try await reading { $0.loadMapRun(arn) } }
    package func startChildren(_ batch: MapRunBatch) async throws {
        let batch = journal.damaged(batch)
        try await writing { try $0.startChildren(batch) }
    }
    package func mapRunCounts(arn: String) async throws -> MapRunCounts { try await reading { $0.mapRunCounts(arn) } }
    package func children(
        ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int
    ) async throws -> [ExecutionRecord] {
        try await reading { $0.children(ofMapRun: arn, afterOrdinal: ordinal, limit: limit) }
    }
    package func executions(
        ofMapRun arn: String, status: ExecutionRecord.Status?, isRedriven: Bool?, after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await reading {
            $0.executions(ofMapRun: arn, status: status, isRedriven: isRedriven, after: after, limit: limit)
        }
    }
    package func childrenToRedrive(
        ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int
    ) async throws -> [ExecutionRecord] {
        try await reading { $0.childrenToRedrive(ofMapRun: arn, afterOrdinal: ordinal, limit: limit) }
    }
    package func redriveChildren(_ redrives: ChildRedrives) async throws {
        let redrives = journal.damaged(redrives)
        try await writing { try $0.redriveChildren(redrives) }
    }
    package func updateMapRun(arn: String, _ settings: MapRunSettings) async throws -> Bool {
        try await writing { $0.updateMapRun(arn, settings) }
    }
    package func setResultsWritten(_ written: MapRunCounts.Pair, ofMapRun arn: String) async throws {
        try await writing { $0.mapRuns[arn]?.resultsWritten = written }
    }
    package func closeMapRun(arn: String, redriveCount: Int, at time: Timestamp) async throws {
        try await writing { $0.closeMapRun(arn, redriveCount, at: time) }
    }

    package func runnableExecutions(after arn: String?, limit: Int) async throws -> [String] {
        try await reading { $0.runnableExecutions(after: arn, limit: limit) }
    }
    package func commands(
        after: (executionArn: String, commandID: String)?, limit: Int
    ) async throws -> [CommandRecord] {
        try await reading { $0.commands(after: after, limit: limit) }
    }
    package func timers(limit: Int) async throws -> [TimerRecord] {
        try await reading { $0.timers(limit: limit) }
    }
}
