import AWSProtocol
import FoundationEssentials
import HTTPTransport
import JSONModel
import StatesIntegrations
import Support
import Testing
import WorkflowEngine

/// Calls of services elsewhere. The golden cases are those of docs/integrations.md; errors and results are as the real
/// service recorded them.
@Suite(.timeLimit(.minutes(1)))
struct ForeignIntegrationTests {
    private static let golden: [JSONValue] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/golden.json")
        return (try? JSONValue(parsing: Array(Data(contentsOf: file))))?.array ?? []
    }()
    let fixture: IntegrationFixture

    init() throws { fixture = try IntegrationFixture() }

    @Test func theFixtureIsThere() { #expect(Self.golden.count > 20) }

    @Test(arguments: golden.indices)
    func goldenCase(_ index: Int) async throws {
        let test = Self.golden[index]
        let name = Comment(rawValue: test["name"]?.string ?? "")
        let answer = test["answer"]
        let http = ScriptedHTTP([
            ScriptedHTTP.response(
                Int(answer?["status"]?.int64 ?? 500),
                HTTPFields((answer?["fields"]?.object ?? [:]).map { ($0.key, $0.value.string ?? "") }),
                answer?["body"]?.string ?? "")
        ])
        let call = try call(test["resource"]?.string ?? "", test["parameters"] ?? [:])
        let registry = fixture.registry(try fixture.foreign(http))
        let integration = try #require(registry.integration(for: call.resource), name)
        switch await integration.start(call) {
        case .succeeded(let output): #expect(sorted(output) == sorted(test["output"] ?? "none"), name)
        case .failed(let error, let cause):
            #expect(error == test["error"]?.string, name)
            #expect(cause == test["cause"]?.string, name)
        case .submitted: Issue.record(name)
        }
        guard let sent = test["sent"] else { return }
        let request = try #require(http.requests.first, name)
        #expect(http.requests.count == 1, name)
        #expect(request.fields["authorization"]?.contains("Credential=AKID/20261121/us-east-1/") == true, name)
        if let target = sent["target"] { #expect(request.fields["x-amz-target"] == target.string, name) }
        if let path = sent["path"] { #expect(request.rawPath == path.string, name) }
        if let body = sent["body"] { #expect(try JSONValue(parsing: request.text) == body, name) }
        if let form = sent["form"]?.object {
            let query = RawQuery(request.text)
            #expect(query.items.count == form.count, name)
            for (key, value) in form { #expect(query[key] == value.string, name) }
        }
    }

    private func outcome(
        _ resource: String, _ parameters: JSONValue, _ http: ScriptedHTTP, hasKey: Bool = true
    ) async throws -> IntegrationOutcome {
        let call = try call(resource, parameters)
        let registry = fixture.registry(try fixture.foreign(http, hasKey: hasKey))
        return try await #require(registry.integration(for: call.resource)).start(call)
    }

    @Test func sendsAThrottledCallAgain() async throws {
        let http = ScriptedHTTP([
            ScriptedHTTP.response(400, [:], #"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
            ScriptedHTTP.response(200, [:], #"{"MessageId":"i"}"#),
        ])
        guard case .succeeded = try await outcome("aws-sdk:sqs:sendMessage", ["QueueUrl": "u", "MessageBody": "b"], http) else {
            Issue.record("did not succeed")
            return
        }
        #expect(http.requests.count == 2)
    }

    @Test func doesNotRepeatWhatMayHaveHappened() async throws {
        let lost = ScriptedHTTP.Answer.failure(HTTPClientError(.connectionLost, mayHaveHappened: true, "The connection broke."))
        let http = ScriptedHTTP([lost, ScriptedHTTP.response(200)])
        guard case .failed(let error, let cause) = try await outcome(
            "sqs:sendMessage", ["QueueUrl": "u", "MessageBody": "b"], http)
        else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "SQS.SdkClientException" && cause == "Unable to execute HTTP request: The connection broke.")
        #expect(http.requests.count == 1)
        let reading = ScriptedHTTP([lost, ScriptedHTTP.response(500), ScriptedHTTP.response(200, [:], #"{"Item":{}}"#)])
        guard case .succeeded = try await outcome("dynamodb:getItem", ["TableName": "t", "Key": [:]], reading) else {
            Issue.record("a call that reads was not repeated")
            return
        }
        #expect(reading.requests.count == 3)
    }

    @Test func needsAKey() async throws {
        guard case .failed(let error, let cause) = try await outcome(
            "aws-sdk:sqs:sendMessage", ["QueueUrl": "u", "MessageBody": "b"], ScriptedHTTP([]), hasKey: false)
        else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "Sqs.SdkClientException" && cause?.contains("aws.access-key-id") == true)
    }

    @Test func anAnswerThatIsNoneFails() async throws {
        guard case .failed(let error, _) = try await outcome(
            "aws-sdk:sqs:sendMessage", ["QueueUrl": "u", "MessageBody": "b"],
            ScriptedHTTP([ScriptedHTTP.response(200, [:], "<html>")]))
        else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "Sqs.SdkClientException")
    }

    /// What the engine does after a crash follows from this.
    @Test func saysWhatMayBeRepeated() throws {
        let registry = fixture.registry(try fixture.foreign(ScriptedHTTP([])))
        func isRepeatable(_ resource: String, _ registry: ServiceIntegrations) throws -> Bool {
            let call = try call(resource, [:])
            return try #require(registry.integration(for: call.resource)).isRepeatable(call)
        }
        #expect(try !isRepeatable("sqs:sendMessage", registry))
        #expect(try !isRepeatable("dynamodb:putItem", registry))
        #expect(try isRepeatable("dynamodb:getItem", registry))
        #expect(try isRepeatable("aws-sdk:secretsmanager:describeSecret", registry))
        #expect(try !isRepeatable("lambda:invoke", registry))
        var endpoints = IntegrationFixture.endpoints
        endpoints["sqs"]?.repeatsUnknownOutcome = true
        let patient = fixture.registry(try fixture.foreign(ScriptedHTTP([]), endpoints: endpoints))
        #expect(try isRepeatable("sqs:sendMessage", patient))
    }

    @Test(arguments: [
        ("glue:startJobRun.waitForTaskToken", false), ("dynamodb:getItem.waitForTaskToken", false),
        ("sqs:sendMessage.waitForTaskToken", true), ("sns:publish.waitForTaskToken", true),
        ("lambda:invoke.waitForTaskToken", true), ("events:putEvents.waitForTaskToken", true),
        ("aws-sdk:sqs:sendMessage.waitForTaskToken", true), ("sqs:sendMessage.sync", false),
        ("aws-sdk:sqs:sendMessage.sync", false),
    ])
    func patterns(_ resource: String, _ isSupported: Bool) throws {
        let registry = fixture.registry(try fixture.foreign(ScriptedHTTP([])))
        #expect((registry.integration(for: try call(resource, [:]).resource) != nil) == isSupported)
    }
}

/// Objects with their members in the order of names.
private func sorted(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let object): .object(JSONObject(object.sorted { $0.key < $1.key }.map { ($0.key, sorted($0.value)) }))
    case .array(let elements): .array(elements.map(sorted))
    default: value
    }
}
