import JSONModel
import StatesLanguage
import StatesRuntime
import Support
import Testing

@Suite struct ExecutionMachineTests {
    /// As recorded of the service: such a task is not scheduled, and its error is not caught.
    @Test(arguments: [
        ("sqs:sendMessage", ["QueueUrl": "u", "MessageBody": "test", "Subject": "s"], ["The field \"Subject\" is not supported by Step Functions"]),
        (
            "glue:startJobRun.sync", ["Arguments": ["a"]],
            ["The value of the field 'Arguments' has an invalid format", "The field 'JobName' is required but was missing"]
        ),
        ("aws-sdk:batch:listJobs", "all", ["The value of the field 'Parameters' has an invalid format"]),
        ("states:startExecution", ["Input": .null, "StateMachineArn": "a", "Name": "n"], []),
        ("aws-sdk:bakery:bake", ["Cake": 1], []),
    ] as [(String, JSONValue, [String])])
    func parametersAreHeldToTheModel(resource: String, input: JSONValue, complaints: [String]) throws {
        let driver = try MachineDriver(
            #"""
            {"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::\#(resource)",
                "Arguments": "{% $states.input %}", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}], "Next": "Z"},
                "Z": {"Type": "Succeed"}}}
            """#, input: input.text)
        try driver.apply(.started)
        guard !complaints.isEmpty else {
            #expect(driver.tasks[0].parameters == input)
            return
        }
        #expect(driver.tasks.isEmpty)
        #expect(driver.history.map(\.type.rawValue) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"])
        #expect(driver.history.last?.previousEventID == 2)
        let cause = "An error occurred while executing the state 'T' (entered at the event id #2). The Parameters '\(input.text)' "
            + "could not be used to start the Task: [\(complaints.joined(separator: ", "))]"
        #expect(driver.outcome == .failed(error: "States.Runtime", cause: cause))
    }

    private let loop = #"""
        {"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice", "Choices": [
                {"Variable": "$.stop", "BooleanEquals": true, "Next": "Z"}], "Default": "A"}, "Z": {"Type": "Succeed"}}}
        """#

    @Test func endlessLoopYieldsAndCanBeStopped() throws {
        let driver = try MachineDriver(loop, input: #"{"stop":false}"#)
        try driver.apply(.started, continues: false)
        #expect(driver.continuations == 1)
        #expect(driver.history.count < 2_100)
        try driver.apply(.continuation, continues: false)
        #expect(driver.continuations == 2)
        try driver.apply(.stopRequested(error: nil, cause: nil))
        #expect(driver.outcome == .aborted(error: nil, cause: nil))
        let count = driver.history.count
        try driver.apply(.continuation)
        #expect(driver.history.count == count, "nothing happens after the end")
    }

    @Test func stepsDoNotChangeTheHistory() throws {
        var limits = ExecutionLimits()
        var definition = #"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":["#
        definition += (0..<3).map { b in
            #"{"StartAt":"S\#(b)-0","States":{"#
                + (0..<20).map { #""S\#(b)-\#($0)":{"Type":"Pass",\#($0 < 19 ? #""Next":"S\#(b)-\#($0 + 1)""# : #""End":true"#)}"# }
                .joined(separator: ",") + "}}"
        }.joined(separator: ",") + "]}}}"
        let whole = try MachineDriver(definition)
        try whole.apply(.started)
        limits.stepTransitionsMax = 7
        let pieces = try MachineDriver(definition, limits: limits, reloads: true)
        try pieces.apply(.started)
        #expect(pieces.continuations > 5)
        #expect(pieces.historyText == whole.historyText)
        #expect(whole.outcome == .succeeded(output: Payload([[:], [:], [:]])))
    }

    /// Whatever else is too large has to be named.
    @Test func allErrorsIncludeTooLargeAResult() throws {
        var limits = ExecutionLimits()
        limits.payloadBytesMax = 1000
        let driver = try MachineDriver(
            #"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun","Parameters":{"JobName":"j"},"Catch":[{"ErrorEquals":["States.ALL"],"Next":"S"}],"End":true},"S":{"Type":"Succeed","OutputPath":"$.Error"}}}"#,
            limits: limits)
        try driver.apply(.started)
        try driver.succeed(0, .string(String(repeating: "x", count: 1001)))
        #expect(driver.outcome == .succeeded(output: Payload("States.DataLimitExceeded")))
        let large = try MachineDriver(
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","Result":"\#(String(repeating: "x", count: 1001))","End":true}}}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"S"}],"End":true},"S":{"Type":"Succeed"}}}"#,
            limits: limits)
        try large.apply(.started)
        guard case .failed(let error, _) = large.outcome else { Issue.record("\(String(describing: large.outcome))"); return }
        #expect(error == "States.DataLimitExceeded")
    }

    @Test func tooLongAHistoryFailsTheExecution() throws {
        var limits = ExecutionLimits()
        limits.historyEventsMax = 100
        let driver = try MachineDriver(loop, input: #"{"stop":false}"#, limits: limits)
        try driver.apply(.started)
        guard case .failed(let error, _) = driver.outcome else { Issue.record("\(String(describing: driver.outcome))"); return }
        #expect(error == "States.Runtime")
    }

    @Test func repeatedEventsChangeNothing() throws {
        let driver = try MachineDriver(
            #"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun.sync","Parameters":{"JobName":"j"},"Next":"U"},"U":{"Type":"Wait","Seconds":1,"End":true}}}"#)
        try driver.apply(.started)
        try driver.apply(.started)
        try driver.succeed(0, "done")
        let text = driver.historyText
        try driver.succeed(0, "again")
        try driver.fail(0, "E")
        try driver.apply(.timerFired(timerID: "none"))
        try driver.apply(.taskHeartbeat(taskID: driver.tasks[0].taskID))
        #expect(driver.historyText == text)
    }

    @Test func onlyTouchedFramesAreWritten() throws {
        let driver = try MachineDriver(
            #"{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun.sync","Parameters":{"JobName":"j"},"End":true}}},"End":true}}}"#,
            input: "[1,2,3]")
        var history: [HistoryEvent] = []
        var commands: [ExecutionCommand] = []
        var machine = ExecutionMachine(definition: driver.definition, execution: driver.execution)
        let context = StepContext(now: driver.now, seed: StepSeed(high: 1, low: 1))
        try machine.apply(.started, in: context, history: &history, commands: &commands)
        func paths(_ changes: [FrameChange]) -> [String] {
            changes.map { change in
                switch change {
                case .write(let frame): "write " + frame.path
                case .remove(let path): "remove " + path
                }
            }
        }
        #expect(paths(machine.takeFrameChanges()) == ["write ", "write 2.0", "write 2.1", "write 2.2", "write 2.items"])
        #expect(machine.outstandingCommands.count == 3)
        let ids = commands.compactMap { if case .startTask(let task) = $0 { task.taskID } else { nil } }
        try machine.apply(.taskSucceeded(taskID: ids[1], output: 2), in: context, history: &history, commands: &commands)
        #expect(paths(machine.takeFrameChanges()) == ["write ", "write 2.1"])
        #expect(machine.snapshot().map(\.path) == ["", "2.0", "2.1", "2.2", "2.items"])
        try machine.apply(.taskSucceeded(taskID: ids[0], output: 1), in: context, history: &history, commands: &commands)
        try machine.apply(.taskSucceeded(taskID: ids[2], output: 3), in: context, history: &history, commands: &commands)
        #expect(machine.outcome == .succeeded(output: Payload([1, 2, 3])))
        #expect(
            paths(machine.takeFrameChanges()) == ["write ", "remove 2.0", "remove 2.1", "remove 2.2", "remove 2.items"])
        let reloaded = try ExecutionMachine(
            definition: driver.definition, execution: driver.execution, frames: machine.snapshot())
        #expect(reloaded.outcome == .succeeded(output: Payload([1, 2, 3])))
    }

    @Test func newerSnapshotsAreRefused() throws {
        let driver = try MachineDriver(loop)
        let frame = SnapshotFrame(path: "", bytes: Array(#"{"format":2,"nextEventId":1,"timers":0}"#.utf8))
        #expect(throws: SnapshotError.self) {
            _ = try ExecutionMachine(definition: driver.definition, execution: driver.execution, frames: [frame])
        }
        #expect(throws: SnapshotError.self) {
            _ = try ExecutionMachine(definition: driver.definition, execution: driver.execution, frames: [])
        }
    }

    @Test func tokensComeFromTheSeed() throws {
        func token(_ seed: UInt64) throws -> String? {
            let driver = try MachineDriver(
                #"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"},"End":true}}}"#)
            var machine = ExecutionMachine(definition: driver.definition, execution: driver.execution)
            var history: [HistoryEvent] = []
            var commands: [ExecutionCommand] = []
            let context = StepContext(now: driver.now, seed: StepSeed(high: 7, low: seed))
            try machine.apply(.started, in: context, history: &history, commands: &commands)
            guard case .startTask(let task)? = commands.first else { return nil }
            return task.taskToken
        }
        let first = try token(1)
        #expect(first?.utf8.count == 64)
        #expect(try token(1) == first)
        #expect(try token(2) != first)
    }

    @Test func retriesBackOffUpToTheirLongestDelay() throws {
        let driver = try MachineDriver(
            #"""
            {"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun","Parameters":{"JobName":"j"},"Retry":[
                {"ErrorEquals":["States.ALL"],"IntervalSeconds":3,"BackoffRate":2,"MaxDelaySeconds":20,"MaxAttempts":5}],"End":true}}}
            """#)
        try driver.apply(.started)
        var delays: [Int64] = []
        for attempt in 0..<5 {
            try driver.fail(attempt, "E")
            delays.append(driver.timers[0].at.milliseconds(since: driver.now))
            try driver.fire()
        }
        #expect(delays == [3000, 6000, 12_000, 20_000, 20_000])
        #expect(Set(driver.tasks.map(\.taskVisit)) == [2])
        #expect(driver.tasks.map(\.attempt) == [0, 1, 2, 3, 4, 5])
        #expect(Set(driver.tasks.map(\.taskID)).count == 6)
        try driver.fail(5, "E", "gone")
        #expect(driver.outcome == .failed(error: "E", cause: "gone"))
    }

    @Test(arguments: [("2091-12-03T01:27:26Z", true), ("2091-12-03T01:27:28Z", false)])
    func waitsReach68Years(timestamp: String, isAllowed: Bool) throws {
        let driver = try MachineDriver(
            #"{"StartAt":"W","States":{"W":{"Type":"Wait","TimestampPath":"$.t","End":true}}}"#,
            input: #"{"t":"\#(timestamp)"}"#)
        try driver.apply(.started)
        if isAllowed {
            #expect(driver.outcome == nil)
        } else {
            guard case .failed(_, let cause?) = driver.outcome else { Issue.record("it waits"); return }
            #expect(cause.hasSuffix("Wait state delay is too long."))
        }
    }
}
