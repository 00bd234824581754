import AWSProtocol
import FoundationEssentials
import JSONModel
import Support

#if canImport(Glibc)
import Glibc
#endif

/// The server's directory: what is where, and the small files that programs on the same machine read.
struct DataDirectory: Sendable {
    let path: String

    var state: String { path + "/state.sqlite" }
    var objects: String { path + "/objects" }
    var payloads: String { path + "/payloads" }
    var work: String { path + "/work" }
    var reportSocket: String { path + "/report.sock" }
    private var credentials: String { path + "/credentials" }
    private var endpoints: String { path + "/endpoints.json" }
    private var lock: String { path + "/lock" }

    struct Endpoints: Sendable {
        var api: String
        var console: String
        var process: Int32
    }

    func create() throws {
        do {
            try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: payloads, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure("cannot make the data directory \(path): \(error)")
        }
    }

    /// Keeps a second server out for as long as this process lives.
    func takeLock() throws {
        let descriptor = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure("cannot open \(lock): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CommandFailure(
                "another server uses \(path). Stop it, or give this one its own directory with --data.")
        }
    }

    func readCredentials() throws -> AWSCredentials? {
        guard let text = try? String(contentsOfFile: credentials, encoding: .utf8) else { return nil }
        let value = try JSONValue(parsing: text)
        guard let key = value["accessKeyId"]?.string, let secret = value["secretAccessKey"]?.string else {
            throw CommandFailure("\(credentials) must be a JSON object with accessKeyId and secretAccessKey.")
        }
        return AWSCredentials(accessKeyID: key, secretAccessKey: secret)
    }

    /// The root key; the first start makes it.
    func rootCredentials() throws -> AWSCredentials {
        if let existing = try readCredentials() { return existing }
        var random = SystemRandomNumberGenerator()
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        let key = "AKIA" + String((0..<16).map { _ in letters[Int.random(in: 0..<32, using: &random)] })
        let secret = hexText((0..<20).map { _ in UInt8.random(in: 0...255, using: &random) })
        let value: JSONValue = ["accessKeyId": .string(key), "secretAccessKey": .string(secret)]
        try writeDurably(credentials, value.prettyText + "\n", mode: 0o600)
        return AWSCredentials(accessKeyID: key, secretAccessKey: secret)
    }

    func readEndpoints() throws -> Endpoints? {
        guard let text = try? String(contentsOfFile: endpoints, encoding: .utf8) else { return nil }
        let value = try JSONValue(parsing: text)
        guard let api = value["api"]?.string, let console = value["console"]?.string,
            let process = value["pid"]?.int64.flatMap(Int32.init(exactly:)), kill(process, 0) == 0 || errno == EPERM
        else { return nil }
        return Endpoints(api: api, console: console, process: process)
    }

    func writeEndpoints(api: String, console: String) throws {
        let value: JSONValue = [
            "api": .string(api), "console": .string(console), "pid": .number(JSONNumber(Int(getpid()))),
        ]
        try writeDurably(endpoints, value.text + "\n", mode: 0o644)
    }

    /// Replaces a file in one step: a reader sees the old text or the new one.
    private func writeDurably(_ path: String, _ text: String, mode: mode_t) throws {
        func failure(_ what: String) -> CommandFailure {
            CommandFailure("cannot \(what) \(path): \(String(cString: strerror(errno)))")
        }
        let temporary = path + ".new"
        let descriptor = open(temporary, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("create") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else { throw failure("write") }
        guard rename(temporary, path) == 0 else { throw failure("replace") }
    }
}
