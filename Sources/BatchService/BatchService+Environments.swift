import BatchEngine
import JSONModel
import ServiceKit
import StateStore
import Support

extension BatchService {
    func createComputeEnvironment(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("computeEnvironmentName")
        try checkName(name, "computeEnvironmentName")
        guard try await environment(name, context) == nil else { throw clientException("Object already exists") }
        let type = try input.requiredString("type")
        guard ["MANAGED", "UNMANAGED"].contains(type) else {
            throw clientException("type \(type) must be one of MANAGED | UNMANAGED")
        }
        let enabled = try checkedState(input) ?? true
        try input.refuse("eksConfiguration")
        let resources = try input.nested("computeResources")
        var limit: Int?
        if type == "MANAGED" {
            guard let resources else {
                throw clientException("computeResources must be specified when creating a MANAGED environment")
            }
            limit = try milliCPUs(resources)
        }
        var details: JSONObject = ["type": .string(type), "uuid": .string(randomUUIDText())]
        for key in ["computeResources", "serviceRole", "tags", "unmanagedvCpus", "context"] {
            details[key] = input.object[key]
        }
        let environment = ComputeEnvironment(
            scope: context.scope, name: name, isEnabled: enabled, milliCPUsMax: limit, details: details)
        _ = try await engine.change(.putEnvironment(environment))
        return identity(environment, context)
    }

    func describeComputeEnvironments(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        var found: [ComputeEnvironment] = []
        if let names = try input.strings("computeEnvironments"), !names.isEmpty {
            for name in names { if let one = try await environment(name, context) { found.append(one) } }
        } else {
            found = try await engine.environments(in: context.scope)
        }
        let (items, token) = try page(found, input)
        var output: JSONObject = ["computeEnvironments": .array(items.map { .object(shape($0, context)) })]
        output["nextToken"] = token
        return output
    }

    func updateComputeEnvironment(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("computeEnvironment")
        var environment = try await existingEnvironment(name, context)
        if let enabled = try checkedState(input) { environment.isEnabled = enabled }
        if let update = try input.nested("computeResources") {
            var resources = environment.details["computeResources"]?.object ?? [:]
            for (key, value) in update.object { resources[key] = value }
            environment.details["computeResources"] = .object(resources)
            environment.milliCPUsMax = try milliCPUs(Input(resources))
        }
        for key in ["serviceRole", "unmanagedvCpus", "context", "updatePolicy"] {
            if let value = input.object[key] { environment.details[key] = value }
        }
        _ = try await engine.change(.putEnvironment(environment))
        return identity(environment, context)
    }

    func deleteComputeEnvironment(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("computeEnvironment")
        guard let environment = try await environment(name, context) else { return [:] }
        guard environment.name != BuiltIn.environmentName else { throw builtInError(environment.name) }
        let users = try await engine.queues(in: context.scope).filter { $0.environments.contains(environment.name) }
        guard users.isEmpty else { throw clientException("Cannot delete, found existing JobQueue relationship") }
        _ = try await engine.change(.deleteEnvironment(environment))
        return [:]
    }

    /// By name or ARN.
    func environment(_ name: String, _ context: CallContext) async throws -> ComputeEnvironment? {
        let name = try resourceName(name, "compute-environment", context)
        if name == BuiltIn.environmentName { return BuiltIn.environment(in: context.scope) }
        return try await engine.environments(in: context.scope).first { $0.name == name }
    }

    private func existingEnvironment(_ name: String, _ context: CallContext) async throws -> ComputeEnvironment {
        guard let environment = try await environment(name, context) else {
            throw clientException("Compute environment \(name) does not exist")
        }
        guard environment.name != BuiltIn.environmentName else { throw builtInError(environment.name) }
        return environment
    }

    private func milliCPUs(_ resources: Input) throws -> Int {
        guard let max = try resources.int("maxvCpus") else { throw clientException("maxvCpus is a required field (cannot be null)") }
        guard max >= 0, max <= 1_000_000 else { throw clientException("maxVCpus must be positive") }
        if let min = try resources.int("minvCpus") {
            guard min >= 0 else { throw clientException("minvCpus must be positive") }
            guard max >= min else { throw clientException("maxVCpus must be greater than minvCpus") }
        }
        return max * 1000
    }

    private func identity(_ environment: ComputeEnvironment, _ context: CallContext) -> JSONObject {
        [
            "computeEnvironmentName": .string(environment.name),
            "computeEnvironmentArn": .string(environmentARN(environment.name, context)),
        ]
    }

    func environmentARN(_ name: String, _ context: CallContext) -> String {
        context.arn(service: "batch", resource: "compute-environment/\(name)").description
    }

    private func shape(_ environment: ComputeEnvironment, _ context: CallContext) -> JSONObject {
        let details = environment.details
        var shape = identity(environment, context)
        let uuid = details["uuid"]?.string ?? environment.name
        shape["ecsClusterArn"] = .string(
            context.arn(service: "ecs", resource: "cluster/AWSBatch-\(environment.name)-\(uuid)").description)
        shape["type"] = details["type"] ?? "UNMANAGED"
        shape["state"] = environment.isEnabled ? "ENABLED" : "DISABLED"
        shape["status"] = "VALID"
        shape["statusReason"] = "ComputeEnvironment Healthy"
        shape["tags"] = details["tags"] ?? [:]
        for key in ["computeResources", "serviceRole", "unmanagedvCpus", "updatePolicy", "context"] {
            shape[key] = details[key]
        }
        shape["containerOrchestrationType"] = "ECS"
        if details["uuid"] != nil { shape["uuid"] = .string(uuid) }
        return shape
    }
}
