import AWSProtocol
import BatchEngine
import BatchScheduling
import JSONModel
import ServiceKit
import StateStore
import Support

extension BatchService {
    func submitJob(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let record = try await engine.submit(try await submission(input, context))
        return [
            "jobArn": .string(record.arn.description), "jobName": .string(record.submission.name),
            "jobId": .string(record.id),
        ]
    }

    /// What a `SubmitJob` request asks for, with the definition's defaults applied.
    private func submission(_ input: Input, _ context: CallContext) async throws -> JobSubmission {
        let name = try input.requiredString("jobName")
        try checkName(name, "jobName")
        let queueName = try input.requiredString("jobQueue")
        try input.refuse(
            "nodeOverrides", "eksPropertiesOverride", "ecsPropertiesOverride", "consumableResourcePropertiesOverride")
        let definition = try await activeDefinition(try input.requiredString("jobDefinition"), context)
        guard let queue = try await queue(queueName, context) else {
            throw clientException("Job queue \(queueName) does not exist")
        }
        let defaults = Input(definition.details)
        guard let container = try defaults.nested("containerProperties") else {
            throw clientException("Job definition \(definition.name):\(definition.revision) has no containerProperties")
        }
        let overrides = try input.nested("containerOverrides")
        let parameters = merged(
            try JobShape.variables(try defaults.map("parameters"), "parameter"),
            try JobShape.variables(try input.map("parameters"), "parameter"))
        let command = try overrides?.strings("command") ?? container.strings("command") ?? []
        let tags = merged(
            try defaults.bool("propagateTags") == true ? try JobShape.variables(try defaults.map("tags"), "tag") : [],
            try JobShape.variables(try input.map("tags"), "tag"))
        var submission = JobSubmission(
            account: context.account, region: context.region, commandID: context.commandID, name: name,
            queue: queue.name, definition: "\(definition.name):\(definition.revision)",
            image: try container.requiredString("image"), command: JobShape.substitute(parameters, in: command),
            environment: merged(
                try JobShape.environment(container), try overrides.map(JobShape.environment) ?? []),
            demand: try JobShape.demand(container, overrides: overrides),
            retry: try JobShape.retry(try input.nested("retryStrategy")) ?? JobShape.retry(try defaults.nested("retryStrategy"))
                ?? RetryStrategy(),
            timeoutSeconds: try JobShape.timeout(try input.nested("timeout")) ?? JobShape.timeout(try defaults.nested("timeout")),
            priority: try input.int("schedulingPriorityOverride") ?? defaults.int("schedulingPriority") ?? 0,
            dependencies: try dependencies(input), parameters: parameters, tags: tags)
        if let array = try input.nested("arrayProperties"), let size = try array.int("size") {
            guard (2...10_000).contains(size) else {
                throw clientException("arrayProperties size \(size) must be between 2 and 10000")
            }
            submission.arraySize = size
        }
        submission.commitScope = context.commitScope
        var details: JSONObject = [:]
        for key in ["jobRoleArn", "executionRoleArn", "volumes", "mountPoints", "ulimits", "user", "privileged",
            "readonlyRootFilesystem", "instanceType", "linuxParameters", "logConfiguration", "secrets",
            "networkConfiguration", "fargatePlatformConfiguration", "runtimePlatform", "resourceRequirements"] {
            details[key] = container.object[key]
        }
        if let requirements = overrides?.object["resourceRequirements"] { details["resourceRequirements"] = requirements }
        submission.details = ["container": .object(details)]
        for key in ["shareIdentifier", "propagateTags"] { submission.details[key] = input.object[key] ?? defaults.object[key] }
        submission.details["platformCapabilities"] = defaults.object["platformCapabilities"]
        return submission
    }

