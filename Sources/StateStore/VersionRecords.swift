package import Support

/// A published version of a state machine; never changes.
package struct VersionRecord: Sendable, Hashable {
    package var number: Int64
    package var description: String?
    package var createdAt: Timestamp
    /// The machine as it was when it was published.
    package var machine: StateMachineRecord

    package var arn: String { "\(machine.arn):\(number)" }

    package init(number: Int64, description: String?, createdAt: Timestamp, machine: StateMachineRecord) {
        self.number = number
        self.description = description
        self.createdAt = createdAt
        self.machine = machine
    }
}

/// A name for one or two versions of a state machine.
package struct AliasRecord: Sendable, Hashable {
    package struct Route: Sendable, Hashable {
        package var versionArn: String
        /// Per cent of the executions.
        package var weight: Int64

        package init(versionArn: String, weight: Int64) {
            self.versionArn = versionArn
            self.weight = weight
        }
    }

    package var machineArn: String
    package var name: String
    package var description: String?
    package var routes: [Route]
    package var createdAt: Timestamp
    package var updatedAt: Timestamp?

    package var arn: String { "\(machineArn):\(name)" }

    package init(
        machineArn: String, name: String, description: String?, routes: [Route], createdAt: Timestamp,
        updatedAt: Timestamp? = nil
    ) {
        self.machineArn = machineArn
        self.name = name
        self.description = description
        self.routes = routes
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
