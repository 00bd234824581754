/// One element of a document: its local name, its text and the elements in it. Attributes and name-space prefixes
/// are dropped, since no shape of the services depends on them.
package struct XMLElement: Sendable, Hashable {
    package var name: String
    /// All character data directly in the element, joined.
    package var text: String
    package var children: [XMLElement]

    package init(name: String, text: String = "", children: [XMLElement] = []) {
        self.name = name
        self.text = text
        self.children = children
    }

    /// The first child of that name.
    package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The text of the first child of that name; nil without one.
    package func text(of name: String) -> String? { self[name]?.text }
}

/// How large a document `XMLReader` takes.
package struct XMLLimits: Sendable, Hashable {
    package var depthMax: Int
    package var elementsMax: Int

    /// Enough for a listing or a delete request of 1,000 keys, or 10,000 parts.
    package init(depthMax: Int = 32, elementsMax: Int = 200_000) {
        self.depthMax = depthMax
        self.elementsMax = elementsMax
    }
}

package struct XMLSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String
    package let byteOffset: Int

    package var description: String { "\(message) at byte \(byteOffset)" }
}

/// Reads the XML that the REST services exchange. No document type is accepted, so no entity can be defined; only
/// the five predefined ones and character references are known.
package struct XMLReader {
    private let bytes: [UInt8]
    private let limits: XMLLimits
    private var position = 0
    private var elements = 0

    /// - Returns: the root element.
    /// - Throws: `XMLSyntaxError` for what is not well-formed, is not UTF-8, has a document type, or is larger than
    ///   `limits` allows.
    package static func read(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLSyntaxError) -> XMLElement {
        var reader = XMLReader(bytes: bytes, limits: limits)
        return try reader.document()
    }

    private init(bytes: [UInt8], limits: XMLLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    private mutating func document() throws(XMLSyntaxError) -> XMLElement {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        // Elements that are open, outermost first, each with the text seen so far.
        var open: [(element: XMLElement, text: [UInt8])] = []
        while true {
            let start = position
            while position < bytes.count, bytes[position] != UInt8(ascii: "<") { position += 1 }
            let data = bytes[start..<position]
            if open.isEmpty {
                guard data.allSatisfy(isBlank) else { throw error("text outside the root element", at: start) }
            } else {
                try appendText(data, to: &open[open.count - 1].text)
            }
            guard position < bytes.count else { throw error("the document ends too early") }
            if take("<?") {
                try skip(past: "?>")
            } else if take("<!--") {
                try skip(past: "-->")
            } else if take("<![CDATA[") {
                guard !open.isEmpty else { throw error("text outside the root element") }
                let start = position
                try skip(past: "]]>")
                open[open.count - 1].text += bytes[start..<position - 3]
            } else if take("<!") {
                throw error("a document type is not accepted")
            } else if take("</") {
                let name = try readName()
                skipBlanks()
                guard take(">") else { throw error("a tag does not end in '>'") }
                guard let closed = open.popLast(), closed.element.name == name else {
                    throw error("'</\(name)>' closes another element")
                }
                var element = closed.element
                element.text = try decoded(closed.text)
                if open.isEmpty { return try end(element) }
                open[open.count - 1].element.children.append(element)
            } else {
                position += 1
                let (name, isEmpty) = try readTag()
                elements += 1
                guard elements <= limits.elementsMax else { throw error("more than \(limits.elementsMax) elements") }
                let element = XMLElement(name: name)
                if !isEmpty {
                    guard open.count < limits.depthMax else { throw error("deeper than \(limits.depthMax) elements") }
                    open.append((element, []))
                } else if open.isEmpty {
                    return try end(element)
                } else {
                    open[open.count - 1].element.children.append(element)
                }
            }
        }
    }

    /// Only comments, instructions and blanks may follow the root element.
    private mutating func end(_ root: XMLElement) throws(XMLSyntaxError) -> XMLElement {
        while true {
            skipBlanks()
            if position == bytes.count { return root }
            if take("<?") {
                try skip(past: "?>")
            } else if take("<!--") {
                try skip(past: "-->")
            } else {
                throw error("something follows the root element")
            }
        }
    }

    /// After `<`: the local name, and whether the tag closes itself.
    private mutating func readTag() throws(XMLSyntaxError) -> (name: String, isEmpty: Bool) {
        let name = try readName()
        while true {
            skipBlanks()
            if take("/>") { return (name, true) }
            if take(">") { return (name, false) }
            _ = try readName()
            skipBlanks()
            guard take("=") else { throw error("an attribute has no value") }
            skipBlanks()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "'")
            else { throw error("an attribute's value is not quoted") }
            let quote = bytes[position]
            position += 1
            while position < bytes.count, bytes[position] != quote {
                guard bytes[position] != UInt8(ascii: "<") else { throw error("'<' in an attribute") }
                position += 1
            }
            guard position < bytes.count else { throw error("the document ends too early") }
            position += 1
        }
    }

    /// A name without its name-space prefix.
    private mutating func readName() throws(XMLSyntaxError) -> String {
        let start = position
        var local = start
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: ":"): local = position + 1
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
                0x80...0xFF:
                break
            default:
                guard position > local else { throw error("a name is missing") }
                return try decoded(Array(bytes[local..<position]))
            }
            position += 1
        }
        throw error("the document ends too early")
    }

    private mutating func appendText(_ data: ArraySlice<UInt8>, to text: inout [UInt8]) throws(XMLSyntaxError) {
        var index = data.startIndex
        while index < data.endIndex {
            let byte = data[index]
            index += 1
            if byte == UInt8(ascii: "\r") {  // Line ends are LF to the reader (XML 1.0, 2.11).
                if index == data.endIndex || data[index] != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
                continue
            }
            guard byte == UInt8(ascii: "&") else {
                text.append(byte)
                continue
            }
            guard let semicolon = data[index...].prefix(12).firstIndex(of: UInt8(ascii: ";")),
                let scalar = reference(String(decoding: data[index..<semicolon], as: UTF8.self))
            else { throw error("'&' does not begin a known entity", at: index - 1) }
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            index = semicolon + 1
        }
    }

    private func reference(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "amp": "&"
        case "lt": "<"
        case "gt": ">"
        case "quot": "\""
        case "apos": "'"
        default:
            if name.hasPrefix("#x") {
                UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
            } else if name.hasPrefix("#") {
                UInt32(name.dropFirst(1)).flatMap(Unicode.Scalar.init)
            } else {
                nil
            }
        }
    }

    private func decoded(_ text: [UInt8]) throws(XMLSyntaxError) -> String {
        guard let text = String(validating: text, as: UTF8.self) else { throw error("text is not UTF-8") }
        return text
    }

    private mutating func take(_ token: StaticString) -> Bool {
        let matches = token.withUTF8Buffer { bytes[position...].starts(with: $0) }
        if matches { position += token.utf8CodeUnitCount }
        return matches
    }

    private mutating func skip(past token: StaticString) throws(XMLSyntaxError) {
        while position < bytes.count {
            if take(token) { return }
            position += 1
        }
        throw error("the document ends too early")
    }

    private mutating func skipBlanks() {
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 13 || byte == 9 }

    private func error(_ message: String, at offset: Int? = nil) -> XMLSyntaxError {
        XMLSyntaxError(message: message, byteOffset: offset ?? position)
    }
}
