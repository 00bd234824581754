import BatchScheduling
import StateStore

/// A change of what jobs run in. Built-in queues and environments cannot be changed.
package enum ResourceChange: Sendable {
    /// Adds or replaces.
    case putEnvironment(ComputeEnvironment)
    case deleteEnvironment(ComputeEnvironment)
    case putQueue(JobQueue)
    /// Terminates the queue's jobs, too.
    case deleteQueue(JobQueue)
    /// Gets the next revision of its name.
    case register(JobDefinition)
    /// Replaces the revision.
    case putDefinition(JobDefinition)
    case putPolicy(SchedulingPolicy)
    case deletePolicy(SchedulingPolicy)
}

extension BatchEngine {
    /// - Returns: the revision of a registered definition, else 0.
    func apply(_ change: ResourceChange, _ step: inout EngineStep) async throws -> Int {
        switch change {
        case .putEnvironment(let environment):
            step.resources.append(environment.row)
            scheduler.set(environment.setting)
        case .deleteEnvironment(let environment):
            step.deletedResources.append(environment.row)
            scheduler.removeEnvironment(environment.setting.key)
        case .putQueue(let queue):
            step.resources.append(queue.row)
            scheduler.set(queue.setting)
        case .deleteQueue(let queue):
            step.deletedResources.append(queue.row)
            let open = scheduler.jobs.values.filter { $0.queue == queue.setting.key && $0.parent == nil }
            for job in open.sorted(by: { $0.sequence < $1.sequence }) {
                step.apply(.terminateRequested(jobID: job.id, reason: "Job queue \(queue.name) was deleted."), to: &scheduler)
            }
            scheduler.removeQueue(queue.setting.key)
        case .register(var definition):
            let stored = try await store.lastRevision(.jobDefinition, name: definition.name, in: definition.scope)
            let here = step.resources.filter {
                $0.kind == .jobDefinition && $0.scope == definition.scope && $0.name == definition.name
            }
            definition.revision = Int(truncatingIfNeeded: max(stored, here.map(\.revision).max() ?? 0)) + 1
            step.resources.append(definition.row)
            return definition.revision
        case .putDefinition(let definition): step.resources.append(definition.row)
        case .putPolicy(let policy): step.resources.append(policy.row)
        case .deletePolicy(let policy): step.deletedResources.append(policy.row)
        }
        step.apply(.settingsChanged, to: &scheduler)
        return 0
    }
}
