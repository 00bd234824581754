import ArgumentParser
import JSONModel

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop an execution and the jobs it runs.",
        discussion: """
            A state machine stands for its running execution, if it has exactly one. What has ended is left alone, and \
            said so. --json prints the answer of StopExecution with the execution's ARN.

            EXAMPLES
              millrace stop hello
              millrace stop hello:9f1c --cause 'wrong input'
            """)

    @Argument(help: Connection.referenceHelp, completion: .machines)
    var execution: String
    @Option(help: "The error that the execution shall end with.")
    var error: String?
    @Option(help: "Why.")
    var cause: String?
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let server = try connection.connect()
        let arn = try await target(server)
        let before = try await server.call("states", "DescribeExecution", ["executionArn": .string(arn)])
        let hadEnded = before["status"]?.string != "RUNNING"
        var request: JSONObject = ["executionArn": .string(arn)]
        if let error { request["error"] = .string(error) }
        if let cause { request["cause"] = .string(cause) }
        var answer = try await server.call("states", "StopExecution", request)
        answer["executionArn"] = .string(arn)
        if output.json { return printDocument(.object(answer)) }
        note(
            hadEnded
                ? "\(Connection.shortName(arn)) had ended already: \(before["status"]?.string ?? "")"
                : "\(Connection.shortName(arn)) stopped")
    }

    private func target(_ server: Connection) async throws -> String {
        guard case .machine(let name, let machine) = try await server.named(execution) else {
            return try await server.execution(execution)
        }
        let running = try await server.all(
            "states", "ListExecutions", ["stateMachineArn": .string(machine), "statusFilter": "RUNNING"], member: "executions"
        ).compactMap { $0["executionArn"]?.string }
        switch running.count {
        case 0: throw CommandFailure("\(name) has no running execution: `millrace status \(name)` shows those that ended.", .notFound)
        case 1: return running[0]
        default: throw Connection.ambiguous(name, running.map(Connection.shortName))
        }
    }
}
