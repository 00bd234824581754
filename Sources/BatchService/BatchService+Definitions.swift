import AWSProtocol
import BatchEngine
import JSONModel
import ServiceKit
import StateStore
import Support

extension BatchService {
    private static let detailKeys = [
        "type", "parameters", "schedulingPriority", "containerProperties", "retryStrategy", "propagateTags", "timeout",
        "tags", "platformCapabilities",
    ]

    func registerJobDefinition(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("jobDefinitionName")
        try checkName(name, "jobDefinitionName")
        let type = try input.requiredString("type")
        guard type == "container" else {
            throw clientException("Job definition type \(type) is not supported: only container is.")
        }
        try input.refuse("nodeProperties", "eksProperties", "ecsProperties", "consumableResourceProperties")
        guard let container = try input.nested("containerProperties") else {
            throw clientException("containerProperties must be provided for container jobs")
        }
        _ = try container.requiredString("image")
        // Reads all that a submission will, so that a definition is refused here rather than there.
        _ = try JobShape.demand(container, overrides: nil)
        _ = try JobShape.environment(container)
        _ = try container.strings("command")
        _ = try JobShape.retry(try input.nested("retryStrategy"))
        _ = try JobShape.timeout(try input.nested("timeout"))
        var details: JSONObject = [:]
        for key in Self.detailKeys { details[key] = input.object[key] }
        let definition = JobDefinition(scope: context.scope, name: name, revision: 0, isActive: true, details: details)
        let revision = try await engine.change(.register(definition))
        return [
            "jobDefinitionName": .string(name), "jobDefinitionArn": .string(definitionARN("\(name):\(revision)", context)),
            "revision": .number(revision),
        ]
    }

    func deregisterJobDefinition(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let name = try input.requiredString("jobDefinition")
        let reference = try resourceName(name, "job-definition", context)
        guard var definition = try await engine.definitions(in: context.scope).last(where: {
            "\($0.name):\($0.revision)" == reference || $0.name == reference && $0.isActive
        }) else { throw clientException("Job definition \(name) does not exist") }
        definition.isActive = false
        _ = try await engine.change(.putDefinition(definition))
        return [:]
    }

    func describeJobDefinitions(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        var found = try await engine.definitions(in: context.scope)
        if let names = try input.strings("jobDefinitions"), !names.isEmpty {
            let wanted = Set(try names.map { try resourceName($0, "job-definition", context) })
            found = found.filter { wanted.contains($0.name) || wanted.contains("\($0.name):\($0.revision)") }
        } else if let name = try input.string("jobDefinitionName") {
            found = found.filter { $0.name == name }
        }
        if let status = try input.string("status") { found = found.filter { ($0.isActive ? "ACTIVE" : "INACTIVE") == status } }
        let (items, token) = try page(found, input)
        var output: JSONObject = ["jobDefinitions": .array(items.map { .object(shape($0, context)) })]
        output["nextToken"] = token
        return output
    }

    /// By name (its latest active revision), name:revision or ARN.
    func activeDefinition(_ reference: String, _ context: CallContext) async throws -> JobDefinition {
        let name = try resourceName(reference, "job-definition", context)
        guard let definition = try await engine.definitions(in: context.scope).last(where: {
            $0.isActive && ($0.name == name || "\($0.name):\($0.revision)" == name)
        }) else { throw clientException("Job definition \(reference) does not exist") }
        return definition
    }

    func definitionARN(_ nameAndRevision: String, _ context: CallContext) -> String {
        context.arn(service: "batch", resource: "job-definition/\(nameAndRevision)").description
    }

    private func shape(_ definition: JobDefinition, _ context: CallContext) -> JSONObject {
        var shape: JSONObject = [
            "jobDefinitionName": .string(definition.name),
            "jobDefinitionArn": .string(definitionARN("\(definition.name):\(definition.revision)", context)),
            "revision": .number(definition.revision), "status": definition.isActive ? "ACTIVE" : "INACTIVE",
        ]
        for (key, value) in definition.details { shape[key] = value }
        if var container = shape["containerProperties"]?.object {
            for key in ["command", "volumes", "environment", "mountPoints", "ulimits", "resourceRequirements", "secrets"]
            where container[key] == nil { container[key] = [] }
            shape["containerProperties"] = .object(container)
        }
        if shape["parameters"] == nil { shape["parameters"] = [:] }
        if shape["tags"] == nil { shape["tags"] = [:] }
        shape["containerOrchestrationType"] = "ECS"
        return shape
    }
}
