extension StateStoreMigration {
    /// Published versions of state machines, and aliases that route to them. `machine` and `definition_hash` are as in
    /// `workflow_executions`; a counter keeps numbers from being given twice.
    static let workflowVersions = StateStoreMigration(
        name: "workflow-versions-1",
        sql: """
            CREATE TABLE workflow_version_counters (
                machine_arn TEXT PRIMARY KEY NOT NULL, last INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE workflow_versions (
                machine_arn TEXT NOT NULL, number INTEGER NOT NULL, description TEXT, created_at INTEGER NOT NULL,
                machine TEXT NOT NULL, definition_hash TEXT NOT NULL, PRIMARY KEY (machine_arn, number)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE workflow_aliases (
                arn TEXT PRIMARY KEY NOT NULL, machine_arn TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
                routes TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX workflow_aliases_by_creation ON workflow_aliases (machine_arn, created_at, arn);
            """)
}
