import AWSProtocol
import HTTPTransport
import ObjectStore
import ObjectStoreS3
import Support
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Answers requests from a script and keeps them.
private final class ScriptedClient: HTTPClient {
    typealias Answer = Result<HTTPResponse, HTTPClientError>
    private let state: Mutex<(answers: [Answer], requests: [HTTPRequest])>

    init(_ answers: [Answer]) { state = Mutex((answers, [])) }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }

    func send(_ request: HTTPRequest, bodyBytesMax: Int) async throws -> HTTPResponse {
        try state.withLock { state in
            state.requests.append(request)
            guard !state.answers.isEmpty else { throw HTTPClientError(.closed, mayHaveHappened: false, "The script is over.") }
            return try state.answers.removeFirst().get()
        }
    }
}

private func answer(_ status: Int, _ body: String = "", etag: String? = "\"e1\"") -> ScriptedClient.Answer {
    var fields: HTTPFields = ["content-length": String(body.utf8.count)]
    fields["etag"] = etag
    return .success(HTTPResponse(status: status, fields: fields, body: Array(body.utf8)))
}

private func refusal(_ status: Int, _ code: String) -> ScriptedClient.Answer {
    answer(status, "<Error><Code>\(code)</Code><Message>m</Message></Error>", etag: nil)
}

private func lost(_ mayHaveHappened: Bool) -> ScriptedClient.Answer {
    .failure(HTTPClientError(mayHaveHappened ? .connectionLost : .notConnected, mayHaveHappened: mayHaveHappened, "lost"))
}

/// Begins uploads, but never ends a part.
private final class StallingClient: HTTPClient {
    private let methods = Mutex<[String]>([])
    var requests: [String] { methods.withLock { $0 } }

    func send(_ request: HTTPRequest, bodyBytesMax: Int) async throws -> HTTPResponse {
        methods.withLock { $0.append(request.method) }
        if request.method == "PUT" { try await Task.sleep(for: .seconds(3600)) }
        try Task.checkCancellation()
        let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        return HTTPResponse(status: 200, fields: [:], body: Array(begun.utf8))
    }
}

private let quick = RetryPolicy(attemptsMax: 3, connectionPatience: .seconds(300), firstDelay: .milliseconds(1), delayMax: .milliseconds(2))

private func store(
    _ client: any HTTPClient, bucket: String = "lake", endpoint: String? = "http://127.0.0.1:9000/", pathStyle: Bool? = nil,
    probes: Bool = false, retry: RetryPolicy = quick
) -> S3ObjectStore {
    S3ObjectStore(
        bucket: bucket,
        configuration: S3Configuration(
            endpoint: endpoint.flatMap(HTTPEndpoint.init(url:)),
            credentials: AWSCredentials(accessKeyID: "AK", secretAccessKey: "SK"), pathStyle: pathStyle, retry: retry,
            probesConditionalWrites: probes),
        transport: client)
}

@Suite struct S3ObjectStoreTests {
    private let code = ObjectStoreBehaviour.code

    @Test(arguments: [
        ("http://127.0.0.1:9000/", nil, "lake", "http://127.0.0.1:9000", "/lake/a%20b/%2B..//%C3%BC"),
        ("http://s3.example:9000", false, "lake", "http://lake.s3.example:9000", "/a%20b/%2B..//%C3%BC"),
        (nil, nil, "lake", "https://lake.s3.us-east-1.amazonaws.com", "/a%20b/%2B..//%C3%BC"),
        (nil, nil, "with.dot", "https://s3.us-east-1.amazonaws.com", "/with.dot/a%20b/%2B..//%C3%BC"),
        ("http://10.0.0.7:9000", false, "lake", "http://10.0.0.7:9000", "/lake/a%20b/%2B..//%C3%BC"),
        ("http://h/base", nil, "lake", "http://h/base", "/lake/a%20b/%2B..//%C3%BC"),
    ] as [(String?, Bool?, String, String, String)])
    func addresses(_ endpoint: String?, _ pathStyle: Bool?, _ bucket: String, _ server: String, _ path: String) async throws {
        let client = ScriptedClient([answer(200)])
        _ = try await store(client, bucket: bucket, endpoint: endpoint, pathStyle: pathStyle).get("a b/+..//ü")
        let request = try #require(client.requests.first)
        #expect(request.endpoint.description == server)
        #expect(request.rawPath == path)
        #expect(request.fields["host"] == request.endpoint.authority)
        _ = try SigV4.verify(
            method: request.method, rawPath: request.fullPath, rawQuery: request.rawQuery, fields: request.fields,
            now: SystemWallClock().now()) { _ in AWSCredentials(accessKeyID: "AK", secretAccessKey: "SK") }
    }

