package import BatchEngine
import BatchScheduling
package import JSONModel
package import ServiceKit
import Support

/// Batch's shapes `JobDetail` and `JobSummary`. Times are milliseconds since 1970.
package enum JobDetail {
    package static func shape(_ record: JobRecord, _ context: CallContext) -> JSONObject {
        let submission = record.submission
        let state = record.state
        var shape: JSONObject = [
            "jobArn": .string(record.arn.description), "jobName": .string(submission.name), "jobId": .string(record.id),
            "jobQueue": arn("job-queue/\(submission.queue)", context), "status": .string(state.status.rawValue),
            "attempts": .array(
                state.attempts.filter { $0.statusReason != nil }.map { attempt($0, record, context) }),
            "createdAt": .number(state.createdAt.millisecondsSince1970),
            "retryStrategy": retry(submission.retry),
            "dependsOn": .array(submission.dependencies.map(dependency)),
            "jobDefinition": arn("job-definition/\(submission.definition)", context),
            "parameters": map(submission.parameters), "tags": map(submission.tags),
            "platformCapabilities": submission.details["platformCapabilities"] ?? [],
            "eksAttempts": [], "isCancelled": .bool(state.isCancelled), "isTerminated": .bool(state.isTerminated),
        ]
        shape["statusReason"] = state.statusReason.map { .string($0) }
        shape["startedAt"] = state.startedAt.map { .number($0.millisecondsSince1970) }
        shape["stoppedAt"] = state.stoppedAt.map { .number($0.millisecondsSince1970) }
        shape["timeout"] = submission.timeoutSeconds.map { ["attemptDurationSeconds": .number($0)] }
        if submission.priority != 0 { shape["schedulingPriority"] = .number(submission.priority) }
        for key in ["shareIdentifier", "propagateTags"] { shape[key] = submission.details[key] }
        shape["arrayProperties"] = array(record)
        shape["glueRunId"] = glueRun(record)
        shape["container"] = .object(container(record, context))
        return shape
    }

    package static func summary(_ record: JobRecord, _ context: CallContext) -> JSONObject {
        let state = record.state
        var summary: JSONObject = [
            "jobArn": .string(record.arn.description), "jobId": .string(record.id),
            "jobName": .string(record.submission.name), "createdAt": .number(state.createdAt.millisecondsSince1970),
            "status": .string(state.status.rawValue),
            "jobDefinition": arn("job-definition/\(record.submission.definition)", context),
        ]
        summary["statusReason"] = state.statusReason.map { .string($0) }
        summary["startedAt"] = state.startedAt.map { .number($0.millisecondsSince1970) }
        summary["stoppedAt"] = state.stoppedAt.map { .number($0.millisecondsSince1970) }
        var container: JSONObject = [:]
        container["exitCode"] = state.attempts.last?.exitCode.map { .number($0) }
        container["reason"] = state.attempts.last?.reason.map { .string($0) }
        if !container.isEmpty { summary["container"] = .object(container) }
        summary["arrayProperties"] = array(record)
        // Not members of the service model, for the console and the command line: what the job last said of itself, and
        // the Glue job run that it is.
        summary["progress"] = record.progress.map(progress)
        summary["glueRunId"] = glueRun(record)
        return summary
    }

    private static func glueRun(_ record: JobRecord) -> JSONValue? {
        if case .glue(_, let run) = record.submission.kind { .string(run) } else { nil }
    }

    private static func progress(_ progress: JobProgress) -> JSONValue {
        var shape: JSONObject = ["attempt": .number(progress.attempt)]
        shape["rowsRead"] = progress.rowsRead.map { .number($0) }
        shape["rowsWritten"] = progress.rowsWritten.map { .number($0) }
        shape["bytesRead"] = progress.bytesRead.map { .number($0) }
        shape["bytesWritten"] = progress.bytesWritten.map { .number($0) }
        shape["stage"] = progress.stage.map { .string($0) }
        shape["message"] = progress.message.map { .string($0) }
        return .object(shape)
    }

    private static func container(_ record: JobRecord, _ context: CallContext) -> JSONObject {
        let submission = record.submission
        var shape: JSONObject = ["image": .string(submission.image)]
        let details = submission.details["container"]?.object ?? [:]
        // A job described by resource requirements shows these, an older one its own members.
        if let requirements = details["resourceRequirements"], requirements.array?.isEmpty == false {
            shape["resourceRequirements"] = requirements
        } else {
            shape["vcpus"] = .number((submission.demand.milliCPUs + 999) / 1000)
            shape["memory"] = .number(submission.demand.memoryMiB)
            shape["resourceRequirements"] = []
        }
        shape["command"] = .array(submission.command.map { .string($0) })
        shape["environment"] = .array(
            submission.environment.map { ["name": .string($0.name), "value": .string($0.value)] })
        for key in ["volumes", "mountPoints", "ulimits", "secrets"] { shape[key] = details[key] ?? [] }
        shape["networkInterfaces"] = []
        for (key, value) in details where shape[key] == nil { shape[key] = value }
        if let attempt = record.state.attempts.last {
            shape["exitCode"] = attempt.exitCode.map { .number($0) }
            shape["reason"] = attempt.reason.map { .string($0) }
            shape["logStreamName"] = .string(record.logStreamName(attempt: attempt.number))
            shape["taskArn"] = taskARN(record, attempt.number, context)
        }
        return shape
    }

    private static func attempt(_ attempt: JobAttempt, _ record: JobRecord, _ context: CallContext) -> JSONValue {
        var container: JSONObject = [
            "logStreamName": .string(record.logStreamName(attempt: attempt.number)), "networkInterfaces": [],
            "taskArn": taskARN(record, attempt.number, context),
        ]
        container["exitCode"] = attempt.exitCode.map { .number($0) }
        container["reason"] = attempt.reason.map { .string($0) }
        var shape: JSONObject = ["container": .object(container)]
        shape["startedAt"] = attempt.startedAt.map { .number($0.millisecondsSince1970) }
        shape["stoppedAt"] = attempt.stoppedAt.map { .number($0.millisecondsSince1970) }
        shape["statusReason"] = attempt.statusReason.map { .string($0) }
        return .object(shape)
    }

    private static func taskARN(_ record: JobRecord, _ attempt: Int, _ context: CallContext) -> JSONValue {
        let environment = record.environmentName ?? BuiltIn.environmentName
        let task = LogStreams.identifier(jobID: record.id, attempt: attempt)
        return .string(context.arn(service: "ecs", resource: "task/AWSBatch-\(environment)/\(task)").description)
    }

    private static func array(_ record: JobRecord) -> JSONValue? {
        if let index = record.arrayIndex { return ["index": .number(index)] }
        guard let size = record.submission.arraySize else { return nil }
        var shape: JSONObject = ["size": .number(size)]
        if let counts = record.arraySummary {
            shape["statusSummary"] = .object(
                JSONObject(JobStatus.allCases.map { ($0.rawValue, .number(counts[$0] ?? 0)) }))
        }
        return .object(shape)
    }

    private static func retry(_ strategy: RetryStrategy) -> JSONValue {
        [
            "attempts": .number(strategy.attempts),
            "evaluateOnExit": .array(
                strategy.evaluateOnExit.map { rule in
                    var shape: JSONObject = [:]
                    shape["onStatusReason"] = rule.onStatusReason.map { .string($0) }
                    shape["onReason"] = rule.onReason.map { .string($0) }
                    shape["onExitCode"] = rule.onExitCode.map { .string($0) }
                    shape["action"] = .string(rule.action.rawValue)
                    return .object(shape)
                }),
        ]
    }

    private static func dependency(_ dependency: JobDependency) -> JSONValue {
        var shape: JSONObject = [:]
        if !dependency.jobID.isEmpty { shape["jobId"] = .string(dependency.jobID) }
        if dependency.kind != .whole { shape["type"] = .string(dependency.kind.rawValue) }
        return .object(shape)
    }

    private static func map(_ variables: [EnvironmentVariable]) -> JSONValue {
        .object(JSONObject(variables.map { ($0.name, .string($0.value)) }))
    }

    private static func arn(_ resource: String, _ context: CallContext) -> JSONValue {
        .string(context.arn(service: "batch", resource: resource).description)
    }
}
