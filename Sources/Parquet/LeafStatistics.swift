import Columnar

/// Least and greatest value of a leaf, in the order that Parquet defines for its type, and its nulls.
struct LeafStatistics {
    /// Strings longer than this are cut in the file's statistics.
    private static let textBytesMax = 64

    var nullCount: Int64 = 0
    var valueCount: Int64 = 0
    var hasNaN = false
    private var integers: (min: Int64, max: Int64)?
    private var wide: (min: Int128, max: Int128)?
    private var floats: (min: Double, max: Double)?
    private var texts: (min: [UInt8], max: [UInt8])?

    mutating func update(_ value: Int64) {
        guard let range = integers else { return integers = (value, value) }
        if value < range.min { integers?.min = value } else if value > range.max { integers?.max = value }
    }

    mutating func update(_ value: Int128) {
        guard let range = wide else { return wide = (value, value) }
        if value < range.min { wide?.min = value } else if value > range.max { wide?.max = value }
    }

    mutating func update(_ value: Double) {
        if value.isNaN {
            hasNaN = true
            return
        }
        guard let range = floats else { return floats = (value, value) }
        if value < range.min { floats?.min = value } else if value > range.max { floats?.max = value }
    }

    mutating func update(_ value: UnsafeBufferPointer<UInt8>) {
        guard let range = texts else { return texts = (Array(value), Array(value)) }
        if value.lexicographicallyPrecedes(range.min) {
            texts?.min = Array(value)
        } else if range.max.lexicographicallyPrecedes(value) {
            texts?.max = Array(value)
        }
    }

    mutating func merge(_ other: LeafStatistics) {
        nullCount += other.nullCount
        valueCount += other.valueCount
        hasNaN = hasNaN || other.hasNaN
        if let range = other.integers {
            update(range.min)
            update(range.max)
        }
        if let range = other.wide {
            update(range.min)
            update(range.max)
        }
        if let range = other.floats {
            update(range.min)
            update(range.max)
        }
        if let range = other.texts {
            range.min.withUnsafeBufferPointer { update($0) }
            range.max.withUnsafeBufferPointer { update($0) }
        }
    }

    /// The extremes as values of the column; nil without values, and for floats among which is a NaN.
    func scalars(_ type: DataType) -> (min: Scalar, max: Scalar)? {
        func pair<T>(_ range: (min: T, max: T)?, _ make: (T) -> Scalar) -> (min: Scalar, max: Scalar)? {
            range.map { (make($0.min), make($0.max)) }
        }
        switch type {
        case .boolean: return pair(integers) { .bool($0 != 0) }
        case .byte: return pair(integers) { .int8(Int8(truncatingIfNeeded: $0)) }
        case .short: return pair(integers) { .int16(Int16(truncatingIfNeeded: $0)) }
        case .int, .yearMonthInterval: return pair(integers) { .int32(Int32(truncatingIfNeeded: $0)) }
        case .date: return pair(integers) { .date(Int32(truncatingIfNeeded: $0)) }
        case .long, .dayTimeInterval: return pair(integers) { .int64($0) }
        case .timestamp, .timestampNTZ: return pair(integers) { .timestamp($0) }
        case .float: return hasNaN ? nil : pair(floats) { .float(Float($0)) }
        case .double: return hasNaN ? nil : pair(floats) { .double($0) }
        case .decimal(_, let scale):
            return pair(integers) { .decimal(Int128($0), scale: scale) } ?? pair(wide) { .decimal($0, scale: scale) }
        case .string: return pair(texts) { .string(String(decoding: $0, as: UTF8.self)) }
        case .binary: return pair(texts) { .binary($0) }
        default: return nil
        }
    }

    /// The form kept in the file.
    func encoded(_ type: DataType, _ physical: PhysicalType, length: Int) -> Statistics {
        var result = Statistics(nullCount: nullCount)
        func set(_ min: [UInt8], _ max: [UInt8]) {
            result.minValue = min
            result.maxValue = max
            result.isMinValueExact = true
            result.isMaxValueExact = true
        }
        func bytes<T: FixedWidthInteger>(_ value: T, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
        }
        switch physical {
        case .boolean: if let range = integers { set([UInt8(range.min)], [UInt8(range.max)]) }
        case .int32: if let range = integers { set(bytes(range.min, 4), bytes(range.max, 4)) }
        case .int64: if let range = integers { set(bytes(range.min, 8), bytes(range.max, 8)) }
        case .float, .double:
            // A zero may stand for either sign, and NaN has no place in the order.
            guard !hasNaN, let range = floats else { return result }
            let (low, high) = (range.min == 0 ? -0.0 : range.min, range.max == 0 ? 0.0 : range.max)
            if physical == .float {
                set(bytes(Float(low).bitPattern, 4), bytes(Float(high).bitPattern, 4))
            } else {
                set(bytes(low.bitPattern, 8), bytes(high.bitPattern, 8))
            }
        case .fixedLengthByteArray:
            if let range = wide { set(bytes(range.min, length).reversed(), bytes(range.max, length).reversed()) }
        case .byteArray:
            guard let range = texts else { return result }
            set(range.min, range.max)
            if range.min.count > Self.textBytesMax {
                result.minValue = Array(range.min.prefix(Self.cut(range.min, type)))
                result.isMinValueExact = false
            }
            if range.max.count > Self.textBytesMax {
                result.maxValue = Self.upperBound(Array(range.max.prefix(Self.cut(range.max, type))), type)
                result.isMaxValueExact = result.maxValue == nil ? nil : false
            }
        case .int96: break
        }
        return result
    }

    /// Where to cut: at a character's border for text.
    private static func cut(_ text: [UInt8], _ type: DataType) -> Int {
        var end = textBytesMax
        if type == .string { while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 } }
        return end
    }

    /// The least prefix that is above everything that begins with `prefix`; nil when there is none. Text stays text:
    /// only an ASCII character is counted up.
    private static func upperBound(_ prefix: [UInt8], _ type: DataType) -> [UInt8]? {
        var bound = prefix
        let highest: UInt8 = type == .string ? 0x7E : 0xFE
        while let last = bound.last {
            if last <= highest {
                bound[bound.count - 1] = last + 1
                return bound
            }
            bound.removeLast()
        }
        return nil
    }
}
