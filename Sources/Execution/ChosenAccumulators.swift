import Columnar
import SparkPlan

/// Aggregates whose result is the value of one of the group's rows: `min`, `max`, `first`, `last`, `max_by`, …
final class ChosenAccumulator: Accumulator {
    enum Rule: Equatable { case first, last, extreme(max: Bool), extremeBy(max: Bool) }

    private let rule: Rule
    private let ignoreNulls: Bool
    private let types: [DataType]
    /// The value and, for `…_by`, what orders it; row `i` is group `i`.
    private let best: [MutableRows]
    private var seen: [Bool] = []

    init(_ call: AggregateCall, _ rule: Rule) throws {
        self.rule = rule
        var ignore = false
        if call.arguments.count > 1, case .literal(.bool(true), _) = call.arguments[1] { ignore = true }
        switch rule {
        case .first, .last:
            ignoreNulls = ignore
            types = [call.arguments[0].dataType]
        case .extreme:
            ignoreNulls = true
            types = [call.arguments[0].dataType]
        case .extremeBy:
            guard call.arguments.count == 2 else { throw SparkError.internal("\(call.function) takes two arguments") }
            ignoreNulls = true
            types = call.arguments.map(\.dataType)
        }
        best = types.map { MutableRows($0) }
    }

    override func resize(_ count: Int) {
        seen.append(contentsOf: repeatElement(false, count: max(0, count - seen.count)))
        for rows in best { rows.resize(count) }
    }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) {
        add(Array(arguments.prefix(types.count)).map { $0.flattened() }, groups, present: nil)
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? ChosenAccumulator else { throw SparkError.internal("states of different aggregates") }
        add(other.best.map { $0.column(0..<groups.count) }, groups, present: other.seen)
    }

    private func add(_ columns: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>, present: [Bool]?) {
        let order = columns[columns.count - 1]
        switch rule {
        case .first, .last:
            for row in 0..<groups.count where (present?[row] ?? true) && !(ignoreNulls && order.isNull(row)) {
                let group = Int(groups[row])
                if rule == .first, seen[group] { continue }
                take(columns, row, group)
            }
        case .extreme(let max), .extremeBy(let max):
            switch order.physicalType {
            case .bool, .int8: scan(columns, Int8.self, groups, present, max) { $0 < $1 }
            case .int16: scan(columns, Int16.self, groups, present, max) { $0 < $1 }
            case .int32: scan(columns, Int32.self, groups, present, max) { $0 < $1 }
            case .int64: scan(columns, Int64.self, groups, present, max) { $0 < $1 }
            case .int128: scan(columns, Int128.self, groups, present, max) { $0 < $1 }
            case .float: scan(columns, Float.self, groups, present, max) { Comparisons.less($0, $1) }
            case .double: scan(columns, Double.self, groups, present, max) { Comparisons.less($0, $1) }
            case .view: scan(columns, StringView.self, groups, present, max) { StringView.compare($0, $1) < 0 }
            case .null: break
            case .list, .map, .structure:
                let kept = best[best.count - 1]
                for row in 0..<groups.count where (present?[row] ?? true) && !order.isNull(row) {
                    let group = Int(groups[row])
                    let comparison = seen[group] ? ValueOrder.compare(order.value(at: row), kept.scalar(group)) : 0
                    if !seen[group] || (max ? comparison > 0 : comparison < 0) { take(columns, row, group) }
                }
            }
        }
    }

    private func take(_ columns: [ColumnVector], _ row: Int, _ group: Int) {
        for (rows, column) in zip(best, columns) { rows.set(group, column, row) }
        seen[group] = true
    }

    @inline(__always)
    private func scan<T: BitwiseCopyable>(
        _ columns: [ColumnVector], _: T.Type, _ groups: UnsafeBufferPointer<Int32>, _ present: [Bool]?, _ max: Bool,
        _ less: (T, T) -> Bool
    ) {
        let order = columns[columns.count - 1]
        let kept = best[best.count - 1]
        let x = order.pointer(to: T.self)
        let validity = order.validity
        for row in 0..<groups.count where isValid(validity, row) && (present?[row] ?? true) {
            let group = Int(groups[row])
            if seen[group] {
                let standing = kept.pointer(to: T.self)[group]
                if !(max ? less(standing, x[row]) : less(x[row], standing)) { continue }
            }
            take(columns, row, group)
        }
    }

    override func finish(_ range: Range<Int>) -> ColumnVector { best[0].column(range) }
    override var byteSize: Int { best.reduce(seen.capacity) { $0 + $1.byteSize } }
}

/// A column whose rows can be replaced. Rows never set are NULL.
final class MutableRows {
    private let type: DataType
    private let width: Int
    private var buffer = Buffer(zeroedBytes: 16 * 16)
    private var capacity = 16
    private var valid: [UInt8] = []
    private var heap = StringHeap()
    private var nested: [Scalar] = []

    init(_ type: DataType) {
        self.type = type
        width = type.physicalType.width
    }

    func resize(_ count: Int) {
        guard count > valid.count else { return }
        valid.append(contentsOf: repeatElement(0, count: count - valid.count))
        if type.isNested || type == .variant { nested.append(contentsOf: repeatElement(.null, count: count - nested.count)) }
        guard count > capacity else { return }
        let newCapacity = max(count, capacity * 2)
        let bigger = Buffer(zeroedBytes: newCapacity * 16)
        bigger.base.copyMemory(from: buffer.base, byteCount: capacity * width)
        buffer = bigger
        capacity = newCapacity
    }

    func pointer<T: BitwiseCopyable>(to: T.Type) -> UnsafeMutablePointer<T> { buffer.pointer(to: T.self) }

