import JSONModel
import StateStore
import StatesRuntime
import Support
import Synchronization
import TestSupport
import Testing
import WorkflowEngine

private final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    /// From 1.
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}

@Suite(.timeLimit(.minutes(3)))
struct RedriveTests {
    private static let definition = #"""
        {"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread", "Parameters": {"Name": "a"}, "End": true}}},
            {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread", "Parameters": {"Name": "b"}, "End": true}}}]}}}
        """#
    private static let arn = "arn:aws:states:us-east-1:123456789012:execution:m:e"

    /// `b` fails the given number of times, after `a` has been called.
    private func integration(failures: Int) -> FakeIntegration {
        let calls = Counter()
        return FakeIntegration(start: { call in
            if call.parameters["Name"] == "a" { return .succeeded("a") }
            return calls.next() <= failures ? .failed(error: "Bad", cause: nil) : .succeeded("b")
        })
    }

    private func store(_ directory: TemporaryDirectory) async throws -> SQLiteStateStore {
        let store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        _ = try await store.createStateMachine(machine(Self.definition), tags: [])
        return store
    }

    @Test func aFailedExecutionGoesOn() async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let engine = WorkflowEngine(store: try await store(directory), clock: clock)
        let fake = integration(failures: 2)
        try await engine.running(fake) { engine in
            _ = try await engine.start(Self.definition)
            #expect(try await engine.waitForEnd(executionARN: Self.arn).status == .failed)
            clock.advance(milliseconds: 1000)
            let first = try await engine.redriveExecution(arn: Self.arn, clientToken: "t1")
            let failed = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(failed.status == .failed)
            #expect(failed.redrives.count == 1)
            #expect(failed.redrives.date == first)
            clock.advance(milliseconds: 1000)
            // The same token gives the same answer and starts nothing.
            #expect(try await engine.redriveExecution(arn: Self.arn, clientToken: "t1") == first)
            #expect(try await engine.execution(arn: Self.arn).redrives.count == 1)
            _ = try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            let record = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(record.status == .succeeded)
            #expect(record.output == #"["a","b"]"#)
            #expect(record.error == nil)
            let history = try await engine.history(ofExecution: Self.arn)
            #expect(history.map(\.id) == Array(1...Int64(history.count)))
            #expect(history.filter { $0.type == .executionRedriven }.count == 2)
        }
        // What had succeeded was not called again.
        #expect(fake.starts.count == 4)
    }

    @Test func refusalsSayWhy() async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let store = try await store(directory)
        let engine = WorkflowEngine(store: store, clock: clock)
        try await engine.running(integration(failures: 1)) { engine in
            func refusal() async throws -> String? { try await engine.redriveRefusal(engine.execution(arn: Self.arn)) }
            _ = try await engine.start(Self.definition)
            _ = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(try await refusal() == nil)
            clock.advance(milliseconds: 14 * 86_400_000)
            #expect(try await refusal() == nil)
            clock.advance(milliseconds: 1)
            #expect(try await refusal() == "Execution redrivable period exceeded")
            await #expect(throws: WorkflowEngineError.executionNotRedrivable(reason: "Execution redrivable period exceeded")) {
                try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            }
            clock.advance(milliseconds: -86_400_000)
            _ = try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            _ = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(try await refusal() == "Execution is SUCCEEDED and cannot be redriven")
            _ = try await engine.start(Self.definition, name: "other")
        }
    }

    @Test func whatIsForgottenCannotGoOn() async throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let store = try await store(directory)
        let engine = WorkflowEngine(store: store, clock: clock)
        try await engine.running(integration(failures: 1)) { engine in
            _ = try await engine.start(Self.definition)
            _ = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(try await store.loadExecution(arn: Self.arn)?.frames.isEmpty == false)
            let later = clock.now().adding(milliseconds: 1)
            #expect(try await store.forgetRedrives(stoppedBefore: later, limit: 9) == 1)
            #expect(try await store.loadExecution(arn: Self.arn)?.frames.isEmpty == true)
            let reason = "Execution was started before the launch of RedriveExecution"
            await #expect(throws: WorkflowEngineError.executionNotRedrivable(reason: reason)) {
                try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            }
            try await engine.deleteStateMachine(arn: machine("").arn)
            #expect(
                try await engine.redriveRefusal(engine.execution(arn: Self.arn)) == "State machine is in DELETING status")
        }
    }

    /// The process dies at every write from the redrive on; the next one brings the execution to the same end.
    @Test func aRedriveSurvivesACrash() async throws {
        for writes in 1... {
            let directory = try TemporaryDirectory()
            let base = try await store(directory)
            let fake = integration(failures: 1)
            try await WorkflowEngine(store: base, clock: ManualClock()).running(fake) { engine in
                _ = try await engine.start(Self.definition)
                _ = try await engine.waitForEnd(executionARN: Self.arn)
            }
            let crashing = CrashingStore(base, writes: writes, lastWriteIsDurable: writes % 2 == 0)
            _ = try? await WorkflowEngine(store: crashing, clock: ManualClock()).running(fake) { engine in  // It is to fail.
                _ = try await engine.redriveExecution(arn: Self.arn, clientToken: "t")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await engine.waitForEnd(executionARN: Self.arn) }
                    group.addTask { while !crashing.hasCrashed { try await Task.sleep(for: .milliseconds(1)) } }
                    try await group.next()
                    group.cancelAll()
                }
            }
            try await WorkflowEngine(store: base, clock: ManualClock()).running(fake) { engine in
                if try await engine.execution(arn: Self.arn).status == .failed {
                    _ = try await engine.redriveExecution(arn: Self.arn, clientToken: "t")
                }
                let record = try await engine.waitForEnd(executionARN: Self.arn)
                #expect(record.output == #"["a","b"]"#, "after \(writes) writes")
                #expect(record.redrives.count == 1)
                let history = try await engine.history(ofExecution: Self.arn)
                #expect(history.map(\.id) == Array(1...Int64(history.count)))
                #expect(history.filter { $0.type == .executionRedriven }.count == 1)
            }
            if !crashing.hasCrashed { return }
        }
    }
}
