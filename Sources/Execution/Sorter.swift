package import Columnar
package import SparkPlan

/// Sorts all rows it is given, stably. With a limit it keeps only the first rows and forgets others as it goes.
package final class Sorter {
    private let orders: [SortOrder]
    private let keys: [ExpressionEvaluator]
    private let limit: Int?
    private let schema: StructType
    private let reservation: MemoryReservation
    private var batches: [Batch] = []
    private var keyColumns: [[ColumnVector]] = []
    private var rows = 0
    private var byteSize = 0

    package init(_ orders: [SortOrder], limit: Int64? = nil, schema: StructType, memory: MemoryPool) throws {
        self.orders = orders
        self.schema = schema
        self.limit = limit.map { Int(clamping: max(0, $0)) }
        keys = try orders.map { try ExpressionEvaluator($0.expression) }
        reservation = memory.reservation("sort")
        for order in orders where order.expression.dataType.physicalType == .map {
            throw SparkError.unsupported("ordering by values of type \(order.expression.dataType.sql)")
        }
    }

    package func add(_ batch: Batch) throws {
        let dense = batch.compacted()
        if dense.rowCount == 0 { return }
        let columns = try keys.map { try $0.evaluate(dense).flattened() }
        batches.append(dense)
        keyColumns.append(columns)
        rows += dense.rowCount
        byteSize += dense.byteSize + columns.reduce(0) { $0 + $1.byteSize }
        try reservation.resize(to: byteSize)
        if let limit, rows > max(limit * 2, 8 * Batch.maxRows) { try shrink(limit) }
    }

    /// Adds rows that follow this one's in the input's order.
    package func merge(_ other: Sorter) throws {
        for batch in other.batches { try add(batch) }
    }

    /// Sorts what is held and keeps the first `limit` rows as one batch.
    private func shrink(_ limit: Int) throws {
        guard let (all, columns, order) = sorted() else { return }
        let first = Array(order.prefix(limit))
        first.withUnsafeBufferPointer { rows in
            batches = [all.gather(rows)]
            keyColumns = [columns.map { $0.gather(rows) }]
        }
        rows = first.count
        byteSize = batches[0].byteSize + keyColumns[0].reduce(0) { $0 + $1.byteSize }
        try reservation.resize(to: byteSize)
    }

    private func sorted() -> (Batch, [ColumnVector], [Int32])? {
        if batches.isEmpty { return nil }
        let all = Batch.concatenate(batches)
        let columns = orders.indices.map { key in
            ColumnVector.concatenate(keyColumns.map { $0[key] }, as: orders[key].expression.dataType).flattened()
        }
        return (all, columns, SortedRows.order(columns, orders, rows: all.rowCount))
    }

    /// The rows in order, in batches.
    package func finish() throws -> [Batch] {
        guard let (all, _, order) = sorted() else { return [] }
        let total = min(limit ?? order.count, order.count)
        return stride(from: 0, to: total, by: Batch.maxRows).map { start in
            let part = Array(order[start..<min(start + Batch.maxRows, total)])
            let batch = part.withUnsafeBufferPointer { all.gather($0) }
            return Batch(schema: schema, columns: batch.columns, rowCount: batch.rowCount)
        }
    }
}

/// Orders rows by key columns.
///
/// 1. The first key becomes an order-preserving 64-bit prefix (NULLs at their end, inverted when descending).
/// 2. (prefix, row) pairs are sorted; where prefixes are equal the full keys decide, at last the row number.
enum SortedRows {
    private struct Entry {
        let prefix: UInt64
        let row: Int32
    }

    static func order(_ columns: [ColumnVector], _ orders: [SortOrder], rows: Int) -> [Int32] {
        guard !columns.isEmpty else { return Array(0..<Int32(truncatingIfNeeded: rows)) }
        let prefixes = Self.prefixes(columns[0], orders[0], rows)
        var entries = (0..<rows).map { Entry(prefix: prefixes.values[$0], row: Int32(truncatingIfNeeded: $0)) }
        let comparators = columns.indices.dropFirst(prefixes.exact ? 1 : 0).map { KeyComparator(columns[$0], orders[$0]) }
        entries.sort { a, b in
            if a.prefix != b.prefix { return a.prefix < b.prefix }
            for comparator in comparators {
                let order = comparator.compare(Int(a.row), Int(b.row))
                if order != 0 { return order < 0 }
            }
            return a.row < b.row
        }
        return entries.map(\.row)
    }

    /// Whether two rows are equal in all keys.
    static func equal(_ comparators: [KeyComparator], _ a: Int, _ b: Int) -> Bool {
        comparators.allSatisfy { $0.compare(a, b) == 0 }
    }

