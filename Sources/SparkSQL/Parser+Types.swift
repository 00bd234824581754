import Columnar
import JSONModel
import SparkPlan

extension SQLParser {
    mutating func dataType() throws -> DataType { try nested { try $0.dataTypeBody() } }

    private mutating func dataTypeBody() throws -> DataType {
        guard current.kind == .word else { throw syntaxError(expected: "a data type") }
        let name = current.keyword
        let token = current
        advance()
        switch name {
        case "BOOLEAN": return .boolean
        case "TINYINT", "BYTE": return .byte
        case "SMALLINT", "SHORT": return .short
        case "INT", "INTEGER": return .int
        case "BIGINT", "LONG": return .long
        case "FLOAT", "REAL": return .float
        case "DOUBLE":
            _ = take("PRECISION")
            return .double
        case "DECIMAL", "DEC", "NUMERIC":
            guard isSymbol("(") else { return .decimal(precision: 10, scale: 0) }
            let numbers = try parenthesized { try $0.commaSeparated { try $0.smallInteger() } }
            let scale = numbers.count > 1 ? numbers[1] : 0
            guard numbers.count <= 2, (1...DataType.decimalPrecisionMax).contains(numbers[0]),
                (0...numbers[0]).contains(scale)
            else {
                throw SparkError(
                    condition: "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", sqlState: "22003",
                    message: "Decimal precision \(numbers[0]) exceeds max precision \(DataType.decimalPrecisionMax), "
                        + "or its scale \(scale) exceeds it.")
            }
            return .decimal(precision: numbers[0], scale: scale)
        case "STRING":
            if isKeyword("COLLATE") { throw unsupported("collations") }
            return .string
        case "CHAR", "CHARACTER", "VARCHAR":
            guard isSymbol("(") else {
                throw SparkError(
                    condition: "DATATYPE_MISSING_SIZE", sqlState: "42K01",
                    message: "DataType \"\(name)\" requires a length parameter, for example \"\(name)\"(10).")
            }
            _ = try parenthesized { try $0.smallInteger() }
            return .string
        case "BINARY": return .binary
        case "DATE": return .date
        case "TIMESTAMP", "TIMESTAMP_LTZ": return .timestamp
        case "TIMESTAMP_NTZ": return .timestampNTZ
        case "VARIANT": return .variant
        case "VOID": return .null
        case "INTERVAL":
            let first = try identifier("an interval unit").uppercased()
            if take("TO") { _ = try identifier() }
            return first == "YEAR" || first == "MONTH" ? .yearMonthInterval : .dayTimeInterval
        case "ARRAY":
            try expect(symbol: "<")
            let element = try dataType()
            try expect(symbol: ">")
            return .array(element: element, containsNull: true)
        case "MAP":
            try expect(symbol: "<")
            let key = try dataType()
            try expect(symbol: ",")
            let value = try dataType()
            try expect(symbol: ">")
            return .map(key: key, value: value, valueContainsNull: true)
        case "STRUCT":
            if take(symbol: "<>") { return .structure(StructType([])) }
            try expect(symbol: "<")
            var fields: [StructField] = []
            if !isSymbol(">") {
                fields = try commaSeparated { parser in
                    let name = try parser.identifier("a field name")
                    _ = parser.take(symbol: ":")
                    return try parser.columnRest(name: name)
                }
            }
            try expect(symbol: ">")
            return .structure(StructType(fields))
        default:
            throw SparkError.parse(
                "UNSUPPORTED_DATATYPE", "Unsupported data type \"\(token.text.uppercased())\".", at: token.position,
                in: text, origin: origin)
        }
    }

    mutating func smallInteger() throws -> Int {
        guard current.kind == .number, let value = Int(current.text), value < 1 << 31 else {
            throw syntaxError(expected: "an integer")
        }
        advance()
        return value
    }

    /// `a INT NOT NULL COMMENT 'x', b STRING`.
    mutating func columnDefinitions() throws -> [StructField] {
        try commaSeparated { parser in
            let name = try parser.identifier("a column name")
            _ = parser.take(symbol: ":")
            return try parser.columnRest(name: name)
        }
    }

    private mutating func columnRest(name: String) throws -> StructField {
        var field = StructField(name, try dataType())
        while true {
            if take("NOT", "NULL") {
                field.nullable = false
            } else if take("COMMENT") {
                field.metadata["comment"] = .string(try stringLiteral())
            } else if isKeyword("DEFAULT") {
                throw unsupported("column default values")
            } else if isKeyword("GENERATED") {
                throw unsupported("generated columns")
            } else {
                return field
            }
        }
    }
}
