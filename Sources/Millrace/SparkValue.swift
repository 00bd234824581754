import Columnar
import SparkPlan

/// One value of a row.
///
/// Integers of every width are `integer`; decimals, dates (`2024-01-31`) and timestamps (`2024-01-31 10:00:00.5`, UTC)
/// are their exact text, so that nothing is lost.
public enum SparkValue: Sendable, Hashable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    case decimal(String)
    case string(String)
    case binary([UInt8])
    case date(String)
    case timestamp(String)
    case array([SparkValue])
    case map([Entry])
    case structure([SparkValue])

    public struct Entry: Sendable, Hashable {
        public var key: SparkValue
        public var value: SparkValue

        public init(key: SparkValue, value: SparkValue) {
            self.key = key
            self.value = value
        }
    }
}

extension SparkValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: SparkValue...) { self = .array(elements) }
}

extension SparkValue {
    init(_ scalar: Scalar, _ type: Columnar.DataType) {
        switch scalar {
        case .null: self = .null
        case .bool(let x): self = .boolean(x)
        case .int8(let x): self = .integer(Int64(x))
        case .int16(let x): self = .integer(Int64(x))
        case .int32(let x): self = .integer(Int64(x))
        case .int64(let x): self = .integer(x)
        case .float(let x): self = .double(Double(x))
        case .double(let x): self = .double(x)
        case .decimal(let unscaled, let scale): self = .decimal(SparkPlan.decimalText(unscaled, scale: scale))
        case .string(let x): self = .string(x)
        case .binary(let x): self = .binary(x)
        case .date(let days): self = .date(dateText(Int(days)))
        case .timestamp(let micros): self = .timestamp(timestampText(micros))
        case .array(let values):
            var element = Columnar.DataType.null
            if case .array(let e, _) = type { element = e }
            self = .array(values.map { SparkValue($0, element) })
        case .map(let entries):
            var types = (Columnar.DataType.null, Columnar.DataType.null)
            if case .map(let k, let v, _) = type { types = (k, v) }
            self = .map(
                entries.map { Entry(key: SparkValue($0.key, types.0), value: SparkValue($0.value, types.1)) })
        case .structure(let values):
            var fields: [Columnar.StructField] = []
            if case .structure(let s) = type { fields = s.fields }
            self = .structure(
                values.enumerated().map { SparkValue($1, $0 < fields.count ? fields[$0].dataType : .null) })
        }
    }

    /// The value as one of `type`.
    /// - Throws: `SparkError` `CANNOT_ACCEPT_OBJECT_IN_TYPE` when it is of another kind or does not fit.
    func scalar(_ type: Columnar.DataType) throws -> Scalar {
        let misfit = SparkError(
            condition: "CANNOT_ACCEPT_OBJECT_IN_TYPE", sqlState: "42K0N", message: "A value cannot be accepted as \(type.sql).")
        switch (self, type) {
        case (.null, _): return .null
        case (.boolean(let x), .boolean): return .bool(x)
        case (.integer(let x), .byte): return .int8(try exactly(Int8(exactly: x), misfit))
        case (.integer(let x), .short): return .int16(try exactly(Int16(exactly: x), misfit))
        case (.integer(let x), .int): return .int32(try exactly(Int32(exactly: x), misfit))
        case (.integer(let x), .long): return .int64(x)
        case (.integer(let x), .double): return .double(Double(x))
        case (.integer(let x), .float): return .float(Float(x))
        case (.double(let x), .double): return .double(x)
        case (.double(let x), .float): return .float(Float(x))
        case (.integer(let x), .decimal): return try Self.decimal(String(x)).scalar(type)
        case (.decimal(let text), .decimal(let precision, let scale)):
            guard let (value, from) = parseDecimal(text), from <= scale, let power = Decimals.powerOfTen(scale - from) else { throw misfit }
            let (unscaled, overflow) = value.multipliedReportingOverflow(by: power)
            guard !overflow, Decimals.fits(unscaled, precision: precision) else { throw misfit }
            return .decimal(unscaled, scale: scale)
        case (.string(let x), .string): return .string(x)
        case (.binary(let x), .binary): return .binary(x)
        case (.date(let text), .date), (.string(let text), .date): return .date(try exactly(parseDate(text), misfit))
        case (.timestamp(let text), .timestamp), (.string(let text), .timestamp), (.timestamp(let text), .timestampNTZ):
            return .timestamp(try exactly(parseTimestamp(text)?.micros, misfit))
        case (.array(let values), .array(let element, _)): return .array(try values.map { try $0.scalar(element) })
        case (.map(let entries), .map(let key, let value, _)):
            return .map(try entries.map { ScalarEntry(try $0.key.scalar(key), try $0.value.scalar(value)) })
        case (.structure(let values), .structure(let type)) where values.count == type.fields.count:
            return .structure(try zip(values, type.fields).map { try $0.scalar($1.dataType) })
        default: throw misfit
        }
    }

    private func exactly<T>(_ value: T?, _ failure: SparkError) throws -> T {
        guard let value else { throw failure }
        return value
    }
}
