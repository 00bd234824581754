import AWSProtocol
import BatchEngine
import JSONModel
import ServiceKit
import StateStore
import Support

extension BatchService {
    func createJobQueue(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("jobQueueName")
        try checkName(name, "jobQueueName")
        guard try await queue(name, context) == nil else { throw clientException("Job queue \(name) already exists") }
        let enabled = try checkedState(input) ?? true
        try input.refuse("serviceEnvironmentOrder")
        let priority = try input.required("priority", try input.int("priority"))
        guard let environments = try await environmentOrder(input, context) else {
            throw clientException("At least 1 compute environment must be provided")
        }
        var details: JSONObject = [:]
        for key in ["schedulingPolicyArn", "tags", "jobStateTimeLimitActions"] { details[key] = input.object[key] }
        let queue = JobQueue(
            scope: context.scope, name: name, isEnabled: enabled, priority: priority, environments: environments,
            details: details)
        _ = try await engine.change(.putQueue(queue))
        return identity(queue, context)
    }

    func describeJobQueues(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        var found: [JobQueue] = []
        if let names = try input.strings("jobQueues"), !names.isEmpty {
            for name in names { if let one = try await queue(name, context) { found.append(one) } }
        } else {
            found = try await engine.queues(in: context.scope)
        }
        let (items, token) = try page(found, input)
        var output: JSONObject = ["jobQueues": .array(items.map { .object(shape($0, context)) })]
        output["nextToken"] = token
        return output
    }

    func updateJobQueue(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("jobQueue")
        guard var queue = try await queue(name, context) else { throw clientException("Job queue \(name) does not exist") }
        guard BuiltIn.queue(queue.name, in: context.scope) == nil else { throw builtInError(queue.name) }
        if let enabled = try checkedState(input) { queue.isEnabled = enabled }
        if let priority = try input.int("priority") { queue.priority = priority }
        if let environments = try await environmentOrder(input, context) { queue.environments = environments }
        for key in ["schedulingPolicyArn", "jobStateTimeLimitActions"] {
            if let value = input.object[key] { queue.details[key] = value }
        }
        _ = try await engine.change(.putQueue(queue))
        return identity(queue, context)
    }

    func deleteJobQueue(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("jobQueue")
        guard let queue = try await queue(name, context) else { return [:] }
        guard BuiltIn.queue(queue.name, in: context.scope) == nil else { throw builtInError(queue.name) }
        _ = try await engine.change(.deleteQueue(queue))
        return [:]
    }

    /// By name or ARN.
    func queue(_ name: String, _ context: CallContext) async throws -> JobQueue? {
        let name = try resourceName(name, "job-queue", context)
        if let builtIn = BuiltIn.queue(name, in: context.scope) { return builtIn }
        return try await engine.queues(in: context.scope).first { $0.name == name }
    }

    func queueARN(_ name: String, _ context: CallContext) -> String {
        context.arn(service: "batch", resource: "job-queue/\(name)").description
    }

    /// The names in order; nil when the request names none.
    private func environmentOrder(_ input: Input, _ context: CallContext) async throws -> [String]? {
        guard let list = try input.structures("computeEnvironmentOrder"), !list.isEmpty else { return nil }
        var ordered: [(Int, String)] = []
        for entry in list {
            guard let order = try entry.int("order"), let name = try entry.string("computeEnvironment"),
                let environment = try await environment(name, context)
            else { throw clientException("computeEnvironmentOrder is malformed") }
            ordered.append((order, environment.name))
        }
        return ordered.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private func identity(_ queue: JobQueue, _ context: CallContext) -> JSONObject {
        ["jobQueueName": .string(queue.name), "jobQueueArn": .string(queueARN(queue.name, context))]
    }

    private func shape(_ queue: JobQueue, _ context: CallContext) -> JSONObject {
        var shape = identity(queue, context)
        shape["state"] = queue.isEnabled ? "ENABLED" : "DISABLED"
        shape["status"] = "VALID"
        shape["statusReason"] = "JobQueue Healthy"
        shape["priority"] = .number(queue.priority)
        shape["computeEnvironmentOrder"] = .array(
            queue.environments.enumerated().map { index, name in
                ["order": .number(index + 1), "computeEnvironment": .string(environmentARN(name, context))]
            })
        shape["tags"] = queue.details["tags"] ?? [:]
        for key in ["schedulingPolicyArn", "jobStateTimeLimitActions"] { shape[key] = queue.details[key] }
        return shape
    }

    // MARK: - Scheduling policies

    func createSchedulingPolicy(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("name")
        try checkName(name, "name")
        guard try await policy(policyARN(name, context), context) == nil else { throw clientException("Object already exists") }
        var details: JSONObject = [:]
        for key in ["fairsharePolicy", "tags"] { details[key] = input.object[key] }
        _ = try await engine.change(.putPolicy(SchedulingPolicy(scope: context.scope, name: name, details: details)))
        return ["name": .string(name), "arn": .string(policyARN(name, context))]
    }

    func describeSchedulingPolicies(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        var shapes: [JSONValue] = []
        for arn in try input.strings("arns") ?? [] {
            guard let policy = try await policy(arn, context) else { continue }
            shapes.append([
                "name": .string(policy.name), "arn": .string(policyARN(policy.name, context)),
                "fairsharePolicy": policy.details["fairsharePolicy"] ?? [:], "tags": policy.details["tags"] ?? [:],
            ])
        }
        return ["schedulingPolicies": .array(shapes)]
    }

    func listSchedulingPolicies(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let (items, token) = try page(try await engine.policies(in: context.scope), input)
        var output: JSONObject = [
            "schedulingPolicies": .array(items.map { ["arn": .string(policyARN($0.name, context))] })
        ]
        output["nextToken"] = token
        return output
    }

    func updateSchedulingPolicy(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let arn = try input.requiredString("arn")
        guard var policy = try await policy(arn, context) else {
            throw clientException("Scheduling policy \(arn) does not exist")
        }
        if let fairshare = input.object["fairsharePolicy"] { policy.details["fairsharePolicy"] = fairshare }
        _ = try await engine.change(.putPolicy(policy))
        return [:]
    }

    func deleteSchedulingPolicy(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        if let policy = try await policy(try input.requiredString("arn"), context) {
            _ = try await engine.change(.deletePolicy(policy))
        }
        return [:]
    }

    func policy(_ arn: String, _ context: CallContext) async throws -> SchedulingPolicy? {
        let name = try resourceName(arn, "scheduling-policy", context)
        return try await engine.policies(in: context.scope).first { $0.name == name }
    }

    private func policyARN(_ name: String, _ context: CallContext) -> String {
        context.arn(service: "batch", resource: "scheduling-policy/\(name)").description
    }

    // MARK: - Common

    func checkedState(_ input: Input) throws -> Bool? {
        guard let state = try input.string("state") else { return nil }
        guard ["ENABLED", "DISABLED"].contains(state) else {
            throw clientException("state \(state) must be one of ENABLED | DISABLED")
        }
        return state == "ENABLED"
    }

    /// The name in an ARN of this account and region; what is no ARN is a name already. An ARN of elsewhere or of
    /// something else gives a name that nothing has.
    func resourceName(_ text: String, _ type: String, _ context: CallContext) throws -> String {
        guard text.hasPrefix("arn:") else { return text }
        guard let arn = ARN(text), arn.service == "batch", arn.account == context.account,
            arn.region == context.region, arn.resource.hasPrefix(type + "/")
        else { return text }
        return String(arn.resource.dropFirst(type.count + 1))
    }

    func builtInError(_ name: String) -> AWSError { clientException("\(name) is built in and cannot be changed") }
}
