import SimulationKit
import StateStore
import Testing

/// The adapters of `WorkflowStore` that the tests of the port run with.
enum WorkflowStoreAdapter {
    @TaskLocal static var make: @Sendable (_ directory: String) throws -> any WorkflowStore = { directory in
        try SQLiteStateStore(path: directory + "/state.sqlite")
    }

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
                    try await WorkflowStoreAdapter.$make.withValue({ _ in journal.open() }) { try await function() }
                }
            }
        }
    }
}

extension Trait where Self == WorkflowStoreAdapter.Each {
    static var eachAdapter: Self { Self() }
}
