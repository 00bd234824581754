import AWSProtocol
import JSONModel
import Support

#if canImport(Glibc)
import Glibc
#endif

/// Prints what jobs have written, from the beginning or the last lines, and goes on until they end.
///
/// Each turn asks which jobs and attempts there are, *then* reads what each has written since: so what a job wrote
/// before it was seen to have ended is read. Turns follow each other faster while there is output.
final class LogReader {
    enum Target {
        case job(String)
        case execution(String)
    }

    struct Settings {
        var attempt: Int?
        var tail: Int?
        var timestamps = false
        var json = false
    }

    private struct Source {
        let job: String
        let name: String
        let attempt: Int
        let stream: String
        /// Where the next read begins; nil before the first.
        var token: JSONValue?
        /// The attempt had ended before the last read: there is no more.
        var isDone = false
    }

    private static let pauses: ClosedRange<Int64> = 200...2000

    private let server: Connection
    private let target: Target
    private let settings: Settings
    /// As the last look found them.
    private var jobs: [JSONObject] = []
    private var sources: [Source] = []
    private var shown: String?
    private var linesPrinted = 0
    private var history: [String: ExecutionJobs] = [:]

    init(server: Connection, target: Target, settings: Settings) {
        self.server = server
        self.target = target
        self.settings = settings
    }

    /// - Returns: the status of the job or execution at the last look.
    func run(follow: Bool, deadline: Timestamp?) async throws -> String? {
        let clock = SystemWallClock()
        var pause = Self.pauses.lowerBound
        while true {
            let (status, isOver) = try await look()
            let before = linesPrinted
            for index in sources.indices where !sources[index].isDone { try await read(index) }
            fflush(nil)
            if !follow || isOver {
                if linesPrinted == 0 { note(silence(status ?? "unknown", isOver)) }
                return status
            }
            pause = linesPrinted > before ? Self.pauses.lowerBound : min(pause * 3 / 2, Self.pauses.upperBound)
            if let deadline {
                let rest = deadline.milliseconds(since: clock.now())
                guard rest > 0 else {
                    throw CommandFailure("no end within the time given with --timeout. What runs goes on.", .timedOut)
                }
                pause = min(pause, rest)
            }
            try await Task.sleep(for: .milliseconds(pause))
        }
    }

    /// Then further jobs may follow, and each is named.
    private var isOfExecution: Bool { if case .execution = target { true } else { false } }

    /// Why nothing was shown, and what to look at next.
    private func silence(_ status: String, _ isOver: Bool) -> String {
        switch target {
        case .job(let id): return jobs.first.map { Self.silence(of: $0) } ?? "job \(id) has no children: it is \(status)"
        case .execution(let arn):
            let name = Connection.shortName(arn)
            if jobs.isEmpty {
                return isOver
                    ? "\(name) ran no jobs: it is \(status); `millrace history \(name)` shows what it did"
                    : "\(name) has run no jobs so far: it is \(status)"
            }
            return (["the jobs of \(name) \(isOver ? "printed nothing" : "have printed nothing so far"):"]
                + jobs.prefix(Self.silentJobsMax).map { "  " + Self.silence(of: $0) }).joined(separator: "\n")
        }
    }

    private static let silentJobsMax = 10

    private static func silence(of job: JSONObject) -> String {
        let id = job["jobId"]?.string ?? ""
        let reason = (job["statusReason"] ?? job["attempts"]?.array?.last?["container"]?["reason"])?.string
        let state = "it is \(job["status"]?.string ?? "unknown")" + (reason.map { ", \($0)" } ?? "")
        switch (["SUCCEEDED", "FAILED"].contains(job["status"]?.string), job["startedAt"] != nil) {
        case (true, true): return "job \(id) printed nothing: \(state)"
        case (true, false):
            return "job \(id) never started: \(state); `millrace jobs show \(id)` shows what it was to run"
        case (false, true): return "job \(id) has printed nothing so far: \(state)"
        case (false, false): return "job \(id) has not started: \(state); --follow waits for it"
        }
    }

    // MARK: - What there is

    private func look() async throws -> (status: String?, isOver: Bool) {
        switch target {
        case .job(let id):
            var jobs = try await server.describe(jobs: [id])
            guard let job = jobs.first else {
                throw CommandFailure("there is no job \(id). `millrace jobs ls` shows those there are.", .notFound)
            }
            if job["arrayProperties"]?["size"] != nil {
                let children = try await server.jobs(parent: id).map(\.id)
                jobs = try await server.describe(jobs: children.sorted())
            }
            add(jobs)
            let status = job["status"]?.string
            return (status, ["SUCCEEDED", "FAILED"].contains(status))
        case .execution(let arn):
            let description = try await server.call("states", "DescribeExecution", ["executionArn": .string(arn)])
            let ids = try await jobIDs(ofExecution: arn, depth: 0)
            let jobs = try await server.describe(jobs: ids)
            add(jobs)
            let status = description["status"]?.string
            let areOver = jobs.allSatisfy { ["SUCCEEDED", "FAILED"].contains($0["status"]?.string) }
            return (status, status != "RUNNING" && areOver)
        }
    }

