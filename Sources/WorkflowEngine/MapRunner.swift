import JSONModel
import Logging
import StateStore
import StatesLanguage
import StatesRuntime
import Support

/// Takes one map run to its end: reads items, starts children in batches, counts those that end, hands over the result.
///
/// 1. A batch of children and the reader's place behind them are one write: after a crash no item is lost and none has
///    two children. A STANDARD child takes its first step before that write; many need no other.
/// 2. An EXPRESS child has a record from its end on. The reader's place is that of the first child without one, and what
///    stands beyond it is passed over: the rest runs again as a whole.
/// 3. A redrive lets children go on that have not succeeded, in the order of their ordinals, before further ones are
///    started. Which of them it has seen to is in their records.
/// 4. How children fared is counted from their records, so that no counter can disagree with them.
///
/// Used by one task at a time; everything else talks to it through its cell.
final class MapRunner {
    /// As many children run at once at most.
    /// - Source: Step Functions, "Quotas", distributed Map.
    private static let concurrencyMax: Int64 = 10_000
    /// Children of one write.
    static let batchMax = 250
    /// About as many bytes of input are read for one write.
    private static let batchBytesMax = 4 << 20
    /// Items of one child at most when only bytes limit a batch.
    private static let itemsPerBatchMax = 100_000

    /// A child that has begun.
    struct Child {
        var executionArn: String
        var itemCount: Int64
        /// Where its items begin.
        var cursor: ItemCursor
        /// The redrive that let it go on.
        var redriveCount: Int
        /// Whether an EXPRESS child has a record of an end before.
        var isRepeated = false
        /// Of an EXPRESS child.
        var express: (record: ExecutionRecord, pending: PendingCommand)?
    }

    let engine: WorkflowEngine
    let cell: MapRunCell
    private(set) var run: MapRunRecord
    let start: MapRunStart
    private let definition: StateMachineDefinition
    /// What the records of children say of their machine: no more than they need, as there are many of them.
    private let childMachine: StateMachineRecord
    let isExpress: Bool
    private let namePrefix: UInt64
    let payloadBytesMax: Int
    private var items: MapRunItems
    var source: (any ItemSource)?
    private var arrivals: AsyncStream<Void>.AsyncIterator

    /// Read, and not yet given to a child.
    private var read: ArraySlice<ReadItem> = []
    /// Where the next child's items begin.
    var cursor: ItemCursor
    private var nextOrdinal: Int64
    private var isExhausted = false
    private var counts: MapRunCounts
    var children: [Int64: Child] = [:]
    /// Of those.
    private var runningItems: Int64 = 0
    private var repeated = MapRunCounts.Pair()
    /// No child with a lower ordinal runs.
    private var firstOrdinal: Int64
    /// Children beyond `run.nextOrdinal` that have records.
    private var early: Set<Int64>
    /// EXPRESS children that have ended, to be written.
    var finished: [ExecutionRecord] = []
    /// Those that have records already.
    private var finishedAgain: [ExecutionRecord] = []
    /// Children up to this ordinal have been seen to by the redrive.
    var redrivenOrdinal: Int64 = -1
    var isRedriveLeft: Bool
    var failure: MapRunFailure?
    /// Why no further item can be read; what was read before comes first.
    private var readingFailure: MapRunFailure?
    var isStopping = false
    var isCancelled: Bool

    init(_ engine: WorkflowEngine, _ cell: MapRunCell, _ loaded: LoadedMapRun, parent: ExecutionRecord) throws {
        self.engine = engine
        self.cell = cell
        run = loaded.record
        start = try MapRunStart(mapRunArn: run.arn, configuration: run.configuration)
        definition = try engine.definitions.definition(run.childMachine.definition, type: run.childMachine.type)
        var machine = run.childMachine
        machine.configuration = machine.configuration["loggingConfiguration"].map { logging in
            machine.logDestination == nil ? [:] : ["loggingConfiguration": logging]
        } ?? [:]
        childMachine = machine
        isExpress = run.childMachine.type == StateMachineType.express.rawValue
        namePrefix = StepSeed(secret: run.secret, step: .min).high >> 32
        payloadBytesMax = engine.limits(of: parent.stateMachine).payloadBytesMax
        items = try MapRunItems(
            definition: engine.definitions.definition(parent.stateMachine.definition, type: parent.stateMachine.type),
            execution: ExecutionIdentity(parent), start: start, limits: engine.limits(of: parent.stateMachine))
        // What no child has been started for is read as it is now.
        cursor = run.nextOrdinal == 0 ? ItemCursor() : run.cursor.map { ItemCursor($0) } ?? ItemCursor()
        nextOrdinal = run.nextOrdinal
        counts = loaded.counts
        early = loaded.early
        isCancelled = run.status != .running || parent.status != .running
        arrivals = cell.arrivals.makeAsyncIterator()
        counts[.running] = MapRunCounts.Pair()
        isRedriveLeft = run.redriveCount > 0
        firstOrdinal = loaded.running.map(\.ordinal).min() ?? nextOrdinal
        for child in loaded.running {
            add(
                Child(
                    executionArn: child.executionArn, itemCount: child.itemCount, cursor: cursor,
                    redriveCount: child.redriveCount), child.ordinal)
        }
    }