    private func dependencies(_ input: Input) throws -> [JobDependency] {
        let list = try input.structures("dependsOn") ?? []
        guard list.count <= 20 else { throw clientException("A job can depend upon a maximum of 20 jobs") }
        return try list.map { entry in
            let type = try entry.string("type") ?? ""
            let id = try entry.string("jobId") ?? ""
            guard let kind = JobDependency.Kind(rawValue: type) else {
                throw clientException("dependsOn type \(type) must be one of N_TO_N | SEQUENTIAL")
            }
            if id.isEmpty, kind != .sequential { throw clientException("jobId is a required field (cannot be empty)") }
            return JobDependency(jobID: id, kind: kind)
        }
    }

    /// The later list's values win; its new names come last.
    private func merged(_ base: [EnvironmentVariable], _ overrides: [EnvironmentVariable]) -> [EnvironmentVariable] {
        var result = base
        for variable in overrides {
            if let index = result.firstIndex(where: { $0.name == variable.name }) {
                result[index] = variable
            } else {
                result.append(variable)
            }
        }
        return result
    }

    // MARK: - Reading

    func describeJobs(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let ids = try input.required("jobs", try input.strings("jobs"))
        guard ids.count <= 100 else { throw clientException("jobs must have at most 100 elements") }
        let records = try await engine.describe(try ids.map { try resourceName($0, "job", context) })
        return ["jobs": .array(records.filter { isVisible($0, context) }.map { .object(JobDetail.shape($0, context)) })]
    }

    func listJobs(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        try input.refuse("multiNodeJobId")
        let limit = min(max(1, try input.int("maxResults") ?? 100), 1000)
        var query = BatchJobQuery(scope: context.scope, limit: limit + 1)
        if let parent = try input.string("arrayJobId") {
            query.parent = parent
        } else if let name = try input.string("jobQueue") {
            guard let queue = try await queue(name, context) else { throw clientException("Job queue \(name) does not exist") }
            query.queue = queue.name
        } else {
            throw clientException("One of jobQueue, arrayJobId or multiNodeJobId must be given")
        }
        if let filters = try input.structures("filters"), !filters.isEmpty {
            for filter in filters { try apply(filter, to: &query) }
        } else {
            let text = try input.string("jobStatus") ?? "RUNNING"
            guard let status = JobStatus(rawValue: text) else {
                throw clientException("jobStatus \(text) must be one of \(JobStatus.allCases.map(\.rawValue).joined(separator: " | "))")
            }
            query.statuses = [status.rawValue]
        }
        if let token = try input.string("nextToken") {
            guard let before = Int64(token) else { throw clientException("Invalid nextToken: \(token)") }
            query.before = before
        }
        var records = try await engine.jobs(matching: query)
        var output: JSONObject = [:]
        if records.count > limit {
            records.removeLast(records.count - limit)
            output["nextToken"] = records.last.map { .string(String($0.sequence)) }
        }
        output["jobSummaryList"] = .array(records.map { .object(JobDetail.summary($0, context)) })
        return output
    }

    private func apply(_ filter: Input, to query: inout BatchJobQuery) throws {
        let name = try filter.requiredString("name")
        let values = try filter.strings("values") ?? []
        guard name == "JOB_NAME", values.count == 1, !values[0].hasSuffix("*") else {
            throw clientException("The filter \(name) with the values \(values) is not supported: only JOB_NAME with one whole name is.")
        }
        query.name = values[0]
    }

    private func isVisible(_ record: JobRecord, _ context: CallContext) -> Bool {
        record.submission.account == context.account && record.submission.region == context.region
    }

    // MARK: - Ending

    func cancelJob(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let (id, reason) = try await target(input, context)
        try await engine.cancel(id, reason: reason)
        return [:]
    }

    func terminateJob(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let (id, reason) = try await target(input, context)
        try await engine.terminate(id, reason: reason)
        return [:]
    }

    private func target(_ input: Input, _ context: CallContext) async throws -> (id: String, reason: String) {
        let id = try input.requiredString("jobId")
        let reason = try input.requiredString("reason")
        guard let record = try await engine.describe([id]).first, isVisible(record, context) else {
            throw clientException("Job \(id) does not exist")
        }
        return (id, reason)
    }
}
