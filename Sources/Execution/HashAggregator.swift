package import Columnar
package import SparkPlan

/// Groups rows and aggregates them. Fed batch by batch; another one, whose rows come later, can be merged in.
///
/// Groups come out in order of their first row. Without grouping there is exactly one result row, even for no input.
package final class HashAggregator {
    private let schema: StructType
    private let grouping: [ExpressionEvaluator]
    private let arguments: [[ExpressionEvaluator]]
    private let filters: [ExpressionEvaluator?]
    private let table: KeyTable?
    private let accumulators: [Accumulator]
    private let reservation: MemoryReservation
    private var groups: [Int32] = []

    /// - Parameter schema: the result's columns: grouping values, then aggregates.
    /// - Throws: `SparkError` for what is not supported.
    package init(grouping: [Expression], aggregates: [AggregateCall], schema: StructType, memory: MemoryPool) throws {
        self.schema = schema
        self.grouping = try grouping.map { try ExpressionEvaluator($0) }
        arguments = try aggregates.map { try $0.arguments.map { try ExpressionEvaluator($0) } }
        filters = try aggregates.map { try $0.filter.map { try ExpressionEvaluator($0) } }
        table = grouping.isEmpty ? nil : try KeyTable(grouping.map(\.dataType))
        accumulators = try aggregates.map { try Accumulator.make($0) }
        reservation = memory.reservation("aggregation")
        if table == nil { for accumulator in accumulators { accumulator.resize(1) } }
    }

    package var groupCount: Int { table?.count ?? 1 }

    /// - Throws: ANSI errors of the arguments; `UNABLE_TO_ACQUIRE_MEMORY`.
    package func add(_ batch: Batch) throws {
        let dense = batch.compacted()
        if dense.rowCount == 0 { return }
        if let table {
            let keys = try grouping.map { try $0.evaluate(dense) }
            try table.insert(table.encoder.encode(keys, rows: dense.rowCount), into: &groups)
        } else {
            groups = Array(repeating: 0, count: dense.rowCount)
        }
        for (index, accumulator) in accumulators.enumerated() {
            accumulator.resize(groupCount)
            if let filter = filters[index] {
                let rows = try filter.select(dense)
                if rows.isEmpty { continue }
                let chosen = rows.withUnsafeBufferPointer { dense.gather($0) }
                let chosenGroups = rows.map { groups[Int($0)] }
                try chosenGroups.withUnsafeBufferPointer { try accumulator.update(try values(index, chosen), $0) }
            } else {
                let columns = try values(index, dense)
                try groups.withUnsafeBufferPointer { try accumulator.update(columns, $0) }
            }
        }
        try reserve()
    }

    private func values(_ index: Int, _ batch: Batch) throws -> [ColumnVector] { try arguments[index].map { try $0.evaluate(batch) } }

    /// Adds the groups of another aggregator of the same plan, whose rows follow this one's.
    package func merge(_ other: HashAggregator) throws {
        if let table, let theirs = other.table {
            if theirs.count == 0 { return }
            try table.insert(theirs.encodedKeys(), into: &groups)
        } else {
            groups = [0]
        }
        for (mine, theirs) in zip(accumulators, other.accumulators) {
            mine.resize(groupCount)
            theirs.resize(other.groupCount)
            try groups.withUnsafeBufferPointer { try mine.merge(theirs, $0) }
        }
        try reserve()
    }

    private func reserve() throws {
        try reservation.resize(to: (table?.byteSize ?? 0) + accumulators.reduce(0) { $0 + $1.byteSize })
    }

    /// The result, in batches.
    package func finish() throws -> [Batch] {
        var batches: [Batch] = []
        var start = 0
        while start < groupCount {
            let range = start..<min(start + Batch.maxRows, groupCount)
            for accumulator in accumulators { accumulator.resize(groupCount) }
            let keys = table?.decode(range) ?? []
            let results = try accumulators.map { try $0.finish(range) }
            batches.append(Batch(schema: schema, columns: keys + results, rowCount: range.count))
            start = range.upperBound
        }
        return batches
    }
}