    func scalar(_ row: Int) -> Scalar { nested[row] }

    /// Copies a row of a flat column.
    func set(_ row: Int, _ column: ColumnVector, _ source: Int) {
        if column.isNull(source) {
            valid[row] = 0
            return
        }
        valid[row] = 1
        switch width {
        case 1: pointer(to: UInt8.self)[row] = column.pointer(to: UInt8.self)[source]
        case 2: pointer(to: UInt16.self)[row] = column.pointer(to: UInt16.self)[source]
        case 8: pointer(to: UInt64.self)[row] = column.pointer(to: UInt64.self)[source]
        case _ where type.physicalType == .view:
            let view = column.pointer(to: StringView.self)[source]
            if view.isInline || view.address == nil {
                pointer(to: StringView.self)[row] = view
            } else if let address = view.address {
                pointer(to: StringView.self)[row] = heap.store(address, count: view.count)
            }
        case 16: pointer(to: UInt128.self)[row] = column.pointer(to: UInt128.self)[source]
        case 4 where !type.isNested: pointer(to: UInt32.self)[row] = column.pointer(to: UInt32.self)[source]
        default: nested[row] = column.value(at: source)
        }
    }

    /// A range of rows, as they are now.
    func column(_ range: Range<Int>) -> ColumnVector {
        if type.isNested || type == .variant {
            let builder = ColumnBuilder(type)
            for row in range {
                do { try builder.append(nested[row]) } catch { builder.appendNull() }  // values came from this type
            }
            return builder.finish()
        }
        let copy = Buffer(bytes: range.count * width)
        copy.base.copyMemory(from: buffer.base + range.lowerBound * width, byteCount: range.count * width)
        let mask = valid[range].withUnsafeBufferPointer { ValidityBitmap(validBytes: $0) }
        return .flat(type, count: range.count, values: copy, validity: mask, heaps: heap.blocks)
    }

    var byteSize: Int { buffer.capacity + valid.capacity + heap.byteSize + nested.count * 64 }
}

/// `collect_list` and `collect_set`: values that are not NULL, in row order.
final class CollectAccumulator: Accumulator {
    private let result: DataType
    private let distinct: Bool
    private var lists: [[Scalar]] = []
    private var members: [Set<Scalar>] = []
    private var held = 0

    init(_ result: DataType, distinct: Bool) {
        self.result = result
        self.distinct = distinct
    }

    override func resize(_ count: Int) {
        let more = max(0, count - lists.count)
        lists.append(contentsOf: repeatElement([], count: more))
        if distinct { members.append(contentsOf: repeatElement([], count: more)) }
    }

    private func add(_ value: Scalar, _ group: Int) {
        if distinct, !members[group].insert(value).inserted { return }
        lists[group].append(value)
        held += 1
    }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) {
        for row in 0..<groups.count where !arguments[0].isNull(row) { add(arguments[0].value(at: row), Int(groups[row])) }
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? CollectAccumulator else { throw SparkError.internal("states of different aggregates") }
        for (index, group) in groups.enumerated() { for value in other.lists[index] { add(value, Int(group)) } }
    }

    override func finish(_ range: Range<Int>) throws -> ColumnVector {
        let builder = ColumnBuilder(result)
        for group in range { try builder.append(.array(lists[group])) }
        return builder.finish()
    }

    override var byteSize: Int { held * 64 + lists.capacity * 16 }
}

/// An aggregate over distinct argument values: rows whose (group, values) were seen before are left out.
final class DistinctAccumulator: Accumulator {
    private let inner: Accumulator
    private let argumentTypes: [DataType]
    private let table: KeyTable
    private var groupCount = 0

    init(_ call: AggregateCall) throws {
        var plain = call
        plain.distinct = false
        inner = try Accumulator.make(plain)
        argumentTypes = call.arguments.map(\.dataType)
        table = try KeyTable([.int] + argumentTypes)
    }

    override func resize(_ count: Int) {
        groupCount = max(groupCount, count)
        inner.resize(count)
    }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) throws {
        let group = ColumnVector.flat(.int, count: groups.count, as: Int32.self) { out in
            for row in 0..<groups.count { out[row] = groups[row] }
        }
        let known = table.count
        var numbers: [Int32] = []
        try table.insert(table.encoder.encode([group] + arguments, rows: groups.count), into: &numbers)
        guard table.count > known else { return }
        // New keys are numbered in row order: take the first row of each.
        var next = Int32(known)
        var fresh: [Int32] = []
        for (row, number) in numbers.enumerated() where number == next {
            fresh.append(Int32(row))
            next += 1
        }
        let values = fresh.withUnsafeBufferPointer { rows in arguments.map { $0.gather(rows) } }
        let freshGroups = fresh.map { groups[Int($0)] }
        try freshGroups.withUnsafeBufferPointer { try inner.update(values, $0) }
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? DistinctAccumulator else { throw SparkError.internal("states of different aggregates") }
        var start = 0
        while start < other.table.count {
            let range = start..<min(start + Batch.maxRows, other.table.count)
            let columns = other.table.decode(range)
            let old = columns[0].pointer(to: Int32.self)
            let mapped = (0..<range.count).map { groups[Int(old[$0])] }
            try mapped.withUnsafeBufferPointer { try update(Array(columns.dropFirst()), $0) }
            withExtendedLifetime(columns) {}
            start = range.upperBound
        }
    }

    override func finish(_ range: Range<Int>) throws -> ColumnVector { try inner.finish(range) }
    override var byteSize: Int { inner.byteSize + table.byteSize }
}
