import JSONModel
import StatesRuntime
import Testing

@Suite struct IntrinsicTests {
    private func evaluate(_ expression: String, _ input: JSONValue = [:]) throws -> ExecutionOutcome? {
        let definition: JSONValue = [
            "StartAt": "A",
            "States": ["A": ["Type": "Pass", "Parameters": ["v.$": .string(expression)], "OutputPath": "$.v", "End": true]],
        ]
        let driver = try MachineDriver(definition.text, input: input.text)
        try driver.apply(.started)
        return driver.outcome
    }

    @Test(arguments: [
        (#"States.Format('a {} b {}', $.o, 3.50)"#, #""a {k=v, l=[1, null]} b 3.50""#),
        (#"States.Format('\{\} it\'s \\ {}', 'x')"#, #""{} it's \\ x""#),
        ("States.StringToJson($.json)", #"{"a":[1,0]}"#), ("States.StringToJson(' ')", "null"),
        ("States.JsonToString($.o)", #""{\"k\":\"v\",\"l\":[1,null]}""#),
        ("States.Array('a', 1, null, true, $.o.k)", #"["a",1,null,true,"v"]"#), ("States.Array()", "[]"),
        ("States.ArrayPartition($.n, 2)", "[[1,2],[3]]"), ("States.ArrayPartition($.n, 2147483647)", "[[1,2,3]]"),
        ("States.ArrayContains($.n, 2)", "true"),
        ("States.ArrayRange(1, 9, 4)", "[1,5,9]"), ("States.ArrayRange(5, 1, -2)", "[5,3,1]"),
        ("States.ArrayGetItem($.n, 2)", "3"), ("States.ArrayLength($.n)", "3"),
        ("States.ArrayUnique(States.Array(1, '1', 1, 1.0))", #"[1,"1",1.0]"#),
        ("States.Base64Encode('häuser')", #""aMOkdXNlcg==""#), ("States.Base64Decode('aMOkdXNlcg==')", #""häuser""#),
        ("States.Base64Encode('')", #""""#), ("States.Hash('abc', 'MD5')", #""900150983cd24fb0d6963f7d28e17f72""#),
        ("States.Hash('abc', 'SHA-1')", #""a9993e364706816aba3e25717850c26c9cd0d89d""#),
        (#"States.JsonMerge($.o, States.StringToJson('\{"k":1,"z":2\}'), false)"#, #"{"k":1,"l":[1,null],"z":2}"#),
        ("States.MathAdd(1.5, -1.5)", "1"), ("States.MathAdd(-2147483648, -2147483648)", "-4294967296"),
        ("States.StringSplit('a-b,,c', ',-')", #"["a","b","c"]"#),
        ("States.ArrayGetItem(States.StringSplit($.path, '/'), 1)", #""y""#),
        ("States.MathRandom(4, 5)", "4"),
    ])
    func evaluates(expression: String, expected: String) throws {
        let input: JSONValue = [
            "o": ["k": "v", "l": [1, nil]], "n": [1, 2, 3], "json": " {\"a\": [1,-0]} ", "path": "x/y",
        ]
        #expect(try evaluate(expression, input) == .succeeded(output: try Payload(parsing: expected)))
    }

    @Test(arguments: [
        "States.Format('{}')", "States.Format('', 1)", "States.ArrayPartition($.n, 0)", "States.ArrayRange(0, 5000, 1)",
        "States.ArrayRange(1, 2, 0)", "States.ArrayGetItem($.n, 9)", "States.ArrayGetItem($.n, -1)", "States.MathAdd(2147483648, 0)",
        "States.MathAdd('1', 0)", "States.Hash('a', 'CRC')", "States.Base64Decode('a')", "States.StringToJson('{')",
        "States.ArrayLength('a')", "States.MathRandom(2, 1)", "States.UUID(1)", "States.MathAdd(1e400, 0)",
    ])
    func failsAsData(expression: String) throws {
        guard case .failed(let error, let cause) = try evaluate(expression, ["n": [1]]) else {
            Issue.record("\(expression) did not fail")
            return
        }
        #expect(error == "States.IntrinsicFailure")
        #expect(cause?.hasPrefix("An error occurred while executing the state 'A' (entered at the event id #2). ") == true)
    }

    @Test(arguments: [
        "States.Nothing()", "States.Format('a\\\"b')", "States.Format('a'", "States.Format(\"a\")", "States.Array(a)", "States.Array(1,)",
        "x", "$.", String(repeating: "States.Array(", count: 11) + String(repeating: ")", count: 11),
    ])
    func invalidCallsAreRefusedInDefinitions(expression: String) {
        #expect(throws: (any Error).self) { try evaluate(expression) }
    }
}
