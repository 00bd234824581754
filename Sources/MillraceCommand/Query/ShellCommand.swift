/// A line of the prompt that is no SQL.
enum ShellCommand: Equatable {
    case quit, help, timing
    case statement(String)
    case format(ResultFormat)
    case expanded(Bool?)
    case rows(Int)
    case include(String)
    /// What cannot be done, and what could be.
    case unknown(String)

    /// Nil for a line of SQL.
    init?(_ line: String) {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let first = words.first else { return nil }
        let argument = words.dropFirst().joined(separator: " ")
        let bare = argument.last == ";" ? String(argument.dropLast()) : argument
        if words.count == 1 {
            switch first.lowercased() {
            case "quit", "exit", "quit;", "exit;":
                self = .quit
                return
            case "help", "help;", "?":
                self = .help
                return
            default: break
            }
        }
        guard first.hasPrefix("\\") else { return nil }
        self = switch first.dropFirst() {
        case "q", "quit": .quit
        case "?", "h", "help": .help
        case "timing": .timing
        case "d" where bare.isEmpty: .statement("SHOW TABLES")
        case "d": .statement("DESCRIBE TABLE \(bare)")
        case "dt": .statement(bare.isEmpty ? "SHOW TABLES" : "SHOW TABLES IN \(bare)")
        case "dn", "l": .statement("SHOW DATABASES")
        case "f", "format":
            ResultFormat(rawValue: bare).map { .format($0) }
                ?? .unknown("\\f takes \(ResultFormat.allCases.map(\.rawValue).joined(separator: ", ")), found '\(bare)'")
        case "x":
            switch bare {
            case "on", "": .expanded(true)
            case "off": .expanded(false)
            case "auto": .expanded(nil)
            default: .unknown("\\x takes on, off or auto, found '\(bare)'")
            }
        case "rows":
            if let number = Int(bare), number >= 0 { .rows(number) } else { .unknown("\\rows takes a number, found '\(bare)'") }
        case "i": argument.isEmpty ? .unknown("\\i needs a file") : .include(argument)
        default: .unknown("there is no command \(first); \\? lists those there are")
        }
    }
}
