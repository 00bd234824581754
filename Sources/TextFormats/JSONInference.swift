package import Columnar
import JSONModel

/// Finds the schema of JSON input as Spark does, from all records: fields by name, ascending; BIGINT, DOUBLE, BOOLEAN,
/// STRING, DECIMAL for whole numbers beyond BIGINT, ARRAY and STRUCT; STRING where kinds differ.
package struct JSONInference {
    private let options: JSONOptions
    private let root = JSONShape()
    private var sawOther = false

    package init(_ options: JSONOptions) { self.options = options }

    /// Takes in the records of one input.
    ///
    /// - Throws: `SparkError` `MALFORMED_RECORD_IN_SCHEMA_INFERENCE` in FAILFAST mode; what `read` throws.
    package mutating func add(start: Int64 = 0, read: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) throws {
        let lines = try LineReader(start: start, read: read)
        while let isGood = try options.multiLine ? lines.rest(add(record:)) : lines.next(add(record:)) {
            guard !isGood else { continue }
            sawOther = true
            if options.mode == .failFast {
                throw SparkError(
                    condition: "MALFORMED_RECORD_IN_SCHEMA_INFERENCE", sqlState: "22023",
                    message: "Malformed records are detected in schema inference: the record at byte \(lines.lineStart) is no "
                        + "object. Parse Mode: FAILFAST. Failed to infer a common schema.")
            }
        }
    }

    private func add(record bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if bytes.allSatisfy(JSONLinesReader.isBlank) { return true }
        // What is no JSON is counted with what is no object.
        guard let value = try? JSONValue(parsing: bytes) else { return false }
        var isGood = true
        for record in value.array ?? [value] {
            if record.object != nil { root.add(record, options) } else if !record.isNull { isGood = false }
        }
        return isGood
    }

    /// All fields nullable; with the corrupt-record column where a record was none and the mode keeps it.
    package func schema() -> StructType {
        var fields: [StructField] = []
        if case .structure(let type) = root.dataType(options) { fields = type.fields }
        let corrupt = options.columnNameOfCorruptRecord
        if sawOther, options.mode == .permissive, !fields.contains(where: { $0.name == corrupt }) {
            fields.append(StructField(corrupt, .string))
            fields.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        }
        return StructType(fields)
    }
}

/// What has been seen at one place of the records.
private final class JSONShape {
    private var fields: [String: JSONShape]?
    private var element: JSONShape?
    private var simple = DataType.null

    /// The depth of `value` is bounded by the parser.
    func add(_ value: JSONValue, _ options: JSONOptions) {
        switch value {
        case .null: break
        case .object(let object):
            var known = fields ?? [:]
            fields = nil  // So that `known` is the only owner, and is not copied.
            for (name, member) in object {
                if let shape = known[name] {
                    shape.add(member, options)
                } else {
                    let shape = JSONShape()
                    shape.add(member, options)
                    known[name] = shape
                }
            }
            fields = known
        case .array(let values):
            let shape = element ?? JSONShape()
            for value in values { shape.add(value, options) }
            element = shape
        case .bool: add(options.primitivesAsString ? .string : .boolean)
        case .number(let number): add(options.primitivesAsString ? .string : Self.type(of: number, options))
        case .string(let text):
            let isTime = options.inferTimestamp && withBytes(text) { JSONFields(options: options).timestamp($0) } != nil
            add(isTime ? .timestamp : .string)
        }
    }

    private func add(_ type: DataType) { simple = Self.common(simple, type) }

    /// Nil for an object without fields, which is no column.
    func dataType(_ options: JSONOptions) -> DataType? {
        let kinds = [fields != nil, element != nil, simple != .null].count { $0 }
        if kinds > 1 { return .string }
        if let fields {
            let found = fields.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.compactMap { name in
                name.isEmpty ? nil : fields[name]?.dataType(options).map { StructField(name, $0) }
            }
            return found.isEmpty ? nil : .structure(StructType(found))
        }
        if let element { return element.dataType(options).map { .array(element: $0, containsNull: true) } }
        return simple != .null ? simple : options.dropFieldIfAllNull ? nil : .string
    }

    private static func type(of number: JSONNumber, _ options: JSONOptions) -> DataType {
        if number.isInteger {
            if Int64(number.text) != nil { return .long }
            let digits = number.text.utf8.count { $0 != 0x2D }
            return digits <= DataType.decimalPrecisionMax ? .decimal(precision: digits, scale: 0) : .double
        }
        // With an exponent the digits do not tell the precision: such numbers stay DOUBLE.
        guard options.prefersDecimal, !number.text.utf8.contains(where: { $0 | 0x20 == 0x65 }) else { return .double }
        let parts = number.text.split(separator: ".")
        let scale = parts.count > 1 ? parts[1].utf8.count : 0
        let whole = parts[0].utf8.drop { $0 == 0x2D || $0 == 0x30 }.count
        let precision = max(whole + scale, scale)
        return precision <= DataType.decimalPrecisionMax ? .decimal(precision: max(1, precision), scale: scale) : .double
    }

    private static func common(_ a: DataType, _ b: DataType) -> DataType {
        switch (a, b) {
        case (.null, let other): return other
        case _ where a == b: return a
        case (.long, .double), (.double, .long), (.decimal, .double), (.double, .decimal): return .double
        case (.long, .decimal): return common(.decimal(precision: 20, scale: 0), b)
        case (.decimal, .long): return common(a, .decimal(precision: 20, scale: 0))
        case (.decimal(let p, let s), .decimal(let q, let t)):
            let scale = max(s, t)
            let precision = max(p - s, q - t) + scale
            return precision <= DataType.decimalPrecisionMax ? .decimal(precision: precision, scale: scale) : .double
        default: return .string
        }
    }
}
