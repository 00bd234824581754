import AWSProtocol
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
        if let refusal = error as? AWSError { return refusal.explained }
        guard let error = error as? SparkError, let position = error.position else { return "\(error)" }
        let lines = script.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(position.line - 1) else { return "\(error)" }
        let line = lines[position.line - 1]
        // Where a variable stands, the text that was parsed differs from the script's.
        guard line.utf8.count <= lineMax, position.column <= line.utf8.count, !line.contains("${") else { return "\(error)" }
        // Positions count bytes; the mark stands under a column of the terminal.
        let before = Display.width(String(decoding: line.utf8.prefix(position.column), as: UTF8.self))
        return """
            \(error.sentence) (line \(position.line), pos \(position.column))

            == SQL ==
            \(line)
            \(String(repeating: "-", count: before))^^^
            """
    }

    private static let lineMax = 400
}
