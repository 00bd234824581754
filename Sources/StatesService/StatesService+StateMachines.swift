import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesLanguage
import Support
import WorkflowEngine

extension StatesService {
    private static let types = ["STANDARD", "EXPRESS"]

    func createStateMachine(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let name = try input.required("name", .name)
        let definition = try input.required("definition", .definition)
        let roleArn = try input.required("roleArn", .arn)
        let type = try input.optional("type", .oneOf(Self.types)) ?? "STANDARD"
        let versionDescription = try input.optional("versionDescription", OperationInput.TextRule(minimum: 0, maximum: 256))
        try input.finish()
        try ResourceName.check(name)
        try ResourceName.checkRole(roleArn)
        let publish = try input.flag("publish") ?? false
        if versionDescription != nil, !publish {
            throw AWSError("ValidationException", "Version description can only be set when publish is true")
        }
        try Self.check(definition, type: type)
        let record = StateMachineRecord(
            arn: context.arn(service: "states", resource: "stateMachine:\(name)").description,
            account: context.account, region: context.region, name: name, type: type, definition: definition,
            roleArn: roleArn, createdAt: context.receivedAt, configuration: try Self.configuration(input, over: nil))
        try await checkLogging(record)
        guard let existing = try await engine.createStateMachine(record, tags: try Self.tags(input)) else {
            return try await created(record, publish: publish, versionDescription)
        }
        // A different role or other tags make no difference.
        guard existing.status == .active else {
            throw AWSError("StateMachineDeleting", "State Machine Is Deleting: '\(record.arn)'")
        }
        guard existing.definition == record.definition, existing.type == type,
            existing.configuration == record.configuration
        else { throw AWSError("StateMachineAlreadyExists", "State Machine Already Exists: '\(record.arn)'") }
        return try await created(existing, publish: publish, versionDescription)
    }

    private func created(
        _ record: StateMachineRecord, publish: Bool, _ description: String?
    ) async throws -> JSONObject {
        var answer: JSONObject = ["stateMachineArn": .string(record.arn), "creationDate": record.createdAt.json]
        if publish {
            let version = try await engine.publishVersion(ofMachine: record.arn, description: description)
            answer["stateMachineVersionArn"] = .string(version.arn)
        }
        return answer
    }

    func updateStateMachine(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let arn = try input.required("stateMachineArn", .arn)
        let definition = try input.optional("definition", .definition)
        let roleArn = try input.optional("roleArn", .arn)
        let versionDescription = try input.optional(
            "versionDescription", OperationInput.TextRule(minimum: 0, maximum: 256))
        try input.finish()
        let publish = try input.flag("publish") ?? false
        if versionDescription != nil, !publish {
            throw AWSError("ValidationException", "Version description can only be set when publish is true")
        }
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        let hasConfiguration = try Self.configurationMembers.contains { try input.object($0) != nil }
        guard definition != nil || roleArn != nil || hasConfiguration else {
            throw AWSError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
        }
        var record = try await engine.stateMachine(arn: arn)
        guard record.status == .active else { throw WorkflowEngineError.stateMachineDeleting(arn: arn) }
        if let definition { try Self.check(definition, type: record.type) }
        if let roleArn { try ResourceName.checkRole(roleArn) }
        let before = record
        record.definition = definition ?? record.definition
        record.roleArn = roleArn ?? record.roleArn
        record.configuration = try Self.configuration(input, over: record.configuration)
        if record.configuration != before.configuration { try await checkLogging(record) }
        if record != before {
            record.revisionID = randomUUIDText()
            record.updatedAt = context.receivedAt
            try await engine.updateStateMachine(record)
        }
        var answer: JSONObject = ["updateDate": (record.updatedAt ?? record.createdAt).json]
        if let revisionID = record.revisionID { answer["revisionId"] = .string(revisionID) }
        if publish {
            let version = try await engine.publishVersion(ofMachine: arn, description: versionDescription)
            answer["stateMachineVersionArn"] = .string(version.arn)
        }
        return answer
    }

    func describeStateMachine(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let showsData = try Self.showsData(&input)
        let arn = try input.required("stateMachineArn", .arn)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        let version = try await engine.version(arn: arn)
        let record = if let version { version.machine } else { try await engine.stateMachine(arn: arn) }
        var answer: JSONObject = [
            "stateMachineArn": .string(arn), "name": .string(record.name), "status": .string(record.status.rawValue),
            "definition": .string(showsData ? record.definition : "{}"), "roleArn": .string(record.roleArn),
            "type": .string(record.type),
            "creationDate": (version?.createdAt ?? record.createdAt).json,
        ]
        if let description = version?.description { answer["description"] = .string(description) }
        Self.addDetails(of: record, to: &answer)
        return answer
    }

    func describeStateMachineForExecution(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let showsData = try Self.showsData(&input)
        let execution = try await execution(input)
        var record = execution.stateMachine
        // A child's own record says less of its machine.
        if let mapRun = execution.mapRun { record = try await engine.mapRun(arn: mapRun.mapRunArn).record.childMachine }
        var answer: JSONObject = [
            "stateMachineArn": .string(record.arn), "name": .string(record.name),
            "definition": .string(showsData ? record.definition : "{}"), "roleArn": .string(record.roleArn), "updateDate": (record.updatedAt ?? record.createdAt).json,
        ]
        Self.addDetails(of: record, to: &answer)
        if let mapRun = execution.mapRun {
            answer["mapRunArn"] = .string(mapRun.mapRunArn)
            answer["label"] = .string(record.name.split(separator: "/").last.map(String.init) ?? "")
        }
        return answer
    }

