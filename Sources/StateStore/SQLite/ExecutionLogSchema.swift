extension StateStoreMigration {
    /// Log groups, and which executions log into them. `log_group` of an execution is NULL unless its machine logs;
    /// Express executions have rows of their own, and their events stand in `workflow_history`.
    static let executionLogs = StateStoreMigration(
        name: "workflow-logs-1",
        sql: """
            CREATE TABLE log_groups (
                account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL,
                retention_days INTEGER, tags TEXT NOT NULL, PRIMARY KEY (account, region, name)
            ) STRICT, WITHOUT ROWID;

            ALTER TABLE workflow_executions ADD COLUMN log_group TEXT;
            CREATE INDEX workflow_executions_logged ON workflow_executions (account, region, log_group, started_at, arn)
                WHERE log_group IS NOT NULL;

            CREATE TABLE workflow_express_logs (
                arn TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL,
                machine_name TEXT NOT NULL, level TEXT NOT NULL, includes_data INTEGER NOT NULL,
                started_at INTEGER NOT NULL, stopped_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX workflow_express_logs_by_group ON workflow_express_logs
                (account, region, log_group, started_at, arn);
            CREATE INDEX workflow_express_logs_by_end ON workflow_express_logs (stopped_at);
            """)
}
