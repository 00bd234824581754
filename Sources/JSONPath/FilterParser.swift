import JSONModel

/// Reads a filter's condition: `||` over `&&` over `!` over parentheses and comparisons.
struct FilterParser {
    let bytes: [UInt8]
    var at: Int
    private var depth: Int
    private static let depthMax = 64

    init(bytes: [UInt8], at: Int, depth: Int) {
        self.bytes = bytes
        self.at = at
        self.depth = depth
    }

    mutating func expression() throws(JSONPathError) -> FilterExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else { throw JSONPathError("Filter is nested too deeply at position \(at)") }
        var left = try conjunction()
        while take("||") { left = .or(left, try conjunction()) }
        return left
    }

    private mutating func conjunction() throws(JSONPathError) -> FilterExpression {
        var left = try factor()
        while take("&&") { left = .and(left, try factor()) }
        return left
    }

    private mutating func factor() throws(JSONPathError) -> FilterExpression {
        skipBlanks()
        var negations = 0
        while take("!") { negations += 1 }
        var result: FilterExpression
        if take("(") {
            result = try expression()
            guard take(")") else { throw failure() }
        } else {
            result = try comparison()
        }
        if negations % 2 == 1 { result = .not(result) }
        return result
    }

    private mutating func comparison() throws(JSONPathError) -> FilterExpression {
        let left = try operand()
        skipBlanks()
        for op in FilterOperator.allCases where takeOperator(op) { return .compare(left, op, try operand()) }
        if take("=~") { return .matches(left, try regex()) }
        if case .literal = left { throw failure() }
        return .exists(left)
    }

    /// `/pattern/flags`.
    private mutating func regex() throws(JSONPathError) -> FilterRegex {
        guard take("/") else { throw failure() }
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "/") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
        guard at < bytes.count else { throw failure() }
        let pattern = String(decoding: bytes[start..<at], as: UTF8.self)
        at += 1
        let flagsStart = at
        while at < bytes.count, (0x61...0x7A).contains(bytes[at] | 0x20) { at += 1 }
        return try FilterRegex(pattern, flags: String(decoding: bytes[flagsStart..<at], as: UTF8.self))
    }

    mutating func operand() throws(JSONPathError) -> FilterOperand {
        skipBlanks()
        guard at < bytes.count else { throw failure() }
        switch bytes[at] {
        case UInt8(ascii: "@"): return .current(try path())
        case UInt8(ascii: "$"): return .root(try path())
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            let quote = bytes[at]
            at += 1
            guard let text = try quotedText(bytes, at: &at, quote: quote) else { throw failure() }
            return .literal(.string(text))
        case UInt8(ascii: "["), UInt8(ascii: "{"): return .literal(try json())
        default:
            let start = at
            while at < bytes.count, isWordByte(bytes[at]) { at += 1 }
            let word = String(decoding: bytes[start..<at], as: UTF8.self)
            switch word {
            case "true": return .literal(true)
            case "false": return .literal(false)
            case "null": return .literal(.null)
            default:
                guard let number = JSONNumber(text: word) else { throw failure() }
                return .literal(.number(number))
            }
        }
    }

    /// A path ends before a blank, an operator or a closing parenthesis that stands outside of brackets.
    private mutating func path() throws(JSONPathError) -> JSONPath {
        let start = at
        var brackets = 0
        var quote: UInt8?
        var parentheses = 0
        scan: while at < bytes.count {
            let byte = bytes[at]
            if let open = quote {
                if byte == UInt8(ascii: "\\") { at += 1 } else if byte == open { quote = nil }
            } else {
                switch byte {
                case UInt8(ascii: "["): brackets += 1
                case UInt8(ascii: "]"):
                    if brackets == 0 { break scan }
                    brackets -= 1
                case UInt8(ascii: "'"), UInt8(ascii: "\""): quote = byte
                case UInt8(ascii: "("): parentheses += 1
                case UInt8(ascii: ")"):
                    if parentheses == 0 { break scan }
                    parentheses -= 1
                case 0x20, UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"),
                    UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: ","):
                    if brackets == 0, parentheses == 0 { break scan }
                default: break
                }
            }
            at += 1
        }
        at = min(at, bytes.count)
        guard depth < Self.depthMax else { throw failure() }
        return try JSONPath("$" + String(decoding: bytes[(start + 1)..<at], as: UTF8.self), depth: depth)
    }

    /// An array or object literal; single quotes stand for double ones.
    private mutating func json() throws(JSONPathError) -> JSONValue {
        var text: [UInt8] = []
        var depth = 0
        var quote: UInt8?
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if let open = quote {
                if byte == UInt8(ascii: "\\"), at < bytes.count {
                    if bytes[at] != UInt8(ascii: "'") { text.append(byte) }
                    text.append(bytes[at])
                    at += 1
                    continue
                }
                if byte == open {
                    quote = nil
                    text.append(UInt8(ascii: "\""))
                    continue
                }
                if byte == UInt8(ascii: "\"") { text.append(UInt8(ascii: "\\")) }
                text.append(byte)
                continue
            }
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                quote = byte
                text.append(UInt8(ascii: "\""))
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            text.append(byte)
            if depth == 0 { break }
        }
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw JSONPathError("Failed to parse filter: \(error.message)")
        }
    }

    private mutating func takeOperator(_ op: FilterOperator) -> Bool {
        guard peek(op.rawValue) else { return false }
        let end = at + op.rawValue.utf8.count
        if op.isWord, end < bytes.count, isWordByte(bytes[end]) { return false }
        at = end
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        skipBlanks()
        guard peek(text) else { return false }
        at += text.utf8.count
        return true
    }

    private func peek(_ text: String) -> Bool { bytes[min(at, bytes.count)...].starts(with: text.utf8) }

    private mutating func skipBlanks() {
        while at < bytes.count, bytes[at] == 0x20 { at += 1 }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"): true
        default: false
        }
    }

    private func failure() -> JSONPathError { JSONPathError("Failed to parse filter at position \(at)") }
}
