extension StateStoreMigration {
    /// Redrives of executions. `redrive_tokens` is a JSON array of `[token, milliseconds]`; `redrivable` says that an
    /// execution has ended without success and its frames are kept.
    static let workflowRedrives = StateStoreMigration(
        name: "workflow-redrives-1",
        sql: """
            ALTER TABLE workflow_executions ADD COLUMN redrive_count INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE workflow_executions ADD COLUMN redriven_at INTEGER;
            ALTER TABLE workflow_executions ADD COLUMN redrive_tokens TEXT;
            ALTER TABLE workflow_executions ADD COLUMN redrivable INTEGER NOT NULL DEFAULT 0;
            CREATE INDEX workflow_executions_redrivable ON workflow_executions (stopped_at) WHERE redrivable = 1;
            """)
}
