import AWSProtocol
import HTTPTransport
import ObjectStore
import ObjectStoreS3
import Synchronization
import Testing

/// Answers GETs of a ten-byte object from a script and keeps their fields.
private final class ScriptedServer: HTTPClient {
    struct Answer {
        var status = 200
        var body = ""
        var range: String?
        var etag = "\"e1\""
        var length: String?
        var checksum: (name: String, value: String)?
        var failure: HTTPClientError?
    }

    private let state: Mutex<(answers: [Answer], requests: [HTTPFields])>
    init(_ answers: Answer...) { state = Mutex((answers, [])) }

    var requests: [HTTPFields] { state.withLock { $0.requests } }
    var ranges: [String?] { requests.map { $0["range"] } }

    func open(_ request: HTTPRequest) async throws -> HTTPStreamingResponse {
        let answer = state.withLock { state in
            state.requests.append(request.fields)
            return state.answers.isEmpty ? Answer(failure: lost) : state.answers.removeFirst()
        }
        if answer.status == 0 { throw answer.failure ?? lost }
        var fields: HTTPFields = ["etag": answer.etag]
        fields["content-range"] = answer.range
        if let checksum = answer.checksum { fields["x-amz-checksum-\(checksum.name)"] = checksum.value }
        fields["content-length"] = answer.length ?? (answer.range == nil ? "10" : nil)
        return HTTPStreamingResponse(
            status: answer.status, fields: fields, body: HTTPBodyStream(Array(answer.body.utf8), failure: answer.failure))
    }

    func send(_ request: HTTPRequest, bodyBytesMax: Int) async throws -> HTTPResponse {
        try await open(request).whole(bytesMax: bodyBytesMax)
    }
}

private let lost = HTTPClientError(.connectionLost, mayHaveHappened: true, "lost")

@Suite struct S3DownloadTests {
    private func read(
        _ server: ScriptedServer, _ range: Range<Int64>? = nil, patience: Duration = .seconds(300)
    ) async throws -> String {
        let retry = RetryPolicy(
            attemptsMax: 3, connectionPatience: patience, firstDelay: .milliseconds(1), delayMax: .milliseconds(2))
        let store = S3ObjectStore(
            bucket: "lake",
            configuration: S3Configuration(
                endpoint: HTTPEndpoint(url: "http://127.0.0.1:9000"), credentials: nil, retry: retry),
            transport: server)
        let download = try await store.download("k", range: range, ifMatch: nil)
        #expect(download.metadata.size == 10)
        #expect(download.metadata.etag == "e1")
        return String(decoding: try await ObjectStoreBehaviour.readAll(download), as: UTF8.self)
    }

    private func code(_ server: ScriptedServer, patience: Duration = .seconds(300)) async -> ObjectStoreError.Code? {
        await ObjectStoreBehaviour.code { _ = try await read(server, patience: patience) }
    }

    @Test func cutConnectionIsMetByAskingForTheRest() async throws {
        let server = ScriptedServer(
            .init(body: "0123", failure: lost), .init(status: 0), .init(status: 206, body: "45", range: "bytes 4-9/10", failure: lost),
            .init(status: 503), .init(status: 206, body: "6789", range: "bytes 6-9/10"))
        #expect(try await read(server) == "0123456789")
        #expect(server.ranges == [nil, "bytes=4-9", "bytes=4-9", "bytes=6-9", "bytes=6-9"])
        #expect(server.requests.dropFirst().allSatisfy { $0["if-match"] == "\"e1\"" })
    }

    @Test func bodyThatEndsEarlyIsNoEnd() async throws {
        let server = ScriptedServer(.init(body: "0123"), .init(status: 206, body: "456789", range: "bytes 4-9/10"))
        #expect(try await read(server) == "0123456789")
        #expect(await code(ScriptedServer(.init(body: "0123")), patience: .zero) == .unavailable)
        #expect(await code(ScriptedServer(.init(body: "", failure: lost), .init(body: "")), patience: .milliseconds(5)) == .unavailable)
    }

    @Test func checksumsAreCompared() async throws {
        let right = ("crc32c", Base64.encode(ChecksumAlgorithm.crc32c.checksum(of: Array("0123456789".utf8))))
        let cut = ScriptedServer(.init(body: "0123", checksum: right, failure: lost), .init(status: 206, body: "456789", range: "bytes 4-9/10"))
        #expect(try await read(cut) == "0123456789")
        #expect(cut.requests.first?["x-amz-checksum-mode"] == "ENABLED")
        let changed = ScriptedServer(.init(body: "0123X56789", checksum: right))
        #expect(await code(changed) == .other("ChecksumMismatch"))
        // Of something else than these bytes: a range, parts, and what cannot be a checksum.
        #expect(try await read(ScriptedServer(.init(status: 206, body: "23", range: "bytes 2-3/10", checksum: right)), 2..<4) == "23")
        for other in [("crc32c", "AAAAAA==-2"), ("crc32c", "AAAA"), ("sha256", "?")] {
            #expect(try await read(ScriptedServer(.init(body: "0123456789", checksum: other))) == "0123456789")
        }
        let store = S3ObjectStore(
            bucket: "lake", configuration: S3Configuration(endpoint: HTTPEndpoint(url: "http://h"), credentials: nil),
            transport: ScriptedServer(.init(body: "0123X56789", checksum: right)))
        #expect(await ObjectStoreBehaviour.code { _ = try await store.get("k") } == .other("ChecksumMismatch"))
    }

    @Test func rangeOfACutConnection() async throws {
        let server = ScriptedServer(
            .init(status: 206, body: "23", range: "bytes 2-5/10", failure: lost), .init(status: 206, body: "45", range: "bytes 4-5/10"))
        #expect(try await read(server, 2..<6) == "2345")
        #expect(server.ranges == ["bytes=2-5", "bytes=4-5"])
    }

    @Test func replacedMeanwhile() async throws {
        #expect(await code(ScriptedServer(.init(body: "01", failure: lost), .init(status: 412))) == .preconditionFailed)
        #expect(await code(ScriptedServer(.init(body: "01", failure: lost), .init(status: 404))) == .notFound)
        let ignoring = ScriptedServer(
            .init(body: "01", failure: lost), .init(status: 206, body: "xxxxxxxx", range: "bytes 2-9/10", etag: "\"e2\""))
        #expect(await code(ignoring) == .preconditionFailed)
    }

    @Test func serversWithoutRanges() async throws {
        #expect(try await read(ScriptedServer(.init(body: "0123456789")), 2..<6) == "2345")
        #expect(try await read(ScriptedServer(.init(body: "0123456789")), 8..<60) == "89")
        #expect(try await read(ScriptedServer(.init(body: "012", failure: lost), .init(body: "0123456789"))) == "0123456789")
    }

    @Test func answersThatMakeNoSense() async throws {
        for range in ["bytes 4-9/*", "4", "bytes 12-15/10", "lines 0-9/10", "bytes 0-9/-10"] {
            #expect(await code(ScriptedServer(.init(status: 206, range: range))) == .other("MalformedAnswer"), "\(range)")
        }
        #expect(await code(ScriptedServer(.init(length: "-1"))) == .other("MissingLength"))
        let skipping = ScriptedServer(.init(body: "01", failure: lost), .init(status: 206, body: "6789", range: "bytes 6-9/10"))
        #expect(await code(skipping) == .other("ShortRead"))
        let more = ScriptedServer(.init(body: "0123456789and more"))
        #expect(try await read(more) == "0123456789")
    }
}
