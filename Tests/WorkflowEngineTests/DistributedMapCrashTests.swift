import JSONModel
import ObjectStore
import StateStore
import StatesLanguage
import Support
import TestSupport
import Testing
import WorkflowEngine

/// The process dies at every write of a distributed Map in turn; the next one brings the run to the same end, with one
/// child for each batch of items.
@Suite(.timeLimit(.minutes(5)))
struct DistributedMapCrashTests {
    private static let arn = DistributedMapTests.arn

    /// Ways to name the same seven rows.
    enum Source: String, CaseIterable {
        case plain, compressed, flattened, inventory, unloaded

        var reader: JSONValue {
            func reader(_ resource: String, _ parameters: JSONObject, _ config: JSONObject) -> JSONValue {
                var all: JSONObject = ["Bucket": "b"]
                for (name, value) in parameters { all[name] = value }
                return [
                    "Resource": .string("arn:aws:states:::s3:" + resource), "Parameters": .object(all),
                    "ReaderConfig": .object(config),
                ]
            }
            let rows: JSONObject = ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"]
            return switch self {
            case .plain: reader("getObject", ["Key": "in.csv"], rows)
            case .compressed: reader("getObject", ["Key": "in.csv.gz"], rows)
            case .flattened:
                reader(
                    "listObjectsV2", ["Prefix": "parts/"],
                    [
                        "InputType": "CSV", "Transformation": "LOAD_AND_FLATTEN", "CSVHeaderLocation": "GIVEN",
                        "CSVHeaders": ["id"],
                    ])
            case .inventory: reader("getObject", ["Key": "inventory.json"], ["InputType": "MANIFEST"])
            case .unloaded:
                reader(
                    "getObject", ["Key": "manifest.csv"], ["ManifestType": "ATHENA_DATA", "InputType": "JSONL"])
            }
        }
    }

    /// Two members of gzip, one for each half of the rows.
    private static let compressed: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 76, 225, 50, 228, 50, 226, 50, 230, 2, 0, 37, 39, 133,
        32, 9, 0, 0, 0, 31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 51, 225, 50, 229, 50, 227, 50, 231, 2, 0,
        158, 56, 215, 118, 8, 0, 0, 0,
    ]
    /// The second half, without a header.
    private static let secondHalf: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 83, 50, 81, 226, 50, 229, 50, 227, 50, 231, 2, 0, 30, 245,
        222, 114, 10, 0, 0, 0,
    ]

    private func bucket() async throws -> MemoryObjectStore {
        let bucket = MemoryObjectStore()
        func put(_ key: String, _ text: String) async throws { try await bucket.put(key, Array(text.utf8)) }
        try await put("in.csv", "id\n1\n2\n3\n4\n5\n6\n7\n")
        try await bucket.put("in.csv.gz", Self.compressed)
        try await put("parts/", "")
        try await put("parts/1.csv", "1\n2\n3\n")
        try await bucket.put("parts/2.csv.gz", Self.secondHalf)
        try await put("parts/3.csv", "\n")
        try await put(
            "inventory.json",
            #"{"fileFormat":"CSV","fileSchema":"id, Size","destinationBucket":"arn:aws:s3:::b","files":[{"key":"parts/1.csv"},{"key":"parts/2.csv.gz"}]}"#)
        try await put("a.jsonl", #"{"id":"1"}{"id":"2"}"#.replacing("}{", with: "}\n{"))
        try await put("b.jsonl", (3...7).map { #"{"id":"\#($0)"}"# }.joined(separator: "\n"))
        try await put("manifest.csv", "s3://b/a.jsonl\n\"s3://b/b.jsonl\"\n")
        return bucket
    }

    private static func definition(_ type: String, _ source: Source) -> String {
        let task: JSONValue = [
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread", "Parameters": ["Name.$": "$.v"],
            "End": true,
        ]
        // Some children end with their first step, some wait for a task.
        let states: JSONValue = [
            "One": ["Type": "Choice", "Choices": [["Variable": "$.v", "StringLessThan": "4", "Next": "Call"]], "Default": "Pass"],
            "Call": task, "Pass": ["Type": "Pass", "Parameters": ["Name.$": "$.v"], "End": true],
        ]
        let fields: JSONObject = [
            "MaxConcurrency": 3, "ItemSelector": ["v.$": "$$.Map.Item.Value.id"],
            "ItemReader": source.reader,
        ]
        return DistributedMapTests.definition(fields, type: type, states: states)
    }

    private func finish(
        _ store: any WorkflowStore, _ bucket: any ObjectStore, _ definition: String
    ) async throws -> (ExecutionRecord, [String]) {
        try await DistributedMapTests.engine(store, bucket).running(FakeIntegration()) { engine in
            _ = try? await engine.start(definition, input: "{}")  // It may be over already.
            let record = try await engine.waitForEnd(executionARN: Self.arn)
            let runs = try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 10)
            #expect(runs.count == 1)
            #expect(runs.allSatisfy { !$0.isOpen && $0.status == .succeeded })
            let children = try await engine.executions(ofMapRun: runs[0].arn, status: .succeeded, after: nil, limit: 100)
            return (record, children.map(\.name).sorted())
        }
    }

    @Test(arguments: ["STANDARD", "EXPRESS"], [false, true])
    func everyCrashPointEndsAlike(type: String, lastWriteIsDurable: Bool) async throws {
        try await crashEverywhere(Self.definition(type, .plain), lastWriteIsDurable: lastWriteIsDurable)
    }

    @Test(arguments: Source.allCases) func everySourceIsReadOn(source: Source) async throws {
        try await crashEverywhere(Self.definition("STANDARD", source), lastWriteIsDurable: true)
    }

    private func crashEverywhere(_ definition: String, lastWriteIsDurable: Bool) async throws {
        let bucket = try await bucket()
        for writes in 1..<200 {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/s.sqlite"
            let store = try SQLiteStateStore(path: path)
            let crashing = CrashingStore(store, writes: writes, lastWriteIsDurable: lastWriteIsDurable)
            _ = try? await DistributedMapTests.engine(crashing, bucket).running(FakeIntegration()) { engine in  // It is to fail.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = try await engine.start(definition, input: "{}")
                        _ = try await engine.waitForEnd(executionARN: Self.arn)
                    }
                    group.addTask {
                        while !crashing.hasCrashed { try await Task.sleep(for: .milliseconds(1)) }
                    }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            }
            try await store.close()
            let (record, children) = try await finish(SQLiteStateStore(path: path), bucket, definition)
            #expect(record.output == JSONValue.array((1...7).map { ["Name": .string("\($0)")] }).text, "after \(writes) writes")
            #expect(children.count == 7 && Set(children).count == 7, "after \(writes) writes")
            if record.status != .succeeded || children.count != 7 { return }
            if !crashing.hasCrashed {
                #expect(writes > 4)
                return
            }
        }
    }
}
