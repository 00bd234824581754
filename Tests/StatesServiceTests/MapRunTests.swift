import JSONModel
import Support
import TestSupport
import Testing
import WorkflowEngine

/// The operations on map runs, as a caller sees them.
@Suite(.timeLimit(.minutes(1)))
struct MapRunTests {
    private static let definition = JSONValue.object([
        "StartAt": "Each",
        "States": [
            "Each": [
                "Type": "Map", "Label": "each", "End": true, "MaxConcurrency": 1, "ToleratedFailurePercentage": 50,
                "ItemProcessor": [
                    "ProcessorConfig": ["Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"], "StartAt": "One",
                    "States": ["One": ["Type": "Wait", "Seconds": 3600, "End": true]],
                ],
            ]
        ],
    ]).text

    @Test func aRunIsDescribedListedAndChanged() async throws {
        let fixture = try StatesFixture()
        try await fixture.running {
            let machine = try await fixture.call(
                "CreateStateMachine",
                ["name": "m", "definition": .string(Self.definition), "roleArn": "arn:aws:iam::123456789012:role/r"])
            let execution = try await fixture.call(
                "StartExecution", ["stateMachineArn": machine["stateMachineArn"] ?? .null, "input": "[1, 2, 3]"])
            let executionArn = execution["executionArn"] ?? .null
            func description() async throws -> JSONObject? {
                let runs = try await fixture.call("ListMapRuns", ["executionArn": executionArn])["mapRuns"]
                guard let run = runs?[0] else { return nil }
                #expect(run["executionArn"] == executionArn)
                #expect(run["stateMachineArn"]?.string?.hasPrefix("\(machine["stateMachineArn"]?.string ?? "")/") == true)
                return try await fixture.call("DescribeMapRun", ["mapRunArn": run["mapRunArn"] ?? .null])
            }
            while try await description()?["executionCounts"]?["running"] != 1 { try await Task.sleep(for: .milliseconds(2)) }
            let run = try #require(try await description())
            let arn = run["mapRunArn"] ?? .null
            #expect(run["status"] == "RUNNING" && run["maxConcurrency"] == 1 && run["toleratedFailureCount"] == 0)
            #expect(run["toleratedFailurePercentage"]?.double == 50 && run["stopDate"] == nil)
            #expect(run["itemCounts"]?["total"] == 3 && run["itemCounts"]?["pending"] == 2)
            #expect(run["executionCounts"]?["total"] == 1)

            let listed = try await fixture.call("ListExecutions", ["mapRunArn": arn])["executions"]
            let child = try await fixture.call("DescribeExecution", ["executionArn": listed?[0]?["executionArn"] ?? .null])
            #expect(child["mapRunArn"] == arn && child["input"] == "1")
            let part = try await fixture.call(
                "DescribeStateMachineForExecution", ["executionArn": child["executionArn"] ?? .null])
            #expect(part["label"] == "each" && part["mapRunArn"] == arn)
            #expect(part["loggingConfiguration"]?["level"] == "OFF")
            #expect(try await fixture.call("ListExecutions", ["mapRunArn": arn, "statusFilter": "FAILED"])["executions"] == [])

            try await fixture.call("UpdateMapRun", ["mapRunArn": arn, "maxConcurrency": 2])
            #expect(try await description()?["maxConcurrency"] == 2)
            #expect(
                try await fixture.refusal("UpdateMapRun", ["mapRunArn": arn, "toleratedFailurePercentage": 101])
                    == "ValidationException: 1 validation error detected: Value '101' at 'toleratedFailurePercentage' failed to satisfy constraint: Member must have value less than or equal to 100")
            try await fixture.call("StopExecution", ["executionArn": executionArn])
            #expect(try await description()?["status"] == "ABORTED")
            #expect(try await fixture.code("UpdateMapRun", ["mapRunArn": arn, "maxConcurrency": 1]) == "ValidationException")
        }
    }

    @Test(arguments: [
        ("DescribeMapRun", ["mapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:m/l:x"], "ResourceNotFound"),
        ("DescribeMapRun", ["mapRunArn": "arn:aws:states:us-east-1:123456789012:execution:m:x"], "InvalidArn"),
        ("UpdateMapRun", ["mapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:m/l:x", "maxConcurrency": 1], "ResourceNotFound"),
        ("UpdateMapRun", ["mapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:m/l:x"], "ValidationException"),
        ("ListMapRuns", ["executionArn": "arn:aws:states:us-east-1:123456789012:execution:m:x"], "ExecutionDoesNotExist"),
        ("ListExecutions", ["mapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:m/l:x"], "ResourceNotFound"),
    ] as [(String, JSONObject, String)])
    func whatIsNotThereIsRefused(operation: String, input: JSONObject, code: String) async throws {
        #expect(try await StatesFixture().code(operation, input) == code)
    }
}
