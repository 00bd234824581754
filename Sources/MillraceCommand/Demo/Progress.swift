import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A bar on a terminal; elsewhere a line at each quarter.
final class ProgressLine: Sendable {
    private let total: Int
    private let what: String
    private let terminal = isatty(2) == 1
    private let done = Mutex(0)

    init(total: Int, what: String) {
        self.total = max(1, total)
        self.what = what
    }

    func advance() {
        let count = done.withLock { $0 += 1; return $0 }
        if terminal {
            let width = 30 * min(count, total) / total
            draw("  [" + String(repeating: "#", count: width) + String(repeating: ".", count: 30 - width) + "] \(count)/\(total) \(what)")
        } else if count * 4 / total != (count - 1) * 4 / total {
            note("  \(count)/\(total) \(what)")
        }
    }

    func end() {
        if terminal { draw("") }
    }

    private func draw(_ text: String) {
        let bytes = Array(("\r\u{1B}[K" + text).utf8)
        _ = write(2, bytes, bytes.count)
    }
}
