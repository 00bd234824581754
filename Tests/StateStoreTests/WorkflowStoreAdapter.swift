import SimulationKit
import StateStore
import Testing

/// The adapters of `WorkflowStore` that the tests of the port run with.
struct WorkflowStoreAdapter: Sendable {
    /// Opens the store of a directory.
    let open: @Sendable (_ directory: String) throws -> any WorkflowStore

    @TaskLocal static var current = WorkflowStoreAdapter { try SQLiteStateStore(path: $0 + "/state.sqlite") }

    struct Each: SuiteTrait, TestTrait, TestScoping {
        var isRecursive: Bool { true }

        func provideScope(
            for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
        ) async throws {
            try await function()
            guard testCase != nil else { return }
            try await withoutActuallyEscaping(function) { function in
                try SimulatedScheduler.run(seed: 1) { scheduler in
                    let journal = SimulatedJournal(scheduler: scheduler, seed: 1)
                    let adapter = WorkflowStoreAdapter { _ in journal.open() }
                    try await WorkflowStoreAdapter.$current.withValue(adapter) { try await function() }
                }
            }
        }
    }
}

extension Trait where Self == WorkflowStoreAdapter.Each {
    static var eachAdapter: Self { Self() }
}
