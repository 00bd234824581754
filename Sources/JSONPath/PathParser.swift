import JSONModel

/// Reads a path from bytes. Errors tell the position.
struct PathParser {
    let bytes: [UInt8]
    private let depth: Int
    private var at = 0

    init(bytes: [UInt8], depth: Int) {
        self.bytes = bytes
        self.depth = depth
    }

    mutating func path() throws(JSONPathError) -> [JSONPath.Step] {
        guard take("$") else { throw JSONPathError("Path must start with '$' or '@'") }
        var steps: [JSONPath.Step] = []
        while at < bytes.count {
            switch steps.last {
            case .function, .unknownFunction: throw JSONPathError("Nothing may follow a function at position \(at)")
            default: break
            }
            if bytes[at] == UInt8(ascii: "[") {
                steps.append(try bracket())
            } else if take(".") {
                if take(".") {
                    guard at < bytes.count else { throw JSONPathError("Path must not end with a '.' or '..'") }
                    steps.append(.scan)
                    if bytes[at] == UInt8(ascii: ".") { throw JSONPathError("Character '.' on position \(at) is not valid.") }
                }
                guard at < bytes.count else { throw JSONPathError("Path must not end with a '.' or '..'") }
                if bytes[at] == UInt8(ascii: "[") { continue }
                steps.append(try dotted())
            } else {
                throw JSONPathError(
                    "Illegal character at position \(at) expected '.' or '['")
            }
        }
        if steps.last == .scan { throw JSONPathError("Path must not end with a '.' or '..'") }
        return steps
    }

    private mutating func dotted() throws(JSONPathError) -> JSONPath.Step {
        if take("*") {
            guard at == bytes.count || bytes[at] == UInt8(ascii: ".") || bytes[at] == UInt8(ascii: "[") else {
                throw JSONPathError("Unexpected character after '*' at position \(at)")
            }
            return .wildcard
        }
        let start = at
        while at < bytes.count, ![0x2E, 0x5B, 0x28, 0x20, 0x0A, 0x09, 0x0D].contains(bytes[at]) { at += 1 }
        let name = String(decoding: bytes[start..<at], as: UTF8.self)
        if at < bytes.count, bytes[at] == UInt8(ascii: "(") { return try function(name) }
        guard at > start, at == bytes.count || bytes[at] == UInt8(ascii: ".") || bytes[at] == UInt8(ascii: "[") else {
            throw JSONPathError("Use bracket notion ['my prop'] if your property contains blank characters. position: \(at)")
        }
        return .name(name)
    }

    private mutating func function(_ name: String) throws(JSONPathError) -> JSONPath.Step {
        at += 1
        guard let function = PathFunction(rawValue: name) else {
            guard let end = bytes[at...].lastIndex(of: UInt8(ascii: ")")) else { throw notClosed(name) }
            at = end + 1
            return .unknownFunction(name)
        }
        skipBlanks()
        var arguments: [FilterOperand] = []
        if !take(")") {
            guard function.takesArguments else {
                throw JSONPathError("Arguments of the function '\(name)' are not supported at position \(at)")
            }
            repeat {
                skipBlanks()
                if at < bytes.count, bytes[at] == UInt8(ascii: "'") {
                    if let text = try singleQuotedArgument() { arguments.append(.literal(.string(text))) }
                } else {
                    var parser = FilterParser(bytes: bytes, at: at, depth: depth + 1)
                    arguments.append(try parser.operand())
                    at = parser.at
                }
                skipBlanks()
            } while take(",")
            guard take(")") else { throw notClosed(name) }
        }
        return .function(function, arguments)
    }

    private func notClosed(_ name: String) -> JSONPathError {
        JSONPathError("Arguments to function: '\(name)' are not closed properly.")
    }

    /// Jayway knows texts in double quotes only. Of others it takes what begins with a digit or a minus, up to the comma
    /// or parenthesis, the closing quote included; nil when there is nothing of the kind.
    private mutating func singleQuotedArgument() throws(JSONPathError) -> String? {
        var start: Int?
        while at < bytes.count, bytes[at] != UInt8(ascii: ","), bytes[at] != UInt8(ascii: ")") {
            if start == nil {
                switch bytes[at] {
                case 48...57, UInt8(ascii: "-"): start = at
                case UInt8(ascii: "$"), UInt8(ascii: "@"), UInt8(ascii: "{"), UInt8(ascii: "\""):
                    throw JSONPathError("Use double quotes for the text at position \(at)")
                default: break
                }
            }
            at += 1
        }
        return start.map { String(decoding: bytes[$0..<at], as: UTF8.self) }
    }

    private mutating func bracket() throws(JSONPathError) -> JSONPath.Step {
        let start = at
        at += 1
        skipBlanks()
        guard at < bytes.count else { throw unexpectedToken(start) }
        switch bytes[at] {
        case UInt8(ascii: "*"):
            at += 1
            try closeBracket(start)
            return .wildcard
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            var names = [try quoted()]
            skipBlanks()
            while take(",") {
                while at < bytes.count, [0x20, 0x09, 0x0A].contains(bytes[at]) { at += 1 }
                guard at < bytes.count, bytes[at] == UInt8(ascii: "'") || bytes[at] == UInt8(ascii: "\"") else {
                    throw JSONPathError("Found empty property at index \(at)")
                }
                names.append(try quoted())
                skipBlanks()
            }
            try closeBracket(start)
            return names.count == 1 ? .name(names[0]) : .names(names)
        case UInt8(ascii: "?"):
            at += 1
            skipBlanks()
            guard take("(") else { throw unexpectedToken(start) }
            var parser = FilterParser(bytes: bytes, at: at, depth: depth + 1)
            let expression = try parser.expression()
            let text = String(decoding: bytes[at..<parser.at], as: UTF8.self)
            at = parser.at
            guard take(")") else { throw JSONPathError("Failed to parse filter at position \(at)") }
            skipBlanks()
            try closeBracket(start)
            return .filter(expression, text: text)
        default: return try indexOrSlice(start)
        }
    }

