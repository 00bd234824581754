import JSONModel
import StatesLanguage
import StatesRuntime
import Support
import Testing

/// What the machine says and asks for around a map run.
@Suite struct DistributedMapMachineTests {
    private static func definition(_ fields: String, processor: String = #""I":{"Type":"Pass","End":true}"#) -> String {
        #"{"StartAt":"M","States":{"M":{"Type":"Map",\#(fields)"Next":"Z","ItemProcessor":{"ProcessorConfig":"#
            + #"{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"I","States":{\#(processor)}}},"#
            + #""Z":{"Type":"Succeed"}}}"#
    }

    private func types(_ driver: MachineDriver) -> [String] { driver.history.map(\.type.rawValue) }

    @Test(arguments: [false, true]) func aRunIsStartedAndItsResultIsTheStates(reloads: Bool) throws {
        let driver = try MachineDriver(
            Self.definition(#""ItemsPath":"$.list","MaxConcurrency":3,"ResultPath":"$.out","#), input: #"{"list":[1,2]}"#, reloads: reloads)
        try driver.apply(.started)
        let start = try #require(driver.mapRuns.first)
        #expect(start.items == [1, 2] && start.maxConcurrency == 3 && start.toleratedFailureCount == nil)
        #expect(start.mapRunArn.hasPrefix("arn:aws:states:us-east-1:123456789012:mapRun:m/\(start.label):"))
        try driver.apply(.mapRunSucceeded(MapRunAttempt(mapRunArn: "another"), output: Payload([])))
        #expect(driver.history.count == 4)
        try driver.apply(.mapRunSucceeded(MapRunAttempt(mapRunArn: start.mapRunArn), output: Payload([1, 2])))
        #expect(driver.outcome == .succeeded(output: Payload(["list": [1, 2], "out": [1, 2]])))
        #expect(
            driver.history.map { "\($0.id)<\($0.previousEventID) \($0.type.rawValue)" } == [
                "1<0 ExecutionStarted", "2<0 MapStateEntered", "3<2 MapStateStarted", "4<3 MapRunStarted",
                "5<4 MapRunSucceeded", "6<5 MapStateSucceeded", "7<5 MapStateExited", "8<7 SucceedStateEntered",
                "9<8 SucceedStateExited", "10<9 ExecutionSucceeded",
            ])
        // Again, for the same run, changes nothing.
        try driver.apply(.mapRunSucceeded(MapRunAttempt(mapRunArn: start.mapRunArn), output: Payload([])))
        #expect(driver.history.count == 10)
    }

    @Test func whatARunIsStartedWithSurvivesAsJSON() throws {
        let fields = #"""
            "Label":"rows","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key.$":"$.k"},
            "ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["a"],"CSVDelimiter":"TAB","MaxItemsPath":"$.n"}},
            "ItemBatcher":{"MaxItemsPerBatch":4,"BatchInput":{"x.$":"$.k"}},"ItemSelector":{"v.$":"$$.Map.Item.Value"},
            "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"},
            "WriterConfig":{"OutputType":"JSONL","Transformation":"COMPACT"}},
            """#
        let driver = try MachineDriver(Self.definition(fields), input: #"{"k":"key","n":9}"#)
        try driver.apply(.started)
        let start = try #require(driver.mapRuns.first)
        #expect(start.reader?.parameters == ["Bucket": "b", "Key": "key"] && start.reader?.maxItems == 9)
        #expect(start.items == nil && driver.history[2].details == ["length": 0])
        #expect(start.mapRunArn.contains(":mapRun:m/rows:"))
        let restored = try MapRunStart(mapRunArn: start.mapRunArn, configuration: start.configuration)
        #expect(restored == start)
    }

    @Test func aFailedRunIsRetriedAndCaught() throws {
        let driver = try MachineDriver(
            Self.definition(
                #""Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}],"#), input: "[1]")
        try driver.apply(.started)
        try driver.apply(.mapRunFailed(MapRunAttempt(mapRunArn: driver.mapRuns[0].mapRunArn), error: "E", cause: "c"))
        try driver.fire()
        #expect(driver.mapRuns.count == 2 && driver.mapRuns[0].mapRunArn != driver.mapRuns[1].mapRunArn)
        try driver.apply(.mapRunFailed(MapRunAttempt(mapRunArn: driver.mapRuns[1].mapRunArn), error: "E", cause: "c"))
        #expect(driver.outcome == .succeeded(output: Payload(["Error": "E", "Cause": "c"])))
        #expect(
            types(driver) == [
                "ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunFailed", "MapStateStarted",
                "MapRunStarted", "MapRunFailed", "MapStateFailed", "MapStateExited", "SucceedStateEntered",
                "SucceedStateExited", "ExecutionSucceeded",
            ])
        #expect(driver.history[4].details == ["error": "E", "cause": "c"])
    }

    @Test func stoppingTakesTheRunBack() throws {
        let driver = try MachineDriver(Self.definition(""), input: "[1]", reloads: true)
        try driver.apply(.started)
        try driver.apply(.stopRequested(error: nil, cause: nil))
        #expect(driver.log.contains("cancel map run 0"))
        #expect(types(driver).suffix(2) == ["MapRunAborted", "ExecutionAborted"])
    }

    @Test func tooLargeAResultFailsTheState() throws {
        let driver = try MachineDriver(Self.definition(""), input: "[1]")
        try driver.apply(.started)
        try driver.apply(.mapRunSucceeded(MapRunAttempt(mapRunArn: driver.mapRuns[0].mapRunArn), output: nil))
        #expect(
            driver.outcome
                == .failed(
                    error: "States.DataLimitExceeded",
                    cause: "The state/task 'M' returned a result with a size exceeding the maximum number of bytes service limit."))
    }

    @Test(arguments: [
        ("\"NoNumber\"", #"The ToleratedFailureCountPath field refers to value "NoNumber" which is not a valid integer: $.n"#),
        ("{}", #"The ToleratedFailureCountPath field refers to value "{}" which is not a valid integer: $.n"#),
        ("-1", "ToleratedFailureCount cannot be negative."),
    ])
    func aThresholdThatIsNoCountEndsTheExecution(value: String, complaint: String) throws {
        let driver = try MachineDriver(
            Self.definition(#""ItemsPath":"$.l","ToleratedFailureCountPath":"$.n","#), input: #"{"l":[0],"n":\#(value)}"#)
        try driver.apply(.started)
        #expect(types(driver) == ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "ExecutionFailed"])
        let cause = "An error occurred while executing the state 'M' (entered at the event id #2). \(complaint)"
        #expect(driver.outcome == .failed(error: "States.Runtime", cause: cause))
    }

    @Test func itemsSeeTheStatesSurroundings() throws {
        let fields = #""ItemSelector":{"v.$":"$$.Map.Item.Value","i.$":"$$.Map.Item.Index","k.$":"$$.Map.Item.Key","s.$":"$$.Map.Item.Source","e.$":"$$.State.Name","in.$":"$.a"},"#
        let driver = try MachineDriver(Self.definition(fields), input: #"{"a":1}"#)
        try driver.apply(.started)
        let start = driver.mapRuns[0]
        #expect(start.items == [["Key": "a", "Value": 1]])
        var items = try MapRunItems(
            definition: driver.definition, execution: driver.execution, start: start, limits: .default)
        let context = StepContext(now: driver.now, seed: StepSeed(high: 1, low: 2))
        let item = MapRunItem(index: 5, value: "x", key: "a", source: "S3://b/k")
        #expect(
            try items.input(for: item, in: context)
                == ["v": "x", "i": 5, "k": "a", "s": "S3://b/k", "e": "M", "in": 1])
    }
}