    @Test func unconditionalRequestsAreRepeated() async throws {
        let client = ScriptedClient([lost(true), lost(false), refusal(503, "SlowDown"), refusal(500, "InternalError"), answer(200)])
        #expect(try await store(client).put("k", [1]).etag == "e1")
        #expect(client.requests.count == 5)
        #expect(await code { _ = try await store(ScriptedClient([refusal(500, "a"), refusal(500, "a"), refusal(500, "a"), answer(200)])).get("k") } == .unavailable)
        let impatient = RetryPolicy(connectionPatience: .zero)
        #expect(await code { _ = try await store(ScriptedClient([lost(false), answer(200)]), retry: impatient).get("k") } == .unavailable)
    }

    @Test func conditionalPutsAreNot() async throws {
        for unknown in [lost(true), refusal(500, "InternalError"), refusal(503, "ServiceUnavailable"), refusal(504, "x")] {
            let client = ScriptedClient([unknown, answer(200)])
            #expect(await code { _ = try await store(client).put("k", [1], condition: .ifAbsent) } == .ambiguous)
            #expect(client.requests.count == 1)
            #expect(client.requests.first?.isRepeatable == false)
            #expect(client.requests.first?.fields["if-none-match"] == "*")
        }
        let client = ScriptedClient([lost(false), refusal(503, "SlowDown"), answer(200)])
        #expect(try await store(client).put("k", [1], condition: .ifMatch("x")).etag == "e1")
        #expect(client.requests.last?.fields["if-match"] == "\"x\"")
    }

    @Test(arguments: [
        (404, "NoSuchKey", .notFound), (404, "NoSuchBucket", .noSuchBucket), (412, "PreconditionFailed", .preconditionFailed),
        (409, "ConditionalRequestConflict", .conflict), (403, "AccessDenied", .accessDenied), (416, "InvalidRange", .invalidRange),
        (400, "KeyTooLongError", .invalidKey), (400, "Strange", .other("Strange")),
    ] as [(Int, String, ObjectStoreError.Code)])
    func refusals(_ status: Int, _ name: String, _ expected: ObjectStoreError.Code) async throws {
        #expect(await code { _ = try await store(ScriptedClient([refusal(status, name)])).get("k") } == expected)
    }

