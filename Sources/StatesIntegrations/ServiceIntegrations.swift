package import BatchEngine
package import ServiceKit
package import StatesLanguage
package import Support
package import WorkflowEngine

/// Finds what performs a Task state's resource among the services of this server.
///
/// - `aws-sdk:<service>:<action>`: any operation of a service in `services`.
/// - `glue:startJobRun`, `batch:submitJob`, each also with `.sync`.
/// - `states:startExecution`, also with `.sync` and `.sync:2`.
package struct ServiceIntegrations: IntegrationRegistry {
    private let sdk: SDKIntegration
    private let glue: GlueJobRunIntegration?
    private let batch: BatchJobIntegration?
    private let execution: StartExecutionIntegration?

    /// - Parameter services: by signing name; `states` is also found as `sfn`, its name in the SDKs.
    /// - Parameter jobs: runs the jobs of `batch` and `glue`; its completions are awaited in process.
    /// - Parameter workflow: runs the executions of `states`; nil for a server without.
    package init(
        services: [String: any JSONService], jobs: BatchEngine, workflow: WorkflowEngine? = nil,
        clock: any WallClock = SystemWallClock()
    ) {
        let calls = ServiceCalls(services: services, clock: clock)
        sdk = SDKIntegration(calls: calls)
        glue = services["glue"].map { GlueJobRunIntegration(glue: $0, calls: calls, jobs: jobs) }
        batch = services["batch"].map { BatchJobIntegration(batch: $0, calls: calls, jobs: jobs) }
        execution =
            if let states = services["states"], let workflow {
                StartExecutionIntegration(states: states, workflow: workflow, calls: calls)
            } else {
                nil
            }
    }

    package func integration(for resource: TaskResource) -> (any TaskIntegration)? {
        switch resource.kind {
        case .awsSDK:
            // These wait for nothing but the answer; a task token needs a service that gives it to somebody.
            resource.pattern == .requestResponse && sdk.supports(resource) ? sdk : nil
        case .optimized:
            switch (resource.service, resource.action, resource.pattern) {
            case ("glue", "startJobRun", .requestResponse), ("glue", "startJobRun", .sync): glue
            case ("states", "startExecution", .requestResponse), ("states", "startExecution", .sync),
                ("states", "startExecution", .sync2): execution
            case ("batch", "submitJob", .requestResponse), ("batch", "submitJob", .sync): batch
            default: nil
            }
        case .activity, .lambda: nil
        }
    }
}
