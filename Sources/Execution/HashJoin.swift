import Synchronization
package import Columnar
package import SparkPlan

/// The build side of a hash join: all its rows, and their numbers by key.
///
/// Filled by one thread (`add`, then `seal`), then shared read-only by the probing operators of all workers. Row numbers
/// follow the order of `add`, so results do not depend on the number of threads.
package final class JoinTable: @unchecked Sendable {
    // Unchecked: written before `seal`, read afterwards; `matched` is guarded by its mutex.
    package let schema: StructType
    private let keys: [ExpressionEvaluator]
    private let nullSafe: UInt64
    private let reservation: MemoryReservation
    private var batches: [Batch] = []
    private var byteSize = 0

    fileprivate let table: KeyTable
    fileprivate private(set) var rows: Batch
    /// Rows of key `k`: `rowsOfKey[starts[k]..<starts[k + 1]]`, ascending.
    fileprivate private(set) var starts: [Int32] = [0]
    fileprivate private(set) var rowsOfKey: [Int32] = []
    /// Whether any row has a NULL key.
    fileprivate private(set) var hasNullKey = false
    private let matched = Mutex<[Bool]>([])

    /// - Parameter keys: over the build side's columns; empty for a join without equalities, where every row matches.
    /// - Parameter nullSafeKeys: positions of keys for which NULL equals NULL.
    package init(keys: [Expression], nullSafeKeys: Set<Int> = [], schema: StructType, memory: MemoryPool) throws {
        self.schema = schema
        self.keys = try keys.map { try ExpressionEvaluator($0) }
        nullSafe = nullSafeKeys.reduce(0) { $0 | ($1 < 64 ? 1 << UInt64($1) : 0) }
        table = try KeyTable(keys.map(\.dataType))
        reservation = memory.reservation("hash join")
        rows = Batch(schema: schema, columns: schema.fields.map { ColumnBuilder($0.dataType).finish() }, rowCount: 0)
    }

    package func add(_ batch: Batch) throws {
        let dense = batch.compacted()
        if dense.rowCount == 0 { return }
        byteSize += dense.byteSize
        try reservation.resize(to: byteSize)
        batches.append(dense)
    }

    /// Builds the table. Nothing may be added afterwards.
    package func seal() throws {
        guard batches.reduce(0, { $0 + $1.rowCount }) < Int(Int32.max) else {
            throw SparkError.unsupported("a join whose smaller side has 2^31 rows or more")
        }
        var keyOfRow: [Int32] = []
        var numbers: [Int32] = []
        for batch in batches {
            let columns = try keys.map { try $0.evaluate(batch) }
            let encoded = table.encoder.encode(columns, rows: batch.rowCount)
            try table.insert(encoded, into: &numbers)
            for row in 0..<batch.rowCount {
                let isNull = encoded.hasNull(row, width: table.encoder.width, except: nullSafe)
                if isNull { hasNullKey = true }
                keyOfRow.append(isNull ? -1 : numbers[row])
            }
        }
        var counts = [Int32](repeating: 0, count: table.count + 1)
        for key in keyOfRow where key >= 0 { counts[Int(key) + 1] += 1 }
        for key in 1..<counts.count { counts[key] += counts[key - 1] }
        starts = counts
        rowsOfKey = [Int32](repeating: 0, count: Int(counts[counts.count - 1]))
        var next = counts
        for (row, key) in keyOfRow.enumerated() where key >= 0 {
            rowsOfKey[Int(next[Int(key)])] = Int32(truncatingIfNeeded: row)
            next[Int(key)] += 1
        }
        if !batches.isEmpty { rows = Batch.concatenate(batches) }
        batches = []
        try reservation.resize(to: byteSize + table.byteSize + keyOfRow.count * 8)
        matched.withLock { $0 = Array(repeating: false, count: rows.rowCount) }
    }

    package var rowCount: Int { rows.rowCount }

    /// Keys of probe rows: the number in the table, or -1.
    fileprivate func find(_ columns: [ColumnVector], rowCount: Int, into numbers: inout [Int32]) -> EncodedKeys {
        let encoded = table.encoder.encode(columns, rows: rowCount)
        table.find(encoded, into: &numbers)
        for row in 0..<rowCount where encoded.hasNull(row, width: table.encoder.width, except: nullSafe) { numbers[row] = -1 }
        return encoded
    }

    fileprivate func noteMatched(_ rows: [Bool]) {
        matched.withLock { all in for (row, hit) in rows.enumerated() where hit { all[row] = true } }
    }

    /// Build rows that no probe matched (or, with `wanted` true, those that one did), after all probing operators have
    /// ended. Ascending.
    fileprivate func rows(matched wanted: Bool) -> [Int32] {
        matched.withLock { all in all.enumerated().filter { $0.element == wanted }.map { Int32(truncatingIfNeeded: $0.offset) } }
    }
}

