import JSONModel
import StatesLanguage
import StatesRuntime
import Support
import Testing

/// Single states, run by themselves.
@Suite struct StateTestTests {
    private func test(
        _ state: JSONValue, input: String = "{}", setting: StateTestSetting = StateTestSetting()
    ) throws -> (status: String?, output: String?, error: String?, next: String?, inspection: JSONObject) {
        let single = try #require(try SingleState(parsing: state.text, name: nil))
        let identity = ExecutionIdentity(
            executionArn: "arn:aws:states:us-east-1:123456789012:express:m:e", executionName: "e",
            stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:m", stateMachineName: "m", roleArn: "",
            region: "us-east-1", account: "123456789012", startTime: Timestamp(millisecondsSince1970: 0),
            input: try Payload(parsing: input))
        var test = StateTest(single, execution: identity, setting: setting)
        _ = try test.run(
            in: StepContext(now: Timestamp(millisecondsSince1970: 0), seed: StepSeed(high: 1, low: 2)))
        return (
            test.status?.rawValue, test.output?.text, test.error?.error, test.nextState,
            test.inspection(of: single.state)
        )
    }

    @Test func showsWhatEachFieldMakesOfTheData() throws {
        let state: JSONValue = [
            "Type": "Pass", "InputPath": "$.a", "Parameters": ["x.$": "$.b"], "ResultPath": "$.r", "Next": "Anywhere",
        ]
        let answer = try test(state, input: #"{"a": {"b": 1}}"#)
        #expect(answer.status == "SUCCEEDED")
        #expect(answer.next == "Anywhere")
        #expect(answer.output == #"{"a":{"b":1},"r":{"x":1}}"#)
        #expect(answer.inspection["afterInputPath"]?.string == #"{"b":1}"#)
        #expect(answer.inspection["afterParameters"]?.string == #"{"x":1}"#)
        #expect(answer.inspection["afterResultPath"]?.string == answer.output)
    }

    @Test func aLongInputIsTestedToItsEnd() throws {
        let input = JSONValue.object(["a": .string(String(repeating: "x", count: 2 << 20))])
        let answer = try test(["Type": "Pass", "Parameters": ["x.$": "$.a"], "ResultPath": "$.r", "End": true], input: input.text)
        #expect(answer.status == "SUCCEEDED")
        #expect(answer.output?.utf8.count ?? 0 > 4 << 20)
    }

    @Test func mocksAnswerTasksAndMaps() throws {
        let task: JSONValue = ["Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "Parameters": ["JobName": "j"], "ResultPath": "$.run", "End": true]
        let answer = try test(task, setting: StateTestSetting(mock: .result(Payload(["JobRunId": "jr"]))))
        #expect(answer.output == #"{"run":{"JobRunId":"jr"}}"#)
        let map: JSONValue = [
            "Type": "Map", "ToleratedFailureCount": 1, "End": true,
            "Catch": [["ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Handle"]],
            "ItemProcessor": [
                "ProcessorConfig": ["Mode": "DISTRIBUTED"], "StartAt": "I", "States": ["I": ["Type": "Succeed"]],
            ],
        ]
        let failed = try test(
            map, input: "[1,2,3]",
            setting: StateTestSetting(mock: .result(Payload([1, 0, 0])), mapIterationFailureCount: 2))
        #expect(failed.status == "CAUGHT_ERROR")
        #expect(failed.next == "Handle")
        #expect(failed.error == "States.ExceedToleratedFailureThreshold")
        #expect(failed.inspection["errorDetails"] == ["catchIndex": 0])
        #expect(failed.inspection["afterItemsPath"]?.string == "[1, 2, 3]")
    }

    @Test(arguments: [(1, "RETRIABLE", 6.0), (3, "FAILED", nil)])
    func retriersCount(used: Int64, status: String, delay: Double?) throws {
        let task: JSONValue = [
            "Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "Parameters": ["JobName": "j"], "End": true,
            "Retry": [["ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 3]],
        ]
        let answer = try test(
            task, setting: StateTestSetting(mock: .error("Busy", cause: nil), retrierRetryCount: used))
        #expect(answer.status == status)
        #expect(answer.inspection["errorDetails"]?["retryIndex"]?.int64 == 0)
        #expect(answer.inspection["errorDetails"]?["retryBackoffIntervalSeconds"]?.double == delay)
    }

    @Test func findsAStateAtAnyDepth() throws {
        let machine: JSONValue = [
            "StartAt": "P",
            "States": [
                "P": [
                    "Type": "Parallel", "End": true,
                    "Branches": [["StartAt": "B", "States": ["B": ["Type": "Fail", "Error": "E"]]]],
                ]
            ],
        ]
        #expect(try SingleState(parsing: machine.text, name: "B")?.state.type == .fail)
        #expect(try SingleState(parsing: machine.text, name: "C") == nil)
    }
}
