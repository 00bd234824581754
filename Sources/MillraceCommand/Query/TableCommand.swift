import ArgumentParser
import Columnar
import FoundationEssentials
import JSONModel
import Millrace
import QueryEngine
import SparkPlan
import Support

struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "Look at a Delta table.",
        discussion: """
            EXAMPLES
              millrace table show gold.top_products
              millrace table history s3://lake/warehouse/silver/retail
            """,
        subcommands: [Show.self, History.self])

    static let nameHelp = ArgumentHelp("s3://…, a path, or DATABASE.TABLE of the catalog.", valueName: "table")

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Columns, number of rows and the first of them.",
            discussion: """
                --json prints one document: table, columns, count and rows.

                EXAMPLES
                  millrace table show s3://lake/warehouse/gold/top_products
                  millrace table show gold.top_products --rows 3
                  millrace table show ./table --json | jq .count
                """)
        @Argument(help: TableCommand.nameHelp, completion: .tables)
        var table: String
        @Option(help: "Rows to show.")
        var rows = 10
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (0...100_000).contains(rows) else { throw ValidationError("--rows must lie between 0 and 100000, found \(rows)") }
        }

        func run() throws {
            let reader = try TableReader(table, connection)
            let sample = try reader.query("SELECT * FROM \(reader.name) LIMIT \(rows)")
            guard case .int64(let total)? = try reader.query("SELECT count(*) FROM \(reader.name)").rows.first?.first else { return }
            let fields = sample.schema.fields
            if output.json {
                return printDocument([
                    "table": .string(table), "count": .number(total),
                    "columns": .array(fields.map {
                        ["name": .string($0.name), "type": .string($0.dataType.simpleString), "nullable": .bool($0.nullable)]
                    }),
                    "rows": .array(sample.rows.map { sample.schema.json($0) }),
                ])
            }
            print(
                TextTable(
                    [.init("COLUMN"), .init("TYPE", shrinks: true), .init("")],
                    fields.map { [.init($0.name), .init($0.dataType.simpleString), $0.nullable ? "" : "not null"] }
                ).text())
            let isPart = total > Int64(rows) && rows > 0
            print("\n\(grouped(total)) \(total == 1 ? "row" : "rows")\(isPart ? ", the first \(rows):" : "")")
            if rows > 0, total > 0 { ResultPrinter().print(sample.schema, sample.rows) }
        }
    }

    struct History: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The commits of a table, newest first.",
            discussion: """
                --json prints a line for each commit, with everything that DESCRIBE HISTORY gives.

                EXAMPLES
                  millrace table history silver.retail
                  millrace table history s3://lake/warehouse/silver/retail --json | jq .operationMetrics
                """)
        @Argument(help: TableCommand.nameHelp, completion: .tables)
        var table: String
        @Option(name: [.long, .customShort("n")], help: "At most so many commits.")
        var limit: Int?
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, found \(limit)") }
        }

        func run() throws {
            let reader = try TableReader(table, connection)
            let outcome = try reader.query("DESCRIBE HISTORY \(reader.name)")
            let rows = Array(outcome.rows.prefix(limit ?? .max))
            if output.json { return ResultPrinter(format: .jsonl).print(outcome.schema, rows) }
            func cell(_ row: [Scalar], _ column: String) -> String {
                guard let index = outcome.schema.index(of: column), !row[index].isNull else { return "" }
                return Self.short(row[index], outcome.schema.fields[index].dataType)
            }
            print(
                TextTable(
                    [
                        .init("VERSION", alignsRight: true), .init("TIME"), .init("OPERATION"), .init("METRICS", shrinks: true),
                        .init("PARAMETERS", shrinks: true),
                    ],
                    rows.map { row in
                        ["version", "timestamp", "operation", "operationMetrics", "operationParameters"].map { .init(cell(row, $0)) }
                    }
                ).text())
        }

        /// Maps as `name=value, …`, times of the local zone.
        private static func short(_ value: Scalar, _ type: Columnar.DataType) -> String {
            switch (value, type) {
            case (.map(let entries), .map(let key, let element, _)):
                entries.filter { !$0.value.isNull }.map { "\($0.key.text(key))=\($0.value.text(element))" }.joined(separator: ", ")
            case (.timestamp(let microseconds), _): time(Timestamp(millisecondsSince1970: microseconds / 1000))
            default: value.text(type)
            }
        }
    }
}

/// A table as a person names it, and a session to read it with.
private struct TableReader {
    let session: SparkSession
    /// As SQL names it.
    let name: String
    private let given: String
    private let connection: ConnectionOptions
    private let progress: QueryProgressLine

    init(_ table: String, _ connection: ConnectionOptions) throws {
        given = table
        self.connection = connection
        session = try QueryEnvironment.session(connection)
        progress = QueryProgressLine(session.engine.metrics)
        func quoted(_ text: some StringProtocol) -> String {
            "`" + text.split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") + "`"
        }
        let parts = table.split(separator: ".", omittingEmptySubsequences: false)
        if table.contains("/") {
            name = "delta." + quoted(table)
        } else if FileManager.default.fileExists(atPath: table) || parts.count != 2 || parts.contains("") {
            name = "delta." + quoted("./" + table)
        } else {
            name = parts.map { quoted($0) }.joined(separator: ".")
        }
    }

    func query(_ statement: String) throws -> StatementOutcome {
        do {
            return try progress.during { try session.engine.execute(statement) }
        } catch {
            let text = "\(error)"
            guard Self.missing.contains(where: { text.hasPrefix("[\($0)") }) else { throw CommandFailure(text) }
            let reason = QueryEnvironment.reasonForNoServer(connection).map { "\nThere is no catalog: \($0)" } ?? ""
            throw CommandFailure(
                """
                there is no table \(given). One is named by s3://BUCKET/KEY, by its directory, or by DATABASE.TABLE of a \
                server's catalog (`millrace catalog ls`).
                Files that are no table: millrace sql 'SELECT * FROM csv.`\(given)`'\(reason)
                """, .notFound)
        }
    }

    /// Conditions of Spark and Delta.
    private static let missing = [
        "TABLE_OR_VIEW_NOT_FOUND", "PATH_NOT_FOUND", "SCHEMA_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_PATH_DOES_NOT_EXIST",
        "DELTA_MISSING_DELTA_TABLE",
    ]
}
