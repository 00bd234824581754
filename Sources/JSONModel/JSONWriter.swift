extension JSONValue {
    /// Compact JSON: no white space, members in order, numbers as they were written. Only `"`, `\` and control
    /// characters are escaped.
    package var text: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .number(let value): return value.text
        default: return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// `text` as UTF-8.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    /// JSON indented by two blanks a level, for people.
    package var prettyText: String {
        var bytes: [UInt8] = []
        writePretty(to: &bytes, indentation: 0)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends `text` as UTF-8.
    package func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .number(let value): bytes.append(contentsOf: value.text.utf8)
        case .string(let value): writeJSONString(value, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            var first = true
            for element in elements {
                if !first { bytes.append(UInt8(ascii: ",")) }
                first = false
                element.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            var first = true
            for (key, value) in object {
                if !first { bytes.append(UInt8(ascii: ",")) }
                first = false
                writeJSONString(key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func writePretty(to bytes: inout [UInt8], indentation: Int) {
        func newLine(_ levels: Int) {
            bytes.append(UInt8(ascii: "\n"))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * levels))
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            bytes.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                element.writePretty(to: &bytes, indentation: indentation + 1)
            }
            newLine(indentation)
            bytes.append(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            bytes.append(UInt8(ascii: "{"))
            for (position, member) in object.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                writeJSONString(member.key, to: &bytes)
                bytes.append(contentsOf: ": ".utf8)
                member.value.writePretty(to: &bytes, indentation: indentation + 1)
            }
            newLine(indentation)
            bytes.append(UInt8(ascii: "}"))
        default: write(to: &bytes)
        }
    }
}

extension JSONObject {
    /// Compact JSON; see `JSONValue.text`.
    package var text: String { JSONValue.object(self).text }
    package var bytes: [UInt8] { JSONValue.object(self).bytes }
}

extension JSONValue: CustomStringConvertible {
    package var description: String { text }
}

extension JSONObject: CustomStringConvertible {
    package var description: String { text }
}

private let upperDigits = Array("0123456789ABCDEF".utf8)

/// Appends `text` between quotes with the escapes that JSON requires.
package func writeJSONString(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    let done: Void? = text.utf8.withContiguousStorageIfAvailable { writeEscaped($0, to: &bytes) }
    if done == nil {
        Array(text.utf8).withUnsafeBufferPointer { writeEscaped($0, to: &bytes) }
    }
    bytes.append(UInt8(ascii: "\""))
}

private func writeEscaped(_ source: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    var copied = 0
    for position in source.indices {
        let byte = source[position]
        if byte >= 0x20, byte != 0x22, byte != 0x5C { continue }
        bytes.append(contentsOf: source[copied..<position])
        copied = position + 1
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x22, 0x5C: bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(upperDigits[Int(byte >> 4)])
            bytes.append(upperDigits[Int(byte & 15)])
        }
    }
    bytes.append(contentsOf: source[copied...])
}
