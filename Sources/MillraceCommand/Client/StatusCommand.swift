import ArgumentParser
import JSONModel
import Support

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show executions, or one of them.",
        discussion: """
            Without an argument, the latest executions of every state machine; with a state machine's name, its own; with \
            an execution, everything about it: where and why it failed, its input and output.

            --json prints an array of executions, or the answer of DescribeExecution.

            EXAMPLES
              millrace status
              millrace status hello               the last executions of hello
              millrace status hello:9f1c          one of them; 9f1c alone will do, too
              millrace status hello --wait        wait for its latest execution
              millrace status --status FAILED --limit 5
            """)

    @Argument(help: "A state machine's name or ARN, or an execution's; beginnings will do.", completion: .machines)
    var execution: String?
    @Option(help: "Only executions that are RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.", completion: .list(Self.statuses))
    var status: String?
    @Option(name: [.long, .customShort("n")], help: "At most so many executions.")
    var limit = 20
    @Flag(help: "Wait until the execution ends, then print its output.")
    var wait = false
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    private static let statuses = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit must lie between 1 and 1000, found \(limit)") }
        if let status, !Self.statuses.contains(status.uppercased()) {
            throw ValidationError("--status must be one of \(Self.statuses.joined(separator: ", ")), found '\(status)'")
        }
        if wait, execution == nil { throw ValidationError("--wait needs an execution or a state machine") }
        if waiting.timeout != nil, !wait { throw ValidationError("--timeout goes with --wait") }
    }

    func run() async throws {
        let deadline = waiting.deadline
        let server = try connection.connect(patience: wait ? Connection.patienceOfFollowers : Connection.patience)
        if wait, let execution {
            return try await server.wait(for: try await server.execution(execution), waiting, deadline, output)
        }
        switch try await optional(execution, { try await server.named($0) }) {
        case nil: try await list(server, try await server.machines().map(\.arn), "")
        case .machine(let name, let arn): try await list(server, [arn], " of \(name)")
        case .execution(let arn): try await show(server, arn)
        }
    }

    private func list(_ server: Connection, _ machines: [String], _ whose: String) async throws {
        var rows: [JSONValue] = []
        for machine in machines {
            var request: JSONObject = ["stateMachineArn": .string(machine), "maxResults": .number(limit)]
            if let status { request["statusFilter"] = .string(status.uppercased()) }
            rows += try await server.call("states", "ListExecutions", request)["executions"]?.array ?? []
        }
        rows.sort { ($0["startDate"]?.double ?? 0) > ($1["startDate"]?.double ?? 0) }
        rows = Array(rows.prefix(limit))
        if output.json { return printDocument(.array(rows)) }
        if rows.isEmpty {
            let which = status.map { " that are \($0.uppercased())" } ?? " yet"
            return note("no executions\(whose)\(which); `millrace submit FILE` starts one")
        }
        print(
            TextTable(
                [.init("STATUS"), .init("STARTED"), .init("TOOK", alignsRight: true), .init("EXECUTION")],
                rows.map {
                    [
                        .status($0["status"]?.string ?? ""), .init(time($0["startDate"])),
                        .init(duration(from: $0["startDate"], to: $0["stopDate"])),
                        .init(Connection.shortName($0["executionArn"]?.string ?? "")),
                    ]
                }
            ).text())
    }

    private func show(_ server: Connection, _ arn: String) async throws {
        let answer = try await server.call("states", "DescribeExecution", ["executionArn": .string(arn)])
        if output.json { return printDocument(.object(answer)) }
        let status = answer["status"]?.string ?? ""
        var lines: [(name: String, value: TextTable.Cell)] = [
            ("execution", .init(Connection.shortName(arn))), ("arn", .init(arn)), ("status", .status(status)),
            ("started", .init(time(answer["startDate"]))),
            ("took", .init(duration(from: answer["startDate"], to: answer["stopDate"]))),
        ]
        if !["RUNNING", "SUCCEEDED"].contains(status) {
            let failure = try await ExecutionFailure(of: arn, server)
            if let state = failure.state { lines.append(("failed in", .init(state))) }
            if let error = answer["error"]?.string { lines.append(("error", .init(error, .bad))) }
            if let cause = answer["cause"]?.string { lines.append(("cause", .init(readableCause(cause)))) }
            if let job = failure.job { lines.append(("logs", .init("millrace logs \(job)"))) }
        }
        for name in ["input", "output"] {
            if let text = answer[name]?.string { lines.append((name, .init(text))) }
        }
        lines.append(("history", .init("millrace history \(Connection.shortName(arn))")))
        print(fields(lines))
    }
}

func optional<T, R>(_ value: T?, _ body: (T) async throws -> R) async throws -> R? {
    if let value { try await body(value) } else { nil }
}
