import Columnar
import Millrace
import QueryEngine
import SparkSQL
import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The prompt of `millrace sql`.
///
/// Lines are collected until a semicolon ends a statement. Lines that begin with a backslash are commands. Ctrl-C gives
/// up the line or cancels the running statement, Ctrl-D leaves.
final class SQLShell {
    static let help = """
        Statements end with a semicolon and may take several lines.
          \\d [NAME]         tables of the current database, or a table's columns
          \\dt [DATABASE]    tables of a database
          \\dn               databases;  USE name;  changes the current one
          \\f FORMAT         table, csv, json, jsonl or markdown
          \\x [on|off|auto]  a line for each value; auto: where the table is too wide for the terminal
          \\rows N           show at most N rows of a result; 0 for all
          \\timing           show the time that statements take, or not
          \\i FILE           run the statements of a file
          \\? or help        this
          \\q, exit, Ctrl-D  leave
        Ctrl-C gives up a line, or cancels the statement that runs. Arrow keys recall statements, Tab completes
        keywords, tables and files.
        """

    let session: SparkSession
    var printer: ResultPrinter
    var showsTime = true
    var rowsMax = 1000
    private let editor = LineEditor()
    private let history = SQLHistory()
    private let interruptions: Interruptions
    private let errors: StatementErrors

    init(_ session: SparkSession, _ printer: ResultPrinter, _ errors: StatementErrors) {
        self.errors = errors
        self.session = session
        self.printer = printer
        interruptions = Interruptions(session.engine.cancellation)
        CompletionCallbacks.set(SQLCompleter(session: session))
    }

    func run() {
        for line in history.read() { editor.remember(line) }
        note("millrace \(Version.text), Spark SQL. Statements end with ;  \\? for help, \\q to leave.")
        if !editor.isEditing, Terminal.output.isTerminal {
            note("No libedit: lines cannot be recalled. (Debian: apt install libedit2)")
        }
        var buffer = ""
        while true {
            switch editor.read(prompt: buffer.isEmpty ? "sql> " : "  -> ") {
            case .end:
                if Terminal.output.isTerminal { print("") }
                return
            case .interrupted: buffer = ""
            case .text(let line):
                if buffer.isEmpty, let command = ShellCommand(line) {
                    remember(line)
                    guard perform(command) else { return }
                    continue
                }
                if buffer.isEmpty, line.allSatisfy(\.isWhitespace) { continue }
                buffer += buffer.isEmpty ? line : "\n" + line
                guard Self.isComplete(buffer) else { continue }
                remember(buffer)
                run(script: buffer)
                buffer = ""
            }
        }
    }

    /// Whether the last statement has ended: text that follows would begin another one.
    static func isComplete(_ text: String) -> Bool {
        SQLScript.split(text + "\nx").count > SQLScript.split(text).count
    }

    /// Keeps a statement as one line; one with a comment up to the end of a line cannot be, and stays several.
    private func remember(_ text: String) {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        let entries = text.contains("--") ? lines : [lines.joined(separator: " ")]
        for entry in entries where !entry.allSatisfy(\.isWhitespace) {
            editor.remember(entry)
            history.append(entry)
        }
    }

    // MARK: - Statements

    func run(script: String) {
        let progress = QueryProgressLine(session.engine.metrics)
        let clock = SystemWallClock()
        for part in SQLScript.split(script) {
            let begin = clock.now()
            do {
                let outcome = try interruptions.during {
                    try progress.during { try session.engine.execute(part.text, at: part.start) }
                }
                show(outcome, milliseconds: clock.now().milliseconds(since: begin))
            } catch {
                fflush(nil)
                note(
                    interruptions.wereTaken
                        ? "cancelled" : Ink.bad.on("Error: ", .error) + errors.text(error, in: script))
                return
            }
        }
    }

    private func show(_ outcome: StatementOutcome, milliseconds: Int64) {
        let time = showsTime ? duration(milliseconds: milliseconds) : nil
        guard !outcome.schema.fields.isEmpty else {
            let what = outcome.write.map(describe) ?? "done"
            print(Ink.faint.on([what, time].compactMap { $0 }.joined(separator: ", ")))
            return
        }
        let rows = outcome.rows
        let shown = rowsMax > 0 ? Array(rows.prefix(rowsMax)) : rows
        printer.print(outcome.schema, shown)
        guard printer.format == .table else { return }
        var parts = [count(rows.count, "row")]
        if shown.count < rows.count { parts.append("the first \(grouped(Int64(shown.count))) shown (\\rows 0 for all)") }
        if let time { parts.append(time) }
        print(Ink.faint.on("(" + parts.joined(separator: ", ") + ")"))
    }

    // MARK: - Commands

    /// - Returns: false to leave.
    private func perform(_ command: ShellCommand) -> Bool {
        switch command {
        case .quit: return false
        case .help: print(Self.help)
        case .statement(let text): run(script: text)
        case .timing:
            showsTime.toggle()
            note("timing is \(showsTime ? "on" : "off")")
        case .format(let format):
            printer.format = format
            note("format is \(format.rawValue)")
        case .expanded(let expanded):
            printer.expanded = expanded
            note("a line for each value: \(expanded.map { $0 ? "on" : "off" } ?? "auto")")
        case .rows(let number):
            rowsMax = number
            note(number == 0 ? "all rows of a result are shown" : "a result shows at most \(count(number, "row"))")
        case .include(let path):
            do {
                run(script: try readText(path))
            } catch {
                note(Ink.bad.on("Error: ", .error) + "\(error)")
            }
        case .unknown(let why): note(Ink.bad.on("Error: ", .error) + why)
        }
        return true
    }
}

/// What Ctrl-C does: cancels the statement that runs, or ends the line that is being read. The second Ctrl-C for one
/// statement ends the program, should the statement not listen.
private final class Interruptions: Sendable {
    private enum State { case reading, running, cancelled }
    private let state = Mutex(State.reading)
    private let flag: CancellationFlag

    private nonisolated(unsafe) static var handlerDescriptor: Int32 = -1  // Set once, before the handler is.

    init(_ flag: CancellationFlag) {
        self.flag = flag
        let (readEnd, writeEnd) = signalPipe()
        Self.handlerDescriptor = writeEnd
        signal(SIGINT) { _ in
            var byte: UInt8 = 1
            _ = write(Interruptions.handlerDescriptor, &byte, 1)
        }
        startThread(name: "interruptions", stackBytes: 256 << 10) { [self] in
            var byte: UInt8 = 0
            while true {
                let got = Glibc.read(readEnd, &byte, 1)
                if got == 1 { interrupt() } else if got == 0 || errno != EINTR { return }
            }
        }
    }

    private func interrupt() {
        state.withLock { state in
            switch state {
            case .reading: Keyboard.interrupt()
            case .running:
                state = .cancelled
                flag.cancel()
            case .cancelled: _exit(ExitStatus.interrupted.rawValue)
            }
        }
    }

    /// Whether the statement that ran last was cancelled.
    var wereTaken: Bool { flag.isCancelled }

    func during<T>(_ body: () throws -> T) rethrows -> T {
        state.withLock { state in
            state = .running
            flag.reset()
        }
        defer { state.withLock { $0 = .reading } }
        return try body()
    }
}
