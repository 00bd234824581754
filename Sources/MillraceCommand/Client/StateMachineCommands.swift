import ArgumentParser
import AWSProtocol
import FoundationEssentials
import JSONModel
import StatesLanguage
import Support

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Create or update a state machine from a file and start an execution.",
        discussion: """
            The state machine's name is the file's without its endings, unless --name says otherwise.

            EXAMPLES
              millrace submit statemachines/medallion.asl.json --input '{"n": 1}'
              millrace submit flow.json --input @input.json --wait --json

            Exit status with --wait: 0 when the execution succeeded, 1 when it did not.
            """)

    @Argument(help: "A state machine definition in the Amazon States Language.")
    var file: String
    @Option(help: "The execution's input as JSON, or @FILE.")
    var input = "{}"
    @Option(help: "The state machine's name.")
    var name: String?
    @Option(help: "The execution's name; a fresh one otherwise.")
    var executionName: String?
    @Option(help: "The role that the state machine names.")
    var roleArn = "arn:aws:iam::123456789012:role/millrace"
    @Flag(help: "Wait until the execution ends, showing what happens.")
    var wait = false
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let server = try connection.connect()
        let definition = try readText(file)
        let machine = try await server.putStateMachine(
            name: name ?? Self.machineName(file), definition: definition, roleArn: roleArn)
        var request: JSONObject = [
            "stateMachineArn": .string(machine),
            "input": .string(input.hasPrefix("@") ? try readText(String(input.dropFirst())) : input),
        ]
        if let executionName { request["name"] = .string(executionName) }
        let started = try await server.call("states", "StartExecution", request)
        let execution = started["executionArn"]?.string ?? ""
        guard wait else {
            print(output.json ? JSONValue.object(started).text : execution)
            if !output.json { note("follow it: millrace status \(execution)") }
            return
        }
        if !output.json { note(execution) }
        let end = try await ExecutionFollower(server: server, execution: execution, quiet: output.json).untilEnd()
        print(output.json ? JSONValue.object(end).text : end["output"]?.string ?? "")
        guard end["status"]?.string == "SUCCEEDED" else {
            if !output.json { note(describeFailure(end)) }
            throw ExitCode(1)
        }
    }

    static func machineName(_ file: String) -> String {
        let last = file.split(separator: "/").last.map(String.init) ?? file
        return last.split(separator: ".").first.map(String.init) ?? last
    }
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show executions, or one of them.",
        discussion: """
            EXAMPLES
              millrace status                     the latest executions of every state machine
              millrace status EXECUTION_ARN
            """)

    @Argument(help: "An execution's ARN.")
    var execution: String?
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let server = try connection.connect()
        if let execution {
            let answer = try await server.call("states", "DescribeExecution", ["executionArn": .string(execution)])
            if output.json { return print(JSONValue.object(answer).text) }
            for name in ["name", "status", "startDate", "stopDate", "error", "cause", "input", "output"] {
                guard let value = answer[name] else { continue }
                print("\(name):  \(name.hasSuffix("Date") ? time(value) : value.string ?? value.text)")
            }
            return
        }
        var rows: [JSONValue] = []
        for machine in try await server.all("states", "ListStateMachines", member: "stateMachines") {
            guard let arn = machine["stateMachineArn"] else { continue }
            let page = try await server.call(
                "states", "ListExecutions", ["stateMachineArn": arn, "maxResults": 20])
            rows += page["executions"]?.array ?? []
        }
        rows.sort { ($0["startDate"]?.double ?? 0) > ($1["startDate"]?.double ?? 0) }
        if output.json { return print(JSONValue.array(rows).text) }
        if rows.isEmpty { return note("no executions yet; `millrace submit FILE` starts one") }
        print(table(
            ["STATUS", "STARTED", "STOPPED", "EXECUTION"],
            rows.map {
                [$0["status"]?.string ?? "", time($0["startDate"]), time($0["stopDate"]), $0["executionArn"]?.string ?? ""]
            }))
    }
}

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show the events of an execution.",
        discussion: "EXAMPLE\n  millrace history EXECUTION_ARN --json | jq .type")

    @Argument(help: "An execution's ARN.")
    var execution: String
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let server = try connection.connect()
        let events = try await server.all(
            "states", "GetExecutionHistory", ["executionArn": .string(execution), "maxResults": 1000], member: "events")
        if output.json {
            for event in events { print(event.text) }
            return
        }
        print(table(["ID", "TIME", "TYPE", "WHAT"], events.map { event in
            [
                event["id"]?.text ?? "", time(event["timestamp"]), event["type"]?.string ?? "", Self.summary(event),
            ]
        }))
    }

    /// The name, error or output of an event's details, cut to a line.
    static func summary(_ event: JSONValue) -> String {
        guard let details = event.object?.first(where: { $0.key.hasSuffix("EventDetails") })?.value else { return "" }
        let parts = ["name", "resource", "error", "cause", "output"].compactMap { details[$0]?.string }
        let text = parts.joined(separator: "  ").split(whereSeparator: \.isNewline).joined(separator: " ")
        return text.count > 100 ? String(text.prefix(99)) + "…" : text
    }
}

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop an execution and the jobs it runs.")

    @Argument(help: "An execution's ARN.")
    var execution: String
    @Option(help: "The error that the execution shall end with.")
    var error: String?
    @Option(help: "Why.")
    var cause: String?
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request: JSONObject = ["executionArn": .string(execution)]
        if let error { request["error"] = .string(error) }
        if let cause { request["cause"] = .string(cause) }
        _ = try await connection.connect().call("states", "StopExecution", request)
        note("stopped")
    }
}

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check a state machine definition; no server needed.",
        discussion: "Prints every finding with its place. Exit status 1 when there is an error.")

    @Argument(help: "A state machine definition.")
    var file: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        let diagnostics = StateMachineDefinition.diagnostics(of: try readText(file))
        let failed = diagnostics.contains { $0.isError }
        if output.json {
            print(JSONValue.object([
                "result": .string(failed ? "FAIL" : "OK"), "diagnostics": .array(diagnostics.map(\.json)),
            ]).text)
        } else {
            for diagnostic in diagnostics { print("\(file): \(diagnostic.text)") }
            note(failed ? "\(file) is not valid" : "\(file) is valid")
        }
        if failed { throw ExitCode(1) }
    }
}

extension Connection {
    /// Creates the state machine, or gives an existing one of that name this definition.
    func putStateMachine(name: String, definition: String, roleArn: String) async throws -> String {
        let request: JSONObject = ["name": .string(name), "definition": .string(definition), "roleArn": .string(roleArn)]
        do {
            return try await call("states", "CreateStateMachine", request)["stateMachineArn"]?.string ?? ""
        } catch let error as AWSError where error.code == "StateMachineAlreadyExists" {
            let machines = try await all("states", "ListStateMachines", member: "stateMachines")
            guard let arn = machines.first(where: { $0["name"]?.string == name })?["stateMachineArn"] else { throw error }
            _ = try await call(
                "states", "UpdateStateMachine",
                ["stateMachineArn": arn, "definition": .string(definition), "roleArn": .string(roleArn)])
            return arn.string ?? ""
        }
    }
}

func describeFailure(_ execution: JSONObject) -> String {
    let parts = ["status", "error", "cause"].compactMap { execution[$0]?.string }
    return parts.joined(separator: ": ") + "\nhistory: millrace history \(execution["executionArn"]?.string ?? "")"
}

func readText(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw CommandFailure("cannot read \(path): is it there, and may you read it?")
    }
    return String(decoding: data, as: UTF8.self)
}
