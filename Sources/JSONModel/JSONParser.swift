/// Limits on what a parser accepts, so that hostile texts exhaust neither stack nor memory.
package struct JSONLimits: Sendable, Hashable {
    /// How many arrays and objects may be open at once.
    package var maxDepth: Int

    package init(maxDepth: Int = 512) { self.maxDepth = min(maxDepth, 2_000) }

    package static let `default` = JSONLimits()

    /// Whether `text`, which must be JSON, keeps to the depth. Reads it once, without recursion.
    package func allowDepth(of text: String) -> Bool {
        // Every level takes two brackets.
        if text.utf8.count < 2 * maxDepth { return true }
        var text = text
        return text.withUTF8 { bytes in
            var depth = 0
            var at = 0
            while at < bytes.count {
                switch bytes[at] {
                case UInt8(ascii: "["), UInt8(ascii: "{"):
                    depth += 1
                    if depth > maxDepth { return false }
                case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
                case UInt8(ascii: "\""):
                    at += 1
                    while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                        at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
                    }
                default: break
                }
                at += 1
            }
            return true
        }
    }
}

/// A text that is not JSON. `message` and the position follow Jackson, whose texts the service hands out.
package struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String
    /// Counts from 1.
    package let line: Int
    /// Where the reader stood when it gave up: 1 + the characters of the line it had read, the offending one included.
    package let column: Int
    /// Of the offending byte, from 0; the length of the text when it ends too early.
    package let byteOffset: Int

    package var description: String { "\(message) at line \(line), column \(column)" }
}

extension JSONValue {
    /// Parses one JSON text (RFC 8259) with nothing but white space around it. Of members with one name the last wins,
    /// at the place of the first. An escaped lone surrogate becomes U+FFFD.
    package init(parsing bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = .default) throws(JSONSyntaxError) {
        var parser = JSONParser(bytes: bytes, limits: limits)
        self = try parser.document()
    }

    package init(parsing bytes: [UInt8], limits: JSONLimits = .default) throws(JSONSyntaxError) {
        self = try bytes.withUnsafeBufferPointer { buffer throws(JSONSyntaxError) in
            try JSONValue(parsing: buffer, limits: limits)
        }
    }

    package init(parsing text: String, limits: JSONLimits = .default) throws(JSONSyntaxError) {
        var text = text
        self = try text.withUTF8 { buffer in
            Result { () throws(JSONSyntaxError) in try JSONValue(parsing: buffer, limits: limits) }
        }.get()
    }
}

private let validTokens = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

