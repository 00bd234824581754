import ArgumentParser
import JSONModel

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show the events of an execution.",
        discussion: """
            --json prints one event a line, as GetExecutionHistory gives them.

            EXAMPLES
              millrace history hello              its latest execution
              millrace history hello:9f1c --json | jq .type
            """)

    @Argument(help: Connection.referenceHelp, completion: .machines)
    var execution: String
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let server = try connection.connect()
        let events = try await server.all(
            "states", "GetExecutionHistory",
            ["executionArn": .string(try await server.execution(execution)), "maxResults": 1000], member: "events")
        if output.json {
            for event in events { print(event.text) }
            return
        }
        let begin = events.first?["timestamp"]
        print(
            TextTable(
                [
                    .init("ID", alignsRight: true), .init("TIME"), .init("AFTER", alignsRight: true), .init("EVENT"),
                    .init("WHAT", shrinks: true),
                ],
                events.map { event in
                    let type = event["type"]?.string ?? ""
                    let isBad = type.hasSuffix("Failed") || type.hasSuffix("TimedOut") || type.hasSuffix("Aborted")
                    return [
                        .init(event["id"]?.text ?? ""), .init(time(event["timestamp"])),
                        .init(duration(from: begin, to: event["timestamp"])),
                        .init(type, isBad ? .bad : type.hasSuffix("Succeeded") ? .good : nil), .init(Self.summary(event)),
                    ]
                }
            ).text())
    }

    private static let summaryMax = 200

    /// The name, error or output of an event's details, in one line.
    static func summary(_ event: JSONValue) -> String {
        guard let details = event.object?.first(where: { $0.key.hasSuffix("EventDetails") })?.value else { return "" }
        let cause = details["cause"]?.string.map(readableCause)
        let parts = ["name", "resource", "error"].compactMap { details[$0]?.string }
            + [cause, details["output"]?.string].compactMap { $0 }
        let text = parts.joined(separator: "  ").split(whereSeparator: \.isNewline).joined(separator: " ")
        return Display.cut(text, to: summaryMax)
    }
}
