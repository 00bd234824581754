package import JSONModel

/// The type of a column or expression: Spark SQL's types.
///
/// Physical forms in memory: `boolean` one byte 0 or 1; `byte`, `short`, `int`, `long`, `float`, `double` as named;
/// `decimal` an unscaled Int64 up to precision 18 and an unscaled Int128 above; `date` Int32 days since 1970-01-01;
/// `timestamp` and `timestampNTZ` Int64 microseconds since 1970-01-01T00:00:00 (UTC, or of no zone);
/// `dayTimeInterval` Int64 microseconds; `yearMonthInterval` Int32 months; `string` and `binary` 16-byte views.
package indirect enum DataType: Sendable, Hashable {
    case boolean, byte, short, int, long, float, double
    case decimal(precision: Int, scale: Int)
    case string, binary, date, timestamp, timestampNTZ, dayTimeInterval, yearMonthInterval
    case array(element: DataType, containsNull: Bool)
    case map(key: DataType, value: DataType, valueContainsNull: Bool)
    case structure(StructType)
    case variant, null

    /// The highest precision of a decimal.
    package static let decimalPrecisionMax = 38
    /// The highest precision whose unscaled values are held as Int64.
    package static let decimalPrecisionOfInt64Max = 18
}

/// One column of a table or member of a struct.
package struct StructField: Sendable, Hashable {
    package var name: String
    package var dataType: DataType
    package var nullable: Bool
    package var metadata: JSONObject

    package init(_ name: String, _ dataType: DataType, nullable: Bool = true, metadata: JSONObject = JSONObject([])) {
        self.name = name
        self.dataType = dataType
        self.nullable = nullable
        self.metadata = metadata
    }
}

/// Named, ordered fields: a table's schema or a struct's members.
package struct StructType: Sendable, Hashable {
    package var fields: [StructField]

    package init(_ fields: [StructField] = []) { self.fields = fields }

    package var count: Int { fields.count }

    /// The position of the first field of that name; letter case is ignored (ASCII and simple Unicode mapping) unless
    /// told otherwise.
    package func index(of name: String, caseSensitive: Bool = false) -> Int? {
        if let exact = fields.firstIndex(where: { $0.name == name }) { return exact }
        if caseSensitive { return nil }
        let lower = name.lowercased()
        return fields.firstIndex { $0.name.lowercased() == lower }
    }
}

extension DataType {
    package var isNumeric: Bool {
        switch self {
        case .byte, .short, .int, .long, .float, .double, .decimal: true
        default: false
        }
    }

    /// byte, short, int or long.
    package var isIntegral: Bool {
        switch self {
        case .byte, .short, .int, .long: true
        default: false
        }
    }

    package var isFractional: Bool { self == .float || self == .double }

    package var isDecimal: Bool { if case .decimal = self { true } else { false } }

    package var isNested: Bool {
        switch self {
        case .array, .map, .structure: true
        default: false
        }
    }

    /// Spark's `simpleString`: `bigint`, `decimal(10,2)`, `array<int>`, `struct<a:int,b:string>`.
    package var simpleString: String {
        switch self {
        case .boolean: "boolean"
        case .byte: "tinyint"
        case .short: "smallint"
        case .int: "int"
        case .long: "bigint"
        case .float: "float"
        case .double: "double"
        case .decimal(let precision, let scale): "decimal(\(precision),\(scale))"
        case .string: "string"
        case .binary: "binary"
        case .date: "date"
        case .timestamp: "timestamp"
        case .timestampNTZ: "timestamp_ntz"
        case .dayTimeInterval: "interval day to second"
        case .yearMonthInterval: "interval year to month"
        case .array(let element, _): "array<\(element.simpleString)>"
        case .map(let key, let value, _): "map<\(key.simpleString),\(value.simpleString)>"
        case .structure(let type):
            "struct<" + type.fields.map { "\($0.name):\($0.dataType.simpleString)" }.joined(separator: ",") + ">"
        case .variant: "variant"
        case .null: "void"
        }
    }

    /// Spark's `sql`, as error messages show types: `BIGINT`, `DECIMAL(10,2)`, `MAP<STRING, INT>`.
    package var sql: String {
        switch self {
        case .array(let element, _): "ARRAY<\(element.sql)>"
        case .map(let key, let value, _): "MAP<\(key.sql), \(value.sql)>"
        case .structure(let type):
            "STRUCT<"
                + type.fields.map { "\($0.name): \($0.dataType.sql)\($0.nullable ? "" : " NOT NULL")" }
                .joined(separator: ", ") + ">"
        default: simpleString.uppercased()
        }
    }
}
