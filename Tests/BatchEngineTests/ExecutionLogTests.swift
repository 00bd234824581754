import AWSProtocol
import BatchEngine
import JSONModel
import LogsService
import ServiceKit
import StateStore
import Support
import Testing

/// What executions log, as CloudWatch Logs shows it.
@Suite(.timeLimit(.minutes(1)))
struct ExecutionLogTests {
    private let fixture: EngineFixture
    private let logs: LogsService
    private static let context = CallContext(
        account: "123456789012", region: "us-east-1", requestID: "r", receivedAt: Timestamp(millisecondsSince1970: 1))
    private static let start: Int64 = 1_700_000_000_000

    init() async throws {
        fixture = try EngineFixture()
        logs = LogsService(engine: try await fixture.engine(), executions: fixture.store)
    }

    @discardableResult
    private func call(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
        try await logs.call(operation, input, Self.context)
    }

    private func code(_ operation: String, _ input: JSONObject) async throws -> String? {
        do {
            try await call(operation, input)
            return nil
        } catch let error as AWSError {
            return error.code
        }
    }

    private func machine(_ level: String, data: Bool, group: String) -> StateMachineRecord {
        StateMachineRecord(
            arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m", account: "123456789012", region: "us-east-1",
            name: "m", type: "STANDARD", definition: "{}", roleArn: "r", createdAt: Timestamp(millisecondsSince1970: 0),
            configuration: [
                "loggingConfiguration": [
                    "level": .string(level), "includeExecutionData": .bool(data),
                    "destinations": [
                        ["cloudWatchLogsLogGroup": ["logGroupArn": .string("arn:aws:logs:us-east-1:123456789012:log-group:\(group):*")]]
                    ],
                ]
            ])
    }

    /// An execution of four events that starts so many seconds after the others.
    private func execute(_ name: String, _ machine: StateMachineRecord, after seconds: Int64) async throws {
        let start = Self.start + seconds * 1000
        let arn = "arn:aws:states:us-east-1:123456789012:execution:m:\(name)"
        let record = ExecutionRecord(
            arn: arn, account: machine.account, region: machine.region, name: name, stateMachine: machine, input: "{}",
            startedAt: Timestamp(millisecondsSince1970: start), secret: [1])
        #expect(try await fixture.store.startExecution(NewExecution(record)) == nil)
        var step = ExecutionStep(executionArn: arn, revision: 0, stepCount: 1, isRunnable: false)
        let types = ["ExecutionStarted", "FailStateEntered", "TaskFailed", "ExecutionFailed"]
        step.history = types.enumerated().map { index, type in
            HistoryRecord(
                id: Int64(index) + 1, previousEventID: Int64(index),
                timestamp: Timestamp(millisecondsSince1970: start + Int64(index)), type: type,
                details: ["input": .string("secret of \(name)"), "inputDetails": ["truncated": false], "name": .string(name)])
        }
        step.end = ExecutionStep.End(status: .failed, stoppedAt: Timestamp(millisecondsSince1970: start + 4))
        try await fixture.store.commit(step)
    }

    private func messages(_ answer: JSONObject) throws -> [JSONValue] {
        try (answer["events"]?.array ?? []).map { try JSONValue(parsing: $0["message"]?.string ?? "") }
    }

    @Test func groupsAreMadeDescribedAndDeleted() async throws {
        try await call("CreateLogGroup", ["logGroupName": "/b", "tags": ["k": "v"]])
        try await call("CreateLogGroup", ["logGroupName": "/a"])
        #expect(try await code("CreateLogGroup", ["logGroupName": "/a"]) == "ResourceAlreadyExistsException")
        #expect(try await code("CreateLogGroup", ["logGroupName": "/aws/batch/job"]) == "ResourceAlreadyExistsException")
        #expect(try await code("CreateLogGroup", ["logGroupName": "a b"]) == "InvalidParameterException")
        try await call("PutRetentionPolicy", ["logGroupName": "/b", "retentionInDays": 7])
        func names(_ input: JSONObject) async throws -> [String] {
            try await call("DescribeLogGroups", input)["logGroups"]?.array?.compactMap { $0["logGroupName"]?.string } ?? []
        }
        #expect(try await names([:]) == ["/a", "/aws-glue/jobs/error", "/aws-glue/jobs/output", "/aws/batch/job", "/b"])
        let first = try await call("DescribeLogGroups", ["limit": 4])
        #expect(try await names(["limit": 4, "nextToken": first["nextToken"] ?? .null]) == ["/b"])
        let b = try await call("DescribeLogGroups", ["logGroupNamePrefix": "/b"])["logGroups"]?[0]
        #expect(b?["retentionInDays"] == 7)
        #expect(b?["arn"] == "arn:aws:logs:us-east-1:123456789012:log-group:/b:*")
        #expect(try await call("ListTagsForResource", ["resourceArn": b?["logGroupArn"] ?? .null])["tags"] == ["k": "v"])
        try await call("DeleteLogGroup", ["logGroupName": "/b"])
        #expect(try await code("DeleteLogGroup", ["logGroupName": "/b"]) == "ResourceNotFoundException")
        #expect(try await code("DescribeLogStreams", ["logGroupName": "/b"]) == "ResourceNotFoundException")
    }

