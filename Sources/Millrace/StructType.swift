import Columnar
import SparkSQL

/// The type of a column, as Spark SQL has them.
public indirect enum DataType: Sendable, Hashable {
    case boolean, byte, short, integer, long, float, double
    case decimal(precision: Int, scale: Int)
    case string, binary, date, timestamp, timestampNTZ, dayTimeInterval, yearMonthInterval
    case array(DataType, containsNull: Bool = true)
    case map(DataType, DataType, valueContainsNull: Bool = true)
    case structure(StructType)
    case variant, null

    /// As SQL writes it: `bigint`, `decimal(10,2)`, `array<int>`.
    public var simpleString: String { columnar.simpleString }
}

/// One column of a schema, or one member of a struct.
public struct StructField: Sendable, Hashable {
    public var name: String
    public var dataType: DataType
    public var nullable: Bool

    public init(_ name: String, _ dataType: DataType, nullable: Bool = true) {
        self.name = name
        self.dataType = dataType
        self.nullable = nullable
    }
}

/// The columns of a DataFrame, in order.
///
///     let schema = StructType([StructField("id", .long, nullable: false), StructField("name", .string)])
public struct StructType: Sendable, Hashable {
    public var fields: [StructField]

    public init(_ fields: [StructField] = []) { self.fields = fields }

    /// From SQL's writing: `id BIGINT NOT NULL, name STRING`.
    /// - Throws: `PARSE_SYNTAX_ERROR`, `UNSUPPORTED_DATATYPE`.
    public static func fromDDL(_ text: String) throws(SparkException) -> StructType {
        try translated { StructType(try SQLParser.parseSchema(text)) }
    }

    /// With one more field.
    public func add(_ name: String, _ dataType: DataType, nullable: Bool = true) -> StructType {
        StructType(fields + [StructField(name, dataType, nullable: nullable)])
    }

    public var fieldNames: [String] { fields.map(\.name) }

    /// Nil when no field has the name (letter case does not matter).
    public subscript(name: String) -> StructField? { fields.first { $0.name.lowercased() == name.lowercased() } }

    /// `struct<id:bigint,name:string>`.
    public var simpleString: String { DataType.structure(self).simpleString }

    /// The tree that Spark's `printSchema` prints.
    public var treeString: String {
        var text = "root\n"
        for field in fields { field.appendTree(" |", to: &text) }
        return text
    }
}

extension StructField {
    fileprivate func appendTree(_ prefix: String, to text: inout String) {
        text += "\(prefix)-- \(name): \(dataType.typeName) (nullable = \(nullable))\n"
        dataType.appendTree(prefix + "    |", to: &text)
    }
}

extension DataType {
    /// The name that trees show.
    fileprivate var typeName: String {
        switch self {
        case .byte, .short, .integer, .long: return ["tinyint": "byte", "smallint": "short", "int": "integer"][simpleString] ?? "long"
        case .array: return "array"
        case .map: return "map"
        case .structure: return "struct"
        default: return simpleString
        }
    }

    fileprivate func appendTree(_ prefix: String, to text: inout String) {
        switch self {
        case .array(let element, let containsNull):
            text += "\(prefix)-- element: \(element.typeName) (containsNull = \(containsNull))\n"
            element.appendTree(prefix + "    |", to: &text)
        case .map(let key, let value, let containsNull):
            text += "\(prefix)-- key: \(key.typeName)\n"
            key.appendTree(prefix + "    |", to: &text)
            text += "\(prefix)-- value: \(value.typeName) (valueContainsNull = \(containsNull))\n"
            value.appendTree(prefix + "    |", to: &text)
        case .structure(let type): for field in type.fields { field.appendTree(prefix, to: &text) }
        default: break
        }
    }
}

// MARK: - The engine's types

extension DataType {
    init(_ type: Columnar.DataType) {
        self =
            switch type {
            case .boolean: .boolean
            case .byte: .byte
            case .short: .short
            case .int: .integer
            case .long: .long
            case .float: .float
            case .double: .double
            case .decimal(let precision, let scale): .decimal(precision: precision, scale: scale)
            case .string: .string
            case .binary: .binary
            case .date: .date
            case .timestamp: .timestamp
            case .timestampNTZ: .timestampNTZ
            case .dayTimeInterval: .dayTimeInterval
            case .yearMonthInterval: .yearMonthInterval
            case .array(let element, let containsNull): .array(DataType(element), containsNull: containsNull)
            case .map(let key, let value, let nulls): .map(DataType(key), DataType(value), valueContainsNull: nulls)
            case .structure(let type): .structure(StructType(type))
            case .variant: .variant
            case .null: .null
            }
    }

    fileprivate var columnar: Columnar.DataType {
        switch self {
        case .boolean: .boolean
        case .byte: .byte
        case .short: .short
        case .integer: .int
        case .long: .long
        case .float: .float
        case .double: .double
        case .decimal(let precision, let scale): .decimal(precision: precision, scale: scale)
        case .string: .string
        case .binary: .binary
        case .date: .date
        case .timestamp: .timestamp
        case .timestampNTZ: .timestampNTZ
        case .dayTimeInterval: .dayTimeInterval
        case .yearMonthInterval: .yearMonthInterval
        case .array(let element, let containsNull): .array(element: element.columnar, containsNull: containsNull)
        case .map(let key, let value, let nulls): .map(key: key.columnar, value: value.columnar, valueContainsNull: nulls)
        case .structure(let type): .structure(type.columnar)
        case .variant: .variant
        case .null: .null
        }
    }
}

extension DataType {
    /// For the engine. - Throws: `DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION` and the like for what is no type.
    func validated() throws -> Columnar.DataType {
        try check()
        return columnar
    }

    private func check() throws {
        switch self {
        case .decimal(let precision, let scale):
            guard precision <= Columnar.DataType.decimalPrecisionMax else {
                throw SparkError(
                    condition: "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", sqlState: "22003",
                    message: "Decimal precision \(precision) exceeds max precision \(Columnar.DataType.decimalPrecisionMax).")
            }
            guard precision >= 1, (0...precision).contains(scale) else {
                throw SparkError(
                    condition: "INVALID_DECIMAL_PRECISION_OR_SCALE", sqlState: "22003",
                    message: "Decimal scale \(scale) cannot be used with precision \(precision).")
            }
        case .array(let element, _): try element.check()
        case .map(let key, let value, _):
            try key.check()
            try value.check()
        case .structure(let type): for field in type.fields { try field.dataType.check() }
        default: break
        }
    }
}

extension StructType {
    func validated() throws -> Columnar.StructType {
        guard case .structure(let type) = try DataType.structure(self).validated() else { return columnar }
        return type
    }

    init(_ type: Columnar.StructType) {
        fields = type.fields.map { StructField($0.name, DataType($0.dataType), nullable: $0.nullable) }
    }

    fileprivate var columnar: Columnar.StructType {
        Columnar.StructType(fields.map { Columnar.StructField($0.name, $0.dataType.columnar, nullable: $0.nullable) })
    }
}
