package import JSONModel
import Support

/// A place in a document, from line 1 and column 1.
package struct YAMLMark: Sendable, Hashable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// A value of a YAML document, and where it stands.
package struct YAMLNode: Sendable {
    package enum Content: Sendable {
        /// - Parameter isPlain: written without quotes, so that it may be a number, a boolean or null.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the document's order; keys are unique.
        case mapping([Entry])
    }

    package struct Entry: Sendable {
        package var key: String
        package var mark: YAMLMark
        package var value: YAMLNode
    }

    package var content: Content
    package var mark: YAMLMark
    /// Nodes in this one, itself included, with those that aliases stand for.
    var count: Int
}

extension YAMLNode {
    /// The value as the core schema of YAML 1.2 reads it: of plain scalars only `null`, `true`, decimal, `0o` and `0x`
    /// integers and decimal fractions are something else than text. `yes`, `on` and `1:30` are text.
    package var json: JSONValue {
        switch content {
        case .scalar(let text, isPlain: false): .string(text)
        case .scalar(let text, isPlain: true): Self.core(text)
        case .sequence(let nodes): .array(nodes.map(\.json))
        case .mapping(let entries):
            .object(entries.reduce(into: JSONObject()) { object, entry in object[entry.key] = entry.value.json })
        }
    }

    /// Nothing, `~` or `null` was written.
    var isNull: Bool { if case .scalar = content { json.isNull } else { false } }

    private static func core(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        for (prefix, radix) in [("0o", 8), ("0x", 16)] where text.hasPrefix(prefix) {
            let digits = text.dropFirst(2)
            guard digits.utf8.first.map({ hexValue($0) != nil }) == true, let value = Int(digits, radix: radix) else {
                return .string(text)
            }
            return .number(JSONNumber(value))
        }
        // What JSON also calls a number, and the forms that only YAML has: a plus sign, zeros in front, a bare point.
        guard let first = text.utf8.first, first == 43 || first == 45 || first == 46 || (48...57).contains(first),
            text.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) })
        else { return .string(text) }
        if let integer = Int(text) { return .number(JSONNumber(integer)) }
        if text.utf8.contains(where: { (48...57).contains($0) }), let double = Double(text), double.isFinite {
            return .number(JSONNumber(double))
        }
        return .string(text)
    }
}

/// Why a document could not be read.
package struct YAMLError: Error, Sendable, Hashable {
    package var mark: YAMLMark
    /// Without the place.
    package var message: String
}
