/// A query, table or data error under Spark's names. The condition and SQLSTATE are what callers match on.
package struct SparkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Spark's error condition, such as `DIVIDE_BY_ZERO` or `CAST_INVALID_INPUT`; subclasses after a dot.
    package let condition: String
    /// Five characters; empty when Spark defines none.
    package let sqlState: String
    /// The sentence without the condition's name and without the SQLSTATE.
    package let message: String
    /// Where in the SQL text; nil for an error that has no place there.
    package let position: SourcePosition?
    /// The line of the text that `position` names and a mark under the place; parsers give it.
    package let excerpt: String?

    package init(
        condition: String, sqlState: String, message: String, position: SourcePosition? = nil, excerpt: String? = nil
    ) {
        self.condition = condition
        self.sqlState = sqlState
        self.message = message
        self.position = position
        self.excerpt = excerpt
    }

    /// As Spark prints it: `[DIVIDE_BY_ZERO] Division by zero. … SQLSTATE: 22012`, then the place.
    package var description: String { sentence + place }

    /// `description` without the place.
    package var sentence: String {
        "[\(condition)] \(message)" + (sqlState.isEmpty ? "" : " SQLSTATE: \(sqlState)")
    }

    /// ` (line 2, pos 4)` and the excerpt after an error of the parser, `; line 2 pos 4` after others, as Spark has it.
    package var place: String {
        guard let position else { return "" }
        guard let excerpt else { return "; line \(position.line) pos \(position.column)" }
        return " (line \(position.line), pos \(position.column))\n\n== SQL ==\n\(excerpt)"
    }
}

/// A place in SQL text: line from 1, column in bytes from 0, as Spark counts them.
package struct SourcePosition: Sendable, Hashable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static let beginning = SourcePosition(line: 1, column: 0)
}

extension SparkError {
    /// What is not implemented, refused by name.
    package static func unsupported(_ what: String) -> SparkError {
        SparkError(condition: "UNSUPPORTED_FEATURE", sqlState: "0A000", message: "The feature is not supported: \(what).")
    }

    /// A broken invariant inside the engine; fails the query, not the process.
    package static func `internal`(_ what: String) -> SparkError {
        SparkError(condition: "INTERNAL_ERROR", sqlState: "XX000", message: what)
    }
}
