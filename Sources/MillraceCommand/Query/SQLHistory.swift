import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// The statements of earlier sessions: a file with one a line, oldest first, readable by its owner alone.
///
/// Prompts append as they go, so that several at once keep each other's lines. Not being able to keep a history is no
/// reason not to run statements: failures are passed over.
struct SQLHistory {
    private static let linesMax = 1000
    private let path: String?

    init() {
        let state = environmentValue("XDG_STATE_HOME") ?? environmentValue("HOME").map { $0 + "/.local/state" }
        path = state.map { $0 + "/millrace/sql_history" }
    }

    /// The last lines. A file that has grown to more than twice as many is cut.
    func read() -> [String] {
        guard let path, let data = FileManager.default.contents(atPath: path) else { return [] }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        if lines.count > 2 * Self.linesMax {
            let kept = lines.suffix(Self.linesMax).joined(separator: "\n") + "\n"
            let temporary = "\(path).\(getpid())"
            if write(kept, to: temporary, flags: O_CREAT | O_EXCL | O_WRONLY) { rename(temporary, path) }
        }
        return Array(lines.suffix(Self.linesMax))
    }

    func append(_ line: String) {
        guard let path else { return }
        let directory = path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)  // See above.
        _ = write(line + "\n", to: path, flags: O_CREAT | O_APPEND | O_WRONLY)
    }

    private func write(_ text: String, to path: String, flags: Int32) -> Bool {
        let descriptor = open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        return Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    }
}
