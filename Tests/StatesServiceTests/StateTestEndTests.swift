import AWSProtocol
import JSONModel
import ServiceKit
import StatesService
import Support
import Testing

/// What ends the test of a state before the state does.
@Suite(.timeLimit(.minutes(1)))
struct StateTestEndTests {
    private let fixture: StatesFixture
    private let input: JSONObject = ["definition": #"{"Type":"Wait","Seconds":3000,"End":true}"#]

    init() throws { fixture = try StatesFixture() }

    private func context(_ client: ClientPresence? = nil) -> CallContext {
        var context = CallContext(
            account: "123456789012", region: "us-east-1", requestID: "r", receivedAt: SystemWallClock().now())
        context.client = client
        return context
    }

    @Test func aTestHasALongestTime() async throws {
        let service = StatesService(engine: fixture.engine, models: { nil }, testSecondsMax: 0)
        let answer = try await service.call("TestState", input, context())
        #expect(answer == ["status": "FAILED", "error": "States.Timeout"])
    }

    @Test func aClientThatHangsUpEndsItsTest() async throws {
        let client = ClientPresence { whenGone in whenGone() }
        let error = await #expect(throws: AWSError.self) {
            try await fixture.service.call("TestState", input, context(client))
        }
        #expect(error?.code == "RequestTimeout")
    }

    @Test func aClientThatWaitsGetsItsAnswer() async throws {
        let client = ClientPresence { _ in }
        let answer = try await fixture.service.call(
            "TestState", ["definition": #"{"Type":"Pass","Result":1,"End":true}"#], context(client))
        #expect(answer == ["status": "SUCCEEDED", "output": "1"])
    }

    @Test(arguments: ["aws:x", "AWS:x"]) func reservedTagsAreRefused(key: String) async throws {
        let text = "ValidationException: aws: prefixed tag key names are not allowed for external use."
        let tags: JSONValue = [["key": .string(key), "value": "v"]]
        #expect(try await fixture.refusal("CreateActivity", ["name": "a", "tags": tags]) == text)
        #expect(try await fixture.code("CreateActivity", ["name": "a", "tags": [["key": "xaws:", "value": "v"]]]) == nil)
        #expect(
            try await fixture.refusal(
                "TagResource", ["resourceArn": "arn:aws:states:us-east-1:123456789012:activity:a", "tags": tags]) == text)
    }
}
