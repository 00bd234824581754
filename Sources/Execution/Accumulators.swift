import Columnar
import SparkPlan

/// The state of one aggregate for all groups, as columns of numbers.
///
/// `update` adds rows in order; `merge` adds another state whose rows come after this one's: group `i` of the other is
/// group `groups[i]` here. Floating sums are therefore the same for any number of threads as long as morsels are merged
/// in order.
class Accumulator {
    /// Makes room for `count` groups.
    func resize(_ count: Int) {}
    func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) throws {}
    func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {}
    func finish(_ range: Range<Int>) throws -> ColumnVector { throw SparkError.internal("an aggregate without result") }
    var byteSize: Int { 0 }

    static func make(_ call: AggregateCall) throws -> Accumulator {
        if call.distinct, ["count", "sum", "avg", "collect_list"].contains(call.function.rawValue) {
            return try DistinctAccumulator(call)
        }
        let type = call.arguments.first?.dataType ?? .null
        switch call.function.rawValue {
        case "count": return CountAccumulator()
        case "count_if": return CountIfAccumulator()
        case "sum", "try_sum":
            if type.isDecimal || type.isIntegral || type == .dayTimeInterval || type == .yearMonthInterval {
                return SumAccumulator(type, call.resultType, tolerant: call.function == "try_sum")
            }
            if type.isFractional { return MomentsAccumulator(.sum) }
        case "avg", "mean", "try_avg":
            if type.isDecimal { return AverageDecimalAccumulator(type, call.resultType) }
            if type.isFractional || type.isIntegral { return MomentsAccumulator(.average) }
        case "stddev_samp", "stddev", "std": return MomentsAccumulator(.deviationOfSample)
        case "stddev_pop": return MomentsAccumulator(.deviation)
        case "var_samp", "variance": return MomentsAccumulator(.varianceOfSample)
        case "var_pop": return MomentsAccumulator(.variance)
        case "min", "max", "bool_and", "bool_or", "every", "some", "any":
            let max = ["max", "bool_or", "some", "any"].contains(call.function.rawValue)
            return try ChosenAccumulator(call, .extreme(max: max))
        case "first", "first_value", "any_value": return try ChosenAccumulator(call, .first)
        case "last", "last_value": return try ChosenAccumulator(call, .last)
        case "max_by", "min_by": return try ChosenAccumulator(call, .extremeBy(max: call.function == "max_by"))
        case "collect_list", "array_agg": return CollectAccumulator(call.resultType, distinct: false)
        case "collect_set": return CollectAccumulator(call.resultType, distinct: true)
        default: break
        }
        throw SparkError(
            condition: "UNSUPPORTED_FEATURE.FUNCTION", sqlState: "0A000",
            message: "The aggregate `\(call.function)` is not supported for arguments of type "
                + "(\(call.arguments.map { $0.dataType.sql }.joined(separator: ", "))).")
    }
}

private func mismatch() -> SparkError { SparkError.internal("states of different aggregates") }

final class CountAccumulator: Accumulator {
    private var counts: [Int64] = []

    override func resize(_ count: Int) { counts.append(contentsOf: repeatElement(0, count: max(0, count - counts.count))) }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) {
        let nullable = arguments.filter(\.hasNulls)
        counts.withUnsafeMutableBufferPointer { counts in
            if nullable.isEmpty {
                for group in groups { counts[Int(group)] &+= 1 }
            } else {
                for row in 0..<groups.count where !nullable.contains(where: { $0.isNull(row) }) { counts[Int(groups[row])] &+= 1 }
            }
        }
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? CountAccumulator else { throw mismatch() }
        for (index, group) in groups.enumerated() { counts[Int(group)] &+= other.counts[index] }
    }

    override func finish(_ range: Range<Int>) -> ColumnVector {
        .flat(.long, count: range.count, as: Int64.self) { out in for row in range { out[row - range.lowerBound] = counts[row] } }
    }

    override var byteSize: Int { counts.capacity * 8 }
}

final class CountIfAccumulator: Accumulator {
    private let counter = CountAccumulator()

    override func resize(_ count: Int) { counter.resize(count) }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) throws {
        let rows = trueRows(arguments[0])
        let chosen = rows.map { groups[Int($0)] }
        chosen.withUnsafeBufferPointer { counter.update([], $0) }
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? CountIfAccumulator else { throw mismatch() }
        try counter.merge(other.counter, groups)
    }

    override func finish(_ range: Range<Int>) -> ColumnVector { counter.finish(range) }
    override var byteSize: Int { counter.byteSize }
}

/// Sums of integers and decimals in Int128, checked against the result type at the end. Int64 inputs cannot overflow
/// the sum; Int128 ones are checked.
final class SumAccumulator: Accumulator {
    private let argument: DataType
    private let result: DataType
    private let tolerant: Bool
    private var sums: [Int128] = []
    private var seen: [Bool] = []
    private var overflowed: [Bool] = []

