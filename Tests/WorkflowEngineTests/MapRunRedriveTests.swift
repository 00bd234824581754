import JSONModel
import ObjectStore
import StateStore
import StatesRuntime
import Support
import Synchronization
import TestSupport
import Testing
import WorkflowEngine

/// What each item's task has been asked so far.
private final class Calls: Sendable {
    private let made = Mutex<[(name: String, commandID: String)]>([])

    /// How many calls for `name` there are with this one, repetitions of a command counted once.
    func note(_ name: String, _ commandID: String) -> Int {
        made.withLock { made in
            if !made.contains(where: { $0.commandID == commandID }) { made.append((name, commandID)) }
            return (made.filter { $0.name == name }.firstIndex { $0.commandID == commandID } ?? 0) + 1
        }
    }

    func count(_ name: String) -> Int { made.withLock { $0.count { $0.name == name } } }
}

/// Map runs that go on after an end without success.
@Suite(.timeLimit(.minutes(5)))
struct MapRunRedriveTests {
    private static let arn = DistributedMapTests.arn
    private let directory: TemporaryDirectory
    private let calls = Calls()

    init() throws { directory = try TemporaryDirectory() }

    private static func definition(_ fields: JSONObject, _ type: String) -> String {
        let task: JSONValue = [
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:bakery:getBread", "Parameters": ["Name.$": "$"],
            "ResultSelector": ["Name.$": "$.Name"], "End": true,
        ]
        let states: JSONValue = ["One": ["Type": "Pass", "Next": "Call"], "Call": task]
        return DistributedMapTests.definition(fields, type: type, states: states)
    }

    private func store(_ definition: String, _ name: String = "s") async throws -> SQLiteStateStore {
        let store = try SQLiteStateStore(path: directory.path + "/\(name).sqlite")
        _ = try await store.createStateMachine(machine(definition), tags: [])
        return store
    }

    /// Tasks of these items fail when they are called the first time.
    private func failing(_ names: Set<String>, _ calls: Calls? = nil) -> FakeIntegration {
        let calls = calls ?? self.calls
        return FakeIntegration(start: { call in
            let name = call.parameters["Name"]?.string ?? ""
            let isFirst = calls.note(name, call.commandID) == 1
            return isFirst && names.contains(name) ? .failed(error: "Bad", cause: name) : .succeeded(call.parameters)
        })
    }

    private func types(_ engine: WorkflowEngine, _ arn: String) async throws -> [String] {
        try await engine.history(ofExecution: arn).map(\.type.rawValue)
    }

    private static let all = #"[{"Name":"a"},{"Name":"b"},{"Name":"c"},{"Name":"d"}]"#

