import CPCRE2

/// The right side of `=~`. It must match the whole text; Java's expressions are read by PCRE2, which knows nearly all of
/// them. A match that would take too long is none.
final class FilterRegex: Sendable, Hashable {
    let pattern: String
    let flags: String
    private let code: Code

    /// Compiled code that PCRE2 never changes, so that threads may share it.
    private final class Code: @unchecked Sendable {
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
        deinit { pcre2_code_free_8(pointer) }
    }

    private static let matchLimit: UInt32 = 1_000_000

    init(_ pattern: String, flags: String) throws(JSONPathError) {
        var options = UInt32(PCRE2_UTF) | UInt32(PCRE2_ANCHORED) | UInt32(PCRE2_ENDANCHORED)
        for flag in flags {
            switch flag {
            case "i": options |= UInt32(PCRE2_CASELESS)
            case "m": options |= UInt32(PCRE2_MULTILINE)
            case "s": options |= UInt32(PCRE2_DOTALL)
            case "x": options |= UInt32(PCRE2_EXTENDED)
            case "u", "U": options |= UInt32(PCRE2_UCP)
            case "d": break
            default: throw JSONPathError("Unknown flag '\(flag)' of the pattern /\(pattern)/")
            }
        }
        var errorNumber: Int32 = 0
        var errorOffset = 0
        let compiled = Array(pattern.utf8).withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress, $0.count, options, &errorNumber, &errorOffset, nil)
        }
        guard let compiled else { throw JSONPathError("The pattern /\(pattern)/ is not valid at position \(errorOffset)") }
        code = Code(compiled)
        self.pattern = pattern
        self.flags = flags
    }

    func matches(_ text: String) -> Bool {
        guard let data = pcre2_match_data_create_from_pattern_8(code.pointer, nil) else { return false }
        defer { pcre2_match_data_free_8(data) }
        guard let context = pcre2_match_context_create_8(nil) else { return false }
        defer { pcre2_match_context_free_8(context) }
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_depth_limit_8(context, 100_000)
        pcre2_set_heap_limit_8(context, 16 << 10)
        // One byte more, so that there is an address even for an empty text.
        let bytes = Array(text.utf8) + [0]
        return bytes.withUnsafeBufferPointer {
            pcre2_match_8(code.pointer, $0.baseAddress, $0.count - 1, 0, UInt32(PCRE2_NO_UTF_CHECK), data, context) > 0
        }
    }

    static func == (a: FilterRegex, b: FilterRegex) -> Bool { a.pattern == b.pattern && a.flags == b.flags }

    func hash(into hasher: inout Hasher) {
        hasher.combine(pattern)
        hasher.combine(flags)
    }
}
