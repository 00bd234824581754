import JSONModel
import StatesLanguage
import StatesRuntime
import Testing

/// Data and definitions that are nested deeply fail with an error; nothing recurses without bound.
@Suite struct DepthTests {
    private func nested(_ depth: Int) -> String {
        String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)
    }

    /// Goes round until something ends it, loading the machine from its frames before every event.
    private func loop(_ state: String, input: String = "{}") throws -> ExecutionOutcome? {
        var limits = ExecutionLimits()
        limits.stepTransitionsMax = 100
        let driver = try MachineDriver(
            #"{"StartAt":"S","States":{"S":\#(state)}}"#.replacing("NEXT", with: #""Next":"S""#), input: input,
            limits: limits, reloads: true, isStored: true)
        try driver.apply(.started)
        return driver.outcome
    }

    private func expectTooDeep(_ outcome: ExecutionOutcome?, _ comment: Comment? = nil) {
        guard case .failed(let error, let cause?) = outcome else {
            Issue.record(comment ?? "\(String(describing: outcome).prefix(300))")
            return
        }
        #expect(error == "States.DataLimitExceeded", comment)
        #expect(cause.contains("nested deeper than 512 levels"), comment)
    }

    @Test(arguments: [
        #"{"Type":"Pass","Parameters":{"a.$":"$"},NEXT}"#,
        #"{"Type":"Pass","Parameters":{"a":[[[[{"b.$":"$"}]]]]},NEXT}"#,
        #"{"Type":"Pass","Parameters":{"a.$":"States.Array(States.Array($))"},NEXT}"#,
        #"{"Type":"Pass","Parameters":{"a.$":"$$.State","b.$":"$"},"ResultPath":"$.a.b.c.d.e","OutputPath":"$.a",NEXT}"#,
        #"{"Type":"Pass","Assign":{"v":{"a.$":"$"}},"Parameters":{"a.$":"$"},NEXT}"#,
        #"{"Type":"Parallel","Branches":[{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}],NEXT}"#,
        #"{"Type":"Map","ItemsPath":"$.items","ItemSelector":{"a.$":"$"},"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"ResultSelector":{"items.$":"$"},NEXT}"#,
    ])
    func loopsThatNestTheirDataFail(state: String) throws {
        expectTooDeep(try loop(state, input: #"{"items":[1]}"#), "\(state)")
    }

    @Test func variablesNestNoDeeperThanData() throws {
        let driver = try MachineDriver(
            #"""
            {"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"v":0},"Next":"B"},
                "B":{"Type":"Pass","Assign":{"v":{"a.$":"$v"}},"Next":"B"}}}
            """#, reloads: true, isStored: true)
        try driver.apply(.started)
        expectTooDeep(driver.outcome)
    }

    @Test func deepOutputsOfTasksFail() throws {
        let driver = try MachineDriver(
            #"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:s3:listBuckets","Parameters":{},"End":true}}}"#)
        try driver.apply(.started)
        var value: JSONValue = 1
        for _ in 0..<600 { value = ["a": value] }
        try driver.succeed(0, value)
        expectTooDeep(driver.outcome)
    }

    @Test func theDeepestDataThereIsPassesThroughSnapshots() throws {
        let input = nested(512)
        var limits = ExecutionLimits()
        limits.stepTransitionsMax = 1
        let driver = try MachineDriver(
            #"""
            {"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"v.$":"$"},"Next":"B"},
                "B":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:s3:listBuckets","Parameters":{},"Next":"C"},
                "C":{"Type":"Pass","Parameters":{"x.$":"$.a"},"OutputPath":"$.x","Next":"D"},
                "D":{"Type":"Pass","InputPath":"$v","End":true}}}
            """#, input: input, limits: limits, reloads: true)
        try driver.apply(.started)
        try driver.succeed(0, try JSONValue(parsing: input))
        #expect(driver.outcome == .succeeded(output: try Payload(parsing: input)))
    }

    @Test func deepTextsAreRefused() {
        let deep = nested(10_000)
        #expect(throws: JSONSyntaxError.self) { try Payload(parsing: deep) }
        let definition = #"{"StartAt":"P","States":{"P":{"Type":"Pass","Result":\#(deep),"End":true}}}"#
        #expect(throws: (any Error).self) { try StateMachineDefinition(parsing: definition) }
        var states = #"{"StartAt":"P","States":{"P":{"Type":"Succeed"}}}"#
        for _ in 0..<10_000 {
            states = #"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":["# + states + "]}}}"
            if states.utf8.count > 1 << 20 { break }
        }
        #expect(throws: (any Error).self) { try StateMachineDefinition(parsing: states) }
    }

    @Test(arguments: [
        "$" + String(repeating: ".a", count: 10_000), "$" + String(repeating: "[0]", count: 10_000),
        "$" + String(repeating: "[?(@", count: 10_000) + String(repeating: ")]", count: 10_000),
    ])
    func longPathsFailOrFindNothing(path: String) throws {
        func run(_ field: String) throws {
            let definition = #"{"StartAt":"P","States":{"P":{"Type":"Pass","\#(field)":"\#(path)","End":true}}}"#
            guard let driver = try? MachineDriver(definition) else { return }
            try driver.apply(.started)
            guard case .failed = driver.outcome else { Issue.record("\(field)"); return }
        }
        for field in ["InputPath", "OutputPath", "ResultPath"] { try run(field) }
    }

    @Test func deepIntrinsicsAreRefused() {
        let call = String(repeating: "States.Array(", count: 10_000) + "1" + String(repeating: ")", count: 10_000)
        #expect(throws: (any Error).self) {
            try StateMachineDefinition(
                parsing: #"{"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"a.$":"\#(call)"},"End":true}}}"#)
        }
        #expect(throws: (any Error).self) {
            let text = nested(10_000).replacing(#"""#, with: #"\""#)
            let driver = try MachineDriver(
                #"{"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"a.$":"States.StringToJson($.t)"},"End":true}}}"#,
                input: #"{"t":"\#(text)"}"#)
            try driver.apply(.started)
            if case .failed = driver.outcome { throw Refused() }
        }
    }

    private struct Refused: Error {}
}
