import ArgumentParser
import Columnar
import Millrace
import QueryEngine
import SparkSQL

#if canImport(Glibc)
import Glibc
#endif

struct SQLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Run Spark SQL on files and tables; no server needed for local paths.",
        discussion: """
            s3:// paths and the catalog need an endpoint: AWS_ENDPOINT_URL with keys, MILLRACE_S3_ENDPOINT, or a server \
            on the data directory. Several statements are separated by semicolons; the rows of each query are printed. \
            Without statements on a terminal: a prompt with line editing, a history and commands (\\? lists them); \
            otherwise they are read from standard input. An error names line and column and marks the place.

            --format table is for people; csv has a header, and NULL as an empty field; json is an array for each query; \
            jsonl, which --json stands for, an object for each row; markdown a table.

            EXAMPLES
              millrace sql 'SELECT count(*) FROM csv.`data/*.csv`'
              millrace sql 'SELECT * FROM gold.top_products' --format csv > top.csv
              millrace sql -f report.sql --variable day=2026-11-21
              echo 'SHOW DATABASES' | millrace sql --json
              millrace sql                        the prompt
            """)

    @Argument(help: "Statements, or @FILE.", completion: .file(extensions: ["sql"]))
    var statements: [String] = []
    @Option(name: .shortAndLong, help: "Read the statements from a file; - is standard input.", completion: .file(extensions: ["sql"]))
    var file: String?
    @Option(help: "How rows are printed.")
    var format: ResultFormat?
    @Flag(help: "The same as --format jsonl.")
    var json = false
    @Option(help: ArgumentHelp("What ${NAME} stands for.", valueName: "NAME=VALUE"))
    var variable: [String] = []
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        if file != nil, !statements.isEmpty { throw ValidationError("give either statements or --file") }
        if json, let format, format != .jsonl { throw ValidationError("--json is --format jsonl; found --format \(format), too") }
        for text in variable where text.firstIndex(of: "=") ?? text.startIndex == text.startIndex {
            throw ValidationError("--variable takes NAME=VALUE, found '\(text)'")
        }
    }

    func run() throws {
        let session = try QueryEnvironment.session(connection)
        for text in variable {
            let name = text.prefix { $0 != "=" }
            session.setVariable(String(name), String(text.dropFirst(name.count + 1)))
        }
        let printer = ResultPrinter(format: json ? .jsonl : format ?? .table)
        if statements.isEmpty, file == nil, isatty(0) == 1 {
            return SQLShell(session, printer, StatementErrors(connection: connection)).run()
        }
        let script = try file.map { try readText($0) }
            ?? (statements.isEmpty ? readText("-") : statements.map { try readStatement($0) }.joined(separator: ";\n"))
        try run(script, session, printer)
    }

    private func readStatement(_ argument: String) throws -> String {
        argument == "-" || argument.hasPrefix("@") ? try readArgument(argument) : argument
    }

    private func run(_ script: String, _ session: SparkSession, _ printer: ResultPrinter) throws {
        let progress = QueryProgressLine(session.engine.metrics)
        do {
            for part in SQLScript.split(script) {
                let outcome = try progress.during { try session.engine.execute(part.text, at: part.start) }
                if let write = outcome.write { note(describe(write)) }
                if !outcome.schema.fields.isEmpty { printer.print(outcome.schema, outcome.rows) }
            }
        } catch {
            throw CommandFailure(StatementErrors(connection: connection).text(error, in: script))
        }
    }
}

func describe(_ write: WriteResult) -> String {
    if write.alreadyCommitted { return "already committed\(write.version.map { " as version \($0)" } ?? ""): nothing written" }
    let version = write.version.map { ", version \($0)" } ?? ""
    return "\(write.rows) rows written in \(count(write.files, "file")), \(bytes(write.bytes))\(version)"
}
