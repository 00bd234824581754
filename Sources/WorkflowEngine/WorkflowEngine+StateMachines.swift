package import StateStore
import Synchronization

extension WorkflowEngine {
    /// Machines kept in memory; with more the memory is emptied.
    private static let cachedMachinesMax = 4096

    /// Stores a new machine, or returns the one that holds the ARN already.
    package func createStateMachine(
        _ record: StateMachineRecord, tags: [(key: String, value: String)]
    ) async throws -> StateMachineRecord? {
        try await checkQuota(.stateMachines, .stateMachines(account: record.account, region: record.region))
        return try await store.createStateMachine(record, tags: tags)
    }

    /// - Throws: `WorkflowEngineError.stateMachineDoesNotExist`.
    package func stateMachine(arn: String) async throws -> StateMachineRecord {
        let (known, generation) = machines.withLock { ($0.records[arn], $0.generation) }
        if let known { return known }
        guard let record = try await store.stateMachine(arn: arn) else {
            throw WorkflowEngineError.stateMachineDoesNotExist(arn: arn)
        }
        if record.status == .active {
            machines.withLock { machines in
                // What was read before a change is not kept.
                guard machines.generation == generation else { return }
                if machines.records.count >= Self.cachedMachinesMax { machines.records = [:] }
                machines.records[arn] = record
            }
        }
        return record
    }

    private func machineChanged(_ arn: String) {
        machines.withLock { machines in
            machines.generation += 1
            machines.records[arn] = nil
        }
    }

    /// A machine that may be started.
    /// - Throws: `WorkflowEngineError.stateMachineDoesNotExist`, `.stateMachineDeleting`.
    package func startableStateMachine(arn: String) async throws -> StateMachineRecord {
        let record = try await stateMachine(arn: arn)
        guard record.status == .active else { throw WorkflowEngineError.stateMachineDeleting(arn: arn) }
        return record
    }

    /// Replaces a machine's record. Running executions keep the definition they started with.
    /// - Throws: `WorkflowEngineError.stateMachineDoesNotExist`.
    package func updateStateMachine(_ record: StateMachineRecord) async throws {
        defer { machineChanged(record.arn) }
        guard try await store.updateStateMachine(record) else {
            throw WorkflowEngineError.stateMachineDoesNotExist(arn: record.arn)
        }
    }

    /// Removes a machine, once its running executions are over. Their records stay. One that is missing stays missing.
    package func deleteStateMachine(arn: String) async throws {
        defer { machineChanged(arn) }
        try await store.deleteStateMachine(arn: arn)
    }

    /// Whether executions can log into a group of that name.
    package func hasLogGroup(account: String, region: String, name: String) async throws -> Bool {
        try await logs?.logGroup(account: account, region: region, name: name) != nil
    }

    package func stateMachines(
        account: String, region: String, after arn: String?, limit: Int
    ) async throws -> [StateMachineRecord] {
        try await store.stateMachines(account: account, region: region, after: arn, limit: limit)
    }

    package func tags(ofResource arn: String) async throws -> [(key: String, value: String)] {
        try await store.tags(ofResource: arn)
    }

    package func changeTags(
        ofResource arn: String, set: [(key: String, value: String)], remove: [String]
    ) async throws {
        defer { machineChanged(arn) }
        try await store.changeTags(ofResource: arn, set: set, remove: remove)
    }
}
