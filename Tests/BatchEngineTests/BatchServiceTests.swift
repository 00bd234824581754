import AWSProtocol
import BatchEngine
import BatchScheduling
import BatchService
import JSONModel
import LogsService
import ServiceKit
import StateStore
import Support
import Testing

/// Requests and answers as clients see them.
@Suite(.timeLimit(.minutes(2)))
struct BatchServiceTests {
    let fixture: EngineFixture
    let engine: BatchEngine
    let batch: BatchService
    let logs: LogsService
    let context = CallContext(
        account: testScope.account, region: testScope.region, requestID: "r", receivedAt: Timestamp(millisecondsSince1970: 0))

    init() async throws {
        fixture = try EngineFixture()
        engine = try await fixture.engine()
        batch = BatchService(engine: engine)
        logs = LogsService(engine: engine, executions: fixture.store)
    }

    private func call(_ operation: String, _ input: JSONObject) async throws -> JSONValue {
        .object(try await batch.call(operation, input, context))
    }

    private func refusal(_ operation: String, _ input: JSONObject) async -> String {
        do {
            return "answered: \(try await call(operation, input).text)"
        } catch {
            return "\(error)"
        }
    }

    private func makeQueue() async throws {
        let arn = try await call("CreateComputeEnvironment", [
            "computeEnvironmentName": "ce", "type": "UNMANAGED", "state": "ENABLED", "serviceRole": "arn:role",
        ])["computeEnvironmentArn"] ?? nil
        _ = try await call("CreateJobQueue", [
            "jobQueueName": "q", "state": "ENABLED", "priority": 5,
            "computeEnvironmentOrder": [["order": 1, "computeEnvironment": arn]],
        ])
    }

    private func register(_ name: String, _ command: [JSONValue], _ more: JSONObject = [:]) async throws {
        var input: JSONObject = [
            "jobDefinitionName": .string(name), "type": "container",
            "containerProperties": [
                "image": "/bin/sh", "vcpus": 1, "memory": 128, "command": .array(command),
                "environment": [["name": "A", "value": "1"], ["name": "B", "value": "2"]],
            ],
        ]
        for (key, value) in more { input[key] = value }
        _ = try await call("RegisterJobDefinition", input)
    }

    @Test func runsAJobFromItsDefinition() async throws {
        try await makeQueue()
        try await register(
            "echo", ["-c", "echo Ref::what $A $B; echo oops >&2; exit 2"], ["parameters": ["what": "default"]])
        let submitted = try await call("SubmitJob", [
            "jobName": "j", "jobQueue": "q", "jobDefinition": "echo", "parameters": ["what": "given"],
            "containerOverrides": ["environment": [["name": "B", "value": "3"]]],
        ])
        let id = try #require(submitted["jobId"]?.string)
        #expect(submitted["jobArn"] == .string("arn:aws:batch:us-east-1:123456789012:job/\(id)"))
        _ = try await engine.completion(ofJob: id)
        let job = try #require(try await call("DescribeJobs", ["jobs": [.string(id)]])["jobs"]?[0])
        #expect(job["status"] == "FAILED")
        #expect(job["jobQueue"] == "arn:aws:batch:us-east-1:123456789012:job-queue/q")
        #expect(job["jobDefinition"] == "arn:aws:batch:us-east-1:123456789012:job-definition/echo:1")
        #expect(job["container"]?["exitCode"] == 2)
        #expect(job["attempts"]?[0]?["statusReason"] == "Essential container in task exited")
        let stream = try #require(job["container"]?["logStreamName"])
        let described = try await logs.call(
            "DescribeLogStreams", ["logGroupName": "/aws/batch/job", "logStreamNamePrefix": "echo"], context)
        #expect(described["logStreams"]?[0]?["logStreamName"] == stream)
        let events = try await logs.call(
            "GetLogEvents", ["logGroupName": "/aws/batch/job", "logStreamName": stream, "startFromHead": true], context)
        #expect(Set(events["events"]?.array?.compactMap { $0["message"]?.string } ?? []) == ["given 1 3", "oops"])
        let after = try await logs.call("GetLogEvents", [
            "logGroupName": "/aws/batch/job", "logStreamName": stream, "nextToken": events["nextForwardToken"] ?? nil,
        ], context)
        #expect(after["events"]?.array?.isEmpty == true && after["nextForwardToken"] == events["nextForwardToken"])
        let listed = try await call("ListJobs", ["jobQueue": "q", "jobStatus": "FAILED"])
        #expect(listed["jobSummaryList"]?[0]?["jobId"]?.string == id)
        #expect(try await call("ListJobs", ["jobQueue": "q"])["jobSummaryList"] == [])
    }

