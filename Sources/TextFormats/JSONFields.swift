import Columnar
import JSONModel

/// Turns JSON values into values of a schema the way Spark's JSON source does it, not as casts: a number for a boolean,
/// a fraction for an integer and a text for either do not fit; whatever it is fits a string.
struct JSONFields {
    let options: JSONOptions

    /// - Throws: `SparkError` for a type that JSON cannot hold here.
    static func check(_ type: DataType) throws {
        switch type {
        case .array(let element, _): try check(element)
        case .map(.string, let value, _): try check(value)
        case .structure(let structure): for field in structure.fields { try check(field.dataType) }
        case .map, .binary, .dayTimeInterval, .yearMonthInterval, .variant:
            throw SparkError.unsupported("reading JSON into a column of the type \(type.sql)")
        default: break
        }
    }

    /// The fields of one record; those that are missing or do not fit are NULL.
    ///
    /// - Parameter misfit: becomes the first field that does not fit, said for people.
    func row(_ object: JSONObject, _ fields: [StructField], misfit: inout String?) -> [Scalar] {
        fields.map { field in
            guard let value = object[field.name], !value.isNull else { return .null }
            return scalar(value, field.dataType, field.name, &misfit)
        }
    }

    private func scalar(_ value: JSONValue, _ type: DataType, _ name: String, _ misfit: inout String?) -> Scalar {
        switch (type, value) {
        case (_, .null): return .null
        case (.structure(let structure), .object(let object)):
            return .structure(row(object, structure.fields, misfit: &misfit))
        case (.array(let element, _), .array(let values)):
            return .array(values.map { scalar($0, element, name, &misfit) })
        case (.map(_, let valueType, _), .object(let object)):
            return .map(object.map { ScalarEntry(.string($0.key), scalar($0.value, valueType, name, &misfit)) })
        default:
            if let found = simple(value, type) { return found }
            if misfit == nil { misfit = "field `\(name)` does not hold a value of type \(type.sql)" }
            return .null
        }
    }

    private func simple(_ value: JSONValue, _ type: DataType) -> Scalar? {
        switch (type, value) {
        case (.string, .string(let text)): return .string(text)
        case (.string, .number(let number)): return .string(number.text)
        case (.string, _): return .string(value.text)
        case (.boolean, .bool(let flag)): return .bool(flag)
        case (.byte, .number(let number)): return Int8(number.text).map { .int8($0) }
        case (.short, .number(let number)): return Int16(number.text).map { .int16($0) }
        case (.int, .number(let number)): return Int32(number.text).map { .int32($0) }
        case (.long, .number(let number)): return Int64(number.text).map { .int64($0) }
        case (.double, .number(let number)): return .double(number.double)
        case (.float, .number(let number)): return withBytes(number.text) { NumberText.float($0) }.map { .float($0) }
        case (.double, .string(let text)): return Self.special(text).map { .double($0) }
        case (.float, .string(let text)): return Self.special(text).map { .float(Float($0)) }
        case (.decimal(let precision, let scale), .number(let number)): return decimal(number.text, precision, scale)
        case (.decimal(let precision, let scale), .string(let text)): return decimal(text, precision, scale)
        case (.date, .string(let text)): return withBytes(text) { date($0) }
        case (.timestamp, .string(let text)), (.timestampNTZ, .string(let text)):
            return withBytes(text) { timestamp($0) }.map { .timestamp($0) }
        case (.timestamp, .number(let number)):
            guard let seconds = Int64(number.text) else { return nil }
            let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
            return overflow ? nil : .timestamp(micros)
        default: return nil
        }
    }

    private func decimal(_ text: String, _ precision: Int, _ scale: Int) -> Scalar? {
        withBytes(text) { NumberText.decimal($0, precision: precision, scale: scale).value }.map { .decimal($0, scale: scale) }
    }

    private func date(_ bytes: UnsafeBufferPointer<UInt8>) -> Scalar? {
        guard let format = options.dateFormat else { return DateText.date(NumberText.trimmed(bytes)).map { .date($0) } }
        return format.parse(bytes).map {
            .date(Int32(truncatingIfNeeded: ValueText.floorDivide($0, DateText.microsPerDay).quotient))
        }
    }

    func timestamp(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        if let format = options.timestampFormat { return format.parse(bytes) }
        return DateText.timestamp(NumberText.trimmed(bytes))?.micros
    }

    private static func special(_ text: String) -> Double? {
        switch text {
        case "NaN": .nan
        case "Infinity", "+Infinity", "+INF": .infinity
        case "-Infinity", "-INF": -.infinity
        default: nil
        }
    }
}

func withBytes<R>(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    var text = text
    return text.withUTF8(body)
}
