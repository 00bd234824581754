import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import Support
import WorkflowEngine

/// Versions and aliases of state machines.
extension StatesService {
    private static let description = OperationInput.TextRule(minimum: 0, maximum: 256)
    private static let aliasName = OperationInput.TextRule(
        maximum: 80,
        pattern: (
            #"regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$"#,
            { name in
                let isLetter: (UInt8) -> Bool = { (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0) }
                return name.utf8.contains(where: isLetter)
                    && name.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) }
            }
        ))

    func publishStateMachineVersion(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("stateMachineArn", .arn)
        let revisionID = try input.optional("revisionId", .arn)
        let description = try input.optional("description", Self.description)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        let machine = try await engine.startableStateMachine(arn: arn)
        if let revisionID, revisionID != machine.revisionID ?? "INITIAL" {
            let current = machine.revisionID ?? "INITIAL"
            throw AWSError(
                "ConflictException",
                "Failed to publish the State Machine version for revision \(revisionID). The current State Machine revision is \(current).")
        }
        let version = try await engine.publishVersion(ofMachine: arn, description: description)
        return ["stateMachineVersionArn": .string(version.arn), "creationDate": version.createdAt.json]
    }

    func listStateMachineVersions(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("stateMachineArn", .arn)
        let limit = try input.maxResults()
        let token = try input.optional("nextToken", .pageToken)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        _ = try await engine.stateMachine(arn: arn)
        let kind = "versions"
        let place = try PageToken.decode(kind, token)
        let versions = try await engine.versions(ofMachine: arn, before: place?.first?.int64, limit: limit + 1)
        return PageToken.page(
            "stateMachineVersions", kind, versions, limit: limit, place: { [.number($0.number)] },
            json: { ["stateMachineVersionArn": .string($0.arn), "creationDate": $0.createdAt.json] })
    }

    func deleteStateMachineVersion(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("stateMachineVersionArn", OperationInput.TextRule(maximum: 2000))
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        let users = try await engine.deleteVersion(arn: arn)
        guard users.isEmpty else {
            let names = users.map(\.name).joined(separator: ", ")
            throw AWSError(
                "ConflictException",
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [\(names)]")
        }
        return [:]
    }

    func createStateMachineAlias(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let name = try input.required("name", Self.aliasName)
        let description = try input.optional("description", Self.description)
        try input.finish()
        guard let (machineArn, routes) = try await routes(input) else {
            throw AWSError(
                "ValidationException",
                "1 validation error detected: Value null at 'routingConfiguration' failed to satisfy constraint: Member must not be null")
        }
        let record = AliasRecord(
            machineArn: machineArn, name: name, description: description, routes: routes,
            createdAt: context.receivedAt)
        if let existing = try await engine.alias(arn: record.arn) {
            guard existing.description == description, existing.routes == routes else {
                throw AWSError(
                "ConflictException",
                "Failed to create alias because an alias with the same name and a different routing configuration already exists.")
            }
            return ["stateMachineAliasArn": .string(existing.arn), "creationDate": existing.createdAt.json]
        }
        try await engine.createAlias(record)
        return ["stateMachineAliasArn": .string(record.arn), "creationDate": record.createdAt.json]
    }

    func updateStateMachineAlias(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let description = try input.optional("description", Self.description)
        var record = try await alias(input)
        let routes = try await routes(input)
        guard description != nil || routes != nil else {
            throw AWSError(
                "ValidationException", "You must specify at least one of the description and the routing configuration")
        }
        if let routes {
            guard routes.machineArn == record.machineArn else { throw Self.routing("must contain versions of the alias's state machine") }
            record.routes = routes.routes
        }
        record.description = description ?? record.description
        record.updatedAt = context.receivedAt
        try await engine.updateAlias(record)
        return ["updateDate": context.receivedAt.json]
    }

    func describeStateMachineAlias(_ input: OperationInput) async throws -> JSONObject {
        let record = try await alias(input)
        var answer: JSONObject = [
            "stateMachineAliasArn": .string(record.arn), "name": .string(record.name),
            "routingConfiguration": .array(
                record.routes.map {
                    ["stateMachineVersionArn": .string($0.versionArn), "weight": .number($0.weight)]
                }), "creationDate": record.createdAt.json,
            "updateDate": (record.updatedAt ?? record.createdAt).json,
        ]
        if let description = record.description { answer["description"] = .string(description) }
        return answer
    }

    func deleteStateMachineAlias(_ input: OperationInput) async throws -> JSONObject {
        try await engine.deleteAlias(arn: try Self.aliasArn(input))
        return [:]
    }

    func listStateMachineAliases(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("stateMachineArn", .arn)
        let limit = try input.maxResults()
        let token = try input.optional("nextToken", .pageToken)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        _ = try await engine.stateMachine(arn: arn)
        let kind = "aliases"
        let aliases = try await engine.aliases(
            ofMachine: arn, after: try PageToken.decodeKey(kind, token), limit: limit + 1)
        return PageToken.page(
            "stateMachineAliases", kind, aliases, limit: limit, place: { PageKey(time: $0.createdAt, arn: $0.arn).place },
            json: { ["stateMachineAliasArn": .string($0.arn), "creationDate": $0.createdAt.json] })
    }

    // MARK: - Parts

    private static func aliasArn(_ input: OperationInput) throws -> String {
        var input = input
        let arn = try input.required("stateMachineAliasArn", .arn)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        return arn
    }

    private func alias(_ input: OperationInput) async throws -> AliasRecord {
        let arn = try Self.aliasArn(input)
        guard let record = try await engine.alias(arn: arn) else {
            throw AWSError(
                "ResourceNotFound", "Request references a resource that does not exist.",
                members: ["resourceName": .string(arn)])
        }
        return record
    }

    /// The routing configuration, whose versions exist and belong to one machine; nil if none is given.
    private func routes(_ input: OperationInput) async throws -> (machineArn: String, routes: [AliasRecord.Route])? {
        guard let list = try input.list("routingConfiguration") else { return nil }
        let routes = list.map {
            AliasRecord.Route(
                versionArn: $0["stateMachineVersionArn"]?.string ?? "", weight: $0["weight"]?.int64 ?? -1)
        }
        try Self.checkConstraints(routes)
        let arns = routes.map(\.versionArn)
        let received = "Received: [\(arns.joined(separator: ", "))]"
        for arn in arns { try ResourceName.checkARN(arn, types: ["stateMachine"]) }
        let machines = Set(arns.map { $0.split(separator: ":").dropLast().joined(separator: ":") })
        guard arns.allSatisfy({ $0.split(separator: ":").last.flatMap { Int64($0) } != nil }), let machine = machines.first
        else { throw Self.routing("must contain state machine version ARNs. \(received)") }
        guard Set(arns).count == arns.count else {
            throw Self.routing("must contain distinct state machine version ARNs. \(received)")
        }
        guard routes.map(\.weight).reduce(0, +) == 100 else {
            let weights = routes.map { String($0.weight) }.joined(separator: ", ")
            throw AWSError("ValidationException", "Sum of routing configuration weights must equal 100. Received: [\(weights)]")
        }
        guard machines.count == 1 else {
            throw AWSError(
                "ValidationException", "Both stateMachineVersionArn values must belong to the same state machine. \(received)")
        }
        for arn in arns {
            guard try await engine.version(arn: arn) != nil else {
                throw WorkflowEngineError.stateMachineDoesNotExist(arn: arn)
            }
        }
        return (machine, routes)
    }

    /// What the service model says of the list and its weights.
    private static func checkConstraints(_ routes: [AliasRecord.Route]) throws {
        func fail(_ value: String, _ place: String, _ constraint: String) -> AWSError {
            AWSError(
                "ValidationException",
                "1 validation error detected: Value '\(value)' at '\(place)' failed to satisfy constraint: Member must have \(constraint)")
        }
        guard (1...2).contains(routes.count) else {
            let items = routes.map { "RoutingConfigurationListItem(stateMachineVersionArn=\($0.versionArn), weight=\($0.weight))" }
            let limit = routes.isEmpty ? "greater than or equal to 1" : "less than or equal to 2"
            throw fail("[\(items.joined(separator: ", "))]", "routingConfiguration", "length \(limit)")
        }
        for (index, route) in routes.enumerated() where !(0...100).contains(route.weight) {
            let limit = route.weight < 0 ? "greater than or equal to 0" : "less than or equal to 100"
            throw fail(String(route.weight), "routingConfiguration.\(index + 1).member.weight", "value \(limit)")
        }
    }

    private static func routing(_ complaint: String) -> AWSError {
        AWSError("ValidationException", "Routing configuration \(complaint)")
    }
}
