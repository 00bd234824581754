import JSONModel
import Testing

@Suite struct JSONValueTests {
    @Test func numbersKnowTheirExactValue() {
        func int64(_ text: String) -> Int64? { JSONNumber(text: text)?.int64 }
        #expect(int64("42") == 42)
        #expect(int64("-0") == 0)
        #expect(int64("1.0") == 1)
        #expect(int64("-1.50e1") == -15)
        #expect(int64("1e3") == 1000)
        #expect(int64("100e-2") == 1)
        #expect(int64("0e999999999999999999999") == 0)
        #expect(int64("0.0") == 0)
        #expect(int64("1.5") == nil)
        #expect(int64("1e99999999999999999999") == nil)
        #expect(int64("9223372036854775807") == .max)
        #expect(int64("-9223372036854775808.0") == .min)
        #expect(int64("9223372036854775808") == nil)
        #expect(int64("9223372036854775808.0") == nil)
        #expect(JSONNumber(text: "01") == nil)
        #expect(JSONNumber(text: "1 ") == nil)
        #expect(JSONNumber(text: "") == nil)
    }

    @Test func numbersCompareByValueWhenAsked() throws {
        let one = try #require(JSONNumber(text: "1")), alsoOne = try #require(JSONNumber(text: "1.00"))
        #expect(one != alsoOne)
        #expect(one.isNumericallyEqual(to: alsoOne))
        #expect(one.compare(JSONNumber(2)) == -1)
        #expect(!JSONNumber(9_007_199_254_740_993).isNumericallyEqual(to: JSONNumber(9_007_199_254_740_992)))
        #expect(JSONNumber(0.1).text == "0.1")
        #expect(JSONNumber(3.0).text == "3.0")
    }

    @Test func literalsBuildValues() {
        let value: JSONValue = ["a": [1, 2.5, nil, true, "x"], "b": [:]]
        #expect(value.text == #"{"a":[1,2.5,null,true,"x"],"b":{}}"#)
        #expect(value["a"]?[4]?.string == "x")
        #expect(value["a"]?[5] == nil)
        #expect(value[0] == nil)
    }

    @Test func largeObjectsTellNamesApartByBytes() throws {
        // One letter written in two ways, and every name twice.
        let names = (0..<500).flatMap { ["\u{E9}\($0)", "e\u{301}\($0)"] }
        let members = (names + names).enumerated().map { "\"\($1)\":\($0)" }
        let object = try #require(try JSONValue(parsing: "{\(members.joined(separator: ","))}").object)
        #expect(object.count == 1000)
        for (position, name) in names.enumerated() { #expect(object[name] == .number(position + 1000)) }
        var rest = object
        for name in names.dropLast(3) { rest[name] = nil }
        #expect(rest.keys.map { Array($0.utf8) } == names.suffix(3).map { Array($0.utf8) })
    }

    @Test func textsWithSpecialBytesAtAnyPlaceAreRead() throws {
        for special in ["\\n", "\\\"", "\u{E9}", "\u{1F600}", "\u{7F}"] {
            for before in 0..<20 {
                for after in [0, 1, 7, 8, 9] {
                    let text = String(repeating: "x", count: before) + special + String(repeating: "y", count: after)
                    let value = try JSONValue(parsing: "[\"\(text)\"]")
                    #expect(value.text == "[\"\(text)\"]")
                }
            }
        }
        for before in 0..<20 {
            #expect(throws: JSONSyntaxError.self) {
                try JSONValue(parsing: "[\"" + String(repeating: "x", count: before) + "\u{1F}yyyyyyyyyyyy\"]")
            }
        }
    }

    @Test func membersKeepTheirOrderInLargeObjects() {
        var object = JSONObject()
        for number in 0..<1000 { object["k\(number)"] = .number(number) }
        #expect(object.count == 1000)
        #expect(object["k999"]?.int64 == 999)
        object["k500"] = nil
        #expect(object["k500"] == nil)
        #expect(object["k501"]?.int64 == 501)
        #expect(object.keys.prefix(2) == ["k0", "k1"])
        #expect(object.keys.last == "k999")
        var copy = object
        copy["k0"] = nil
        copy["k0"] = 0
        #expect(copy == object, "the order of members does not count")
        #expect(copy.hashValue == object.hashValue)
        #expect(copy.text != object.text)
    }

    @Test func updateWorksInPlaceAndRestoresOnError() {
        struct Failure: Error {}
        var object: JSONObject = ["a": 1]
        object.update("a") { $0 = 2 }
        object.update("b") { $0 = 3 }
        object.update("c") { _ in }
        #expect(object.text == #"{"a":2,"b":3}"#)
        #expect(throws: Failure.self) { try object.update("a") { _ throws(Failure) in throw Failure() } }
        object.update("b") { $0 = nil }
        #expect(object.text == #"{"a":2}"#)
    }

    @Test func textsCompareByBytes() {
        let composed: JSONValue = "\u{E9}", decomposed: JSONValue = "e\u{301}"
        #expect(composed != decomposed)
        var object: JSONObject = ["\u{E9}": 1]
        object["e\u{301}"] = 2
        #expect(object.count == 2)
    }

    @Test func prettyTextIndents() {
        let value: JSONValue = ["a": [1, [:]], "b": []]
        #expect(value.prettyText == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}")
    }
}
