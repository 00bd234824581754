import JSONModel
import Support

/// Watches an execution until it ends, and shows its states on standard error meanwhile.
struct ExecutionFollower {
    enum Display: Sendable {
        case none
        /// A line for each state that ended, and on a terminal one that says what runs.
        case states
    }

    let server: Connection
    let execution: String
    var display = Display.states
    /// Give up then; the execution goes on.
    var deadline: Timestamp?

    /// - Returns: the answer of DescribeExecution after the end.
    /// - Throws: `CommandFailure` `.timedOut` at the deadline.
    func untilEnd() async throws -> JSONObject {
        let clock = SystemWallClock()
        let line = StatusLine()
        let begin = clock.now()
        var seen: Int64 = 0
        var states = RunningStates()
        // A short execution is noticed at once, a long one asked after once a second.
        var pause: Int64 = 50
        while true {
            let description = try await server.call("states", "DescribeExecution", ["executionArn": .string(execution)])
            if display == .states {
                let events = try await newEvents(after: seen)
                if !events.isEmpty { line.clear() }
                for event in events {
                    seen = max(seen, event["id"]?.int64 ?? 0)
                    if let text = states.take(event) { note("  " + text) }
                }
            }
            if description["status"]?.string != "RUNNING" {
                line.clear()
                return description
            }
            let elapsed = clock.now().milliseconds(since: begin)
            if display == .states, line.isShown {
                line.show("  \(states.text)\(await jobs())  \(duration(milliseconds: elapsed))")
            }
            if let deadline, clock.now() >= deadline {
                line.clear()
                throw CommandFailure(
                    """
                    \(Connection.shortName(execution)) still runs after \(duration(milliseconds: elapsed)). It goes on:
                      millrace status \(Connection.shortName(execution)) --wait
                      millrace stop \(Connection.shortName(execution))
                    """, .timedOut)
            }
            let rest = deadline.map { max(1, $0.milliseconds(since: clock.now())) } ?? pause
            try await Task.sleep(for: .milliseconds(min(pause, rest)))
            pause = min(1000, pause * 3 / 2)
        }
    }

    /// Oldest first.
    private func newEvents(after id: Int64) async throws -> [JSONValue] {
        // The newest come first, so that what is known need not be read again.
        var request: JSONObject = [
            "executionArn": .string(execution), "maxResults": id == 0 ? 1000 : 100, "reverseOrder": true,
            "includeExecutionData": true,
        ]
        var events: [JSONValue] = []
        while true {
            let page = try await server.call("states", "GetExecutionHistory", request)
            let new = (page["events"]?.array ?? []).prefix { ($0["id"]?.int64 ?? 0) > id }
            events += new
            guard let token = page["nextToken"], new.count == page["events"]?.array?.count else { return events.reversed() }
            request["nextToken"] = token
        }
    }

    /// How many jobs run, and how many rows they have read and written so far.
    private func jobs() async -> String {
        // Without an answer the line goes without the jobs: the next one comes soon.
        guard let page = try? await server.call("batch", "ListJobs", ["jobQueue": "glue", "jobStatus": "RUNNING"]),
            let jobs = page["jobSummaryList"]?.array, !jobs.isEmpty
        else { return "" }
        let read = jobs.reduce(Int64(0)) { $0 &+ ($1["progress"]?["rowsRead"]?.int64 ?? 0) }
        let written = jobs.reduce(Int64(0)) { $0 &+ ($1["progress"]?["rowsWritten"]?.int64 ?? 0) }
        return "  [\(count(jobs.count, "job")): \(grouped(read)) rows read, \(grouped(written)) written]"
    }
}

/// Which states have been entered and not left.
private struct RunningStates {
    private var started: [String: Double] = [:]
    private var running: [String] = []

    var text: String {
        let names = running.prefix(4).joined(separator: ", ")
        return running.count > 4 ? "\(names) and \(running.count - 4) more" : names
    }

    /// - Returns: a line for the person, where the event is worth one.
    mutating func take(_ event: JSONValue) -> String? {
        let type = event["type"]?.string ?? ""
        let at = event["timestamp"]?.double ?? 0
        if type.hasSuffix("StateEntered"), let name = event["stateEnteredEventDetails"]?["name"]?.string {
            started[name] = at
            running.append(name)
        } else if type.hasSuffix("StateExited"), let name = event["stateExitedEventDetails"]?["name"]?.string {
            if let index = running.firstIndex(of: name) { running.remove(at: index) }
            let took = Int64(max(0, min(1e15, (at - (started[name] ?? at)) * 1000)))
            return "\(name)  \(duration(milliseconds: took))"
        } else if type.hasSuffix("Failed") || type.hasSuffix("TimedOut"), !type.hasPrefix("Execution") {
            return Ink.bad.on(type, .error) + "  \(HistoryCommand.summary(event))"
        }
        return nil
    }
}
