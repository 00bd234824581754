import SparkPlan
import ArgumentParser
import Columnar
import FoundationEssentials
import JSONModel
import Millrace
import QueryEngine
import Support

struct SQLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Run Spark SQL on files and tables; no server needed for local paths.",
        discussion: """
            s3:// paths and the catalog need an endpoint: AWS_ENDPOINT_URL with keys, MILLRACE_S3_ENDPOINT, or a server
            on the data directory. Several statements are separated by semicolons; the rows of each query are printed.

            EXAMPLES
              millrace sql 'SELECT count(*) FROM csv.`data/*.csv`'
              millrace sql 'SELECT * FROM delta.`s3://lake/warehouse/gold/top_products`' --format jsonl
              millrace sql --file report.sql --variable day=2026-11-21
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, jsonl, csv }

    @Argument(help: "Statements.")
    var statements: String?
    @Option(help: "Read the statements from a file instead.")
    var file: String?
    @Option(help: "How rows are printed.")
    var format = Format.table
    @Flag(help: "The same as --format jsonl.")
    var json = false
    @Option(help: ArgumentHelp("What ${NAME} stands for.", valueName: "NAME=VALUE"))
    var variable: [String] = []
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard (statements == nil) != (file == nil) else {
            throw ValidationError("give either statements or --file")
        }
    }

    func run() throws {
        let session = try QueryEnvironment.session(connection)
        let job = SQLScriptJob(session)
        let format = json ? .jsonl : format
        let variables = try variable.reduce(into: [String: String]()) { variables, text in
            guard let equals = text.firstIndex(of: "=") else { throw ValidationError("--variable takes NAME=VALUE, found '\(text)'") }
            variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        try job.run(statements ?? readText(file ?? ""), variables: variables) { step in
            let outcome = step.outcome
            if let write = outcome.write { note(describe(write)) }
            guard !outcome.schema.fields.isEmpty else { return }
            switch format {
            case .table: print(ResultText.table(outcome.schema, outcome.rows, truncate: 0), terminator: "")
            case .jsonl, .csv: ResultLines(schema: outcome.schema, isJSON: format == .jsonl).print(outcome.rows)
            }
        }
    }
}

func describe(_ write: WriteResult) -> String {
    if write.alreadyCommitted { return "already committed\(write.version.map { " as version \($0)" } ?? ""): nothing written" }
    let version = write.version.map { ", version \($0)" } ?? ""
    return "\(write.rows) rows written in \(write.files) \(write.files == 1 ? "file" : "files"), \(write.bytes) bytes\(version)"
}

/// Rows as JSON objects or CSV lines, one a line.
struct ResultLines {
    let schema: Columnar.StructType
    let isJSON: Bool

    func print(_ rows: [[Scalar]]) {
        if !isJSON { Swift.print(schema.fields.map { Self.quoted($0.name) }.joined(separator: ",")) }
        for row in rows {
            if isJSON {
                var object: JSONObject = [:]
                for (value, field) in zip(row, schema.fields) { object.append(field.name, value.json(field.dataType)) }
                Swift.print(JSONValue.object(object).text)
            } else {
                Swift.print(zip(row, schema.fields).map { value, field in
                    value.isNull ? "" : Self.quoted(value.text(field.dataType))
                }.joined(separator: ","))
            }
        }
    }

    private static func quoted(_ text: String) -> String {
        guard text.isEmpty || text.contains(where: { ",\"\r\n".contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

extension Scalar {
    /// As Spark's `to_json` writes it: numbers as numbers, everything without a JSON form as text.
    fileprivate func json(_ type: Columnar.DataType) -> JSONValue {
        if isNull { return .null }
        switch type {
        case .boolean: return .bool(text(type) == "true")
        case .byte, .short, .int, .long, .float, .double, .decimal:
            return JSONNumber(text: text(type)).map { .number($0) } ?? .string(text(type))
        default: return .string(text(type))
        }
    }
}
