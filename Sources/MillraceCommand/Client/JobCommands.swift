import ArgumentParser
import AWSProtocol
import BatchEngine
import JSONModel
import Support

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Show jobs.", subcommands: [List.self, Show.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "Jobs of every queue, newest first.")
        @Option(help: "Only this queue.")
        var queue: String?
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let server = try connection.connect()
            var queues = JobQueueNames.builtIn
            queues += try await server.all("batch", "DescribeJobQueues", member: "jobQueues")
                .compactMap { $0["jobQueueName"]?.string }
            if let queue { queues = queues.filter { $0 == queue } }
            var rows: [(queue: String, job: JSONValue)] = []
            for queue in queues {
                for status in ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"] {
                    let page = try await server.call(
                        "batch", "ListJobs", ["jobQueue": .string(queue), "jobStatus": .string(status)])
                    rows += (page["jobSummaryList"]?.array ?? []).map { (queue, $0) }
                }
            }
            rows.sort { ($0.job["createdAt"]?.double ?? 0) > ($1.job["createdAt"]?.double ?? 0) }
            if output.json { return print(JSONValue.array(rows.map(\.job)).text) }
            if rows.isEmpty { return note("no jobs yet") }
            print(table(["STATUS", "QUEUE", "NAME", "JOB", "REASON, OR WHAT IT DOES"], rows.map { row in
                [
                    row.job["status"]?.string ?? "", row.queue, row.job["jobName"]?.string ?? "",
                    row.job["jobId"]?.string ?? "",
                    row.job["statusReason"]?.string ?? row.job["progress"]?["message"]?.string ?? "",
                ]
            }))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "One job with its attempts.")
        @Argument(help: "A job's id.")
        var job: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            print(JSONValue.object(try await connection.connect().job(job)).prettyText)
        }
    }
}

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what a job printed.",
        discussion: "EXAMPLE\n  millrace logs 5c0b…   a Batch job's id or a Glue run's id")

    @Argument(help: "A Batch job's id, or a Glue job run's (jr_…).")
    var job: String
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let server = try connection.connect()
        if job.hasPrefix("jr_") {
            try await printEvents(server, group: "/aws-glue/jobs/output") { print($0) }
            try await printEvents(server, group: "/aws-glue/jobs/error") { note($0) }
        } else {
            let description = try await server.job(job)
            guard let stream = description["container"]?["logStreamName"]?.string else {
                throw CommandFailure(
                    "job \(job) has printed nothing: its status is \(description["status"]?.string ?? "unknown").")
            }
            try await printEvents(server, group: "/aws/batch/job", stream: stream) { print($0) }
        }
    }

    /// - Parameter stream: the job's id by default, as Glue names its streams.
    private func printEvents(
        _ server: Connection, group: String, stream: String? = nil, _ show: (String) -> Void
    ) async throws {
        var request: JSONObject = [
            "logGroupName": .string(group), "logStreamName": .string(stream ?? job), "startFromHead": true,
        ]
        while true {
            let page = try await server.call("logs", "GetLogEvents", request)
            for event in page["events"]?.array ?? [] { show(event["message"]?.string ?? "") }
            guard let next = page["nextForwardToken"], next != request["nextToken"] else { return }
            request["nextToken"] = next
        }
    }
}

extension Connection {
    func job(_ id: String) async throws -> JSONObject {
        let answer = try await call("batch", "DescribeJobs", ["jobs": [.string(id)]])
        guard let job = answer["jobs"]?.array?.first?.object else {
            throw CommandFailure("there is no job \(id). `millrace jobs ls` shows those there are.")
        }
        return job
    }
}
