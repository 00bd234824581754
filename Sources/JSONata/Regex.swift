import CPCRE2

/// A regular expression of ECMAScript's kind, run by PCRE2 with limits on its work.
final class Regex: @unchecked Sendable {
    // PCRE2 never changes compiled code; matching keeps its state elsewhere.
    private let code: OpaquePointer
    private let position: Int
    let groupCount: Int

    private static let matchLimit: UInt32 = 2_000_000
    private static let heapLimitKiB: UInt32 = 32 << 10

    /// - Parameter flags: `i` and `m` count.
    init(_ pattern: String, flags: String, position: Int = 0) throws(Failure) {
        var translator = RegexTranslator(pattern, isMultiline: flags.contains("m"))
        guard let translated = translator.translate() else {
            throw Failure("S0303", position: position, detail: "Invalid regular expression: /\(pattern)/")
        }
        var options = UInt32(PCRE2_UTF) | UInt32(PCRE2_ALLOW_EMPTY_CLASS) | UInt32(PCRE2_MATCH_UNSET_BACKREF)
        if flags.contains("i") { options |= UInt32(PCRE2_CASELESS) }
        var errorNumber: Int32 = 0
        var errorOffset = 0
        let compiled = Array(translated.utf8).withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress, $0.count, options, &errorNumber, &errorOffset, nil)
        }
        guard let compiled else {
            throw Failure("S0303", position: position, detail: "Invalid regular expression: /\(pattern)/")
        }
        var groups: UInt32 = 0
        pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &groups)
        code = compiled
        groupCount = Int(groups)
        self.position = position
    }

    deinit { pcre2_code_free_8(code) }

    /// The ranges of bytes of the whole match and of each group, nil for one that took no part; nil for no match.
    func match(_ subject: Subject, from start: Int, _ evaluator: Evaluator) throws(Failure) -> [Range<Int>?]? {
        try evaluator.step(50 + (subject.bytes.count - start) / 64)
        guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { throw .memory }
        defer { pcre2_match_data_free_8(data) }
        guard let context = pcre2_match_context_create_8(nil) else { throw .memory }
        defer { pcre2_match_context_free_8(context) }
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_depth_limit_8(context, 100_000)
        pcre2_set_heap_limit_8(context, Self.heapLimitKiB)
        let none: [UInt8] = [0]
        let result = none.withUnsafeBufferPointer { none in
            subject.bytes.withUnsafeBufferPointer { bytes in
                pcre2_match_8(
                    code, bytes.baseAddress ?? none.baseAddress, bytes.count, start, UInt32(PCRE2_NO_UTF_CHECK), data,
                    context)
            }
        }
        if result == PCRE2_ERROR_NOMATCH { return nil }
        guard result > 0, let vector = pcre2_get_ovector_pointer_8(data) else { throw .timeout }
        var ranges: [Range<Int>?] = []
        for group in 0...groupCount {
            let from = vector[2 * group], to = vector[2 * group + 1]
            // A group that took no part has offsets of -1, or none when it is behind the last that did.
            let isSet = group < Int(result) && from >= 0 && from <= to && to <= subject.bytes.count
            ranges.append(isSet ? from..<to : nil)
        }
        return ranges
    }

    /// The match as functions see it: `{match, start, end, groups, next}`; undefined for none.
    func firstMatch(_ subject: Subject, from start: Int, _ evaluator: Evaluator) throws(Failure) -> Value {
        guard let ranges = try match(subject, from: start, evaluator), let whole = ranges.first ?? nil else {
            return .undefined
        }
        let result = ObjectBox()
        result["match"] = .string(subject.text(whole))
        result["start"] = .number(Double(subject.utf16Offset(whole.lowerBound)))
        result["end"] = .number(Double(subject.utf16Offset(whole.upperBound)))
        let groups = ranges.dropFirst().map { $0.map { Value.string(subject.text($0)) } ?? .undefined }
        result["groups"] = .array(ArrayBox(groups))
        result["next"] = .function(FunctionBox(.nextMatch(self, subject, from: whole.upperBound)))
        try evaluator.charge(Cost.object + 5 * Cost.member + Cost.array + Cost.function + whole.count)
        return .object(result)
    }

    func nextMatch(_ subject: Subject, from start: Int, _ evaluator: Evaluator) throws(Failure) -> Value {
        if start >= subject.bytes.count { return .undefined }
        let result = try firstMatch(subject, from: start, evaluator)
        if case .object(let object) = result, case .string("")? = object["match"] {
            throw Failure("D1004", position: position)
        }
        return result
    }
}

