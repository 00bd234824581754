package import Columnar
import Execution
package import SparkPlan
import Synchronization

/// Runs physical plans on plain threads.
///
/// A plan becomes an ordered list of morsels: a scan's tasks with the streaming operators above it stacked on each. An
/// operator that needs all of its input (aggregate, sort, the built side of a join) runs the morsels it has, in
/// parallel, merges what they give in morsel order, and starts a new list. So the result is the same for any number of
/// threads.
package final class QueryExecutor: Sendable {
    struct Morsel: Sendable {
        var estimatedBytes: Int64
        /// Called on a worker thread.
        var open: @Sendable () throws -> any PhysicalOperator
    }

    struct MorselSet: Sendable {
        var schema: StructType
        var morsels: [Morsel]
    }

    /// Input that one writer gets at least and at most, so that the number of output files follows from the input and
    /// not from the number of threads.
    private static let writerBytes: ClosedRange<Int64> = (32 << 20)...(256 << 20)
    private static let writersWanted: Int64 = 16

    let workers: Int
    let batchRows: Int
    package let cancellation: CancellationFlag
    package let metrics: QueryMetrics
    let memory: MemoryPool

    package init(
        workers: Int, batchRows: Int, cancellation: CancellationFlag, metrics: QueryMetrics,
        memory: MemoryPool = .unlimited
    ) {
        self.memory = memory
        self.workers = max(1, workers)
        self.batchRows = max(1, min(batchRows, Batch.rowsLimit))
        self.cancellation = cancellation
        self.metrics = metrics
    }

    /// All rows, in order.
    package func collect(_ plan: PhysicalPlan) throws -> [Batch] { try collect(try prepare(plan)) }

    /// Drives a sink: several writers in parallel, then one commit. A failure aborts the sink.
    package func write(_ plan: PhysicalPlan, to sink: any TableSink) throws -> WriteResult {
        let set = try prepare(plan)
        stage("write", tasks: set.morsels.count)
        let groups = Self.grouped(set.morsels)
        let shared = OutputBox()
        do {
            let metrics = metrics
            let cancellation = cancellation
            let outputs = try parallelMap(count: groups.count, workers: workers, cancellation: cancellation) { index in
                let writer = try sink.writer(ordinal: index)
                do {
                    for morsel in groups[index] {
                        let input = try morsel.open()
                        while let batch = try input.next() {
                            try cancellation.check()
                            try writer.write(batch)
                            let rows = Int64(batch.selectedCount)
                            metrics.update { $0.rowsWritten += rows }
                        }
                        metrics.update { $0.tasksDone += 1 }
                    }
                } catch {
                    // Closing makes the files known to `abort`; its own failure is less telling than the first one.
                    if let partial = try? writer.finish() { shared.outputs.withLock { $0.append(partial) } }
                    throw error
                }
                let output = try writer.finish()
                shared.outputs.withLock { $0.append(output) }
                metrics.update { $0.bytesWritten += output.bytes }
                return output
            }
            return try sink.commit(outputs)
        } catch {
            sink.abort(shared.outputs.withLock { $0 })
            throw error
        }
    }

    private static func grouped(_ morsels: [Morsel]) -> [[Morsel]] {
        let total = morsels.reduce(Int64(0)) { $0 &+ $1.estimatedBytes }
        let target = min(max(total / writersWanted, writerBytes.lowerBound), writerBytes.upperBound)
        var groups: [[Morsel]] = [[]]
        var bytes: Int64 = 0
        for morsel in morsels {
            if bytes > 0, bytes + morsel.estimatedBytes > target {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append(morsel)
            bytes += morsel.estimatedBytes
        }
        return groups
    }

    func collect(_ set: MorselSet) throws -> [Batch] { try collectPerMorsel(set).flatMap { $0 } }

    private func collectPerMorsel(_ set: MorselSet) throws -> [[Batch]] {
        let morsels = set.morsels
        let metrics = metrics
        stage("run", tasks: morsels.count)
        return try parallelMap(count: morsels.count, workers: workers, cancellation: cancellation) { [cancellation] index in
            let input = try morsels[index].open()
            var batches: [Batch] = []
            while let batch = try input.next() {
                try cancellation.check()
                batches.append(batch)
            }
            metrics.update { $0.tasksDone += 1 }
            return batches
        }
    }

    private func stage(_ name: String, tasks: Int) {
        metrics.update {
            $0.stage = name
            $0.tasks += tasks
        }
    }

    // MARK: - Plans to morsels

    func prepare(_ plan: PhysicalPlan) throws -> MorselSet {
        switch plan {
        case .scan(let scan): return try self.scan(scan, schema: plan.schema)
        case .values(let values):
            let schema = values.schema
            let rows = values.rows
            return one(schema) {
                BatchesOperator(
                    schema: schema, batches: rows.isEmpty ? [] : [try Batch(schema: schema, rows: rows)])
            }
        case .filter(let condition, let input):
            return try stacked(input) { try FilterOperator(condition: condition, input: $0) }
        case .project(let list, let input):
            let schema = plan.schema
            let expressions = list.map(\.expression)
            return try stacked(input, schema: schema) { try ProjectOperator(expressions, schema: schema, input: $0) }
        case .hashAggregate(let node): return try aggregate(node, schema: plan.schema)
        case .hashJoin(let join): return try self.join(join, schema: plan.schema)
        case .sort(let orders, let limit, let input): return try sort(orders, limit: limit, input)
        case .limit(let count, let offset, let input): return try self.limit(count, offset, input)
        case .union(let inputs):
            let schema = plan.schema
            var morsels: [Morsel] = []
            for input in inputs {
                morsels += try prepare(input).morsels.map { morsel in
                    Morsel(estimatedBytes: morsel.estimatedBytes) {
                        UnionOperator(schema: schema, inputs: [try morsel.open()])
                    }
                }
            }
            return MorselSet(schema: schema, morsels: morsels)
        case .window(let window): return try self.window(window, schema: plan.schema)
        }
    }

    private func one(_ schema: StructType, _ open: @escaping @Sendable () throws -> any PhysicalOperator) -> MorselSet {
        MorselSet(schema: schema, morsels: [Morsel(estimatedBytes: 0, open: open)])
    }

    func materialized(_ schema: StructType, _ batches: [Batch]) -> MorselSet {
        one(schema) { BatchesOperator(schema: schema, batches: batches) }
    }

    private func stacked(
        _ input: PhysicalPlan, schema: StructType? = nil,
        _ wrap: @escaping @Sendable (any PhysicalOperator) throws -> any PhysicalOperator
    ) throws -> MorselSet {
        let set = try prepare(input)
        return MorselSet(
            schema: schema ?? set.schema,
            morsels: set.morsels.map { morsel in
                Morsel(estimatedBytes: morsel.estimatedBytes) { try wrap(try morsel.open()) }
            })
    }

    private func scan(_ scan: PhysicalPlan.Scan, schema: StructType) throws -> MorselSet {
        guard let source = scan.relation as? any TableSource else {
            throw SparkError.internal("the relation \(scan.relation.explainName) cannot be read")
        }
        let tasks = try source.scan(
            ScanRequest(columns: scan.columns, filters: scan.filters, batchRows: batchRows))
        let metrics = metrics
        let cancellation = cancellation
        return MorselSet(
            schema: schema,
            morsels: tasks.map { task in
                Morsel(estimatedBytes: task.estimatedBytes) {
                    let reader = try task.open()
                    var counted: Int64 = 0
                    return FunctionOperator(schema: schema) {
                        try cancellation.check()
                        let batch = try reader.next()
                        let bytes = reader.bytesRead
                        let rows = Int64(batch?.selectedCount ?? 0)
                        let more = bytes - counted
                        metrics.update {
                            $0.rowsRead += rows
                            $0.bytesRead += more
                        }
                        counted = bytes
                        return batch
                    }
                }
            })
    }

    /// The first rows in morsel order: morsels are run a few at a time until there are enough.
    private func limit(_ count: Int64?, _ offset: Int64, _ input: PhysicalPlan) throws -> MorselSet {
        let set = try prepare(input)
        let schema = set.schema
        guard let count else {
            let batches = try collect(set)
            return one(schema) {
                LimitOperator(count: nil, offset: offset, input: BatchesOperator(schema: schema, batches: batches))
            }
        }
        let (sum, overflow) = count.addingReportingOverflow(offset)
        let wanted = overflow ? Int64.max : sum
        var batches: [Batch] = []
        var rows: Int64 = 0
        var next = 0
        while rows < wanted, next < set.morsels.count {
            let end = min(next + workers, set.morsels.count)
            let part = MorselSet(
                schema: schema,
                morsels: set.morsels[next..<end].map { morsel in
                    Morsel(estimatedBytes: 0) { LimitOperator(count: wanted, offset: 0, input: try morsel.open()) }
                })
            for batch in try collect(part) {
                rows += Int64(batch.selectedCount)
                batches.append(batch)
            }
            next = end
        }
        let found = batches
        return one(schema) {
            LimitOperator(count: count, offset: offset, input: BatchesOperator(schema: schema, batches: found))
        }
    }
}

private final class OutputBox: Sendable {
    let outputs = Mutex<[WriterOutput]>([])
}
