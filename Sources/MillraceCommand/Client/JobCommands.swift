import ArgumentParser
import JSONModel

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Show jobs, or stop one.",
        discussion: """
            A Glue job run is a job, too, of the queue glue.

            EXAMPLES
              millrace jobs
              millrace jobs show medallion-silver
            """,
        subcommands: [List.self, Show.self, Stop.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "Jobs of every queue, newest first.",
            discussion: """
                --json prints an array of jobs as ListJobs describes them.

                EXAMPLES
                  millrace jobs ls
                  millrace jobs ls --status FAILED --limit 5
                  millrace jobs ls --name medallion-silver --json | jq -r '.[].jobId'
                """)
        @Option(help: "Only this queue.")
        var queue: String?
        @Option(help: "Only jobs of this status, such as RUNNING or FAILED.", completion: .list(Connection.jobStatuses))
        var status: String?
        @Option(help: "Only jobs of this name.", completion: .jobs)
        var name: String?
        @Option(name: [.long, .customShort("n")], help: "At most so many jobs.")
        var limit = 50
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...1000).contains(limit) else { throw ValidationError("--limit must lie between 1 and 1000, found \(limit)") }
            if let status, !Connection.jobStatuses.contains(status.uppercased()) {
                throw ValidationError("--status must be one of \(Connection.jobStatuses.joined(separator: ", ")), found '\(status)'")
            }
        }

        func run() async throws {
            var jobs = try await connection.connect().jobs(
                queue: queue, statuses: status.map { [$0.uppercased()] } ?? Connection.jobStatuses,
                limit: name == nil ? limit : nil)
            if let name { jobs = jobs.filter { $0.name == name } }
            jobs = Array(jobs.prefix(limit))
            if output.json { return printDocument(.array(jobs.map(\.summary))) }
            if jobs.isEmpty { return note(status == nil && name == nil ? "no jobs yet" : "no such jobs") }
            print(
                TextTable(
                    [
                        .init("STATUS"), .init("STARTED"), .init("TOOK", alignsRight: true), .init("QUEUE"), .init("NAME"),
                        .init("JOB"), .init("REASON, OR WHAT IT DOES", shrinks: true),
                    ],
                    jobs.map { job in
                        let started = seconds(ofMilliseconds: job.summary["startedAt"])
                        return [
                            .status(job.status), .init(time(started)),
                            .init(duration(from: started, to: seconds(ofMilliseconds: job.summary["stoppedAt"]))),
                            .init(job.queue), .init(job.name), .init(job.id),
                            .init((job.summary["statusReason"] ?? job.summary["progress"]?["message"])?.string ?? ""),
                        ]
                    }
                ).text())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "One job with its attempts.",
            discussion: """
                --json prints the job as DescribeJobs describes it.

                EXAMPLES
                  millrace jobs show medallion-silver      the latest of that name
                  millrace jobs show 5c0b
                  millrace jobs show jr_8a1c --json | jq .container.exitCode
                """)
        @Argument(help: Connection.jobHelp, completion: .jobs)
        var job: String
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let job = JSONValue.object(try await connection.connect().job(job))
            if output.json { return printDocument(job) }
            func moment(_ name: String) -> JSONValue? { seconds(ofMilliseconds: job[name]) }
            let id = job["jobId"]?.string ?? ""
            var lines: [(name: String, value: TextTable.Cell)] = [
                ("job", .init(id)), ("name", .init(job["jobName"]?.string ?? "")),
                ("queue", .init(job["jobQueue"]?.string?.split(separator: "/").last.map(String.init) ?? "")),
                ("status", .status(job["status"]?.string ?? "")),
            ]
            if let run = job["glueRunId"]?.string { lines.insert(("glue run", .init(run)), at: 1) }
            if let reason = job["statusReason"]?.string { lines.append(("reason", .init(reason))) }
            lines += [
                ("created", .init(time(moment("createdAt")))), ("started", .init(time(moment("startedAt")))),
                ("took", .init(duration(from: moment("startedAt"), to: moment("stoppedAt")))),
                ("runs", .init(Self.commandLine(job))),
            ]
            for (index, attempt) in (job["attempts"]?.array ?? []).enumerated() {
                let container = attempt["container"]
                let parts = [
                    container?["exitCode"].map { "exit code \($0.text)" }, attempt["statusReason"]?.string,
                    container?["reason"]?.string,
                ]
                lines.append(("attempt \(index + 1)", .init(parts.compactMap { $0 }.joined(separator: ", "))))
            }
            lines.append(("logs", .init("millrace logs \(id)")))
            print(fields(lines))
        }

        private static func commandLine(_ job: JSONValue) -> String {
            let words = [job["container"]?["image"]?.string ?? ""]
                + (job["container"]?["command"]?.array ?? []).compactMap(\.string)
            return words.map { word in
                word.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=@%+,".contains($0) } && !word.isEmpty
                    ? word : "'\(word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
            }.joined(separator: " ")
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stop", abstract: "Stop a job.",
            discussion: """
                What waits is cancelled, what runs is ended: first asked to, after its grace time killed.

                EXAMPLE
                  millrace jobs stop 5c0b --reason 'wrong day'
                """)
        @Argument(help: Connection.jobHelp, completion: .jobs)
        var job: String
        @Option(help: "Why.")
        var reason = "stopped by millrace jobs stop"
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let server = try connection.connect()
            let found = try await server.job(job)
            let id = found["jobId"] ?? .null
            let status = found["status"]?.string ?? ""
            _ = try await server.call("batch", "TerminateJob", ["jobId": id, "reason": .string(reason)])
            if output.json { return printDocument(["jobId": id, "statusBefore": .string(status)]) }
            note(
                ["SUCCEEDED", "FAILED"].contains(status)
                    ? "\(id.string ?? "") had ended already: \(status)" : "\(id.string ?? "") is being stopped")
        }
    }
}
