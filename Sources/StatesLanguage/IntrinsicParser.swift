import JSONModel

/// Reads a call of an intrinsic function. Literals are in single quotes and know four escapes: `\'`, `\{`, `\}`, `\\`.
struct IntrinsicParser {
    private let bytes: [UInt8]
    private var at = 0
    private var depth = 0
    private static let depthMax = 10

    /// Nil when the text is not a well-formed call of a known function, nested at most ten deep.
    static func parse(_ text: String) -> IntrinsicCall? {
        var parser = IntrinsicParser(bytes: Array(text.utf8))
        parser.skipBlanks()
        guard let call = parser.call() else { return nil }
        parser.skipBlanks()
        return parser.at == parser.bytes.count ? call : nil
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func call() -> IntrinsicCall? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else { return nil }
        let start = at
        while at < bytes.count, isWordByte(bytes[at]) { at += 1 }
        guard let function = IntrinsicFunction(rawValue: String(decoding: bytes[start..<at], as: UTF8.self)) else { return nil }
        skipBlanks()
        guard take(UInt8(ascii: "(")) else { return nil }
        var arguments: [IntrinsicCall.Argument] = []
        skipBlanks()
        if take(UInt8(ascii: ")")) { return IntrinsicCall(function: function, arguments: arguments) }
        while true {
            skipBlanks()
            guard let argument = argument() else { return nil }
            arguments.append(argument)
            skipBlanks()
            if take(UInt8(ascii: ")")) { return IntrinsicCall(function: function, arguments: arguments) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func argument() -> IntrinsicCall.Argument? {
        guard at < bytes.count else { return nil }
        switch bytes[at] {
        case UInt8(ascii: "'"): return literal()
        case UInt8(ascii: "$"): return path()
        case UInt8(ascii: "S"): return call().map { .call($0) }
        default:
            let start = at
            while at < bytes.count, isWordByte(bytes[at]) { at += 1 }
            let word = String(decoding: bytes[start..<at], as: UTF8.self)
            switch word {
            case "null": return .literal(.null)
            case "true": return .literal(true)
            case "false": return .literal(false)
            default: return JSONNumber(text: word).map { .literal(.number($0)) }
            }
        }
    }

    /// The text keeps its escapes, since `States.Format` tells `\{` from `{`; see `unescaped`.
    private mutating func literal() -> IntrinsicCall.Argument? {
        at += 1
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "'") {
            if bytes[at] == UInt8(ascii: "\\") {
                at += 1
                guard at < bytes.count, [0x27, 0x7B, 0x7D, 0x5C].contains(bytes[at]) else { return nil }
            }
            at += 1
        }
        guard at < bytes.count else { return nil }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        at += 1
        return .text(raw: text)
    }

    private mutating func path() -> IntrinsicCall.Argument? {
        let start = at
        var brackets = 0
        var parentheses = 0
        var quote: UInt8?
        scan: while at < bytes.count {
            let byte = bytes[at]
            if let open = quote {
                if byte == UInt8(ascii: "\\") { at += 1 } else if byte == open { quote = nil }
            } else {
                switch byte {
                case UInt8(ascii: "["): brackets += 1
                case UInt8(ascii: "]"): brackets -= 1
                case UInt8(ascii: "'"), UInt8(ascii: "\""): if brackets > 0 { quote = byte }
                case UInt8(ascii: "("): parentheses += 1
                case UInt8(ascii: ")"):
                    if parentheses == 0, brackets <= 0 { break scan }
                    parentheses -= 1
                case UInt8(ascii: ","): if brackets <= 0, parentheses <= 0 { break scan }
                default: break
                }
            }
            at += 1
        }
        at = min(at, bytes.count)
        var end = at
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        return PathExpression(String(decoding: bytes[start..<end], as: UTF8.self)).map { .path($0) }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipBlanks() {
        while at < bytes.count, isBlank(bytes[at]) { at += 1 }
    }

    private func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"): true
        default: false
        }
    }
}
