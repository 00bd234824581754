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

@Suite(.timeLimit(.minutes(1)))
struct ActivityTests {
    private let fixture: StatesFixture

    init() throws { fixture = try StatesFixture() }

    @discardableResult
    private func call(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
        try await fixture.call(operation, input)
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
        #expect(try await fixture.code("DescribeActivity", ["activityArn": arn]) == "ActivityDoesNotExist")
        #expect(try await fixture.code("GetActivityTask", ["activityArn": arn]) == "ActivityDoesNotExist")
        #expect(try await fixture.code("CreateActivity", ["name": "a b"]) == "InvalidName")
        #expect(try await fixture.code("DescribeActivity", ["activityArn": "a"]) == "InvalidArn")
    }

    @Test func aWaitingWorkerGetsTheTaskAndEndsIt() async throws {
        try await fixture.running {
            let activity = try #require(try await call("CreateActivity", ["name": "a"])["activityArn"])
            async let polled = call("GetActivityTask", ["activityArn": activity, "workerName": "w"])
            let execution = try await start(activity)
            let task = try await polled
            #expect(task["input"] == #"{"n":1}"#)
            #expect(try await fixture.code("SendTaskSuccess", ["taskToken": "nonsense", "output": "1"]) == "InvalidToken")
            try await call("SendTaskHeartbeat", ["taskToken": task["taskToken"] ?? nil])
            try await call("SendTaskSuccess", ["taskToken": task["taskToken"] ?? nil, "output": #"{"done":true}"#])
            let record = try await fixture.engine.waitForEnd(executionARN: execution.string ?? "")
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
        try await fixture.running {
            let activity = try #require(try await call("CreateActivity", ["name": "a"])["activityArn"])
            let execution = try await start(activity)
            try await fixture.engine.waitForFirstStep(executionARN: execution.string ?? "", limit: .seconds(10))
            try await call("StopExecution", ["executionArn": execution])
            let none = try await fixture.engine.takeActivityTask(
                arn: activity.string ?? "", workerName: nil, limit: .milliseconds(100))
            #expect(none == nil)
        }
    }
}
