/// One value of any column type, for literals, statistics, partition values, tests and printing; never in a loop over
/// the rows of a batch.
///
/// Strings compare and hash by their UTF-8 bytes; NaN equals NaN and -0.0 equals 0.0, as when Spark groups.
/// `timestamp` serves both timestamp types; day-time intervals are `int64` microseconds and year-month intervals
/// `int32` months.
package enum Scalar: Sendable {
    case null
    case bool(Bool)
    case int8(Int8)
    case int16(Int16)
    case int32(Int32)
    case int64(Int64)
    case float(Float)
    case double(Double)
    /// `unscaled` × 10^-`scale`.
    case decimal(Int128, scale: Int)
    case string(String)
    case binary([UInt8])
    /// Days since 1970-01-01.
    case date(Int32)
    /// Microseconds since 1970-01-01T00:00:00.
    case timestamp(Int64)
    case array([Scalar])
    /// Entries in stored order.
    case map([ScalarEntry])
    case structure([Scalar])
}

/// One entry of a map value.
package struct ScalarEntry: Sendable, Hashable {
    package var key: Scalar
    package var value: Scalar

    package init(_ key: Scalar, _ value: Scalar) {
        self.key = key
        self.value = value
    }
}

extension Scalar: Hashable {
    package static func == (a: Scalar, b: Scalar) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.int8(let x), .int8(let y)): x == y
        case (.int16(let x), .int16(let y)): x == y
        case (.int32(let x), .int32(let y)): x == y
        case (.int64(let x), .int64(let y)): x == y
        case (.float(let x), .float(let y)): x == y || (x.isNaN && y.isNaN)
        case (.double(let x), .double(let y)): x == y || (x.isNaN && y.isNaN)
        case (.decimal(let x, let s), .decimal(let y, let t)): x == y && s == t
        case (.string(let x), .string(let y)): x.utf8.elementsEqual(y.utf8)
        case (.binary(let x), .binary(let y)): x == y
        case (.date(let x), .date(let y)): x == y
        case (.timestamp(let x), .timestamp(let y)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.map(let x), .map(let y)): x == y
        case (.structure(let x), .structure(let y)): x == y
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let x): hasher.combine(x)
        case .int8(let x): hasher.combine(x)
        case .int16(let x): hasher.combine(x)
        case .int32(let x): hasher.combine(x)
        case .int64(let x): hasher.combine(x)
        case .float(let x): hasher.combine(x.isNaN ? Float.nan.bitPattern : (x == 0 ? 0 : x.bitPattern))
        case .double(let x): hasher.combine(x.isNaN ? Double.nan.bitPattern : (x == 0 ? 0 : x.bitPattern))
        case .decimal(let x, let scale):
            hasher.combine(x)
            hasher.combine(scale)
        case .string(let x): for byte in x.utf8 { hasher.combine(byte) }
        case .binary(let x): hasher.combine(x)
        case .date(let x): hasher.combine(x)
        case .timestamp(let x): hasher.combine(x)
        case .array(let x): hasher.combine(x)
        case .map(let x): hasher.combine(x)
        case .structure(let x): hasher.combine(x)
        }
    }
}

extension Scalar {
    package var isNull: Bool { if case .null = self { true } else { false } }

    /// Any integer, date or timestamp widened; nil for other kinds.
    package var int64Value: Int64? {
        switch self {
        case .int8(let x): Int64(x)
        case .int16(let x): Int64(x)
        case .int32(let x), .date(let x): Int64(x)
        case .int64(let x), .timestamp(let x): x
        default: nil
        }
    }

    package var stringValue: String? { if case .string(let x) = self { x } else { nil } }
    package var boolValue: Bool? { if case .bool(let x) = self { x } else { nil } }
}
