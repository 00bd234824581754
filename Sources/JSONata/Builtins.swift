import JSONModel

/// The function library: names, signatures and what stands behind them.
enum Builtins {
    static let transformSignature = signature("<(oa):o>")

    /// By name without `$`.
    static func all(_ dialect: JSONataDialect) -> [String: Builtin] {
        switch dialect {
        case .stepFunctions: stepFunctions
        case .standard: standard
        }
    }

    private static let standard = table(common + [entry("random", "<:n>", 0, random)])
    private static let stepFunctions = table(
        common + [
            entry("partition", "<an:a>", 2, partition),
            entry("range", "<nnn:a>", 3, steppedRange),
            entry("hash", "<s-s:s>", 2, hash),
            entry("random", "<n?:n>", 1, random),
            entry("uuid", "<:s>", 0, uuid),
            entry("parse", "<s-:x>", 1, parse),
        ])

    private static let common = [
        entry("sum", "<a<n>:n>", 1, sum), entry("count", "<a:n>", 1, count), entry("max", "<a<n>:n>", 1, max),
        entry("min", "<a<n>:n>", 1, min), entry("average", "<a<n>:n>", 1, average),
        entry("string", "<x-b?:s>", 1, string), entry("substring", "<s-nn?:s>", 3, substring),
        entry("substringBefore", "<s-s:s>", 2, substringBefore), entry("substringAfter", "<s-s:s>", 2, substringAfter),
        entry("lowercase", "<s-:s>", 1, lowercase), entry("uppercase", "<s-:s>", 1, uppercase),
        entry("length", "<s-:n>", 1, length), entry("trim", "<s-:s>", 1, trim), entry("pad", "<s-ns?:s>", 3, pad),
        entry("match", "<s-f<s:o>n?:a<o>>", 3, match), entry("contains", "<s-(sf):b>", 2, contains),
        entry("replace", "<s-(sf)(sf)n?:s>", 4, replace), entry("split", "<s-(sf)n?:a<s>>", 3, split),
        entry("join", "<a<s>s?:s>", 2, join), entry("formatNumber", "<n-so?:s>", 3, formatNumber),
        entry("formatBase", "<n-n?:s>", 2, formatBase), entry("formatInteger", "<n-s:s>", 2, formatInteger),
        entry("parseInteger", "<s-s:n>", 2, parseInteger), entry("number", "<(nsb)-:n>", 1, number),
        entry("floor", "<n-:n>", 1, floor), entry("ceil", "<n-:n>", 1, ceil), entry("round", "<n-n?:n>", 2, round),
        entry("abs", "<n-:n>", 1, abs), entry("sqrt", "<n-:n>", 1, sqrt), entry("power", "<n-n:n>", 2, power),
        entry("boolean", "<x-:b>", 1, boolean), entry("not", "<x-:b>", 1, not), entry("map", "<af>", 2, map),
        entry("zip", "<a+>", 0, zip), entry("filter", "<af>", 2, filter), entry("single", "<af?>", 2, single),
        entry("reduce", "<afj?:j>", 3, reduce), entry("sift", "<o-f?:o>", 2, sift),
        entry("keys", "<x-:a<s>>", 1, keys), entry("lookup", "<x-s:x>", 2, lookup),
        entry("append", "<xx:a>", 2, append), entry("exists", "<x:b>", 1, exists),
        entry("spread", "<x-:a<o>>", 1, spread), entry("merge", "<a<o>:o>", 1, merge),
        entry("reverse", "<a:a>", 1, reverse), entry("each", "<o-f:a>", 2, each), entry("error", "<s?:x>", 1, error),
        entry("assert", "<bs?:x>", 2, assert), entry("type", "<x:s>", 1, type), entry("sort", "<af?:a>", 2, sort),
        entry("shuffle", "<a:a>", 1, shuffle), entry("distinct", "<x:x>", 1, distinct),
        entry("base64encode", "<s-:s>", 1, base64encode), entry("base64decode", "<s-:s>", 1, base64decode),
        entry("encodeUrlComponent", "<s-:s>", 1, encodeUrlComponent), entry("encodeUrl", "<s-:s>", 1, encodeUrl),
        entry("decodeUrlComponent", "<s-:s>", 1, decodeUrlComponent), entry("decodeUrl", "<s-:s>", 1, decodeUrl),
        entry("toMillis", "<s-s?:n>", 2, toMillis), entry("fromMillis", "<n-s?s?:s>", 3, fromMillis),
        entry("now", "<s?s?:s>", 2, now), entry("millis", "<:n>", 0, millis), entry("clone", "<(oa)-:o>", 1, clone),
    ]

    private static func entry(_ name: String, _ signature: String, _ arity: Int, _ body: @escaping Builtin.Body) -> Builtin {
        Builtin(name: name, signature: Self.signature(signature), arity: arity, body: body)
    }

    private static func table(_ builtins: [Builtin]) -> [String: Builtin] {
        var table: [String: Builtin] = [:]
        for builtin in builtins { table[builtin.name] = builtin }
        return table
    }

    private static func signature(_ text: String) -> Signature {
        // A test parses them all.
        (try? Signature(text)) ?? Signature.none
    }
}

extension Value {
    var string: String? { if case .string(let text) = self { text } else { nil } }
    var number: Double? { if case .number(let number) = self { number } else { nil } }
    var array: ArrayBox? { if case .array(let box) = self { box } else { nil } }
    var object: ObjectBox? { if case .object(let box) = self { box } else { nil } }
    var function: FunctionBox? { if case .function(let box) = self { box } else { nil } }
}
