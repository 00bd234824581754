import AWSProtocol
package import JSONModel
package import ServiceKit
package import ServiceModels
import StateStore
package import WorkflowEngine

/// AWS Step Functions: the operations on state machines and executions.
///
/// - Source: the service model of `states`; messages as the real service gives them.
package struct StatesService: JSONService {
    let engine: WorkflowEngine

    /// What mocked results are held to; nil when the machine has no models.
    let models: @Sendable () -> ServiceModels?

    /// The longest that a test of a state takes.
    let testSecondsMax: Int64

    /// - Source: TestState's documentation.
    package init(
        engine: WorkflowEngine, models: @escaping @Sendable () -> ServiceModels? = { ServiceModels.installed() },
        testSecondsMax: Int64 = 300
    ) {
        self.engine = engine
        self.models = models
        self.testSecondsMax = testSecondsMax
    }

    /// - Source: Step Functions, "Quotas", accounts: maximum request size.
    private static let requestBytesMax = 1 << 20

    package var name: String { "states" }
    package var wire: WireProtocol { .json10(targetPrefix: "AWSStepFunctions") }

    package func call(_ operation: String, _ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        do {
            if engine.hasAWSLimits, JSONValue.object(input).text.utf8.count > Self.requestBytesMax {
                throw AWSError("RequestEntityTooLargeException", "Request size exceeded 1048576 bytes", httpStatus: 413)
            }
            return try await perform(operation, OperationInput(input), context)
        } catch let error as WorkflowEngineError {
            throw AWSError(error)
        } catch let error as StateStoreError {
            throw AWSError(error)
        } catch is CancellationError {
            throw AWSError("ServiceUnavailable", "The server is shutting down.", httpStatus: 503)
        }
    }

    private func perform(
        _ operation: String, _ input: OperationInput, _ context: CallContext
    ) async throws -> JSONObject {
        switch operation {
        case "CreateStateMachine": try await createStateMachine(input, context)
        case "UpdateStateMachine": try await updateStateMachine(input, context)
        case "DescribeStateMachine": try await describeStateMachine(input)
        case "DescribeStateMachineForExecution": try await describeStateMachineForExecution(input)
        case "ListStateMachines": try await listStateMachines(input, context)
        case "DeleteStateMachine": try await deleteStateMachine(input)
        case "ValidateStateMachineDefinition": try validateStateMachineDefinition(input)
        case "TestState": try await testState(input, context)
        case "StartExecution": try await startExecution(input, context)
        case "StartSyncExecution": try await startSyncExecution(input, context)
        case "StopExecution": try await stopExecution(input)
        case "RedriveExecution": try await redriveExecution(input)
        case "DescribeExecution": try await describeExecution(input)
        case "ListExecutions": try await listExecutions(input, context)
        case "GetExecutionHistory": try await getExecutionHistory(input)
        case "PublishStateMachineVersion": try await publishStateMachineVersion(input)
        case "ListStateMachineVersions": try await listStateMachineVersions(input)
        case "DeleteStateMachineVersion": try await deleteStateMachineVersion(input)
        case "CreateStateMachineAlias": try await createStateMachineAlias(input, context)
        case "UpdateStateMachineAlias": try await updateStateMachineAlias(input, context)
        case "DescribeStateMachineAlias": try await describeStateMachineAlias(input)
        case "DeleteStateMachineAlias": try await deleteStateMachineAlias(input)
        case "ListStateMachineAliases": try await listStateMachineAliases(input)
        case "CreateActivity": try await createActivity(input, context)
        case "DescribeActivity": try await describeActivity(input)
        case "DeleteActivity": try await deleteActivity(input)
        case "ListActivities": try await listActivities(input, context)
        case "GetActivityTask": try await getActivityTask(input)
        case "SendTaskSuccess": try await sendTaskSuccess(input)
        case "SendTaskFailure": try await sendTaskFailure(input)
        case "SendTaskHeartbeat": try await sendTaskHeartbeat(input)
        case "DescribeMapRun": try await describeMapRun(input)
        case "ListMapRuns": try await listMapRuns(input)
        case "UpdateMapRun": try await updateMapRun(input)
        case "TagResource": try await tagResource(input)
        case "UntagResource": try await untagResource(input)
        case "ListTagsForResource": try await listTagsForResource(input)
        default: throw AWSError.unknownOperation(operation, service: name)
        }
    }
}

extension AWSError {
    fileprivate init(_ error: WorkflowEngineError) {
        switch error {
        case .stateMachineDoesNotExist(let arn):
            self.init("StateMachineDoesNotExist", "State Machine Does Not Exist: '\(arn)'")
        case .stateMachineDeleting(let arn):
            self.init("StateMachineDeleting", "State Machine Is Deleting: '\(arn)'")
        case .activityDoesNotExist(let arn):
            self.init("ActivityDoesNotExist", "Activity Does Not Exist: '\(arn)'")
        case .executionDoesNotExist(let arn):
            self.init("ExecutionDoesNotExist", "Execution Does Not Exist: '\(arn)'")
        case .mapRunDoesNotExist(let arn):
            self.init("ResourceNotFound", "Resource not found: '\(arn)'")
        case .executionAlreadyExists(let arn):
            self.init("ExecutionAlreadyExists", "Execution Already Exists: '\(arn)'")
        case .executionNotRedrivable(let reason):
            self.init("ExecutionNotRedrivable", reason)
        case .quotaExceeded(let quota): self.init(quota)
        case .taskDoesNotExist:
            self.init("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        }
    }

    /// - Source: the exceptions' documentation in the service model.
    private init(_ quota: WorkflowQuota) {
        switch quota {
        case .stateMachines:
            self.init(
                "StateMachineLimitExceeded",
                "The maximum number of state machines has been reached. Existing state machines must be deleted before a new state machine can be created.")
        case .activities:
            self.init(
                "ActivityLimitExceeded",
                "The maximum number of activities has been reached. Existing activities must be deleted before a new activity can be created.")
        case .executions:
            self.init(
                "ExecutionLimitExceeded",
                "The maximum number of running executions has been reached. Running executions must end or be stopped before a new execution can be started.")
        case .activityWorkers:
            self.init(
                "ActivityWorkerLimitExceeded",
                "The maximum number of workers concurrently polling for activity tasks has been reached.")
        case .versions, .aliases:
            self.init(
                "ServiceQuotaExceededException", "The request would cause a service quota to be exceeded.", httpStatus: 402)
        }
    }

    fileprivate init(_ error: StateStoreError) {
        switch error {
        case .tooManyWrites: self.init("ThrottlingException", "Rate exceeded")
        case .full, .readOnly, .closed: self.init("ServiceUnavailable", error.description, httpStatus: 503)
        default: self = .internalFailure(error.description)
        }
    }
}
