import CPCRE2
import Columnar
import SparkPlan

/// `like`, `ilike` and the regular expression family. Patterns are compiled once while they stay the same.
///
/// Regular expressions run on PCRE2 with a limit on matching steps; Java's are a near subset. Differences: `\Z`, named
/// groups `(?<n>…)` alike, no possessive-class intersections (`[a&&b]`).
enum RegexpFunctions {
    static func find(_ c: FunctionContext) throws -> FunctionImplementation? {
        switch (c.name, c.count) {
        case ("like", 2...3), ("ilike", 2...3): return like(ignoreCase: c.name == "ilike")
        case ("rlike", 2), ("regexp_like", 2), ("regexp", 2): return rlike()
        case ("regexp_replace", 3...4): return replace()
        case ("regexp_extract", 2...3): return extract()
        case ("regexp_count", 2): return count()
        case ("regexp_substr", 2): return substr()
        case ("split", 2...3): return split()
        default: return nil
        }
    }

    private static func like(ignoreCase: Bool) -> FunctionImplementation {
        let cache = PatternCache<LikePattern>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            let escape = a.count > 2 ? StringReader(a[2]) : nil
            return try tryMapRows(n, .boolean, valid, zero: UInt8.zero, failure: nil) { row -> UInt8? in
                let matcher = try cache.get(pattern[row]) {
                    try LikePattern($0, escape: escape.map { $0[row].first ?? 92 } ?? 92, ignoreCase: ignoreCase)
                }
                if ignoreCase {
                    var lower = String(decoding: text[row], as: UTF8.self).lowercased()
                    return lower.withUTF8 { matcher.matches($0) } ? 1 : 0
                }
                return matcher.matches(text[row]) ? 1 : 0
            }
        }
    }

    private static func rlike() -> FunctionImplementation {
        let cache = PatternCache<Regexp>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            return try tryMapRows(n, .boolean, valid, zero: UInt8.zero, failure: nil) { row -> UInt8? in
                try cache.get(pattern[row]) { try Regexp($0, function: "rlike") }.firstMatch(text[row], from: 0) ? 1 : 0
            }
        }
    }

    private static func replace() -> FunctionImplementation {
        let cache = PatternCache<Regexp>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            let replacement = StringReader(a[2])
            let start = a.count > 3 ? Reader<Int32>(a[3]) : nil
            return try mapToString(n, .string, valid) { row, out in
                let regexp = try cache.get(pattern[row]) { try Regexp($0, function: "regexp_replace") }
                let bytes = text[row]
                let from = UTF8Text.offset(of: start.map { max(0, Int($0[row]) - 1) } ?? 0, in: bytes, from: 0)
                var copied = 0
                var position = from
                while position <= bytes.count, try regexp.firstMatch(bytes, from: position), let whole = regexp.group(0) {
                    out.append(contentsOf: bytes[copied..<whole.lowerBound])
                    try regexp.expand(replacement[row], in: bytes, to: &out)
                    copied = whole.upperBound
                    position = whole.isEmpty ? UTF8Text.offset(of: 1, in: bytes, from: whole.upperBound) : whole.upperBound
                    if whole.isEmpty, whole.upperBound == bytes.count { break }
                    if out.count > StringFunctions.resultBytesMax { throw StringFunctions.tooLong("regexp_replace") }
                }
                out.append(contentsOf: bytes[copied...])
                return true
            }
        }
    }

    private static func extract() -> FunctionImplementation {
        let cache = PatternCache<Regexp>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            let group = a.count > 2 ? Reader<Int32>(a[2]) : nil
            return try mapToString(n, .string, valid) { row, out in
                let regexp = try cache.get(pattern[row]) { try Regexp($0, function: "regexp_extract") }
                let index = group.map { Int($0[row]) } ?? 1
                guard index >= 0, index <= regexp.groupCount else {
                    throw SparkError(
                        condition: "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", sqlState: "22023",
                        message: "The value of parameter(s) `idx` in `regexp_extract` is invalid: Expects group index between 0 "
                            + "and \(regexp.groupCount), but got \(index).")
                }
                if try regexp.firstMatch(text[row], from: 0), let range = regexp.group(index) {
                    out.append(contentsOf: text[row][range])
                }
                return true
            }
        }
    }

    private static func count() -> FunctionImplementation {
        let cache = PatternCache<Regexp>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            return try tryMapRows(n, .int, valid, zero: Int32.zero, failure: nil) { row -> Int32? in
                let regexp = try cache.get(pattern[row]) { try Regexp($0, function: "regexp_count") }
                let bytes = text[row]
                var total: Int32 = 0
                var position = 0
                while position <= bytes.count, try regexp.firstMatch(bytes, from: position), let whole = regexp.group(0) {
                    total &+= 1
                    if whole.isEmpty, whole.upperBound == bytes.count { break }
                    position = whole.isEmpty ? UTF8Text.offset(of: 1, in: bytes, from: whole.upperBound) : whole.upperBound
                }
                return total
            }
        }
    }

    private static func substr() -> FunctionImplementation {
        let cache = PatternCache<Regexp>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            return try mapToString(n, .string, valid) { row, out in
                let regexp = try cache.get(pattern[row]) { try Regexp($0, function: "regexp_substr") }
                guard try regexp.firstMatch(text[row], from: 0), let whole = regexp.group(0), !whole.isEmpty else { return false }
                out.append(contentsOf: text[row][whole])
                return true
            }
        }
    }

    private static func split() -> FunctionImplementation {
        let cache = PatternCache<Regexp>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            let limit = a.count > 2 ? Reader<Int32>(a[2]) : nil
            let builder = ColumnBuilder(.array(element: .string, containsNull: false))
            for row in 0..<n {
                guard isValid(valid, row) else {
                    builder.appendNull()
                    continue
                }
                let regexp = try cache.get(pattern[row]) { try Regexp($0, function: "split") }
                let bytes = text[row]
                let most = limit.map { Int($0[row]) } ?? -1
                var parts: [Scalar] = []
                var copied = 0
                var position = 0
                while most <= 0 || parts.count < most - 1, position < bytes.count,
                    try regexp.firstMatch(bytes, from: position), let whole = regexp.group(0)
                {
                    if whole.isEmpty {
                        position = UTF8Text.offset(of: 1, in: bytes, from: whole.upperBound)
                        if whole.upperBound == copied || whole.upperBound >= bytes.count { continue }
                    } else {
                        position = whole.upperBound
                    }
                    parts.append(.string(String(decoding: bytes[copied..<whole.lowerBound], as: UTF8.self)))
                    copied = whole.upperBound
                }
                parts.append(.string(String(decoding: bytes[copied...], as: UTF8.self)))
                try builder.append(.array(parts))
            }
            return builder.finish()
        }
    }
}

