/// One step of the database's schema. Steps are applied once each, in the order of `StateStoreSchema.all`; a released
/// step never changes.
package struct StateStoreMigration: Sendable {
    /// Unique and stable: the database remembers steps by name.
    package let name: String
    /// One or more statements.
    package let sql: String

    package init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// The schema of this release.
package enum StateStoreSchema {
    /// Raised whenever an older release could no longer read what this one writes.
    package static let formatVersion = 1

    /// In the order of application: add at the end.
    package static let all: [StateStoreMigration] = [
        .workflow,
        .batch,
        .catalog,
        .workflowActivities,
        .workflowVersions,
        .workflowRedrives,
        .executionLogs,
        .workflowMapRuns,
        .workflowStatusChanges,
        .workflowMapRunRedrives,
        .workflowDefinitionUsers,
        .workflowExecutionNumbers,
    ]
}
