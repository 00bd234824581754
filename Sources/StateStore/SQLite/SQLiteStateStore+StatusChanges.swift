extension StateStoreMigration {
    /// Changes of status that have not been passed on. Filled by triggers that a connection makes for itself, so that
    /// nothing is written where nobody asks.
    static let workflowStatusChanges = StateStoreMigration(
        name: "workflow-status-changes-1",
        sql: """
            CREATE TABLE workflow_status_changes (
                number INTEGER PRIMARY KEY AUTOINCREMENT, execution TEXT NOT NULL, status TEXT NOT NULL
            ) STRICT;
            """)
}

extension SQLiteStateStore: StatusChangeStore {
    package func recordStatusChanges() async throws {
        try await write { db in
            try db.execute(
                """
                CREATE TEMP TRIGGER IF NOT EXISTS workflow_execution_started AFTER INSERT ON workflow_executions BEGIN
                    INSERT INTO workflow_status_changes (execution, status)
                        SELECT NEW.arn, 'RUNNING' UNION ALL SELECT NEW.arn, NEW.status WHERE NEW.status <> 'RUNNING';
                END;
                CREATE TEMP TRIGGER IF NOT EXISTS workflow_execution_changed AFTER UPDATE OF status ON workflow_executions
                WHEN NEW.status IS NOT OLD.status BEGIN
                    INSERT INTO workflow_status_changes (execution, status) VALUES (NEW.arn, NEW.status);
                END;
                """)
        }
    }

    package func statusChanges(limit: Int) async throws -> [StatusChange] {
        try await read { db in
            try db.statement("SELECT number, execution, status FROM workflow_status_changes ORDER BY number LIMIT ?")
                .all([limit]) { row in
                    try StatusChange(number: row[0], executionArn: row[1], status: Self.status(row))
                }
        }
    }

    package func removeStatusChanges(through number: Int64) async throws {
        try await write { db in
            try db.statement("DELETE FROM workflow_status_changes WHERE number <= ?").run([number])
        }
    }

    package func trimStatusChanges(to count: Int64) async throws -> Int {
        try await write { db in
            try db.statement(
                """
                DELETE FROM workflow_status_changes
                WHERE number <= (SELECT max(number) FROM workflow_status_changes) - ?
                """
            ).run([count])
            return db.changesCount
        }
    }
}
