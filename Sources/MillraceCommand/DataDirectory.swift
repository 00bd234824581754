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
    var objectIndex: String { objects + "/index.sqlite" }
    var payloads: String { path + "/payloads" }
    var work: String { path + "/work" }
    /// Invocations of local Lambda functions.
    var functions: String { path + "/functions" }
    var reportSocket: String { path + "/report.sock" }
    var credentials: String { path + "/credentials" }
    /// Keys besides the root key.
    var userKeys: String { path + "/keys.json" }
    var endpoints: String { path + "/endpoints.json" }
    var lock: String { path + "/lock" }

    struct Endpoints: Sendable {
        var api: String
        /// The same for programs of this machine: never with TLS.
        var local: String
        var console: String
        var process: Int32
        /// Of the program that serves.
        var version: String
        /// The S3 store that jobs use, when it is not the server's own.
        var store: String?
    }

    /// Makes what is missing, for this user alone.
    func create() throws {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += part
            if !made.isEmpty, access(made, F_OK) != 0 { try makeDirectory(made) }
            made += "/"
        }
        for directory in [work, payloads] { try makeDirectory(directory) }
        guard access(path, W_OK | X_OK) == 0 else {
            throw CommandFailure(
                "the data directory \(path) is not writable for this user (uid \(geteuid())). "
                    + "Start as its owner, or choose another with --data.")
        }
    }

    private func makeDirectory(_ path: String) throws {
        guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        let next =
            switch errno {
            case EACCES, EROFS: "Make it for uid \(geteuid()) beforehand, or choose another with --data."
            case ENOTDIR: "A part of that path is a file; choose another with --data."
            default: "Choose another with --data."
            }
        throw CommandFailure("cannot make the directory \(path): \(String(cString: strerror(errno))). \(next)")
    }

    /// Keeps a second server out for as long as this process lives.
    func takeLock() throws {
        let descriptor = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(
                "cannot open \(lock): \(String(cString: strerror(errno))). Does the directory belong to another user?")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            // Endpoints that cannot be read only make the message poorer.
            let who = (try? readEndpoints()).map { " (process \($0.process), \($0.api))" } ?? ""
            throw CommandFailure(
                "another server\(who) uses \(path). Stop it, or give this one its own directory with --data.")
        }
    }

    /// Whether a server holds the directory. False, too, for a directory that is not there.
    func isServed() -> Bool {
        let descriptor = open(lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    func readCredentials() throws -> AWSCredentials? {
        if access(credentials, F_OK) == 0, access(credentials, R_OK) != 0 {
            throw CommandFailure(
                "\(credentials) is not readable for this user (uid \(geteuid())): it holds the server's key. "
                    + "Run this as its owner, or set AWS_ENDPOINT_URL and keys.")
        }
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
        let key = AWSCredentials.random()
        let value: JSONValue = [
            "accessKeyId": .string(key.accessKeyID), "secretAccessKey": .string(key.secretAccessKey),
        ]
        try Self.writeDurably(credentials, value.prettyText + "\n", mode: 0o600)
        return key
    }

    func readEndpoints() throws -> Endpoints? {
        guard let text = try? String(contentsOfFile: endpoints, encoding: .utf8) else { return nil }
        let value = try JSONValue(parsing: text)
        guard let api = value["api"]?.string, let console = value["console"]?.string,
            let process = value["pid"]?.int64.flatMap(Int32.init(exactly:)), kill(process, 0) == 0 || errno == EPERM
        else { return nil }
        return Endpoints(
            api: api, local: value["local"]?.string ?? api, console: console, process: process, version: value["version"]?.string ?? "",
            store: value["store"]?.string)
    }

    /// Where the last server listened without TLS, besides its port with TLS.
    func lastLocalPort() -> Int? {
        guard let text = try? String(contentsOfFile: endpoints, encoding: .utf8), let value = try? JSONValue(parsing: text)
        else { return nil }
        return value["local"]?.string?.split(separator: ":").last.flatMap { Int($0) }
    }

    func writeEndpoints(api: String, local: String?, console: String, store: String?) throws {
        let value: JSONValue = [
            "api": .string(api), "local": local.map(JSONValue.string) ?? .null, "console": .string(console), "pid": .number(JSONNumber(Int(getpid()))),
            "version": .string(Version.text), "store": store.map(JSONValue.string) ?? .null,
        ]
        try Self.writeDurably(endpoints, value.text + "\n", mode: 0o644)
    }

    /// Replaces a file in one step: a reader sees the old text or the new one.
    static func writeDurably(_ path: String, _ text: String, mode: mode_t) throws {
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

extension AWSCredentials {
    /// A new key, of the form that AWS gives to theirs.
    static func random() -> AWSCredentials {
        var random = SystemRandomNumberGenerator()
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        let key = "AKIA" + String((0..<16).map { _ in letters[Int.random(in: 0..<32, using: &random)] })
        return AWSCredentials(
            accessKeyID: key, secretAccessKey: hexText((0..<20).map { _ in UInt8.random(in: 0...255, using: &random) }))
    }
}

/// The path from the root on, without `./` at its beginning and slashes at its end.
func absolutePath(_ path: String) -> String {
    var path = Substring(path)
    while path.hasPrefix("./") { path = path.dropFirst(2).drop { $0 == "/" } }
    while path.utf8.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    if path.hasPrefix("/") { return String(path) }
    let current = FileManager.default.currentDirectoryPath
    return path.isEmpty || path == "." ? current : "\(current)/\(path)"
}