/// A text that is searched, and the way between its bytes and JavaScript's offsets.
final class Subject {
    let bytes: [UInt8]
    private let isASCII: Bool
    private var known = (byte: 0, utf16: 0)

    init(_ text: String) {
        bytes = Array(text.utf8)
        isASCII = bytes.allSatisfy { $0 < 0x80 }
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    func utf16Offset(_ byte: Int) -> Int {
        if isASCII { return byte }
        if byte < known.byte { known = (0, 0) }
        var count = known.utf16
        for byte in bytes[known.byte..<byte] where byte & 0xC0 != 0x80 { count += byte >= 0xF0 ? 2 : 1 }
        known = (byte, count)
        return count
    }
}

/// Writes a pattern of ECMAScript the way PCRE2 reads it, so that what only PCRE2 knows means nothing.
struct RegexTranslator {
    private let pattern: [Unicode.Scalar]
    private let isMultiline: Bool
    private var at = 0
    private var out = ""
    private let groupCount: Int
    private let hasNames: Bool

    private static let lineEnds = "\\n\\r\\x{2028}\\x{2029}"
    private static let blanks =
        "\\t\\n\\x0b\\f\\r \\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}"

    init(_ pattern: String, isMultiline: Bool) {
        let scalars = Array(pattern.unicodeScalars)
        self.pattern = scalars
        self.isMultiline = isMultiline
        var count = 0
        var names = false
        var inClass = false
        var index = 0
        while index < scalars.count {
            switch scalars[index] {
            case "\\": index += 1
            case "[": inClass = true
            case "]": inClass = false
            case "(" where !inClass:
                func ahead(_ offset: Int) -> Unicode.Scalar? {
                    index + offset < scalars.count ? scalars[index + offset] : nil
                }
                if ahead(1) != "?" {
                    count += 1
                } else if ahead(2) == "<", ahead(3) != "=", ahead(3) != "!" {
                    count += 1
                    names = true
                }
            default: break
            }
            index += 1
        }
        groupCount = count
        hasNames = names
    }

    private func ahead(_ offset: Int = 0) -> Unicode.Scalar? {
        at + offset < pattern.count ? pattern[at + offset] : nil
    }

    /// Nil for what ECMAScript refuses, as far as PCRE2 would not.
    mutating func translate() -> String? {
        var follows = false  // a quantifier
        while let scalar = ahead() {
            at += 1
            var isQuantifier = false
            switch scalar {
            case "\\": if !escape(inClass: false) { return nil }
            case "[": if !characterClass() { return nil }
            case ".": out += "[^\(Self.lineEnds)]"
            case "^": out += isMultiline ? "(?<![^\(Self.lineEnds)])" : "\\A"
            case "$": out += isMultiline ? "(?![^\(Self.lineEnds)])" : "\\z"
            case "(": if !group() { return nil }
            case "*", "+", "?":
                if follows { return nil }
                isQuantifier = true
                out.unicodeScalars.append(scalar)
                lazy()
            case "{":
                if let end = braces() {
                    if follows { return nil }
                    isQuantifier = true
                    for scalar in pattern[at - 1...end] { out.unicodeScalars.append(scalar) }
                    at = end + 1
                    lazy()
                } else {
                    out += "\\{"
                }
            default: out.unicodeScalars.append(scalar)
            }
            follows = isQuantifier
        }
        return out
    }

    private mutating func lazy() {
        guard ahead() == "?" else { return }
        out += "?"
        at += 1
    }

    /// The place of the `}` when a count stands in the braces that have just been opened.
    private func braces() -> Int? {
        var index = at
        var digits = 0
        while index < pattern.count, ("0"..."9").contains(pattern[index]) {
            index += 1
            digits += 1
        }
        if digits == 0 { return nil }
        if index < pattern.count, pattern[index] == "," {
            index += 1
            while index < pattern.count, ("0"..."9").contains(pattern[index]) { index += 1 }
        }
        return index < pattern.count && pattern[index] == "}" ? index : nil
    }

