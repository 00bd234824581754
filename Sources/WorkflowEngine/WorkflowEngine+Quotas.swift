package import StateStore
package import StatesRuntime
import Synchronization

/// What the service allows an account or a machine, beside what it allows one execution.
/// - Source: Step Functions, "Quotas".
package enum WorkflowQuota: Sendable, Hashable {
    case stateMachines, activities, executions, activityWorkers, versions, aliases

    package var limit: Int {
        switch self {
        case .stateMachines, .activities: 100_000
        case .executions: 1_000_000
        case .activityWorkers, .versions: 1_000
        case .aliases: 100
        }
    }
}

/// How many executions may start before the running ones are counted again, by account and region.
struct ExecutionBudget {
    private var left: [String: Int] = [:]

    /// False if it is used up or unknown.
    mutating func take(_ key: String) -> Bool {
        guard let count = left[key], count > 0 else { return false }
        left[key] = count - 1
        return true
    }

    mutating func set(_ key: String, _ count: Int) { left[key] = count }
}

extension WorkflowEngine {
    /// Whether the service's quotas hold for everything.
    package var hasAWSLimits: Bool { configuration.hasAWSLimits }

    /// Whether the service's quotas hold for a machine's executions.
    package func hasAWSLimits(_ machine: StateMachineRecord) -> Bool { configuration.hasAWSLimits || machine.hasAWSLimits }

    func limits(of machine: StateMachineRecord) -> ExecutionLimits {
        hasAWSLimits(machine) ? .aws : configuration.limits
    }

    /// Throws if one more would be too many, where the service's quotas hold.
    /// - Throws: `WorkflowEngineError.quotaExceeded`.
    func checkQuota(_ quota: WorkflowQuota, _ subject: CountedRecords) async throws {
        guard configuration.hasAWSLimits, try await store.count(subject, limit: quota.limit) >= quota.limit else { return }
        throw WorkflowEngineError.quotaExceeded(quota)
    }

    /// Throws if as many executions run as the service allows. Counts only when as many have started as were free at the
    /// last count.
    func checkOpenExecutions(of machine: StateMachineRecord) async throws {
        guard configuration.hasAWSLimits else { return }
        let key = machine.account + machine.region
        if executionBudget.withLock({ $0.take(key) }) { return }
        let limit = WorkflowQuota.executions.limit
        let count = try await store.count(
            .runningExecutions(account: machine.account, region: machine.region), limit: limit)
        guard count < limit else { throw WorkflowEngineError.quotaExceeded(.executions) }
        executionBudget.withLock { $0.set(key, limit - count - 1) }
    }
}
