import JSONModel
import ObjectStore
import StateStore
import StatesLanguage
import StatesRuntime
import Support
import Synchronization
import TestSupport
import Testing
import WorkflowEngine

/// Maps in DISTRIBUTED mode, from items to results.
@Suite(.timeLimit(.minutes(5)))
struct DistributedMapTests {
    private let bucket = MemoryObjectStore(pageSize: 3)
    private let directory: TemporaryDirectory
    private let engine: WorkflowEngine

    init() throws {
        directory = try TemporaryDirectory()
        engine = Self.engine(try SQLiteStateStore(path: directory.path + "/s.sqlite"), bucket)
    }

    static func engine(
        _ store: any WorkflowStore, _ bucket: any ObjectStore, clock: any WallClock = SystemWallClock()
    ) -> WorkflowEngine {
        let stores = ObjectStores()
        stores.bind(bucket: "b", to: bucket)
        return WorkflowEngine(store: store, objects: stores, clock: clock)
    }

    /// A machine with one Map in DISTRIBUTED mode.
    static func definition(
        _ fields: JSONObject = [:], type: String = "STANDARD",
        states: JSONValue = ["One": ["Type": "Pass", "End": true]]
    ) -> String {
        var map: JSONObject = [
            "Type": "Map", "Label": "each", "End": true,
            "ItemProcessor": [
                "ProcessorConfig": ["Mode": "DISTRIBUTED", "ExecutionType": .string(type)], "StartAt": "One",
                "States": states,
            ],
        ]
        for (name, value) in fields { map[name] = value }
        return JSONValue.object(["StartAt": "Each", "States": ["Each": .object(map)]]).text
    }

    static let arn = "arn:aws:states:us-east-1:123456789012:execution:m:e"

    private func run(
        _ definition: String, input: String = "[1,2,3]", _ integration: FakeIntegration = FakeIntegration()
    ) async throws -> ExecutionRecord {
        try await engine.running(integration) { engine in
            _ = try await engine.start(definition, input: input)
            return try await engine.waitForEnd(executionARN: Self.arn)
        }
    }

    private func mapRun() async throws -> MapRunDescription {
        let runs = try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 10)
        #expect(runs.count == 1)
        return try await engine.mapRun(arn: try #require(runs.first).arn)
    }

    private func children(_ status: ExecutionRecord.Status? = nil) async throws -> [ExecutionSummary] {
        let run = try await mapRun().record
        return try await engine.executions(ofMapRun: run.arn, status: status, after: nil, limit: 1000)
    }

