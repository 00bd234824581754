import JSONModel
import Support

#if canImport(Glibc)
import Glibc
#endif

/// Shows an execution's states and jobs on standard error while they run: a line that is redrawn on a terminal, plain
/// lines otherwise.
struct ExecutionFollower {
    let server: Connection
    let execution: String
    var quiet = false

    /// - Returns: the answer of DescribeExecution after the end.
    func untilEnd() async throws -> JSONObject {
        let terminal = isatty(2) == 1 && !quiet
        var seen: Int64 = 0
        var started: [String: Double] = [:]
        var running: [String] = []
        let begin = SystemWallClock().now()
        while true {
            let description = try await server.call("states", "DescribeExecution", ["executionArn": .string(execution)])
            if !quiet {
                let events = try await newEvents(after: seen)
                if terminal { clearLine() }
                for event in events {
                    seen = max(seen, event["id"]?.int64 ?? 0)
                    let type = event["type"]?.string ?? ""
                    let at = event["timestamp"]?.double ?? 0
                    if type.hasSuffix("StateEntered"), let name = event["stateEnteredEventDetails"]?["name"]?.string {
                        started[name] = at
                        running.append(name)
                    } else if type.hasSuffix("StateExited"), let name = event["stateExitedEventDetails"]?["name"]?.string {
                        if let index = running.firstIndex(of: name) { running.remove(at: index) }
                        let took = Int64((at - (started[name] ?? at)) * 1000)
                        note("  \(name)  \(duration(milliseconds: took))")
                    } else if type.hasSuffix("Failed") || type.hasSuffix("TimedOut") {
                        note("  \(type)  \(HistoryCommand.summary(event))")
                    }
                }
            }
            if description["status"]?.string != "RUNNING" {
                if terminal { clearLine() }
                return description
            }
            if terminal {
                let elapsed = SystemWallClock().now().milliseconds(since: begin)
                draw("  \(spinner(elapsed)) \(running.joined(separator: ", "))\(await jobs())  \(duration(milliseconds: elapsed))")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func newEvents(after id: Int64) async throws -> [JSONValue] {
        // Events come oldest first; the pages up to `id` are short reads of what is already known.
        try await server.all(
            "states", "GetExecutionHistory",
            ["executionArn": .string(execution), "maxResults": 1000, "includeExecutionData": true], member: "events"
        ).filter { ($0["id"]?.int64 ?? 0) > id }
    }

    /// How many jobs run, and how many rows they have read and written so far.
    private func jobs() async -> String {
        // Without an answer the line goes without the jobs: the next one comes soon.
        guard let page = try? await server.call("batch", "ListJobs", ["jobQueue": "glue", "jobStatus": "RUNNING"]),
            let jobs = page["jobSummaryList"]?.array, !jobs.isEmpty
        else { return "" }
        let read = jobs.reduce(Int64(0)) { $0 &+ ($1["progress"]?["rowsRead"]?.int64 ?? 0) }
        let written = jobs.reduce(Int64(0)) { $0 &+ ($1["progress"]?["rowsWritten"]?.int64 ?? 0) }
        return "  [\(jobs.count) \(jobs.count == 1 ? "job" : "jobs"): \(read) rows read, \(written) written]"
    }

    private func spinner(_ milliseconds: Int64) -> String {
        ["|", "/", "-", "\\"][Int(milliseconds / 200 % 4)]
    }

    private func clearLine() { draw("") }

    private func draw(_ text: String) {
        let bytes = Array(("\r\u{1B}[K" + text).utf8)
        _ = write(2, bytes, bytes.count)
    }
}
