import AWSProtocol
import FoundationEssentials
import HTTPTransport
import JSONModel
import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A server that this program started, on free ports and a directory of its own.
final class ServerProcess: Sendable {
    let directory: DataDirectory
    private let process: pid_t
    private let ended = Mutex(false)
    /// The verb that runs now; 0 for none.
    private let verb = Mutex<pid_t>(0)

    init(directory path: String) throws {
        directory = DataDirectory(path: path + "/data")
        try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
        process = try Self.spawn(
            ["serve", "--data", directory.path, "--port", "0", "--console-port", "0"], output: path + "/server.log")
    }

    var console: String { (try? directory.readEndpoints()?.console) ?? "" }  // Absent only before the server is up.

    /// Waits until the server answers.
    func connect() async throws -> Connection {
        for _ in 0..<1500 {
            if let endpoints = try directory.readEndpoints(), let credentials = try directory.readCredentials() {
                return try Connection(endpoint: endpoints.local, region: "us-east-1", credentials: credentials)
            }
            if waitpid(process, nil, WNOHANG) != 0 {
                ended.withLock { $0 = true }
                let log = String(directory.path.dropLast("/data".count)) + "/server.log"
                throw CommandFailure("the server did not start:\n" + ((try? readText(log)) ?? ""))  // The log may be missing, too.
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw CommandFailure("the server did not answer within 30 seconds")
    }

    /// Runs a verb of this program against the server, with this program's output.
    func runVerb(_ arguments: [String]) throws {
        fflush(nil)  // What was printed before comes before what the child prints.
        let child = try verb.withLock { verb throws -> pid_t in
            verb = try Self.spawn(arguments + ["--data", directory.path], output: nil)
            return verb
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        verb.withLock { $0 = 0 }
        guard status == 0 else { throw CommandFailure("millrace \(arguments[0]) failed") }
    }

    /// Ends the verb that runs and the server. Safe from any thread, any number of times.
    func terminate() {
        verb.withLock { if $0 != 0 { kill($0, SIGTERM) } }
        guard ended.withLock({ was in defer { was = true }; return !was }) else { return }
        kill(process, SIGTERM)
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
    }

    private static func spawn(_ arguments: [String], output: String?) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let output {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, output, O_CREAT | O_WRONLY | O_APPEND, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        if output != nil {
            // Ctrl-C reaches this program only, which then ends the server in order.
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        }
        let words = [programPath()] + arguments
        var pointers = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child = pid_t()
        let status = posix_spawn(&child, words[0], &actions, &attributes, &pointers, environ)
        guard status == 0 else { throw CommandFailure("cannot start \(words[0]): \(String(cString: strerror(status)))") }
        return child
    }
}
