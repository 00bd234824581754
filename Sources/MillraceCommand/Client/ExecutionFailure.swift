import JSONModel

/// Where an execution failed, found in its history.
struct ExecutionFailure {
    /// Nil when the history does not lead to one, as after a stop.
    var state: String?
    /// The job that the state ran, as `millrace logs` takes it.
    var job: String?

    private static let pageMax = 20

    /// Walks from the last event back to the state that was entered before it.
    init(of execution: String, _ server: Connection) async throws {
        var request: JSONObject = [
            "executionArn": .string(execution), "reverseOrder": true, "maxResults": 1000, "includeExecutionData": true,
        ]
        var events: [Int64: JSONValue] = [:]
        var next: Int64?
        for _ in 0..<Self.pageMax {
            let page = try await server.call("states", "GetExecutionHistory", request)
            for event in page["events"]?.array ?? [] {
                guard let id = event["id"]?.int64 else { continue }
                if next == nil { next = id }
                events[id] = event
            }
            while let id = next, let event = events[id] {
                if job == nil { job = Self.job(of: event) }
                if event["type"]?.string?.hasSuffix("StateEntered") == true {
                    state = event["stateEnteredEventDetails"]?["name"]?.string
                    return
                }
                next = event["previousEventId"]?.int64 ?? 0
            }
            guard let token = page["nextToken"], next != 0 else { return }
            request["nextToken"] = token
        }
    }

    /// The job or job run that an event says was submitted.
    static func job(of event: JSONValue) -> String? {
        guard let details = event["taskSubmittedEventDetails"] ?? event["taskSucceededEventDetails"],
            ["glue", "batch"].contains(details["resourceType"]?.string ?? ""),
            let output = details["output"]?.string, let answer = try? JSONValue(parsing: output)  // Cut short: no job in it.
        else { return nil }
        return (answer["JobRunId"] ?? answer["JobId"] ?? answer["jobId"])?.string
    }
}

/// What a person wants to know of an execution that did not succeed: where, why, and what to type next.
func describeFailure(_ execution: JSONObject, _ server: Connection) async throws -> String {
    let arn = execution["executionArn"]?.string ?? ""
    let failure = try await ExecutionFailure(of: arn, server)
    let name = Connection.shortName(arn)
    var lines = ["\(name) \(execution["status"]?.string ?? "")" + (failure.state.map { " in state \($0)" } ?? "")]
    if let error = execution["error"]?.string { lines.append("error:   \(error)") }
    if let cause = execution["cause"]?.string, !cause.isEmpty { lines.append("cause:   \(readableCause(cause))") }
    if let job = failure.job { lines.append("logs:    millrace logs \(job)") }
    lines.append("history: millrace history \(name)")
    return lines.joined(separator: "\n")
}

/// The message inside a cause that is a job's whole description in JSON; other causes as they are.
func readableCause(_ cause: String) -> String {
    guard cause.hasPrefix("{"), let value = try? JSONValue(parsing: cause) else { return cause }  // No JSON: plain text.
    let message = value["ErrorMessage"] ?? value["StatusReason"] ?? value["Container"]?["Reason"] ?? value["Cause"]
    return message?.string ?? cause
}