/// Compiled patterns by their text; starts anew when many differ.
final class PatternCache<Compiled> {
    private var last: (bytes: [UInt8], compiled: Compiled)?
    private var others: [[UInt8]: Compiled] = [:]

    func get(_ pattern: UnsafeBufferPointer<UInt8>, _ compile: ([UInt8]) throws -> Compiled) throws -> Compiled {
        if let last, last.bytes.elementsEqual(pattern) { return last.compiled }
        let bytes = Array(pattern)
        let compiled = try others[bytes] ?? compile(bytes)
        if others.count >= 64 { others.removeAll() }
        others[bytes] = compiled
        last = (bytes, compiled)
        return compiled
    }
}

/// A LIKE pattern: `%` any text, `_` one code point, the escape character before `%`, `_` or itself.
struct LikePattern {
    private enum Token: Equatable { case byte(UInt8), one, any }
    private var tokens: [Token] = []

    init(_ pattern: [UInt8], escape: UInt8, ignoreCase: Bool) throws {
        let source = ignoreCase ? Array(String(decoding: pattern, as: UTF8.self).lowercased().utf8) : pattern
        var index = 0
        while index < source.count {
            let byte = source[index]
            if byte == escape {
                guard index + 1 < source.count, [37, 95, escape].contains(source[index + 1]) else {
                    let text = String(decoding: pattern, as: UTF8.self)
                    throw SparkError(
                        condition: index + 1 < source.count ? "INVALID_FORMAT.ESC_IN_THE_MIDDLE" : "INVALID_FORMAT.ESC_AT_THE_END",
                        sqlState: "42601",
                        message: "The format is invalid: '\(text)'. "
                            + (index + 1 < source.count
                                ? "The escape character is not allowed to precede '\(String(decoding: [source[index + 1]], as: UTF8.self))'."
                                : "The escape character is not allowed to end with."))
                }
                tokens.append(.byte(source[index + 1]))
                index += 2
                continue
            }
            switch byte {
            case 37: if tokens.last != .any { tokens.append(.any) }
            case 95: tokens.append(.one)
            default: tokens.append(.byte(byte))
            }
            index += 1
        }
    }

