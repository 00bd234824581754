/// A word of an expression.
struct Token {
    enum Kind { case name, variable, string, number, value, `operator`, regex, end }

    var kind: Kind
    /// The name, the operator, a string's content, a regular expression's pattern.
    var text: String
    var number = 0.0
    /// Of `true`, `false` and `null`.
    var constant: Value = .undefined
    var flags = ""
    /// Where the word ends, in UTF-16 units.
    var position: Int
}

/// Cuts an expression into words. Counts in UTF-16 units, as the positions of errors do.
struct Lexer {
    let units: [UInt16]
    private var at = 0

    init(_ text: String) { units = Array(text.utf16) }

    private static func code(_ character: Unicode.Scalar) -> UInt16 { UInt16(truncatingIfNeeded: character.value) }

    private func unit(_ index: Int) -> UInt16 { index >= 0 && index < units.count ? units[index] : 0 }

    private func text(_ from: Int, _ to: Int) -> String { String(decoding: units[from..<max(from, to)], as: UTF16.self) }

    private static func isBlank(_ unit: UInt16) -> Bool { [0x20, 0x09, 0x0A, 0x0D, 0x0B].contains(unit) }

    /// The next word.
    /// - Parameter infix: whether an operator may stand here, so that `/` divides.
    mutating func next(infix: Bool) throws(Failure) -> Token {
        try skipBlanksAndComments()
        guard at < units.count else { return Token(kind: .end, text: "(end)", position: units.count) }
        let first = units[at]
        if first == 0x2F, !infix { return try regex() }
        if let symbol = symbol(first) {
            at += symbol.utf8.count
            return Token(kind: .operator, text: symbol, position: at)
        }
        if first == 0x22 || first == 0x27 { return try string(quote: first) }
        if let token = try number() { return token }
        if first == 0x60 { return try quotedName() }
        return name()
    }

    private mutating func skipBlanksAndComments() throws(Failure) {
        while at < units.count {
            if Self.isBlank(units[at]) {
                at += 1
            } else if units[at] == 0x2F, unit(at + 1) == 0x2A {
                let start = at
                at += 2
                while !(unit(at) == 0x2A && unit(at + 1) == 0x2F) {
                    at += 1
                    if at >= units.count { throw Failure("S0106", position: start) }
                }
                at += 2
            } else {
                return
            }
        }
    }

    private func symbol(_ first: UInt16) -> String? {
        guard first < 0x80 else { return nil }
        switch (Character(Unicode.Scalar(UInt8(first))), unit(at + 1)) {
        case (".", 0x2E): return ".."
        case (":", 0x3D): return ":="
        case ("!", 0x3D): return "!="
        case (">", 0x3D): return ">="
        case ("<", 0x3D): return "<="
        case ("*", 0x2A): return "**"
        case ("~", 0x3E): return "~>"
        case (let character, _): return Self.isSymbol(first) ? String(character) : nil
        }
    }

    private static let symbols = Set(".[]{}(),@#;:?+-*/%|=<>^&!~".utf16)

    private static func isSymbol(_ unit: UInt16) -> Bool { symbols.contains(unit) }

    private mutating func regex() throws(Failure) -> Token {
        at += 1
        let start = at
        var depth = 0
        while at < units.count {
            let unit = units[at]
            if unit == 0x2F, depth == 0, !isEscaped(at) {
                let pattern = text(start, at)
                if pattern.isEmpty { throw Failure("S0301", position: at) }
                at += 1
                let flagsStart = at
                while self.unit(at) == 0x69 || self.unit(at) == 0x6D { at += 1 }
                return Token(kind: .regex, text: pattern, flags: text(flagsStart, at), position: at)
            }
            let previous = self.unit(at - 1)
            if unit == 0x28 || unit == 0x5B || unit == 0x7B, previous != 0x5C { depth += 1 }
            if unit == 0x29 || unit == 0x5D || unit == 0x7D, previous != 0x5C { depth -= 1 }
            at += 1
        }
        throw Failure("S0302", position: at)
    }

    /// Whether an odd count of backslashes stands before.
    private func isEscaped(_ index: Int) -> Bool {
        var count = 0
        while unit(index - count - 1) == 0x5C { count += 1 }
        return count % 2 == 1
    }

    private mutating func string(quote: UInt16) throws(Failure) -> Token {
        at += 1
        var content: [UInt16] = []
        while at < units.count {
            let unit = units[at]
            if unit == quote {
                at += 1
                return Token(kind: .string, text: String(decoding: content, as: UTF16.self), position: at)
            }
            guard unit == 0x5C else {
                content.append(unit)
                at += 1
                continue
            }
            at += 1
            switch self.unit(at) {
            case 0x22: content.append(0x22)
            case 0x5C: content.append(0x5C)
            case 0x2F: content.append(0x2F)
            case 0x62: content.append(0x08)
            case 0x66: content.append(0x0C)
            case 0x6E: content.append(0x0A)
            case 0x72: content.append(0x0D)
            case 0x74: content.append(0x09)
            case 0x75:
                guard at + 4 < units.count, let code = UInt16(text(at + 1, at + 5), radix: 16),
                    units[at + 1] != 0x2B
                else { throw Failure("S0104", position: at) }
                content.append(code)
                at += 4
            default:
                throw Failure("S0103", position: at, token: at < units.count ? text(at, at + 1) : "")
            }
            at += 1
        }
        throw Failure("S0101", position: at)
    }

    private mutating func number() throws(Failure) -> Token? {
        func isDigit(_ index: Int) -> Bool { unit(index) &- 0x30 < 10 }
        var end = at
        guard isDigit(end) else { return nil }
        if units[end] == 0x30 { end += 1 } else { while isDigit(end) { end += 1 } }
        if unit(end) == 0x2E, isDigit(end + 1) {
            end += 1
            while isDigit(end) { end += 1 }
        }
        if unit(end) | 0x20 == 0x65 {
            var digits = end + 1
            if unit(digits) == 0x2B || unit(digits) == 0x2D { digits += 1 }
            if isDigit(digits) {
                while isDigit(digits) { digits += 1 }
                end = digits
            }
        }
        let written = text(at, end)
        guard let value = Double(written), value.isFinite else {
            throw Failure("S0102", position: at, token: written)
        }
        at = end
        return Token(kind: .number, text: written, number: value, position: at)
    }

    private mutating func quotedName() throws(Failure) -> Token {
        let start = at + 1
        guard let end = units[start...].firstIndex(of: 0x60) else {
            at = units.count
            throw Failure("S0105", position: at)
        }
        at = end + 1
        return Token(kind: .name, text: text(start, end), position: at)
    }

    private mutating func name() -> Token {
        let start = at
        while at < units.count, !Self.isBlank(units[at]), !Self.isSymbol(units[at]) { at += 1 }
        if units[start] == 0x24 { return Token(kind: .variable, text: text(start + 1, at), position: at) }
        let name = text(start, at)
        switch name {
        case "or", "in", "and": return Token(kind: .operator, text: name, position: at)
        case "true": return Token(kind: .value, text: name, constant: .bool(true), position: at)
        case "false": return Token(kind: .value, text: name, constant: .bool(false), position: at)
        case "null": return Token(kind: .value, text: name, constant: .null, position: at)
        default: return Token(kind: .name, text: name, position: at)
        }
    }
}