    /// Drives the run until it is over and its execution knows, or throws what makes a new attempt necessary.
    func drive() async throws {
        while true {
            try Task.checkCancellation()
            receive(cell.take())
            if isCancelled {
                stopChildren()
                if try await writeFinished() { continue }
                if children.isEmpty { return try await close() }
            } else if failure == nil, isThresholdExceeded {
                failure = .thresholdExceeded
                continue
            } else if let failure {
                stopChildren()
                if try await writeFinished() { continue }
                if children.isEmpty { return try await end(failure) }
            } else if isRedriveLeft, room > 0 {
                try await redriveChildren()
                continue
            } else if !isExhausted, room > 0 {
                do {
                    try await startChildren()
                } catch let error as MapRunFailure {
                    failure = error
                }
                continue
            } else {
                if try await writeFinished() { continue }
                if isExhausted, !isRedriveLeft, children.isEmpty { return try await succeed() }
            }
            await arrivals.next()
        }
    }

    // MARK: - What arrives

    func receive(_ mail: MapRunCell.Mail) {
        if mail.cancelledRedrive == run.redriveCount { isCancelled = true }
        if let settings = mail.settings { run.settings = settings }
        for end in mail.ended {
            // Word of an end before a redrive may come late.
            guard children[end.child.ordinal]?.redriveCount == end.child.redriveCount else { continue }
            if let child = remove(end.child.ordinal) { count(end.status, child.itemCount) }
        }
        for record in mail.finished {
            guard let ordinal = record.mapRun?.ordinal, let child = remove(ordinal) else { continue }
            finish(child, record)
        }
        showRunning()
    }

    func count(_ status: ExecutionRecord.Status, _ items: Int64) {
        counts[status] += MapRunCounts.Pair(executions: 1, items: items)
    }

    /// Notes that an EXPRESS child has ended.
    func finish(_ child: Child, _ record: ExecutionRecord) {
        count(record.status, child.itemCount)
        if child.isRepeated { finishedAgain.append(record) } else { finished.append(record) }
    }

    func add(_ child: Child, _ ordinal: Int64) {
        children[ordinal] = child
        runningItems += child.itemCount
        if child.isRepeated { repeated += MapRunCounts.Pair(executions: 1, items: child.itemCount) }
    }

    func remove(_ ordinal: Int64) -> Child? {
        guard let child = children.removeValue(forKey: ordinal) else { return nil }
        runningItems -= child.itemCount
        if child.isRepeated { repeated -= MapRunCounts.Pair(executions: 1, items: child.itemCount) }
        return child
    }

    func showRunning() {
        cell.show(running: MapRunCounts.Pair(executions: Int64(children.count), items: runningItems), repeated: repeated)
    }

    var room: Int {
        let limit = run.settings.maxConcurrency
        return Int(limit == 0 ? Self.concurrencyMax : min(limit, Self.concurrencyMax)) - children.count
    }

    /// Failures are counted by items; how many per cent they are is known when all items are.
    /// - Source: Step Functions, "Tolerated failure threshold for Distributed Map state".
    private var isThresholdExceeded: Bool {
        let failed = counts[.failed].items + counts[.timedOut].items
        guard failed > 0 else { return false }
        let count = run.settings.toleratedFailureCount, percentage = run.settings.toleratedFailurePercentage
        if count == nil, percentage == nil { return true }
        if let count, failed > count { return true }
        guard let percentage else { return false }
        if percentage == 0 { return true }
        guard let total = run.itemCount ?? (isExhausted ? Int64(cursor.items) : nil) else { return false }
        return !isTolerated(failed, of: total, percentage: percentage)
    }

