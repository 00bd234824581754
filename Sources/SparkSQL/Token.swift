import Columnar
import SparkPlan

struct Token {
    enum Kind {
        case word, quotedIdentifier, string, number, symbol, end
    }

    var kind: Kind
    /// A word or symbol as written, a string's or quoted identifier's contents, a number with its suffix.
    var text: String
    /// A word in upper case, else `text`.
    var keyword: String
    var position: SourcePosition
    /// Byte offsets in the source.
    var start: Int
    var end: Int
}

/// Splits SQL text into tokens. Comments (`--`, `/* */`, nested) are skipped.
struct Lexer {
    private let bytes: [UInt8]
    private var offset = 0
    private var line: Int
    private var lineStart: Int
    private let text: String
    private let origin: SourcePosition

    /// - Parameter origin: where the text stands in what the user wrote.
    init(_ text: String, at origin: SourcePosition) {
        self.text = text
        self.origin = origin
        bytes = Array(text.utf8)
        line = origin.line
        lineStart = -origin.column
    }

    static func tokens(of text: String, at origin: SourcePosition = .beginning) throws -> [Token] {
        var lexer = Lexer(text, at: origin)
        var tokens: [Token] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private func peek(_ ahead: Int = 0) -> UInt8 {
        offset + ahead < bytes.count ? bytes[offset + ahead] : 0
    }

    private mutating func advance() {
        if bytes[offset] == 10 {
            line += 1
            lineStart = offset + 1
        }
        offset += 1
    }

    private var position: SourcePosition { SourcePosition(line: line, column: offset - lineStart) }

    private mutating func skipBlanks() throws {
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 32 || (9...13).contains(byte) {
                advance()
            } else if byte == 45, peek(1) == 45 {
                while offset < bytes.count, bytes[offset] != 10 {
                    if bytes[offset] == 92, peek(1) == 10 { advance() }
                    advance()
                }
            } else if byte == 47, peek(1) == 42 {
                let start = position
                var depth = 0
                repeat {
                    guard offset < bytes.count else {
                        throw SparkError.parse(
                            "UNCLOSED_BRACKETED_COMMENT", "Found an unclosed bracketed comment. Please, append */ at the end of the comment.",
                            at: start, in: text, origin: origin)
                    }
                    if peek() == 47, peek(1) == 42 {
                        depth += 1
                        advance()
                    } else if peek() == 42, peek(1) == 47 {
                        depth -= 1
                        advance()
                    }
                    advance()
                } while depth > 0
            } else if byte == 0xC2, peek(1) == 0xA0 {
                offset += 2
            } else {
                return
            }
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte == 95 || (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte >= 0x80
    }

    private mutating func next() throws -> Token {
        try skipBlanks()
        let start = offset
        let at = position
        func token(_ kind: Token.Kind, _ text: String) -> Token {
            Token(
                kind: kind, text: text, keyword: kind == .word ? text.uppercased() : text, position: at, start: start,
                end: offset)
        }
        guard offset < bytes.count else { return token(.end, "end of input") }
        let byte = bytes[offset]
        if (byte == 114 || byte == 82), peek(1) == 39 || peek(1) == 34 {
            advance()
            return token(.string, try quoted(raw: true, at: at))
        }
        if byte == 39 || byte == 34 { return token(.string, try quoted(raw: false, at: at)) }
        if byte == 96 { return token(.quotedIdentifier, try backquoted(at: at)) }
        if (48...57).contains(byte) || (byte == 46 && (48...57).contains(peek(1))) {
            if let number = number() { return token(.number, number) }
        }
        if Self.isWordByte(byte) {
            while offset < bytes.count, Self.isWordByte(bytes[offset]) { advance() }
            return token(.word, String(decoding: bytes[start..<offset], as: UTF8.self))
        }
        for symbol in ["<=>", "->", "=>", "<=", ">=", "<>", "!=", "==", "||", "::", "<<"]
        where bytes[offset...].starts(with: symbol.utf8) {
            for _ in 0..<symbol.utf8.count { advance() }
            return token(.symbol, symbol)
        }
        guard Array("()[]{},.;:+-*/%=<>&|^~!?@$".utf8).contains(byte) else {
            throw SparkError.parse(
                "PARSE_SYNTAX_ERROR", "Syntax error at or near '\(String(decoding: [byte], as: UTF8.self))'.", at: at,
                in: text, origin: origin)
        }
        advance()
        return token(.symbol, String(decoding: [byte], as: UTF8.self))
    }

    /// A number with its suffix; nil, with nothing consumed, when the characters form an identifier such as `2010_summary`.
    private mutating func number() -> String? {
        var end = offset
        func digits() {
            while end < bytes.count, (48...57).contains(bytes[end]) { end += 1 }
        }
        func at(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }
        digits()
        if at(end) == 46, !(Self.isWordByte(at(end + 1)) && !(48...57).contains(at(end + 1)) && end > offset)
            || (at(end) == 46 && [68, 100, 70, 102, 66, 98, 69, 101].contains(at(end + 1)))
        {
            end += 1
            digits()
        }
        if at(end) == 69 || at(end) == 101 {
            let sign = at(end + 1) == 43 || at(end + 1) == 45 ? 1 : 0
            if (48...57).contains(at(end + 1 + sign)) {
                end += 1 + sign
                digits()
            }
        }
        switch at(end) {
        case 76, 108, 83, 115, 89, 121, 68, 100, 70, 102: end += 1  // L S Y D F
        case 66, 98: if at(end + 1) == 68 || at(end + 1) == 100 { end += 2 }  // BD
        default: break
        }
        if Self.isWordByte(at(end)) { return nil }
        let text = String(decoding: bytes[offset..<end], as: UTF8.self)
        offset = end
        return text
    }

    private mutating func quoted(raw: Bool, at start: SourcePosition) throws -> String {
        let quote = bytes[offset]
        advance()
        var contents: [UInt8] = []
        while true {
            guard offset < bytes.count else {
                throw SparkError.parse(
                    "PARSE_SYNTAX_ERROR", "Syntax error at or near '\(Character(Unicode.Scalar(quote)))': the string is not closed.",
                    at: start, in: text, origin: origin)
            }
            let byte = bytes[offset]
            advance()
            if byte == quote {
                guard !raw, peek() == quote else { break }
                contents.append(quote)
                advance()
            } else if byte == 92, !raw, offset < bytes.count {
                escape(into: &contents)
            } else {
                contents.append(byte)
            }
        }
        return String(decoding: contents, as: UTF8.self)
    }

    /// Spark's `unescapeSQLString`: `\%` and `\_` stay, for LIKE.
    private mutating func escape(into contents: inout [UInt8]) {
        let byte = bytes[offset]
        func code(_ digits: Int, radix: Int, from first: Int) -> UInt32? {
            guard first + digits <= bytes.count else { return nil }
            return UInt32(String(decoding: bytes[first..<first + digits], as: UTF8.self), radix: radix)
        }
        if byte == 117, let value = code(4, radix: 16, from: offset + 1), let scalar = Unicode.Scalar(value) {
            for _ in 0..<5 { advance() }
            contents += Array(String(Character(scalar)).utf8)
            return
        }
        if byte == 85, let value = code(8, radix: 16, from: offset + 1), let scalar = Unicode.Scalar(value) {
            for _ in 0..<9 { advance() }
            contents += Array(String(Character(scalar)).utf8)
            return
        }
        if (48...49).contains(byte), let value = code(3, radix: 8, from: offset), value > 0, value < 128 {
            for _ in 0..<3 { advance() }
            contents.append(UInt8(value))
            return
        }
        advance()
        switch byte {
        case 48: contents.append(0)
        case 98: contents.append(8)
        case 110: contents.append(10)
        case 114: contents.append(13)
        case 116: contents.append(9)
        case 90: contents.append(26)
        case 37, 95: contents += [92, byte]
        default: contents.append(byte)
        }
    }

    private mutating func backquoted(at start: SourcePosition) throws -> String {
        advance()
        var contents: [UInt8] = []
        while true {
            guard offset < bytes.count else {
                throw SparkError.parse(
                    "PARSE_SYNTAX_ERROR", "Syntax error at or near '`': the quoted identifier is not closed.", at: start,
                    in: text, origin: origin)
            }
            let byte = bytes[offset]
            advance()
            if byte == 96 {
                guard peek() == 96, offset < bytes.count else { break }
                advance()
            }
            contents.append(byte)
        }
        return String(decoding: contents, as: UTF8.self)
    }
}

extension SparkError {
    /// An error at a place of the text, with the line shown as Spark shows it.
    ///
    /// - Parameter origin: where `text` begins; `position` counts from there.
    static func parse(
        _ condition: String, _ message: String, at position: SourcePosition, in text: String, origin: SourcePosition
    ) -> SparkError {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let index = position.line - origin.line
        var excerpt: String?
        if lines.indices.contains(index), lines[index].utf8.count <= 400 {
            let column = index == 0 ? position.column - origin.column : position.column
            excerpt = "\(lines[index])\n\(String(repeating: "-", count: max(0, column)))^^^"
        }
        let state = condition.hasPrefix("UNSUPPORTED_") ? "0A000" : "42601"
        return SparkError(condition: condition, sqlState: state, message: message, position: position, excerpt: excerpt)
    }
}