    func listStateMachines(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let limit = try input.maxResults()
        let token = try input.optional("nextToken", .pageToken)
        try input.finish()
        let kind = "machines"
        let records = try await engine.stateMachines(
            account: context.account, region: context.region, after: try PageToken.decodeName(kind, token),
            limit: limit + 1)
        return PageToken.page(
            "stateMachines", kind, records, limit: limit, place: { [.string($0.arn)] },
            json: { record in
                [
                    "stateMachineArn": .string(record.arn), "name": .string(record.name), "type": .string(record.type),
                    "creationDate": record.createdAt.json,
                ]
            })
    }

    func deleteStateMachine(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("stateMachineArn", .arn)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine"])
        if arn.contains("/") || arn.split(separator: ":").count > 7 {
            throw AWSError(
                "ValidationException", "A state machine is deleted by its own ARN, without version, alias or label: '\(arn)'")
        }
        try await engine.deleteStateMachine(arn: arn)
        return [:]
    }

    func validateStateMachineDefinition(_ input: OperationInput) throws -> JSONObject {
        var input = input
        let definition = try input.required("definition", OperationInput.TextRule(minimum: 0, maximum: 1 << 20))
        let type = try input.optional("type", .oneOf(Self.types)) ?? "STANDARD"
        let severity = try input.optional("severity", .oneOf(["ERROR", "WARNING"])) ?? "ERROR"
        let limit = try input.maxResults(maximum: 100)
        try input.finish()
        let all = StateMachineDefinition.diagnostics(of: definition, type: StateMachineType(rawValue: type) ?? .standard)
        let shown = all.filter { $0.severity == .error || severity == "WARNING" }
        let diagnostics = shown.prefix(limit).map { diagnostic -> JSONValue in
            var object: JSONObject = [
                "severity": .string(diagnostic.severity.rawValue), "code": .string(diagnostic.code),
                "message": .string(diagnostic.message),
            ]
            if let location = diagnostic.location { object["location"] = .string(location) }
            return .object(object)
        }
        return [
            "result": .string(all.contains { $0.severity == .error } ? "FAIL" : "OK"), "diagnostics": .array(diagnostics),
            "truncated": .bool(shown.count > limit),
        ]
    }

    // MARK: - Parts

    /// What both descriptions of a machine end with.
    private static func addDetails(of record: StateMachineRecord, to answer: inout JSONObject) {
        for (key, value) in record.configuration { answer[key] = value }
        if let revisionID = record.revisionID { answer["revisionId"] = .string(revisionID) }
        // A definition that this release cannot run is described all the same.
        let definition = try? StateMachineDefinition(
            stored: record.definition, type: StateMachineType(rawValue: record.type) ?? .standard)
        guard let references = definition?.variableReferences, !references.isEmpty else { return }
        answer["variableReferences"] = .object(
            JSONObject(references.map { ($0.state, .array($0.variables.map { .string($0) })) }))
    }

    private static func check(_ definition: String, type: String) throws {
        do {
            _ = try StateMachineDefinition(parsing: definition, type: StateMachineType(rawValue: type) ?? .standard)
        } catch {
            throw AWSError("InvalidDefinition", error.exceptionMessage)
        }
    }

    /// Throws unless the executions of a machine can log where its configuration says.
    private func checkLogging(_ record: StateMachineRecord) async throws {
        let logging = record.configuration["loggingConfiguration"]
        let level = logging?["level"]?.string ?? "OFF"
        guard ["ALL", "ERROR", "FATAL", "OFF"].contains(level) else {
            throw AWSError(
                "ValidationException",
                "1 validation error detected: Value '\(level)' at 'loggingConfiguration.level' failed to satisfy constraint: Member must satisfy enum value set: [ALL, ERROR, FATAL, OFF]")
        }
        let destinations = logging?["destinations"]?.array ?? []
        guard destinations.count == 1 || destinations.isEmpty && level == "OFF" else {
            throw Self.invalidLogging("Must specify exactly one Log Destination.")
        }
        guard let destination = destinations.first else { return }
        guard let arn = destination["cloudWatchLogsLogGroup"]?["logGroupArn"]?.string,
            let group = LogDestination.group(ofARN: arn), group.account == record.account, group.region == record.region,
            try await engine.hasLogGroup(account: group.account, region: group.region, name: group.name)
        else { throw Self.invalidLogging("Log Destination not found.") }
    }

    private static func invalidLogging(_ complaint: String) -> AWSError {
        AWSError("InvalidLoggingConfiguration", "Invalid Logging Configuration: \(complaint)")
    }

    private static let configurationMembers = [
        "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration",
    ]

    /// The configurations a machine is described with: what the input gives, else `old`, else the service's defaults.
    private static func configuration(_ input: OperationInput, over old: JSONObject?) throws -> JSONObject {
        let defaults: JSONObject = [
            "loggingConfiguration": ["level": "OFF", "includeExecutionData": false],
            "tracingConfiguration": ["enabled": false], "encryptionConfiguration": ["type": "AWS_OWNED_KEY"],
        ]
        var result = old ?? defaults
        for name in configurationMembers {
            guard let given = try input.object(name) else { continue }
            var merged = defaults[name]?.object ?? [:]
            for (key, value) in given { merged[key] = value }
            if name == "encryptionConfiguration", merged["type"]?.string != "AWS_OWNED_KEY" {
                throw AWSError(
                    "InvalidEncryptionConfiguration", "Encryption with a key of one's own is not supported.")
            }
            result[name] = .object(merged)
        }
        return result
    }
}
