import Columnar
import FoundationEssentials
import Millrace
import QueryEngine
import SparkPlan
import Testing

/// `docs/sql.md` lists what there is: every statement and function in its tables runs, nothing else is found, and what it
/// says is not there is refused.
@Suite struct SQLReferenceTests {
    private let sections: [String: String]
    private let engine: QuerySession

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/sql.md"), encoding: .utf8)
        var sections: [String: String] = [:]
        for part in text.split(separator: "\n## ").dropFirst() {
            sections[String(part.prefix { $0 != "\n" })] = String(part)
        }
        self.sections = sections
        let place = Place()
        try place.put("f.csv", "a\n1\n")
        engine = try place.session().engine
        for sql in [
            "CREATE TABLE t (a INT, b STRING) USING delta", "INSERT INTO t VALUES (1, 'x')", "CREATE TABLE u USING delta AS SELECT 1 AS a",
        ] { _ = try engine.execute(sql) }
    }

    /// The code spans of a text.
    private static func spans(_ text: some StringProtocol) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { !$0.offset.isMultiple(of: 2) }
            .map { String($0.element) }
    }

    /// The cells of a section's table, column by column, without its head.
    private func column(_ number: Int, of section: String) throws -> [String] {
        let text = try #require(sections[section])
        return text.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| ---") && !$0.hasPrefix("| |") }
            .map { String($0.split(separator: " | ", omittingEmptySubsequences: false)[number]) }
    }

    /// What a paragraph of a section that begins with these words names.
    private func spans(of section: String, after words: String) throws -> [String] {
        let text = try #require(sections[section])
        let paragraph = text.split(separator: "\n\n").compactMap { part in
            part.firstRange(of: words).map { String(part[$0.upperBound...]) }
        }
        return Self.spans(try #require(paragraph.first).prefix { $0 != "." })
    }

    // MARK: - Statements

    private static let statements: [String: [String]] = [
        "SELECT": ["SELECT a FROM t"], "WITH": ["WITH q AS (SELECT 1) SELECT * FROM q"], "VALUES": ["VALUES (1), (2)"],
        "EXPLAIN": ["EXPLAIN SELECT 1"],
        "CREATE [OR REPLACE] TABLE ... USING delta": [
            "CREATE TABLE n1 (a INT COMMENT 'c', b INT) USING delta PARTITIONED BY (a) LOCATION 's3://b/n1' COMMENT 'c' TBLPROPERTIES ('k' = 'v')",
            "CREATE OR REPLACE TABLE t USING delta AS SELECT * FROM t", "CREATE TABLE IF NOT EXISTS t (a INT) USING delta",
        ],
        "CREATE TEMPORARY VIEW": [
            "CREATE TEMPORARY VIEW v1 AS SELECT 1 AS a", "CREATE TEMPORARY VIEW v2 (a INT) USING csv OPTIONS (path 's3://b/f.csv', header 'true')",
            "CREATE TEMPORARY VIEW v3 USING text OPTIONS (path 's3://b/f.csv')",
        ],
        "INSERT INTO": ["INSERT INTO t (b, a) VALUES ('y', 2)", "INSERT INTO u BY NAME SELECT 2 AS a"],
        "INSERT OVERWRITE": ["INSERT OVERWRITE t SELECT 3, 'z'"],
        "CREATE DATABASE": ["CREATE DATABASE d"], "DROP DATABASE": ["DROP DATABASE IF EXISTS nothing"],
        "DROP TABLE": ["DROP TABLE u"], "DROP VIEW": ["DROP VIEW IF EXISTS nothing"], "USE": ["USE default"],
        "SHOW DATABASES": ["SHOW DATABASES"], "SHOW TABLES": ["SHOW TABLES IN default LIKE 't*'"],
        "DESCRIBE [EXTENDED]": ["DESCRIBE t", "DESCRIBE EXTENDED t"], "DESCRIBE HISTORY": ["DESCRIBE HISTORY t"],
        "ANALYZE TABLE ... COMPUTE STATISTICS": ["ANALYZE TABLE t COMPUTE STATISTICS"],
        "SET": ["SET x = 1"], "RESET": ["RESET x"], "DECLARE VARIABLE": ["DECLARE VARIABLE n = 1"],
    ]

    private static let missingStatements: [String: String] = [
        "MERGE": "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "UPDATE": "UPDATE t SET a = 1",
        "DELETE": "DELETE FROM t WHERE a = 1", "ALTER": "ALTER TABLE t ADD COLUMN c INT", "TRUNCATE": "TRUNCATE TABLE t",
        "OPTIMIZE": "OPTIMIZE t", "VACUUM": "VACUUM t", "RESTORE": "RESTORE TABLE t TO VERSION AS OF 0",
    ]

    @Test func `every statement of the table runs`() throws {
        let documented = try column(0, of: "Statements").flatMap { Self.spans($0) }
        #expect(Set(documented) == Set(Self.statements.keys))
        for name in documented {
            for sql in Self.statements[name] ?? [] {
                #expect(throws: Never.self, "\(sql)") { try engine.execute(sql) }
            }
        }
    }

    @Test func `statements that are not there are refused`() throws {
        #expect(Set(try spans(of: "Statements", after: "Not there: ")) == Set(Self.missingStatements.keys))
        for sql in Self.missingStatements.values {
            let error = #expect(throws: SparkError.self, "\(sql)") { try engine.execute(sql) }
            #expect(["UNSUPPORTED_FEATURE", "PARSE_SYNTAX_ERROR"].contains(error?.condition), "\(sql): \(String(describing: error))")
        }
    }

    // MARK: - Functions

    /// Whether analysis knows a function, whatever it takes.
    private func isFound(_ function: String) -> Bool {
        for count in 0...4 {
            let arguments = (0..<count).map { _ in "NULL" }.joined(separator: ", ")
            do {
                _ = try engine.execute("SELECT \(function)(\(arguments))")
                return true
            } catch let error as SparkError {
                if !["UNRESOLVED_ROUTINE", "UNSUPPORTED_FEATURE", "PARSE_SYNTAX_ERROR"].contains(error.condition) { return true }
            } catch {
                return true
            }
        }
        return false
    }

    private func documentedFunctions() throws -> [String] {
        try column(1, of: "Functions").flatMap { Self.spans($0) }
    }

    @Test func `every function of the table is found, once`() throws {
        let documented = try documentedFunctions()
        #expect(documented.count > 200 && Set(documented).count == documented.count)
        for name in documented { #expect(isFound(name), "\(name)") }
    }

    /// Names are looked for in the text of the analyzer, where each stands in quotes.
    @Test func `every function that is found is in the table`() throws {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/SparkPlan")
        var names: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(atPath: sources.path) {
            let text = try String(contentsOf: sources.appending(path: file), encoding: .utf8)
            for (index, part) in text.split(separator: "\"", omittingEmptySubsequences: false).enumerated() where !index.isMultiple(of: 2) {
                for word in part.split(separator: " ") where word.allSatisfy({ $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }) {
                    names.insert(String(word))
                }
            }
        }
        #expect(names.isSuperset(of: FunctionSamples.queries.map(\.function)))
        let operators: Set = ["all", "and", "div", "not", "or"]
        let partsOfTimes: Set = ["second_fraction", "year_of_week"]  // What EXTRACT becomes.
        let missing = try names.subtracting(documentedFunctions()).subtracting(operators).subtracting(partsOfTimes)
            .filter { isFound($0) }
        #expect(missing.isEmpty, "\(missing.sorted())")
    }

    @Test func `functions that are not there are refused`() throws {
        let missing = try spans(of: "Functions", after: "Not there, among what is often used: ")
        #expect(missing.count > 10)
        for name in missing { #expect(!isFound(name), "\(name)") }
    }
}
