import Columnar
import Execution
import SparkPlan
import Synchronization

extension QueryExecutor {
    /// Each morsel has its own aggregator; they are merged in morsel order, as soon as it is a morsel's turn.
    func aggregate(_ node: PhysicalPlan.HashAggregate, schema: StructType) throws -> MorselSet {
        let input = try prepare(node.input)
        let grouping = node.grouping.map(\.expression)
        let aggregates = node.aggregates
        let memory = memory
        let make: @Sendable () throws -> HashAggregator = {
            try HashAggregator(grouping: grouping, aggregates: aggregates, schema: schema, memory: memory)
        }
        let merger = OrderedMerger<HashAggregator>(first: try make()) { try $0.merge($1) }
        try forEachMorsel(input, name: "aggregate") { index, rows, cancellation in
            let aggregator = try make()
            while let batch = try rows.next() {
                try cancellation.check()
                try aggregator.add(batch)
            }
            try merger.add(index, aggregator)
        }
        return materialized(schema, try merger.result().finish())
    }

    /// Runs every morsel of a set on the workers.
    func forEachMorsel(
        _ set: MorselSet, name: String,
        _ body: @escaping @Sendable (Int, any PhysicalOperator, CancellationFlag) throws -> Void
    ) throws {
        let morsels = set.morsels
        let metrics = metrics
        let cancellation = cancellation
        metrics.update {
            $0.stage = name
            $0.tasks += morsels.count
        }
        _ = try parallelMap(count: morsels.count, workers: workers, cancellation: cancellation) { index in
            try body(index, try morsels[index].open(), cancellation)
            metrics.update { $0.tasksDone += 1 }
            return true
        }
    }
}

/// Merges partial results strictly in index order while they arrive in any order. Those that came early wait.
private final class OrderedMerger<Partial>: @unchecked Sendable {
    // Unchecked: all fields are only touched under `lock`.
    private let lock = Mutex<Void>(())
    private var next = 0
    private var waiting: [Int: Partial] = [:]
    private let total: Partial
    private let merge: (Partial, Partial) throws -> Void

    init(first: Partial, merge: @escaping (Partial, Partial) throws -> Void) {
        total = first
        self.merge = merge
    }

    func add(_ index: Int, _ partial: sending Partial) throws {
        let box = UncheckedBox(partial)
        try lock.withLock { _ in
            waiting[index] = box.value
            while let ready = waiting.removeValue(forKey: next) {
                next += 1
                try merge(total, ready)
            }
        }
    }

    func result() -> Partial { lock.withLock { _ in UncheckedBox(total) }.value }
}

/// Hands a value to another thread that takes sole possession of it.
struct UncheckedBox<Value>: @unchecked Sendable {
    // Unchecked: made and opened once, around a transfer.
    let value: Value
    init(_ value: Value) { self.value = value }
}

extension QueryExecutor {
    /// The build side becomes a shared table, the morsels of the probe side stream through it.
    func join(_ join: PhysicalPlan.HashJoin, schema: StructType) throws -> MorselSet {
        let buildLeft = join.buildSide == .left
        let build = buildLeft ? join.left : join.right
        let table = try JoinTable(
            keys: buildLeft ? join.leftKeys : join.rightKeys, nullSafeKeys: join.nullSafeKeys, schema: build.schema,
            memory: memory)
        for batch in try collect(try prepare(build)) { try table.add(batch) }
        try table.seal()
        let probe = try prepare(buildLeft ? join.right : join.left)
        let probeKeys = buildLeft ? join.rightKeys : join.leftKeys
        let joined = MorselSet(
            schema: schema,
            morsels: probe.morsels.map { morsel in
                Morsel(estimatedBytes: morsel.estimatedBytes) {
                    try HashJoinOperator(
                        type: join.type, table: table, buildSide: join.buildSide, probeKeys: probeKeys,
                        residual: join.residual, nullAware: join.nullAware, schema: schema, input: try morsel.open())
                }
            })
        guard HashJoinOperator.needsRemaining(join.type, buildSide: join.buildSide) else { return joined }
        let matched = try collect(joined)
        let rest = HashJoinOperator.remaining(of: table, type: join.type, buildSide: join.buildSide, schema: schema)
        return materialized(schema, matched + rest)
    }

    /// One sorter takes the morsels in order; with a limit each morsel keeps only its own first rows before.
    func sort(_ orders: [SortOrder], limit: Int64?, _ input: PhysicalPlan) throws -> MorselSet {
        let set = try prepare(input)
        let schema = set.schema
        let memory = memory
        let make: @Sendable () throws -> Sorter = { try Sorter(orders, limit: limit, schema: schema, memory: memory) }
        let merger = OrderedMerger<Sorter>(first: try make()) { try $0.merge($1) }
        try forEachMorsel(set, name: "sort") { index, rows, cancellation in
            let sorter = try make()
            while let batch = try rows.next() {
                try cancellation.check()
                try sorter.add(batch)
            }
            try merger.add(index, sorter)
        }
        return materialized(schema, try merger.result().finish())
    }

    func window(_ window: PhysicalPlan.Window, schema: StructType) throws -> MorselSet {
        let keys = window.partition.map { SortOrder($0) } + window.order
        let set = keys.isEmpty ? try prepare(window.input) : try sort(keys, limit: nil, window.input)
        let batches = try collect(set)
        if batches.isEmpty { return materialized(schema, []) }
        let result = try WindowEvaluator(window, rows: Batch.concatenate(batches)).evaluate(schema: schema)
        return materialized(schema, result)
    }
}
