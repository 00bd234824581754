extension StateStoreMigration {
    /// Runs of distributed Maps: what changes while they go on, apart from what they were started with, which can be
    /// large. Children are executions with a map run, an ordinal in it and a number of items.
    static let workflowMapRuns = StateStoreMigration(
        name: "workflow-map-runs-1",
        sql: """
            CREATE TABLE workflow_map_run_starts (
                map_run TEXT PRIMARY KEY NOT NULL, machine TEXT NOT NULL, definition TEXT NOT NULL,
                configuration TEXT NOT NULL, items TEXT, secret BLOB NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE workflow_map_runs (
                arn TEXT PRIMARY KEY NOT NULL, execution TEXT NOT NULL, item_count INTEGER, started_at INTEGER NOT NULL,
                max_concurrency INTEGER NOT NULL, tolerated_count INTEGER, tolerated_percentage TEXT,
                status TEXT NOT NULL, stopped_at INTEGER, next_ordinal INTEGER NOT NULL, cursor TEXT,
                open INTEGER NOT NULL, executions_written INTEGER, items_written INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX workflow_map_runs_by_execution ON workflow_map_runs (execution, started_at, arn);
            CREATE INDEX workflow_map_runs_open ON workflow_map_runs (arn) WHERE open = 1;

            ALTER TABLE workflow_executions ADD COLUMN map_run TEXT;
            ALTER TABLE workflow_executions ADD COLUMN map_ordinal INTEGER;
            ALTER TABLE workflow_executions ADD COLUMN map_items INTEGER;
            CREATE INDEX workflow_executions_of_map_run ON workflow_executions (map_run, map_ordinal, status, map_items)
                WHERE map_run IS NOT NULL;
            """)
}
