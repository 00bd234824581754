import JSONModel
import Testing

@Suite struct JSONParserTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "3.3", "3", "1e400", "-12.50E+3", "\"\"", "\"é😀\"", "[]", "{}", "[1,[2,[3]]]",
        #"{"b":1,"a":[{"c":null}],"":""}"#, #""\"\\\b\f\n\r\t\u0001""#,
        "12345678901234567890123456789012345678901234567890.000",
    ])
    func writesBackWhatItRead(text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test func keepsFourHundredDigits() throws {
        let digits = String(repeating: "1234567890", count: 40)
        let value = try JSONValue(parsing: "[\(digits)]")
        #expect(value.text == "[\(digits)]")
        #expect(value[0]?.int64 == nil)
    }

    @Test func lastOfDuplicateMembersWinsAtTheFirstPlace() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#).text == #"{"a":3,"b":2}"#)
    }

    @Test func readsEscapes() throws {
        #expect(try JSONValue(parsing: #""\u0041\/\uD83D\ude00\u00e9""#).string == "A/😀é")
        #expect(try JSONValue(parsing: #""\ud800x\udc00\ud800\ud83d\ude00""#).string == "\u{FFFD}x\u{FFFD}\u{FFFD}😀")
    }

    @Test func refusesInvalidUTF8() {
        for bytes: [UInt8] in [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80], [0xE2, 0x82]] {
            #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22] + bytes + [0x22]) }
            #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0x5C, 0x6E] + bytes + [0x22]) }
            #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: bytes) }
        }
    }

    @Test func limitsDepth() throws {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(try JSONValue(parsing: nested(512)).text == nested(512))
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: nested(513)) }
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
    }

    @Test(arguments: [
        ("not a thing", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", 1, 4),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1, 3),
        ("{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 1, 7),
        ("[1\n 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 2, 3),
        ("{\"a\":1,}", "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 1, 9),
        ("[1,]", "Unexpected character (']' (code 93)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", 1, 5),
        ("", "No content to map due to end-of-input", 1, 1),
        ("[01]", "Invalid numeric value: Leading zeroes not allowed", 1, 3),
        ("\"a\u{1}\"", "Illegal unquoted character ((CTRL-CHAR, code 1)): has to be escaped using backslash to be included in string value", 1, 4),
        ("\"\\x\"", "Unrecognized character escape 'x' (code 120)", 1, 4),
        ("[truth]", "Unrecognized token 'truth': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", 1, 7),
    ])
    func explainsSyntaxErrors(text: String, message: String, line: Int, column: Int) {
        #expect {
            try JSONValue(parsing: text)
        } throws: { error in
            let error = error as? JSONSyntaxError
            #expect(error?.message == message)
            return error?.line == line && error?.column == column
        }
    }

    @Test(arguments: [
        "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "1 2", "tru", "nul", "\"", "\"\\", "\"\\u12", "\"\\u12G4\"", "[", "{", "{\"a\"",
        "{\"a\":", "{\"a\":1", "[1", "[1}", "{\"a\":1]", "{1:2}", "{null:1}", "]", ",", "[,1]", "NaN", "Infinity", "-Infinity", "1a",
        "\u{FEFF}1", "[1]]", "'a'", "/**/1", " ",
    ])
    func refuses(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    }
}