    @Test(arguments: ["STANDARD", "EXPRESS"]) func everyItemHasAChild(type: String) async throws {
        let record = try await run(Self.definition(type: type), input: "[\"a\", {\"b\": 1}]")
        #expect(record.status == .succeeded)
        #expect(record.output == #"["a",{"b":1}]"#)
        let events = try await engine.history(ofExecution: Self.arn)
        #expect(
            events.map(\.type.rawValue) == [
                "ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded",
                "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded",
            ])
        let run = try await mapRun()
        #expect(run.record.arn.hasPrefix("arn:aws:states:us-east-1:123456789012:mapRun:m/each:"))
        #expect(run.record.status == .succeeded && run.record.stoppedAt != nil && !run.record.isOpen)
        #expect(run.counts[.succeeded] == MapRunCounts.Pair(executions: 2, items: 2))
        let children = try await children()
        #expect(children.count == 2)
        for child in children {
            #expect(child.stateMachineArn == "arn:aws:states:us-east-1:123456789012:stateMachine:m/each")
            let kind = type == "EXPRESS" ? "express" : "execution"
            #expect(child.arn.hasPrefix("arn:aws:states:us-east-1:123456789012:\(kind):m/each:"))
        }
        #expect(try await engine.execution(arn: children[0].arn).mapRun?.mapRunArn == run.record.arn)
        #expect(try await engine.executions(account: "123456789012", region: "us-east-1", stateMachineArn: nil, status: nil, after: nil, limit: 10).count == 1)
    }

    @Test func nothingToDoIsDoneAtOnce() async throws {
        let record = try await run(Self.definition(), input: "[]")
        #expect(record.output == "[]")
        #expect(try await mapRun().counts.total == MapRunCounts.Pair())
    }

    @Test(arguments: ["STANDARD", "EXPRESS"]) func manyChildrenWaitForTasksWithinTheConcurrency(type: String) async throws {
        let running = Gauge()
        let integration = FakeIntegration(start: { call in
            running.enter()
            try? await Task.sleep(for: .milliseconds(1))  // Only lets others begin.
            running.leave()
            return .succeeded(call.parameters)
        })
        let states: JSONValue = [
            "One": ["Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread", "Parameters": ["Name.$": "$"], "End": true]
        ]
        let items = JSONValue.array((0..<120).map { .number($0) })
        let record = try await run(
            Self.definition(["MaxConcurrency": 7], type: type, states: states), input: items.text, integration)
        #expect(record.output == JSONValue.array((0..<120).map { ["Name": .number($0)] }).text)
        #expect(running.most <= 7)
        #expect(integration.starts.count == 120)
    }

    @Test func selectorsAndBatchesMakeInputs() async throws {
        let fields: JSONObject = [
            "ItemsPath": "$.list",
            "ItemSelector": ["i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.name", "from.$": "$$.Map.Item.Source"],
            "ItemBatcher": ["MaxItemsPerBatch": 2, "BatchInput": ["n.$": "$.name"]],
        ]
        let record = try await run(Self.definition(fields), input: #"{"list": [5, 6, 7], "name": "x"}"#)
        func item(_ index: Int) -> JSONValue {
            ["i": .number(index), "v": .number(index + 5), "all": "x", "from": "STATE_DATA"]
        }
        let first: JSONValue = ["BatchInput": ["n": "x"], "Items": [item(0), item(1)]]
        let second: JSONValue = ["BatchInput": ["n": "x"], "Items": [item(2)]]
        #expect(record.output == JSONValue.array([first, second]).text)
        #expect(try await mapRun().counts[.succeeded] == MapRunCounts.Pair(executions: 2, items: 3))
    }

    @Test func batchesKeepToTheirBytes() async throws {
        let record = try await run(
            Self.definition(["ItemBatcher": ["MaxInputBytesPerBatch": 10]]), input: #"["aaa", "bbb", "a text that is long", "c"]"#)
        #expect(
            record.output
                == #"[{"Items":["aaa","bbb"]},{"Items":["a text that is long"]},{"Items":["c"]}]"#)
    }

    @Test func jsonataFieldsAreEvaluatedOnce() async throws {
        let fields: JSONObject = [
            "QueryLanguage": "JSONata", "Items": "{% $states.input.list %}", "MaxConcurrency": "{% $states.input.n %}",
            "ItemSelector": ["x": "{% $states.context.Map.Item.Value * 2 %}"], "Output": "{% $sum($states.result.x) %}",
        ]
        let record = try await run(Self.definition(fields), input: #"{"list": [1, 2, 3], "n": 2}"#)
        #expect(record.output == "12")
        #expect(try await mapRun().record.settings.maxConcurrency == 2)
    }

    // MARK: - Failures

    private static let failing: JSONValue = [
        "One": ["Type": "Choice", "Choices": [["Variable": "$", "NumericLessThan": 3, "Next": "Bad"]], "Default": "Good"],
        "Bad": ["Type": "Fail", "Error": "Small", "Cause": "too small"], "Good": ["Type": "Succeed"],
    ]

    @Test(arguments: ["STANDARD", "EXPRESS"]) func failuresBeyondTheThresholdFailTheMap(type: String) async throws {
        let record = try await run(
            Self.definition(["ToleratedFailureCount": 1], type: type, states: Self.failing), input: "[1,2,3,4]")
        #expect(record.status == .failed && record.error == "States.ExceedToleratedFailureThreshold")
        #expect(record.cause == "The specified tolerated failure threshold was exceeded")
        let events = try await engine.history(ofExecution: Self.arn)
        #expect(events.map(\.type.rawValue).suffix(3) == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"])
        #expect(events[4].details?["error"] == "States.ExceedToleratedFailureThreshold")
        #expect(try await mapRun().record.status == .failed)
    }

    @Test(arguments: ["STANDARD", "EXPRESS"]) func toleratedFailuresShowTheirRecord(type: String) async throws {
        let record = try await run(
            Self.definition(["ToleratedFailurePercentage": 50], type: type, states: Self.failing), input: "[1,2,3,4]")
        #expect(record.status == .succeeded)
        let output = try JSONValue(parsing: record.output ?? "null")
        #expect(output[0]?["Status"] == "FAILED" && output[0]?["Error"] == "Small" && output[0]?["Input"] == "1")
        #expect(output[2] == 3 && output[3] == 4)
        let run = try await mapRun()
        #expect(run.counts[.failed].items == 2 && run.counts[.succeeded].items == 2)
    }

    @Test func aFailingSelectorFailsTheRun() async throws {
        let record = try await run(Self.definition(["ItemSelector": ["a.$": "$.missing"]]), input: #"[1]"#)
        #expect(record.status == .failed && record.error == "States.Runtime")
        #expect(record.cause?.hasPrefix("An error occurred while executing the state 'Each' (entered at the event id #2). ") == true)
    }

    @Test func retryStartsANewRunAndCatchSeesTheError() async throws {
        let fields: JSONObject = [
            "Retry": [["ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1, "IntervalSeconds": 1]]
        ]
        let record = try await run(Self.definition(fields, states: Self.failing), input: "[1]")
        #expect(record.status == .failed)
        #expect(try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 10).count == 2)
    }

    @Test(arguments: ["STANDARD", "EXPRESS"]) func stoppingTheParentStopsTheChildren(type: String) async throws {
        let states: JSONValue = ["One": ["Type": "Wait", "Seconds": 1000, "End": true]]
        let definition = Self.definition(type: type, states: states)
        try await engine.running(FakeIntegration()) { engine in
            _ = try await engine.start(definition, input: "[1,2,3]")
            while true {
                let runs = try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 1)
                if let run = runs.first, try await engine.mapRun(arn: run.arn).counts[.running].executions == 3 { break }
                try await Task.sleep(for: .milliseconds(2))
            }
            let stopped = try await engine.stopExecution(arn: Self.arn, error: "E", cause: nil)
            #expect(stopped.status == .aborted)
            while try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 1).first?.isOpen == true {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        let run = try await mapRun()
        #expect(run.record.status == .aborted)
        #expect(run.counts[.aborted].executions == 3)
        #expect(try await engine.history(ofExecution: Self.arn).map(\.type.rawValue).suffix(2) == ["MapRunAborted", "ExecutionAborted"])
    }

    @Test func settingsChangeWhileTheRunGoesOn() async throws {
        let states: JSONValue = ["One": ["Type": "Wait", "Seconds": 1000, "End": true]]
        let definition = Self.definition(["MaxConcurrency": 1], states: states)
        try await engine.running(FakeIntegration()) { engine in
            _ = try await engine.start(definition, input: "[1,2,3]")
            func runs() async throws -> MapRunRecord? {
                try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 1).first
            }
            var arn: String?
            while arn == nil { arn = try await runs()?.arn }
            let run = try #require(arn)
            #expect(try await engine.updateMapRun(arn: run, maxConcurrency: 3, toleratedFailureCount: 2, toleratedFailurePercentage: nil))
            while try await engine.mapRun(arn: run).counts[.running].executions < 3 { try await Task.sleep(for: .milliseconds(2)) }
            _ = try await engine.stopExecution(arn: Self.arn, error: nil, cause: nil)
            #expect(try await !engine.updateMapRun(arn: run, maxConcurrency: 1, toleratedFailureCount: nil, toleratedFailurePercentage: nil))
        }
    }

    // MARK: - Readers and writers

    private func reader(_ resource: String, _ parameters: JSONObject, _ config: JSONObject? = nil) -> JSONValue {
        var bucket = parameters
        bucket["Bucket"] = "b"
        var reader: JSONObject = ["Resource": .string("arn:aws:states:::s3:" + resource), "Parameters": .object(bucket)]
        if let config { reader["ReaderConfig"] = .object(config) }
        return .object(reader)
    }

    private func put(_ key: String, _ text: String) async throws { try await bucket.put(key, Array(text.utf8)) }

    private func read(_ text: String, _ config: JSONObject) async throws -> ExecutionRecord {
        try await put("in", text)
        return try await run(Self.definition(["ItemReader": reader("getObject", ["Key": "in"], config)]), input: "{}")
    }

    @Test func listingsGiveObjects() async throws {
        for name in 0..<8 { try await put("in/\(name)", "x") }
        try await put("other", "x")
        let fields: JSONObject = [
            "ItemReader": reader("listObjectsV2", ["Prefix": "in/"]), "ItemSelector": ["k.$": "$$.Map.Item.Value.Key"],
        ]
        let record = try await run(Self.definition(fields), input: "{}")
        #expect(record.output == JSONValue.array((0..<8).map { ["k": .string("in/\($0)")] }).text)
        #expect(try await engine.history(ofExecution: Self.arn)[2].details == ["length": 0])
    }

    @Test func csvRowsAreObjectsOfTexts() async throws {
        let record = try await read(
            "\u{FEFF}a,b\r\n1,\"x, \"\"y\"\"\nz\"\n\n2\n3,4,5\nC:\\\\d,\\e",
            ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"])
        #expect(
            record.output
                == #"[{"a":"1","b":"x, \"y\"\nz"},{"a":"2","b":""},{"a":"3","b":"4"},{"a":"C:\\d","b":"e"}]"#)
    }

    @Test func csvHeadersCanBeGiven() async throws {
        let record = try await read(
            "1|2\n3|4\n5|6\n",
            ["InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"], "CSVDelimiter": "PIPE", "MaxItems": 2])
        #expect(record.output == #"[{"x":"1","y":"2"},{"x":"3","y":"4"}]"#)
    }

    /// Members stand as a Java `HashMap` gives them: in one bucket as they came, in 32 buckets from the 13th on.
    @Test(arguments: [
        ("0,True,{}", #""0","{}","True""#), ("H1,", #""","H1""#), ("AaAa,BBBB,AaBB", #""AaAa","BBBB","AaBB""#),
        ("userId,movieId,rating,timestamp", #""rating","movieId","userId","timestamp""#),
        ("Bucket,Key,Size,LastModifiedDate", #""LastModifiedDate","Bucket","Size","Key""#),
        ("BBBB,AaBB,AaAa", #""BBBB","AaBB","AaAa""#), ("😀,Straße,名,a", #""a","😀","Straße","名""#),
        (
            "id,name,street,city,zip,country,phone,email,created,updated,status,amount",
            #""zip","country","amount","city","phone","street","created","name","id","updated","email","status""#
        ),
        (
            "id,name,street,city,zip,country,phone,email,created,updated,status,amount,currency",
            #""zip","country","amount","city","created","phone","street","name","currency","id","updated","email","status""#
        ),
    ]) func csvMembersHaveTheServicesOrder(header: String, members: String) async throws {
        let record = try await read(header + "\nx", ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"])
        let row = try JSONValue(parsing: record.output ?? "null")[0]
        #expect(row?.object?.map { JSONValue.string($0.0).text }.joined(separator: ",") == members)
        let first = header.prefix { $0 != "," }
        #expect(row?.object?.filter { $0.1 == "x" }.map(\.0) == [String(first)])
    }

    @Test func jsonLinesGiveValues() async throws {
        let record = try await read("{\"a\":1}\n\n[2]\n\"x\"", ["InputType": "JSONL"])
        #expect(record.output == #"[{"a":1},[2],"x"]"#)
    }

    @Test func jsonDocumentsGiveElements() async throws {
        let record = try await read(
            #"{"skip": [1, {"q": "]}"}], "data": {"list": [ {"a": "]"}, 2 , [3], "\"" ]}, "rest": 1}"#,
            ["InputType": "JSON", "ItemsPointer": "/data/list"])
        #expect(record.output == #"[{"a":"]"},2,[3],"\""]"#)
    }

    @Test func largeObjectsAreReadInPieces() async throws {
        // Items of about 100 kB, behind much that is passed over.
        let filler = String(repeating: "x", count: 5 << 20)
        let items = (0..<60).map { #"{"n":\#($0),"text":"\#(String(repeating: "y", count: 100_000))"}"# }
        try await put("in", #"{"skip": "\#(filler)", "items": [\#(items.joined(separator: ",\n"))]}"#)
        let fields: JSONObject = [
            "ItemReader": reader("getObject", ["Key": "in"], ["InputType": "JSON", "ItemsPointer": "/items"]),
            "ItemSelector": ["n.$": "$$.Map.Item.Value.n"],
        ]
        let record = try await run(Self.definition(fields), input: "{}")
        #expect(record.output == JSONValue.array((0..<60).map { ["n": .number($0)] }).text)
    }

    @Test func jsonObjectsGiveMembers() async throws {
        let record = try await read(#"{"a": 1, "b": {"c": 2}}"#, ["InputType": "JSON"])
        #expect(record.output == #"[{"Key":"a","Value":1},{"Key":"b","Value":{"c":2}}]"#)
    }

    @Test(arguments: [
        (#"[1, {"a": }]"#, ["InputType": "JSON"], "cannot be read at byte 10"),
        (#"[1, 2"#, ["InputType": "JSON"], "the document ends before its items do"),
        ("1\n{\n", ["InputType": "JSONL"], "cannot be read at byte 3"),
        ("a\n\"x", ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"], "a quoted field has no end"),
        (#"{"a": 1}"#, ["InputType": "JSON", "ItemsPointer": "/b"], "there is no member 'b'"),
    ] as [(String, JSONObject, String)])
    func whatCannotBeReadFailsTheMap(text: String, config: JSONObject, complaint: String) async throws {
        let record = try await read(text, config)
        #expect(record.status == .failed && record.error == "States.ItemReaderFailed")
        #expect(record.cause?.contains(complaint) == true, "\(record.cause ?? "")")
        #expect(try await mapRun().record.status == .failed)
    }

    @Test(arguments: [
        ("a\n1", ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItemsPath": "$.n"], "field MaxItems must be positive"),
        ("1,2", ["InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "a"]], "CSV headers cannot contain duplicates."),
        ("a,b,a\n1,2,3", ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"], "CSV headers cannot contain duplicates."),
        ("12", ["InputType": "JSON"], "Attempting to map over non-iterable node."),
        (#"{"a": "b"}"#, ["InputType": "JSON", "ItemsPointer": "/a"], "Attempting to map over non-iterable node."),
        ("rows", ["InputType": "JSON"], "The object 's3://b/in' cannot be read at byte 0: "),
    ] as [(String, JSONObject, String)])
    func whatIsRefusedHasTheServicesCause(text: String, config: JSONObject, cause: String) async throws {
        try await put("in", text)
        let record = try await run(
            Self.definition(["ItemReader": reader("getObject", ["Key": "in"], config)]), input: #"{"n": -1}"#)
        let events = try await engine.history(ofExecution: Self.arn)
        #expect(
            events.map { "\($0.id)<\($0.previousEventID) \($0.type.rawValue)" } == [
                "1<0 ExecutionStarted", "2<0 MapStateEntered", "3<2 MapStateStarted", "4<3 MapRunStarted", "5<4 MapRunFailed",
                "6<5 MapStateFailed", "7<6 ExecutionFailed",
            ])
        #expect(record.error == "States.ItemReaderFailed")
        #expect(cause.hasSuffix(": ") ? record.cause?.hasPrefix(cause) == true : record.cause == cause, "\(record.cause ?? "")")
        #expect(events[4].details?["cause"]?.string == record.cause)
    }

    @Test(arguments: ["STANDARD", "EXPRESS"], [(33.3, false), (33.4, true)])
    func aThresholdMayBeAFraction(type: String, threshold: (percentage: Double, isKept: Bool)) async throws {
        let fields: JSONObject = ["ToleratedFailurePercentage": .number(threshold.percentage)]
        let record = try await run(Self.definition(fields, type: type, states: Self.failing), input: "[1,4,5]")
        #expect((record.status == .succeeded) == threshold.isKept)
        #expect(try await mapRun().record.settings.toleratedFailurePercentage == threshold.percentage)
    }

    @Test(arguments: [
        ("in.csv.gz", "id\n1\n", "it is not compressed with gzip, or damaged."),
        ("in.csv.zst", "id\n1\n", "it is not compressed with zstd, or damaged."),
        ("in.csv.gz", "", "it ends too early."),
    ]) func whatIsNotCompressedFailsTheMap(key: String, text: String, complaint: String) async throws {
        try await put(key, text)
        let config: JSONObject = ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"]
        let record = try await run(
            Self.definition(["ItemReader": reader("getObject", ["Key": .string(key)], config)]), input: "{}")
        #expect(record.error == "States.ItemReaderFailed")
        #expect(record.cause == "The object 's3://b/\(key)' cannot be read: \(complaint)")
    }

    @Test(arguments: [
        (["InputType": "MANIFEST"], #"{"fileFormat":"ORC"}"#, #"its fileFormat is "ORC": only CSV can be read."#),
        (["InputType": "MANIFEST"], "a,b", "it is not JSON: "),
        (["ManifestType": "S3_INVENTORY"], #"{"fileFormat":"CSV"}"#, "fileSchema, files or destinationBucket is missing."),
        (["ManifestType": "ATHENA_DATA", "InputType": "JSONL"], "a.jsonl", "a line is not the address of an object: a.jsonl"),
    ] as [(JSONObject, String, String)])
    func manifestsThatAreNoneFailTheMap(config: JSONObject, text: String, complaint: String) async throws {
        let record = try await read(text, config)
        #expect(record.error == "States.ItemReaderFailed")
        #expect(record.cause?.hasPrefix("The manifest 's3://b/in' cannot be used: \(complaint)") == true, "\(record.cause ?? "")")
    }

    @Test func aMissingObjectFailsTheMap() async throws {
        let record = try await run(
            Self.definition(["ItemReader": reader("getObject", ["Key": "in"], ["InputType": "JSON"])]), input: "{}")
        #expect(record.error == "States.ItemReaderFailed")
        #expect(record.cause?.hasPrefix("The object 's3://b/in' does not exist.") == true)
    }

    @Test(arguments: ["STANDARD", "EXPRESS"]) func resultsAreWritten(type: String) async throws {
        let fields: JSONObject = [
            "ToleratedFailureCount": 5,
            "ResultWriter": ["Resource": "arn:aws:states:::s3:putObject", "Parameters": ["Bucket": "b", "Prefix.$": "$.to"]],
            "ItemsPath": "$.items",
        ]
        let record = try await run(
            Self.definition(fields, type: type, states: Self.failing), input: #"{"items": [1, 3, 4], "to": "out/"}"#)
        let run = try await mapRun().record
        let id = try #require(run.arn.split(separator: ":").last)
        let manifestKey = "out/\(id)/manifest.json"
        #expect(
            record.output
                == JSONValue.object([
                    "MapRunArn": .string(run.arn), "ResultWriterDetails": ["Bucket": "b", "Key": .string(manifestKey)],
                ]).text)
        let manifest = try JSONValue(parsing: try await bucket.get(manifestKey).bytes)
        #expect(manifest["DestinationBucket"] == "b" && manifest["MapRunArn"] == .string(run.arn))
        func results(_ outcome: String) async throws -> [JSONValue] {
            let file = try #require(manifest["ResultFiles"]?[outcome]?[0])
            let read = try await bucket.get(try #require(file["Key"]?.string))
            #expect(file["Size"] == .number(read.bytes.count))
            return try #require(try JSONValue(parsing: read.bytes).array)
        }
        let succeeded = try await results("SUCCEEDED")
        #expect(succeeded.map { $0["Output"] } == ["3", "4"] && succeeded.map { $0["Input"] } == ["3", "4"])
        #expect(succeeded[0]["Status"] == "SUCCEEDED" && succeeded[0]["OutputDetails"] == ["Included": true])
        let failed = try await results("FAILED")
        #expect(failed.count == 1 && failed[0]["Error"] == "Small" && failed[0]["Cause"] == "too small")
        #expect(manifest["ResultFiles"]?["PENDING"] == [])
        #expect(run.resultsWritten == MapRunCounts.Pair(executions: 3, items: 3))
    }

    @Test func resultsCanBeLinesAndFlat() async throws {
        let fields: JSONObject = [
            "ResultWriter": [
                "Resource": "arn:aws:states:::s3:putObject", "Parameters": ["Bucket": "b"],
                "WriterConfig": ["OutputType": "JSONL", "Transformation": "FLATTEN"],
            ]
        ]
        _ = try await run(Self.definition(fields), input: "[[1, 2], [], 3]")
        let id = try #require(try await mapRun().record.arn.split(separator: ":").last)
        let read = try await bucket.get("\(id)/SUCCEEDED_0.jsonl")
        #expect(String(decoding: read.bytes, as: UTF8.self) == "1\n2\n3")
    }

    @Test func failedRunsListWhatTheyDidNotBegin() async throws {
        let fields: JSONObject = [
            "MaxConcurrency": 1,
            "ResultWriter": ["Resource": "arn:aws:states:::s3:putObject", "Parameters": ["Bucket": "b"]],
        ]
        let record = try await run(Self.definition(fields, states: Self.failing), input: "[1, 7, 8]")
        #expect(record.error == "States.ExceedToleratedFailureThreshold")
        let id = try #require(try await mapRun().record.arn.split(separator: ":").last)
        let pending = try JSONValue(parsing: try await bucket.get("\(id)/PENDING_0.json").bytes)
        #expect(pending.array?.map { $0["Input"] } == ["7", "8"])
    }
}

/// Counts how many are inside at once.
private final class Gauge: Sendable {
    private let counts = Mutex((now: 0, most: 0))

    func enter() {
        counts.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
        }
    }
    func leave() { counts.withLock { $0.now -= 1 } }
    var most: Int { counts.withLock { $0.most } }
}
