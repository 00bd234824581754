import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesLanguage
import StatesService
import Support
import TestSupport
import Testing
import WorkflowEngine

private struct NoIntegrations: IntegrationRegistry {
    func integration(for resource: TaskResource) -> (any TaskIntegration)? { nil }
}

@Suite(.timeLimit(.minutes(1)))
struct ActivityTests {
    private let directory: TemporaryDirectory
    private let engine: WorkflowEngine
    private let service: StatesService

    init() throws {
        directory = try TemporaryDirectory()
        engine = WorkflowEngine(store: try SQLiteStateStore(path: directory.path + "/state.sqlite"))
        service = StatesService(engine: engine)
    }

    @discardableResult
    private func call(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
        try await service.call(
            operation, input,
            CallContext(
                account: "123456789012", region: "us-east-1", requestID: "r", receivedAt: SystemWallClock().now()))
    }

    private func code(_ operation: String, _ input: JSONObject) async throws -> String? {
        do {
            try await call(operation, input)
            return nil
        } catch let error as AWSError {
            return error.code
        }
    }

    private func running(_ body: () async throws -> Void) async throws {
        let engine = engine
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run(NoIntegrations()) }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Starts an execution that has one activity's task.
    private func start(_ activity: JSONValue, _ fields: String = "") async throws -> JSONValue {
        let definition =
            #"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":\#(activity.text)\#(fields),"End":true}}}"#
        let machine = try await call(
            "CreateStateMachine",
            ["name": "m", "definition": .string(definition), "roleArn": "arn:aws:iam::123456789012:role/r"])
        let started = try await call(
            "StartExecution", ["stateMachineArn": machine["stateMachineArn"] ?? nil, "input": #"{"n": 1}"#])
        return started["executionArn"] ?? nil
    }

    @Test func activitiesAreCreatedDescribedListedAndDeleted() async throws {
        let arn: JSONValue = "arn:aws:states:us-east-1:123456789012:activity:a.b"
        let created = try await call("CreateActivity", ["name": "a.b", "tags": [["key": "k", "value": "v"]]])
        #expect(created["activityArn"] == arn)
        #expect(try await call("CreateActivity", ["name": "a.b"]) == created)
        #expect(try await call("DescribeActivity", ["activityArn": arn])["name"] == "a.b")
        #expect(try await call("ListTagsForResource", ["resourceArn": arn])["tags"] == [["key": "k", "value": "v"]])
        try await call("CreateActivity", ["name": "second"])
        let first = try await call("ListActivities", ["maxResults": 1])
        #expect(first["activities"]?.array?.count == 1)
        let rest = try await call("ListActivities", ["nextToken": first["nextToken"] ?? nil])
        #expect(rest["activities"]?[0]?["name"] == "second")
        #expect(rest["nextToken"] == nil)
        try await call("DeleteActivity", ["activityArn": arn])
        try await call("DeleteActivity", ["activityArn": arn])
        #expect(try await code("DescribeActivity", ["activityArn": arn]) == "ActivityDoesNotExist")
        #expect(try await code("GetActivityTask", ["activityArn": arn]) == "ActivityDoesNotExist")
        #expect(try await code("CreateActivity", ["name": "a b"]) == "InvalidName")
        #expect(try await code("DescribeActivity", ["activityArn": "a"]) == "InvalidArn")
    }

    @Test func aWaitingWorkerGetsTheTaskAndEndsIt() async throws {
        try await running {
            let activity = try #require(try await call("CreateActivity", ["name": "a"])["activityArn"])
            async let polled = call("GetActivityTask", ["activityArn": activity, "workerName": "w"])
            let execution = try await start(activity)
            let task = try await polled
            #expect(task["input"] == #"{"n":1}"#)
            #expect(try await code("SendTaskSuccess", ["taskToken": "nonsense", "output": "1"]) == "InvalidToken")
            try await call("SendTaskHeartbeat", ["taskToken": task["taskToken"] ?? nil])
            try await call("SendTaskSuccess", ["taskToken": task["taskToken"] ?? nil, "output": #"{"done":true}"#])
            let record = try await engine.waitForEnd(executionARN: execution.string ?? "")
            #expect(record.output == #"{"done":true}"#)
            let events = try await call("GetExecutionHistory", ["executionArn": execution])["events"]?.array ?? []
            #expect(
                events.map { $0["type"]?.string ?? "" } == [
                    "ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted",
                    "ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded",
                ])
            #expect(events[3]["activityStartedEventDetails"] == ["workerName": "w"])
        }
    }

    @Test func tasksThatAreOverAreNotHandedOut() async throws {
        try await running {
            let activity = try #require(try await call("CreateActivity", ["name": "a"])["activityArn"])
            let execution = try await start(activity)
            try await engine.waitForFirstStep(executionARN: execution.string ?? "", limit: .seconds(10))
            try await call("StopExecution", ["executionArn": execution])
            let none = try await engine.takeActivityTask(
                arn: activity.string ?? "", workerName: nil, limit: .milliseconds(100))
            #expect(none == nil)
        }
    }
}
