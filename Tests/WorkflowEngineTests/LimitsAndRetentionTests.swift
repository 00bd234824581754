import JSONModel
import StateStore
import StatesRuntime
import Support
import TestSupport
import Testing
import WorkflowEngine

@Suite(.timeLimit(.minutes(2)))
struct LimitsAndRetentionTests {
    private static let loop = #"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}"#
    private static let arn = "arn:aws:states:us-east-1:123456789012:execution:m:e"

    private func engine(
        _ directory: TemporaryDirectory, clock: ManualClock = ManualClock(), _ change: (inout WorkflowEngine.Configuration) -> Void
    ) throws -> WorkflowEngine {
        var configuration = WorkflowEngine.Configuration()
        change(&configuration)
        let store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        return WorkflowEngine(store: store, logs: store, clock: clock, configuration: configuration)
    }

    @Test func theServicesLimitsEndALoopAndALongResult() async throws {
        let directory = try TemporaryDirectory()
        let long = JSONValue.string(String(repeating: "x", count: 262_143))
        let fake = FakeIntegration(start: { _ in .succeeded(long) })
        try await engine(directory) { $0.hasAWSLimits = true }.running(fake) { engine in
            _ = try await engine.start(Self.loop)
            let record = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(record.error == "States.Runtime")
            #expect(record.cause == "The execution reached the maximum number of history events (25000).")
            #expect(record.lastEventID == 25_000)
            #expect(try await engine.redriveRefusal(record) == "State machine is in DELETING status")
            let task = #"{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread", "End": true}}}"#
            let other = try await engine.start(task, name: "long")
            let failed = try await engine.waitForEnd(executionARN: other.arn)
            #expect(failed.error == "States.DataLimitExceeded")
            #expect(
                failed.cause == "The state/task 'aws-sdk:bakery' returned a result with a size exceeding the maximum number of bytes service limit.")
        }
    }

    @Test func aTagHoldsOneMachineToThem() async throws {
        let directory = try TemporaryDirectory()
        let limited = machine(Self.loop, name: "limited")
        try await engine(directory) { $0.limits.historyEventsMax = 30_000 }.running(FakeIntegration()) { engine in
            _ = try await engine.createStateMachine(limited, tags: [])
            func run(_ name: String) async throws -> ExecutionRecord {
                let found = try await engine.startableMachine(arn: limited.arn)
                let arn = "arn:aws:states:us-east-1:123456789012:execution:limited:\(name)"
                _ = try await engine.startExecution(
                    StartExecutionRequest(executionArn: arn, name: name, stateMachine: found, input: Payload([:])))
                return try await engine.waitForEnd(executionARN: arn)
            }
            #expect(try await run("before").lastEventID == 30_000)
            try await engine.changeTags(
                ofResource: limited.arn, set: [(StateMachineRecord.awsLimitsTag, "true")], remove: [])
            let record = try await run("tagged")
            #expect(record.lastEventID == 25_000)
            #expect(try await engine.redriveRefusal(record) == "Execution history event limit exceeded")
            try await engine.changeTags(ofResource: limited.arn, set: [], remove: [StateMachineRecord.awsLimitsTag])
            #expect(try await run("after").lastEventID == 30_000)
        }
    }

    @Test func aHistoryOfTooManyBytesEndsTheExecution() async throws {
        let directory = try TemporaryDirectory()
        try await engine(directory) { $0.limits.historyBytesMax = 2 << 20 }.running(FakeIntegration()) { engine in
            _ = try await engine.start(Self.loop, input: JSONValue.string(String(repeating: "x", count: 1000)).text)
            let record = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(record.cause == "The execution reached the maximum size of its history (2 MiB).")
            #expect((1500...2500).contains(record.lastEventID))
        }
    }

    @Test func closedExecutionsGoAfterTheirTime() async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        let wait = #"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99999999, "End": true}}}"#
        let fail = #"{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}"#
        try await engine(directory, clock: clock) { $0.retentionDays = 30 }.running(FakeIntegration()) { engine in
            let running = try await engine.start(wait, name: "running")
            let old = try await engine.start(fail, name: "old")
            _ = try await engine.waitForEnd(executionARN: old.arn)
            clock.advance(milliseconds: 86_400_000)
            let young = try await engine.start(fail, name: "young")
            _ = try await engine.waitForEnd(executionARN: young.arn)
            clock.advance(milliseconds: 14 * 86_400_000)
            try await engine.removeExpired()
            // Old enough to be beyond a redrive, not to be gone.
            #expect(try await store.loadExecution(arn: old.arn)?.frames.isEmpty == true)
            #expect(try await store.loadExecution(arn: young.arn)?.frames.isEmpty == false)
            clock.advance(milliseconds: 15 * 86_400_000 + 1)
            try await engine.removeExpired()
            await #expect(throws: WorkflowEngineError.executionDoesNotExist(arn: old.arn)) {
                try await engine.execution(arn: old.arn)
            }
            #expect(try await engine.history(ofExecution: old.arn).isEmpty)
            #expect(try await engine.execution(arn: young.arn).status == .failed)
            #expect(try await engine.execution(arn: running.arn).status == .running)
        }
    }

    @Test func definitionsGoWithTheLastThatHasThem() async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        @Sendable func definition(_ error: String) -> String { #"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "\#(error)"}}}"# }
        try await engine(directory, clock: clock) { _ in }.running(FakeIntegration()) { engine in
            _ = try await engine.createStateMachine(machine(definition("a")), tags: [])
            _ = try await engine.start(definition("a"), name: "a")
            let other = try await engine.start(definition("b"), name: "b")
            _ = try await engine.waitForEnd(executionARN: other.arn)
            #expect(try await store.removeUnusedDefinitions(limit: 9) == 0)
            clock.advance(milliseconds: 91 * 86_400_000)
            while try await store.removeExecutions(stoppedBefore: clock.now(), limit: 9) > 0 {}
            // The machine has the other one.
            #expect(try await store.removeUnusedDefinitions(limit: 9) == 1)
            #expect(try await store.removeUnusedDefinitions(limit: 9) == 0)
            let again = try await engine.start(definition("b"), name: "again")
            #expect(try await engine.waitForEnd(executionARN: again.arn).error == "b")
            try await engine.deleteStateMachine(arn: machine("").arn)
            #expect(try await store.removeUnusedDefinitions(limit: 9) == 1)
        }
    }

    @Test func childrenStayAsLongAsTheirMapRun() async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        let task: JSONValue = ["Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread", "End": true]
        let definition = DistributedMapTests.definition(["MaxConcurrency": 1], states: ["One": task])
        let fake = FakeIntegration(start: { call in
            clock.advance(milliseconds: 1000)
            return .succeeded(call.parameters)
        })
        try await engine(directory, clock: clock) { _ in }.running(fake) { engine in
            let parent = try await engine.start(definition, input: "[1,2,3]")
            let stoppedAt = try #require(try await engine.waitForEnd(executionARN: parent.arn).stoppedAt)
            #expect(try await store.removeExecutions(stoppedBefore: stoppedAt, limit: 9) == 0)
            let later = stoppedAt.adding(milliseconds: 1)
            #expect(try await store.removeExecutions(stoppedBefore: later, limit: 9) == 1)
            #expect(try await store.removeExecutions(stoppedBefore: later, limit: 9) == 3)
        }
    }

    @Test func expressExecutionsLogWhatTheirLevelSays() async throws {
        let directory = try TemporaryDirectory()
        let store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        try await engine(directory) { _ in }.running(FakeIntegration()) { engine in
            for level in ["ALL", "FATAL", "OFF"] {
                var record = machine(#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}"#, name: level)
                record.type = "EXPRESS"
                record.configuration = [
                    "loggingConfiguration": [
                        "level": .string(level),
                        "destinations": [
                            ["cloudWatchLogsLogGroup": ["logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"]]
                        ],
                    ]
                ]
                _ = try await engine.runExpress(
                    StartExecutionRequest(
                        executionArn: "arn:aws:states:us-east-1:123456789012:express:\(level):n:u", name: "n",
                        stateMachine: record, input: Payload([:])))
            }
        }
        // The engine's store has taken the writes in before; this one comes behind them.
        func types(_ level: String) async throws -> [String] {
            try await store.history(
                ofExecution: "arn:aws:states:us-east-1:123456789012:express:\(level):n:u", ids: 1...99, descending: false,
                limit: 99
            ).map(\.type)
        }
        while try await types("FATAL").isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        #expect(try await types("ALL") == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"])
        #expect(try await types("FATAL") == ["ExecutionFailed"])
        #expect(try await types("OFF") == [])
    }
}
