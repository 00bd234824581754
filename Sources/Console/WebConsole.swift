import AWSProtocol
package import JSONModel
import NIOCore
package import ServiceKit
package import Support

/// The web console: what runs now, one execution, one job; and the pages that machines read (`/healthz`, `/readyz`,
/// `/metrics`).
///
/// It asks the services what any client could ask, in the server's own account and region.
package struct WebConsole: Sendable {
    private let states: any JSONService
    private let batch: any JSONService
    private let logs: any JSONService
    private let builtInQueues: [String]
    private let context: @Sendable () -> CallContext
    private let metrics: @Sendable () async -> [Metric]
    private let readiness: @Sendable () async -> String?

    /// - Parameters:
    ///   - builtInQueues: job queues that exist without being listed.
    ///   - context: the identity under which the console asks.
    ///   - metrics: current values, in the order in which they shall be listed.
    ///   - readiness: nil when requests can be served, else what is missing.
    package init(
        states: any JSONService, batch: any JSONService, logs: any JSONService, builtInQueues: [String],
        context: @escaping @Sendable () -> CallContext, metrics: @escaping @Sendable () async -> [Metric],
        readiness: @escaping @Sendable () async -> String?
    ) {
        self.states = states
        self.batch = batch
        self.logs = logs
        self.builtInQueues = builtInQueues
        self.context = context
        self.metrics = metrics
        self.readiness = readiness
    }

    package func respond(to request: IncomingRequest) async -> HTTPAnswer {
        guard request.method == "GET" || request.method == "HEAD" else { return text(405, "only GET is served here\n") }
        let segments = request.rawPath.split(separator: "/").map { PercentEncoding.decodeText($0) ?? String($0) }
        do {
            switch segments.first {
            case nil: return page("Overview", try await overview(), live: true)
            case "healthz": return text(200, "ok\n")
            case "readyz":
                let missing = await readiness()
                return text(missing == nil ? 200 : 503, (missing ?? "ready") + "\n")
            case "metrics":
                return text(200, Metric.exposition(await metrics()), type: "text/plain; version=0.0.4")
            case "executions" where segments.count == 2:
                return page("Execution", try await execution(segments[1]), live: true)
            case "jobs" where segments.count == 2:
                return page("Job", try await job(segments[1]), live: true)
            default: return page("Not found", ConsolePages.notFound, status: 404)
            }
        } catch let error as AWSError {
            return page("Not found", ConsolePages.failure(error.message), status: error.httpStatus)
        } catch {
            return page("Error", ConsolePages.failure("\(error)"), status: 500)
        }
    }

    // MARK: Pages

    private func overview() async throws -> HTML {
        let context = context()
        let machines = try await states.call("ListStateMachines", ["maxResults": 100], context)["stateMachines"]
        var executions: [JSONValue] = []
        for machine in machines?.array ?? [] {
            // Executions of Express machines are not kept.
            guard let arn = machine["stateMachineArn"], machine["type"]?.string != "EXPRESS" else { continue }
            let page = try await states.call(
                "ListExecutions", ["stateMachineArn": arn, "maxResults": 50], context)
            executions += page["executions"]?.array ?? []
        }
        executions.sort { ($0["startDate"]?.double ?? 0) > ($1["startDate"]?.double ?? 0) }
        let now = context.receivedAt.secondsSince1970
        let executionRows = executions.prefix(50).map { execution in
            let arn = execution["executionArn"]?.string ?? ""
            return ConsolePages.ExecutionRow(
                link: "/executions/" + PercentEncoding.encode(arn), name: execution["name"]?.string ?? "",
                machine: arn.split(separator: ":").dropLast().last.map(String.init) ?? "",
                status: execution["status"]?.string ?? "", started: clock(execution["startDate"]),
                took: span(execution["startDate"]?.double, execution["stopDate"]?.double ?? now))
        }
        let jobRows = try await jobs(context).prefix(50).map { job in
            ConsolePages.JobRow(
                link: "/jobs/" + PercentEncoding.encode(job["jobId"]?.string ?? ""),
                name: job["jobName"]?.string ?? "", queue: job["queue"]?.string ?? "",
                status: job["status"]?.string ?? "", created: clock(milliseconds: job["createdAt"]),
                took: job["startedAt"]?.double.map {
                    span($0 / 1000, job["stoppedAt"]?.double.map { $0 / 1000 } ?? now)
                } ?? "",
                reason: job["statusReason"]?.string ?? "", read: job["progress"]?["rowsRead"]?.text ?? "",
                written: job["progress"]?["rowsWritten"]?.text ?? "")
        }
        return ConsolePages.overview(executionRows, jobRows)
    }

    private func jobs(_ context: CallContext) async throws -> [JSONObject] {
        var found: [JSONObject] = []
        let queues = try await batch.call("DescribeJobQueues", [:], context)["jobQueues"]?.array ?? []
        for name in builtInQueues.map(JSONValue.string) + queues.compactMap({ $0["jobQueueName"] }) {
            for status in ["RUNNING", "STARTING", "RUNNABLE", "PENDING", "SUBMITTED", "FAILED", "SUCCEEDED"] {
                let page = try await batch.call("ListJobs", ["jobQueue": name, "jobStatus": .string(status)], context)
                found += (page["jobSummaryList"]?.array ?? []).compactMap { job in
                    guard var job = job.object else { return nil }
                    job["queue"] = name
                    return job
                }
            }
        }
        return found.sorted { ($0["createdAt"]?.double ?? 0) > ($1["createdAt"]?.double ?? 0) }
    }

    private func execution(_ arn: String) async throws -> HTML {
        let context = context()
        let description = try await states.call("DescribeExecution", ["executionArn": .string(arn)], context)
        let history = try await states.call(
            "GetExecutionHistory", ["executionArn": .string(arn), "maxResults": 1000], context)
        let begin = description["startDate"]?.double ?? 0
        let rows = (history["events"]?.array ?? []).map { event in
            let details = event.object?.first { $0.key.hasSuffix("EventDetails") }?.value
            let what = ["name", "resource", "error", "cause"].compactMap { details?[$0]?.string }.joined(separator: " · ")
            return ConsolePages.EventRow(
                id: event["id"]?.text ?? "", type: event["type"]?.string ?? "",
                at: span(begin, event["timestamp"]?.double ?? begin), what: String(what.prefix(160)),
                isFailure: ["Failed", "TimedOut", "Aborted"].contains { (event["type"]?.string ?? "").hasSuffix($0) })
        }
        return ConsolePages.execution(
            ConsolePages.Execution(
                arn: arn, name: description["name"]?.string ?? "", status: description["status"]?.string ?? "",
                started: clock(description["startDate"]),
                took: span(begin, description["stopDate"]?.double ?? context.receivedAt.secondsSince1970),
                error: description["error"]?.string ?? "", cause: description["cause"]?.string ?? "",
                input: pretty(description["input"]), output: pretty(description["output"]), events: rows))
    }

    private func job(_ id: String) async throws -> HTML {
        let context = context()
        let answer = try await batch.call("DescribeJobs", ["jobs": [.string(id)]], context)
        guard let job = answer["jobs"]?[0]?.object else {
            throw AWSError("ClientException", "There is no job \(id).", httpStatus: 404)
        }
        var lines: [String] = []
        if let stream = job["container"]?["logStreamName"] {
            let page = try await logs.call(
                "GetLogEvents", ["logGroupName": "/aws/batch/job", "logStreamName": stream, "startFromHead": false],
                context)
            lines = (page["events"]?.array ?? []).compactMap { $0["message"]?.string }
        }
        return ConsolePages.job(
            ConsolePages.Job(
                id: id, name: job["jobName"]?.string ?? "", status: job["status"]?.string ?? "",
                reason: job["statusReason"]?.string ?? "", log: lines.joined(separator: "\n"),
                details: JSONValue.object(job).prettyText))
    }

    // MARK: Answers

    private func page(_ title: String, _ body: HTML, live: Bool = false, status: Int = 200) -> HTTPAnswer {
        text(status, ConsolePages.layout(title: title, body, live: live).markup, type: "text/html; charset=utf-8")
    }

    private func text(_ status: Int, _ text: String, type: String = "text/plain; charset=utf-8") -> HTTPAnswer {
        HTTPAnswer(
            status: status,
            fields: [
                "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff",
                "content-security-policy":
                    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
                    + "img-src data:",
            ], body: .bytes(ByteBuffer(string: text)))
    }

    private func clock(_ seconds: JSONValue?) -> String {
        seconds?.double.map { Timestamp(secondsSince1970: $0).iso8601.readable } ?? ""
    }

    private func clock(milliseconds: JSONValue?) -> String {
        milliseconds?.int64.map { Timestamp(millisecondsSince1970: $0).iso8601.readable } ?? ""
    }

    private func span(_ from: Double?, _ to: Double) -> String {
        guard let from else { return "" }
        let milliseconds = Timestamp(secondsSince1970: max(0, to - from)).millisecondsSince1970
        return switch milliseconds {
        case ..<1000: "\(milliseconds) ms"
        case ..<60_000: "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
        default: "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s"
        }
    }

    private func pretty(_ text: JSONValue?) -> String {
        guard let text = text?.string else { return "" }
        return (try? JSONValue(parsing: text).prettyText) ?? text  // Shown as it is when it is no JSON.
    }
}

extension String {
    /// `2026-11-21T11:32:41.123Z` as `2026-11-21 11:32:41`.
    fileprivate var readable: String {
        String(prefix(19)).split(separator: "T").joined(separator: " ")
    }
}
