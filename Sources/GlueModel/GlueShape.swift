package import JSONModel

/// The type of a value in Glue's service model, with the constraints that are checked before anything else.
package indirect enum GlueShape: Sendable {
    case string(ClosedRange<Int>)
    case oneOf([String])
    case integer(ClosedRange<Int64>)
    case double
    case boolean
    /// Seconds since 1970.
    case timestamp
    case list(GlueShape, ClosedRange<Int>)
    /// Names to texts.
    case map
    case structure([Member])
    /// Kept as it comes.
    case document

    package struct Member: Sendable {
        package var name: String
        package var shape: GlueShape
        package var isRequired: Bool

        package init(_ name: String, _ shape: GlueShape, required: Bool = false) {
            self.name = name
            self.shape = shape
            isRequired = required
        }
    }

    package static let text = GlueShape.string(0...Int.max)
    package static let name = GlueShape.string(1...255)
    package static func list(_ element: GlueShape) -> GlueShape { .list(element, 0...Int.max) }
}

extension GlueShape {
    /// Checks `input` and gives its known members, nulls left out.
    ///
    /// - Throws: `.serialization` for a value of another type, `.validation` naming every constraint that does not
    ///   hold, in document order.
    package func checked(_ input: JSONObject) throws(GlueError) -> JSONObject {
        var violations: [String] = []
        let result = try check(.object(input), "", &violations)
        if !violations.isEmpty {
            let count = "\(violations.count) validation error\(violations.count == 1 ? "" : "s") detected: "
            throw GlueError(.validation, count + violations.joined(separator: "; "))
        }
        return result.object ?? [:]
    }

    private func check(
        _ value: JSONValue, _ path: String, _ violations: inout [String]
    ) throws(GlueError) -> JSONValue {
        switch self {
        case .document: break
        case .string(let range):
            guard let text = value.string else { throw Self.mismatch(value, "String") }
            checkLength(text.unicodeScalars.count, range, "'\(text.prefix(300))'", path, &violations)
        case .oneOf(let names):
            guard let text = value.string else { throw Self.mismatch(value, "String") }
            if !names.contains(text) {
                violations.append(
                    "Value '\(text.prefix(300))' at '\(path)' failed to satisfy constraint: Member must satisfy enum value set: [\(names.joined(separator: ", "))]")
            }
        case .integer(let range):
            guard let number = value.number else { throw Self.mismatch(value, "Integer") }
            guard let integer = number.int64 else { throw Self.mismatch(value, "Integer") }
            if integer > range.upperBound {
                violations.append(Self.failed("'\(integer)'", path, "value less than or equal to \(range.upperBound)"))
            } else if integer < range.lowerBound {
                violations.append(Self.failed("'\(integer)'", path, "value greater than or equal to \(range.lowerBound)"))
            }
        case .double, .timestamp:
            guard value.number != nil else { throw Self.mismatch(value, self.isTimestamp ? "Timestamp" : "Double") }
        case .boolean:
            guard value.bool != nil else { throw Self.mismatch(value, "Boolean") }
        case .map:
            guard let object = value.object else { throw Self.mismatch(value, "Map") }
            var result = JSONObject()
            for (key, value) in object where !value.isNull {
                guard value.string != nil else { throw Self.mismatch(value, "String") }
                result.append(key, value)
            }
            return .object(result)
        case .list(let element, let range):
            guard let array = value.array else { throw Self.mismatch(value, "List") }
            checkLength(array.count, range, "'[...]'", path, &violations)
            var result: [JSONValue] = []
            for (index, item) in array.enumerated() {
                result.append(try element.check(item, "\(path).\(index + 1).member", &violations))
            }
            return .array(result)
        case .structure(let members):
            return try check(members, value, path, &violations)
        }
        return value
    }

    private func check(
        _ members: [Member], _ value: JSONValue, _ path: String, _ violations: inout [String]
    ) throws(GlueError) -> JSONValue {
        guard let object = value.object else { throw Self.mismatch(value, "Structure") }
        var result = JSONObject()
        for member in members {
            let memberPath = (path.isEmpty ? "" : path + ".") + Self.lowerFirst(member.name)
            guard let item = object[member.name], !item.isNull else {
                if member.isRequired { violations.append(Self.failed("null", memberPath, "not be null", have: false)) }
                continue
            }
            result.append(member.name, try member.shape.check(item, memberPath, &violations))
        }
        return .object(result)
    }

    private var isTimestamp: Bool { if case .timestamp = self { true } else { false } }

    private func checkLength(
        _ count: Int, _ range: ClosedRange<Int>, _ shown: String, _ path: String, _ violations: inout [String]
    ) {
        if count > range.upperBound {
            violations.append(Self.failed(shown, path, "length less than or equal to \(range.upperBound)"))
        } else if count < range.lowerBound {
            violations.append(Self.failed(shown, path, "length greater than or equal to \(range.lowerBound)"))
        }
    }

    private static func failed(_ value: String, _ path: String, _ constraint: String, have: Bool = true) -> String {
        "Value \(value) at '\(path)' failed to satisfy constraint: Member must \(have ? "have " : "")\(constraint)"
    }

    private static func mismatch(_ value: JSONValue, _ type: String) -> GlueError {
        let found =
            switch value {
            case .null: "NULL"
            case .bool(true): "TRUE_VALUE"
            case .bool(false): "FALSE_VALUE"
            case .number: "NUMBER_VALUE"
            case .string: "STRING_VALUE"
            case .array: "START_ARRAY"
            case .object: "START_OBJECT"
            }
        return GlueError(.serialization, "\(found) can not be converted to \(type == "Integer" ? "an" : "a") \(type)")
    }

    private static func lowerFirst(_ name: String) -> String { (name.first?.lowercased() ?? "") + name.dropFirst() }
}
