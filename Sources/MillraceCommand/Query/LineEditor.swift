import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Reads lines from a terminal, with libedit where it is installed: it is loaded when it is needed, so that no other
/// verb pays for it. Without it the terminal's own editing does.
///
/// - Source: `editline/readline.h`. Characters reach libedit through `rl_getc_function`, so that Ctrl-C, which arrives
///   in a pipe, ends the reading of a line rather than the program.
final class LineEditor {
    enum Line {
        case text(String)
        /// Ctrl-C: the line is given up.
        case interrupted
        /// Ctrl-D or the end of the input.
        case end
    }

    private typealias Initialize = @convention(c) () -> Int32
    private typealias ReadLine = @convention(c) (UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>?
    private typealias AddHistory = @convention(c) (UnsafePointer<CChar>?) -> Int32
    private typealias ResizeTerminal = @convention(c) () -> Void
    private typealias GetCharacter = @convention(c) (UnsafeMutableRawPointer?) -> Int32

    private struct Library {
        let readLine: ReadLine
        let addHistory: AddHistory
        let resizeTerminal: ResizeTerminal
    }

    private static let names = ["libedit.so.2", "libedit.so.0", "libedit.so"]

    private let library: Library?

    /// Whether lines can be edited and recalled.
    var isEditing: Bool { library != nil }

    init() {
        // Characters above ASCII are letters only in a locale that says so.
        setlocale(LC_CTYPE, "")
        library = Self.load()
    }

    private static func load() -> Library? {
        guard isatty(1) == 1, let handle = names.lazy.compactMap({ dlopen($0, RTLD_NOW) }).first,
            let readLine = function("readline", in: handle, as: ReadLine.self),
            let addHistory = function("add_history", in: handle, as: AddHistory.self),
            let resizeTerminal = function("rl_resize_terminal", in: handle, as: ResizeTerminal.self),
            let initialize = function("rl_initialize", in: handle, as: Initialize.self),
            let getCharacter = dlsym(handle, "rl_getc_function")
        else { return nil }
        getCharacter.assumingMemoryBound(to: GetCharacter?.self).pointee = { _ in Keyboard.nextCharacter() }
        if let attempt = dlsym(handle, "rl_attempted_completion_function") {
            CompletionCallbacks.set(function("rl_completion_matches", in: handle, as: CompletionCallbacks.Matches.self))
            attempt.assumingMemoryBound(to: CompletionCallbacks.Attempt?.self).pointee = CompletionCallbacks.attempt
        }
        guard initialize() == 0 else { return nil }
        return Library(readLine: readLine, addHistory: addHistory, resizeTerminal: resizeTerminal)
    }

    private static func function<F>(_ name: String, in handle: UnsafeMutableRawPointer, as type: F.Type) -> F? {
        guard let address = dlsym(handle, name) else { return nil }
        // SAFETY: POSIX says that a function's address and a pointer to it look alike; F is the header's type.
        return withUnsafeBytes(of: address) { $0.load(as: F.self) }
    }

    /// Waits for a line. The prompt is not shown where standard output is no terminal.
    func read(prompt: String) -> Line {
        Keyboard.begin()
        guard let library else { return readPlain(prompt) }
        library.resizeTerminal()  // The window may have changed since the last line.
        guard let line = library.readLine(prompt) else {
            guard Keyboard.wasInterrupted else { return .end }
            print("^C")
            return .interrupted
        }
        defer { free(line) }
        return .text(String(cString: line))
    }

    private func readPlain(_ prompt: String) -> Line {
        if isatty(1) == 1 {
            print(prompt, terminator: "")
            fflush(nil)
        }
        var text = String.UnicodeScalarView()
        while true {
            let character = Keyboard.nextCharacter()
            if Keyboard.wasInterrupted { return .interrupted }
            if character < 0 { return text.isEmpty ? .end : .text(String(text)) }
            if character == 10 { return .text(String(text)) }
            if let scalar = Unicode.Scalar(UInt32(character)) { text.append(scalar) }
        }
    }

    /// Makes a line the latest that the arrow keys recall.
    func remember(_ line: String) { _ = library?.addHistory(line) }
}

/// Characters from standard input, until Ctrl-C.
enum Keyboard {
    private static let interrupted = Atomic<Bool>(false)
    /// Read end and write end of the pipe that wakes a reader.
    private static let wake = signalPipe()

    static var wasInterrupted: Bool { interrupted.load(ordering: .acquiring) }

    static func begin() {
        var waiting = pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0)
        var byte: UInt8 = 0
        while poll(&waiting, 1, 0) > 0, Glibc.read(wake.read, &byte, 1) > 0 {}
        interrupted.store(false, ordering: .releasing)
    }

    /// Ends the line that is being read. Safe from any thread.
    static func interrupt() {
        var byte: UInt8 = 1
        _ = write(wake.write, &byte, 1)
    }

    /// A Unicode scalar's number; -1 at the end of the input and after an interruption.
    static func nextCharacter() -> Int32 {
        guard let first = nextByte() else { return -1 }
        let following = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0
        var bytes = [first]
        for _ in 0..<following {
            guard let byte = nextByte() else { return -1 }
            bytes.append(byte)
        }
        return Int32(String(decoding: bytes, as: UTF8.self).unicodeScalars.first?.value ?? 0xFFFD)
    }

    private static func nextByte() -> UInt8? {
        var byte: UInt8 = 0
        while true {
            var descriptors = [
                pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&descriptors, 2, -1) >= 0 || errno == EINTR else { return nil }
            if descriptors[1].revents != 0 {
                interrupted.store(true, ordering: .releasing)
                return nil
            }
            guard descriptors[0].revents != 0 else { continue }
            let got = Glibc.read(0, &byte, 1)
            if got == 1 { return byte }
            if got == 0 || errno != EINTR { return nil }
        }
    }
}