/// A recursive-descent parser over bytes; the depth limit bounds the recursion.
private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    var at = 0
    var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(JSONSyntaxError) -> JSONValue {
        skipWhiteSpace()
        guard at < bytes.count else { throw error("No content to map due to end-of-input", at: at, read: at) }
        let value = try value()
        skipWhiteSpace()
        if at < bytes.count {
            if isNameByte(bytes[at]) { throw unrecognizedToken(at) }
            throw unexpected("expected end-of-input after the value")
        }
        return value
    }

    mutating func value() throws(JSONSyntaxError) -> JSONValue {
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""):
            at += 1
            return .string(try string(in: "VALUE_STRING"))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t") where takes("true"): return .bool(true)
        case UInt8(ascii: "f") where takes("false"): return .bool(false)
        case UInt8(ascii: "n") where takes("null"): return .null
        case let byte where isNameByte(byte): throw unrecognizedToken(at)
        default: throw unexpected("expected a valid value \(validTokens)")
        }
    }

    private mutating func object() throws(JSONSyntaxError) -> JSONValue {
        let start = at
        try enter()
        var object = JSONObject()
        skipWhiteSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
            leave()
            return .object(object)
        }
        while true {
            skipWhiteSpace()
            guard at < bytes.count else { throw missingClose("Object", start) }
            guard bytes[at] == UInt8(ascii: "\"") else {
                throw unexpected("was expecting double-quote to start field name")
            }
            at += 1
            let key = try string(in: "field name")
            skipWhiteSpace()
            guard at < bytes.count else { throw endOfInput("within/between Object entries") }
            guard bytes[at] == UInt8(ascii: ":") else {
                throw unexpected("was expecting a colon to separate field name and value")
            }
            at += 1
            skipWhiteSpace()
            guard at < bytes.count else { throw endOfInput("within/between Object entries") }
            object.append(key, try value())
            skipWhiteSpace()
            guard at < bytes.count else { throw missingClose("Object", start) }
            if bytes[at] == UInt8(ascii: "}") { break }
            guard bytes[at] == UInt8(ascii: ",") else {
                throw unexpectedClose(or: "was expecting comma to separate Object entries", expected: "}", "Object", start)
            }
            at += 1
        }
        leave()
        return .object(object)
    }

    private mutating func array() throws(JSONSyntaxError) -> JSONValue {
        let start = at
        try enter()
        var elements: [JSONValue] = []
        skipWhiteSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
            leave()
            return .array(elements)
        }
        while true {
            skipWhiteSpace()
            guard at < bytes.count else { throw missingClose("Array", start) }
            elements.append(try value())
            skipWhiteSpace()
            guard at < bytes.count else { throw missingClose("Array", start) }
            if bytes[at] == UInt8(ascii: "]") { break }
            guard bytes[at] == UInt8(ascii: ",") else {
                throw unexpectedClose(or: "was expecting comma to separate Array entries", expected: "]", "Array", start)
            }
            at += 1
        }
        leave()
        return .array(elements)
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONNumber {
        switch scanNumber(bytes, from: at) {
        case .valid(let end):
            let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[at..<end]), as: UTF8.self)
            at = end
            if at < bytes.count, isNameByte(bytes[at]) || bytes[at] == UInt8(ascii: ".") || bytes[at] == UInt8(ascii: "-") {
                throw unexpected("Expected space separating root-level values")
            }
            return JSONNumber(scanned: text)
        case .leadingZero(let position):
            throw error("Invalid numeric value: Leading zeroes not allowed", at: position - 1, read: position)
        case .invalid(let position):
            guard position < bytes.count else { throw endOfInput("in VALUE_NUMBER_INT") }
            let character = describeCharacter(position)
            let previous = bytes[position - 1]
            let reason =
                previous == UInt8(ascii: ".")
                ? "Decimal point not followed by a digit"
                : previous == UInt8(ascii: "-") && position == at + 1
                    ? "expected digit (0-9) to follow minus sign, for valid numeric value"
                    : "Exponent indicator not followed by a digit"
            throw error(
                "Unexpected character (\(character)) in numeric value: \(reason)", at: position, read: position + 1)
        }
    }

    /// The rest of a string whose opening quote is behind.
    private mutating func string(in place: String) throws(JSONSyntaxError) -> String {
        let start = at
        at = plainEnd(from: at)
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                let text = try text(UnsafeBufferPointer(rebasing: bytes[start..<at]), from: start)
                at += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start, in: place) }
            if byte < 0x20 { throw controlCharacter() }
            at += 1
        }
        throw endOfInput(place == "field name" ? "in field name" : "in VALUE_STRING")
    }

    /// Passes over bytes of a string that stand for themselves, eight at a time; what is left is looked at singly.
    private func plainEnd(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        let raw = UnsafeRawBufferPointer(bytes)
        var at = start
        while at + 8 <= raw.count {
            let word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            // A byte's high bit is set where it is less than a blank, a quote or a backslash.
            let control = (word &- ones &* 0x20) & ~word
            let quote = word ^ (ones &* 0x22), backslash = word ^ (ones &* 0x5C)
            let found = control | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
            if found & high != 0 { break }
            at += 8
        }
        return at
    }

    private mutating func escapedString(from start: Int, in place: String) throws(JSONSyntaxError) -> String {
        var buffer = Array(bytes[start..<at])
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                return try buffer.withUnsafeBufferPointer { buffer throws(JSONSyntaxError) in
                    try text(buffer, from: start)
                }
            case UInt8(ascii: "\\"): try escape(into: &buffer)
            case 0..<0x20:
                at -= 1
                throw controlCharacter()
            default: buffer.append(byte)
            }
        }
        throw endOfInput(place == "field name" ? "in field name" : "in VALUE_STRING")
    }

    private mutating func escape(into buffer: inout [UInt8]) throws(JSONSyntaxError) {
        guard at < bytes.count else { throw endOfInput("in character escape sequence") }
        let byte = bytes[at]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"):
            at += 1
            let unit = try hexUnit()
            var scalar = UInt32(unit)
            if unit & 0xFC00 == 0xD800 {
                // The low half must follow as an escape; else the high half stands alone and is replaced.
                let saved = at
                var low: UInt32?
                if at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") {
                    at += 2
                    let next = try hexUnit()
                    if next & 0xFC00 == 0xDC00 { low = UInt32(next) }
                }
                if let low {
                    scalar = 0x10000 + ((scalar & 0x3FF) << 10 | low & 0x3FF)
                } else {
                    at = saved
                }
            }
            let character = Unicode.Scalar(scalar) ?? "\u{FFFD}"
            buffer.append(contentsOf: UTF8.encode(character).map { Array($0) } ?? [])
            return
        default:
            throw error(
                "Unrecognized character escape \(describeCharacter(at))", at: at,
                read: at + 1)
        }
        at += 1
    }

    private mutating func hexUnit() throws(JSONSyntaxError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard at < bytes.count else { throw endOfInput("in character escape sequence") }
            let digit: UInt8
            switch bytes[at] {
            case 48...57: digit = bytes[at] - 48
            case 65...70: digit = bytes[at] - 55
            case 97...102: digit = bytes[at] - 87
            default: throw unexpected("expected a hex-digit for character escape sequence")
            }
            value = value << 4 | UInt16(digit)
            at += 1
        }
        return value
    }

    private func text(
        _ buffer: UnsafeBufferPointer<UInt8>, from start: Int
    ) throws(JSONSyntaxError) -> String {
        // Decoding never repairs ASCII, and is much faster than validating.
        if buffer.reduce(0, |) < 0x80 { return String(decoding: buffer, as: UTF8.self) }
        guard let text = String(validating: buffer, as: UTF8.self) else {
            throw error("Invalid UTF-8 in a string", at: start, read: start)
        }
        return text
    }

    private mutating func enter() throws(JSONSyntaxError) {
        depth += 1
        if depth > limits.maxDepth {
            throw error(
                "Document nesting depth (\(depth)) exceeds the maximum allowed (\(limits.maxDepth))", at: at,
                read: at + 1)
        }
        at += 1
    }

    private mutating func leave() {
        depth -= 1
        at += 1
    }

    private mutating func skipWhiteSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0A, 0x0D, 0x09: at += 1
            default: return
            }
        }
    }

    /// Takes a whole word; false, at the same place, when other letters stand there or follow.
    private mutating func takes(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - at >= count else { return false }
        for offset in 0..<count where bytes[at + offset] != word.utf8Start[offset] { return false }
        if at + count < bytes.count, isNameByte(bytes[at + count]) { return false }
        at += count
        return true
    }
}

