import JSONModel
import StatesService
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RedriveTests {
    private let fixture: StatesFixture

    init() throws { fixture = try StatesFixture() }

    private func machine(_ definition: String) async throws -> JSONValue {
        let role = "arn:aws:iam::123456789012:role/r"
        let created = try await fixture.call(
            "CreateStateMachine", ["name": "m", "definition": .string(definition), "roleArn": .string(role)])
        return try #require(created["stateMachineArn"])
    }

    private func ended(_ arn: JSONValue, count: JSONValue) async throws -> JSONObject {
        while true {
            let described = try await fixture.call("DescribeExecution", ["executionArn": arn])
            if described["status"] != "RUNNING", described["redriveCount"] == count { return described }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    @Test func aFailedExecutionIsRedrivenAndListed() async throws {
        try await fixture.running {
            let machine = try await machine(#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}"#)
            let arn = try #require(try await fixture.call("StartExecution", ["stateMachineArn": machine])["executionArn"])
            let failed = try await ended(arn, count: 0)
            #expect(failed["redriveStatus"] == "REDRIVABLE")
            #expect(failed["redriveDate"] == nil)
            let answer = try await fixture.call("RedriveExecution", ["executionArn": arn, "clientToken": "t"])
            let redriven = try await ended(arn, count: 1)
            #expect(redriven["status"] == "FAILED")
            #expect(redriven["redriveDate"] == answer["redriveDate"])
            #expect(redriven["redriveStatus"] == "REDRIVABLE")
            #expect(try await fixture.call("RedriveExecution", ["executionArn": arn, "clientToken": "t"]) == answer)
            func listed(_ filter: JSONValue?) async throws -> [JSONValue] {
                var input: JSONObject = ["stateMachineArn": machine]
                if let filter { input["redriveFilter"] = filter }
                return try await fixture.call("ListExecutions", input)["executions"]?.array ?? []
            }
            #expect(try await listed(nil).map { $0["redriveCount"] } == [1])
            #expect(try await listed("REDRIVEN").map { $0["redriveDate"] } == [answer["redriveDate"]])
            #expect(try await listed("NOT_REDRIVEN").isEmpty)
            let events = try await fixture.call("GetExecutionHistory", ["executionArn": arn])["events"]?.array ?? []
            #expect(
                events.map { $0["type"]?.string } == [
                    "ExecutionStarted", "FailStateEntered", "ExecutionFailed", "ExecutionRedriven", "FailStateEntered",
                    "ExecutionFailed",
                ])
        }
    }

    @Test func refusals() async throws {
        try await fixture.running {
            let machine = try await machine(#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#)
            let arn = try #require(try await fixture.call("StartExecution", ["stateMachineArn": machine])["executionArn"])
            _ = try await ended(arn, count: 0)
            #expect(
                try await fixture.refusal("RedriveExecution", ["executionArn": arn])
                    == "ExecutionNotRedrivable: Execution is SUCCEEDED and cannot be redriven")
            let prefix = "arn:aws:states:us-east-1:123456789012:"
            #expect(
                try await fixture.refusal("RedriveExecution", ["executionArn": .string(prefix + "execution:m:none")])
                    == "ExecutionDoesNotExist: Execution Does Not Exist: '\(prefix)execution:m:none'")
            #expect(
                try await fixture.refusal("RedriveExecution", ["executionArn": .string(prefix + "express:m:n:u")])
                    == "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'")
            #expect(
                try await fixture.refusal("RedriveExecution", ["executionArn": arn, "clientToken": "a b"])?
                    .hasPrefix("ValidationException: 1 validation error detected: Value 'a b' at 'clientToken'") == true)
            #expect(
                try await fixture.refusal("ListExecutions", ["stateMachineArn": machine, "statusFilter": "PENDING_REDRIVE"])?
                    .hasPrefix("ValidationException") == true)
        }
    }
}