    private mutating func group() -> Bool {
        if ahead() == "*" { return false }
        guard ahead() == "?" else {
            out += "("
            return true
        }
        switch (ahead(1), ahead(2)) {
        case (":", _), ("=", _), ("!", _):
            out += "(?"
            if let scalar = ahead(1) { out.unicodeScalars.append(scalar) }
            at += 2
        case ("<", "="), ("<", "!"):
            out += ahead(2) == "=" ? "(?<=" : "(?<!"
            at += 3
        case ("<", _):
            out += "(?<"
            at += 2
            while let scalar = ahead(), scalar != ">" {
                out.unicodeScalars.append(scalar)
                at += 1
            }
        default: return false
        }
        return true
    }

    private mutating func characterClass() -> Bool {
        out += "["
        if ahead() == "^" {
            out += "^"
            at += 1
        }
        while let scalar = ahead() {
            at += 1
            switch scalar {
            case "]":
                out += "]"
                return true
            case "\\":
                let isKind = ahead().map { "dDwWsS".unicodeScalars.contains($0) } ?? false
                if !escape(inClass: true) { return false }
                // Behind a kind of characters a hyphen makes no range.
                if isKind, ahead() == "-" {
                    out += "\\-"
                    at += 1
                }
            case "[": out += "\\["
            case "-":
                let makesKind = ahead() == "\\" && (ahead(1).map { "dDwWsS".unicodeScalars.contains($0) } ?? false)
                out += makesKind ? "\\-" : "-"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return false
    }

    private mutating func escape(inClass: Bool) -> Bool {
        guard let scalar = ahead() else { return false }
        at += 1
        switch scalar {
        case "d", "D", "w", "W", "n", "r", "t", "f":
            out += "\\"
            out.unicodeScalars.append(scalar)
        case "b": out += inClass ? "\\x08" : "\\b"
        case "B": out += inClass ? "B" : "\\B"
        case "s": out += inClass ? Self.blanks : "[\(Self.blanks)]"
        case "S": out += inClass ? "\\S" : "[^\(Self.blanks)]"
        case "v": out += "\\x0b"
        case "x": if let code = hex(2) { append(code) } else { out += "x" }
        case "u": unicode()
        case "c":
            if let letter = ahead(), letter.properties.isAlphabetic, letter.isASCII {
                append(letter.value & 31)
                at += 1
            } else {
                out += "\\\\c"
            }
        case "k": out += hasNames && !inClass ? "\\k" : "k"
        case "0"..."9": number(scalar, inClass: inClass)
        default:
            if scalar.isASCII, scalar.value < 0x80, !scalar.properties.isAlphabetic, scalar != "_" { out += "\\" }
            out.unicodeScalars.append(scalar)
        }
        return true
    }

    /// A back reference where there is such a group, else an octal code.
    private mutating func number(_ first: Unicode.Scalar, inClass: Bool) {
        var digits = String(first)
        while let next = ahead(), ("0"..."9").contains(next), digits.utf8.count < 3 {
            digits.unicodeScalars.append(next)
            at += 1
        }
        if !inClass, first != "0", let group = Int(digits), group <= groupCount {
            out += "\\g{\(group)}"
            return
        }
        let octal = digits.prefix { ("0"..."7").contains($0) }
        append(UInt32(octal, radix: 8).map { min($0, 0xFF) } ?? first.value)
        out += digits.dropFirst(max(1, octal.count))
    }

    private mutating func unicode() {
        guard var code = hex(4) else {
            out += "u"
            return
        }
        if (0xD800..<0xDC00).contains(code), ahead() == "\\", ahead(1) == "u" {
            let start = at
            at += 2
            if let low = hex(4), (0xDC00..<0xE000).contains(low) {
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            } else {
                at = start
            }
        }
        append((0xD800..<0xE000).contains(code) ? 0xFFFD : code)
    }

    private mutating func hex(_ count: Int) -> UInt32? {
        guard at + count <= pattern.count else { return nil }
        var text = ""
        for scalar in pattern[at..<at + count] {
            guard scalar.properties.isASCIIHexDigit else { return nil }
            text.unicodeScalars.append(scalar)
        }
        at += count
        return UInt32(text, radix: 16)
    }

    private mutating func append(_ code: UInt32) { out += "\\x{\(String(code, radix: 16))}" }
}
