import HTTPTransport

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// `Fixtures/server.py` in a process of its own, which ends with the value.
final class FixtureServer: Sendable {
    let endpoint: HTTPEndpoint
    private let process: pid_t
    private let input: Int32

    /// Nil when there is no Python to run it.
    static let shared: FixtureServer? = FixtureServer()

    private init?() {
        let file = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/") ?? #filePath.endIndex))
            + "/Fixtures/server.py"
        var toServer: [Int32] = [0, 0]
        var fromServer: [Int32] = [0, 0]
        guard pipe(&toServer) == 0, pipe(&fromServer) == 0 else { return nil }
        for end in toServer + fromServer { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, toServer[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromServer[1], 1)
        var process = pid_t()
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("python3"), strdup(file), nil]
        let status = posix_spawnp(&process, "python3", &actions, nil, arguments, environ)
        for argument in arguments { free(argument) }
        posix_spawn_file_actions_destroy(&actions)
        close(toServer[0])
        close(fromServer[1])
        input = toServer[1]
        guard status == 0 else { return nil }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(fromServer[0], &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        close(fromServer[0])
        guard let port = Int(String(decoding: line, as: UTF8.self)) else { return nil }
        self.process = process
        endpoint = HTTPEndpoint(scheme: "http", host: "127.0.0.1", port: port)
    }
}
