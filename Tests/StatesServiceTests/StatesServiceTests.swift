import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesLanguage
import StatesService
import Support
import TestSupport
import Testing
import WorkflowEngine

@Suite(.timeLimit(.minutes(1)))
struct StatesServiceTests {
    private let fixture: StatesFixture

    init() throws { fixture = try StatesFixture() }

    private static let pass = #"{"StartAt":"P","States":{"P":{"Type":"Pass","Result":{"a":1},"End":true}}}"#
    private static let wait = #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":900,"End":true}}}"#
    private static let role = "arn:aws:iam::123456789012:role/r"
    private static let arnPrefix = "arn:aws:states:us-east-1:123456789012:"

    @discardableResult
    private func call(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
        try await fixture.call(operation, input)
    }

    private func expectError(_ code: String, _ message: String, _ operation: String, _ input: JSONObject) async {
        do {
            let answer = try await call(operation, input)
            Issue.record("expected \(code), got \(JSONValue.object(answer).text)")
        } catch let error as AWSError {
            #expect(error.code == code)
            #expect(error.message == message)
        } catch {
            Issue.record(error)
        }
    }

    private func create(_ name: String, _ definition: String = pass) async throws -> JSONObject {
        try await call(
            "CreateStateMachine", ["name": .string(name), "definition": .string(definition), "roleArn": .string(Self.role)])
    }

    @Test func machinesAreCreatedIdempotentlyAndDescribed() async throws {
        let created = try await create("m")
        #expect(created["stateMachineArn"]?.string == Self.arnPrefix + "stateMachine:m")
        #expect(try await create("m") == created)
        await expectError(
            "StateMachineAlreadyExists", "State Machine Already Exists: '\(Self.arnPrefix)stateMachine:m'",
            "CreateStateMachine",
            ["name": "m", "definition": .string(Self.wait), "roleArn": .string(Self.role)])
        let described = try await call("DescribeStateMachine", ["stateMachineArn": created["stateMachineArn"] ?? nil])
        #expect(described["status"] == "ACTIVE")
        #expect(described["definition"]?.string == Self.pass)
        #expect(described["revisionId"] == nil)
        #expect(described["loggingConfiguration"] == ["level": "OFF", "includeExecutionData": false])
    }

    @Test func updatesMakeRevisions() async throws {
        let arn = try #require(try await create("m")["stateMachineArn"])
        await expectError(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
            "UpdateStateMachine", ["stateMachineArn": arn])
        let first = try await call("UpdateStateMachine", ["stateMachineArn": arn, "definition": .string(Self.wait)])
        let same = try await call("UpdateStateMachine", ["stateMachineArn": arn, "definition": .string(Self.wait)])
        #expect(first == same)
        let other = try await call("UpdateStateMachine", ["stateMachineArn": arn, "definition": .string(Self.pass)])
        #expect(other["revisionId"] != first["revisionId"])
        #expect(try await call("DescribeStateMachine", ["stateMachineArn": arn])["revisionId"] == other["revisionId"])
    }

    @Test func executionsRunAndAreDescribed() async throws {
        try await fixture.running {
            let machine = try #require(try await create("m")["stateMachineArn"])
            let started = try await call(
                "StartExecution", ["stateMachineArn": machine, "name": "e", "input": "[1,  2]"])
            let arn = try #require(started["executionArn"])
            #expect(arn.string == Self.arnPrefix + "execution:m:e")
            _ = try await fixture.engine.waitForEnd(executionARN: arn.string ?? "")
            let described = try await call("DescribeExecution", ["executionArn": arn])
            #expect(described["status"] == "SUCCEEDED")
            #expect(described["input"] == "[1,  2]")
            #expect(described["output"] == #"{"a":1}"#)
            #expect(described["redriveStatus"] == "NOT_REDRIVABLE")
            #expect(described["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven")
            await expectError(
                "ExecutionAlreadyExists", "Execution Already Exists: '\(arn.string ?? "")'", "StartExecution",
                ["stateMachineArn": machine, "name": "e", "input": "[1,  2]"])
            let machineAtStart = try await call("DescribeStateMachineForExecution", ["executionArn": arn])
            #expect(machineAtStart["definition"]?.string == Self.pass)
        }
    }

