import JSONModel
import StateStore
import StatesService
import Support
import Testing
import WorkflowEngine

/// What operations refuse, in the service's words.
@Suite(.timeLimit(.minutes(1)))
struct InputRuleTests {
    private let fixture: StatesFixture
    private static let prefix = "arn:aws:states:us-east-1:123456789012:"
    private static let definition: JSONValue = #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#
    private static let role: JSONValue = "arn:aws:iam::123456789012:role/r"

    init() throws { fixture = try StatesFixture() }

    private func create(_ more: JSONObject) -> JSONObject {
        var input: JSONObject = ["name": "m", "definition": Self.definition, "roleArn": Self.role]
        for (key, value) in more { input[key] = value }
        return input
    }

    private func logging(_ level: String, _ groups: String...) -> JSONObject {
        let destinations = groups.map { group -> JSONValue in
            ["cloudWatchLogsLogGroup": ["logGroupArn": .string("arn:aws:logs:us-east-1:123456789012:log-group:\(group):*")]]
        }
        return ["loggingConfiguration": ["level": .string(level), "destinations": .array(destinations)]]
    }

    @Test func machinesLogIntoGroupsThatAreThere() async throws {
        let exactlyOne = "InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."
        let notFound = "InvalidLoggingConfiguration: Invalid Logging Configuration: Log Destination not found."
        func refusal(_ configuration: JSONObject) async throws -> String? {
            try await fixture.refusal("CreateStateMachine", create(configuration))
        }
        #expect(try await refusal(logging("ALL")) == exactlyOne)
        #expect(try await refusal(["loggingConfiguration": ["level": "FATAL"]]) == exactlyOne)
        #expect(try await refusal(logging("OFF", "a", "b")) == exactlyOne)
        #expect(try await refusal(logging("ALL", "g")) == notFound)
        #expect(try await refusal(logging("LOUD", "g"))?.hasPrefix("ValidationException: 1 validation error") == true)
        _ = try await fixture.store.createLogGroup(
            LogGroupRecord(
                account: "123456789012", region: "us-east-1", name: "g", createdAt: Timestamp(millisecondsSince1970: 0)))
        #expect(try await refusal(logging("ALL", "g")) == nil)
        let arn: JSONValue = .string(Self.prefix + "stateMachine:m")
        var update = logging("ERROR", "none")
        update["stateMachineArn"] = arn
        #expect(try await fixture.refusal("UpdateStateMachine", update) == notFound)
        let described = try await fixture.call("DescribeStateMachine", ["stateMachineArn": arn])
        #expect(described["loggingConfiguration"]?["level"] == "ALL")
        #expect(described["loggingConfiguration"]?["includeExecutionData"] == false)
    }

