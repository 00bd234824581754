import AWSProtocol
import BatchEngine
import BatchScheduling
import JSONModel
import Support
import Testing

@Suite struct GlueJobTests {
    private let definition: JSONObject = [
        "Name": "etl", "Role": "r", "Command": ["Name": "glueetl", "ScriptLocation": "s3://b/job.sql"],
        "DefaultArguments": ["--day": "1", "--mode": "full"], "NonOverridableArguments": ["--fixed": "f"],
        "MaxRetries": 2, "Timeout": 5, "Tags": ["team": "x"],
    ]

    @Test func definitions() async throws {
        let glue = try GlueHarness()
        #expect(try await glue.call("CreateJob", definition)["Name"] == "etl")
        #expect(try await glue.refusal("CreateJob", definition).code == "AlreadyExistsException")
        let job = try await glue.call("GetJob", ["JobName": "etl"])["Job"]
        #expect(job?["Command"]?["ScriptLocation"] == "s3://b/job.sql")
        #expect(job?["ExecutionProperty"]?["MaxConcurrentRuns"] == 1)
        #expect(try await glue.call("GetTags", ["ResourceArn": "arn:aws:glue:us-east-1:123456789012:job/etl"])["Tags"] == ["team": "x"])
        #expect(try await glue.call("ListJobs", ["Tags": ["team": "x"]])["JobNames"] == ["etl"])
        #expect(try await glue.call("ListJobs", ["Tags": ["team": "y"]])["JobNames"] == [])
        _ = try await glue.call("UpdateJob", ["JobName": "etl", "JobUpdate": ["Role": "q", "Command": ["Name": "n"]]])
        #expect(try await glue.call("GetJob", ["JobName": "etl"])["Job"]?["Timeout"] == nil)
        #expect(try await glue.refusal("GetJob", ["JobName": "x"]) == ("EntityNotFoundException", "Job x not found."))
        _ = try await glue.call("DeleteJob", ["JobName": "etl"])
        _ = try await glue.call("DeleteJob", ["JobName": "etl"])
        #expect(try await glue.call("GetJobs", [:])["Jobs"] == [])
    }

    @Test func aRunIsABatchJob() async throws {
        let glue = try GlueHarness()
        _ = try await glue.call("CreateJob", definition)
        let id = try await glue.call(
            "StartJobRun", ["JobName": "etl", "Arguments": ["--day": "2", "--fixed": "other"]], commitScope: "scope")["JobRunId"]?.string ?? ""
        let job = try #require(glue.jobs.submitted.first).submission
        #expect(job.queue == "glue")
        #expect(job.kind == .glue(jobName: "etl", runID: id))
        #expect(job.image == JobImages.millrace)
        #expect(job.command == ["job", "sql", "s3://b/job.sql", "--day", "2", "--mode", "full", "--fixed", "f"])
        #expect((job.retry.attempts, job.timeoutSeconds, job.commitScope) == (3, 300, "scope"))
        func state() async throws -> String? {
            try await glue.call("GetJobRun", ["JobName": "etl", "RunId": .string(id)])["JobRun"]?["JobRunState"]?.string
        }
        #expect(try await state() == "STARTING")
        glue.jobs.change(0) {
            $0.status = .running
            $0.attempts = [JobAttempt(number: 1)]
        }
        #expect(try await state() == "RUNNING")
        #expect(
            try await glue.refusal("StartJobRun", ["JobName": "etl"])
                == ("ConcurrentRunsExceededException", "Job with name etl already running"))
        let stop = try await glue.call("BatchStopJobRun", ["JobName": "etl", "JobRunIds": [.string(id), "jr_none"]])
        #expect(stop["SuccessfulSubmissions"]?.array?.count == 1)
        #expect(stop["Errors"]?[0]?["ErrorDetail"]?["ErrorCode"] == "EntityNotFoundException")
        #expect(try await state() == "STOPPING")
        for (ending, expected) in [(JobEnding.stopped, "STOPPED"), (.timedOut, "TIMEOUT"), (.failed, "FAILED")] {
            glue.jobs.change(0) {
                $0.status = .failed
                $0.ending = ending
                $0.statusReason = "because"
            }
            #expect(try await state() == expected)
        }
        let run = try await glue.call("GetJobRun", ["JobName": "etl", "RunId": .string(id)])["JobRun"]
        #expect(run?["ErrorMessage"] == "because")
        #expect(run?["Arguments"]?["--day"] == "2")
        #expect(run?["LogGroupName"] == "/aws-glue/jobs")
        // The ended run no longer counts.
        let second = try await glue.call("StartJobRun", ["JobName": "etl"])["JobRunId"]?.string ?? ""
        let runs = try await glue.call("GetJobRuns", ["JobName": "etl", "MaxResults": 1])
        #expect(runs["JobRuns"]?[0]?["Id"]?.string == second)
        let rest = try await glue.call("GetJobRuns", ["JobName": "etl", "NextToken": runs["NextToken"] ?? nil])
        #expect(rest["JobRuns"]?.array?.compactMap { $0["Id"]?.string } == [id])
    }

    @Test func repeatedCommandsStartOneRun() async throws {
        let glue = try GlueHarness()
        _ = try await glue.call("CreateJob", definition)
        let first = try await glue.call("StartJobRun", ["JobName": "etl"], command: "c")
        let again = try await glue.call("StartJobRun", ["JobName": "etl"], command: "c")
        #expect(first == again)
        #expect(glue.jobs.submitted.count == 1)
    }

    @Test func whatCannotRunIsRefused() async throws {
        let glue = try GlueHarness()
        var python = definition
        python["Name"] = "py"
        python["Command"] = ["Name": "glueetl", "ScriptLocation": "s3://b/job.py"]
        _ = try await glue.call("CreateJob", python)
        #expect(try await glue.refusal("StartJobRun", ["JobName": "py"]).code == "InvalidInputException")
        #expect(try await glue.refusal("StartJobRun", ["JobName": "none"]).code == "EntityNotFoundException")
        #expect(
            try await glue.refusal("StartJobRun", ["JobName": "py", "AllocatedCapacity": 2, "MaxCapacity": 5.0])
                == ("InvalidInputException", "Please set only Allocated Capacity or Max Capacity"))
        #expect(try await glue.refusal("GetJobRun", ["JobName": "py", "RunId": "x"]) == ("EntityNotFoundException", "Job run x not found."))
        #expect(try await glue.call("GetJobRuns", ["JobName": "py"])["JobRuns"] == [])
        #expect(try await glue.refusal("GetJobRuns", ["JobName": "none"]).code == "EntityNotFoundException")
    }
}
