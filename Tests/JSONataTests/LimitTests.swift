import JSONModel
import JSONata
import Support
import Testing

/// Whatever the expression: an answer or an error, within limits.
@Suite struct LimitTests {
    @Test(arguments: [
        "($f := function() { $f() }; $f())", "($f := function($x) { 1 + $f($x) }; $f(1))",
        "($f := function($x) { [$f($x)] }; $f(1))", "[1..100000].[1..100000]", "$pad('', 1e9)", "$pad('', 1e300)",
        "($d := function($s, $n) { $n = 0 ? $s : $d($s & $s, $n - 1) }; $d('xxxxxxxx', 60))",
        "($d := function($s, $n) { $n = 0 ? $s : $d([$s, $s], $n - 1) }; $d(1, 100))",
        "($d := function($s, $n) { $n = 0 ? $s : $d({'a': $s}, $n - 1) }; $d(1, 100000))",
        "($d := function($s, $n) { $n = 0 ? $string($s) : $d([[$s, $s]], $n - 1) }; $d(1, 400))",
        "($f := function($x) { $sort([1, 2], function($a, $b) { $f(1) }) }; $f(1))",
        "($f := function($x) { $replace('a', /a/, function($m) { $f(1) }) }; $f(1))",
        "($g := function($n, $h) { $n = 0 ? $h : $g($n - 1, $h ~> $uppercase) }; $g(20000, $uppercase)('a'))",
        "$reduce([1..100000], function($a, $b) { $zip($a, [1]) }, [1])",
    ])
    func endlessWorkEnds(text: String) {
        check(text, "U1001", nil, JSONataEnvironment(now: environment.now, seed: 1, limits: JSONataLimits(steps: 500_000)))
    }

    @Test func closuresOfClosuresAreDropped() {
        check(
            "($n := function($g, $i) { $i = 0 ? $g : $n(function($x) { $g }, $i - 1) }; $type($n($string, 5000)))",
            #""function""#, nil)
    }

    @Test(arguments: ["(", "[", "-", "{'a':", "$f(", "a[", "function(){", "1?"])
    func deepNestingIsRefused(opening: String) {
        #expect(throws: JSONataError.self) {
            try JSONataExpression(parsing: String(repeating: opening, count: 10_000) + "1")
        }
    }

    @Test(arguments: ["a.", "1+", "a and ", "'x' & ", "1 ? 2 : "])
    func longChainsEndSomehow(link: String) throws {
        for count in [300, 10_000] {
            do {
                _ = try JSONataExpression(parsing: String(repeating: link, count: count) + "a").evaluate([:], in: environment)
            } catch let error as JSONataError {
                #expect(error.code == "U1001" || error.code.hasPrefix("T"))
            }
        }
    }

    @Test func deepValuesComeThrough() throws {
        let text = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        let value = try JSONValue(parsing: text)
        for expression in ["$", "**", "$string($)", "$ = $", "$clone([$])", "$distinct([$, $])", "*"] {
            _ = try JSONataExpression(parsing: expression).evaluate(value, in: environment)
        }
    }

    /// Random expressions out of the language's words.
    @Test(arguments: 1...8)
    func nothingTraps(seed: UInt64) {
        var generator = ExpressionGenerator(seed: seed)
        let limits = JSONataLimits(steps: 20_000, depth: 500, memoryBytes: 1 << 22)
        for _ in 0..<400 {
            let text = generator.next()
            do {
                let expression = try JSONataExpression(parsing: text)
                _ = try expression.evaluate(
                    shop, bindings: ["rate": 2], in: JSONataEnvironment(now: environment.now, seed: seed, limits: limits))
            } catch {
                #expect(!error.code.isEmpty && !error.message.isEmpty, "\(text)")
            }
        }
    }
}

/// Makes expressions, about half of them valid.
private struct ExpressionGenerator {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    static let functions = [
        "sum", "count", "max", "average", "string", "substring", "substringBefore", "length", "trim", "pad", "match",
        "contains", "replace", "split", "join", "formatNumber", "formatBase", "formatInteger", "parseInteger", "number",
        "round", "sqrt", "power", "boolean", "map", "zip", "filter", "single", "reduce", "sift", "keys", "lookup",
        "append", "spread", "merge", "reverse", "each", "sort", "shuffle", "distinct", "base64encode", "base64decode",
        "encodeUrl", "decodeUrl", "toMillis", "fromMillis", "now", "clone", "partition", "range", "hash", "random", "parse",
    ]
    static let atoms = [
        "0", "-1", "1e308", "1e-320", "9007199254740993", "(1/0)", "(0/0)", "99999999999", "2.5", "'abc'", "''",
        "'\u{1F600}é'", "'[Y0001]-[M01]'", "'[D1o] [MNn,3-3] [Y,4-99999999999999999999]'", "'#,##0.00'", "'0e0'", "'Ww;o'",
        "'I'", "'+0530'", "'2020-01-01'", "'[Z99999]'", "'[f001][X][x][W][w][F][d][h][P]'", "'#0;(#0)'", "'\u{660}\u{661}'",
        "function($x) { $x }", "function($x, $y) { [$x, $y] }", "/a(b)?/", "/x*/i", "/(a+)+$/", "$append(?, 1)",
        "|$|{'a': $}|", "|**|{'z': 1}, ['kind']|", "function($s)<s:n> { $s }", "$", "$$", "shelves", "fruit", "kind",
        "price", "%", "*", "**", "null", "true", "missing", "$v", "[]", "{}", "shelves.fruit", "fruit.%", "$rate",
    ]
    static let operators = ["+", "-", "*", "/", "%", "&", "=", "!=", "<", ">=", " in ", " and ", " or ", "~>", ".", "?", ":="]

    mutating func next() -> String {
        var text = make(Int.random(in: 1...4, using: &random))
        if Int.random(in: 0..<3, using: &random) == 0 {
            var characters = Array(text)
            for _ in 0..<Int.random(in: 1...3, using: &random) where !characters.isEmpty {
                let position = Int.random(in: 0..<characters.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: characters.remove(at: position)
                case 1: characters.insert(contentsOf: pick(["(", "]", "'", "/", "\\", "{", "$", "#", "@", "^", "`", "e9"]), at: position)
                default: characters.swapAt(position, characters.count - 1)
                }
            }
            text = String(characters)
        }
        return text
    }

    private mutating func pick(_ choices: [String]) -> String { choices[Int.random(in: 0..<choices.count, using: &random)] }

    private mutating func make(_ depth: Int) -> String {
        if depth == 0 { return pick(Self.atoms) }
        func inner() -> String { make(depth - 1) }
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<7:
            let count = Int.random(in: 0...4, using: &random)
            return "$" + pick(Self.functions) + "(" + (0..<count).map { _ in inner() }.joined(separator: ", ") + ")"
        case 7..<10: return inner() + pick(Self.operators) + inner()
        case 10: return inner() + "[" + inner() + "]"
        case 11: return inner() + "^(" + pick(["<", ">", ""]) + inner() + ")"
        case 12: return inner() + "{" + inner() + ": " + inner() + "}"
        case 13: return inner() + pick(["@$v", "#$i", "[]", "@$v#$i"]) + "." + inner()
        case 14: return "[" + inner() + ".." + inner() + "]"
        case 15: return "($v := " + inner() + "; " + inner() + ")"
        case 16: return "($f := function($x) { " + inner() + " }; $f(" + inner() + "))"
        case 17: return "[" + inner() + ", " + inner() + "]"
        case 18: return "{" + inner() + ": " + inner() + "}"
        default: return pick(Self.atoms)
        }
    }
}