    @Test func historyComesInPages() async throws {
        try await fixture.running {
            let machine = try #require(try await create("m")["stateMachineArn"])
            let arn = try #require(try await call("StartExecution", ["stateMachineArn": machine])["executionArn"])
            _ = try await fixture.engine.waitForEnd(executionARN: arn.string ?? "")
            func pages(_ more: JSONObject) async throws -> [[Int64]] {
                var pages: [[Int64]] = []
                var token: JSONValue?
                repeat {
                    var input = more
                    input["executionArn"] = arn
                    if let token { input["nextToken"] = token }
                    let answer = try await call("GetExecutionHistory", input)
                    pages.append((answer["events"]?.array ?? []).compactMap { $0["id"]?.int64 })
                    token = answer["nextToken"]
                } while token != nil
                return pages
            }
            #expect(try await pages([:]) == [[1, 2, 3, 4]])
            #expect(try await pages(["maxResults": 3]) == [[1, 2, 3], [4]])
            #expect(try await pages(["maxResults": 2, "reverseOrder": true]) == [[4, 3], [2, 1]])
            let bare = try await call("GetExecutionHistory", ["executionArn": arn, "includeExecutionData": false])
            #expect(bare["events"]?[0]?["executionStartedEventDetails"]?["input"] == nil)
            #expect(bare["events"]?[0]?["executionStartedEventDetails"]?["roleArn"]?.string == Self.role)
            await expectError(
                "InvalidToken", "Invalid Token: 'Invalid token'", "GetExecutionHistory",
                ["executionArn": arn, "nextToken": "x"])
        }
    }

    @Test func historyIsThereAsSoonAsTheStartIsAnswered() async throws {
        try await fixture.running {
            let machine = try #require(try await create("m", Self.wait)["stateMachineArn"])
            for _ in 0..<20 {
                let arn = try #require(try await call("StartExecution", ["stateMachineArn": machine])["executionArn"])
                let events = try await call("GetExecutionHistory", ["executionArn": arn])["events"]?.array
                #expect(events?.first?["type"] == "ExecutionStarted")
            }
        }
    }

    @Test func stoppingAnswersWithTheTime() async throws {
        try await fixture.running {
            let machine = try #require(try await create("m", Self.wait)["stateMachineArn"])
            let arn = try #require(try await call("StartExecution", ["stateMachineArn": machine])["executionArn"])
            let stopped = try await call("StopExecution", ["executionArn": arn, "error": "E", "cause": "C"])
            #expect(stopped["stopDate"]?.double != nil)
            #expect(try await call("StopExecution", ["executionArn": arn]) == stopped)
            let described = try await call("DescribeExecution", ["executionArn": arn])
            #expect(described["status"] == "ABORTED")
            #expect(described["error"] == "E")
            #expect(described["redriveStatus"] == "REDRIVABLE")
        }
    }

    @Test func executionsAreListedInPages() async throws {
        let machine = try #require(try await create("m", Self.wait)["stateMachineArn"])
        for index in 0..<5 {
            try await call("StartExecution", ["stateMachineArn": machine, "name": .string("e\(index)")])
        }
        var names: [String] = []
        var token: JSONValue?
        repeat {
            var input: JSONObject = ["stateMachineArn": machine, "maxResults": 2]
            if let token { input["nextToken"] = token }
            let answer = try await call("ListExecutions", input)
            names += (answer["executions"]?.array ?? []).compactMap { $0["name"]?.string }
            token = answer["nextToken"]
        } while token != nil
        #expect(Set(names).count == 5)
        #expect(names.count == 5)
        let none = try await call("ListExecutions", ["stateMachineArn": machine, "statusFilter": "SUCCEEDED"])
        #expect(none == ["executions": []])
        await expectError(
            "ValidationException",
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
            "ListExecutions", ["stateMachineArn": machine, "maxResults": 1001])
        await expectError(
            "ValidationException",
            "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
            "ListExecutions", ["stateMachineArn": machine, "statusFilter": "succeeded"])
    }

    @Test func wrongInputsAreRefusedInTheServicesWords() async throws {
        await expectError(
            "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'", "DescribeStateMachine",
            ["stateMachineArn": "not_a_valid_arn"])
        let missing = Self.arnPrefix + "stateMachine:none"
        await expectError(
            "StateMachineDoesNotExist", "State Machine Does Not Exist: '\(missing)'", "StartExecution",
            ["stateMachineArn": .string(missing)])
        let execution = Self.arnPrefix + "execution:m:none"
        await expectError(
            "ExecutionDoesNotExist", "Execution Does Not Exist: '\(execution)'", "DescribeExecution",
            ["executionArn": .string(execution)])
        await expectError(
            "InvalidName", "Invalid Name: 'a b'", "CreateStateMachine",
            ["name": "a b", "definition": .string(Self.pass), "roleArn": .string(Self.role)])
        await expectError(
            "ValidationException",
            "2 validation errors detected: Value null at 'definition' failed to satisfy constraint: Member must not be null; Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
            "CreateStateMachine", ["name": "m"])
        await expectError(
            "UnknownOperationException", "The operation CreateCastle of the service states is not supported.",
            "CreateCastle", [:])
        let machine = try #require(try await create("m")["stateMachineArn"])
        await expectError(
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
            "StartExecution", ["stateMachineArn": machine, "input": "not json"])
        await expectError(
            "InvalidExecutionInput", "Invalid State Machine Execution Input: 'Invalid execution input.'", "StartExecution",
            ["stateMachineArn": machine, "input": ""])
        await expectError(
            "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'", "DescribeExecution",
            ["executionArn": "arn:aws:states:us-east-1:123456789012:express:m:e:1"])
    }