    @Test func keepsQueuesAndRefusesInTheServicesWords() async throws {
        try await makeQueue()
        let environments: JSONValue = [["order": 1, "computeEnvironment": "ce"]]
        #expect(await refusal("CreateJobQueue", ["jobQueueName": "q", "priority": 1, "computeEnvironmentOrder": environments])
            == "ClientException: Job queue q already exists")
        #expect(await refusal("CreateJobQueue", ["jobQueueName": "q2", "priority": 1, "state": "JUNK", "computeEnvironmentOrder": []])
            == "ClientException: state JUNK must be one of ENABLED | DISABLED")
        #expect(await refusal("CreateJobQueue", ["jobQueueName": "q2", "priority": 1, "computeEnvironmentOrder": []])
            == "ClientException: At least 1 compute environment must be provided")
        #expect(await refusal("CreateJobQueue", [
            "jobQueueName": "q2", "priority": 1, "computeEnvironmentOrder": [["order": 1, "computeEnvironment": "arn:none"]],
        ]) == "ClientException: computeEnvironmentOrder is malformed")
        _ = try await call("UpdateJobQueue", ["jobQueue": "q", "priority": 7])
        let queues = try await call("DescribeJobQueues", [:])
        #expect(queues["jobQueues"]?.array?.count == 1 && queues["jobQueues"]?[0]?["priority"] == 7)
        #expect(try await call("DescribeJobQueues", ["jobQueues": ["none"]])["jobQueues"] == [])
        #expect(try await call("DescribeJobQueues", ["jobQueues": ["glue"]])["jobQueues"]?[0]?["jobQueueName"] == "glue")
        #expect(await refusal("DeleteComputeEnvironment", ["computeEnvironment": "ce"])
            == "ClientException: Cannot delete, found existing JobQueue relationship")
        _ = try await call("DeleteJobQueue", ["jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/q"])
        #expect(try await call("DescribeJobQueues", [:])["jobQueues"] == [])
    }

    @Test func numbersRevisionsAndKeepsInactiveOnes() async throws {
        for _ in 1...3 { try await register("d", []) }
        let all = try await call("DescribeJobDefinitions", ["jobDefinitionName": "d"])
        #expect(all["jobDefinitions"]?.array?.map { $0["revision"] ?? nil } == [1, 2, 3])
        _ = try await call("DeregisterJobDefinition", ["jobDefinition": "d:3"])
        let active = try await call("DescribeJobDefinitions", ["status": "ACTIVE"])
        #expect(active["jobDefinitions"]?.array?.count == 2)
        try await register("d", [])
        let latest = try await call("DescribeJobDefinitions", ["jobDefinitions": ["d:4"]])
        #expect(latest["jobDefinitions"]?[0]?["status"] == "ACTIVE")
        var pages: [JSONValue] = []
        var token: JSONValue?
        repeat {
            let page = try await call("DescribeJobDefinitions", ["maxResults": 3, "nextToken": token ?? nil])
            pages += page["jobDefinitions"]?.array ?? []
            token = page["nextToken"]
        } while token != nil
        #expect(pages.map { $0["revision"] ?? nil } == [1, 2, 3, 4])
    }

    @Test func refusesByName() async throws {
        try await makeQueue()
        try await register("d", [])
        #expect(await refusal("SubmitJob", ["jobName": "j", "jobQueue": "q", "jobDefinition": "none"])
            == "ClientException: Job definition none does not exist")
        #expect(await refusal("SubmitJob", ["jobName": "j", "jobQueue": "none", "jobDefinition": "d"])
            == "ClientException: Job queue none does not exist")
        #expect(await refusal("SubmitJob", ["jobName": "j", "jobQueue": "q", "jobDefinition": "d", "nodeOverrides": [:]])
            .hasPrefix("ClientException: nodeOverrides is not supported"))
        #expect(await refusal("SubmitJob", ["jobName": 7, "jobQueue": "q", "jobDefinition": "d"])
            == "ClientException: jobName must be a string")
        #expect(await refusal("TerminateJob", ["jobId": "none", "reason": "r"]) == "ClientException: Job none does not exist")
        #expect(await refusal("GetJobQueueSnapshot", [:]).hasPrefix("UnknownOperationException: "))
        #expect(await refusal("RegisterJobDefinition", ["jobDefinitionName": "m", "type": "multinode"])
            .hasPrefix("ClientException: Job definition type multinode is not supported"))
    }

    @Test func keepsTags() async throws {
        try await makeQueue()
        let arn: JSONValue = "arn:aws:batch:us-east-1:123456789012:job-queue/q"
        _ = try await call("TagResource", ["resourceArn": arn, "tags": ["k": "v", "l": "w"]])
        _ = try await call("UntagResource", ["resourceArn": arn, "tagKeys": ["k"]])
        #expect(try await call("ListTagsForResource", ["resourceArn": arn])["tags"] == ["l": "w"])
    }
}
