import ArgumentParser
import JSONModel
import Support

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what jobs printed, every attempt of them.",
        discussion: """
            For an execution or a state machine's name: of all jobs that its states ran, those of its child executions \
            included. Both outputs of a job come in the order in which they were printed. Where there are several jobs or \
            attempts, a line ==> NAME JOB attempt N <== precedes each one's part. \
            With --follow new lines are shown until the job or execution ends, also over a restart of the server.

            --json prints a line for each line: job, jobName, attempt, timestamp (ms since 1970), message.

            EXAMPLES
              millrace logs medallion-silver      the latest job of that name
              millrace logs 5c0b --tail 20
              millrace logs jr_8a1c --follow --exit-status && echo well done
              millrace logs medallion --follow    all jobs of its latest execution
            """)

    @Argument(
        help: ArgumentHelp(
            "A job's id, ARN or name, a Glue job run's id, or an execution as `millrace status` takes it.", valueName: "job"),
        completion: .jobsAndMachines)
    var job: String
    @Flag(name: .shortAndLong, help: "Go on until the end of the job or execution.")
    var follow = false
    @Flag(help: "With --follow: status 0 only if the job or execution succeeded, else 2.")
    var exitStatus = false
    @Option(name: [.long, .customShort("n")], help: "Only the last lines of each attempt, so many.")
    var tail: Int?
    @Option(help: "Only this attempt, counted from 1.")
    var attempt: Int?
    @Flag(name: .shortAndLong, help: "Each line's time before it.")
    var timestamps = false
    @Option(help: ArgumentHelp("With --follow: give up after this time (90s, 5m), status 75.", valueName: "time"))
    var timeout: DurationArgument?
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let tail, !(1...10_000).contains(tail) {
            throw ValidationError("--tail must lie between 1 and 10000, found \(tail)")
        }
        if let attempt, attempt < 1 { throw ValidationError("--attempt counts from 1, found \(attempt)") }
        if !follow, exitStatus { throw ValidationError("--exit-status goes with --follow") }
        if !follow, timeout != nil { throw ValidationError("--timeout goes with --follow") }
    }

    func run() async throws {
        let deadline = timeout.map { SystemWallClock().now().adding(milliseconds: $0.milliseconds) }
        let server = try connection.connect(patience: follow ? Connection.patienceOfFollowers : Connection.patience)
        let target: LogReader.Target
        if let id = try await server.jobID(job) {
            target = .job(id)
        } else {
            do {
                target = .execution(try await server.execution(job))
            } catch let failure as CommandFailure where failure.status == .notFound && !failure.description.contains("fits") {
                throw CommandFailure(
                    "there is no job and no execution '\(job)'. `millrace jobs ls` shows the jobs, `millrace status` the executions.",
                    .notFound)
            }
        }
        let reader = LogReader(
            server: server, target: target,
            settings: .init(attempt: attempt, tail: tail, timestamps: timestamps, json: output.json))
        let ended = try await reader.run(follow: follow, deadline: deadline)
        if exitStatus, ended != "SUCCEEDED" {
            note("\(job) ended \(ended ?? "unknown")")
            throw ExitCode(ExitStatus.unsuccessful.rawValue)
        }
    }
}
