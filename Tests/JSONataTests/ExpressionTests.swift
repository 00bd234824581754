import JSONModel
import JSONata
import Support
import Testing

@Suite struct ExpressionTests {
    static let environment = JSONataEnvironment(now: Timestamp(millisecondsSince1970: 1_700_000_000_123), seed: 7)

    @Test func syntaxErrorsSayWhere() {
        #expect(throws: JSONataError.self) { try JSONataExpression(parsing: "1 +") }
    }
}
