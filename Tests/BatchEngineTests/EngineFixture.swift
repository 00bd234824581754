import BatchEngine
import BatchScheduling
import JSONModel
import ProcessRunner
import StateStore
import Support
import TestSupport

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

let testScope = BatchScope(account: "123456789012", region: "us-east-1")

/// An engine on a database and a work directory of its own, which a second engine can take over.
final class EngineFixture: Sendable {
    let directory: TemporaryDirectory
    /// Where attempts report to.
    var reportSocket: String { workDirectory + "/report.sock" }
    private var workDirectory: String { directory.path + "/work" }
    let store: SQLiteStateStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
    }

    func engine(cpus: Int = 4) async throws -> BatchEngine {
        var configuration = BatchEngineConfiguration(
            workDirectory: workDirectory, executablePath: "/bin/echo", endpointURL: "http://127.0.0.1:1",
            machine: ResourceDemand(milliCPUs: cpus * 1000, memoryMiB: 16384))
        configuration.graceMilliseconds = 300
        let engine = BatchEngine(
            store: store, runner: ProcessRunner(shimPath: shimPath()), configuration: configuration,
            credentials: FixedCredentials(), artifacts: FileArtifacts())
        try await engine.start()
        return engine
    }

    func submission(_ script: String, name: String = "job", queue: String = JobQueueNames.glue) -> JobSubmission {
        JobSubmission(
            account: testScope.account, region: testScope.region, name: name, queue: queue, definition: "def:1",
            image: "/bin/sh", command: ["-c", script], demand: ResourceDemand(milliCPUs: 1000, memoryMiB: 512))
    }
}

struct FixedCredentials: JobCredentialIssuer {
    func credentials(
        forJob id: String, attempt: Int, account: String, region: String, lifetimeSeconds: Int
    ) async throws -> JobCredentials {
        JobCredentials(accessKeyID: "AKIA\(attempt)", secretAccessKey: "secret", sessionToken: "token")
    }
}

/// `s3://bucket/key` is a script that prints the key; the bucket `nowhere` does not exist.
struct FileArtifacts: ArtifactFetcher {
    func fetch(_ uri: String, account: String, region: String, to path: String) async throws {
        guard !uri.hasPrefix("s3://nowhere/") else { throw TestSupportError(message: "NoSuchBucket") }
        guard let file = fopen(path, "w") else { throw TestSupportError(message: "fopen") }
        fputs("#!/bin/sh\necho fetched \(uri) \"$@\"\n", file)
        fclose(file)
    }
}

/// The shim stands beside the test program.
func shimPath() -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let executable = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return executable[..<(executable.lastIndex(of: "/") ?? executable.endIndex)] + "/millrace-shim"
}

/// Sends one datagram, as a job does with its report.
func sendDatagram(_ text: String, to path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == bytes.count
        }
    }
}