    /// What a person reads: the endpoint, the bucket and what to look at next.
    @Test(arguments: [
        (403, "InvalidAccessKeyId", [:], ["http://minio:9000", "'lake'", "'AK'", "MILLRACE_S3_ACCESS_KEY_ID"]),
        (403, "SignatureDoesNotMatch", [:], ["MILLRACE_S3_SECRET_ACCESS_KEY"]),
        (403, "RequestTimeTooSkewed", ["date": "Wed, 21 Oct 2015 07:28:00 GMT"], ["clocks differ", "s earlier", "NTP"]),
        (403, "AccessDenied", [:], ["policy of key 'AK'"]),
        (403, "ExpiredToken", [:], ["MILLRACE_S3_SESSION_TOKEN"]),
        (404, "NoSuchBucket", [:], ["aws --endpoint-url http://minio:9000 s3 mb s3://lake"]),
        (404, "NoSuchKey", [:], ["'k'", "http://minio:9000"]),
        (301, "PermanentRedirect", ["x-amz-bucket-region": "us-east-1"], ["'us-east-1'", "MILLRACE_S3_REGION=us-east-1"]),
        (400, "AuthorizationHeaderMalformed", [:], ["check MILLRACE_S3_REGION"]),
    ] as [(Int, String, HTTPFields, [String])])
    func explanations(_ status: Int, _ name: String, _ fields: HTTPFields, _ parts: [String]) async throws {
        var said = try refusal(status, name).get()
        for field in fields.entries { said.fields[field.name] = field.value }
        // HEAD's answer has no body; the same question as a GET is asked for the reason.
        var bare = said
        bare.body = []
        for (answers, isHead) in [([said], false), ([bare, said], true)] {
            let message = await explanation(ScriptedClient(answers.map { .success($0) }), isHead)
            for part in parts { #expect(message.contains(part), "'\(part)' is missing in: \(message)") }
        }
    }

    @Test func explanationsWithoutS3() async throws {
        let untrusted = HTTPClientError(.untrusted, mayHaveHappened: false, "GET https://minio:9000: unknown issuer")
        let client = ScriptedClient([.failure(untrusted)])
        #expect(await explanation(client).contains("MILLRACE_S3_CA_FILE"))
        #expect(client.requests.count == 1, "Trying again does not help.")
        var page = try answer(200, "<html>console</html>").get()
        page.fields["content-type"] = "text/html"
        let listing = await code { _ = try await store(ScriptedClient([.success(page)])).listAll(prefix: "") }
        #expect(listing == .other("NotS3"))
        #expect(try await store(ScriptedClient([.success(page)])).get("index.html").bytes == page.body)
        page.status = 405
        #expect(await explanation(ScriptedClient([.success(page)])).contains("console listens on another port"))
        let plain = answer(400, "Client sent an HTTP request to an HTTPS server.\n", etag: nil)
        #expect(await explanation(ScriptedClient([plain])).contains("an HTTP request to an HTTPS server"))
    }

    private func explanation(_ client: ScriptedClient, _ isHead: Bool = false) async -> String {
        let variables = [
            "MILLRACE_S3_ENDPOINT": "http://minio:9000", "MILLRACE_S3_ACCESS_KEY_ID": "AK", "MILLRACE_S3_SECRET_ACCESS_KEY": "SK",
        ]
        do {
            let store = S3ObjectStore(
                bucket: "lake", configuration: try S3Configuration(AWSEnvironment(variables), retry: quick), transport: client)
            _ = isHead ? try await store.head("k") : try await store.get("k").metadata
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    private func deleted(_ failures: [(key: String, code: String)]) -> ScriptedClient.Answer {
        let errors = failures.map { "<Error><Key>\($0.key)</Key><Code>\($0.code)</Code><Message>m</Message></Error>" }.joined()
        return answer(200, "<DeleteResult>\(errors)</DeleteResult>", etag: nil)
    }

    @Test func keysThatWereNotRemovedAreAskedForAgain() async throws {
        let client = ScriptedClient([
            deleted([("b", "InternalError"), ("c", "SlowDown"), ("gone", "NoSuchKey")]), deleted([("c", "SlowDown")]), deleted([]),
        ])
        try await store(client).delete(["a", "b", "c", "gone"])
        let bodies = client.requests.map { request -> [String] in
            guard case .bytes(let bytes) = request.body, let root = try? XMLReader.read(bytes) else { return [] }
            return root.children.compactMap { $0["Key"]?.text }
        }
        #expect(bodies == [["a", "b", "c", "gone"], ["b", "c"], ["c"]])
        let never = ScriptedClient((0..<3).map { _ in deleted([("a", "SlowDown")]) })
        #expect(await code { try await store(never).delete(["a"]) } == .unavailable)
        #expect(never.requests.count == 3)
        // Nothing is repeated for what will stay refused.
        let denied = ScriptedClient([deleted([("a", "SlowDown"), ("b", "AccessDenied")])])
        #expect(await code { try await store(denied).delete(["a", "b"]) } == .accessDenied)
        #expect(denied.requests.count == 1)
    }

    /// Else another key would be removed, and this one left, without a word.
    @Test func keysThatNoDocumentHoldsAreRemovedByThemselves() async throws {
        let client = ScriptedClient([deleted([]), answer(204), answer(204)])
        try await store(client).delete(["a", "b\u{1}", "c\u{FFFF}", "d\t\r"])
        #expect(client.requests.map(\.method) == ["POST", "DELETE", "DELETE"])
        #expect(client.requests[1...].map(\.rawPath) == ["/lake/b%01", "/lake/c%EF%BF%BF"])
    }

    @Test func requestsWithoutAKeyAreSaidToBeSo() async throws {
        for (variables, advice) in [
            (["AWS_ENDPOINT_URL": "http://h"], "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
            (["MILLRACE_S3_ENDPOINT": "http://h"], "set MILLRACE_S3_ACCESS_KEY_ID and MILLRACE_S3_SECRET_ACCESS_KEY."),
        ] {
            let store = S3ObjectStore(
                bucket: "lake", configuration: try S3Configuration(AWSEnvironment(variables), retry: quick),
                transport: ScriptedClient([refusal(403, "AccessDenied")]))
            await #expect { try await store.get("k") } throws: { "\($0)".contains(advice) }
        }
    }

    @Test func matchOfMissingKeyIsAPrecondition() async throws {
        let client = ScriptedClient([refusal(404, "NoSuchKey")])
        #expect(await code { _ = try await store(client).put("k", [], condition: .ifMatch("e")) } == .preconditionFailed)
    }

    @Test func probing() async throws {
        let honest = ScriptedClient([answer(200), refusal(412, "PreconditionFailed"), answer(204), answer(200), answer(200)])
        let good = store(honest, probes: true)
        _ = try await good.put("t/_delta_log/0.json", [1], condition: .ifAbsent)
        _ = try await good.put("t/_delta_log/1.json", [1], condition: .ifAbsent)
        #expect(honest.requests.count == 5)
        #expect(honest.requests[0].rawPath.hasPrefix("/lake/t/_delta_log/.millrace-probe-"))
        let ignoring = ScriptedClient([answer(200), answer(200), answer(204)])
        let bad = store(ignoring, probes: true)
        #expect(await code { _ = try await bad.put("k", [1], condition: .ifAbsent) } == .other("ConditionalWritesUnsupported"))
        #expect(await code { _ = try await bad.put("k", [1], condition: .ifAbsent) } == .other("ConditionalWritesUnsupported"))
        #expect(ignoring.requests.count == 3)
        // Answers that say nothing are asked again.
        let slow = ScriptedClient([answer(200), lost(true), refusal(502, "x"), refusal(412, "PreconditionFailed"), answer(204)])
        #expect(try await store(slow, probes: true).supportsConditionalWrites(near: "k"))
        let refusing = ScriptedClient([answer(200), refusal(501, "NotImplemented"), answer(204)])
        #expect(try await store(refusing, probes: true).supportsConditionalWrites(near: "k") == false)
    }

    @Test func failedPartsAbortTheUpload() async throws {
        let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        let client = ScriptedClient([answer(200, begun), refusal(403, "AccessDenied"), answer(204)])
        let upload = try await store(client).upload("k")
        #expect(
            await code {
                try await upload.write([UInt8](repeating: 0, count: 8 << 20))
                _ = try await upload.complete()
            } == .accessDenied)
        #expect(client.requests.map(\.method) == ["POST", "PUT", "DELETE"])
        #expect(await code { _ = try await upload.complete() } == .other("UploadEnded"))
    }

    /// The parts are removed although the task that would do so is cancelled.
    @Test func cancelledUploadsAreAborted() async throws {
        let client = StallingClient()
        let upload = try await store(client).upload("k")
        let task = Task {
            try await upload.write([UInt8](repeating: 0, count: 8 << 20))
            return try await upload.complete()
        }
        while client.requests.count < 2 { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(client.requests == ["POST", "PUT", "DELETE"])
    }

    @Test func lostCompletionIsFound() async throws {
        let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        var head = try answer(200, etag: "\"abc-1\"").get()
        head.fields["content-length"] = String(8 << 20)
        let client = ScriptedClient([
            answer(200, begun), answer(200), lost(true), refusal(404, "NoSuchUpload"), .success(head),
        ])
        let upload = try await store(client).upload("k")
        try await upload.write([UInt8](repeating: 0, count: 8 << 20))
        #expect(try await upload.complete().etag == "abc-1")
    }

    @Test(arguments: ["", "<x/>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size></Contents></ListBucketResult>"])
    func malformedListings(_ body: String) async throws {
        #expect(await code { _ = try await store(ScriptedClient([answer(200, body)])).listAll(prefix: "") } == .other("MalformedAnswer"))
    }

    @Test func environment() throws {
        let environment = AWSEnvironment([
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9400", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
            "MILLRACE_S3_ENDPOINT": "http://minio:9000", "AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "",
        ])
        #expect(try environment.endpoint(of: "glue")?.description == "http://127.0.0.1:9400")
        let configuration = try S3Configuration(environment)
        #expect(configuration.endpoint?.description == "http://minio:9000")
        #expect(configuration.region == "us-east-1", "A store apart does not follow the other services.")
        #expect(configuration.pathStyle)
        #expect(configuration.credentials == AWSCredentials(accessKeyID: "a", secretAccessKey: "b"))
        #expect(throws: HTTPClientError.self) { try S3Configuration(AWSEnvironment(["AWS_ENDPOINT_URL": "nonsense"])) }
        #expect(throws: HTTPClientError.self) { try S3Configuration(AWSEnvironment(["MILLRACE_S3_PATH_STYLE": "perhaps"])) }
        #expect(try S3Configuration(AWSEnvironment(["MILLRACE_S3_PATH_STYLE": "FALSE"])).pathStyle == false)
    }

    @Test func regionIsFoundOut() async throws {
        var named = try refusal(400, "AuthorizationHeaderMalformed").get()
        named.body = Array("<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message><Region>eu-x</Region></Error>".utf8)
        var moved = try refusal(301, "PermanentRedirect").get()
        moved.fields["x-amz-bucket-region"] = "eu-x"
        for said in [named, moved] {
            let client = ScriptedClient([.success(said), answer(200), answer(200)])
            let store = store(client, endpoint: nil)
            _ = try await store.put("k", [1], condition: .ifAbsent)
            _ = try await store.get("k")
            #expect(client.requests.map(\.endpoint.host).map { $0.split(separator: ".")[2] } == ["us-east-1", "eu-x", "eu-x"])
            #expect(client.requests[2].fields["authorization"]?.contains("/eu-x/s3/") == true)
        }
        // The answer to HEAD has no body; that to the same GET has.
        var bare = named
        bare.body = []
        let client = ScriptedClient([.success(bare), .success(named), answer(200)])
        #expect(try await store(client).head("k").etag == "e1")
        #expect(client.requests.map(\.method) == ["HEAD", "GET", "HEAD"])
        // A store that sends everybody elsewhere is not followed for ever, nor to what is no region.
        var elsewhere = moved
        elsewhere.fields["x-amz-bucket-region"] = "eu-y"
        let lost = ScriptedClient([.success(moved), .success(elsewhere), answer(200)])
        #expect(await code { _ = try await store(lost).get("k") } == .other("PermanentRedirect"))
        elsewhere.fields["x-amz-bucket-region"] = "evil.example/"
        #expect(await code { _ = try await store(ScriptedClient([.success(elsewhere), answer(200)])).get("k") } == .other("PermanentRedirect"))
    }

    private static let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"

    @Test(arguments: ["SlowDown", "InternalError"])
    func errorsWithStatus200(_ name: String) async throws {
        let late = answer(200, "<Error><Code>\(name)</Code><Message>m</Message></Error>", etag: nil)
        let completed = answer(200, "<CompleteMultipartUploadResult><ETag>\"abc-1\"</ETag></CompleteMultipartUploadResult>")
        let client = ScriptedClient([answer(200, Self.begun), answer(200), late, completed])
        let upload = try await store(client).upload("k")
        try await upload.write([UInt8](repeating: 0, count: 8 << 20))
        #expect(try await upload.complete().etag == "abc-1")
        if name == "InternalError" {
            // With a condition it may have been done.
            let conditional = ScriptedClient([answer(200, Self.begun), answer(200), late, answer(204)])
            let other = try await store(conditional).upload("k")
            try await other.write([UInt8](repeating: 0, count: 8 << 20))
            #expect(await code { _ = try await other.complete(condition: .ifAbsent) } == .ambiguous)
        }
        let copied = answer(200, "<CopyObjectResult><ETag>\"c\"</ETag></CopyObjectResult>")
        let copying = ScriptedClient([answer(200), late, late, copied])
        #expect(try await store(copying).copy("a b", to: "c").etag == "c")
        #expect(copying.requests.last?.fields["x-amz-copy-source"] == "/lake/a%20b")
        #expect(copying.requests.last?.fields["x-amz-copy-source-if-match"] == "\"e1\"")
    }

    @Test func largeObjectsAreCopiedInParts() async throws {
        var head = try answer(200).get()
        head.fields["content-length"] = String(12 << 20)
        head.fields["content-type"] = "text/csv"
        head.fields["x-amz-meta-a"] = "b"
        let part = answer(200, "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>")
        let completed = answer(200, "<CompleteMultipartUploadResult><ETag>\"abc-3\"</ETag></CompleteMultipartUploadResult>")
        let client = ScriptedClient([.success(head), answer(200, Self.begun), part, part, part, completed])
        #expect(try await partStore(client).copy("a", to: "b").size == 12 << 20)
        #expect(client.requests[1].fields["content-type"] == "text/csv")
        #expect(client.requests[1].fields["x-amz-meta-a"] == "b")
        let ranges = Set(client.requests[2...4].compactMap { $0.fields["x-amz-copy-source-range"] })
        #expect(ranges == ["bytes=0-5242879", "bytes=5242880-10485759", "bytes=10485760-12582911"])
        let failing = ScriptedClient([.success(head), answer(200, Self.begun), refusal(403, "AccessDenied"), part, part, answer(204)])
        #expect(await code { try await partStore(failing).copy("a", to: "b") } == .accessDenied)
        #expect(failing.requests.last?.method == "DELETE")
    }

    private func partStore(_ client: ScriptedClient) -> S3ObjectStore {
        S3ObjectStore(
            bucket: "lake",
            configuration: S3Configuration(
                endpoint: HTTPEndpoint(url: "http://h"), credentials: nil, retry: quick, partsInFlightMax: 1, copyPartBytes: 5 << 20,
                probesConditionalWrites: false),
            transport: client)
    }

    @Test func budgetEndsRepetition() async throws {
        let policy = RetryPolicy(attemptsMax: 1000, firstDelay: .zero, delayMax: .zero)
        let client = ScriptedClient((0..<300).map { _ in refusal(503, "SlowDown") })
        #expect(await code { _ = try await store(client, retry: policy).get("k") } == .unavailable)
        #expect(client.requests.count == 101)
    }

    @Test func deadlineEndsRepetition() async throws {
        let client = ScriptedClient([lost(false), lost(false), answer(200)])
        var configuration = S3Configuration(endpoint: HTTPEndpoint(url: "http://h"), credentials: nil)
        configuration.retry = RetryPolicy(firstDelay: .seconds(1000), delayMax: .seconds(1000))
        configuration.deadline = .seconds(400)
        let store = S3ObjectStore(bucket: "lake", configuration: configuration, transport: client)
        #expect(await code { _ = try await store.get("k") } == .unavailable)
        #expect(client.requests.count == 1)
        #expect((1...400_000).contains(client.requests[0].timeouts.totalMilliseconds ?? 0))
    }

    /// The forms of If-Match: AWS's, RGW's, which wants no quotes, and none.
    @Test func probingOfMatches() async throws {
        let refused = refusal(412, "PreconditionFailed")
        let quoted = ScriptedClient([answer(200), answer(200), refused, answer(204), answer(200)])
        _ = try await store(quoted, probes: true).put("k", [1], condition: .ifMatch("e"))
        #expect(quoted.requests.last?.fields["if-match"] == "\"e\"")
        let bare = ScriptedClient([answer(200), refused, answer(200), refused, answer(204), answer(200)])
        _ = try await store(bare, probes: true).put("k", [1], condition: .ifMatch("e"))
        #expect(bare.requests.last?.fields["if-match"] == "e")
        for answers in [[answer(200), answer(200), answer(200), answer(204)], [answer(200), refused, refused, answer(204)]] {
            let client = ScriptedClient(answers)
            let code = await code { _ = try await store(client, probes: true).put("k", [1], condition: .ifMatch("e")) }
            #expect(code == .other("ConditionalWritesUnsupported"))
        }
        // Unknown outcomes of the trial are not those of the put, and are not kept.
        let unclear = ScriptedClient([answer(200), lost(true), answer(204), answer(200), answer(200), refused, answer(204), answer(200)])
        let asking = store(unclear, probes: true)
        #expect(await code { _ = try await asking.put("k", [1], condition: .ifMatch("e")) } == .unavailable)
        _ = try await asking.put("k", [1], condition: .ifMatch("e"))
    }

    @Test(arguments: [ChecksumAlgorithm.crc32c, .crc64nvme, .sha256])
    func checksumsAreSent(_ algorithm: ChecksumAlgorithm) async throws {
        var configuration = S3Configuration(endpoint: HTTPEndpoint(url: "http://h"), credentials: nil)
        configuration.checksum = algorithm
        let completed = answer(200, "<CompleteMultipartUploadResult><ETag>\"abc-2\"</ETag></CompleteMultipartUploadResult>")
        var begun = try answer(200, Self.begun).get()
        if algorithm != .sha256 { begun.fields["x-amz-checksum-type"] = "FULL_OBJECT" }
        let client = ScriptedClient([answer(200), .success(begun), answer(200), answer(200), completed])
        let store = S3ObjectStore(bucket: "lake", configuration: configuration, transport: client)
        let bytes = ObjectStoreBehaviour.bytes(9 << 20)
        _ = try await store.put("k", bytes)
        let whole = Base64.encode(algorithm.checksum(of: bytes))
        #expect(client.requests[0].fields[algorithm.fieldName] == whole)
        let upload = try await store.upload("k")
        try await upload.write(bytes)
        _ = try await upload.complete()
        #expect(client.requests[1].fields["x-amz-checksum-algorithm"] == algorithm.rawValue)
        let parts = [Array(bytes[..<(8 << 20)]), Array(bytes[(8 << 20)...])].map { Base64.encode(algorithm.checksum(of: $0)) }
        #expect(Set(client.requests[2...3].compactMap { $0.fields[algorithm.fieldName] }) == Set(parts))
        guard case .bytes(let body) = client.requests[4].body else { throw CancellationError() }
        let document = String(decoding: body, as: UTF8.self)
        for part in parts { #expect(document.contains("<Checksum\(algorithm.rawValue)>\(part)</Checksum\(algorithm.rawValue)>")) }
        #expect(client.requests[4].fields[algorithm.fieldName] == (algorithm == .sha256 ? nil : whole))
    }

    @Test func presignedURLs() throws {
        let store = store(ScriptedClient([]))
        let url = try store.presignedURL(.put, "a b", expirySeconds: 60)
        #expect(url.hasPrefix("http://127.0.0.1:9000/lake/a%20b?"))
        let query = String(url.drop { $0 != "?" }.dropFirst())
        let key = try SigV4.verify(
            method: "PUT", rawPath: "/lake/a%20b", rawQuery: query, fields: ["host": "127.0.0.1:9000"], now: SystemWallClock().now()
        ) { _ in AWSCredentials(accessKeyID: "AK", secretAccessKey: "SK") }
        #expect(key.isPresigned)
        for seconds in [0, -1, 604_801] {
            #expect(throws: ObjectStoreError.self) { try store.presignedURL(.get, "k", expirySeconds: seconds) }
        }
    }
}
