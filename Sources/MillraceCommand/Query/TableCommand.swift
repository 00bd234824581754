import ArgumentParser
import Columnar
import Millrace
import QueryEngine

struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "Look at a Delta table.", subcommands: [Show.self, History.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Columns, number of rows and the first of them.",
            discussion: "EXAMPLE\n  millrace table show s3://lake/warehouse/gold/top_products")
        @Argument(help: "s3://… or a path.")
        var uri: String
        @Option(help: "Rows to show.")
        var rows = 10
        @OptionGroup var connection: ConnectionOptions

        func run() throws {
            let table = try QueryEnvironment.session(connection).read.format("delta").load(uri)
            for column in try table.schemaText.split(separator: ",") { print(column.drop(while: { $0 == " " })) }
            print("\n\(try table.count()) rows")
            print(try table.showText(max(0, rows), truncate: 40), terminator: "")
        }
    }

    struct History: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The commits of a table, newest first.",
            discussion: "EXAMPLE\n  millrace table history s3://lake/warehouse/silver/retail --json")
        @Argument(help: "s3://… or a path.")
        var uri: String
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            let outcome = try QueryEnvironment.session(connection).engine.execute(
                "DESCRIBE HISTORY delta.`\(uri.contains("/") ? uri : "./" + uri)`")
            if output.json { return ResultLines(schema: outcome.schema, isJSON: true).print(outcome.rows) }
            print(ResultText.table(outcome.schema, outcome.rows, truncate: 40), terminator: "")
        }
    }
}
