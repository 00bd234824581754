import ArgumentParser
import AWSProtocol
import JSONModel
import StatesLanguage
import Support

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Create or update a state machine from a file and start an execution.",
        discussion: """
            The state machine's name is the file's without its endings, unless --name says otherwise. \
            Prints the execution's ARN; with --wait its output, and with --json the answer of StartExecution or \
            DescribeExecution as one document. When it failed, the failing state, error and cause are on standard error, \
            and the exit status is 2. Ctrl-C ends the waiting, not the execution.

            EXAMPLES
              millrace submit statemachines/medallion.asl.json --input '{"n": 1}'
              millrace submit flow.json --input @input.json --wait
              millrace submit flow.json --wait --timeout 10m --json | jq -r .status
              generate-flow | millrace submit - --name nightly
            """)

    @Argument(help: "A state machine definition in the Amazon States Language; - is standard input.", completion: .file(extensions: ["json"]))
    var file: String
    @Option(help: ArgumentHelp("The execution's input: JSON, @FILE, or - for standard input.", valueName: "json"))
    var input = "{}"
    @Option(help: "The state machine's name.")
    var name: String?
    @Option(help: "The execution's name; a fresh one otherwise.")
    var executionName: String?
    @Option(help: "The role that the state machine names.")
    var roleArn = "arn:aws:iam::123456789012:role/millrace"
    @Flag(help: "Wait until the execution ends, showing what happens.")
    var wait = false
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if file == "-", name == nil { throw ValidationError("a definition from standard input needs --name") }
        if file == "-", ["-", "@-"].contains(input) {
            throw ValidationError("standard input is either the definition or the input, not both")
        }
        if waiting.timeout != nil, !wait { throw ValidationError("--timeout goes with --wait") }
    }

    func run() async throws {
        let definition = try readText(file)
        let input = try readJSONArgument(input, option: "--input")
        let deadline = waiting.deadline
        let server = try connection.connect(patience: wait ? Connection.patienceOfFollowers : Connection.patience)
        let machine: String
        do {
            machine = try await server.putStateMachine(
                name: name ?? Self.machineName(file), definition: definition, roleArn: roleArn)
        } catch let error as AWSError where error.code == "InvalidDefinition" {
            let findings = StateMachineDefinition.diagnostics(of: definition)
            guard findings.contains(where: \.isError) else { throw error }
            throw CommandFailure(
                "\(file) is no valid state machine definition:\n" + findings.filter(\.isError).map { "  " + $0.text(in: definition) }.joined(separator: "\n"),
                .badData)
        }
        var request: JSONObject = ["stateMachineArn": .string(machine), "input": .string(input)]
        if let executionName { request["name"] = .string(executionName) }
        let started = try await server.call("states", "StartExecution", request)
        let execution = started["executionArn"]?.string ?? ""
        guard wait else {
            if output.json { return printDocument(.object(started)) }
            print(execution)
            if Terminal.output.isTerminal { note("follow it: millrace status \(Connection.shortName(execution)) --wait") }
            return
        }
        try await server.wait(for: execution, waiting, deadline, output)
    }

    static func machineName(_ file: String) -> String {
        let last = file.split(separator: "/").last.map(String.init) ?? file
        return last.split(separator: ".").first.map(String.init) ?? last
    }
}

extension Connection {
    /// Waits for an execution, prints its output, and says how it failed.
    ///
    /// - Throws: `ExitCode` 2 unless it succeeded.
    func wait(for execution: String, _ waiting: WaitOptions, _ deadline: Timestamp?, _ output: OutputOptions) async throws {
        let display = waiting.display(quiet: output.json)
        if display == .states { note(execution) }
        let interrupted = StopSignal {
            StatusLine().clear()
            end(
                with: CommandFailure(
                    "no longer waiting. The execution goes on: millrace status \(Self.shortName(execution)) --wait", .interrupted))
        }
        defer { _ = interrupted }
        let description = try await ExecutionFollower(
            server: self, execution: execution, display: display, deadline: deadline
        ).untilEnd()
        if output.json {
            printDocument(.object(description))
        } else if let text = description["output"]?.string {
            print(text)
        }
        guard description["status"]?.string == "SUCCEEDED" else {
            if !output.json { note("Error: " + (try await describeFailure(description, self))) }
            throw ExitCode(ExitStatus.unsuccessful.rawValue)
        }
    }

    /// Creates the state machine, or gives an existing one of that name this definition.
    func putStateMachine(name: String, definition: String, roleArn: String) async throws -> String {
        let request: JSONObject = ["name": .string(name), "definition": .string(definition), "roleArn": .string(roleArn)]
        do {
            return try await call("states", "CreateStateMachine", request)["stateMachineArn"]?.string ?? ""
        } catch let error as AWSError where error.code == "StateMachineAlreadyExists" {
            guard let arn = try await machines().first(where: { $0.name == name })?.arn else { throw error }
            _ = try await call(
                "states", "UpdateStateMachine",
                ["stateMachineArn": .string(arn), "definition": .string(definition), "roleArn": .string(roleArn)])
            return arn
        }
    }
}