    @Test func machinesAreListedByName() async throws {
        for name in ["b_1", "b_12", "a", "B"] { _ = try await create(name) }
        var names: [String] = []
        var token: JSONValue?
        repeat {
            var input: JSONObject = ["maxResults": 3]
            if let token { input["nextToken"] = token }
            let page = try await call("ListStateMachines", input)
            names += (page["stateMachines"]?.array ?? []).compactMap { $0["name"]?.string }
            token = page["nextToken"]
        } while token != nil
        #expect(names == ["B", "a", "b_1", "b_12"])
    }

    @Test func anUpdateThatChangesNothingMakesNoRevision() async throws {
        let arn = try #require(try await create("m")["stateMachineArn"])
        for _ in 0..<2 {
            let answer = try await call(
                "UpdateStateMachine", ["stateMachineArn": arn, "definition": .string(Self.pass), "publish": true])
            #expect(answer["revisionId"] == nil && answer["updateDate"] != nil)
            #expect(answer["stateMachineVersionArn"]?.string == "\(arn.string ?? ""):1")
        }
    }

    private static let map: JSONValue = [
        "Type": "Map", "End": true, "ItemProcessor": ["StartAt": "I", "States": ["I": ["Type": "Pass", "End": true]]],
    ]
    private static let task: JSONValue = [
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true, "Parameters": ["QueueUrl": "q", "MessageBody": "b"],
    ]

    @Test(arguments: [
        (task, ["mock": ["errorOutput": [:]], "revealSecrets": true], "TestState does not support RevealSecrets when a mock is specified."),
        (map, ["stateConfiguration": ["mapIterationFailureCount": 0]],
         "TestState does not support MapIterationFailureCount when a mock is not specified."),
        (map, ["mock": ["result": "[1]"], "input": "[1]", "stateConfiguration": ["mapIterationFailureCount": 2]],
         "Map iteration failure count must be less than or equal to the number of Map iterations"),
        (task, ["mock": ["errorOutput": [:]], "context": #"{"Task": {"Token": "t"}}"#],
         "Invalid Context object provided: Context object contains 'Task' when state is not a Task state with a '.sync' or "
            + "'.waitForTaskToken' service integration pattern"),
    ] as [(JSONValue, JSONObject, String)])
    func testsThatCannotBeAreRefused(_ state: JSONValue, _ more: JSONObject, _ message: String) async {
        var input: JSONObject = ["definition": .string(state.text)]
        for (name, value) in more { input[name] = value }
        await expectError("ValidationException", message, "TestState", input)
    }

    @Test func aTestedStateHasAStandardNameAndNoRole() async throws {
        let machine = #"{"StartAt":"S","QueryLanguage":"JSONata","States":{"S":{"Type":"Pass","End":true,"Output":"{% [$states.context.State.Name, $states.context.Execution.RoleArn] %}"}}}"#
        let answer = try await call("TestState", ["definition": .string(machine), "stateName": "S"])
        #expect(answer["output"] == #"["StateName",null]"#)
    }

    @Test func aTestedStatesFailureNamesNoEvent() async throws {
        var state = Self.map.object ?? [:]
        state["ItemsPath"] = "$$.Execution.Input"
        let answer = try await call(
            "TestState", ["definition": .string(JSONValue.object(state).text), "mock": ["result": "[]"]])
        #expect(answer["cause"] == #"Reference path "$.Execution.Input" must point to array."#)
        let failed = try await call(
            "TestState",
            ["definition": #"{"Type":"Fail","Error":"E"}"#, "input": "1", "inspectionLevel": "DEBUG"])
        #expect(failed["inspectionData"]?["afterInputPath"] == "1")
    }

    @Test func tagsAreKept() async throws {
        let arn = try #require(try await create("m")["stateMachineArn"])
        try await call(
            "TagResource", ["resourceArn": arn, "tags": [["key": "a", "value": "1"], ["key": "b", "value": ""]]])
        try await call("UntagResource", ["resourceArn": arn, "tagKeys": ["a", "none"]])
        #expect(
            try await call("ListTagsForResource", ["resourceArn": arn]) == ["tags": [["key": "b", "value": ""]]])
    }

    @Test func deletedMachinesAreGone() async throws {
        let arn = try #require(try await create("m")["stateMachineArn"])
        try await call("DeleteStateMachine", ["stateMachineArn": arn])
        try await call("DeleteStateMachine", ["stateMachineArn": arn])
        await expectError(
            "StateMachineDoesNotExist", "State Machine Does Not Exist: '\(arn.string ?? "")'", "DescribeStateMachine",
            ["stateMachineArn": arn])
        #expect(try await call("ListStateMachines", [:]) == ["stateMachines": []])
    }
}
