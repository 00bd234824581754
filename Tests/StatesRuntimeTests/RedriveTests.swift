import JSONModel
import StatesRuntime
import Support
import Testing

/// Executions that go on after an end without success: only what has not succeeded runs again.
struct RedriveTests {
    private static let call = #""Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread""#
    private static let task = call + #", "Parameters": {}"#

    private func driver(_ definition: String, reloads: Bool, input: String = "{}") throws -> MachineDriver {
        let driver = try MachineDriver(definition, input: input, reloads: reloads)
        try driver.apply(.started)
        return driver
    }

    private func types(_ driver: MachineDriver, from id: Int64) -> [String] {
        driver.history.filter { $0.id >= id }.map(\.type.rawValue)
    }

    private func output(_ driver: MachineDriver) throws -> JSONValue {
        guard case .succeeded(let output) = try #require(driver.outcome) else {
            Issue.record("the execution has not succeeded: \(String(describing: driver.outcome))")
            return .null
        }
        return output.value
    }

    @Test(arguments: [false, true]) func aTaskIsScheduledAgainInTheSameVisit(reloads: Bool) throws {
        let driver = try driver(
            #"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"x": 7}, "Next": "B"}, "B": {\#(Self.call), "Parameters": {"n.$": "$$.Execution.RedriveCount", "t.$": "$$.Execution.StartTime", "x.$": "$x"}, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}], "End": true}}}"#,
            reloads: reloads)
        try driver.fail(0, "Bad")
        try driver.fire()
        try driver.fail(1, "Bad", "again")
        #expect(driver.outcome == .failed(error: "Bad", cause: "again"))
        let last = try #require(driver.history.last)
        try driver.redrive()
        let redriven = try #require(driver.history.first { $0.type == .executionRedriven })
        #expect(redriven.id == last.id + 1)
        #expect(redriven.previousEventID == last.id)
        #expect(JSONValue.object(redriven.json)["executionRedrivenEventDetails"] == ["redriveCount": 1])
        #expect(types(driver, from: redriven.id) == ["ExecutionRedriven", "TaskScheduled", "TaskStarted"])
        #expect(driver.history.first { $0.id == redriven.id + 1 }?.previousEventID == redriven.id)
        #expect(Set(driver.tasks.map(\.taskVisit)).count == 1)
        #expect(Set(driver.tasks.map(\.taskID)).count == 3)
        #expect(driver.tasks[2].attempt == 0)
        #expect(driver.tasks[2].parameters["n"] == 1)
        #expect(driver.tasks[2].parameters["x"] == 7)
        // The retrier counts anew.
        try driver.fail(2, "Bad")
        try driver.fire()
        try driver.succeed(3, ["ok": true])
        #expect(try output(driver) == ["ok": true])
        #expect(driver.history.map(\.id) == Array(1...Int64(driver.history.count)))
    }

    @Test(arguments: [false, true]) func onlyBranchesThatDidNotSucceedGoOn(reloads: Bool) throws {
        let driver = try driver(
            #"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "A", "States": {"A": {\#(Self.task), "End": true}}}, {"StartAt": "B0", "States": {"B0": {\#(Self.task), "Next": "B"}, "B": {\#(Self.task), "End": true}}}, {"StartAt": "C", "States": {"C": {\#(Self.task), "End": true}}}]}}}"#,
            reloads: reloads)
        try driver.succeed(0, "a")
        try driver.succeed(1, "b0")
        try driver.fail(3, "Bad")  // B; C still runs.
        #expect(driver.outcome == .failed(error: "Bad", cause: nil))
        #expect(driver.cancelledTasks == [driver.tasks[2].taskID])
        let last = try #require(driver.history.last?.id)
        try driver.redrive()
        #expect(driver.tasks.dropFirst(4).map(\.stateName) == ["B", "C"])
        #expect(
            types(driver, from: last + 1) == ["ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskScheduled", "TaskStarted"])
        try driver.succeed(4, "b")
        try driver.succeed(5, "c")
        #expect(try output(driver) == ["a", "b", "c"])
    }

    @Test(arguments: [false, true]) func onlyIterationsThatDidNotSucceedGoOn(reloads: Bool) throws {
        let driver = try driver(
            #"{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 2, "End": true, "ItemProcessor": {"StartAt": "T", "States": {"T": {\#(Self.call), "Parameters": {"v.$": "$"}, "End": true}}}}}}"#,
            reloads: reloads, input: "[10, 11, 12, 13]")
        try driver.succeed(0, "r0")  // 12 begins.
        try driver.fail(1, "Bad")
        #expect(driver.outcome == .failed(error: "Bad", cause: nil))
        try driver.redrive()
        #expect(driver.tasks.dropFirst(3).map(\.parameters) == [["v": 11], ["v": 12]])
        #expect(driver.tasks.dropFirst(3).map(\.mapPath) == [[1], [2]])
        try driver.succeed(4, "r2")
        try driver.succeed(5, "r3")
        try driver.succeed(3, "r1")
        #expect(try output(driver) == ["r0", "r1", "r2", "r3"])
    }

    @Test(arguments: [false, true]) func nestedChildrenAreFound(reloads: Bool) throws {
        let driver = try driver(
            #"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "A", "States": {"A": {\#(Self.task), "End": true}}}, {"StartAt": "B", "States": {"B": {\#(Self.task), "End": true}}}]}}}}}}"#,
            reloads: reloads, input: "[1, 2]")
        try driver.succeed(0, "1a")
        try driver.succeed(3, "2b")
        try driver.succeed(2, "2a")
        try driver.fail(1, "Bad")
        try driver.redrive()
        try driver.fail(4, "Worse")
        #expect(driver.outcome == .failed(error: "Worse", cause: nil))
        try driver.redrive()
        #expect(driver.history.filter { $0.type == .executionRedriven }.map { $0.details?["redriveCount"] } == [1, 2])
        try driver.succeed(5, "1b")
        #expect(driver.tasks.count == 6)
        #expect(try output(driver) == [["1a", "1b"], ["2a", "2b"]])
    }

    /// A Parallel whose failure is caught forgets its branches.
    @Test(arguments: [false, true]) func whatWasCaughtIsNotTakenUp(reloads: Bool) throws {
        let driver = try driver(
            #"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "Next": "X", "Catch": [{"ErrorEquals": ["Bad"], "Next": "X"}], "Branches": [{"StartAt": "A", "States": {"A": {\#(Self.task), "End": true}}}]}, "X": {\#(Self.task), "End": true}}}"#,
            reloads: reloads)
        try driver.fail(0, "Bad")
        try driver.fail(1, "Other")
        try driver.redrive()
        #expect(driver.tasks.map(\.stateName) == ["A", "X", "X"])
        try driver.succeed(2, 1)
        #expect(try output(driver) == 1)
    }

    @Test(arguments: [false, true]) func aStoppedWaitAndAFailStateGoOn(reloads: Bool) throws {
        let driver = try driver(
            #"{"TimeoutSeconds": 100, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 50, "Next": "F"}, "F": {"Type": "Fail", "Error": "No"}}}"#,
            reloads: reloads)
        try driver.apply(.stopRequested(error: nil, cause: nil))
        #expect(driver.timers.isEmpty)
        try driver.redrive()
        #expect(driver.timers.map { $0.at.milliseconds(since: driver.now) }.sorted() == [50_000, 100_000])
        try driver.fire()
        #expect(driver.outcome == .failed(error: "No", cause: nil))
        let last = try #require(driver.history.last?.id)
        try driver.redrive()
        #expect(types(driver, from: last + 1) == ["ExecutionRedriven", "FailStateEntered", "ExecutionFailed"])
    }

    /// An iteration's input that cannot be made leaves those that run alone, and is tried again.
    @Test(arguments: [false, true]) func aFailedItemSelectorIsTriedAgain(reloads: Bool) throws {
        let driver = try driver(
            #"{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "ItemSelector": {"v.$": "$$.Map.Item.Value.v"}, "End": true, "ItemProcessor": {"StartAt": "T", "States": {"T": {\#(Self.task), "End": true}}}}}}"#,
            reloads: reloads, input: #"[{"v": 1}, {}]"#)
        try driver.succeed(0, "r0")
        guard case .failed(let error, _) = driver.outcome else {
            Issue.record("the Map has not failed")
            return
        }
        #expect(error == "States.Runtime")
        try driver.redrive()
        #expect(driver.tasks.count == 1)
        guard case .failed(error, _) = driver.outcome else {
            Issue.record("the Map has not failed again")
            return
        }
    }

    @Test func aRepeatedRedriveChangesNothing() throws {
        let driver = try driver(#"{"StartAt": "B", "States": {"B": {\#(Self.task), "End": true}}}"#, reloads: true)
        try driver.fail(0, "Bad")
        try driver.redrive()
        let count = driver.history.count
        try driver.apply(.redriven(count: 1, lastEventID: 6))
        #expect(driver.history.count == count)
    }

    // MARK: Map runs

    private static let distributed = #"""
        {"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}}}}
        """#

    @Test(arguments: [false, true]) func aMapRunGoesOn(reloads: Bool) throws {
        let driver = try driver(Self.distributed, reloads: reloads, input: "[1]")
        var run = MapRunAttempt(mapRunArn: try #require(driver.mapRuns.first).mapRunArn)
        try driver.apply(.mapRunFailed(run, error: "E", cause: "c"))
        #expect(driver.outcome == .failed(error: "E", cause: "c"))
        try driver.redrive()
        let first = run
        run.redriveCount = 1
        #expect(driver.redrivenMapRuns == [run])
        let redriven = try #require(driver.history.last)
        #expect(redriven.type == .mapRunRedriven && redriven.previousEventID == redriven.id - 1)
        #expect(redriven.details == ["mapRunArn": .string(run.mapRunArn), "redriveCount": 1])
        // Late word of its end before says nothing.
        try driver.apply(.mapRunSucceeded(first, output: Payload([])))
        #expect(driver.history.last == redriven)
        try driver.apply(.stopRequested(error: nil, cause: nil))
        #expect(driver.log.contains("cancel map run 0"))
        try driver.redrive()
        run.redriveCount = 2
        #expect(driver.redrivenMapRuns.last == run)
        let id = try #require(driver.history.last).id
        try driver.apply(.mapRunSucceeded(run, output: Payload([2])))
        #expect(try output(driver) == [2])
        #expect(types(driver, from: id) == ["MapRunRedriven", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded"])
        #expect(driver.mapRuns.count == 1)
    }

    @Test(arguments: [false, true]) func whatNoRedriveOfARunCanMendBeginsAnother(reloads: Bool) throws {
        let driver = try driver(Self.distributed, reloads: reloads, input: "[1]")
        try driver.apply(.mapRunFailed(MapRunAttempt(mapRunArn: driver.mapRuns[0].mapRunArn), error: "States.Runtime", cause: "c"))
        try driver.redrive()
        #expect(driver.mapRuns.count == 2)
        // A result that is too large.
        try driver.apply(.mapRunSucceeded(MapRunAttempt(mapRunArn: driver.mapRuns[1].mapRunArn), output: nil))
        try driver.redrive()
        #expect(driver.mapRuns.count == 3 && driver.redrivenMapRuns.isEmpty)
    }

    @Test func aRunIsRedrivenAThousandTimes() throws {
        let driver = try driver(Self.distributed, reloads: true, input: "[1]")
        for count in 0...1_000 {
            let run = MapRunAttempt(mapRunArn: driver.mapRuns[0].mapRunArn, redriveCount: count)
            try driver.apply(.mapRunFailed(run, error: "E", cause: nil))
            try driver.redrive()
        }
        #expect(driver.redrivenMapRuns.count == 1_000)
        #expect(
            driver.outcome
                == .failed(error: "States.Runtime", cause: "The Map Run has been redriven 1000 times, which is the limit."))
        try driver.redrive()
        #expect(driver.outcome != nil && driver.mapRuns.count == 1)
    }
}
