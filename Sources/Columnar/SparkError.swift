/// A query, table or data error under Spark's names. The condition and SQLSTATE are what callers match on.
package struct SparkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Spark's error condition, such as `DIVIDE_BY_ZERO` or `CAST_INVALID_INPUT`; subclasses after a dot.
    package let condition: String
    /// Five characters; empty when Spark defines none.
    package let sqlState: String
    /// The sentence without the condition's name and without the SQLSTATE.
    package let message: String

    package init(condition: String, sqlState: String, message: String) {
        self.condition = condition
        self.sqlState = sqlState
        self.message = message
    }

    /// As Spark prints it: `[DIVIDE_BY_ZERO] Division by zero. … SQLSTATE: 22012`.
    package var description: String {
        "[\(condition)] \(message)" + (sqlState.isEmpty ? "" : " SQLSTATE: \(sqlState)")
    }
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
