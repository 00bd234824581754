import JSONModel
import StateStore
import StatesRuntime
import Support
import Synchronization
import TestSupport
import Testing
import WorkflowEngine

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

@Suite(.timeLimit(.minutes(2)))
struct WorkflowEngineTests {
    private let directory: TemporaryDirectory
    private let clock = ManualClock()

    init() throws { directory = try TemporaryDirectory() }

    private func open() throws -> SQLiteStateStore { try SQLiteStateStore(path: directory.path + "/state.sqlite") }

    private func engine(_ store: any WorkflowStore) -> WorkflowEngine { WorkflowEngine(store: store, clock: clock) }

    private static let pass = #"{"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"a": 1}, "End": true}}}"#

    private static func task(_ resource: String, _ more: String = "") -> String {
        """
        {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::\(resource)",
            "Parameters": {"JobName": "j"}\(more), "End": true}}}
        """
    }

    @Test func anExecutionRunsToItsEnd() async throws {
        let record = try await engine(open()).running(FakeIntegration()) { engine in
            let started = try await engine.start(Self.pass)
            return try await engine.waitForEnd(executionARN: started.arn)
        }
        #expect(record.status == .succeeded)
        #expect(record.output == #"{"a":1}"#)
        #expect(record.lastEventID == 4)
    }

