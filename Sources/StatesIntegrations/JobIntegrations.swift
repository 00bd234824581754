import AWSProtocol
import BatchEngine
import BatchScheduling
import JSONModel
import ServiceKit
import StateStore
import StatesLanguage
import Support
import WorkflowEngine

/// `batch:submitJob` and `batch:submitJob.sync`. The result of the latter is the job as DescribeJobs gives it; a job that
/// fails makes the task fail with `States.TaskFailed` and the same as its cause.
struct BatchJobIntegration: TaskIntegration {
    let batch: any JSONService
    let calls: ServiceCalls
    let jobs: BatchEngine

    private static let maps = MemberNames.maps(ofService: "batch")

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        let context = calls.context(of: call)
        let input = MemberNames.lowercased(call.parameters.object ?? [:], maps: Self.maps)
        do {
            let answer = try await batch.call("SubmitJob", input, context)
            let output = JSONValue.object(MemberNames.capitalized(answer, maps: Self.maps))
            guard call.resource.pattern == .sync else { return .succeeded(output) }
            return .submitted(output: output, handle: ["jobId": answer["jobId"] ?? nil])
        } catch let error as AWSError {
            return TaskFailure.optimized(
                error, service: "Batch", client: "AWSBatch", requestID: context.requestID).outcome
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        do {
            let id = handle["jobId"]?.string ?? ""
            let record = try await jobs.completion(ofJob: id)
            let answer = try await batch.call("DescribeJobs", ["jobs": [.string(id)]], calls.context(of: call))
            guard let detail = answer["jobs"]?[0]?.object else {
                return .failed(error: "States.TaskFailed", cause: "Job \(id) does not exist.")
            }
            let output = JSONValue.object(MemberNames.capitalized(detail, maps: Self.maps))
            return record.state.ending == .succeeded
                ? .succeeded(output) : .failed(error: "States.TaskFailed", cause: output.text)
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {
        let id = handle["jobId"]?.string ?? ""
        // A job that has ended meanwhile is as good as stopped.
        try? await jobs.terminate(id, reason: "The execution \(call.executionARN) was stopped.")
    }
}

/// `glue:startJobRun` and `glue:startJobRun.sync`. The result of the latter is the job run as GetJobRun gives it; a run
/// that does not succeed makes the task fail with `States.TaskFailed` and the same as its cause.
struct GlueJobRunIntegration: TaskIntegration {
    let glue: any JSONService
    let calls: ServiceCalls
    let jobs: BatchEngine

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        let context = calls.context(of: call)
        do {
            let input = call.parameters.object ?? [:]
            let answer = try await glue.call("StartJobRun", input, context)
            guard call.resource.pattern == .sync else { return .succeeded(.object(answer)) }
            return .submitted(
                output: .object(answer),
                handle: ["jobName": input["JobName"] ?? nil, "runId": answer["JobRunId"] ?? nil])
        } catch let error as AWSError {
            return TaskFailure.optimized(error, service: "Glue", client: "AWSGlue", requestID: context.requestID).outcome
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    /// A run may be followed by others under the job's MaxRetries, so the run's own state decides, not its process.
    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        let input: JSONObject = ["JobName": handle["jobName"] ?? nil, "RunId": handle["runId"] ?? nil]
        let scope = BatchScope(account: call.account, region: call.region)
        do {
            while true {
                let answer = try await glue.call("GetJobRun", input, calls.context(of: call))
                guard let run = answer["JobRun"], let state = run["JobRunState"]?.string else {
                    return .failed(error: "States.TaskFailed", cause: "GetJobRun gave no state.")
                }
                switch state {
                case "SUCCEEDED": return .succeeded(run)
                case "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED":
                    return .failed(error: "States.TaskFailed", cause: run.text)
                default: break
                }
                if let runID = handle["runId"]?.string,
                    let job = try await jobs.job(ofGlueRun: runID, in: scope), !job.status.isTerminal
                {
                    _ = try await jobs.completion(ofJob: job.id)
                } else {
                    // The run's record is about to follow its process, or its process is about to be there.
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        } catch let error as AWSError {
            return .failed(error: "States.TaskFailed", cause: error.description)
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {
        let input: JSONObject = ["JobName": handle["jobName"] ?? nil, "JobRunIds": [handle["runId"] ?? nil]]
        // A run that has ended meanwhile is as good as stopped.
        _ = try? await glue.call("BatchStopJobRun", input, calls.context(of: call))
    }
}
