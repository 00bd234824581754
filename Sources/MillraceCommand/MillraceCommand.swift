import ArgumentParser

#if canImport(Glibc)
import Glibc
#endif

@main
struct MillraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Runs data pipelines: Step Functions, Glue, Batch and S3 on the wire, Delta tables in the store.",
        discussion: """
            EXAMPLES
              millrace demo                         the whole thing, on made-up data
              millrace serve                        the server
              eval "$(millrace env)"                what aws and boto3 need to find it
              millrace submit flow.asl.json --input @input.json --wait
              millrace status flow                  its last executions; names will do
              millrace logs flow --follow           what its jobs print
              millrace sql 'SELECT * FROM delta.`./table`'
              millrace sql                          a prompt for statements

            Results go to standard output, messages and progress to standard error. --json makes results JSON.

            The exit status is 0 when all is done, 1 after a failure, 2 when what was waited for failed, 64 for wrong \
            arguments; `millrace help exit-codes` has them all, `millrace help environment` the variables that verbs \
            read, `millrace help completion` how to make the shell complete names.
            """,
        version: Version.text,
        subcommands: [ExitCodesTopic.self, EnvironmentTopic.self, CompletionTopic.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Server",
                subcommands: [
                    ServeCommand.self, EnvCommand.self, KeysCommand.self, StoreCommand.self, ConfigCommand.self,
                    DoctorCommand.self, BackupCommand.self, RestoreCommand.self, DemoCommand.self,
                ]),
            CommandGroup(
                name: "State machines",
                subcommands: [
                    SubmitCommand.self, StatusCommand.self, HistoryCommand.self, StopCommand.self,
                    RedriveCommand.self, ValidateCommand.self,
                    EvalCommand.self,
                ]),
            CommandGroup(name: "Jobs", subcommands: [LogsCommand.self, JobsCommand.self, JobCommand.self]),
            CommandGroup(
                name: "Tables", subcommands: [CatalogCommand.self, TableCommand.self, SQLCommand.self, DatagenCommand.self]),
        ])

    static func main() async {
        do {
            var command = try await parsed()
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error)
        }
        guard fflush(nil) == 0 else {
            end(with: CommandFailure("the output could not be written: \(String(cString: strerror(errno)))", .outputLost))
        }
    }

    private static func parsed() async throws -> any ParsableCommand {
        let arguments = Array(CommandLine.arguments.dropFirst())
        // Help on a verb that is not there would be the program's.
        if arguments.first == "help", let failure = MistypedVerb.failure(in: arguments) { throw failure }
        do {
            return try await asyncParseAsRoot()
        } catch {
            if !exitCode(for: error).isSuccess, let failure = MistypedVerb.failure(in: arguments) { throw failure }
            throw error
        }
    }
}

enum Version {
    static let text = "0.1.0"
}
