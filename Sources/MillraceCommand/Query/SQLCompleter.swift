import Columnar
import Millrace
import QueryEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// What the prompt's Tab key offers: keywords, databases, and tables of the current database or of the one before the
/// dot. Where none fits, libedit offers files.
struct SQLCompleter: Sendable {
    private static let keywords = [
        "ALTER", "ANALYZE", "AND", "ASC", "BETWEEN", "CASE", "CAST", "CREATE", "CROSS JOIN", "DATABASE", "DATABASES", "DELETE FROM",
        "DESC", "DESCRIBE", "DESCRIBE HISTORY", "DISTINCT", "DROP TABLE", "ELSE", "EXISTS", "EXPLAIN", "FROM", "FULL JOIN",
        "GROUP BY", "HAVING", "INNER JOIN", "INSERT INTO", "INTERVAL", "IS NOT NULL", "IS NULL", "JOIN", "LEFT JOIN", "LIKE",
        "LIMIT", "LOCATION", "MERGE INTO", "NOT", "NULL", "OPTIMIZE", "ORDER BY", "OVER", "PARTITION BY", "PARTITIONED BY",
        "REPLACE TABLE", "RIGHT JOIN", "SELECT", "SHOW DATABASES", "SHOW TABLES", "TABLE", "TEMPORARY VIEW", "THEN", "UNION ALL",
        "UPDATE", "USING", "VACUUM", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH",
    ]

    let session: SparkSession

    func candidates(_ prefix: String) -> [String] {
        guard !prefix.isEmpty else { return [] }
        if let dot = prefix.lastIndex(of: ".") {
            let database = String(prefix[..<dot])
            return names("SHOW TABLES IN \(database)", column: 1).map { "\(database).\($0)" }.filter { $0.hasPrefix(prefix) }
        }
        let isLower = prefix == prefix.lowercased()
        let keywords = Self.keywords.map { isLower ? $0.lowercased() : $0 }
        let tables = names("SHOW TABLES", column: 1)
        let databases = names("SHOW DATABASES", column: 0)
        return (keywords + tables + databases).filter { $0.hasPrefix(prefix) }
    }

    /// Nothing where the catalog does not answer: whoever presses Tab did not ask for an error.
    private func names(_ statement: String, column: Int) -> [String] {
        let rows = (try? session.engine.execute(statement).rows) ?? []  // See above.
        return rows.compactMap { if case .string(let name) = $0[column] { name } else { nil } }
    }
}

/// The functions by which libedit asks for completions. C functions carry no state, so it is here.
enum CompletionCallbacks {
    typealias Generator = @convention(c) (UnsafePointer<CChar>?, Int32) -> UnsafeMutablePointer<CChar>?
    typealias List = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    typealias Attempt = @convention(c) (UnsafePointer<CChar>?, Int32, Int32) -> List?
    typealias Matches = @convention(c) (UnsafePointer<CChar>?, Generator?) -> List?

    private struct State {
        var matches: Matches?
        var completer: SQLCompleter?
        var found: [String] = []
    }

    private static let state = Mutex(State())

    /// - Parameter matches: libedit's `rl_completion_matches`.
    static func set(_ matches: Matches?) { state.withLock { $0.matches = matches } }
    static func set(_ completer: SQLCompleter) { state.withLock { $0.completer = completer } }

    static let attempt: Attempt = { text, _, _ in
        guard let text, let completer = state.withLock({ $0.completer }) else { return nil }
        let found = completer.candidates(String(cString: text))
        let matches = state.withLock { state in
            state.found = found.reversed()
            return state.matches
        }
        return found.isEmpty ? nil : matches?(text, next)
    }

    /// Hands over the candidates one by one; libedit frees them.
    private static let next: Generator = { _, _ in state.withLock { $0.found.popLast() }.flatMap { strdup($0) } }
}
