import JSONModel
import JSONPath
import Testing

@Suite struct JSONPathTests {
    let shop: JSONValue = [
        "name": "corner", "lines": [["sku": "a", "n": 1], ["sku": "b", "n": 5], ["sku": "c"]],
        "open": ["mon": true, "odd name": 7, "x.y": nil],
    ]

    @Test(arguments: [
        ("$", nil), ("$.name", #""corner""#), ("$['open']['odd name']", "7"), ("$.open.['x.y']", "null"),
        ("$.lines[1].n", "5"), ("$.lines[-1].sku", #""c""#), ("$.lines[*].n", "[1,5]"), ("$..sku", #"["a","b","c"]"#),
        ("$.lines[0,2].sku", #"["a","c"]"#), ("$.lines[1:].sku", #"["b","c"]"#), ("$.lines[:-1].sku", #"["a","b"]"#),
        ("$.lines[?(@.n > 1)].sku", #"["b"]"#), ("$.lines[?(@.n)].sku", #"["a","b"]"#),
        ("$.lines[?(!(@.n == 1) && @.sku in ['a','c'])].sku", #"["c"]"#), ("$.lines.length()", "3"),
        ("$.lines[*].n.sum()", "6.0"), ("$.none[*]", nil), ("$.open['mon','none']", #"{"mon":true}"#),
        ("$..[?(@.n == 5)].sku", #"["b"]"#), ("$.lines[?(@.sku =~ /[BC]/i)].sku", #"["b","c"]"#),
        ("$.lines[?(@.sku =~ /x?/)].sku", "[]"), ("$.lines[*].n.stddev()", "2.0"), ("$.max($.lines[*].n, 3)", "5.0"),
        ("$.lines[0:1].append(4)", "[{\"sku\":\"a\",\"n\":1}]"), ("$.lines[?(@.tags == @.none)]", "[]"),
        ("$.lines[?(@.n >= '1')]", "[]"), ("$.open.*", "[true,7,null]"), ("$.f(1)", nil), ("$.name.f('a)')", nil),
        ("$.lines.index(1)", #"{"sku":"b","n":5}"#), ("$.lines.index(9)", "null"),
        (#"$.concat($.name, "-", $.lines[1].n, $.lines[*].sku)"#, #""corner-5abc""#),
        ("$.concat('1 x', 'y', $.name)", #""1 x'corner""#), ("$.lines[?(@.n all [1])]", "[]"),
    ])
    func finds(path: String, expected: String?) throws {
        let parsed = try JSONPath(path)
        guard let expected else {
            if parsed.isRoot { #expect(try parsed.evaluate(in: shop) == shop) } else {
                #expect(throws: JSONPathError.self) { try parsed.evaluate(in: shop) }
            }
            return
        }
        #expect(try parsed.evaluate(in: shop).text == expected)
    }

    @Test(arguments: [
        ("$.a", "No results for path: $['a']"), ("$.a.b", "Missing property in path $['a']"),
        ("$.open.none", "No results for path: $['open']['none']"), ("$.lines[7]", "No results for path: $['lines'][7]"),
    ])
    func saysWhatIsMissing(path: String, message: String) throws {
        let parsed = try JSONPath(path)
        #expect(throws: JSONPathError(message)) { try parsed.evaluate(in: shop) }
    }

    @Test(arguments: [
        "", "a", "$a", "$.", "$..", "$...a", "$[", "$['a", "$[a]", "$[1", "$[::]", "$[:]", "$[?(@.a]", "$[?()]", "$[?(@.a ==)]",
        "$.a b", "$[99999999999]", "$.f(1", "$.f().a", "$.concat('$5')", "$[?(@.a =~ /(/)]", "$[?(@.a =~ /x/q)]", "$.a.length(1)", "$.a.length().b", "$[?(true)]", "$['\\u12']",
    ])
    func refuses(path: String) {
        #expect(throws: JSONPathError.self) { try JSONPath(path) }
    }

    @Test func severalScansComeToAnEnd() throws {
        let deep = try JSONValue(parsing: String(repeating: "[", count: 400) + String(repeating: "]", count: 400))
        #expect(throws: JSONPathError.self) { try JSONPath("$..*..*..*").evaluate(in: deep) }
        let wide = JSONValue.array((0..<3000).map { ["a": ["b": .number($0)]] })
        #expect(try JSONPath("$..a..b").evaluate(in: wide).array?.count == 3000)
    }

    @Test func deepFiltersAreRefused() {
        let text = "$[?(" + String(repeating: "(", count: 100_000) + "@.a" + String(repeating: ")", count: 100_000) + ")]"
        #expect(throws: JSONPathError.self) { try JSONPath(text) }
        let chain = String(repeating: "[?(@", count: 10_000)
        #expect(throws: JSONPathError.self) { try JSONPath("$" + chain) }
    }

    @Test func escapesStandForCharacters() throws {
        #expect(try JSONPath("$['\\uD83D\\uDE00']").evaluate(in: ["😀": 1]) == 1)
        #expect(try JSONPath("$['it\\'s']").evaluate(in: ["it's": 1]) == 1)
        #expect(try JSONPath("$['a\\\"b']").evaluate(in: ["a\\\"b": 1]) == 1)
    }

    @Test(arguments: [
        ("$.new", #"{"a":{"b":[1,2]},"new":9}"#), ("$.a.b", #"{"a":{"b":9}}"#), ("$.a.b[1]", #"{"a":{"b":[1,9]}}"#),
        ("$", "9"), ("$.x.y.z", #"{"a":{"b":[1,2]},"x":{"y":{"z":9}}}"#), ("$.a.b.c", nil), ("$.a.b[2]", nil),
        ("$.x[0]", nil),
    ])
    func sets(path: String, expected: String?) throws {
        let reference = try #require(ReferencePath(path))
        let original: JSONValue = ["a": ["b": [1, 2]]]
        var value = original
        let done = reference.set(9, in: &value)
        #expect(done == (expected != nil))
        #expect(value.text == expected ?? original.text)
    }

    @Test(arguments: ["$[*]", "$..a", "$[-1]", "$[0,1]", "$[1:]", "$[?(@.a)]", "a", "$.a.length()"])
    func onlyPlainPathsAreReferences(path: String) {
        #expect(ReferencePath(path) == nil)
    }
}
