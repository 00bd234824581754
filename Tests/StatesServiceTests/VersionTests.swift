import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesService
import Support
import TestSupport
import Testing
import WorkflowEngine

@Suite(.timeLimit(.minutes(1)))
struct VersionTests {
    private let fixture: StatesFixture

    init() throws { fixture = try StatesFixture() }

    private static let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"

    @discardableResult
    private func call(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
        try await fixture.call(operation, input)
    }

    private func definition(_ result: Int) -> JSONValue {
        .string(#"{"StartAt":"P","States":{"P":{"Type":"Pass","Result":\#(result),"End":true}}}"#)
    }

    private func create() async throws {
        let created = try await call(
            "CreateStateMachine",
            ["name": "m", "definition": definition(1), "roleArn": "arn:aws:iam::123456789012:role/r", "publish": true])
        #expect(created["stateMachineVersionArn"]?.string == Self.machine + ":1")
    }

    private func update(_ result: Int) async throws -> JSONObject {
        try await call(
            "UpdateStateMachine",
            ["stateMachineArn": .string(Self.machine), "definition": definition(result), "publish": true])
    }

    private func listed() async throws -> [String] {
        let answer = try await call("ListStateMachineVersions", ["stateMachineArn": .string(Self.machine)])
        return (answer["stateMachineVersions"]?.array ?? []).compactMap { $0["stateMachineVersionArn"]?.string }
    }

    @Test func versionsKeepWhatWasPublished() async throws {
        try await create()
        #expect(try await update(2)["stateMachineVersionArn"]?.string == Self.machine + ":2")
        let same = try await call("PublishStateMachineVersion", ["stateMachineArn": .string(Self.machine)])
        #expect(same["stateMachineVersionArn"]?.string == Self.machine + ":2", "the revision is published already")
        let first = try await call("DescribeStateMachine", ["stateMachineArn": .string(Self.machine + ":1")])
        #expect(first["definition"] == definition(1))
        #expect(try await listed() == [Self.machine + ":2", Self.machine + ":1"])
        #expect(
            try await fixture.code(
                "PublishStateMachineVersion", ["stateMachineArn": .string(Self.machine), "revisionId": "other"])
                == "ConflictException")
        try await call("DeleteStateMachineVersion", ["stateMachineVersionArn": .string(Self.machine + ":2")])
        let next = try await call("PublishStateMachineVersion", ["stateMachineArn": .string(Self.machine)])
        #expect(next["stateMachineVersionArn"]?.string == Self.machine + ":3", "no number is given twice")
        try await call("DeleteStateMachine", ["stateMachineArn": .string(Self.machine)])
        try await create()
        #expect(try await listed() == [Self.machine + ":1"])
    }

    @Test func aliasesRouteToVersions() async throws {
        try await create()
        _ = try await update(2)
        func route(_ version: Int, _ weight: Int) -> JSONValue {
            ["stateMachineVersionArn": .string("\(Self.machine):\(version)"), "weight": .number(weight)]
        }
        let wrong: [[JSONValue]] = [
            [], [route(1, 99)], [route(1, 50), route(1, 50)], [route(1, 150), route(2, -50)],
            [["stateMachineVersionArn": .string(Self.machine), "weight": 100]],
        ]
        for routes in wrong {
            #expect(
                try await fixture.code("CreateStateMachineAlias", ["name": "live", "routingConfiguration": .array(routes)])
                    == "ValidationException")
        }
        #expect(
            try await fixture.code("CreateStateMachineAlias", ["name": "1", "routingConfiguration": [route(1, 100)]])
                == "ValidationException")
        try await call("CreateStateMachineAlias", ["name": "live", "routingConfiguration": [route(1, 0), route(2, 100)]])
        let arn: JSONValue = .string(Self.machine + ":live")
        let started = try await call("StartExecution", ["stateMachineArn": arn])
        let execution = try await call("DescribeExecution", ["executionArn": started["executionArn"] ?? nil])
        #expect(execution["stateMachineArn"]?.string == Self.machine)
        #expect(execution["stateMachineAliasArn"] == arn)
        #expect(execution["stateMachineVersionArn"]?.string == Self.machine + ":2")
        for (filter, count) in [("", 1), (":live", 1), (":2", 1), (":1", 0)] {
            let found = try await call("ListExecutions", ["stateMachineArn": .string(Self.machine + filter)])
            #expect(found["executions"]?.array?.count == count, "\(filter)")
        }
        #expect(
            try await fixture.code("DeleteStateMachineVersion", ["stateMachineVersionArn": .string(Self.machine + ":2")])
                == "ConflictException")
        try await call("UpdateStateMachineAlias", ["stateMachineAliasArn": arn, "routingConfiguration": [route(1, 100)]])
        let described = try await call("DescribeStateMachineAlias", ["stateMachineAliasArn": arn])
        #expect(described["routingConfiguration"] == [route(1, 100)])
        try await call("DeleteStateMachineVersion", ["stateMachineVersionArn": .string(Self.machine + ":2")])
        try await call("DeleteStateMachineAlias", ["stateMachineAliasArn": arn])
        #expect(try await fixture.code("StartExecution", ["stateMachineArn": arn]) == "StateMachineDoesNotExist")
    }
}