    @Test func anExecutionIsAStreamOfItsEvents() async throws {
        try await call("CreateLogGroup", ["logGroupName": "g"])
        try await execute("e", machine("ALL", data: true, group: "g"), after: 0)
        try await execute("other", machine("ALL", data: true, group: "elsewhere"), after: 0)
        let streams = try await call("DescribeLogStreams", ["logGroupName": "g"])["logStreams"]?.array ?? []
        let name = try #require(streams.first?["logStreamName"]?.string)
        #expect(streams.count == 1)
        #expect(name.hasPrefix("states/m/2023-11-14-22-13/"))
        let all = try await call("GetLogEvents", ["logGroupName": "g", "logStreamName": .string(name), "startFromHead": true])
        let first = try #require(try messages(all).first)
        #expect(
            first == [
                "id": "1", "type": "ExecutionStarted",
                "details": ["input": "secret of e", "inputDetails": ["truncated": false], "name": "e"],
                "previous_event_id": "0", "event_timestamp": "1700000000000",
                "execution_arn": "arn:aws:states:us-east-1:123456789012:execution:m:e", "redrive_count": "0",
            ])
        func ids(_ token: JSONValue?, _ more: JSONObject = [:]) async throws -> ([JSONValue?], JSONObject) {
            var input: JSONObject = ["logGroupName": "g", "logStreamName": .string(name), "limit": 3]
            if let token { input["nextToken"] = token }
            for (key, value) in more { input[key] = value }
            let page = try await call("GetLogEvents", input)
            return (try messages(page).map { $0["id"] }, page)
        }
        // Without a word the last ones, then back, then forward again.
        let last = try await ids(nil)
        #expect(last.0 == ["2", "3", "4"])
        let before = try await ids(last.1["nextBackwardToken"])
        #expect(before.0 == ["1"])
        #expect(try await ids(before.1["nextBackwardToken"]).0 == [])
        #expect(try await ids(before.1["nextForwardToken"]).0 == ["2", "3", "4"])
        // At the end the token stays the same, as clients expect.
        let end = try await ids(last.1["nextForwardToken"])
        #expect(end.0 == [])
        #expect(end.1["nextForwardToken"] == last.1["nextForwardToken"])
        #expect(try await ids(nil, ["startTime": .number(Self.start + 2), "endTime": .number(Self.start + 3)]).0 == ["3"])
        #expect(
            try await code("GetLogEvents", ["logGroupName": "g", "logStreamName": "states/m/2023-11-14-22-13/00000000"])
                == "ResourceNotFoundException")
    }

    @Test func levelsAndDataAreHeldBack() async throws {
        try await call("CreateLogGroup", ["logGroupName": "g"])
        for (index, level) in ["ERROR", "FATAL", "OFF"].enumerated() {
            try await execute(level, machine(level, data: false, group: "g"), after: Int64(index))
        }
        let events = try messages(try await call("FilterLogEvents", ["logGroupName": "g"]))
        #expect(
            events.map { "\($0["details"]?["name"]?.string ?? "") \($0["id"]?.string ?? "")" } == [
                "ERROR 2", "ERROR 3", "ERROR 4", "FATAL 4",
            ])
        #expect(events.allSatisfy { $0["details"]?["input"] == nil && $0["details"]?["inputDetails"] == nil })
    }

    @Test func eventsAreFilteredAcrossStreamsInPages() async throws {
        try await call("CreateLogGroup", ["logGroupName": "g"])
        let machine = machine("ALL", data: true, group: "g")
        for index in 0..<3 { try await execute("e\(index)", machine, after: Int64(index)) }
        func found(_ input: JSONObject) async throws -> [String] {
            var input = input
            input["logGroupName"] = "g"
            var result: [String] = []
            while true {
                let page = try await call("FilterLogEvents", input)
                result += try messages(page).map { "\($0["details"]?["name"]?.string ?? "")/\($0["id"]?.string ?? "")" }
                guard let token = page["nextToken"] else { return result }
                input["nextToken"] = token
            }
        }
        let everything = (0..<3).flatMap { e in (1...4).map { "e\(e)/\($0)" } }
        #expect(try await found([:]) == everything)
        for limit in [1, 2, 3, 5] { #expect(try await found(["limit": .number(limit)]) == everything) }
        #expect(try await found(["filterPattern": #"{ $.type = "ExecutionFailed" }"#]) == ["e0/4", "e1/4", "e2/4"])
        #expect(
            try await found(["filterPattern": #"{ ($.details.name = "e1" || $.details.name = "e2") && $.type = *Started }"#])
                == ["e1/1", "e2/1"])
        #expect(try await found(["filterPattern": "{ $.id = \"4\" && $.none NOT EXISTS && $.details.name != e1 }"]) == ["e0/4", "e2/4"])
        #expect(try await found(["filterPattern": "TaskFailed -e1"]) == ["e0/3", "e2/3"])
        #expect(try await found(["filterPattern": #"?"secret of e0" ?nothing"#]).count == 4)
        #expect(try await found(["startTime": .number(Self.start + 1003), "endTime": .number(Self.start + 2000)]) == ["e1/4", "e2/1"])
        #expect(try await found(["logStreamNamePrefix": "states/x"]) == [])
        for wrong in ["[a, b]", "{ $.a }", "{ $.a = }", "%x%", "{ $.a = \"b }", String(repeating: "{(", count: 300)] {
            #expect(
                try await code("FilterLogEvents", ["logGroupName": "g", "filterPattern": .string(wrong)])
                    == "InvalidParameterException", "\(wrong)")
        }
    }

    @Test func aDeletedGroupTakesItsLogsAlong() async throws {
        try await call("CreateLogGroup", ["logGroupName": "g"])
        try await execute("e", machine("ALL", data: true, group: "g"), after: 0)
        try await call("DeleteLogGroup", ["logGroupName": "g"])
        try await call("CreateLogGroup", ["logGroupName": "g"])
        #expect(try await call("FilterLogEvents", ["logGroupName": "g"])["events"] == [])
        // The history itself stays.
        #expect(
            try await fixture.store.history(
                ofExecution: "arn:aws:states:us-east-1:123456789012:execution:m:e", ids: 1...9, descending: false, limit: 9
            ).count == 4)
    }

    @Test func expressExecutionsAreStreamsToo() async throws {
        try await call("CreateLogGroup", ["logGroupName": "g"])
        let arn = "arn:aws:states:us-east-1:123456789012:express:x:n:u"
        let execution = LoggedExecution(
            arn: arn, machineName: "x", destination: LogDestination(group: "g", level: .all, includesData: true),
            startedAt: Timestamp(millisecondsSince1970: Self.start), stoppedAt: Timestamp(millisecondsSince1970: Self.start + 1))
        let event = HistoryRecord(
            id: 1, previousEventID: 0, timestamp: execution.startedAt, type: "ExecutionStarted",
            details: ["input": .string(String(repeating: "long", count: 1000))])
        fixture.store.addExpressLog(execution, account: "123456789012", region: "us-east-1", events: [event]) { error in
            Issue.record(error)
        }
        // Writes are made in order.
        try await call("CreateLogGroup", ["logGroupName": "later"])
        let events = try messages(try await call("FilterLogEvents", ["logGroupName": "g"]))
        #expect(events.map { $0["execution_arn"]?.string } == [arn])
        #expect(events.first?["details"]?["input"]?.string?.count == 4000)
        let time = Timestamp(millisecondsSince1970: Self.start + 2)
        #expect(try await fixture.store.removeExecutions(stoppedBefore: time, limit: 9) == 1)
        #expect(try await call("FilterLogEvents", ["logGroupName": "g"])["events"] == [])
        #expect(try await fixture.store.history(ofExecution: arn, ids: 1...9, descending: false, limit: 9).isEmpty)
    }
}
