import QueryEngine
import ArgumentParser
import Millrace
import Support

struct JobCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "Run a job's work in this process, as the queue does.",
        subcommands: [SQL.self])

    struct SQL: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a Spark SQL script.",
            discussion: """
                Arguments after the script become variables: `--day 2026-11-21` is what ${day} stands for. Endpoint, keys \
                and the commit scope come from the environment that the queue gives.

                EXAMPLE
                  millrace job sql s3://lake/scripts/silver.sql --warehouse s3://lake/warehouse
                """)

        @Argument(help: "s3://bucket/key or a path.")
        var script: String
        @Argument(parsing: .captureForPassthrough, help: "--NAME VALUE …")
        var arguments: [String] = []

        func run() throws {
            let session = try SparkSession.builder.configuration(.fromEnvironment(ProcessEnvironment.variables())).getOrCreate()
            let clock = SystemWallClock()
            var begin = clock.now()
            try SQLScriptJob(session).run(uri: script, variables: try variables()) { step in
                let took = duration(milliseconds: clock.now().milliseconds(since: begin))
                begin = clock.now()
                let first = step.statement.split(whereSeparator: \.isNewline).first.map { $0.prefix(70) } ?? ""
                var line = "[\(clock.now().iso8601)] statement \(step.number), line \(step.line): \(first)  \(took)"
                if let write = step.outcome.write { line += "; " + describe(write) }
                print(line)
                if let table = step.table() { print(table, terminator: "") }
            }
        }

        private func variables() throws -> [String: String] {
            var variables: [String: String] = [:]
            var index = 0
            while index < arguments.count {
                guard arguments[index].hasPrefix("--"), index + 1 < arguments.count else {
                    throw ValidationError("arguments after the script come as --NAME VALUE, found '\(arguments[index])'")
                }
                variables[String(arguments[index].dropFirst(2))] = arguments[index + 1]
                index += 2
            }
            return variables
        }
    }
}
