extension StateStoreMigration {
    /// Activities. Their tags stand in `workflow_tags`, their waiting tasks in `workflow_commands`.
    static let workflowActivities = StateStoreMigration(
        name: "workflow-activities-1",
        sql: """
            CREATE TABLE workflow_activities (
                arn TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
                created_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX workflow_activities_by_creation ON workflow_activities (account, region, created_at, arn);
            """)
}