    // MARK: - Starting

    private func startChildren() async throws {
        if source == nil {
            let values = try run.items.map { try JSONValue(parsing: $0, limits: JSONLimits(maxDepth: 1_000)).array ?? [] }
            source = try start.source(items: values, from: cursor, engine.objects)
        }
        let inputs = try await nextInputs(atMost: min(room, Self.batchMax))
        if isExpress {
            startExpress(inputs)
            _ = try await writeFinished()
        } else if !inputs.isEmpty {
            try await startStandard(inputs)
        }
        showRunning()
    }

    struct ChildInput {
        var ordinal: Int64
        var input: Payload
        var itemCount: Int64
        var cursor: ItemCursor
    }

    /// The inputs of the next children, none only at the end.
    private func nextInputs(atMost limit: Int) async throws -> [ChildInput] {
        var inputs: [ChildInput] = []
        var bytes = 0
        if let readingFailure { throw readingFailure }
        do {
            while inputs.count < limit, bytes < Self.batchBytesMax, let next = try await nextInput() {
                defer { nextOrdinal += 1 }
                if early.remove(nextOrdinal) != nil { continue }
                bytes += next.input.text.utf8.count
                inputs.append(next)
            }
        } catch let error as MapRunFailure {
            if inputs.isEmpty { throw error }
            readingFailure = error
        }
        return inputs
    }

    func nextInput() async throws -> ChildInput? {
        let begin = cursor
        do {
            return try await input(from: begin)
        } catch {
            cursor = begin
            throw error
        }
    }

    private func input(from begin: ItemCursor) async throws -> ChildInput? {
        guard let batcher = start.batcher else {
            guard let item = try await nextItem() else { return nil }
            cursor = item.after
            return ChildInput(ordinal: nextOrdinal, input: Payload(try value(item)), itemCount: 1, cursor: begin)
        }
        var values: [JSONValue] = []
        var bytes: Int64 = 0
        while values.count < Int(clamping: batcher.maxItems ?? Int64(Self.itemsPerBatchMax)), let item = try await nextItem() {
            let value = try value(item)
            bytes += Int64(value.text.utf8.count)
            // An item that is too large by itself is a batch of one.
            if let limit = batcher.maxBytes, bytes > limit, !values.isEmpty {
                read = [item] + read
                break
            }
            values.append(value)
            cursor = item.after
        }
        guard !values.isEmpty else { return nil }
        var input = JSONObject()
        if let batchInput = batcher.batchInput { input["BatchInput"] = batchInput }
        input["Items"] = .array(values)
        return ChildInput(
            ordinal: nextOrdinal, input: Payload(.object(input)), itemCount: Int64(values.count), cursor: begin)
    }

    private func nextItem() async throws -> ReadItem? {
        if let item = read.popFirst() { return item }
        if isExhausted { return nil }
        var limit = Self.batchMax
        // What has been read is in `cursor`, as nothing waits in `read`.
        if let maxItems = start.reader?.maxItems { limit = min(limit, Int(clamping: maxItems) - cursor.items) }
        let items = limit > 0 ? try await source?.next(atMost: limit) ?? [] : []
        if items.isEmpty { isExhausted = true }
        read = items[...]
        return read.popFirst()
    }

    private func value(_ item: ReadItem) throws -> JSONValue {
        let seed = StepSeed(secret: run.secret, step: Int64(item.item.index))
        return try items.input(for: item.item, in: StepContext(now: engine.clock.now(), seed: seed))
    }

    /// A child as it is before its first step. Repeated for the same ordinal it is the same but for its start.
    func record(_ child: ChildInput) -> ExecutionRecord {
        let machine = childMachine
        let name = name(child.ordinal)
        let resource = isExpress ? "express:\(machine.name):\(name):\(name)" : "execution:\(machine.name):\(name)"
        let arn = ARN(service: "states", region: machine.region, account: machine.account, resource: resource)
        var record = ExecutionRecord(
            arn: arn.description, account: machine.account, region: machine.region, name: name, stateMachine: machine,
            input: child.input.text, startedAt: engine.clock.now(),
            secret: derivedSecret(of: "child \(child.ordinal)\(run.redriveCount == 0 ? "" : " \(run.redriveCount)")", from: run.secret))
        record.mapRun = MapRunMembership(
            mapRunArn: run.arn, ordinal: child.ordinal, itemCount: child.itemCount, redriveCount: run.redriveCount)
        return record
    }