// The texts of errors.
extension JSONParser {
    func error(_ message: String, at offset: Int, read: Int) -> JSONSyntaxError {
        var line = 1
        var lineStart = 0
        for position in 0..<min(read, bytes.count) where bytes[position] == 0x0A {
            line += 1
            lineStart = position + 1
        }
        // Continuation bytes of UTF-8 do not begin a character.
        var column = 1
        for position in lineStart..<min(max(read, lineStart), bytes.count) where bytes[position] & 0xC0 != 0x80 {
            column += 1
        }
        return JSONSyntaxError(message: message, line: line, column: column, byteOffset: offset)
    }

    func unexpected(_ expectation: String) -> JSONSyntaxError {
        error("Unexpected character (\(describeCharacter(at))): \(expectation)", at: at, read: at + 1)
    }

    func endOfInput(_ place: String) -> JSONSyntaxError {
        error("Unexpected end-of-input \(place)", at: bytes.count, read: bytes.count)
    }

    func missingClose(_ kind: String, _ start: Int) -> JSONSyntaxError {
        error("Unexpected end-of-input: expected close marker for \(kind) (start marker at \(place(of: start)))", at: bytes.count, read: bytes.count)
    }

    func unexpectedClose(or expectation: String, expected: String, _ kind: String, _ start: Int) -> JSONSyntaxError {
        guard bytes[at] == UInt8(ascii: "}") || bytes[at] == UInt8(ascii: "]") else { return unexpected(expectation) }
        let found = bytes[at] == UInt8(ascii: "}") ? "}" : "]"
        return error(
            "Unexpected close marker '\(found)': expected '\(expected)' (for \(kind) starting at \(place(of: start)))",
            at: at, read: at + 1)
    }

    func controlCharacter() -> JSONSyntaxError {
        error(
            "Illegal unquoted character (\(describeCharacter(at))): has to be escaped using backslash to be included in string value",
            at: at, read: at + 1)
    }

    func unrecognizedToken(_ start: Int) -> JSONSyntaxError {
        var end = start
        while end < bytes.count, isNameByte(bytes[end]), end - start < 256 { end += 1 }
        let token = String(decoding: bytes[start..<end], as: UTF8.self)
        return error("Unrecognized token '\(token)': was expecting \(validTokens)", at: start, read: end)
    }

    private func place(of offset: Int) -> String {
        let position = error("", at: offset, read: offset)
        return "[line: \(position.line), column: \(position.column)]"
    }

    /// `'x' (code 120)`, as Jackson names a character.
    func describeCharacter(_ offset: Int) -> String {
        let byte = bytes[offset]
        if byte < 0x20 { return "(CTRL-CHAR, code \(byte))" }
        if byte < 0x80 { return "'\(Unicode.Scalar(byte))' (code \(byte))" }
        let end = min(bytes.count, offset + 4)
        guard let scalar = String(decoding: bytes[offset..<end], as: UTF8.self).unicodeScalars.first else {
            return "code \(byte)"
        }
        if scalar.value <= 255 { return "'\(scalar)' (code \(scalar.value))" }
        return "'\(scalar)' (code \(scalar.value) / 0x\(String(scalar.value, radix: 16)))"
    }

    /// Letters, digits, `_`, `$` and all beyond ASCII: what Jackson takes for a word.
    func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 0x5F, 0x24, 0x80...0xFF: true
        default: false
        }
    }
}
