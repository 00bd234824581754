import ArgumentParser

@main
struct MillraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Runs data pipelines: Step Functions, Glue, Batch and S3 on the wire, Delta tables in the store.",
        discussion: """
            EXAMPLES
              millrace demo                                   the whole thing, on made-up data
              millrace serve --data ./millrace-data           the server
              eval "$(millrace env)"                          what aws and boto3 need to find it
              millrace submit statemachines/medallion.asl.json --input @input.json --wait
              millrace sql 'SELECT * FROM delta.`./table`'    no server needed
            """,
        version: Version.text,
        groupedSubcommands: [
            CommandGroup(name: "Server", subcommands: [ServeCommand.self, EnvCommand.self, DemoCommand.self]),
            CommandGroup(
                name: "State machines",
                subcommands: [
                    SubmitCommand.self, StatusCommand.self, HistoryCommand.self, StopCommand.self, ValidateCommand.self,
                ]),
            CommandGroup(name: "Jobs", subcommands: [LogsCommand.self, JobsCommand.self, JobCommand.self]),
            CommandGroup(
                name: "Tables", subcommands: [CatalogCommand.self, TableCommand.self, SQLCommand.self, DatagenCommand.self]),
        ])
}

enum Version {
    static let text = "0.1.0"
}