    @Test(arguments: ["STANDARD", "EXPRESS"]) func onlyWhatHasNotSucceededRunsAgain(type: String) async throws {
        let definition = Self.definition(["MaxConcurrency": 1], type)
        let store = try await store(definition), clock = ManualClock()
        try await DistributedMapTests.engine(store, MemoryObjectStore(), clock: clock).running(failing(["b"])) { engine in
            _ = try await engine.start(definition, input: #"["a", "b", "c", "d"]"#)
            #expect(try await engine.waitForEnd(executionARN: Self.arn).status == .failed)
            let failed = try #require(try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 9).first)
            var run = try await engine.mapRun(arn: failed.arn)
            #expect(run.record.status == .failed && run.record.redriveCount == 0 && run.record.redrivenAt == nil)
            #expect(run.counts[.failed].executions == 1 && run.counts[.succeeded].executions == 1)
            #expect(run.counts[.pendingRedrive].executions == 0 && run.counts.total.executions == 2)
            let unlucky = try #require(
                try await engine.executions(ofMapRun: failed.arn, status: .failed, after: nil, limit: 9).first)
            #expect(try await engine.redriveRefusal(engine.execution(arn: unlucky.arn)) == nil)
            await #expect(throws: WorkflowEngineError.self) { try await engine.redriveExecution(arn: unlucky.arn, clientToken: nil) }

            clock.advance(milliseconds: 1000)
            let date = try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            let record = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(record.status == .succeeded && record.output == Self.all)
            #expect(try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 9).count == 1)
            run = try await engine.mapRun(arn: failed.arn)
            #expect(run.record.status == .succeeded && run.record.redriveCount == 1 && run.record.redrivenAt == date)
            #expect(run.counts[.succeeded] == MapRunCounts.Pair(executions: 4, items: 4) && run.counts.total.executions == 4)
            #expect(["a", "b", "c", "d"].map { calls.count($0) } == [1, 2, 1, 1])
            #expect(
                try await types(engine, Self.arn).suffix(6) == [
                    "ExecutionRedriven", "MapRunRedriven", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited",
                    "ExecutionSucceeded",
                ])
            let again = try await engine.execution(arn: unlucky.arn)
            let redriven = try await engine.executions(ofMapRun: failed.arn, status: nil, isRedriven: true, after: nil, limit: 9)
            if type == "STANDARD" {
                #expect(again.redrives.count == 1 && again.redrives.date == date && redriven.map(\.arn) == [unlucky.arn])
                #expect(
                    try await types(engine, unlucky.arn).suffix(6) == [
                        "ExecutionFailed", "ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited",
                        "ExecutionSucceeded",
                    ].suffix(6))
            } else {
                #expect(again.redrives.count == 0 && again.startedAt == date && redriven.isEmpty)
            }
            #expect(again.status == .succeeded && again.error == nil)
        }
    }

    @Test(arguments: ["STANDARD", "EXPRESS"]) func childrenWaitForTheirRedrive(type: String) async throws {
        let definition = Self.definition(["MaxConcurrency": 1, "ToleratedFailureCount": 1], type)
        let store = try await store(definition)
        let (gate, opening) = AsyncStream.makeStream(of: Void.self)
        let calls = calls
        let integration = FakeIntegration(start: { call in
            if calls.note(call.parameters["Name"]?.string ?? "", call.commandID) == 1 { return .failed(error: "Bad", cause: nil) }
            for await _ in gate {}
            return .succeeded(call.parameters)
        })
        try await DistributedMapTests.engine(store, MemoryObjectStore()).running(integration) { engine in
            _ = try await engine.start(definition, input: #"["a", "b"]"#)
            #expect(try await engine.waitForEnd(executionARN: Self.arn).status == .failed)
            _ = try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            let arn = try #require(try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 9).first).arn
            while calls.count("a") < 2 { try await Task.sleep(for: .milliseconds(1)) }
            let run = try await engine.mapRun(arn: arn)
            #expect(run.record.status == .running && run.record.stoppedAt == nil)
            #expect(run.counts[.running].executions == 1 && run.counts[.pendingRedrive].executions == 1)
            #expect(run.counts[.failed].executions == 0 && run.counts.total.executions == 2)
            let waiting = try await engine.executions(ofMapRun: arn, status: .pendingRedrive, after: nil, limit: 9)
            // What runs again in memory has no record that says so.
            #expect(waiting.count == (type == "STANDARD" ? 1 : 2))
            #expect(try await engine.shownStatus(engine.execution(arn: try #require(waiting.first).arn)) == .pendingRedrive)
            opening.finish()
            #expect(try await engine.waitForEnd(executionARN: Self.arn).status == .succeeded)
        }
    }

    @Test(arguments: ["STANDARD", "EXPRESS"]) func whatWasStoppedGoesOn(type: String) async throws {
        let definition = Self.definition(["MaxConcurrency": 3], type)
        let store = try await store(definition)
        let (gate, opening) = AsyncStream.makeStream(of: Void.self)
        let calls = calls
        let integration = FakeIntegration(start: { call in
            let name = call.parameters["Name"]?.string ?? ""
            if calls.note(name, call.commandID) == 1, name != "a" { for await _ in gate {} }
            return .succeeded(call.parameters)
        })
        try await DistributedMapTests.engine(store, MemoryObjectStore()).running(integration) { engine in
            _ = try await engine.start(definition, input: #"["a", "b", "c", "d"]"#)
            while calls.count("d") == 0 { try await Task.sleep(for: .milliseconds(1)) }
            _ = try await engine.stopExecution(arn: Self.arn, error: nil, cause: nil)
            // At once: children may still be ending.
            _ = try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            let record = try await engine.waitForEnd(executionARN: Self.arn)
            #expect(record.status == .succeeded && record.output == Self.all)
            #expect(["a", "b", "c", "d"].map { calls.count($0) } == [1, 2, 2, 2])
            let runs = try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 9)
            #expect(runs.map(\.redriveCount) == [1] && runs.map(\.status) == [.succeeded])
            opening.finish()
        }
    }

    @Test func whatCannotGoOnStaysAsItIs() async throws {
        let definition = Self.definition(["MaxConcurrency": 1, "ToleratedFailureCount": 1], "STANDARD")
        let store = try await store(definition), clock = ManualClock(), calls = calls
        let integration = FakeIntegration(start: { call in
            clock.advance(milliseconds: 1000)
            let isFirst = calls.note(call.parameters["Name"]?.string ?? "", call.commandID) == 1
            return isFirst ? .failed(error: "Bad", cause: nil) : .succeeded(call.parameters)
        })
        try await DistributedMapTests.engine(store, MemoryObjectStore(), clock: clock).running(integration) { engine in
            _ = try await engine.start(definition, input: #"["a", "b"]"#)
            let stopped = try #require(try await engine.waitForEnd(executionARN: Self.arn).stoppedAt)
            #expect(try await store.forgetRedrives(stoppedBefore: stopped, limit: 9) == 1)
            _ = try await engine.redriveExecution(arn: Self.arn, clientToken: nil)
            #expect(try await engine.waitForEnd(executionARN: Self.arn).status == .succeeded)
            #expect(calls.count("a") == 1 && calls.count("b") == 2)
            let arn = try #require(try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 9).first).arn
            let counts = try await engine.mapRun(arn: arn).counts
            #expect(counts.notRedrivable == MapRunCounts.Pair(executions: 1, items: 1))
            #expect(counts[.failed].executions == 1 && counts[.succeeded].executions == 1)
        }
    }

    /// The process dies at every write from the redrive on; the next one brings the run to the same end.
    @Test(arguments: ["STANDARD", "EXPRESS"], [false, true])
    func aRedriveSurvivesACrash(type: String, lastWriteIsDurable: Bool) async throws {
        let fields: JSONObject = [
            "MaxConcurrency": 2, "ToleratedFailureCount": 1,
            "ItemReader": [
                "Resource": "arn:aws:states:::s3:getObject", "Parameters": ["Bucket": "b", "Key": "in.json"],
                "ReaderConfig": ["InputType": "JSON"],
            ],
        ]
        let definition = Self.definition(fields, type), bucket = MemoryObjectStore()
        try await bucket.put("in.json", Array(#"["a", "b", "c", "d", "e", "f"]"#.utf8))
        let expected = JSONValue.array(["a", "b", "c", "d", "e", "f"].map { ["Name": .string($0)] }).text
        for writes in 1..<200 {
            let calls = Calls()
            let integration = failing(["b", "c"], calls)
            let base = try await store(definition, "s\(writes)")
            let succeeded = try await DistributedMapTests.engine(base, bucket).running(integration) { engine in
                _ = try await engine.start(definition)
                #expect(try await engine.waitForEnd(executionARN: Self.arn).status == .failed)
                let run = try #require(try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 9).first)
                var names: [String] = []
                for child in try await engine.executions(ofMapRun: run.arn, status: .succeeded, after: nil, limit: 9) {
                    names.append(try JSONValue(parsing: try await engine.execution(arn: child.arn).input).string ?? "")
                }
                return names
            }
            let crashing = CrashingStore(base, writes: writes, lastWriteIsDurable: lastWriteIsDurable)
            _ = try? await DistributedMapTests.engine(crashing, bucket).running(integration) { engine in  // It is to fail.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = try await engine.redriveExecution(arn: Self.arn, clientToken: "t")
                        _ = try await engine.waitForEnd(executionARN: Self.arn)
                    }
                    group.addTask { while !crashing.hasCrashed { try await Task.sleep(for: .milliseconds(1)) } }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            }
            try await DistributedMapTests.engine(base, bucket).running(integration) { engine in
                if try await engine.execution(arn: Self.arn).status == .failed {
                    _ = try await engine.redriveExecution(arn: Self.arn, clientToken: "t")
                }
                let record = try await engine.waitForEnd(executionARN: Self.arn)
                #expect(record.output == expected && record.redrives.count == 1, "after \(writes) writes")
                let runs = try await engine.mapRuns(ofExecution: Self.arn, after: nil, limit: 9)
                #expect(runs.map(\.redriveCount) == [1] && runs.allSatisfy { !$0.isOpen && $0.status == .succeeded })
                let counts = try await engine.mapRun(arn: runs[0].arn).counts
                #expect(counts.total.executions == 6 && counts[.succeeded].executions == 6, "after \(writes) writes")
                let children = try await engine.executions(ofMapRun: runs[0].arn, status: nil, after: nil, limit: 99)
                for child in children {
                    let events = try await engine.history(ofExecution: child.arn)
                    #expect(events.map(\.id) == Array(1..<1 + Int64(events.count)))
                    #expect(events.count { $0.type == .executionRedriven } == child.redriveCount && child.redriveCount <= 1)
                }
            }
            // What had succeeded was not called again.
            for name in succeeded { #expect(calls.count(name) == 1, "after \(writes) writes") }
            try await base.close()
            if !crashing.hasCrashed {
                #expect(writes > 4)
                return
            }
        }
    }
}
