import StatesLanguage
package import StatesRuntime
package import Support
import Synchronization

// Tests of single states, which leave no trace in the store.
extension WorkflowEngine {
    package var now: Timestamp { clock.now() }

    /// Makes the call of a tested state, once; its effect in other services is real.
    package func performOnce(_ start: TaskStart, account: String, region: String) async -> IntegrationOutcome {
        guard let integration = integrations.withLock({ $0 })?.integration(for: start.resource) else {
            return .failed(error: "States.Runtime", cause: Self.obstacle(start.resource))
        }
        let call = IntegrationCall(
            commandID: start.taskID, resource: start.resource, parameters: start.parameters,
            executionARN: start.taskID.split(separator: "#").first.map(String.init) ?? start.taskID,
            taskVisit: start.taskVisit, mapPath: start.mapPath, attempt: start.attempt, account: account, region: region)
        defer { integration.release(call) }
        return await integration.start(call)
    }
}
