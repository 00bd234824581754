import JSONModel
import StateStore
import Support
import TestSupport
import Testing

/// What every adapter of `WorkflowStore` must do: each test runs with all of them.
@Suite(.eachAdapter)
struct WorkflowStoreTests {
    private let directory: TemporaryDirectory
    private let store: any WorkflowStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try WorkflowStoreAdapter.current.open(directory.path)
    }

    private func machine(_ name: String, at time: Int64 = 1, definition: String = "{}") -> StateMachineRecord {
        StateMachineRecord(
            arn: "arn:aws:states:us-east-1:1:stateMachine:\(name)", account: "1", region: "us-east-1", name: name,
            type: "STANDARD", definition: definition, roleArn: "role",
            createdAt: Timestamp(millisecondsSince1970: time), configuration: ["loggingConfiguration": ["level": "OFF"]])
    }

    private func execution(_ name: String, of machine: StateMachineRecord, at time: Int64 = 1, input: String = "{}")
        -> ExecutionRecord
    {
        ExecutionRecord(
            arn: "arn:aws:states:us-east-1:1:execution:\(machine.name):\(name)", account: "1", region: "us-east-1",
            name: name, stateMachine: machine, input: input, startedAt: Timestamp(millisecondsSince1970: time),
            secret: [1, 2, 3])
    }

    private func event(_ id: Int64, _ details: JSONObject? = nil) -> HistoryRecord {
        HistoryRecord(
            id: id, previousEventID: id - 1, timestamp: Timestamp(millisecondsSince1970: id * 10), type: "Type\(id)",
            details: details)
    }

    @Test func machinesAreCreatedOnceUpdatedAndListed() async throws {
        var first = machine("b", at: 1)
        #expect(try await store.createStateMachine(first, tags: [("k", "v"), ("a", "")]) == nil)
        #expect(try await store.createStateMachine(machine("b", at: 9, definition: "[]"), tags: []) == first)
        #expect(try await store.createStateMachine(machine("a", at: 2), tags: []) == nil)
        first.definition = "[1]"
        first.revisionID = "r"
        first.updatedAt = Timestamp(millisecondsSince1970: 5)
        #expect(try await store.updateStateMachine(first))
        #expect(try await store.stateMachine(arn: first.arn) == first)
        let page = try await store.stateMachines(account: "1", region: "us-east-1", after: nil, limit: 1)
        #expect(page.map(\.name) == ["a"])
        let next = try await store.stateMachines(account: "1", region: "us-east-1", after: page[0].arn, limit: 9)
        #expect(next.map(\.name) == ["b"])
        #expect(try await store.stateMachines(account: "1", region: "eu-west-1", after: nil, limit: 9).isEmpty)
        #expect(try await store.tags(ofResource: first.arn).map(\.key) == ["k", "a"])
        try await store.changeTags(ofResource: first.arn, set: [("k", "w")], remove: ["a", "none"])
        #expect(try await store.tags(ofResource: first.arn).map(\.value) == ["w"])
    }

    @Test func aMachineGoesWithItsLastExecution() async throws {
        let m = machine("m")
        _ = try await store.createStateMachine(m, tags: [])
        let e = execution("e", of: m)
        #expect(try await store.startExecution(NewExecution(e)) == nil)
        try await store.deleteStateMachine(arn: m.arn)
        #expect(try await store.stateMachine(arn: m.arn)?.status == .deleting)
        #expect(try await store.updateStateMachine(m) == false)
        var step = ExecutionStep(executionArn: e.arn, revision: 0, stepCount: 1, isRunnable: false)
        step.end = ExecutionStep.End(status: .succeeded, stoppedAt: Timestamp(millisecondsSince1970: 3), output: "1")
        try await store.commit(step)
        #expect(try await store.stateMachine(arn: m.arn) == nil)
        #expect(try await store.execution(arn: e.arn)?.stateMachine.definition == m.definition)
    }

    @Test func anExecutionIsStartedOnce() async throws {
        let m = machine("m")
        let e = execution("e", of: m, input: "[\"" + String(repeating: "x", count: 5000) + "\"]")
        #expect(try await store.startExecution(NewExecution(e)) == nil)
        #expect(try await store.startExecution(NewExecution(execution("e", of: m, at: 7))) == e)
        #expect(try await store.execution(arn: e.arn) == e)
        #expect(try await store.runnableExecutions(after: nil, limit: 10) == [e.arn])
    }

    @Test func aStepIsTakenOnceAndAsAWhole() async throws {
        let m = machine("m")
        let e = execution("e", of: m)
        _ = try await store.startExecution(NewExecution(e))
        let long = String(repeating: "é", count: 900)
        var step = ExecutionStep(executionArn: e.arn, revision: 0, stepCount: 1, isRunnable: false)
        step.frames = [FrameRecord(path: "", bytes: [1, 0, 255]), FrameRecord(path: "5.0", bytes: [2])]
        step.history = [event(1, ["input": .string(long), "name": "n"]), event(2)]
        step.newCommands = [
            CommandRecord(executionArn: e.arn, commandID: "c1", call: ["p": .string(long)], taskToken: "t"),
            CommandRecord(executionArn: e.arn, commandID: "c2", call: 1),
        ]
        step.newTimers = [TimerRecord(executionArn: e.arn, timerID: "t1", dueAt: Timestamp(millisecondsSince1970: 50))]
        try await store.commit(step)
        await #expect(throws: WorkflowStoreError.staleRevision(executionArn: e.arn, expected: 0)) {
            try await store.commit(step)
        }
        let loaded = try #require(try await store.loadExecution(arn: e.arn))
        #expect(loaded.record.revision == 1)
        #expect(loaded.record.lastEventID == 2)
        #expect(loaded.record.stepCount == 1)
        #expect(!loaded.record.isRunnable)
        #expect(loaded.frames == step.frames)
        #expect(try await store.history(ofExecution: e.arn, ids: 1...100, descending: false, limit: 10) == step.history)
        #expect(try await store.commands(after: nil, limit: 10) == step.newCommands)
        #expect(try await store.command(taskToken: "t") == step.newCommands[0])
        #expect(try await store.timers(limit: 10) == step.newTimers)
        #expect(try await store.runnableExecutions(after: nil, limit: 10) == [])

        var second = ExecutionStep(executionArn: e.arn, revision: 1, stepCount: 2, isRunnable: true)
        second.frames = [FrameRecord(path: "5.0", bytes: nil), FrameRecord(path: "", bytes: [9])]
        second.history = [event(3), event(4), event(5)]
        second.submittedCommands = [("c1", ["id": 7])]
        second.cancelledCommands = ["c1"]
        second.finishedCommands = ["c2"]
        second.finishedTimers = ["t1"]
        try await store.commit(second)
        #expect(try await store.loadExecution(arn: e.arn)?.frames == [FrameRecord(path: "", bytes: [9])])
        let command = try #require(try await store.commands(after: nil, limit: 10).first)
        #expect(command.progress == .submitted)
        #expect(command.handle == ["id": 7])
        #expect(command.isCancelled)
        #expect(try await store.command(taskToken: "t") == nil)
        #expect(try await store.timers(limit: 10).isEmpty)
        #expect(try await store.runnableExecutions(after: nil, limit: 10) == [e.arn])
        func ids(_ range: ClosedRange<Int64>, _ descending: Bool, _ limit: Int) async throws -> [Int64] {
            try await store.history(ofExecution: e.arn, ids: range, descending: descending, limit: limit).map(\.id)
        }
        #expect(try await ids(2...4, false, 10) == [2, 3, 4])
        #expect(try await ids(1...Int64.max, true, 3) == [5, 4, 3])
        #expect(try await ids(1...4, true, 10) == [4, 3, 2, 1])
        #expect(try await ids(4...Int64.max, false, 1) == [4])
    }

    @Test func aClosedExecutionTakesNoSteps() async throws {
        let e = execution("e", of: machine("m"))
        _ = try await store.startExecution(NewExecution(e))
        var step = ExecutionStep(executionArn: e.arn, revision: 0, stepCount: 1, isRunnable: false)
        step.frames = [FrameRecord(path: "", bytes: [1])]
        step.newCommands = [CommandRecord(executionArn: e.arn, commandID: "c", call: 1)]
        step.newTimers = [TimerRecord(executionArn: e.arn, timerID: "t", dueAt: Timestamp(millisecondsSince1970: 1))]
        let cause = String(repeating: "why ", count: 1000)
        step.end = ExecutionStep.End(
            status: .failed, stoppedAt: Timestamp(millisecondsSince1970: 8), error: "E", cause: cause)
        try await store.commit(step)
        let record = try #require(try await store.execution(arn: e.arn))
        #expect(record.status == .failed)
        #expect(record.error == "E")
        #expect(record.cause == cause)
        #expect(record.stoppedAt?.millisecondsSince1970 == 8)
        // A redrive needs the frames.
        #expect(try await store.loadExecution(arn: e.arn)?.frames == step.frames)
        #expect(record.redrives.isPrepared)
        #expect(try await store.timers(limit: 10).isEmpty)
        #expect(try await store.commands(after: nil, limit: 10).map(\.isCancelled) == [true])
        let later = ExecutionStep(executionArn: e.arn, revision: 1, stepCount: 2, isRunnable: true)
        await #expect(throws: WorkflowStoreError.self) { try await store.commit(later) }
        // Its command must be stopped first, then it may be forgotten.
        #expect(try await store.removeExecutions(stoppedBefore: Timestamp(millisecondsSince1970: 9), limit: 9) == 0)
        try await store.removeCommand("c", executionArn: e.arn)
        #expect(try await store.removeExecutions(stoppedBefore: Timestamp(millisecondsSince1970: 8), limit: 9) == 0)
        #expect(try await store.removeExecutions(stoppedBefore: Timestamp(millisecondsSince1970: 9), limit: 9) == 1)
        #expect(try await store.execution(arn: e.arn) == nil)
    }

    @Test func executionsAreListedNewestFirst() async throws {
        let m = machine("m")
        for index in 1...5 { _ = try await store.startExecution(NewExecution(execution("e\(index)", of: m, at: Int64(index)))) }
        _ = try await store.startExecution(NewExecution(execution("x", of: machine("other"), at: 9)))
        func names(_ machineArn: String?, _ status: ExecutionRecord.Status?, _ after: PageKey?, _ limit: Int)
            async throws -> [String]
        {
            try await store.executions(
                account: "1", region: "us-east-1", stateMachineArn: machineArn, status: status, isRedriven: nil,
                after: after, limit: limit
            ).map(\.name)
        }
        #expect(try await names(m.arn, nil, nil, 2) == ["e5", "e4"])
        let key = PageKey(
            time: Timestamp(millisecondsSince1970: 4), arn: "arn:aws:states:us-east-1:1:execution:m:e4")
        #expect(try await names(m.arn, .running, key, 9) == ["e3", "e2", "e1"])
        #expect(try await names(m.arn, .failed, nil, 9).isEmpty)
        #expect(try await names(nil, nil, nil, 1) == ["x"])
    }

    @Test func timersComeInOrderOfTime() async throws {
        let e = execution("e", of: machine("m"))
        _ = try await store.startExecution(NewExecution(e))
        var step = ExecutionStep(executionArn: e.arn, revision: 0, stepCount: 1, isRunnable: false)
        step.newTimers = [30, 10, 20, 10].enumerated().map { index, time in
            TimerRecord(executionArn: e.arn, timerID: "t\(index)", dueAt: Timestamp(millisecondsSince1970: Int64(time)))
        }
        try await store.commit(step)
        #expect(try await store.timers(limit: 2).map(\.timerID) == ["t1", "t3"])
        #expect(try await store.timers(limit: 9).map(\.timerID) == ["t1", "t3", "t2", "t0"])
    }
}
