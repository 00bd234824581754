package import BatchEngine
package import ServiceKit
package import StatesLanguage
package import Support
package import WorkflowEngine

/// Finds what performs a Task state's resource: a service of this server, or one elsewhere.
///
/// - `aws-sdk:<service>:<action>`: any operation of a service in `services`, else of one elsewhere.
/// - `glue:startJobRun`, `batch:submitJob`, each also with `.sync`.
/// - `states:startExecution`, also with `.sync` and `.sync:2`.
/// - `lambda:invoke` and a function's ARN: a local function, else one elsewhere.
/// - `sqs:sendMessage`, `sns:publish`, `events:putEvents`, and DynamoDB's `getItem`, `putItem`, `updateItem` and
///   `deleteItem`, and those that are one operation of another service, such as `ecs:runTask`: elsewhere.
///
/// All but Glue's, Batch's and DynamoDB's own forms also take `.waitForTaskToken`.
package struct ServiceIntegrations: IntegrationRegistry {
    private let sdk: SDKIntegration
    private let glue: GlueJobRunIntegration?
    private let batch: BatchJobIntegration?
    private let execution: StartExecutionIntegration?
    private let elsewhere: ForeignIntegration?
    private let lambda: LambdaIntegration?

    /// - Parameters:
    ///   - services: by signing name; `states` is also found as `sfn`, its name in the SDKs.
    ///   - jobs: runs the jobs of `batch` and `glue`; its completions are awaited in process.
    ///   - workflow: runs the executions of `states`; nil for a server without.
    ///   - foreign: services elsewhere; nil for a server that calls none.
    ///   - functions: Lambda functions that are programs of this machine.
    package init(
        services: [String: any JSONService], jobs: BatchEngine, workflow: WorkflowEngine? = nil,
        foreign: ForeignServices? = nil, functions: LocalFunctions? = nil, clock: any WallClock = SystemWallClock()
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
        elsewhere = foreign.map { ForeignIntegration(foreign: $0) }
        lambda = foreign.map { LambdaIntegration(local: functions, foreign: $0, clock: clock) }
    }

    package func integration(for resource: TaskResource) -> (any TaskIntegration)? {
        switch resource.kind {
        case .lambda: lambda
        case .activity: nil
        case .awsSDK:
            switch resource.pattern {
            case .sync, .sync2: nil
            case .requestResponse, .waitForTaskToken:
                if sdk.supports(resource) {
                    sdk
                } else if resource.service == "lambda", resource.action.lowercased() == "invoke" {
                    lambda
                } else {
                    elsewhere
                }
            }
        case .optimized:
            switch (resource.service, resource.action, resource.pattern) {
            case ("glue", "startJobRun", .requestResponse), ("glue", "startJobRun", .sync): glue
            case ("batch", "submitJob", .requestResponse), ("batch", "submitJob", .sync): batch
            case ("states", "startExecution", _): execution
            case ("lambda", "invoke", .requestResponse), ("lambda", "invoke", .waitForTaskToken): lambda
            case ("sqs", "sendMessage", .requestResponse), ("sqs", "sendMessage", .waitForTaskToken),
                ("sns", "publish", .requestResponse), ("sns", "publish", .waitForTaskToken),
                ("events", "putEvents", .requestResponse), ("events", "putEvents", .waitForTaskToken),
                ("dynamodb", "getItem", .requestResponse), ("dynamodb", "putItem", .requestResponse),
                ("dynamodb", "updateItem", .requestResponse), ("dynamodb", "deleteItem", .requestResponse):
                elsewhere
            default: resource.isPlainCall ? elsewhere : nil
            }
        }
    }
}