    init(_ argument: DataType, _ result: DataType, tolerant: Bool) {
        self.argument = argument
        self.result = result
        self.tolerant = tolerant
    }

    override func resize(_ count: Int) {
        let more = max(0, count - sums.count)
        sums.append(contentsOf: repeatElement(0, count: more))
        seen.append(contentsOf: repeatElement(false, count: more))
        overflowed.append(contentsOf: repeatElement(false, count: more))
    }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) throws {
        let column = arguments[0]
        if column.encoding == .constant, column.hasNulls { return }
        let flat = column.encoding == .dictionary ? column.flattened() : column
        switch flat.physicalType {
        case .int8: add(flat, Int8.self, groups)
        case .int16: add(flat, Int16.self, groups)
        case .int32: add(flat, Int32.self, groups)
        case .int64: add(flat, Int64.self, groups)
        case .int128: add(flat, Int128.self, groups)
        default: throw SparkError.internal("sum of \(flat.dataType.simpleString)")
        }
    }

    private func add<T: FixedWidthInteger & BitwiseCopyable>(_ column: ColumnVector, _: T.Type, _ groups: UnsafeBufferPointer<Int32>) {
        let x = Reader<T>(column)
        let validity = column.validity
        sums.withUnsafeMutableBufferPointer { sums in
            seen.withUnsafeMutableBufferPointer { seen in
                if T.bitWidth <= 64, validity == nil {
                    for row in 0..<groups.count {
                        let group = Int(groups[row])
                        sums[group] &+= Int128(truncatingIfNeeded: x[row])
                        seen[group] = true
                    }
                } else {
                    for row in 0..<groups.count where isValid(validity, row) {
                        let group = Int(groups[row])
                        let (sum, overflow) = sums[group].addingReportingOverflow(Int128(truncatingIfNeeded: x[row]))
                        sums[group] = sum
                        seen[group] = true
                        if overflow { overflowed[group] = true }
                    }
                }
            }
        }
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? SumAccumulator else { throw mismatch() }
        for (index, number) in groups.enumerated() {
            let group = Int(number)
            let (sum, overflow) = sums[group].addingReportingOverflow(other.sums[index])
            sums[group] = sum
            seen[group] = seen[group] || other.seen[index]
            overflowed[group] = overflowed[group] || other.overflowed[index] || overflow
        }
    }

    override func finish(_ range: Range<Int>) throws -> ColumnVector {
        let valid = range.map { seen[$0] ? UInt8(1) : 0 }
        let mask = valid.withUnsafeBufferPointer { ValidityBitmap(validBytes: $0) }
        if case .decimal(let precision, let scale) = result {
            let failure: ((Int) -> SparkError)? = tolerant ? nil : { _ in ANSIError.decimalOverflow("sum", precision, scale) }
            func value(_ row: Int) -> Int128? {
                let group = range.lowerBound + row
                return overflowed[group] || !Decimals.fits(sums[group], precision: precision) ? nil : sums[group]
            }
            if precision <= DataType.decimalPrecisionOfInt64Max {
                return try tryMapRows(range.count, result, mask, zero: Int64.zero, failure: failure) { value($0).map { Int64(truncatingIfNeeded: $0) } }
                    .masked(by: mask)
            }
            return try tryMapRows(range.count, result, mask, zero: Int128.zero, failure: failure) { value($0) }.masked(by: mask)
        }
        let failure: ((Int) -> SparkError)? = tolerant ? nil : { _ in ANSIError.arithmeticOverflow("long overflow", tryFunction: "try_sum") }
        if result.physicalType == .int32 {
            return try tryMapRows(range.count, result, mask, zero: Int32.zero, failure: failure) { Int32(exactly: sums[range.lowerBound + $0]) }
                .masked(by: mask)
        }
        return try tryMapRows(range.count, result, mask, zero: Int64.zero, failure: failure) { Int64(exactly: sums[range.lowerBound + $0]) }
            .masked(by: mask)
    }

    override var byteSize: Int { sums.capacity * 18 }
}

/// The mean of decimals: exact sum and count, divided once.
final class AverageDecimalAccumulator: Accumulator {
    private let sums: SumAccumulator
    private let counts = CountAccumulator()
    private let argument: DataType
    private let result: DataType

    init(_ argument: DataType, _ result: DataType) {
        self.argument = argument
        self.result = result
        var scale = 0
        if case .decimal(_, let s) = argument { scale = s }
        sums = SumAccumulator(argument, .decimal(precision: 38, scale: scale), tolerant: false)
    }

