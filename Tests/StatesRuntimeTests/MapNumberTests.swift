import JSONModel
import StatesRuntime
import Testing

/// The numbers of a Map's fields: its concurrency and its thresholds.
@Suite struct MapNumberTests {
    private static func definition(_ fields: String, distributed: Bool = false) -> String {
        let mode = distributed ? #""ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"# : ""
        return #"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.l",\#(fields)"End":true,"ItemProcessor":{\#(mode)"#
            + #""StartAt":"I","States":{"I":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:f","End":true}}}}}}"#
    }

    private func types(_ driver: MachineDriver) -> [String] { driver.history.map(\.type.rawValue) }

    @Test(arguments: [
        ("MaxConcurrency", #""many""#, #"The MaxConcurrencyPath field refers to value "many" which is not a valid integer: $.n"#),
        ("MaxConcurrency", "[]", #"The MaxConcurrencyPath field refers to value "[]" which is not a valid integer: $.n"#),
        ("ToleratedFailureCount", "-2", "ToleratedFailureCount cannot be negative."),
        ("ToleratedFailurePercentage", "101", "ToleratedFailurePercentage must be between 0 and 100."),
    ]) func whatIsWrongWithAnInlineMapEndsTheExecutionAtOnce(field: String, value: String, complaint: String) throws {
        let fields = #""\#(field)Path":"$.n","Retry":[{"ErrorEquals":["States.ALL"]}],"#
        let driver = try MachineDriver(Self.definition(fields), input: #"{"l":[1],"n":\#(value)}"#)
        try driver.apply(.started)
        #expect(
            driver.history.map { "\($0.id)<\($0.previousEventID) \($0.type.rawValue)" } == [
                "1<0 ExecutionStarted", "2<0 MapStateEntered", "3<2 ExecutionFailed",
            ])
        let cause = "An error occurred while executing the state 'M' (entered at the event id #2). \(complaint)"
        #expect(driver.outcome == .failed(error: "States.Runtime", cause: cause))
    }

    @Test func anInnerMapFailsTheIterationAroundIt() throws {
        let definition = #"""
            {"StartAt":"O","States":{"O":{"Type":"Map","End":true,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}],
            "ItemProcessor":{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.l","MaxConcurrencyPath":"$.n","End":true,
            "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}}}}},"Z":{"Type":"Succeed"}}}
            """#
        let driver = try MachineDriver(definition, input: #"[{"l":[1],"n":"x"}]"#, reloads: true)
        try driver.apply(.started)
        #expect(
            types(driver) == [
                "ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapIterationStarted", "MapStateEntered",
                "MapIterationFailed", "MapStateFailed", "ExecutionFailed",
            ])
    }

    @Test(arguments: [
        (#""half""#, #"The ToleratedFailurePercentagePath field refers to value "half" which is not a valid float: $.n"#),
        ("[5]", #"The ToleratedFailurePercentagePath field refers to value "[5]" which is not a valid float: $.n"#),
        ("-0.5", "ToleratedFailurePercentage must be between 0 and 100."),
        ("-3", "ToleratedFailurePercentage must be between 0 and 100."),
        ("100.01", "ToleratedFailurePercentage must be between 0 and 100."),
        ("1e999", "ToleratedFailurePercentage must be between 0 and 100."),
    ]) func whatIsNoPercentageEndsTheExecution(value: String, complaint: String) throws {
        let driver = try MachineDriver(
            Self.definition(#""ToleratedFailurePercentagePath":"$.n","#, distributed: true), input: #"{"l":[0],"n":\#(value)}"#)
        try driver.apply(.started)
        #expect(types(driver) == ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "ExecutionFailed"])
        let cause = "An error occurred while executing the state 'M' (entered at the event id #2). \(complaint)"
        #expect(driver.outcome == .failed(error: "States.Runtime", cause: cause))
    }

    @Test(arguments: [("0", 0), ("2.25", 2.25), (#""7.5""#, 7.5), ("100", 100)] as [(String, Double)])
    func percentagesMayHaveFractions(value: String, percentage: Double) throws {
        let byPath = try MachineDriver(
            Self.definition(#""ToleratedFailurePercentagePath":"$.n","#, distributed: true), input: #"{"l":[0],"n":\#(value)}"#)
        try byPath.apply(.started)
        #expect(byPath.mapRuns.first?.toleratedFailurePercentage == percentage)
        let literal = try MachineDriver(
            Self.definition(#""ToleratedFailurePercentage":\#(percentage),"#, distributed: true), input: #"{"l":[0]}"#)
        try literal.apply(.started)
        #expect(literal.mapRuns.first?.toleratedFailurePercentage == percentage)
    }

    @Test(arguments: [
        ("12.5", nil),
        ("-1", "ToleratedFailurePercentage must be between 0 and 100."),
        ("'12.5'", "returned an unexpected result type. Expected 'number', but was 'string' for value: \"12.5\""),
    ] as [(String, String?)])
    func expressionsGivePercentages(expression: String, complaint: String?) throws {
        let fields = #""QueryLanguage":"JSONata","Items":[1],"ToleratedFailurePercentage":"{% \#(expression) %}","#
        let definition = Self.definition(fields, distributed: true).replacing(#""ItemsPath":"$.l","#, with: "")
        let driver = try MachineDriver(definition)
        try driver.apply(.started)
        guard let complaint else {
            #expect(driver.mapRuns.first?.toleratedFailurePercentage == 12.5)
            return
        }
        guard case .failed(let error, let cause) = driver.outcome else {
            Issue.record("it goes on")
            return
        }
        #expect(error == "States.QueryEvaluationError")
        #expect(cause?.contains(complaint) == true, "\(cause ?? "")")
    }

    @Test(arguments: [(33.3, 0), (33.4, 1), (66.6, 1), (66.7, 2)] as [(Double, Int)])
    func anInlineMapToleratesWholeIterations(percentage: Double, tolerated: Int) throws {
        let driver = try MachineDriver(
            Self.definition(#""ToleratedFailurePercentage":\#(percentage),"#), input: #"{"l":[1,2,3]}"#)
        try driver.apply(.started)
        for task in 0..<3 where driver.outcome == nil {
            try driver.fail(task, "E")
            #expect((driver.outcome == nil) == (task < tolerated))
        }
    }

    /// In doubles, 0.57 of ten thousand is less than 57.
    @Test func aShareOfExactlyThePercentageIsTolerated() {
        #expect(isTolerated(57, of: 10_000, percentage: 0.57))
        #expect(!isTolerated(58, of: 10_000, percentage: 0.57))
        #expect(isTolerated(0, of: 5, percentage: 0) && !isTolerated(1, of: 5, percentage: 0))
        #expect(isTolerated(5, of: 5, percentage: 100))
    }

    @Test func aReaderSeesWhetherItsLimitIsPositive() throws {
        let fields = #""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"},"#
            + #""ReaderConfig":{"InputType":"JSONL","MaxItemsPath":"$.n"}},"#
        for (value, maxItems) in [("-4", -4), ("0", nil), ("8", 8)] as [(String, Int64?)] {
            let driver = try MachineDriver(Self.definition(fields, distributed: true), input: #"{"n":\#(value)}"#)
            try driver.apply(.started)
            #expect(types(driver).last == "MapRunStarted")
            #expect(driver.mapRuns.first?.reader?.maxItems == maxItems)
        }
    }
}
