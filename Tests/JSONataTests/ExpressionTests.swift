import JSONModel
import JSONata
import Support
import Testing

let environment = JSONataEnvironment(now: Timestamp(millisecondsSince1970: 1_700_000_000_123), seed: 7)

/// Judges `text` on `shop`: `expected` is JSON, `undefined`, or the code of an error.
func check(
    _ text: String, _ expected: String, _ input: JSONValue? = shop, _ environment: JSONataEnvironment = environment,
    at location: SourceLocation = #_sourceLocation
) {
    var found: String
    do {
        found = try JSONataExpression(parsing: text).evaluate(input, bindings: ["rate": 2], in: environment)?.text ?? "undefined"
    } catch {
        found = error.code
    }
    #expect(found == expected, "\(text)", sourceLocation: location)
}

let shop: JSONValue = [
    "name": "Corner", "open": true, "none": nil,
    "shelves": [
        ["id": 1, "fruit": [["kind": "pear", "price": 2.5, "tags": ["green"]], ["kind": "fig", "price": 4]]],
        ["id": 2, "fruit": [["kind": "plum", "price": 0.75, "tags": ["blue", "small"]]]],
    ],
    "stock": [["kind": "fig", "count": 7], ["kind": "plum", "count": 40]],
]

@Suite struct ExpressionTests {
    @Test(arguments: [
        ("shelves.fruit.kind", #"["pear","fig","plum"]"#),
        ("shelves.fruit[0].kind", #"["pear","plum"]"#),
        ("(shelves.fruit)[0].kind", #""pear""#),
        ("(shelves.fruit)[-1].kind", #""plum""#),
        ("shelves.fruit[price > 1].price", "[2.5,4]"),
        ("shelves[9].fruit", "undefined"),
        ("shelves[id=2].fruit.kind", #""plum""#),
        ("shelves[id=2].fruit.kind[]", #"["plum"]"#),
        ("shelves.fruit.tags", #"["green","blue","small"]"#),
        ("shelves.[id]", "[[1],[2]]"),
        ("*.kind", #"["fig","plum"]"#),
        ("**.kind", #"["pear","fig","plum","fig","plum"]"#),
        ("shelves.fruit.{kind: %.id}", #"[{"pear":1},{"fig":1},{"plum":2}]"#),
        ("shelves.fruit#$i.($i & kind)", #"["0pear","1fig","0plum"]"#),
        ("shelves.fruit@$f.stock", "undefined"),
        ("shelves.fruit^(>price).kind", #"["fig","pear","plum"]"#),
        ("shelves.fruit^(kind)[0].price", "4"),
        ("shelves.fruit{kind: price}", #"{"pear":2.5,"fig":4,"plum":0.75}"#),
        ("shelves{'all': $sum(fruit.price)}", #"{"all":7.25}"#),
        ("stock@$s.$$.shelves.fruit[kind=$s.kind].{'k': kind, 'n': $s.count}", #"[{"k":"fig","n":7},{"k":"plum","n":40}]"#),
        ("shelves.fruit.(price * $rate)", "[5,8,1.5]"),
        ("$.`name`", #""Corner""#),
        ("none", "null"),
        ("missing", "undefined"),
        ("[missing, 1]", "[1]"),
        ("{'a': missing}", "{}"),
        ("[1..4][$ % 2 = 0]", "[2,4]"),
        ("[3..1]", "[]"),
        ("name in ['Corner', 1]", "true"),
    ])
    func paths(text: String, expected: String) { check(text, expected) }

    @Test(arguments: [
        ("1 + 2 * 3", "7"), ("0.1 + 0.2", "0.30000000000000004"), ("$string(0.1 + 0.2)", #""0.3""#),
        ("10 % 4 & 'x'", #""2x""#), ("-7 % 3", "-1"), ("2 - -1", "3"), ("1 / 0", "null"), ("1 / 0 + 1", "D1001"),
        ("1e21", "1e+21"), ("1e20", "100000000000000000000"), ("1e-7", "1e-7"), ("0.000001", "0.000001"),
        ("123456789012345678", "123456789012345680"), ("'a' < 'b'", "true"), ("1 < 'b'", "T2009"),
        ("true < false", "T2010"), ("missing = missing", "false"), ("missing < 1", "undefined"),
        ("1 = '1'", "false"), ("[1, {'a': 2}] = [1, {'a': 2}]", "true"), ("missing & null", #""null""#),
        ("[1] & {'a': 1}", #""[1]{\"a\":1}""#), ("true and missing", "false"), ("false or 'x'", "true"),
        ("missing ? 1 : 2", "2"), ("missing ? 1", "undefined"), ("'x' + 1", "T2001"), ("1 + null", "T2002"),
        ("-'x'", "D1002"), ("$a := 5", "5"), ("($a := 1; ($a := 2; $b := $a); $a)", "1"),
        ("($a := 1; ($b := $a; $a := 3; $b + $a))", "4"), ("'\\u0041\\n'", #""A\n""#), ("/* note */ 1", "1"),
        ("\"\u{FF61}\" < \"\u{1F600}\"", "false"),
    ])
    func operators(text: String, expected: String) { check(text, expected) }

    @Test(arguments: [
        ("($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(10))", "3628800"),
        ("($f := function($n, $t) { $n = 0 ? $t : $f($n - 1, $t + $n) }; $f(50000, 0))", "1250025000"),
        ("($add := function($a, $b) { $a + $b }; $inc := $add(?, 1); $inc(4))", "5"),
        ("($half := $substring(?, 0, 2); $half('abcd'))", #""ab""#),
        ("'abc' ~> $uppercase ~> $length", "3"), ("($f := $uppercase ~> $length; $f('abcd'))", "4"),
        ("$map([1, 2], function($v, $i) { $v * 10 + $i })", "[10,21]"), ("$map([1], $string)", #""1""#),
        ("$filter([1, 2, 3], function($v) { $v > 1 })", "[2,3]"), ("$reduce([1, 2, 3], function($a, $b) { $a - $b })", "-4"),
        ("$sift({'a': 1, 'b': 2}, function($v) { $v = 2 })", #"{"b":2}"#),
        ("$each({'a': 1}, function($v, $k) { $k & $v })", #""a1""#),
        ("($counter := function($n) { function() { $n } }; [$counter(1)(), $counter(2)()])", "[1,2]"),
        ("function($a)<n:n> { $a }('x')", "T0410"), ("function($a)<a<n>:n> { $a }([1, 'x'])", "T0412"),
        ("5()", "T1006"), ("name()", "T1006"), ("sum(1)", "T1005"), ("1 ~> 2", "T2006"),
        ("($ ~> |stock|{'count': count + 1}, ['kind']|).stock", #"[{"count":8},{"count":41}]"#),
        ("($o := {'a': 1}; $t := $o ~> |$|{'me': $}|; [$o, $t])", #"[{"a":1},{"a":1,"me":{"a":1}}]"#),
        ("$ ~> |stock|5|", "T2011"), ("$eval('1')", "T1006"), ("$uppercase", "T1006"),
    ])
    func functions(text: String, expected: String) { check(text, expected) }

    @Test(arguments: [
        ("1 +", "S0207"), ("(1", "S0203"), ("[1 2]", "S0202"), ("1 2", "S0201"), ("'a", "S0101"), ("'\\q'", "S0103"),
        ("'\\u12'", "S0104"), ("`a", "S0105"), ("/* a", "S0106"), ("1e999", "S0102"), ("5 := 1", "S0212"),
        ("a.5", "S0213"), ("a@b", "S0214"), ("a[0]@$b", "S0215"), ("a^(b)@$c", "S0216"), ("%.a", "S0217"),
        ("a ?? b", "S0211"), ("//", "S0301"), ("/a", "S0302"), ("/(/", "S0302"), ("/a**/", "S0303"),
        ("function(5) { 1 }", "S0208"), ("a{'b': 1}{'c': 2}", "S0210"), ("5{'b': 1}[0]", "S0209"),
        ("a ! b", "S0204"), ("function($a)<s<n>> { 1 }", "S0401"), ("function($a)<(a<n>)> { 1 }", "S0402"),
    ])
    func syntaxErrors(text: String, expected: String) { check(text, expected) }

    @Test func errorsSayWhere() throws {
        let expression = try JSONataExpression(parsing: "name + 1")
        let error = #expect(throws: JSONataError.self) { try expression.evaluate(shop, in: environment) }
        #expect(error?.position == 6)
        #expect(error?.token == "+")
        #expect(error?.value == "Corner")
        #expect(error?.description == #"T2001: The left side of the "+" operator must evaluate to a number"#)
    }

    @Test func freeVariables() throws {
        let expression = try JSONataExpression(parsing: "($a := $states.input; $a.x ~> $map(function($v) { $v + $b + $$.c }))")
        #expect(expression.freeVariables == ["states", "b"])
        #expect(expression.builtins == ["map"])
        #expect(try JSONataExpression(parsing: "($a := $a + 1; $f := function() { $f($a) })").freeVariables == ["a"])
    }

    @Test func bindingsHideFunctions() throws {
        let expression = try JSONataExpression(parsing: "$sum & $name")
        #expect(try expression.evaluate(nil, bindings: ["sum": "x", "name": "é"], in: environment) == "xé")
    }

    @Test func aFunctionIsNoResult() throws {
        let error = #expect(throws: JSONataError.self) {
            try JSONataExpression(parsing: "function() { 1 }").evaluate(nil, in: environment)
        }
        #expect(error?.isUnsupportedResult == true)
    }

    @Test func numbersComeOutAsJavaScriptWritesThem() throws {
        let expression = try JSONataExpression(parsing: "$")
        let value = try JSONValue(parsing: "[1.0,1e2,-0,12345678901234567890,1.10,[{\"a\":1.50}]]")
        #expect(try expression.evaluate(value, in: environment)?.text == #"[1,100,0,12345678901234567000,1.1,[{"a":1.5}]]"#)
    }
}
