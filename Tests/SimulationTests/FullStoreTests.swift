import JSONModel
import Logging
import SimulationKit
import StateStore
import StatesLanguage
import StatesRuntime
import Support
import Testing
import WorkflowEngine

/// What happens to commands while the store refuses writes.
@Suite struct FullStoreTests {
    /// Runs a machine of one task that nobody answers, until its outbox is empty or two minutes are over.
    /// - Parameter refuses: whether a write is refused, by the operation's name.
    /// - Returns: how often the task was called, and how many commands are left.
    private func run(
        _ resource: String, refuses: @escaping @Sendable (_ operation: String, _ count: Int) -> Bool
    ) throws -> (calls: Int, left: Int) {
        final class Result: @unchecked Sendable {
            // Unchecked: one thread runs the test, and what it waits for.
            var calls = 0, left = 0
        }
        let result = Result()
        try SimulatedScheduler.run(seed: 1) { scheduler in
            let journal = SimulatedJournal(scheduler: scheduler, seed: 1)
            var counts: [String: Int] = [:]
            journal.refuses = { operation in
                counts[operation, default: 0] += 1
                return refuses(operation, counts[operation] ?? 0)
            }
            var configuration = WorkflowEngine.Configuration()
            configuration.executor = scheduler
            let store = journal.open()
            let engine = WorkflowEngine(store: store, clock: scheduler, configuration: configuration)
            let running = Task(executorPreference: scheduler) {
                try await engine.run(Silent { result.calls += 1 })
            }
            let machine = StateMachineRecord(
                arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m", account: "123456789012",
                region: "us-east-1", name: "m", type: "STANDARD",
                definition: """
                    {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "\(resource)", "TimeoutSeconds": 2,
                        "Parameters": {"MessageBody": {"token.$": "$$.Task.Token"}, "QueueUrl": "q"}, "End": true}}}
                    """.replacing("$$.Task.Token", with: resource.hasSuffix("Token") ? "$$.Task.Token" : "$$.Execution.Id"),
                roleArn: "arn:aws:iam::123456789012:role/r", createdAt: scheduler.now())
            _ = try await engine.startExecution(
                StartExecutionRequest(
                    executionArn: "arn:aws:states:us-east-1:123456789012:execution:m:e", name: "e",
                    stateMachine: machine, input: try Payload(parsing: "{}")))
            for _ in 0..<120 {
                try await scheduler.sleep(for: .seconds(1))
                result.left = try await store.commands(after: nil, limit: 10).count
                if result.left == 0 { break }
            }
            running.cancel()
            try await running.value
        }
        return (result.calls, result.left)
    }

    @Test func aFinishedCommandLeavesTheOutboxOnceThereIsRoom() throws {
        let (calls, left) = try run("arn:aws:states:::sqs:sendMessage.waitForTaskToken") { operation, count in
            operation.hasPrefix("removeCommand") && count <= 3
        }
        #expect(calls == 1)
        #expect(left == 0)
    }

    @Test func aCallThatCouldNotBeNotedIsNotMadeOnceItIsCancelled() throws {
        let (calls, left) = try run("arn:aws:states:::aws-sdk:sqs:sendMessage") { operation, count in
            operation.hasPrefix("setProgress") && count <= 4
        }
        #expect(calls == 0)
        #expect(left == 0)
    }
}

/// An integration whose calls must not be repeated, and whose work never ends.
private struct Silent: IntegrationRegistry, TaskIntegration {
    let onCall: @Sendable () -> Void

    func integration(for resource: TaskResource) -> (any TaskIntegration)? { self }
    func isRepeatable(_ call: IntegrationCall) -> Bool { call.resource.pattern != .requestResponse }
    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        onCall()
        return .succeeded([:])
    }
    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        .failed(error: "Never", cause: nil)
    }
    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {}
}
