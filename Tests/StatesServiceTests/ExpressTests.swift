import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesService
import Support
import TestSupport
import Testing
import WorkflowEngine

/// Express executions, which leave nothing in the store.
@Suite(.timeLimit(.minutes(1)))
struct ExpressTests {
    private let fixture: StatesFixture

    init() throws { fixture = try StatesFixture() }

    private func call(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
        try await fixture.call(operation, input)
    }

    private func machine(_ name: String, type: String = "EXPRESS", _ states: JSONValue, startAt: String) async throws -> JSONValue {
        let definition: JSONValue = ["StartAt": .string(startAt), "States": states]
        return try #require(
            try await call("CreateStateMachine", [
                "name": .string(name), "type": .string(type), "definition": .string(definition.text),
                "roleArn": "arn:aws:iam::123456789012:role/r",
            ])["stateMachineArn"])
    }

    @Test func answersWithTheEnd() async throws {
        let arn = try await machine("add", [
            "Both": [
                "Type": "Parallel", "Next": "Wait",
                "Branches": [
                    ["StartAt": "A", "States": ["A": ["Type": "Pass", "Result": 1, "End": true]]],
                    ["StartAt": "B", "States": ["B": ["Type": "Pass", "Result": 2, "End": true]]],
                ],
            ],
            "Wait": ["Type": "Wait", "Seconds": 0, "End": true],
        ], startAt: "Both")
        let answer = try await call("StartSyncExecution", ["stateMachineArn": arn, "name": "one", "input": "{ }"])
        #expect(answer["status"] == "SUCCEEDED")
        #expect(answer["output"] == "[1,2]")
        #expect(answer["input"] == "{ }")
        #expect(answer["executionArn"]?.string?.hasPrefix("arn:aws:states:us-east-1:123456789012:express:add:one:") == true)
        #expect(answer["billingDetails"]?["billedMemoryUsedInMB"] == 64)
        let bare = try await call("StartSyncExecution", ["stateMachineArn": arn, "includedData": "METADATA_ONLY"])
        #expect(bare["outputDetails"] == nil)
        #expect(bare["output"] == nil && bare["input"] == nil && bare["status"] == "SUCCEEDED")
    }

    @Test func answersWithAFailure() async throws {
        let arn = try await machine("fail", ["F": ["Type": "Fail", "Error": "E", "Cause": "C"]], startAt: "F")
        let answer = try await call("StartSyncExecution", ["stateMachineArn": arn])
        #expect(answer["status"] == "FAILED" && answer["error"] == "E" && answer["cause"] == "C")
        #expect(answer["output"] == nil && answer["outputDetails"] == ["included": true])
    }

    @Test func machinesOfTheOtherTypeAreRefused() async throws {
        let pass: JSONValue = ["P": ["Type": "Pass", "End": true]]
        let standard = try await machine("standard", type: "STANDARD", pass, startAt: "P")
        let express = try await machine("express", pass, startAt: "P")
        for (operation, arn) in [("StartSyncExecution", standard), ("ListExecutions", express)] {
            let error = await #expect(throws: AWSError.self) { try await call(operation, ["stateMachineArn": arn]) }
            #expect(error?.code == "StateMachineTypeNotSupported")
        }
        let started = try await call("StartExecution", ["stateMachineArn": express])
        #expect(started["executionArn"]?.string?.contains(":express:express:") == true)
    }
}
