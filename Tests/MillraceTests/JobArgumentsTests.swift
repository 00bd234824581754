import Millrace
import Testing

@Suite struct JobArgumentsTests {
    @Test func `names, values and the rest`() throws {
        let arguments = try JobArguments(["first", "--input", "s3://b/in", "--limit=5", "--empty=", "--sign", "--x", "last", "--"])
        #expect(try arguments.required("input") == "s3://b/in")
        #expect(try arguments.integer("limit") == 5)
        #expect(arguments["empty"] == "")
        // As Glue passes them: what follows a name is its value, whatever it looks like.
        #expect(arguments["sign"] == "--x")
        #expect(arguments["none"] == nil)
        #expect(try arguments.integer("none") == nil)
        #expect(arguments.positional == ["first", "last", "--"])
    }

    @Test func `what is wrong is said`() throws {
        let arguments = try JobArguments(["--b", "x", "--a", "1"])
        #expect(throws: JobArgumentError("the argument --input is missing; given: --a, --b")) { try arguments.required("input") }
        #expect(throws: JobArgumentError("the argument --b must be a whole number, not 'x'")) { try arguments.integer("b") }
        #expect(throws: JobArgumentError("the argument --b has no value")) { try JobArguments(["--b"]) }
    }
}
