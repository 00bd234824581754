package import JSONModel

extension DataType {
    /// Spark's JSON form of a type, as in Delta's `schemaString`: a string for an atomic type, else an object.
    package var json: JSONValue {
        switch self {
        case .int: "integer"
        case .long: "long"
        case .byte: "byte"
        case .short: "short"
        case .array(let element, let containsNull):
            .object(JSONObject([("type", "array"), ("elementType", element.json), ("containsNull", .bool(containsNull))]))
        case .map(let key, let value, let valueContainsNull):
            .object(
                JSONObject([
                    ("type", "map"), ("keyType", key.json), ("valueType", value.json),
                    ("valueContainsNull", .bool(valueContainsNull)),
                ]))
        case .structure(let type): type.json
        default: .string(simpleString)
        }
    }

    /// Reads Spark's JSON form.
    ///
    /// - Throws: `SparkError` `PARSE_DATATYPE_ERROR` naming the part that is no type, or `UNSUPPORTED_DATATYPE` for a
    ///   type that exists in Spark and is not supported here.
    package init(json: JSONValue) throws(SparkError) {
        if let name = json.string {
            self = try DataType(jsonName: name)
            return
        }
        guard let kind = json["type"]?.string else { throw Self.malformed(json) }
        switch kind {
        case "struct": self = .structure(try StructType(json: json))
        case "array":
            guard let element = json["elementType"] else { throw Self.malformed(json) }
            self = .array(element: try DataType(json: element), containsNull: json["containsNull"]?.bool ?? true)
        case "map":
            guard let key = json["keyType"], let value = json["valueType"] else { throw Self.malformed(json) }
            self = .map(
                key: try DataType(json: key), value: try DataType(json: value),
                valueContainsNull: json["valueContainsNull"]?.bool ?? true)
        case "udt":
            guard let inner = json["sqlType"] else { throw Self.malformed(json) }
            self = try DataType(json: inner)
        default: throw Self.malformed(json)
        }
    }

    /// Reads the JSON form from its text.
    package init(jsonText: String) throws {
        self = try DataType(json: try JSONValue(parsing: jsonText))
    }

    private static func malformed(_ json: JSONValue) -> SparkError {
        SparkError(
            condition: "PARSE_DATATYPE_ERROR", sqlState: "42601",
            message: "Cannot read a data type from the JSON \(json.text.prefix(200)).")
    }

    private init(jsonName name: String) throws(SparkError) {
        if let known = Self.atomicTypes[name] {
            self = known
            return
        }
        if let numbers = Self.arguments(of: name, prefix: "decimal"), numbers.count == 2,
            (1...Self.decimalPrecisionMax).contains(numbers[0]), (-numbers[0]...numbers[0]).contains(numbers[1]),
            numbers[1] >= 0
        {
            self = .decimal(precision: numbers[0], scale: numbers[1])
            return
        }
        if let numbers = Self.arguments(of: name, prefix: "char") ?? Self.arguments(of: name, prefix: "varchar"),
            numbers.count == 1
        {
            self = .string
            return
        }
        if name.hasPrefix("interval ") {
            self = name.contains("year") || name.contains("month") ? .yearMonthInterval : .dayTimeInterval
            return
        }
        throw SparkError(
            condition: "UNSUPPORTED_DATATYPE", sqlState: "0A000", message: "Unsupported data type \"\(name)\".")
    }

    private static let atomicTypes: [String: DataType] = [
        "boolean": .boolean, "byte": .byte, "tinyint": .byte, "short": .short, "smallint": .short, "integer": .int,
        "int": .int, "long": .long, "bigint": .long, "float": .float, "double": .double, "string": .string,
        "binary": .binary, "date": .date, "timestamp": .timestamp, "timestamp_ltz": .timestamp,
        "timestamp_ntz": .timestampNTZ, "variant": .variant, "void": .null, "null": .null,
        "decimal": .decimal(precision: 10, scale: 0),
    ]

    /// The integers between the brackets of `prefix(…)`; nil when the text has another form.
    private static func arguments(of name: String, prefix: String) -> [Int]? {
        guard name.hasPrefix(prefix + "("), name.hasSuffix(")") else { return nil }
        let parts = name.dropFirst(prefix.count + 1).dropLast().split(separator: ",", omittingEmptySubsequences: false)
        var numbers: [Int] = []
        for part in parts {
            guard let number = Int(part.filter { $0 != " " })
            else { return nil }
            numbers.append(number)
        }
        return numbers
    }
}

extension StructType {
    package var json: JSONValue {
        .object(JSONObject([("type", "struct"), ("fields", .array(fields.map(\.json)))]))
    }

    /// - Throws: `SparkError` `PARSE_DATATYPE_ERROR` or `UNSUPPORTED_DATATYPE`.
    package init(json: JSONValue) throws(SparkError) {
        guard json["type"]?.string == "struct", let list = json["fields"]?.array else {
            throw SparkError(
                condition: "PARSE_DATATYPE_ERROR", sqlState: "42601", message: "A schema is a JSON object of type struct.")
        }
        fields = []
        fields.reserveCapacity(list.count)
        for field in list { fields.append(try StructField(json: field)) }
    }
}

extension StructField {
    package var json: JSONValue {
        .object(
            JSONObject([
                ("name", .string(name)), ("type", dataType.json), ("nullable", .bool(nullable)),
                ("metadata", .object(metadata)),
            ]))
    }

    package init(json: JSONValue) throws(SparkError) {
        guard let name = json["name"]?.string, let type = json["type"] else {
            throw SparkError(
                condition: "PARSE_DATATYPE_ERROR", sqlState: "42601", message: "A field of a schema needs name and type.")
        }
        self.init(
            name, try DataType(json: type), nullable: json["nullable"]?.bool ?? true,
            metadata: json["metadata"]?.object ?? JSONObject([]))
    }
}