    /// Greedy, going back to the last `%` on a mismatch: at most text × pattern steps.
    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var position = 0
        var token = 0
        var retryToken = -1
        var retryPosition = 0
        while position < text.count {
            if token < tokens.count {
                switch tokens[token] {
                case .any:
                    retryToken = token
                    retryPosition = position
                    token += 1
                    continue
                case .one:
                    position += 1
                    while position < text.count, text[position] & 0xC0 == 0x80 { position += 1 }
                    token += 1
                    continue
                case .byte(let byte) where byte == text[position]:
                    position += 1
                    token += 1
                    continue
                case .byte: break
                }
            }
            guard retryToken >= 0 else { return false }
            retryPosition += 1
            position = retryPosition
            token = retryToken + 1
        }
        while token < tokens.count, tokens[token] == .any { token += 1 }
        return token == tokens.count
    }
}

/// One compiled regular expression and the groups of its last match.
final class Regexp {
    private let code: OpaquePointer
    private let matchData: OpaquePointer
    private let context: OpaquePointer
    let groupCount: Int
    private var hasMatch = false
    /// Steps of one match attempt before it is given up.
    private static let matchLimit: UInt32 = 5_000_000
    private let function: String

    init(_ pattern: [UInt8], function: String) throws {
        self.function = function
        var errorNumber: Int32 = 0
        var errorOffset = 0
        let compiled = pattern.withUnsafeBufferPointer {
            pcre2_compile_8(
                $0.baseAddress, $0.count, UInt32(PCRE2_UTF) | UInt32(PCRE2_MATCH_INVALID_UTF), &errorNumber, &errorOffset, nil)
        }
        let invalid = SparkError(
            condition: "INVALID_PARAMETER_VALUE.PATTERN", sqlState: "22023",
            message: "The value of parameter(s) `regexp` in `\(function)` is invalid: "
                + "'\(String(decoding: pattern, as: UTF8.self))'.")
        guard let compiled else { throw invalid }
        guard let data = pcre2_match_data_create_from_pattern_8(compiled, nil), let context = pcre2_match_context_create_8(nil)
        else {
            pcre2_code_free_8(compiled)
            throw invalid
        }
        pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_depth_limit_8(context, 100_000)
        pcre2_set_heap_limit_8(context, 64 << 10)
        code = compiled
        matchData = data
        self.context = context
        var groups: UInt32 = 0
        pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &groups)
        groupCount = Int(groups)
    }

    deinit {
        pcre2_match_data_free_8(matchData)
        pcre2_match_context_free_8(context)
        pcre2_code_free_8(code)
    }

    /// Whether there is a match at or after `start`.
    ///
    /// - Throws: `SparkError` when the expression takes too many steps.
    func firstMatch(_ text: UnsafeBufferPointer<UInt8>, from start: Int) throws -> Bool {
        let empty: [UInt8] = [0]
        let result = empty.withUnsafeBufferPointer { none in
            pcre2_match_8(code, text.baseAddress ?? none.baseAddress, text.count, start, 0, matchData, context)
        }
        hasMatch = result > 0
        if result > 0 { return true }
        if result == PCRE2_ERROR_NOMATCH { return false }
        throw SparkError(
            condition: "UNSUPPORTED_FEATURE.REGEXP_LIMIT", sqlState: "54000",
            message: "The regular expression of `\(function)` takes too many steps on a value of \(text.count) bytes "
                + "(PCRE2 error \(result)).")
    }

    /// The bytes of a group of the last match; nil when it took no part.
    func group(_ index: Int) -> Range<Int>? {
        guard hasMatch, index <= groupCount, let vector = pcre2_get_ovector_pointer_8(matchData) else { return nil }
        let low = vector[2 * index]
        let high = vector[2 * index + 1]
        return low == Int(bitPattern: ~0) || low > high ? nil : low..<high
    }

    /// Appends Java's replacement text: `$1` and `${name}` are groups, a backslash takes the next character literally.
    func expand(_ replacement: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) throws {
        var index = 0
        while index < replacement.count {
            let byte = replacement[index]
            index += 1
            if byte == 92, index < replacement.count {
                out.append(replacement[index])
                index += 1
            } else if byte == 36, index < replacement.count, replacement[index] &- 48 <= 9 {
                var number = Int(replacement[index] - 48)
                index += 1
                // As many digits as still name a group.
                while index < replacement.count, replacement[index] &- 48 <= 9, number * 10 + Int(replacement[index] - 48) <= groupCount {
                    number = number * 10 + Int(replacement[index] - 48)
                    index += 1
                }
                guard number <= groupCount else {
                    throw SparkError(
                        condition: "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", sqlState: "22023",
                        message: "The replacement of `\(function)` names group \(number) of \(groupCount).")
                }
                if let range = group(number) { out.append(contentsOf: text[range]) }
            } else {
                out.append(byte)
            }
        }
    }
}
