import Columnar
import ObjectStore
package import QueryEngine
import SparkSQL

/// Runs a SQL script as a job does: variables substituted, statements in order, writes under the commit scope.
package struct SQLScriptJob: Sendable {
    package let session: SparkSession

    package init(_ session: SparkSession) { self.session = session }

    /// What one statement of a script gave.
    package struct Step: Sendable {
        /// From 1.
        package let number: Int
        /// The line of the script on which the statement's text starts, from 1.
        package let line: Int
        package let statement: String
        package let outcome: StatementOutcome

        /// The rows as a table, `rows` of them at most; nil when the statement gives none.
        package func table(rows: Int = 100) -> String? {
            guard !outcome.schema.fields.isEmpty else { return nil }
            return ResultText.table(outcome.schema, Array(outcome.rows.prefix(rows)), truncate: 0)
        }
    }

    /// Reads the script and runs it.
    ///
    /// - Parameter uri: `s3://bucket/key`, `file:` or a path.
    /// - Throws: what reading throws; `SQLScriptFailure` with the first failing statement's error.
    package func run(uri: String, variables: [String: String] = [:], each: (Step) throws -> Void) throws {
        let (store, key) = try session.engine.stores.store(for: uri)
        let bytes = try BlockingObjectStore(store).get(key).bytes
        let script = String(decoding: bytes, as: UTF8.self)
        var done = 0
        do {
            try run(script, variables: variables) { step in
                try each(step)
                done = step.number
            }
        } catch {
            let parts = SQLScript.split(script)
            guard done < parts.count else { throw error }
            let blankLines = parts[done].text.prefix { $0.isWhitespace }.count { $0.isNewline }
            throw SQLScriptFailure(uri: uri, line: parts[done].start.line + blankLines, statement: done + 1, error: SparkException(error))
        }
    }

    /// Runs a script's text; `each` gets every outcome as it is there.
    package func run(_ script: String, variables: [String: String] = [:], each: (Step) throws -> Void) throws {
        for (name, value) in variables { session.setVariable(name, value) }
        var number = 0
        try session.engine.executeScript(script) { part, outcome in
            number += 1
            try each(Step(number: number, line: part.start.line, statement: part.text, outcome: outcome))
        }
    }
}

/// A script's statement that failed, and where it is.
package struct SQLScriptFailure: Error, CustomStringConvertible {
    package let uri: String
    /// The line on which the statement begins, from 1.
    package let line: Int
    /// From 1.
    package let statement: Int
    package let error: SparkException

    package var description: String { "\(uri), line \(line), statement \(statement): \(error)" }
}
