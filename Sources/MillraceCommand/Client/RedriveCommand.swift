import ArgumentParser
import JSONModel

struct RedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive", abstract: "Let an execution that did not succeed go on where it stopped.",
        discussion: """
            What has succeeded is not run again, neither are branches and iterations that have. It goes on with the \
            definition that it started with: correct the data or the job, then redrive. A state machine stands for its \
            latest execution. --json prints the answer of RedriveExecution with the execution's ARN.

            EXAMPLES
              millrace redrive medallion
              millrace redrive hello:9f1c && millrace status hello:9f1c
            """)

    @Argument(help: Connection.referenceHelp, completion: .machines)
    var execution: String
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let server = try connection.connect()
        let arn = try await server.execution(execution)
        var answer = try await server.call("states", "RedriveExecution", ["executionArn": .string(arn)])
        answer["executionArn"] = .string(arn)
        if output.json { return printDocument(.object(answer)) }
        note("\(Connection.shortName(arn)) goes on")
    }
}
