// The S3 client's side of objects.py: one piece of work each run, so that whole processes can be compared with curl's.
//
//     objects-benchmark URL KEY SECRET BUCKET put FILE NAME | get NAME FILE | puts COUNT CLIENTS | gets COUNT CLIENTS
//                                             urls GET|PUT COUNT | url GET|PUT NAME | bucket x
//
// `get` reads one stream and compares it with the checksum that the store has. `puts` and `gets` are of objects of 4 KiB,
// each beginning with its number; `gets` compares what it gets. `urls` prints presigned ones for the same objects.
import AWSProtocol
import Glibc
import HTTPTransport
import ObjectStore
import ObjectStoreS3

struct Failure: Error { let message: String }

enum Small {
    static let end = (0..<4088).map { UInt8(truncatingIfNeeded: $0 &* 37) }
}

func smallObject(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt64(number).littleEndian) { Array($0) } + Small.end }

func smallName(_ number: Int) -> String { "small/\(number)" }

func upload(_ file: String, to store: S3ObjectStore, as name: String) async throws {
    let descriptor = open(file, O_RDONLY)
    guard descriptor >= 0 else { throw Failure(message: "\(file) cannot be read") }
    defer { close(descriptor) }
    let upload = try await store.upload(name)
    while true {
        let piece = [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
        if piece.isEmpty { break }
        try await upload.write(piece)
    }
    _ = try await upload.complete()
}

func download(_ name: String, from store: S3ObjectStore, to file: String) async throws {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw Failure(message: "\(file) cannot be written") }
    defer { close(descriptor) }
    let download = try await store.download(name)
    while let piece = try await download.read() {
        guard piece.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == piece.count else {
            throw Failure(message: "\(file) cannot be written")
        }
    }
}

/// Does `work` with each number, `clients` at a time.
func each(_ count: Int, _ clients: Int, _ work: @escaping @Sendable (Int) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<clients {
            group.addTask { for number in stride(from: client, to: count, by: clients) { try await work(number) } }
        }
        try await group.waitForAll()
    }
}

func run(_ words: [String]) async throws {
    guard words.count >= 6, let endpoint = HTTPEndpoint(url: words[0]) else { throw Failure(message: "see the comment at the top") }
    let configuration = S3Configuration(
        endpoint: endpoint, credentials: AWSCredentials(accessKeyID: words[1], secretAccessKey: words[2]))
    let store = S3ObjectStore(bucket: words[3], configuration: configuration, transport: CurlTransport())
    let count = Int(words[5]) ?? 0
    let last = words[words.count - 1]
    switch words[4] {
    case "bucket": try await store.createBucket()
    case "put": try await upload(words[5], to: store, as: last)
    case "get": try await download(words[5], from: store, to: last)
    case "puts":
        try await each(count, Int(last) ?? 1) { _ = try await store.put(smallName($0), smallObject($0)) }
    case "gets":
        try await each(count, Int(last) ?? 1) { number in
            guard try await store.get(smallName(number)).bytes == smallObject(number) else {
                throw Failure(message: "\(smallName(number)) has other bytes")
            }
        }
    case "url", "urls":
        let names = words[4] == "url" ? [last] : (0..<(Int(last) ?? 0)).map(smallName)
        let method: S3ObjectStore.PresignedMethod = words[5] == "PUT" ? .put : .get
        for name in names { print(try store.presignedURL(method, name, expirySeconds: 3600)) }
    default: throw Failure(message: "'\(words[4])' is not known")
    }
}

do {
    try await run(Array(CommandLine.arguments.dropFirst()))
} catch {
    let text = Array("\(error)\n".utf8)
    _ = write(STDERR_FILENO, text, text.count)
    exit(1)
}