    /// `exact` when equal prefixes mean equal keys.
    private static func prefixes(_ column: ColumnVector, _ order: SortOrder, _ rows: Int) -> (values: [UInt64], exact: Bool) {
        var values = [UInt64](repeating: 0, count: rows)
        var exact = true
        // One bit is given up so that NULLs sort apart; 64-bit values lose their lowest bit.
        func fill<T: BitwiseCopyable>(_: T.Type, _ key: (T) -> UInt64) {
            let x = column.pointer(to: T.self)
            for row in 0..<rows { values[row] = key(x[row]) >> 1 }
        }
        func signed<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(_: T.Type) {
            fill(T.self) { UInt64(bitPattern: Int64(truncatingIfNeeded: $0)) << UInt64(64 - T.bitWidth) ^ 1 << 63 }
        }
        func floating(_ bits: UInt64) -> UInt64 { bits >> 63 == 0 ? bits | 1 << 63 : ~bits }
        switch column.physicalType {
        case .bool: fill(UInt8.self) { UInt64($0) << 32 }
        case .int8: signed(Int8.self)
        case .int16: signed(Int16.self)
        case .int32: signed(Int32.self)
        case .int64:
            signed(Int64.self)
            exact = false
        case .int128:
            fill(Int128.self) { UInt64(bitPattern: Int64(truncatingIfNeeded: $0 >> 64)) ^ 1 << 63 }
            exact = false
        case .float:
            fill(Float.self) { x in
                floating((x.isNaN ? Double.nan : x == 0 ? 0.0 : Double(x)).bitPattern)
            }
            exact = false
        case .double:
            fill(Double.self) { x in floating((x.isNaN ? Double.nan : x == 0 ? 0.0 : x).bitPattern) }
            exact = false
        case .view:
            fill(StringView.self) { view in
                view.withBytes { bytes in
                    var prefix: UInt64 = 0
                    for index in 0..<min(8, bytes.count) { prefix |= UInt64(bytes[index]) << UInt64(56 - index * 8) }
                    return prefix
                }
            }
            exact = false
        case .list, .map, .structure, .null: exact = false
        }
        for row in 0..<rows {
            if column.isNull(row) {
                values[row] = order.nullsFirst ? 0 : .max
            } else {
                let key = order.descending ? (1 << 63 - 1) - values[row] : values[row]
                // Values lie between the two ends kept for NULLs.
                values[row] = order.nullsFirst ? key | 1 << 63 : key
            }
        }
        return (values, exact)
    }
}

/// Compares two rows of one flat key column under its order.
struct KeyComparator {
    private let column: ColumnVector
    private let descending: Bool
    private let nullsFirst: Bool

    init(_ column: ColumnVector, _ order: SortOrder) {
        self.column = column
        descending = order.descending
        nullsFirst = order.nullsFirst
    }

    /// Negative when row `a` comes first.
    func compare(_ a: Int, _ b: Int) -> Int {
        if column.hasNulls {
            let p = column.isNull(a)
            let q = column.isNull(b)
            if p || q { return p == q ? 0 : (p == nullsFirst ? -1 : 1) }
        }
        let order = values(a, b)
        return descending ? -order : order
    }

    private func values(_ a: Int, _ b: Int) -> Int {
        switch column.physicalType {
        case .bool: return plain(UInt8.self, a, b)
        case .int8: return plain(Int8.self, a, b)
        case .int16: return plain(Int16.self, a, b)
        case .int32: return plain(Int32.self, a, b)
        case .int64: return plain(Int64.self, a, b)
        case .int128: return plain(Int128.self, a, b)
        case .float: return floating(Float.self, a, b)
        case .double: return floating(Double.self, a, b)
        case .view:
            let x = column.pointer(to: StringView.self)
            return StringView.compare(x[a], x[b])
        case .list, .map, .structure: return ValueOrder.compare(column.value(at: a), column.value(at: b))
        case .null: return 0
        }
    }

    private func plain<T: Comparable & BitwiseCopyable>(_: T.Type, _ a: Int, _ b: Int) -> Int {
        let x = column.pointer(to: T.self)
        return x[a] < x[b] ? -1 : (x[a] == x[b] ? 0 : 1)
    }

    private func floating<T: BinaryFloatingPoint & BitwiseCopyable>(_: T.Type, _ a: Int, _ b: Int) -> Int {
        let x = column.pointer(to: T.self)
        return Comparisons.less(x[a], x[b]) ? -1 : (Comparisons.less(x[b], x[a]) ? 1 : 0)
    }
}
