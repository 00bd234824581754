#if canImport(Glibc)
import Glibc
#endif

/// The programs and limits that the server and its jobs need.
struct MachineChecks {
    let directory: DataDirectory

    private static let openFilesMin: UInt64 = 4096
    private static let processesMin: UInt64 = 512

    func findings() -> [Finding] { [shim()] + limits() }

    /// The shim is there and the machine can run it: without an argument it says how it is used.
    private func shim() -> Finding {
        let path: String
        do {
            path = try findShim()
        } catch {
            return .fail("jobs", "\(error)", fix: "install millrace-shim beside millrace")
        }
        guard let status = exitStatus(of: path), status == 64 else {
            return .fail(
                "jobs", "\(path) cannot be run on this machine", fix: "run it to see why: \(path); then install it again")
        }
        return .ok("jobs", "\(path) runs")
    }

    private func exitStatus(of path: String) -> Int32? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
        defer { free(arguments[0]) }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var process: pid_t = 0
        guard posix_spawn(&process, path, &actions, nil, &arguments, &environment) == 0 else { return nil }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            if errno != EINTR { return nil }
        }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
    }

    /// Those of the server when one runs, else those that it would get from this shell.
    private func limits() -> [Finding] {
        let server = directory.isServed() ? (try? directory.readEndpoints())?.process : nil
        let whose = server.map { "the server's (process \($0))" } ?? "this shell's"
        // Another user's process keeps its limits to itself.
        guard let text = procText("/proc/\(server.map(String.init) ?? "self")/limits") else { return [] }
        var found: [Finding] = []
        for (name, word, least, fix) in [
            ("Max open files", "open files", Self.openFilesMin, "ulimit -n 65536, or LimitNOFILE=65536 in the unit"),
            ("Max processes", "processes", Self.processesMin, "ulimit -u 4096, or TasksMax=4096 in the unit"),
        ] {
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
                let soft = line.dropFirst(name.utf8.count).split(separator: " ").first
            else { continue }
            let limit = soft == "unlimited" ? UInt64.max : UInt64(soft) ?? 0
            found.append(
                limit < least
                    ? .warn("limits", "\(whose) limit of \(word) is \(soft), \(least) is the least to be at ease", fix: fix)
                    : .ok("limits", "\(whose) limit of \(word) is \(soft)"))
        }
        return found
    }
}
