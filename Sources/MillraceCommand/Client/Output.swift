import ArgumentParser
import JSONModel
import Support

#if canImport(Glibc)
import Glibc
#endif

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for scripts.")
    var json = false
}

/// Writes to standard error: what is for the person and not for the pipe.
func note(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
}

/// Columns wide enough for their widest cell, two blanks between them.
func table(_ header: [String], _ rows: [[String]]) -> String {
    var widths = header.map(\.count)
    for row in rows {
        for (index, cell) in row.enumerated() where index < widths.count { widths[index] = max(widths[index], cell.count) }
    }
    return ([header] + rows).map { row in
        var line = ""
        for (index, cell) in row.enumerated() {
            line += cell
            if index < row.count - 1 { line += String(repeating: " ", count: max(0, widths[index] - cell.count) + 2) }
        }
        return line
    }.joined(separator: "\n")
}

/// A moment from epoch seconds in a JSON answer, for people.
func time(_ value: JSONValue?) -> String {
    guard let seconds = value?.double else { return "-" }
    return String(Timestamp(secondsSince1970: seconds).iso8601.prefix(19)) + "Z"
}

func duration(milliseconds: Int64) -> String {
    switch milliseconds {
    case ..<1000: "\(milliseconds) ms"
    case ..<60_000: "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    default: "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s"
    }
}
