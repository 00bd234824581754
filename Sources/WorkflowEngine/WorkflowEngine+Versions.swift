package import StateStore
package import Support

/// Versions and aliases of state machines.
extension WorkflowEngine {
    /// - Throws: `WorkflowEngineError.stateMachineDoesNotExist`, `.quotaExceeded`.
    package func publishVersion(ofMachine arn: String, description: String?) async throws -> VersionRecord {
        try await checkQuota(.versions, .versions(machineArn: arn))
        guard let version = try await store.publishVersion(ofMachine: arn, description: description, at: clock.now())
        else { throw WorkflowEngineError.stateMachineDoesNotExist(arn: arn) }
        return version
    }

    package func versions(ofMachine arn: String, before number: Int64?, limit: Int) async throws -> [VersionRecord] {
        try await store.versions(ofMachine: arn, before: number, limit: limit)
    }

    /// The version that an ARN names; nil for another ARN, or one that is missing.
    package func version(arn: String) async throws -> VersionRecord? {
        guard let (machine, qualifier) = Self.qualified(arn), let number = Int64(qualifier) else { return nil }
        return try await store.version(ofMachine: machine, number: number)
    }

    /// Removes a version, unless aliases route to it, which are returned. One that is missing stays missing.
    package func deleteVersion(arn: String) async throws -> [AliasRecord] {
        guard let (machine, qualifier) = Self.qualified(arn), let number = Int64(qualifier) else { return [] }
        return try await store.deleteVersion(ofMachine: machine, number: number)
    }

    package func alias(arn: String) async throws -> AliasRecord? { try await store.alias(arn: arn) }

    /// Makes an alias.
    /// - Throws: `WorkflowEngineError.quotaExceeded`.
    package func createAlias(_ record: AliasRecord) async throws {
        try await checkQuota(.aliases, .aliases(machineArn: record.machineArn))
        try await store.setAlias(record)
    }

    package func updateAlias(_ record: AliasRecord) async throws { try await store.setAlias(record) }

    package func aliases(ofMachine arn: String, after: PageKey?, limit: Int) async throws -> [AliasRecord] {
        try await store.aliases(ofMachine: arn, after: after, limit: limit)
    }

    package func deleteAlias(arn: String) async throws { try await store.deleteAlias(arn: arn) }

    /// The machine behind an ARN that may name a version or an alias, which chooses among its versions by weight.
    /// - Throws: `WorkflowEngineError.stateMachineDoesNotExist`, `.stateMachineDeleting`.
    package func startableMachine(arn: String) async throws -> StateMachineRecord {
        guard let (base, qualifier) = Self.qualified(arn) else { return try await startableStateMachine(arn: arn) }
        let current = try await startableStateMachine(arn: base)
        var versionArn = arn
        var aliasArn: String?
        if Int64(qualifier) == nil {
            guard let alias = try await alias(arn: arn), let first = alias.routes.first else {
                throw WorkflowEngineError.stateMachineDoesNotExist(arn: arn)
            }
            aliasArn = arn
            let isFirst = Int64.random(in: 0..<100) < first.weight
            versionArn = isFirst ? first.versionArn : alias.routes.last?.versionArn ?? first.versionArn
        }
        guard var machine = try await version(arn: versionArn)?.machine else {
            throw WorkflowEngineError.stateMachineDoesNotExist(arn: arn)
        }
        machine.hasAWSLimits = current.hasAWSLimits
        machine.versionArn = versionArn
        machine.aliasArn = aliasArn
        return machine
    }

    /// The machine's ARN and what stands behind it; nil for an ARN without.
    private static func qualified(_ arn: String) -> (machine: String, qualifier: String)? {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 8 else { return nil }
        return (parts.prefix(7).joined(separator: ":"), String(parts[7]))
    }
}
