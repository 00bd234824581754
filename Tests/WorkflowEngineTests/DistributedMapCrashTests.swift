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

    private static func definition(_ type: String) -> String {
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
            "ItemReader": [
                "Resource": "arn:aws:states:::s3:getObject", "Parameters": ["Bucket": "b", "Key": "in.csv"],
                "ReaderConfig": ["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"],
            ],
        ]
        return DistributedMapTests.definition(fields, type: type, states: states)
    }

    private func finish(_ store: any WorkflowStore, _ bucket: any ObjectStore, _ type: String) async throws -> (ExecutionRecord, [String]) {
        try await DistributedMapTests.engine(store, bucket).running(FakeIntegration()) { engine in
            _ = try? await engine.start(Self.definition(type), input: "{}")  // It may be over already.
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
        let bucket = MemoryObjectStore()
        try await bucket.put("in.csv", Array("id\n1\n2\n3\n4\n5\n6\n7\n".utf8))
        for writes in 1..<200 {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/s.sqlite"
            let store = try SQLiteStateStore(path: path)
            let crashing = CrashingStore(store, writes: writes, lastWriteIsDurable: lastWriteIsDurable)
            _ = try? await DistributedMapTests.engine(crashing, bucket).running(FakeIntegration()) { engine in  // It is to fail.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = try await engine.start(Self.definition(type), input: "{}")
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
            let (record, children) = try await finish(SQLiteStateStore(path: path), bucket, type)
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
