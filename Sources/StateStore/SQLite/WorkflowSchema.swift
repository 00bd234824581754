extension StateStoreMigration {
    /// To find definitions that nobody has any more.
    static let workflowDefinitionUsers = StateStoreMigration(
        name: "workflow-definition-users-1",
        sql: "CREATE INDEX workflow_executions_by_definition ON workflow_executions (definition_hash);")

    /// State machines, executions and what belongs to them. Times are milliseconds since 1970; JSON is compact text.
    ///
    /// `text` columns that can be long hold `=` and the text, or `#` and the hexadecimal SHA-256 of a text that
    /// `workflow_payloads` keeps. Payloads belong to one execution, so that they go when it goes.
    static let workflow = StateStoreMigration(
        name: "workflow-1",
        sql: """
            CREATE TABLE workflow_definitions (
                hash TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE workflow_machines (
                arn TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
                type TEXT NOT NULL, status TEXT NOT NULL, definition_hash TEXT NOT NULL, role_arn TEXT NOT NULL,
                created_at INTEGER NOT NULL, updated_at INTEGER, revision_id TEXT, configuration TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX workflow_machines_by_creation ON workflow_machines (account, region, created_at, arn);

            CREATE TABLE workflow_tags (
                arn TEXT NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
                PRIMARY KEY (arn, key)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE workflow_executions (
                arn TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
                machine_arn TEXT NOT NULL, machine TEXT NOT NULL, definition_hash TEXT NOT NULL,
                input TEXT NOT NULL, trace_header TEXT, started_at INTEGER NOT NULL, secret BLOB NOT NULL,
                status TEXT NOT NULL, stopped_at INTEGER, output TEXT, error TEXT, cause TEXT,
                last_event_id INTEGER NOT NULL, step_count INTEGER NOT NULL, runnable INTEGER NOT NULL,
                revision INTEGER NOT NULL, owner_epoch INTEGER NOT NULL, shard INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX workflow_executions_by_machine ON workflow_executions (machine_arn, started_at, arn);
            CREATE INDEX workflow_executions_by_start ON workflow_executions (account, region, started_at, arn);
            CREATE INDEX workflow_executions_running ON workflow_executions (machine_arn) WHERE status = 'RUNNING';
            CREATE INDEX workflow_executions_runnable ON workflow_executions (arn) WHERE runnable = 1;
            CREATE INDEX workflow_executions_closed ON workflow_executions (stopped_at) WHERE stopped_at IS NOT NULL;

            CREATE TABLE workflow_payloads (
                execution TEXT NOT NULL, hash TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (execution, hash)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE workflow_frames (
                execution TEXT NOT NULL, path TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (execution, path)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE workflow_history (
                execution TEXT NOT NULL, last_id INTEGER NOT NULL, first_id INTEGER NOT NULL, events BLOB NOT NULL,
                PRIMARY KEY (execution, last_id)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE workflow_commands (
                execution TEXT NOT NULL, command_id TEXT NOT NULL, call TEXT NOT NULL, progress TEXT NOT NULL,
                handle TEXT, cancelled INTEGER NOT NULL, task_token TEXT, PRIMARY KEY (execution, command_id)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX workflow_commands_by_token ON workflow_commands (task_token)
                WHERE task_token IS NOT NULL;

            CREATE TABLE workflow_timers (
                execution TEXT NOT NULL, timer_id TEXT NOT NULL, due_at INTEGER NOT NULL,
                PRIMARY KEY (execution, timer_id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX workflow_timers_by_time ON workflow_timers (due_at, execution, timer_id);
            """)
}
