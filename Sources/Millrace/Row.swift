/// One row of a result.
public struct Row: Sendable, Hashable, CustomStringConvertible {
    public let names: [String]
    public let values: [SparkValue]

    public init(names: [String], values: [SparkValue]) {
        self.names = names
        self.values = values
    }

    public var count: Int { values.count }

    /// `[1,a,null]`
    public var description: String { "[" + values.map(\.description).joined(separator: ",") + "]" }

    /// Nil when no column has the name (letter case does not matter).
    public subscript(name: String) -> SparkValue? {
        names.firstIndex { $0.lowercased() == name.lowercased() }.map { values[$0] }
    }

    /// - Precondition: `index` is a column's.
    public subscript(index: Int) -> SparkValue { values[index] }

    public func isNullAt(_ index: Int) -> Bool { values[index].isNull }
    /// Nil for NULL and for a value of another type; so are the others.
    public func getString(_ index: Int) -> String? { values[index].stringValue }
    public func getLong(_ index: Int) -> Int64? { values[index].integerValue }
    public func getDouble(_ index: Int) -> Double? { values[index].doubleValue }
    public func getBoolean(_ index: Int) -> Bool? { values[index].booleanValue }
    public func getDecimal(_ index: Int) -> String? { values[index].decimalText }
}

extension SparkValue: CustomStringConvertible {
    public var isNull: Bool { self == .null }

    /// The text of a string, date, timestamp or decimal.
    public var stringValue: String? {
        switch self {
        case .string(let x), .date(let x), .timestamp(let x), .decimal(let x): x
        default: nil
        }
    }
    public var integerValue: Int64? { if case .integer(let x) = self { x } else { nil } }
    public var doubleValue: Double? { if case .double(let x) = self { x } else { nil } }
    public var booleanValue: Bool? { if case .boolean(let x) = self { x } else { nil } }
    public var decimalText: String? { if case .decimal(let x) = self { x } else { nil } }

    /// As Spark prints values in a row.
    public var description: String {
        switch self {
        case .null: "null"
        case .boolean(let x): "\(x)"
        case .integer(let x): "\(x)"
        case .double(let x): "\(x)"
        case .string(let x), .date(let x), .timestamp(let x), .decimal(let x): x
        case .binary(let x): "[" + x.map { String($0, radix: 16) }.joined(separator: " ") + "]"
        case .array(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        case .map(let entries): "{" + entries.map { "\($0.key) -> \($0.value)" }.joined(separator: ", ") + "}"
        case .structure(let values): "[" + values.map(\.description).joined(separator: ",") + "]"
        }
    }
}
