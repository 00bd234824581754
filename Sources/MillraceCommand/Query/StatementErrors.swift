import Columnar

/// Failures of SQL statements, for people.
struct StatementErrors {
    let connection: ConnectionOptions

    private static let needCatalog: Set = ["TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND"]

    /// What the error says, below it the line that it names with a mark under the place, and why there is no catalog
    /// where one was needed.
    ///
    /// - Parameter script: the text that line numbers count in.
    func text(_ error: any Error, in script: String) -> String {
        let text = Self.marked(error, in: script)
        guard let error = error as? SparkError, Self.needCatalog.contains(error.condition),
            let reason = QueryEnvironment.reasonForNoServer(connection)
        else { return text }
        return "\(text)\nThere is no catalog: \(reason)"
    }

    private static func marked(_ error: any Error, in script: String) -> String {
        let text = "\(error)"
        guard error is SparkError, !text.contains("== SQL =="), let place = place(in: text) else { return text }
        let lines = script.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(place.line - 1) else { return text }
        let line = lines[place.line - 1]
        guard line.utf8.count <= lineMax, place.column <= line.utf8.count else { return text }
        // Positions count bytes; the mark stands under a column of the terminal.
        let before = Display.width(String(decoding: line.utf8.prefix(place.column), as: UTF8.self))
        return "\(text)\n\n== SQL, line \(place.line) ==\n\(line)\n\(String(repeating: "-", count: before))^^^"
    }

    private static let lineMax = 400

    /// The last `(line 2, pos 4)` of a message: lines count from 1, positions from 0.
    private static func place(in text: String) -> (line: Int, column: Int)? {
        for part in text.split(separator: "(").reversed() {
            guard part.hasPrefix("line "), let close = part.firstIndex(of: ")") else { continue }
            let numbers = part[..<close].split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
            if numbers.count == 2, numbers[0] > 0 { return (numbers[0], numbers[1]) }
        }
        return nil
    }
}