    private static let depthMax = 8

    /// Jobs that the execution and its children submitted, in order.
    private func jobIDs(ofExecution arn: String, depth: Int) async throws -> [String] {
        var known = history[arn] ?? ExecutionJobs()
        try await known.update(arn, server)
        history[arn] = known
        var ids = known.jobs
        if depth < Self.depthMax {
            for child in known.children { ids += try await jobIDs(ofExecution: child, depth: depth + 1) }
        }
        return ids
    }

    private func add(_ jobs: [JSONObject]) {
        self.jobs = jobs
        for job in jobs {
            let ended = job["attempts"]?.array ?? []
            var streams = ended.compactMap { $0["container"]?["logStreamName"]?.string }
            if let last = job["container"]?["logStreamName"]?.string, last != streams.last { streams.append(last) }
            for (index, stream) in streams.enumerated() {
                guard settings.attempt == nil || settings.attempt == index + 1,
                    !sources.contains(where: { $0.stream == stream })
                else { continue }
                sources.append(
                    Source(
                        job: job["jobId"]?.string ?? "", name: job["jobName"]?.string ?? "", attempt: index + 1,
                        stream: stream))
            }
        }
    }

    // MARK: - What was written

    private func read(_ index: Int) async throws {
        var request: JSONObject = [
            "logGroupName": "/aws/batch/job", "logStreamName": .string(sources[index].stream), "startFromHead": true,
        ]
        while true {
            request["nextToken"] = sources[index].token
            if sources[index].token == nil, let tail = settings.tail {
                request["startFromHead"] = false
                request["limit"] = .number(tail)
            }
            let page: JSONObject
            do {
                page = try await server.call("logs", "GetLogEvents", request)
            } catch let error as AWSError where error.code == "ResourceNotFoundException" {
                return  // The attempt has not begun to run.
            }
            for event in page["events"]?.array ?? [] { show(event, sources[index]) }
            let next = page["nextForwardToken"]
            let isEnd = next == nil || next == sources[index].token || page["events"]?.array?.isEmpty != false
            sources[index].token = next
            request["limit"] = nil
            if isEnd { return }
        }
    }

    private func show(_ event: JSONValue, _ source: Source) {
        let message = event["message"]?.string ?? ""
        linesPrinted += 1
        if settings.json {
            let line: JSONObject = [
                "job": .string(source.job), "jobName": .string(source.name), "attempt": .number(source.attempt),
                "timestamp": event["timestamp"] ?? .null, "message": .string(message),
            ]
            return print(JSONValue.object(line).text)
        }
        if shown != source.stream {
            if isOfExecution || sources.count > 1 || source.attempt > 1 {
                if shown != nil { print("") }
                print(Ink.heading.on("==> \(source.name) \(source.job) attempt \(source.attempt) <=="))
            }
            shown = source.stream
        }
        if settings.timestamps {
            print(Ink.faint.on(time(seconds(ofMilliseconds: event["timestamp"]))) + "  " + message)
        } else {
            print(message)
        }
    }
}

/// The jobs and child executions that an execution's history names so far.
struct ExecutionJobs {
    private(set) var jobs: [String] = []
    private(set) var children: [String] = []
    private var seen: Int64 = 0
    /// Glue runs whose job is not known yet.
    private var runs: [String] = []

    /// Reads what is new in the history.
    mutating func update(_ execution: String, _ server: Connection) async throws {
        var request: JSONObject = [
            "executionArn": .string(execution), "reverseOrder": true, "maxResults": 1000, "includeExecutionData": true,
        ]
        var events: [JSONValue] = []
        while true {
            let page = try await server.call("states", "GetExecutionHistory", request)
            let seen = seen
            let new = (page["events"]?.array ?? []).prefix { ($0["id"]?.int64 ?? 0) > seen }
            events += new
            guard let token = page["nextToken"], new.count == page["events"]?.array?.count else { break }
            request["nextToken"] = token
        }
        seen = max(seen, events.first?["id"]?.int64 ?? 0)
        for event in events.reversed() { try take(event) }
        if !runs.isEmpty { try await findRuns(server) }
    }

    private mutating func take(_ event: JSONValue) throws {
        if let job = ExecutionFailure.job(of: event) {
            if job.hasPrefix("jr_") {
                if !runs.contains(job) { runs.append(job) }
            } else if !jobs.contains(job) {
                jobs.append(job)
            }
        }
        guard let details = event["taskSubmittedEventDetails"] ?? event["taskSucceededEventDetails"],
            details["resourceType"]?.string == "states", let output = details["output"]?.string,
            let child = (try? JSONValue(parsing: output))?["ExecutionArn"]?.string,  // Cut short: no child in it.
            !children.contains(child)
        else { return }
        children.append(child)
    }

    /// A run's job is found in the queue of Glue runs.
    private mutating func findRuns(_ server: Connection) async throws {
        var found: [String: String] = [:]
        for job in try await server.jobs(queue: "glue") { if let run = job.runID { found[run] = job.id } }
        for run in runs {
            if let id = found[run], !jobs.contains(id) { jobs.append(id) }
        }
        runs.removeAll { found[$0] != nil }
    }
}
