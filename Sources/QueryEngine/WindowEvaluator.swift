import Columnar
import Execution
import SparkPlan

/// Window functions over rows that are sorted by partition and order.
///
/// 1. Rows are compared with their predecessors, a whole column at a time, which gives the bounds of partitions and of
///    peers (rows equal in the order).
/// 2. Ranks are counted from the bounds; `lag` and `lead` are gathers.
/// 3. Aggregates are run per frame with the ordinary aggregator: once per partition, or once per peer group on what
///    precedes it, added up row by row.
struct WindowEvaluator {
    private let window: PhysicalPlan.Window
    private let rows: Batch
    /// First row of each partition, and the count of rows.
    private let partitions: [Int]
    /// First row of each peer group, and the count of rows.
    private let peers: [Int]

    /// - Parameter rows: dense, with at least one row.
    init(_ window: PhysicalPlan.Window, rows: Batch) throws {
        self.window = window
        self.rows = rows
        partitions = try Self.bounds(window.partition, rows)
        peers = try Self.bounds(window.partition + window.order.map(\.expression), rows)
    }

    /// Positions where any of the expressions differs from the row before; NULLs are equal.
    private static func bounds(_ expressions: [Expression], _ rows: Batch) throws -> [Int] {
        let count = rows.rowCount
        var starts = [0]
        if !expressions.isEmpty, count > 1 {
            let values = try expressions.map { try ExpressionEvaluator($0).evaluate(rows) }
            let before = values.map { $0.slice(0..<(count - 1)) }
            let after = values.map { $0.slice(1..<count) }
            let types = expressions.map(\.dataType)
            let pairs = Batch(
                schema: StructType((types + types).map { StructField("", $0) }), columns: before + after, rowCount: count - 1)
            let tests = types.enumerated().map { index, type in
                Expression.call(
                    "<=>",
                    [
                        .column(index: index, type, nullable: true),
                        .column(index: index + types.count, type, nullable: true),
                    ], .boolean)
            }
            let equal = try ExpressionEvaluator(.call("not", [Expression.conjunction(tests)], .boolean)).select(pairs)
            starts += equal.map { Int($0) + 1 }
        }
        return starts + [count]
    }

    func evaluate(schema: StructType) throws -> [Batch] {
        let added = try window.functions.map { try column($0) }
        let all = Batch(schema: schema, columns: rows.columns + added, rowCount: rows.rowCount)
        return stride(from: 0, to: all.rowCount, by: Batch.maxRows).map {
            all.slice($0..<min($0 + Batch.maxRows, all.rowCount))
        }
    }

    private func column(_ call: WindowCall) throws -> ColumnVector {
        switch call.function.rawValue {
        case "row_number": return ints { row, partition, _, _ in Int32(truncatingIfNeeded: row - partition.lowerBound + 1) }
        case "rank": return ints { _, partition, peers, _ in Int32(truncatingIfNeeded: peers.lowerBound - partition.lowerBound + 1) }
        case "dense_rank": return ints { _, _, _, dense in Int32(truncatingIfNeeded: dense) }
        case "percent_rank":
            return doubles { partition, peers in
                partition.count == 1 ? 0 : Double(peers.lowerBound - partition.lowerBound) / Double(partition.count - 1)
            }
        case "cume_dist":
            return doubles { partition, peers in Double(peers.upperBound - partition.lowerBound) / Double(partition.count) }
        case "ntile": return try ntile(call)
        case "lag", "lead": return try shifted(call)
        default: return try aggregate(call)
        }
    }

    /// Calls `body` for every row with its partition, its peers and the peers' number in the partition, from 1.
    private func forEachRow(_ body: (Int, Range<Int>, Range<Int>, Int) -> Void) {
        var peer = 0
        for index in 0..<(partitions.count - 1) {
            let partition = partitions[index]..<partitions[index + 1]
            var number = 0
            while peer < peers.count - 1, peers[peer] < partition.upperBound {
                number += 1
                let range = peers[peer]..<peers[peer + 1]
                for row in range { body(row, partition, range, number) }
                peer += 1
            }
        }
    }

    private func ints(_ body: (Int, Range<Int>, Range<Int>, Int) -> Int32) -> ColumnVector {
        let builder = FixedWidthBuilder<Int32>(zero: 0, capacity: rows.rowCount)
        forEachRow { builder.append(body($0, $1, $2, $3)) }
        return builder.finish(.int)
    }

