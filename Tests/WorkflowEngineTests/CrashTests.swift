import JSONModel
import StateStore
import StatesLanguage
import StatesRuntime
import Support
import TestSupport
import Testing
import WorkflowEngine

/// The process dies at every write in turn, with and without that write having reached the disk; the next process
/// brings the execution to the same end.
@Suite(.timeLimit(.minutes(5)))
struct CrashTests {
    private static let definition = #"""
        {"StartAt": "Begin", "States": {
            "Begin": {"Type": "Pass", "Result": {"items": [1, 2]}, "ResultPath": "$.begun", "Next": "Call"},
            "Call": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread",
                "Parameters": {"Name.$": "$.name"}, "ResultPath": "$.table",
                "Retry": [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 2, "MaxAttempts": 2}], "Next": "Job"},
            "Job": {"Type": "Task", "Resource": "arn:aws:states:::bakery:startOven.sync",
                "Parameters": {"JobName": "load"}, "TimeoutSeconds": 100000, "ResultPath": "$.run", "Next": "Pause"},
            "Pause": {"Type": "Wait", "Seconds": 5, "Next": "Each"},
            "Each": {"Type": "Map", "ItemsPath": "$.begun.items", "MaxConcurrency": 1, "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "One", "States": {
                    "One": {"Type": "Task", "Resource": "arn:aws:states:::bakery:submitDough.sync",
                        "Parameters": {"JobName": "one"}, "End": true}}},
                "ResultPath": "$.each", "Next": "Done"},
            "Done": {"Type": "Succeed"}}}
        """#
    private static let arn = "arn:aws:states:us-east-1:123456789012:execution:m:e"

    private func integration() -> FakeIntegration {
        FakeIntegration(start: { call in
            if call.resource.action == "getBread", call.attempt == 0 { return .failed(error: "Flaky", cause: "try again") }
            if call.resource.pattern == .requestResponse { return .succeeded(call.parameters) }
            return .submitted(output: ["Id": .string(call.commandID)], handle: ["job": .string(call.commandID)])
        })
    }

    private struct Outcome: Equatable {
        var status: ExecutionRecord.Status
        var output: String?
        var history: [String]
        var commands: Set<String>
    }

    /// Runs the execution to its end on `store`, starting it if it is not there.
    private func finish(_ store: any WorkflowStore, _ fake: FakeIntegration) async throws -> Outcome {
        let clock = ManualClock()
        return try await WorkflowEngine(store: store, clock: clock).running(fake) { engine in
            let record = try await withThrowingTaskGroup(of: ExecutionRecord?.self) { group in
                group.addTask {
                    await race(clock, engine)
                    return nil
                }
                group.addTask {
                    _ = try? await engine.start(Self.definition, input: #"{"name": "t"}"#)  // It may be over already.
                    return try await engine.waitForEnd(executionARN: Self.arn)
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            let history = try await engine.history(ofExecution: Self.arn).map { event in
                var event = event
                event.timestamp = Timestamp(millisecondsSince1970: 0)
                return JSONValue.object(event.json).text
            }
            return Outcome(
                status: record?.status ?? .running, output: record?.output, history: history,
                commands: Set(fake.starts))
        }
    }

    /// Runs until the store has crashed or the execution is over. False if it ended without a crash.
    private func runUntilCrash(_ store: CrashingStore, _ fake: FakeIntegration) async -> Bool {
        let clock = ManualClock()
        _ = try? await WorkflowEngine(store: store, clock: clock).running(fake) { engine in  // It is to fail.
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await race(clock, engine) }
                group.addTask {
                    _ = try await engine.start(Self.definition, input: #"{"name": "t"}"#)
                    _ = try await engine.waitForEnd(executionARN: Self.arn)
                }
                group.addTask {
                    while !store.hasCrashed { try await Task.sleep(for: .milliseconds(1)) }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
        return store.hasCrashed
    }

    @Test(arguments: [false, true]) func everyCrashPointEndsAlike(lastWriteIsDurable: Bool) async throws {
        let calm = try TemporaryDirectory()
        let expected = try await finish(SQLiteStateStore(path: calm.path + "/s.sqlite"), integration())
        #expect(expected.status == .succeeded)
        #expect(expected.commands.count == 5)
        for writes in 1..<200 {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/s.sqlite"
            let fake = integration()
            let store = try SQLiteStateStore(path: path)
            let crashed = await runUntilCrash(
                CrashingStore(store, writes: writes, lastWriteIsDurable: lastWriteIsDurable), fake)
            if !crashed {
                // Neighbouring steps may share a write, so their number is not fixed.
                #expect(writes > 6)
                return
            }
            try await store.close()
            let outcome = try await finish(SQLiteStateStore(path: path), fake)
            #expect(outcome == expected, "after \(writes) writes")
            if outcome != expected { return }
        }
    }
}
