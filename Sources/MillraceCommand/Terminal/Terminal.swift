#if canImport(Glibc)
import Glibc
#endif

/// What a descriptor leads to, as far as the look of text depends on it.
struct Terminal: Sendable {
    let isTerminal: Bool
    let hasColors: Bool
    private let descriptor: Int32

    static let output = Terminal(descriptor: 1)
    static let error = Terminal(descriptor: 2)

    private init(descriptor: Int32) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        hasColors = isTerminal && environmentValue("NO_COLOR") == nil && environmentValue("TERM") != "dumb"
    }

    /// Columns, as they are now; nil where nobody says, and lines may be as long as they are.
    var width: Int? {
        var size = winsize()
        if isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environmentValue("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }
}

/// Colours and weights by meaning.
enum Ink: String {
    case good = "32"
    case bad = "31"
    case active = "36"
    case heading = "1"
    case faint = "2"

    /// For the status of an execution or job.
    init?(status: String) {
        switch status {
        case "SUCCEEDED": self = .good
        case "FAILED", "TIMED_OUT", "TIMEOUT", "ABORTED", "STOPPED", "ERROR": self = .bad
        case "RUNNING", "STARTING": self = .active
        default: return nil
        }
    }

    func on(_ text: String, _ terminal: Terminal = .output) -> String {
        terminal.hasColors ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// Writes to standard error: what is for the person and not for the pipe.
func note(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
}

/// One line on standard error that is redrawn in place; nothing where that is no terminal.
struct StatusLine: Sendable {
    let isShown = Terminal.error.isTerminal

    func show(_ text: String) {
        guard isShown else { return }
        draw(Terminal.error.width.map { Display.cut(text, to: $0 - 1) } ?? text)
    }

    func clear() {
        if isShown { draw("") }
    }

    private func draw(_ text: String) {
        let bytes = Array(("\r\u{1B}[K" + text).utf8)
        _ = write(2, bytes, bytes.count)
    }
}

/// A pipe by which a signal handler, which may do nothing but system calls, wakes a thread. Both ends are -1 when there
/// are no descriptors left, and nothing is ever heard.
func signalPipe() -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return (-1, -1) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
}