    @Test func tasksArePerformedAndSubmittedOnesAwaited() async throws {
        let fake = FakeIntegration()
        let (direct, waited, types) = try await engine(open()).running(fake) { engine in
            let first = try await engine.start(Self.task("bakery:startOven"), name: "a")
            let second = try await engine.start(Self.task("bakery:startOven.sync"), name: "b")
            return (
                try await engine.waitForEnd(executionARN: first.arn),
                try await engine.waitForEnd(executionARN: second.arn),
                try await engine.history(ofExecution: second.arn).map(\.type.rawValue)
            )
        }
        #expect(direct.output == #"{"JobName":"j"}"#)
        #expect(waited.output == #"{"JobName":"j"}"#)
        #expect(
            types == [
                "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted",
                "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
            ])
        #expect(fake.starts.count == 2)
        #expect(fake.completions.count == 1)
    }

    @Test func finishedCommandsLeaveNothingBehind() async throws {
        let store = try open()
        _ = try await engine(store).running(FakeIntegration()) { engine in
            let started = try await engine.start(Self.task("bakery:startOven.sync", #", "TimeoutSeconds": 500"#))
            return try await engine.waitForEnd(executionARN: started.arn)
        }
        #expect(try await store.commands(after: nil, limit: 10).isEmpty)
        #expect(try await store.timers(limit: 10).isEmpty)
    }

    @Test func anUnsupportedResourceFailsTheTaskByName() async throws {
        let record = try await engine(open()).running(FakeIntegration()) { engine in
            let started = try await engine.start(Self.task("aws-sdk:missing:doIt"))
            return try await engine.waitForEnd(executionARN: started.arn)
        }
        #expect(record.status == .failed)
        #expect(record.cause?.contains("aws-sdk:missing:doIt") == true)
    }

    @Test func stoppingAnExecutionStopsItsJob() async throws {
        let store = try open()
        let fake = FakeIntegration(completion: { _, _ in
            try? await Task.sleep(for: .seconds(1000))  // Ends when cancelled.
            return .failed(error: "never", cause: nil)
        })
        let record = try await engine(store).running(fake) { engine in
            let started = try await engine.start(Self.task("bakery:startOven.sync"))
            while fake.completions.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            let stopped = try await engine.stopExecution(arn: started.arn, error: "E", cause: "C")
            while fake.cancellations.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            while try await !store.commands(after: nil, limit: 1).isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            return stopped
        }
        #expect(record.status == .aborted)
        #expect(record.error == "E")
        #expect(record.stoppedAt != nil)
        #expect(fake.cancellations == [["job": ["JobName": "j"]]])
    }

    /// Others may know an execution from a listing as soon as it is durable.
    @Test(arguments: [false, true]) func aStopBeforeAnExecutionsFirstTaskHasBegunStopsThatTask(isChild: Bool) async throws {
        let base = try open()
        let stop = Mutex<(engine: WorkflowEngine?, task: Task<ExecutionRecord, any Error>?)>((nil, nil))
        let store = CrashingStore(base) { arns in
            guard let arn = arns.first(where: { $0.contains("/each:") == isChild }) else { return }
            stop.withLock { stop in
                guard let engine = stop.engine else { return }
                stop.task = Task { try await engine.stopExecution(arn: arn, error: "E", cause: nil) }
            }
            for _ in 0..<200 where (try? await base.execution(arn: arn)?.status) == .running {
                try? await Task.sleep(for: .milliseconds(1))  // A cancelled wait ends early.
            }
        }
        let fake = FakeIntegration(completion: { _, _ in
            try? await Task.sleep(for: .seconds(1000))  // Ends when cancelled.
            return .failed(error: "never", cause: nil)
        })
        let stopped = try await engine(store).running(fake) { engine in
            // First steps are taken with the start once an execution has been driven.
            _ = try await engine.waitForEnd(executionARN: try await engine.start(Self.pass, name: "first").arn)
            stop.withLock { $0.engine = engine }
            let task = Self.task("bakery:startOven.sync")
            _ = try await engine.start(
                isChild ? DistributedMapTests.definition(states: ["One": try JSONValue(parsing: task)["States"]?["T"] ?? .null]) : task,
                input: "[1]")
            while stop.withLock({ $0.task }) == nil { try await Task.sleep(for: .milliseconds(1)) }
            let record = try await stop.withLock { $0.task }?.value
            for _ in 0..<10_000 where fake.cancellations.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            return record
        }
        #expect(stopped?.status == .aborted)
        #expect(fake.starts.count == 1)
        #expect(fake.cancellations == [["job": ["JobName": "j"]]])
    }

    @Test func aJobStoppedByACrashedServerIsCancelledByTheNext() async throws {
        let fake = FakeIntegration(completion: { _, _ in
            try? await Task.sleep(for: .seconds(1000))  // Ends when cancelled.
            return .failed(error: "never", cause: nil)
        })
        // Writes: the start, its step, the submission, the stop. The cancellation's record is never removed.
        let store = try open()
        let crashing = CrashingStore(store, writes: 5, lastWriteIsDurable: false)
        _ = try? await engine(crashing).running(fake) { engine in
            let started = try await engine.start(Self.task("bakery:startOven.sync"))
            while try await store.commands(after: nil, limit: 1).first?.progress != .submitted {
                try await Task.sleep(for: .milliseconds(1))
            }
            _ = try await engine.stopExecution(arn: started.arn, error: nil, cause: nil)
            while fake.cancellations.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(fake.cancellations.count == 1)
        #expect(try await store.commands(after: nil, limit: 9).map(\.isCancelled) == [true])
        try await self.engine(store).running(fake) { _ in
            while try await !store.commands(after: nil, limit: 1).isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(fake.cancellations.count == 2)
    }

    @Test func timersFireByTheWallClock() async throws {
        let wait = #"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#
        let clock = clock
        let record = try await engine(open()).running(FakeIntegration()) { engine in
            let started = try await engine.start(wait)
            try await engine.waitForFirstStep(executionARN: started.arn, limit: .seconds(5))
            clock.advance(milliseconds: 3_599_999)
            engine.fireDueTimers()
            #expect(try await engine.execution(arn: started.arn).status == .running)
            clock.advance(milliseconds: 1)
            engine.fireDueTimers()
            return try await engine.waitForEnd(executionARN: started.arn)
        }
        #expect(record.status == .succeeded)
        #expect(record.stoppedAt?.milliseconds(since: record.startedAt) == 3_600_000)
    }

    @Test func timersThatAreDueTogetherShareCommits() async throws {
        let wait = #"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#
        let clock = clock, count = 200
        let store = try open()
        try await engine(store).running(FakeIntegration()) { engine in
            var waiting: [String] = []
            for index in 0..<count {
                let started = try await engine.start(wait, name: "e\(index)")
                try await engine.waitForFirstStep(executionARN: started.arn, limit: .seconds(5))
                waiting.append(started.arn)
            }
            let before = store.commitCount
            clock.advance(milliseconds: 3_600_000)
            engine.fireDueTimers()
            for arn in waiting { #expect(try await engine.waitForEnd(executionARN: arn).status == .succeeded) }
            #expect(store.commitCount - before < count / 2)
        }
    }

    @Test func anExecutionMayBeStartedBeforeTheEngineRuns() async throws {
        let engine = engine(try open())
        let started = try await engine.start(Self.pass)
        let record = try await engine.running(FakeIntegration()) { engine in
            try await engine.waitForEnd(executionARN: started.arn)
        }
        #expect(record.status == .succeeded)
    }

    @Test func aRepeatedStartIsAnsweredWithTheFirst() async throws {
        let wait = #"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#
        let clock = clock
        try await engine(open()).running(FakeIntegration()) { engine in
            let first = try await engine.start(wait)
            clock.advance(milliseconds: 5)
            #expect(try await engine.start(wait).startedAt == first.startedAt)
            await #expect(throws: WorkflowEngineError.executionAlreadyExists(arn: first.arn)) {
                try await engine.start(wait, input: "1")
            }
        }
    }

    @Test func anEndlessLoopLetsOthersRunAndCanBeStopped() async throws {
        let loop = #"""
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}
            """#
        try await engine(open()).running(FakeIntegration()) { engine in
            let endless = try await engine.start(loop, name: "loop")
            let other = try await engine.start(Self.pass, name: "other")
            #expect(try await engine.waitForEnd(executionARN: other.arn).status == .succeeded)
            #expect(try await engine.execution(arn: endless.arn).status == .running)
            #expect(try await engine.stopExecution(arn: endless.arn, error: nil, cause: nil).status == .aborted)
        }
    }

    @Test func manyExecutionsShareCommits() async throws {
        let store = try open()
        let before = store.commitCount
        try await engine(store).running(FakeIntegration()) { engine in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<300 {
                    group.addTask {
                        let started = try await engine.start(Self.task("bakery:submitDough.sync"), name: "e\(index)")
                        #expect(try await engine.waitForEnd(executionARN: started.arn).status == .succeeded)
                    }
                }
                try await group.waitForAll()
            }
        }
        // Four writes each: start, first step, submission, end; the last two may be one.
        #expect(store.commitCount - before < 900)
    }

    /// Nothing outside waits for what happens between two states, so that nothing needs to be durable there.
    @Test func aThousandTransitionsAreOneCommit() async throws {
        let counts = #"""
            {"StartAt": "Add", "States": {
                "Add": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough"},
                "Enough": {"Type": "Choice", "Default": "Add", "Choices": [
                    {"Variable": "$.n", "NumericGreaterThanEquals": 2500, "Next": "Done"}]},
                "Done": {"Type": "Succeed"}}}
            """#
        let store = try open()
        let record = try await engine(store).running(FakeIntegration()) { engine in
            let started = try await engine.start(counts, input: #"{"n": 0}"#)
            return try await engine.waitForEnd(executionARN: started.arn)
        }
        #expect(record.status == .succeeded)
        // Each state is entered and exited, between the execution's start and its end.
        #expect(record.lastEventID == 2 * 5001 + 2)
        // The start, then 5,001 transitions.
        #expect(store.commitCount <= 1 + 6)
    }

    @Test func aShortExecutionIsOneCommit() async throws {
        let store = try open()
        let commits = try await engine(store).running(FakeIntegration()) { engine in
            let first = try await engine.start(Self.pass)
            _ = try await engine.waitForEnd(executionARN: first.arn)
            let before = store.commitCount
            let second = try await engine.start(Self.pass, name: "second")
            #expect(second.status == .running)
            #expect(try await engine.waitForEnd(executionARN: second.arn).status == .succeeded)
            #expect(try await engine.history(ofExecution: second.arn).map(\.id) == [1, 2, 3, 4])
            return store.commitCount - before
        }
        #expect(commits == 1)
    }

    @Test func aStartDoesNotWaitForStatesThatTakeLong() async throws {
        let isHeld = Mutex(false)
        var configuration = WorkflowEngine.Configuration()
        configuration.threads = 1
        configuration.observer = { arn, _, _, _ in
            while arn.hasSuffix("slow"), isHeld.withLock({ $0 }) { usleep(1000) }
        }
        let engine = WorkflowEngine(store: try open(), clock: clock, configuration: configuration)
        try await engine.running(FakeIntegration()) { engine in
            let first = try await engine.start(Self.pass)
            _ = try await engine.waitForEnd(executionARN: first.arn)
            isHeld.withLock { $0 = true }
            // The first holds the engine's only thread; the second never gets to it.
            let slow = try await engine.start(Self.pass, name: "slow")
            let next = try await engine.start(Self.pass, name: "next")
            for arn in [slow.arn, next.arn] {
                #expect(try await engine.execution(arn: arn).status == .running)
                #expect(try await engine.history(ofExecution: arn).isEmpty)
            }
            isHeld.withLock { $0 = false }
            for arn in [slow.arn, next.arn] {
                #expect(try await engine.waitForEnd(executionARN: arn).status == .succeeded)
                #expect(try await engine.history(ofExecution: arn).map(\.id) == [1, 2, 3, 4])
            }
        }
    }

    @Test func changesTellEveryEventInOrder() async throws {
        let ids = try await engine(open()).running(FakeIntegration()) { engine in
            let changes = engine.changes()
            let started = try await engine.start(Self.task("bakery:startOven.sync"))
            var ids: [Int64] = []
            for await change in changes where change.executionArn == started.arn {
                ids += change.events.map(\.id)
                if change.status != .running { break }
            }
            return ids
        }
        #expect(ids == Array(1...8))
    }

    @Test func aCallThatMustNotBeRepeatedFailsAfterACrash() async throws {
        let store = try open()
        // Writes: the start, its step, the note that the call is about to be made, the outcome, which is lost.
        let crashing = CrashingStore(store, writes: 4, lastWriteIsDurable: false)
        let fake = FakeIntegration(isRepeatable: false)
        _ = try? await engine(crashing).running(fake) { engine in
            _ = try await engine.start(Self.task("aws-sdk:bakery:bake"))
            while !crashing.hasCrashed { try await Task.sleep(for: .milliseconds(1)) }
        }
        let record = try await engine(store).running(fake) { engine in
            try await engine.waitForEnd(executionARN: "arn:aws:states:us-east-1:123456789012:execution:m:e")
        }
        #expect(fake.starts.count == 1)
        #expect(record.error == "States.TaskFailed")
        #expect(record.cause == "outcome unknown")
    }
}
