import BatchScheduling
package import JSONModel
package import StateStore

/// A compute environment: a share of the machine.
package struct ComputeEnvironment: Sendable, Hashable {
    package var scope: BatchScope
    package var name: String
    package var isEnabled: Bool
    /// Nil: as much as the machine has.
    package var milliCPUsMax: Int?
    /// Members that the service wants back.
    package var details: JSONObject

    package init(scope: BatchScope, name: String, isEnabled: Bool, milliCPUsMax: Int?, details: JSONObject) {
        self.scope = scope
        self.name = name
        self.isEnabled = isEnabled
        self.milliCPUsMax = milliCPUsMax
        self.details = details
    }
}

package struct JobQueue: Sendable, Hashable {
    package var scope: BatchScope
    package var name: String
    package var isEnabled: Bool
    /// Higher goes first.
    package var priority: Int
    /// Names, in order of preference.
    package var environments: [String]
    package var details: JSONObject

    package init(
        scope: BatchScope, name: String, isEnabled: Bool, priority: Int, environments: [String], details: JSONObject
    ) {
        self.scope = scope
        self.name = name
        self.isEnabled = isEnabled
        self.priority = priority
        self.environments = environments
        self.details = details
    }
}

package struct JobDefinition: Sendable, Hashable {
    package var scope: BatchScope
    package var name: String
    /// From 1, one more for each registration of the name.
    package var revision: Int
    package var isActive: Bool
    /// The registration's members.
    package var details: JSONObject

    package init(scope: BatchScope, name: String, revision: Int, isActive: Bool, details: JSONObject) {
        self.scope = scope
        self.name = name
        self.revision = revision
        self.isActive = isActive
        self.details = details
    }
}

package struct SchedulingPolicy: Sendable, Hashable {
    package var scope: BatchScope
    package var name: String
    package var details: JSONObject

    package init(scope: BatchScope, name: String, details: JSONObject) {
        self.scope = scope
        self.name = name
        self.details = details
    }
}

/// What every account and region has without asking. Found by name; not listed.
package enum BuiltIn {
    package static let environmentName = "local"

    package static func environment(in scope: BatchScope) -> ComputeEnvironment {
        ComputeEnvironment(scope: scope, name: environmentName, isEnabled: true, milliCPUsMax: nil, details: [:])
    }

    package static func queue(_ name: String, in scope: BatchScope) -> JobQueue? {
        guard JobQueueNames.builtIn.contains(name) else { return nil }
        return JobQueue(
            scope: scope, name: name, isEnabled: true, priority: 1, environments: [environmentName], details: [:])
    }
}

extension BatchScope {
    func key(_ name: String) -> QueueKey { QueueKey(account: account, region: region, name: name) }
}

extension ComputeEnvironment {
    var setting: EnvironmentSetting {
        EnvironmentSetting(key: scope.key(name), isEnabled: isEnabled, milliCPUsMax: milliCPUsMax)
    }

    var row: BatchResourceRow {
        var document: JSONObject = ["isEnabled": .bool(isEnabled), "details": .object(details)]
        document["milliCPUsMax"] = milliCPUsMax.map { .number($0) }
        return BatchResourceRow(
            kind: .computeEnvironment, scope: scope, name: name, revision: 0, document: .object(document))
    }

    init(_ row: BatchResourceRow) {
        self.init(
            scope: row.scope, name: row.name, isEnabled: row.document["isEnabled"]?.bool ?? true,
            milliCPUsMax: row.document["milliCPUsMax"]?.int64.map { Int(truncatingIfNeeded: $0) },
            details: row.document["details"]?.object ?? [:])
    }
}

extension JobQueue {
    var setting: QueueSetting {
        QueueSetting(key: scope.key(name), priority: priority, environments: environments.map(scope.key))
    }

    var row: BatchResourceRow {
        BatchResourceRow(
            kind: .jobQueue, scope: scope, name: name, revision: 0,
            document: [
                "isEnabled": .bool(isEnabled), "priority": .number(priority),
                "environments": .array(environments.map { .string($0) }), "details": .object(details),
            ])
    }

    init(_ row: BatchResourceRow) {
        self.init(
            scope: row.scope, name: row.name, isEnabled: row.document["isEnabled"]?.bool ?? true,
            priority: row.document["priority"]?.int64.map { Int(truncatingIfNeeded: $0) } ?? 0,
            environments: row.document["environments"]?.array?.compactMap(\.string) ?? [],
            details: row.document["details"]?.object ?? [:])
    }
}

extension JobDefinition {
    var row: BatchResourceRow {
        BatchResourceRow(
            kind: .jobDefinition, scope: scope, name: name, revision: Int64(revision),
            document: ["isActive": .bool(isActive), "details": .object(details)])
    }

    init(_ row: BatchResourceRow) {
        self.init(
            scope: row.scope, name: row.name, revision: Int(truncatingIfNeeded: row.revision),
            isActive: row.document["isActive"]?.bool ?? true, details: row.document["details"]?.object ?? [:])
    }
}

extension SchedulingPolicy {
    var row: BatchResourceRow {
        BatchResourceRow(
            kind: .schedulingPolicy, scope: scope, name: name, revision: 0, document: ["details": .object(details)])
    }

    init(_ row: BatchResourceRow) {
        self.init(scope: row.scope, name: row.name, details: row.document["details"]?.object ?? [:])
    }
}