    @Test func metadataComesWithoutData() async throws {
        try await fixture.running {
            let machine = try #require(try await fixture.call("CreateStateMachine", create([:]))["stateMachineArn"])
            let execution = try #require(
                try await fixture.call("StartExecution", ["stateMachineArn": machine, "input": "[1]"])["executionArn"])
            func described(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
                var input = input
                input["includedData"] = "METADATA_ONLY"
                return try await fixture.call(operation, input)
            }
            #expect(try await described("DescribeStateMachine", ["stateMachineArn": machine])["definition"] == "{}")
            #expect(
                try await described("DescribeStateMachineForExecution", ["executionArn": execution])["definition"] == "{}")
            let metadata = try await described("DescribeExecution", ["executionArn": execution])
            #expect(metadata["input"] == nil)
            #expect(metadata["inputDetails"] == ["included": false])
            #expect(try await fixture.call("DescribeExecution", ["executionArn": execution])["input"] == "[1]")
            #expect(
                try await fixture.refusal("DescribeExecution", ["executionArn": execution, "includedData": "SOME"])?
                    .contains("enum value set: [ALL_DATA, METADATA_ONLY]") == true)
        }
    }

    @Test func aTokenBelongsToItsList() async throws {
        let machine = try #require(try await fixture.call("CreateStateMachine", create([:]))["stateMachineArn"])
        for name: JSONValue in ["a", "b"] {
            try await fixture.call("StartExecution", ["stateMachineArn": machine, "name": name])
        }
        let page = try await fixture.call("ListExecutions", ["stateMachineArn": machine, "maxResults": 1])
        let token = try #require(page["nextToken"])
        #expect(
            try await fixture.call("ListExecutions", ["stateMachineArn": machine, "nextToken": token])["executions"]?
                .array?.count == 1)
        #expect(
            try await fixture.refusal(
                "ListExecutions", ["stateMachineArn": machine, "nextToken": token, "statusFilter": "FAILED"])
                == "InvalidToken: Invalid Token: 'Input inconsistent with page token'")
        #expect(
            try await fixture.refusal("ListExecutions", ["stateMachineArn": machine, "nextToken": "invalid"])
                == "InvalidToken: Invalid Token: 'Invalid token'")
    }

    @Test func aliasesAreRefusedAsTheServiceDoes() async throws {
        try await fixture.call("CreateStateMachine", create(["publish": true]))
        let one = Self.prefix + "stateMachine:m:1"
        func refusal(_ routes: [(String, Int)]) async throws -> String? {
            let list = routes.map { ["stateMachineVersionArn": .string($0), "weight": .number($1)] as JSONValue }
            return try await fixture.refusal(
                "CreateStateMachineAlias", ["name": "a", "routingConfiguration": .array(list)])
        }
        let two = Self.prefix + "stateMachine:m:2"
        #expect(
            try await refusal([(one, 70), (two, 29)])
                == "ValidationException: Sum of routing configuration weights must equal 100. Received: [70, 29]")
        #expect(
            try await refusal([(one, 50), (one, 50)])
                == "ValidationException: Routing configuration must contain distinct state machine version ARNs. Received: [\(one), \(one)]")
        #expect(
            try await refusal([(one, 101)])
                == "ValidationException: 1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100")
        #expect(
            try await refusal([(Self.prefix + "stateMachine:m", 100)])
                == "ValidationException: Routing configuration must contain state machine version ARNs. Received: [\(Self.prefix)stateMachine:m]")
        #expect(try await refusal([(one, 100)]) == nil)
        #expect(
            try await fixture.refusal(
                "CreateStateMachineAlias",
                ["name": "a", "description": "other", "routingConfiguration": [["stateMachineVersionArn": .string(one), "weight": 100]]])
                == "ConflictException: Failed to create alias because an alias with the same name and a different routing configuration already exists.")
        #expect(
            try await fixture.refusal(
                "UpdateStateMachineAlias", ["stateMachineAliasArn": .string(Self.prefix + "stateMachine:m:none"), "description": "d"])
                == "ResourceNotFound: Request references a resource that does not exist.")
    }

    @Test func rolesBelongToAnAccount() async throws {
        #expect(
            try await fixture.refusal("CreateStateMachine", create(["roleArn": "arn:aws:iam::1234:role/r"]))
                == "InvalidArn: Invalid Role Arn: 'arn:aws:iam::1234:role/r'")
    }

    @Test func quotasOfTheServiceHoldWhenAskedFor() async throws {
        var configuration = WorkflowEngine.Configuration()
        configuration.hasAWSLimits = true
        let limited = try StatesFixture(configuration: configuration)
        let machine = try #require(try await limited.call("CreateStateMachine", create(["publish": true]))["stateMachineArn"])
        let long = JSONValue.string(String(repeating: "x", count: 262_143)).text
        let refusal = try await limited.refusal("StartExecution", ["stateMachineArn": machine, "input": .string(long)])
        #expect(refusal?.hasSuffix("at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144") == true)
        #expect(
            try await limited.refusal(
                "SendTaskSuccess", ["taskToken": .string(String(repeating: "0", count: 64)), "output": .string(long)])?
                .hasPrefix("ValidationException") == true)
        let huge = String(repeating: "x", count: 1 << 20)
        #expect(
            try await limited.refusal("CreateActivity", ["name": .string(huge)])
                == "RequestEntityTooLargeException: Request size exceeded 1048576 bytes")
        let version = machine.string.map { $0 + ":1" } ?? ""
        for index in 0...100 {
            let refusal = try await limited.refusal(
                "CreateStateMachineAlias",
                [
                    "name": .string("a\(index)"),
                    "routingConfiguration": [["stateMachineVersionArn": .string(version), "weight": 100]],
                ])
            let expected = "ServiceQuotaExceededException: The request would cause a service quota to be exceeded."
            #expect(refusal == (index < 100 ? nil : expected))
        }
        let tags = (0..<51).map { ["key": .string("k\($0)"), "value": "v"] as JSONValue }
        #expect(try await limited.refusal("CreateActivity", ["name": "a", "tags": .array(tags)])?.hasPrefix("TooManyTags") == true)
        // Without them the same calls are answered.
        let free = try StatesFixture()
        _ = try await free.call("CreateStateMachine", create([:]))
        #expect(try await free.refusal("StartExecution", ["stateMachineArn": machine, "input": .string(long)]) == nil)
    }
}