    override func resize(_ count: Int) {
        sums.resize(count)
        counts.resize(count)
    }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) throws {
        try sums.update(arguments, groups)
        counts.update(arguments, groups)
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? AverageDecimalAccumulator else { throw mismatch() }
        try sums.merge(other.sums, groups)
        try counts.merge(other.counts, groups)
    }

    override func finish(_ range: Range<Int>) throws -> ColumnVector {
        let total = try sums.finish(range)
        let number = counts.finish(range)
        guard case .decimal(_, let from) = total.dataType, case .decimal(let precision, let to) = result else { throw mismatch() }
        let builder = ColumnBuilder(result)
        for row in 0..<range.count {
            guard case .decimal(let sum, _) = total.value(at: row), let count = number.value(at: row).int64Value, count > 0 else {
                builder.appendNull()
                continue
            }
            guard let mean = DecimalArithmetic.quotient(sum, Int128(count), shift: to - from), Decimals.fits(mean, precision: precision)
            else { throw ANSIError.decimalOverflow("average", precision, to) }
            try builder.append(.decimal(mean, scale: to))
        }
        return builder.finish()
    }

    override var byteSize: Int { sums.byteSize + counts.byteSize }
}

/// Count, mean and sum of squared differences (Welford; merged after Chan et al.), or just the sum, of doubles.
final class MomentsAccumulator: Accumulator {
    enum Kind { case sum, average, variance, varianceOfSample, deviation, deviationOfSample }

    private let kind: Kind
    private var counts: [Double] = []
    private var sums: [Double] = []
    private var squares: [Double] = []
    private var isPlain: Bool { kind == .sum || kind == .average }

    init(_ kind: Kind) { self.kind = kind }

    override func resize(_ count: Int) {
        let more = max(0, count - counts.count)
        counts.append(contentsOf: repeatElement(0, count: more))
        sums.append(contentsOf: repeatElement(0, count: more))
        if !isPlain { squares.append(contentsOf: repeatElement(0, count: more)) }
    }

    override func update(_ arguments: [ColumnVector], _ groups: UnsafeBufferPointer<Int32>) throws {
        var column = arguments[0]
        if column.encoding == .constant, column.hasNulls { return }
        if column.encoding == .dictionary { column = column.flattened() }
        switch column.physicalType {
        case .double: add(column, Double.self, groups) { $0 }
        case .float: add(column, Float.self, groups) { Double($0) }
        case .int64 where column.dataType == .long: add(column, Int64.self, groups) { Double($0) }
        case .int32: add(column, Int32.self, groups) { Double($0) }
        case .int16: add(column, Int16.self, groups) { Double($0) }
        case .int8: add(column, Int8.self, groups) { Double($0) }
        default: throw SparkError.internal("a mean of \(column.dataType.simpleString)")
        }
    }

    @inline(__always)
    private func add<T: BitwiseCopyable>(
        _ column: ColumnVector, _: T.Type, _ groups: UnsafeBufferPointer<Int32>, _ widen: (T) -> Double
    ) {
        let x = Reader<T>(column)
        let validity = column.validity
        for row in 0..<groups.count where isValid(validity, row) {
            let group = Int(groups[row])
            let value = widen(x[row])
            counts[group] += 1
            if isPlain {
                sums[group] += value
            } else {
                let delta = value - sums[group]
                sums[group] += delta / counts[group]
                squares[group] += delta * (value - sums[group])
            }
        }
    }

    override func merge(_ other: Accumulator, _ groups: UnsafeBufferPointer<Int32>) throws {
        guard let other = other as? MomentsAccumulator else { throw mismatch() }
        for (index, number) in groups.enumerated() where other.counts[index] > 0 {
            let group = Int(number)
            if isPlain {
                sums[group] += other.sums[index]
                counts[group] += other.counts[index]
                continue
            }
            let total = counts[group] + other.counts[index]
            let delta = other.sums[index] - sums[group]
            squares[group] += other.squares[index] + delta * delta * counts[group] * other.counts[index] / total
            sums[group] += delta * other.counts[index] / total
            counts[group] = total
        }
    }

    override func finish(_ range: Range<Int>) throws -> ColumnVector {
        let sample = kind == .varianceOfSample || kind == .deviationOfSample
        return try tryMapRows(range.count, .double, nil, zero: 0.0, failure: nil) { row -> Double? in
            let group = range.lowerBound + row
            let count = counts[group]
            guard count > (sample ? 1 : 0) else { return nil }
            switch kind {
            case .sum: return sums[group]
            case .average: return sums[group] / count
            case .variance: return squares[group] / count
            case .varianceOfSample: return squares[group] / (count - 1)
            case .deviation: return (squares[group] / count).squareRoot()
            case .deviationOfSample: return (squares[group] / (count - 1)).squareRoot()
            }
        }
    }

    override var byteSize: Int { counts.capacity * 24 }
}