    private func doubles(_ body: (Range<Int>, Range<Int>) -> Double) -> ColumnVector {
        let builder = FixedWidthBuilder<Double>(zero: 0, capacity: rows.rowCount)
        forEachRow { _, partition, peers, _ in builder.append(body(partition, peers)) }
        return builder.finish(.double)
    }

    private func constant(_ expression: Expression, _ what: String) throws -> Int {
        guard case .literal(let value, _) = expression, let number = value.int64Value, let small = Int32(exactly: number) else {
            throw SparkError.unsupported("\(what) that is not a constant")
        }
        return Int(small)
    }

    private func ntile(_ call: WindowCall) throws -> ColumnVector {
        let buckets = try constant(call.arguments[0], "a number of buckets")
        guard buckets > 0 else {
            throw SparkError.mismatchedBuckets(buckets)
        }
        return ints { row, partition, _, _ in
            let size = partition.count / buckets
            let larger = partition.count % buckets
            let position = row - partition.lowerBound
            let bucket = position < larger * (size + 1)
                ? position / (size + 1) : larger + (position - larger * (size + 1)) / max(size, 1)
            return Int32(truncatingIfNeeded: bucket + 1)
        }
    }

    private func shifted(_ call: WindowCall) throws -> ColumnVector {
        let distance = try constant(call.arguments[1], "an offset") * (call.function == "lag" ? -1 : 1)
        let values = try ExpressionEvaluator(call.arguments[0]).evaluate(rows)
        let standards = try ExpressionEvaluator(call.arguments[2]).evaluate(rows)
        let both = ColumnVector.concatenate([values, standards], as: call.resultType)
        var indices: [Int32] = []
        indices.reserveCapacity(rows.rowCount)
        let count = rows.rowCount
        forEachRow { row, partition, _, _ in
            let source = row + distance
            indices.append(Int32(truncatingIfNeeded: partition.contains(source) ? source : count + row))
        }
        return indices.withUnsafeBufferPointer { both.gather($0) }
    }

    // MARK: - Aggregates

    private func aggregate(_ call: WindowCall) throws -> ColumnVector {
        let aggregates = [
            AggregateCall(function: call.function, arguments: call.arguments, resultType: call.resultType)
        ]
        let schema = StructType([StructField("v", call.resultType)])
        func make() throws -> HashAggregator {
            try HashAggregator(grouping: [], aggregates: aggregates, schema: schema, memory: .unlimited)
        }
        /// The value of each frame, and how many rows have it.
        var results: [Batch] = []
        var repeats: [Int] = []
        func note(_ aggregator: HashAggregator, _ rows: Int) throws {
            results += try aggregator.finish()
            repeats.append(rows)
        }
        for index in 0..<(partitions.count - 1) {
            let partition = partitions[index]..<partitions[index + 1]
            if call.frame == .partition {
                let aggregator = try make()
                try aggregator.add(rows.slice(partition))
                try note(aggregator, partition.count)
                continue
            }
            let aggregator = try make()
            let steps = call.frame == .runningRows ? partition.map { $0..<($0 + 1) } : peerRanges(in: partition)
            for step in steps {
                try aggregator.add(rows.slice(step))
                // Merging into a fresh one leaves the running one as it is.
                let copy = try make()
                try copy.merge(aggregator)
                try note(copy, step.count)
            }
        }
        let values = Batch.concatenate(results).columns[0]
        var indices: [Int32] = []
        indices.reserveCapacity(rows.rowCount)
        for (index, count) in repeats.enumerated() {
            indices += Array(repeating: Int32(truncatingIfNeeded: index), count: count)
        }
        return indices.withUnsafeBufferPointer { values.gather($0) }
    }

    private func peerRanges(in partition: Range<Int>) -> [Range<Int>] {
        // The first peer group at or after the partition's first row, by binary search.
        var low = 0
        var high = peers.count - 1
        while low < high {
            let middle = (low + high) / 2
            if peers[middle] < partition.lowerBound { low = middle + 1 } else { high = middle }
        }
        var ranges: [Range<Int>] = []
        while low < peers.count - 1, peers[low] < partition.upperBound {
            ranges.append(peers[low]..<peers[low + 1])
            low += 1
        }
        return ranges
    }
}

extension SparkError {
    fileprivate static func mismatchedBuckets(_ buckets: Int) -> SparkError {
        SparkError(
            condition: "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", sqlState: "42K09",
            message: "Cannot resolve \"ntile(\(buckets))\" due to data type mismatch: The `buckets` must be between (0, 2147483647] (current value = \(buckets)).")
    }
}
