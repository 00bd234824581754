/// Writes an XML document front to back, as the REST services send them: no attributes but name spaces, no blanks.
package struct XMLWriter {
    package private(set) var bytes: [UInt8] = []

    /// Begins with the XML declaration unless told otherwise.
    package init(declaration: Bool = true) {
        if declaration { raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") }
    }

    /// `<name>`, what `content` writes, `</name>`.
    package mutating func element<E: Error>(
        _ name: StaticString, namespace: String? = nil, _ content: (inout XMLWriter) throws(E) -> Void
    ) throws(E) {
        open(name, namespace: namespace)
        try content(&self)
        close(name)
    }

    package mutating func element(_ name: StaticString, _ text: String) {
        open(name)
        self.text(text)
        close(name)
    }

    package mutating func element(_ name: StaticString, _ number: Int64) { element(name, String(number)) }
    package mutating func element(_ name: StaticString, _ number: Int) { element(name, String(number)) }
    package mutating func element(_ name: StaticString, _ flag: Bool) { element(name, flag ? "true" : "false") }

    /// Nothing for nil.
    package mutating func element(_ name: StaticString, ifPresent text: String?) {
        if let text { element(name, text) }
    }

    package mutating func open(_ name: StaticString, namespace: String? = nil) {
        raw("<")
        raw(name)
        if let namespace {
            raw(" xmlns=\"")
            text(namespace)
            raw("\"")
        }
        raw(">")
    }

    package mutating func close(_ name: StaticString) {
        raw("</")
        raw(name)
        raw(">")
    }

    /// Escaped character data. What XML 1.0 cannot hold (most control characters) is written as U+FFFD.
    package mutating func text(_ text: String) {
        // Nearly all texts are plain.
        var text = text
        let isPlain = text.withUTF8 { utf8 in
            let isPlain = utf8.allSatisfy { byte in
                (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "&") && byte != UInt8(ascii: "<")
                    && byte != UInt8(ascii: ">") && byte != UInt8(ascii: "\"")
            }
            if isPlain { bytes.append(contentsOf: utf8) }
            return isPlain
        }
        if isPlain { return }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": raw("&amp;")
            case "<": raw("&lt;")
            case ">": raw("&gt;")
            case "\"": raw("&quot;")
            case "\r": raw("&#13;")
            case "\t", "\n": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": raw("\u{FFFD}")
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    /// `<name attribute="…">` with a name that is only known at run time, and that is a name of XML.
    package mutating func openTag(_ name: String, attributes: [(name: String, value: String)] = []) {
        bytes.append(contentsOf: "<\(name)".utf8)
        for attribute in attributes {
            bytes.append(contentsOf: " \(attribute.name)=\"".utf8)
            text(attribute.value)
            raw("\"")
        }
        raw(">")
    }

    package mutating func closeTag(_ name: String) { bytes.append(contentsOf: "</\(name)>".utf8) }

    private mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }
}