/// Joins the rows of its input (the probe side) with a `JoinTable`. Streaming: keeps the order of the probe rows, and of
/// the build rows within one.
///
/// When the build side is an outer side, or a semi or anti join is built on its left side, what remains comes from
/// `remaining(of:)` once every probing operator is exhausted.
package final class HashJoinOperator: PhysicalOperator {
    package let schema: StructType
    private let type: JoinType
    private let buildIsLeft: Bool
    private let nullAware: Bool
    private let table: JoinTable
    private let input: any PhysicalOperator
    private let keys: [ExpressionEvaluator]
    private let residual: ExpressionEvaluator?
    private let pairSchema: StructType
    private var matched: [Bool] = []
    private var pending: [Batch] = []

    // The batch being joined, and how far it has come.
    private var probe: Batch?
    private var probeRow = 0
    private var matchOffset = 0
    private var numbers: [Int32] = []
    private var nullKeys: [Bool] = []
    private var hits: [Bool] = []

    /// - Parameters:
    ///   - probeKeys: over the input's columns, pairwise of the table's key types.
    ///   - residual: over the left columns followed by the right ones.
    ///   - schema: of the result, as `JoinType.outputFields` gives it.
    package init(
        type: JoinType, table: JoinTable, buildSide: BuildSide, probeKeys: [Expression], residual: Expression?,
        nullAware: Bool = false, schema: StructType, input: any PhysicalOperator
    ) throws {
        self.type = type
        self.table = table
        self.input = input
        self.schema = schema
        self.nullAware = nullAware
        buildIsLeft = buildSide == .left
        keys = try probeKeys.map { try ExpressionEvaluator($0) }
        self.residual = try residual.map { try ExpressionEvaluator($0) }
        let left = buildIsLeft ? table.schema.fields : input.schema.fields
        let right = buildIsLeft ? input.schema.fields : table.schema.fields
        pairSchema = StructType(left + right)
        matched = Array(repeating: false, count: Self.needsRemaining(type, buildSide: buildSide) ? table.rowCount : 0)
    }

    /// Whether rows of the build side are delivered at the end.
    package static func needsRemaining(_ type: JoinType, buildSide: BuildSide) -> Bool {
        switch type {
        case .fullOuter: true
        case .leftOuter, .leftSemi, .leftAnti: buildSide == .left
        case .rightOuter: buildSide == .right
        case .inner, .cross: false
        }
    }

    private var keepsUnmatchedProbe: Bool {
        type == .fullOuter || (type == .leftOuter && !buildIsLeft) || (type == .rightOuter && buildIsLeft)
    }

    package func next() throws -> Batch? {
        while true {
            if !pending.isEmpty { return pending.removeFirst() }
            if probe == nil {
                guard let batch = try input.next() else {
                    if !matched.isEmpty {
                        table.noteMatched(matched)
                        matched = []
                    }
                    return nil
                }
                try start(batch)
            }
            try step()
        }
    }

    private func start(_ batch: Batch) throws {
        probe = batch
        probeRow = 0
        matchOffset = 0
        hits = Array(repeating: false, count: batch.rowCount)
        let columns = try keys.map { try $0.evaluate(batch) }
        _ = table.find(columns, rowCount: batch.rowCount, into: &numbers)
        nullKeys = nullAware ? (0..<batch.rowCount).map { row in columns.contains { $0.isNull(row) } } : []
    }

    /// Joins some more rows of the current batch: at most about one batch of pairs.
    private func step() throws {
        guard let batch = probe else { return }
        var probeRows: [Int32] = []
        var buildRows: [Int32] = []
        let starts = table.starts
        while probeRow < batch.rowCount, probeRows.count < Batch.maxRows {
            let key = Int(numbers[probeRow])
            if key >= 0 {
                let low = Int(starts[key]) + matchOffset
                let high = Int(starts[key + 1])
                let take = min(high - low, Batch.maxRows - probeRows.count)
                for position in low..<(low + take) {
                    probeRows.append(Int32(truncatingIfNeeded: probeRow))
                    buildRows.append(table.rowsOfKey[position])
                }
                if low + take < high {
                    matchOffset += take
                    break
                }
            }
            matchOffset = 0
            probeRow += 1
        }
        if !probeRows.isEmpty { try join(batch, probeRows, buildRows) }
        if probeRow == batch.rowCount { finish(batch) }
    }

    private func join(_ batch: Batch, _ allProbeRows: [Int32], _ allBuildRows: [Int32]) throws {
        var probeRows = allProbeRows
        var buildRows = allBuildRows
        var pairs: Batch?
        if let residual {
            let candidates = pair(batch, probeRows, buildRows)
            let kept = try residual.select(candidates)
            if kept.isEmpty { return }
            if kept.count < candidates.rowCount {
                probeRows = kept.map { allProbeRows[Int($0)] }
                buildRows = kept.map { allBuildRows[Int($0)] }
                pairs = kept.withUnsafeBufferPointer { candidates.gather($0) }
            } else {
                pairs = candidates
            }
        }
        for row in probeRows { hits[Int(row)] = true }
        if !matched.isEmpty { for row in buildRows { matched[Int(row)] = true } }
        if type == .leftSemi || type == .leftAnti { return }
        emit(pairs ?? pair(batch, probeRows, buildRows))
    }

    private func pair(_ batch: Batch, _ probeRows: [Int32], _ buildRows: [Int32]) -> Batch {
        let probeColumns = probeRows.withUnsafeBufferPointer { rows in batch.columns.map { $0.gather(rows) } }
        let buildColumns = buildRows.withUnsafeBufferPointer { rows in
            table.rows.columns.map { $0.gather(rows, negativeIsNull: true) }
        }
        return Batch(
            schema: pairSchema, columns: buildIsLeft ? buildColumns + probeColumns : probeColumns + buildColumns,
            rowCount: probeRows.count)
    }

    private func emit(_ batch: Batch) {
        pending.append(Batch(schema: schema, columns: batch.columns, rowCount: batch.rowCount))
    }

    /// What the rows without a match give. (They follow the batch's matched ones.)
    private func finish(_ batch: Batch) {
        probe = nil
        if keepsUnmatchedProbe {
            let rows = hits.indices.filter { !hits[$0] }.map { Int32(truncatingIfNeeded: $0) }
            if !rows.isEmpty { emit(pair(batch, rows, Array(repeating: -1, count: rows.count))) }
        }
        guard !buildIsLeft, type == .leftSemi || type == .leftAnti else { return }
        let semi = type == .leftSemi
        var rows: [Int32] = []
        for row in 0..<batch.rowCount where hits[row] == semi {
            // NOT IN: a NULL on either side makes the answer unknown, unless the list is empty.
            if nullAware, table.rowCount > 0, table.hasNullKey || nullKeys[row] { continue }
            rows.append(Int32(truncatingIfNeeded: row))
        }
        if !rows.isEmpty { emit(rows.withUnsafeBufferPointer { batch.gather($0) }) }
    }

    /// The build rows that an outer, semi or anti join delivers after all probing operators have ended.
    package static func remaining(
        of table: JoinTable, type: JoinType, buildSide: BuildSide, schema: StructType
    ) -> [Batch] {
        guard needsRemaining(type, buildSide: buildSide) else { return [] }
        let rows = table.rows(matched: type == .leftSemi)
        let onlyLeft = type == .leftSemi || type == .leftAnti
        return stride(from: 0, to: rows.count, by: Batch.maxRows).map { start in
            let part = Array(rows[start..<min(start + Batch.maxRows, rows.count)])
            let columns = part.withUnsafeBufferPointer { part in table.rows.columns.map { $0.gather(part) } }
            if onlyLeft { return Batch(schema: schema, columns: columns, rowCount: part.count) }
            let others = schema.fields.count - columns.count
            let absent = (buildSide == .left ? schema.fields.suffix(others) : schema.fields.prefix(others)).map {
                ColumnVector.nulls($0.dataType, count: part.count)
            }
            return Batch(
                schema: schema, columns: buildSide == .left ? columns + absent : absent + columns, rowCount: part.count)
        }
    }
}
