import AWSProtocol
import HTTPTransport
import ObjectStore
import ObjectStoreS3
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The adapter on a real server: `MILLRACE_TEST_S3=http://host:port KEY SECRET BUCKET CONDITION...`; the bucket exists,
/// and the conditions are those that the server does not honour. `MILLRACE_TEST_CA` names the server's certificate.
@Suite(.enabled(if: getenv("MILLRACE_TEST_S3") != nil, "needs a server, named by MILLRACE_TEST_S3"), .serialized)
struct S3ServerTests {
    private let store: S3ObjectStore
    private let transport: CurlTransport
    private let traits: ObjectStoreBehaviour.Traits
    private let copies: S3ObjectStore

    init() throws {
        let words = String(cString: try #require(getenv("MILLRACE_TEST_S3"))).split(separator: " ").map(String.init)
        let certificate = getenv("MILLRACE_TEST_CA").map { String(cString: $0) }
        transport = CurlTransport(HTTPTransportConfiguration(certificateFile: certificate))
        var configuration = S3Configuration(
            endpoint: HTTPEndpoint(url: words[0]),
            credentials: AWSCredentials(accessKeyID: words[1], secretAccessKey: words[2]), partBytes: 5 << 20)
        store = S3ObjectStore(bucket: words[3], configuration: configuration, transport: transport)
        configuration.copyPartBytes = 5 << 20
        configuration.checksum = .sha256
        copies = S3ObjectStore(bucket: words[3], configuration: configuration, transport: transport)
        var traits = ObjectStoreBehaviour.Traits()
        traits.refused = Set(try words[4...].map { try #require(ObjectStoreBehaviour.Condition(rawValue: $0)) })
        self.traits = traits
    }

    @Test func behaves() async throws {
        try await store.delete(store.listAll(prefix: "").map(\.key))
        try await ObjectStoreBehaviour.check(store, traits)
        try await store.delete(store.listAll(prefix: "").map(\.key))
    }

    /// Alone, for servers that are otherwise too far from S3.
    @Test func honoursConditionsAsSaid() async throws {
        try await store.delete(store.listAll(prefix: "").map(\.key))
        try await ObjectStoreBehaviour.conditions(store, traits)
        try await store.delete(store.listAll(prefix: "").map(\.key))
    }

    @Test func copiesInParts() async throws {
        let bytes = ObjectStoreBehaviour.bytes(12 << 20)
        try await copies.put("parts/source", bytes)
        #expect(try await copies.copy("parts/source", to: "parts/target").size == Int64(bytes.count))
        #expect(try await copies.get("parts/target").bytes == bytes)
        let upload = try await copies.upload("parts/target")
        try await upload.write(bytes)
        _ = try await upload.complete()
        #expect(try await copies.get("parts/target").bytes == bytes)
        try await copies.delete(["parts/source", "parts/target"])
    }

    @Test func presignedURLsWork() async throws {
        let put = try store.presignedURL(.put, "signed/a b+ü", expirySeconds: 60)
        #expect(try await send("PUT", put, .bytes([1, 2, 3])).status == 200)
        let got = try await send("GET", try store.presignedURL(.get, "signed/a b+ü", expirySeconds: 60), .none)
        #expect(got.body == [1, 2, 3])
        try await store.delete("signed/a b+ü")
    }

    private func send(_ method: String, _ url: String, _ body: HTTPRequest.Body) async throws -> HTTPResponse {
        let parts = url.split(separator: "?", maxSplits: 1).map(String.init)
        let endpoint = try #require(HTTPEndpoint(url: parts[0]))
        return try await transport.send(
            HTTPRequest(method: method, endpoint: endpoint, rawPath: "", rawQuery: parts[1], body: body))
    }
}
