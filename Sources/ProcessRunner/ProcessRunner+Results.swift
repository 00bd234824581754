import FoundationEssentials
import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

extension ProcessRunner {
    /// What an ended attempt wrote as its result; nothing for one whose specification wants none.
    package func result(in directory: AttemptDirectory) async throws(ProcessRunnerError) -> [UInt8] {
        try await threads.run { () throws(ProcessRunnerError) in try readFile(directory.resultPath) ?? [] }
    }

    /// Removes attempts that have ended with all their files.
    package func remove(_ directories: [AttemptDirectory]) async {
        await threads.run {
            for directory in directories {
                try? FileManager.default.removeItem(atPath: directory.path)  // What stays is no harm but its size.
            }
        }
    }

    /// The attempts in a directory that were made before a time.
    package func attempts(in path: String, before secondsSince1970: Int) async -> [AttemptDirectory] {
        await threads.run {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []  // Missing: there are none.
            return names.compactMap { name in
                var status = stat()
                guard stat("\(path)/\(name)", &status) == 0, status.st_mtim.tv_sec < secondsSince1970 else { return nil }
                return AttemptDirectory(path: "\(path)/\(name)")
            }
        }
    }

    /// Whether a file may be executed.
    package static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }
}
