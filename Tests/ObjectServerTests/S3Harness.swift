import AWSProtocol
import FoundationEssentials
import NIOCore
import ObjectServer
import S3Service
import ServiceKit
import StateStore
import Support
import Testing

/// A service on a fresh directory, driven without sockets.
final class S3Harness: Sendable {
    let directory: String
    let server: ObjectServer
    let service: S3Service
    let index: SQLiteStateStore

    static let key = AWSCredentials(accessKeyID: "AKIDTEST", secretAccessKey: "secret")

    init(directory: String? = nil, ownership: String = "BucketOwnerEnforced") async throws {
        self.directory = directory ?? "/tmp/millrace-s3-\(randomUUIDText())"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        index = try SQLiteStateStore(path: "\(self.directory)/index.sqlite", migrations: StateStoreSchema.objects)
        server = try ObjectServer(directory: self.directory, index: index, threads: 4)
        try await server.start()
        service = S3Service(server: server, defaultOwnership: ownership) { id, _ in
            id == Self.key.accessKeyID ? (Self.key, .all) : nil
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    struct Answer {
        var status: Int
        var fields: HTTPFields
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var etag: String { fields["etag"] ?? "" }
        var xml: XMLElement { (try? XMLReader.read(body)) ?? XMLElement(name: "") }
        var code: String { xml.name == "Error" ? xml["Code"]?.text ?? "" : "" }

        /// The texts of all elements of that name, in document order.
        func all(_ name: String) -> [String] {
            func walk(_ element: XMLElement) -> [String] {
                (element.name == name ? [element.text] : []) + element.children.flatMap(walk)
            }
            return walk(xml)
        }
    }

    func send(
        _ method: String, _ path: String, query: String? = nil, _ fields: HTTPFields = [:], body: [UInt8] = [],
        payload: SigV4.PayloadDeclaration = .unsigned, pieces: Int = 70_000, region: String = "us-east-1",
        as permissions: Permissions = .all, from address: String? = nil
    ) async throws -> Answer {
        var fields = fields
        if fields["host"] == nil { fields["host"] = "127.0.0.1:9400" }
        if fields["content-length"] == nil, method == "PUT" || method == "POST" {
            fields["content-length"] = String(body.count)
        }
        let source = Pieces(body, pieces)
        return try await send(
            method, path, query: query, fields, RequestBody { source.next() }, payload, region, permissions, from: address)
    }

    func send(
        _ method: String, _ path: String, query: String?, _ fields: HTTPFields, _ body: RequestBody,
        _ payload: SigV4.PayloadDeclaration, _ region: String = "us-east-1", _ permissions: Permissions = .all,
        from address: String? = nil
    ) async throws -> Answer {
        var context = CallContext(
            account: "123456789012", region: region, accessKeyID: permissions == .anonymous ? nil : "AKIDTEST",
            requestID: "r", receivedAt: SystemWallClock().now())
        context.permissions = permissions
        context.clientAddress = address
        let call = HTTPCall(
            method: method, rawPath: path, rawQuery: query, fields: fields, body: body, payload: payload,
            context: context)
        let answer = await service.respond(to: call)
        var bytes: [UInt8] = []
        switch answer.body {
        case .empty: break
        case .bytes(let buffer): bytes = Array(buffer.readableBytesView)
        case .stream(let length, let produce):
            try await produce { bytes.append(contentsOf: $0.readableBytesView) }
            #expect(bytes.count == length)
        }
        return Answer(status: answer.status, fields: answer.fields, body: bytes)
    }

    func files() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: directory).filter {
            ($0.hasPrefix("data/") && $0.utf8.count > 8) || ($0.hasPrefix("staging/"))
        }
    }
}

private final class Pieces: @unchecked Sendable {
    // Unchecked: one task asks for one piece after the other.
    private let bytes: [UInt8]
    private let size: Int
    private var position = 0

    init(_ bytes: [UInt8], _ size: Int) {
        self.bytes = bytes
        self.size = size
    }

    func next() -> ByteBuffer? {
        guard position < bytes.count else { return nil }
        let end = min(bytes.count, position + size)
        defer { position = end }
        return ByteBuffer(bytes: bytes[position..<end])
    }
}

/// A harness with the bucket `bkt`.
func withBucket(ownership: String = "BucketOwnerEnforced", _ body: (S3Harness) async throws -> Void) async throws {
    let harness = try await S3Harness(ownership: ownership)
    defer { harness.remove() }
    #expect(try await harness.send("PUT", "/bkt").status == 200)
    try await body(harness)
}

/// Bytes that do not repeat soon.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    return (0..<(count + 7) / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }.prefix(count) + []
}