    private mutating func indexOrSlice(_ start: Int) throws(JSONPathError) -> JSONPath.Step {
        var numbers: [Int?] = [try number()]
        skipBlanks()
        if at < bytes.count, bytes[at] == UInt8(ascii: ":") {
            while take(":") {
                skipBlanks()
                numbers.append(numbers.count == 2 ? try step() : try number())
                skipBlanks()
            }
            let hasBlanks = bytes[start..<at].contains(0x20)
            try closeBracket(start)
            // A third number is a step, which Jayway reads and ignores; an empty part or a blank beside it is refused.
            let isComplete = numbers.count == 2 || numbers.count == 3 && !numbers.contains(nil) && !hasBlanks
            guard isComplete, numbers.contains(where: { $0 != nil })
            else { throw JSONPathError("Failed to parse SliceOperation at position \(start)") }
            return .slice(from: numbers[0], to: numbers[1])
        }
        while take(",") {
            skipBlanks()
            numbers.append(try number())
            skipBlanks()
        }
        try closeBracket(start)
        let indices = numbers.compactMap { $0 }
        guard indices.count == numbers.count else { throw unexpectedToken(start) }
        return indices.count == 1 ? .index(indices[0]) : .indices(indices)
    }

    /// A number of any size, of which nothing but its presence counts.
    private mutating func step() throws(JSONPathError) -> Int? {
        let start = at
        if at < bytes.count, bytes[at] == UInt8(ascii: "-") { at += 1 }
        while at < bytes.count, (48...57).contains(bytes[at]) { at += 1 }
        return at == start ? nil : 1
    }

    /// A number of 32 bits; nil when none stands here.
    private mutating func number() throws(JSONPathError) -> Int? {
        let start = at
        if at < bytes.count, bytes[at] == UInt8(ascii: "-") { at += 1 }
        while at < bytes.count, (48...57).contains(bytes[at]) { at += 1 }
        if at == start { return nil }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard let value = Int32(text) else { throw JSONPathError("Failed to parse token '\(text)' on position \(start)") }
        return Int(value)
    }

    private mutating func quoted() throws(JSONPathError) -> String {
        let quote = bytes[at]
        let start = at
        at += 1
        let name = try quotedText(bytes, at: &at, quote: quote)
        guard let name else { throw JSONPathError("Property has not been closed - missing closing \(Unicode.Scalar(quote)) for position \(start)") }
        return name
    }

    private mutating func closeBracket(_ start: Int) throws(JSONPathError) {
        skipBlanks()
        guard take("]") else { throw unexpectedToken(start) }
    }

    private func unexpectedToken(_ start: Int) -> JSONPathError {
        JSONPathError("Could not parse token starting at position \(start). Expected ?, ', 0-9, *")
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard at < bytes.count, UInt32(bytes[at]) == character.value else { return false }
        at += 1
        return true
    }

    private mutating func skipBlanks() {
        while at < bytes.count, bytes[at] == 0x20 { at += 1 }
    }
}

/// The text up to the closing quote, which `at` moves behind; nil when there is none. A backslash keeps the next
/// character, with the escapes of Java strings.
func quotedText(_ bytes: [UInt8], at: inout Int, quote: UInt8) throws(JSONPathError) -> String? {
    var text: [UInt8] = []
    while at < bytes.count, bytes[at] != quote {
        if bytes[at] == UInt8(ascii: "\\") {
            at += 1
            guard at < bytes.count else { return nil }
            switch bytes[at] {
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "u"):
                var scalar = UInt32(try unicodeUnit(bytes, at: at + 1))
                at += 4
                if scalar & 0xFC00 == 0xD800, bytes[at...].dropFirst().starts(with: "\\u".utf8) {
                    let low = UInt32(try unicodeUnit(bytes, at: at + 3))
                    if low & 0xFC00 == 0xDC00 {
                        scalar = 0x10000 + ((scalar & 0x3FF) << 10 | low & 0x3FF)
                        at += 6
                    }
                }
                text.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
            // Before a double quote in single quotes the backslash counts as a character: the service finds members
            // so named, where Jayway 2.10 takes it away.
            case UInt8(ascii: "\"") where quote == UInt8(ascii: "'"): text.append(contentsOf: [0x5C, 0x22])
            default: text.append(bytes[at])
            }
        } else {
            text.append(bytes[at])
        }
        at += 1
    }
    guard at < bytes.count else { return nil }
    at += 1
    return String(decoding: text, as: UTF8.self)
}

private func unicodeUnit(_ bytes: [UInt8], at start: Int) throws(JSONPathError) -> UInt16 {
    guard start + 4 <= bytes.count,
        let unit = UInt16(String(decoding: bytes[start..<start + 4], as: UTF8.self), radix: 16)
    else { throw JSONPathError("Unable to parse unicode value at position \(start)") }
    return unit
}
