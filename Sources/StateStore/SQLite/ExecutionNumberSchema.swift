extension StateStoreMigration {
    /// Executions get numbers, in the order of their starts, and what belongs to them is kept by number: what starts,
    /// waits and ends together lies together, whatever the names are, and a commit of many steps writes few pages.
    /// Logs of Express executions, whose events and payloads lie in the same tables, have negative numbers.
    ///
    /// The rows go by way of temporary tables, as making a new database by renaming tables takes three times as long.
    static let workflowExecutionNumbers = StateStoreMigration(
        name: "workflow-execution-numbers-1",
        sql: """
            CREATE TEMP TABLE old_executions AS SELECT * FROM workflow_executions;
            DROP TABLE workflow_executions;
            CREATE TEMP TABLE old_express_logs AS SELECT * FROM workflow_express_logs;
            DROP TABLE workflow_express_logs;
            CREATE TEMP TABLE old_payloads AS SELECT * FROM workflow_payloads;
            DROP TABLE workflow_payloads;
            CREATE TEMP TABLE old_frames AS SELECT * FROM workflow_frames;
            DROP TABLE workflow_frames;
            CREATE TEMP TABLE old_history AS SELECT * FROM workflow_history;
            DROP TABLE workflow_history;
            CREATE TEMP TABLE old_commands AS SELECT * FROM workflow_commands;
            DROP TABLE workflow_commands;
            CREATE TEMP TABLE old_timers AS SELECT * FROM workflow_timers;
            DROP TABLE workflow_timers;

            CREATE TABLE workflow_executions (
                number INTEGER PRIMARY KEY, arn TEXT UNIQUE NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
                name TEXT NOT NULL, machine_arn TEXT NOT NULL, machine TEXT NOT NULL, definition_hash TEXT NOT NULL,
                input TEXT NOT NULL, trace_header TEXT, started_at INTEGER NOT NULL, secret BLOB NOT NULL,
                status TEXT NOT NULL, stopped_at INTEGER, output TEXT, error TEXT, cause TEXT,
                last_event_id INTEGER NOT NULL, step_count INTEGER NOT NULL, runnable INTEGER NOT NULL,
                revision INTEGER NOT NULL, owner_epoch INTEGER NOT NULL, shard INTEGER NOT NULL, log_group TEXT,
                redrive_count INTEGER NOT NULL DEFAULT 0, redriven_at INTEGER, redrive_tokens TEXT,
                redrivable INTEGER NOT NULL,
                map_run TEXT, map_ordinal INTEGER, map_items INTEGER, map_redrive INTEGER NOT NULL
            ) STRICT;
            INSERT INTO workflow_executions
                SELECT row_number() OVER (ORDER BY started_at, arn), arn, account, region, name, machine_arn, machine,
                    definition_hash, input, trace_header, started_at, secret, status, stopped_at, output, error, cause,
                    last_event_id, step_count, runnable, revision, owner_epoch, shard, log_group, redrive_count, redriven_at,
                    redrive_tokens, redrivable, map_run, map_ordinal, map_items, map_redrive
                FROM old_executions;

            CREATE TABLE workflow_express_logs (
                number INTEGER PRIMARY KEY CHECK (number < 0), arn TEXT UNIQUE NOT NULL, account TEXT NOT NULL,
                region TEXT NOT NULL, log_group TEXT NOT NULL, machine_name TEXT NOT NULL, level TEXT NOT NULL,
                includes_data INTEGER NOT NULL, started_at INTEGER NOT NULL, stopped_at INTEGER NOT NULL
            ) STRICT;
            INSERT INTO workflow_express_logs
                SELECT -row_number() OVER (ORDER BY started_at, arn), arn, account, region, log_group, machine_name,
                    level, includes_data, started_at, stopped_at FROM old_express_logs;

            CREATE TABLE workflow_payloads (
                execution INTEGER NOT NULL, hash TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (execution, hash)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE workflow_history (
                execution INTEGER NOT NULL, last_id INTEGER NOT NULL, first_id INTEGER NOT NULL, events BLOB NOT NULL,
                PRIMARY KEY (execution, last_id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE workflow_frames (
                execution INTEGER NOT NULL, path TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (execution, path)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE workflow_commands (
                execution INTEGER NOT NULL, command_id TEXT NOT NULL, call TEXT NOT NULL, progress TEXT NOT NULL,
                handle TEXT, cancelled INTEGER NOT NULL, task_token TEXT, PRIMARY KEY (execution, command_id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE workflow_timers (
                execution INTEGER NOT NULL, timer_id TEXT NOT NULL, due_at INTEGER NOT NULL,
                PRIMARY KEY (execution, timer_id)
            ) STRICT, WITHOUT ROWID;

            INSERT INTO workflow_payloads
                SELECT number, hash, text FROM old_payloads JOIN workflow_executions ON arn = execution
                UNION ALL
                SELECT number, hash, text FROM old_payloads JOIN workflow_express_logs ON arn = execution;
            INSERT INTO workflow_history
                SELECT number, last_id, first_id, events FROM old_history JOIN workflow_executions ON arn = execution
                UNION ALL
                SELECT number, last_id, first_id, events FROM old_history JOIN workflow_express_logs ON arn = execution;
            INSERT INTO workflow_frames
                SELECT number, path, bytes FROM old_frames JOIN workflow_executions ON arn = execution;
            INSERT INTO workflow_commands
                SELECT number, command_id, call, progress, handle, cancelled, task_token
                FROM old_commands JOIN workflow_executions ON arn = execution;
            INSERT INTO workflow_timers
                SELECT number, timer_id, due_at FROM old_timers JOIN workflow_executions ON arn = execution;

            DROP TABLE old_executions;
            DROP TABLE old_express_logs;
            DROP TABLE old_payloads;
            DROP TABLE old_frames;
            DROP TABLE old_history;
            DROP TABLE old_commands;
            DROP TABLE old_timers;

            CREATE INDEX workflow_executions_by_machine ON workflow_executions (machine_arn, started_at, arn);
            CREATE INDEX workflow_executions_by_start ON workflow_executions (account, region, started_at, arn);
            CREATE INDEX workflow_executions_running ON workflow_executions (machine_arn) WHERE status = 'RUNNING';
            CREATE INDEX workflow_executions_runnable ON workflow_executions (runnable) WHERE runnable = 1;
            CREATE INDEX workflow_executions_closed ON workflow_executions (stopped_at) WHERE stopped_at IS NOT NULL;
            CREATE INDEX workflow_executions_redrivable ON workflow_executions (stopped_at) WHERE redrivable = 1;
            CREATE INDEX workflow_executions_by_definition ON workflow_executions (definition_hash);
            CREATE INDEX workflow_executions_logged ON workflow_executions (account, region, log_group, started_at, arn)
                WHERE log_group IS NOT NULL;
            CREATE INDEX workflow_executions_of_map_run
                ON workflow_executions (map_run, map_ordinal, status, map_items, map_redrive, redrivable)
                WHERE map_run IS NOT NULL;
            CREATE INDEX workflow_express_logs_by_group
                ON workflow_express_logs (account, region, log_group, started_at, arn);
            CREATE INDEX workflow_express_logs_by_end ON workflow_express_logs (stopped_at);
            CREATE UNIQUE INDEX workflow_commands_by_token ON workflow_commands (task_token)
                WHERE task_token IS NOT NULL;
            CREATE INDEX workflow_timers_by_time ON workflow_timers (due_at, execution, timer_id);
            """)
}
