import BatchEngine
import BatchScheduling
import FoundationEssentials
import JSONModel
import StateStore
import Support
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct BatchEngineTests {
    let fixture: EngineFixture

    init() throws { fixture = try EngineFixture() }

    private func output(_ engine: BatchEngine, _ id: String, attempt: Int? = nil) async throws -> [String] {
        try await engine.output(ofJob: id, attempt: attempt, .forward(offset: 0, limit: 1000)).lines.map(\.text)
    }

    @Test func runsAJobToItsEnd() async throws {
        let engine = try await fixture.engine()
        let submitted = try await engine.submit(fixture.submission("echo hello; exit 3"))
        let job = try await engine.completion(ofJob: submitted.id)
        #expect(job.status == .failed && job.state.ending == .failed)
        #expect(job.state.attempts.first?.exitCode == 3)
        #expect(job.state.statusReason == "Essential container in task exited")
        #expect(try await output(engine, job.id) == ["hello"])
        #expect(try await engine.describe([job.id, job.id, "nobody"]).map(\.state) == [job.state])
        #expect(try await engine.completion(ofJob: job.id).state == job.state)
        await #expect(throws: JobError(.unknownJob, "There is no job nobody.")) { try await engine.completion(ofJob: "nobody") }
    }

    @Test func tellsTheJobWhoItIs() async throws {
        let engine = try await fixture.engine()
        var submission = fixture.submission("env | sort", name: "who")
        submission.environment = [EnvironmentVariable("MINE", "1"), EnvironmentVariable("AWS_BATCH_JOB_ID", "forged")]
        submission.commitScope = "arn:execution/7/[0]"
        let job = try await engine.completion(ofJob: try await engine.submit(submission).id)
        let variables = Set(try await output(engine, job.id))
        for expected in [
            "MINE=1", "AWS_BATCH_JOB_ID=\(job.id)", "AWS_BATCH_JOB_ATTEMPT=1", "AWS_ACCESS_KEY_ID=AKIA1",
            "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token", "AWS_REGION=us-east-1",
            "AWS_ENDPOINT_URL=http://127.0.0.1:1", "MILLRACE_COMMIT_SCOPE=arn:execution/7/[0]",
            "MILLRACE_REPORT=\(fixture.reportSocket)",
        ] { #expect(variables.contains(expected), "\(expected)") }
    }

    @Test func givesOneJobToOneCommand() async throws {
        let engine = try await fixture.engine()
        var submission = fixture.submission("true")
        submission.commandID = "command-1"
        let same = submission
        let first = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await engine.submit(same).id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(first.count == 1)
        _ = try await engine.completion(ofJob: first.first ?? "")
        await engine.shutDown()
        let second = try await fixture.engine()
        #expect(try await second.submit(same).id == first.first)
    }

    @Test func retriesWithTheSameScope() async throws {
        let engine = try await fixture.engine()
        var submission = fixture.submission("echo $AWS_BATCH_JOB_ATTEMPT $MILLRACE_COMMIT_SCOPE; [ $AWS_BATCH_JOB_ATTEMPT = 3 ]")
        submission.retry = RetryStrategy(attempts: 5)
        let job = try await engine.completion(ofJob: try await engine.submit(submission).id)
        #expect(job.status == .succeeded)
        #expect(job.state.attempts.map(\.exitCode) == [1, 1, 0])
        for attempt in 1...3 {
            #expect(try await output(engine, job.id, attempt: attempt) == ["\(attempt) job/\(job.id)"])
        }
    }

    @Test func tellsEndingsApart() async throws {
        let engine = try await fixture.engine(cpus: 16)
        func end(_ change: (inout JobSubmission) -> Void) async throws -> JobState {
            var submission = fixture.submission("sleep 100")
            change(&submission)
            return try await engine.completion(ofJob: try await engine.submit(submission).id).state
        }
        let timedOut = try await end { $0.timeoutSeconds = 1 }
        #expect(timedOut.ending == .timedOut && timedOut.statusReason == "Job attempt duration exceeded timeout")
        let signalled = try await end { $0.command = ["-c", "kill -9 $$"] }
        #expect(signalled.attempts.last?.exitCode == 137 && signalled.attempts.last?.reason == nil)
        let memory = try await end {
            $0.demand.memoryMiB = 16
            $0.command = ["-c", "x=$(head -c 200000000 /dev/zero | tr '\\0' 'a'); sleep 100"]
        }
        #expect(memory.attempts.last?.reason == "OutOfMemoryError: Container killed due to memory usage")
        let missing = try await end { $0.image = "/nowhere" }
        #expect(missing.statusReason == "Task failed to start" && missing.startedAt == nil)
        #expect(missing.attempts.last?.reason == "CannotStartContainerError: /nowhere: exec: No such file or directory")
        let container = try await end { $0.image = "busybox:latest" }
        #expect(container.attempts.last?.reason?.hasPrefix("CannotPullContainerError: image busybox:latest names no") == true)
        let bucket = try await end { $0.image = "s3://nowhere/x" }
        #expect(bucket.attempts.last?.reason?.hasPrefix("CannotPullContainerError: s3://nowhere/x:") == true)
    }

    @Test func fetchesExecutables() async throws {
        let engine = try await fixture.engine()
        var submission = fixture.submission("")
        submission.image = "s3://code/tool"
        submission.command = ["a b", "c"]
        let job = try await engine.completion(ofJob: try await engine.submit(submission).id)
        #expect(job.status == .succeeded)
        #expect(try await output(engine, job.id) == ["fetched s3://code/tool a b c"])
    }

    @Test func terminatesAndCancels() async throws {
        let engine = try await fixture.engine(cpus: 1)
        let running = try await engine.submit(fixture.submission("echo ready; sleep 100"))
        let waiting = try await engine.submit(fixture.submission("true"))
        try await engine.cancel(waiting.id, reason: "not needed")
        #expect(try await engine.completion(ofJob: waiting.id).state.statusReason == "not needed")
        try await engine.terminate(running.id, reason: "enough")
        let ended = try await engine.completion(ofJob: running.id)
        #expect(ended.state.ending == .stopped && ended.state.statusReason == "enough" && ended.state.isTerminated)
        await #expect(throws: JobError.self) { try await engine.terminate("nobody", reason: "x") }
        try await engine.terminate(ended.id, reason: "late")
        #expect(try await engine.describe([ended.id]).first?.state == ended.state)
    }

    @Test func adoptsWhatRanWhenTheServerDied() async throws {
        let first = try await fixture.engine(cpus: 2)
        var long = fixture.submission("echo begun; sleep 1; echo done; exit 5")
        long.retry = RetryStrategy(attempts: 1)
        let running = try await first.submit(long)
        var dependent = fixture.submission("true")
        dependent.dependencies = [JobDependency(jobID: running.id)]
        let waiting = try await first.submit(dependent)
        let short = try await first.submit(fixture.submission("sleep 0.2; exit 6"))
        try await waitUntilRunning(running.id, first)
        await first.shutDown()
        let second = try await fixture.engine(cpus: 2)
        #expect(try await second.completion(ofJob: running.id).state.attempts.map(\.exitCode) == [5])
        #expect(try await second.completion(ofJob: short.id).state.attempts.map(\.exitCode) == [6])
        #expect(try await second.completion(ofJob: waiting.id).state.statusReason == "Dependent Job failed")
        #expect(try await output(second, running.id) == ["begun", "done"])
    }

    @Test func runsArrays() async throws {
        let engine = try await fixture.engine(cpus: 8)
        var submission = fixture.submission("echo $AWS_BATCH_JOB_ARRAY_INDEX $MILLRACE_COMMIT_SCOPE; [ $AWS_BATCH_JOB_ARRAY_INDEX != 2 ]")
        submission.arraySize = 3
        let parent = try await engine.completion(ofJob: try await engine.submit(submission).id)
        #expect(parent.status == .failed)
        let described = try await engine.describe([parent.id])
        #expect(described.first?.arraySummary == [.succeeded: 2, .failed: 1])
        #expect(try await output(engine, "\(parent.id):1") == ["1 job/\(parent.id)/child/1"])
        var ordered = fixture.submission("true")
        ordered.arraySize = 3
        ordered.dependencies = [JobDependency(jobID: "", kind: .sequential)]
        #expect(try await engine.completion(ofJob: try await engine.submit(ordered).id).status == .succeeded)
    }

    @Test func refusesWhatCannotBe() async throws {
        let engine = try await fixture.engine()
        await #expect(throws: JobError(.unknownQueue, "Job Queue nope not found.")) {
            try await engine.submit(fixture.submission("true", queue: "nope"))
        }
        var submission = fixture.submission("true")
        submission.dependencies = [JobDependency(jobID: "nobody")]
        let dependent = submission
        await #expect(throws: JobError(.unknownDependency, "There is no job nobody.")) {
            try await engine.submit(dependent)
        }
    }

    @Test func keepsWhatJobsReport() async throws {
        let engine = try await fixture.engine()
        let job = try await engine.submit(fixture.submission("while [ ! -e \(fixture.directory.path)/go ]; do sleep 0.02; done"))
        try await waitUntilRunning(job.id, engine)
        let socket = fixture.reportSocket
        let reports = [
            #"{"jobId":"\#(job.id)","attempt":1,"rowsRead":5,"stage":"scan"}"#, "no report",
            #"{"jobId":"\#(job.id)","attempt":"1","rowsWritten":2}"#, #"{"jobId":"\#(job.id)","attempt":9,"rowsRead":99}"#,
        ]
        // A report that comes while the job's own record changes may be lost; jobs send totals again and again.
        var seen: JobProgress?
        while seen?.rowsRead != 5 || seen?.rowsWritten != 2 {
            for report in reports { #expect(sendDatagram(report, to: socket)) }
            try await Task.sleep(for: .milliseconds(10))
            seen = try await engine.describe([job.id]).first?.progress
        }
        #expect(FileManager.default.createFile(atPath: fixture.directory.path + "/go", contents: nil))
        let ended = try await engine.completion(ofJob: job.id)
        #expect(ended.progress?.rowsRead == 5 && ended.progress?.rowsWritten == 2 && ended.progress?.stage == "scan")
    }

    /// The feed tells only what comes after it was asked for, so a job that runs already is not in it.
    /// Until the job runs, or has run: on a busy machine a short one may be over before anybody looks.
    private func waitUntilRunning(_ id: String, _ engine: BatchEngine) async throws {
        while true {
            switch try await engine.describe([id]).first?.status {
            case .running, .succeeded, .failed: return
            default: try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}
