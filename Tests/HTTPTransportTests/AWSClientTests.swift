import AWSProtocol
import HTTPTransport
import JSONModel
import Support
import Synchronization
import Testing

private final class ScriptedClient: HTTPClient {
    private let state: Mutex<(answers: [Result<HTTPResponse, HTTPClientError>], requests: [HTTPRequest])>

    init(_ answers: [Result<HTTPResponse, HTTPClientError>]) { state = Mutex((answers, [])) }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }

    func send(_ request: HTTPRequest, bodyBytesMax: Int) async throws -> HTTPResponse {
        try state.withLock { state in
            state.requests.append(request)
            return try state.answers.removeFirst().get()
        }
    }
}

private func answer(_ status: Int, _ body: String) -> Result<HTTPResponse, HTTPClientError> {
    .success(HTTPResponse(status: status, fields: [:], body: Array(body.utf8)))
}

private func lost(_ mayHaveHappened: Bool) -> Result<HTTPResponse, HTTPClientError> {
    .failure(HTTPClientError(.connectionLost, mayHaveHappened: mayHaveHappened, "lost"))
}

@Suite struct AWSClientTests {
    private let credentials = AWSCredentials(accessKeyID: "AK", secretAccessKey: "SK")

    private func client(_ script: ScriptedClient, endpoint: String? = "http://127.0.0.1:9400") -> AWSClient {
        AWSClient(
            endpoint: endpoint.flatMap(HTTPEndpoint.init(url:)), region: "eu-west-1", credentials: credentials,
            transport: script, retry: RetryPolicy(attemptsMax: 3, firstDelay: .milliseconds(1)))
    }

    private func verify(_ request: HTTPRequest, service: String) throws {
        let body: [UInt8] = if case .bytes(let bytes) = request.body { bytes } else { [] }
        let verified = try SigV4.verify(
            method: request.method, rawPath: request.fullPath, rawQuery: request.rawQuery, fields: request.fields,
            bodyHash: SigV4.hash(body), now: SystemWallClock().now()) { _ in credentials }
        #expect(verified.service == service)
        #expect(verified.region == "eu-west-1")
    }

    @Test func jsonServices() async throws {
        let script = ScriptedClient([answer(200, #"{"Table":{"Name":"t"}}"#)])
        let output = try await client(script).call(service: "glue", operation: "GetTable", input: ["Name": "t"])
        #expect(output["Table"]?["Name"]?.string == "t")
        let request = try #require(script.requests.first)
        #expect(request.fields["x-amz-target"] == "AWSGlue.GetTable")
        #expect(request.fields["content-type"] == "application/x-amz-json-1.1")
        try verify(request, service: "glue")
        let aws = ScriptedClient([answer(200, "{}")])
        _ = try await client(aws, endpoint: nil).call(service: "states", operation: "ListStateMachines", input: [:])
        #expect(aws.requests.first?.endpoint.description == "https://states.eu-west-1.amazonaws.com")
    }

    @Test func batchRoutes() async throws {
        let script = ScriptedClient([answer(200, "{}"), answer(200, "{}"), answer(200, "{}"), answer(200, "{}")])
        let batch = client(script)
        _ = try await batch.call(service: "batch", operation: "SubmitJob", input: ["jobName": "j"])
        _ = try await batch.call(service: "batch", operation: "ListTagsForResource", input: ["resourceArn": "arn:aws:x/y"])
        _ = try await batch.call(service: "batch", operation: "TagResource", input: ["resourceArn": "a", "tags": ["k": "v"]])
        _ = try await batch.call(service: "batch", operation: "UntagResource", input: ["resourceArn": "a", "tagKeys": ["x y", "z"]])
        #expect(script.requests.map(\.rawPath) == ["/v1/submitjob", "/v1/tags/arn%3Aaws%3Ax%2Fy", "/v1/tags/a", "/v1/tags/a"])
        #expect(script.requests.map(\.method) == ["POST", "GET", "POST", "DELETE"])
        #expect(script.requests[3].rawQuery == "tagKeys=x%20y&tagKeys=z")
        for request in script.requests { try verify(request, service: "batch") }
        await #expect(throws: AWSError.self) { try await batch.call(service: "batch", operation: "../x", input: [:]) }
        await #expect(throws: AWSError.self) { try await batch.call(service: "ec2", operation: "X", input: [:]) }
    }

    @Test func errorsAndRetries() async throws {
        let refused = ScriptedClient([answer(400, #"{"__type":"EntityNotFoundException","Message":"no"}"#)])
        let error = await #expect(throws: AWSError.self) {
            try await client(refused).call(service: "glue", operation: "GetTable", input: [:])
        }
        #expect(error?.code == "EntityNotFoundException")
        #expect(error?.message == "no")

        let reading = ScriptedClient([lost(true), answer(500, "{}"), answer(400, #"{"__type":"ThrottlingException"}"#), answer(200, "{}")])
        _ = try await client(reading).call(service: "glue", operation: "GetTables", input: [:])
        #expect(reading.requests.count == 4)

        let writing = ScriptedClient([lost(false), answer(503, "{}"), lost(true), answer(200, "{}")])
        await #expect(throws: HTTPClientError.self) {
            try await client(writing).call(service: "glue", operation: "CreateTable", input: [:])
        }
        #expect(writing.requests.count == 3)
        let repeatable = ScriptedClient([lost(true), answer(200, "{}")])
        _ = try await client(repeatable).call(service: "glue", operation: "UpdateTable", input: [:], isRepeatable: true)
    }
}
