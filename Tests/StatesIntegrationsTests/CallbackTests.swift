import AWSProtocol
import HTTPTransport
import JSONModel
import StateStore
import StatesIntegrations
import StatesRuntime
import Support
import Testing
import WorkflowEngine

/// Tasks that wait for a token, and what EventBridge is told, with the whole engine.
@Suite(.timeLimit(.minutes(2)))
struct CallbackTests {
    let fixture: IntegrationFixture

    init() throws { fixture = try IntegrationFixture() }

    private func running<T: Sendable>(
        _ http: ScriptedHTTP, _ body: @escaping @Sendable (WorkflowEngine, ForeignServices) async throws -> T
    ) async throws -> T {
        let foreign = try fixture.foreign(http)
        let engine = WorkflowEngine(store: fixture.store)
        let registry = fixture.registry(foreign)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run(registry) }
            defer { group.cancelAll() }
            return try await body(engine, foreign)
        }
    }

    private func start(_ engine: WorkflowEngine, _ definition: String, name: String = "e") async throws -> String {
        let machine = StateMachineRecord(
            arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m", account: IntegrationFixture.account,
            region: "us-east-1", name: "m", type: "STANDARD", definition: definition,
            roleArn: "arn:aws:iam::123456789012:role/r", createdAt: Timestamp(millisecondsSince1970: 0))
        return try await engine.startExecution(
            StartExecutionRequest(
                executionArn: "arn:aws:states:us-east-1:123456789012:execution:m:\(name)", name: name,
                stateMachine: machine, input: try Payload(parsing: #"{"a":1}"#))
        ).arn
    }

    private static func sending(_ others: String = "") -> String {
        """
        {"QueryLanguage":"JSONata","StartAt":"S","States":{"S":{"Type":"Task","End":true,\(others)
        "Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments":{"QueueUrl":"u","MessageBody":"{% $states.context.Task.Token %}"}}}}
        """
    }

    /// The token that the queue has got.
    private func sentToken(_ http: ScriptedHTTP) async throws -> String {
        while http.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        let body = try JSONValue(parsing: http.requests[0].text)
        return try #require(body["MessageBody"]?.string)
    }

    @Test func aTokenOutlivesTheEngine() async throws {
        let http = ScriptedHTTP([ScriptedHTTP.response(200, [:], #"{"MessageId":"i"}"#)])
        let made = try await running(http) { engine, _ in
            let arn = try await start(engine, Self.sending())
            let sent = try await sentToken(http)
            while try await engine.history(ofExecution: arn).last?.type != .taskSubmitted {
                try await Task.sleep(for: .milliseconds(5))
            }
            return [arn, sent]
        }
        let (arn, token) = (made[0], made[1])
        let record = try await running(http) { engine, _ in
            try await engine.taskHeartbeat(token: token)
            try await engine.taskSucceeded(token: token, output: try Payload(parsing: #"{"answer":42}"#))
            await #expect(throws: WorkflowEngineError.self) {
                try await engine.taskSucceeded(token: token, output: try Payload(parsing: "{}"))
            }
            return try await engine.waitForEnd(executionARN: arn)
        }
        #expect(record.status == .succeeded && record.output == #"{"answer":42}"#)
        #expect(http.requests.count == 1)
        let types = try await running(http) { engine, _ in
            try await engine.history(ofExecution: arn).map(\.type.rawValue)
        }
        #expect(
            types == [
                "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
                "TaskStateExited", "ExecutionSucceeded",
            ])
    }

    @Test func silenceEndsTheTask() async throws {
        let http = ScriptedHTTP([ScriptedHTTP.response(200, [:], #"{"MessageId":"i"}"#)])
        let record = try await running(http) { engine, _ in
            try await engine.waitForEnd(executionARN: try await start(engine, Self.sending(#""HeartbeatSeconds":1,"#)))
        }
        #expect(record.status == .failed && record.error == "States.Timeout")
    }

    @Test func aReportedFailureIsTheTasks() async throws {
        let http = ScriptedHTTP([ScriptedHTTP.response(200, [:], #"{"MessageId":"i"}"#)])
        let record = try await running(http) { engine, _ in
            let arn = try await start(engine, Self.sending())
            try await engine.taskFailed(token: try await sentToken(http), error: "No", cause: "because")
            return try await engine.waitForEnd(executionARN: arn)
        }
        #expect(record.status == .failed && record.error == "No" && record.cause == "because")
    }

    @Test func everyChangeOfStatusIsSentAtLeastOnce() async throws {
        // The first attempt fails; the next ones are taken.
        let http = ScriptedHTTP([
            ScriptedHTTP.response(500, [:], #"{"__type":"InternalException"}"#),
            ScriptedHTTP.response(200, [:], #"{"Entries":[{"EventId":"e"},{"EventId":"f"}],"FailedEntryCount":0}"#),
        ])
        try await fixture.store.recordStatusChanges()
        let store = fixture.store
        try await running(http) { engine, foreign in
            let arn = try await start(engine, #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#)
            _ = try await engine.waitForEnd(executionARN: arn)
            #expect(try await store.statusChanges(limit: 10).map(\.status) == [.running, .succeeded])
            let events = StatusChangeEvents(store: store, workflow: engine, foreign: foreign, bus: "b", source: "aws.states")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await events.run() }
                while try await !store.statusChanges(limit: 1).isEmpty { try await Task.sleep(for: .milliseconds(10)) }
                group.cancelAll()
            }
        }
        #expect(http.requests.count == 2 && http.requests[0].text == http.requests[1].text)
        let entries = try #require(try JSONValue(parsing: http.requests[1].text)["Entries"]?.array)
        #expect(entries.map { $0["DetailType"] } == ["Step Functions Execution Status Change", "Step Functions Execution Status Change"])
        #expect(entries.allSatisfy { $0["Source"] == "aws.states" && $0["EventBusName"] == "b" })
        let details = try entries.map { try JSONValue(parsing: $0["Detail"]?.string ?? "") }
        #expect(details.map { $0["status"] } == ["RUNNING", "SUCCEEDED"])
        #expect(details[0]["stopDate"] == .null && details[0]["output"] == .null)
        #expect(details[1]["output"] == #"{"a":1}"# && details[1]["outputDetails"] == ["included": true])
        #expect(details[1]["name"] == "e" && details[1]["input"] == #"{"a":1}"#)
    }

    @Test func nothingIsRememberedThatNobodyWantsToKnow() async throws {
        let store = fixture.store
        try await running(ScriptedHTTP([])) { engine, _ in
            let arn = try await start(engine, #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#)
            _ = try await engine.waitForEnd(executionARN: arn)
        }
        #expect(try await store.statusChanges(limit: 10).isEmpty)
    }
}