    /// A UUID. Those of one run ascend, so that the rows of a batch stand together in the store: in it stand 32 bits of the
    /// run, 42 of the ordinal and 48 that nobody can guess.
    private func name(_ ordinal: Int64) -> String {
        let seed = StepSeed(secret: run.secret, step: -1 - ordinal), ordinal = UInt64(ordinal)
        let high = namePrefix << 32 | (ordinal >> 26 & 0xFFFF) << 16 | 0x4000 | (ordinal >> 14 & 0xFFF)
        let low = 0b10 << 62 | (ordinal & 0x3FFF) << 48 | seed.low >> 16
        return uuidText(high: high, low: low)
    }

    private func startStandard(_ inputs: [ChildInput]) async throws {
        var batch = MapRunBatch(
            mapRunArn: run.arn, ordinals: run.nextOrdinal..<nextOrdinal, cursor: cursor.json)
        let missing = try await engine.missingActivities(of: definition)
        var begun: [BegunExecution] = []
        defer { for child in begun { engine.letGo(child) } }
        for input in inputs {
            let child = try BegunExecution(record(input), input.input, definition, missing: missing, engine)
            guard engine.hold(child) else { throw ExecutionError("\(child.record.arn) is taken by an attempt before") }
            batch.children.append(child.durable)
            begun.append(child)
        }
        try await engine.store.startChildren(batch)
        run.nextOrdinal = batch.ordinals.upperBound
        for (input, child) in zip(inputs, begun) {
            if let end = child.step.end {
                count(end.status, input.itemCount)
            } else {
                add(
                    Child(
                        executionArn: child.record.arn, itemCount: input.itemCount, cursor: input.cursor,
                        redriveCount: run.redriveCount), input.ordinal)
            }
            engine.follow(child)
        }
    }

    // MARK: - Express children

    private func startExpress(_ inputs: [ChildInput]) {
        for input in inputs { startExpress(record(input), input.input, cursor: input.cursor, isRepeated: false) }
    }

    func startExpress(_ record: ExecutionRecord, _ input: Payload, cursor: ItemCursor, isRepeated: Bool) {
        guard let membership = record.mapRun else { return }
        let begun = ExpressChild(record, input, definition, engine)
        let pending = PendingCommand(executionArn: record.arn)
        let child = Child(
            executionArn: record.arn, itemCount: membership.itemCount, cursor: cursor, redriveCount: run.redriveCount,
            isRepeated: isRepeated, express: (record, pending))
        if let ended = begun.ended {
            engine.deliverLog(of: begun)
            finish(child, ended)
        } else {
            add(child, membership.ordinal)
            engine.enqueue(.expressChild(begun, pending, cell))
        }
    }

    /// Makes ended EXPRESS children durable. False if there were none.
    func writeFinished() async throws -> Bool {
        guard isExpress else { return false }
        // One that runs again has a record.
        while firstOrdinal < nextOrdinal, children[firstOrdinal].map(\.isRepeated) ?? true { firstOrdinal += 1 }
        let upper = firstOrdinal
        if finished.isEmpty, finishedAgain.isEmpty, upper == run.nextOrdinal { return false }
        var batch = MapRunBatch(
            mapRunArn: run.arn, ordinals: run.nextOrdinal..<upper, cursor: (children[upper]?.cursor ?? cursor).json)
        batch.children = finished.prefix(Self.batchMax).map { NewExecution($0) }
        batch.repeated = Array(finishedAgain.prefix(Self.batchMax))
        let rest = finished.dropFirst(Self.batchMax)
        // The place moves only past children whose records are written.
        if let unwritten = rest.compactMap({ $0.mapRun?.ordinal }).min(), unwritten < upper {
            batch.ordinals = run.nextOrdinal..<run.nextOrdinal
            batch.cursor = run.cursor ?? [:]
        }
        try await engine.store.startChildren(batch)
        run.nextOrdinal = batch.ordinals.upperBound
        run.cursor = batch.cursor
        finished = Array(rest)
        finishedAgain.removeFirst(batch.repeated.count)
        return true
    }
}
