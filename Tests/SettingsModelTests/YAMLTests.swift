import JSONModel
import SettingsModel
import Testing

@Suite struct YAMLTests {
    private func json(_ text: String) throws -> String? { try YAMLReader.read(Array(text.utf8))?.json.text }

    @Test(arguments: [
        ("a: 1\nb: [x, 'y', \"z\"]\nc: {d: ~}\n", #"{"a":1,"b":["x","y","z"],"c":{"d":null}}"#),
        ("- true\n- yes\n- on\n- False\n- 'true'\n", #"[true,"yes","on",false,"true"]"#),
        ("a: &x [1, 2]\nb: *x\n", #"{"a":[1,2],"b":[1,2]}"#),
        ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", #"{"a":"one\ntwo\n","b":"one two"}"#),
        ("a:\nb: null\nc: ''\n", #"{"a":null,"b":null,"c":""}"#),
    ])
    func readsTheCoreSchema(text: String, expected: String) throws {
        #expect(try json(text) == expected)
    }

    @Test func readsNumbersAsTheCoreSchemaDoes() throws {
        #expect(try json("[0o17, 0x1F, 012, +5, -7]") == "[15,31,12,5,-7]")
        #expect(try json("[1e3, .5, 2.50]") == "[1000.0,0.5,2.5]")
        #expect(try json("[1:30, 1_000, 1.2.3, '5', 0x, .inf]") == #"["1:30","1_000","1.2.3","5","0x",".inf"]"#)
        #expect(try json("# only a remark\n") == nil)
    }

    @Test(arguments: [
        ("a: 1\na: 2\n", 2, 1, "the key 'a' is there twice"),
        ("a: *b\n", 1, 4, "the anchor 'b' is not known here"),
        ("a: !!int 5\n", 1, 4, "tags are not supported"),
        ("a: 1\n---\nb: 2\n", 3, 1, "a second document begins here"),
        ("? [1]\n: 2\n", 1, 3, "a key must be a plain text"),
        ("a: [1\n", 2, 1, ""),
        ("a:\n\tb: 1\n", 2, 1, ""),
        ("a: b: c\n", 1, 5, "mapping values are not allowed"),
    ])
    func namesThePlaceOfAnError(text: String, line: Int, column: Int, message: String) throws {
        let error = try #require(throws: YAMLError.self) { try YAMLReader.read(Array(text.utf8)) }
        #expect(error.mark == YAMLMark(line: line, column: column))
        #expect(message.isEmpty || error.message.contains(message))
    }

    @Test func refusesBytesThatAreNoText() throws {
        #expect(throws: YAMLError.self) { try YAMLReader.read([0x61, 0x3A, 0x20, 0xFF, 0xFE, 0x0A]) }
    }

    @Test func boundsWhatAliasesMultiply() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        let error = try #require(throws: YAMLError.self) { try YAMLReader.read(Array(text.utf8)) }
        #expect(error.message.contains("more than 10000 values"))
    }

    @Test func boundsDepthAndSize() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: YAMLError.self) { try YAMLReader.read(Array(deep.utf8)) }
        #expect(throws: YAMLError.self) { try YAMLReader.read(Array(repeating: 0x20, count: YAMLReader.bytesMax + 1)) }
    }
}
