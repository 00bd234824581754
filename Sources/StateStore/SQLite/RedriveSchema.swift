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

    /// Redrives of map runs. `map_redrive` is the number of the run's redrive by which a child was last let go on.
    static let workflowMapRunRedrives = StateStoreMigration(
        name: "workflow-map-run-redrives-1",
        sql: """
            ALTER TABLE workflow_map_runs ADD COLUMN redrive_count INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE workflow_map_runs ADD COLUMN redriven_at INTEGER;
            ALTER TABLE workflow_executions ADD COLUMN map_redrive INTEGER NOT NULL DEFAULT 0;
            DROP INDEX workflow_executions_of_map_run;
            CREATE INDEX workflow_executions_of_map_run
                ON workflow_executions (map_run, map_ordinal, status, map_items, map_redrive, redrivable)
                WHERE map_run IS NOT NULL;
            """)
}
