import JSONModel
import Support

extension SQLiteStateStore: ExecutionLogStore {
    // MARK: - Groups

    package func createLogGroup(_ record: LogGroupRecord) async throws -> Bool {
        let tags = JSONValue.object(record.tags).text
        return try await write { db in
            try db.statement(
                """
                INSERT INTO log_groups (account, region, name, created_at, retention_days, tags)
                VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """
            ).run([
                record.account, record.region, record.name, record.createdAt.millisecondsSince1970,
                record.retentionDays, tags,
            ])
            return db.changesCount == 1
        }
    }

    package func updateLogGroup(_ record: LogGroupRecord) async throws {
        let tags = JSONValue.object(record.tags).text
        try await write { db in
            try db.statement(
                "UPDATE log_groups SET retention_days = ?, tags = ? WHERE account = ? AND region = ? AND name = ?"
            ).run([record.retentionDays, tags, record.account, record.region, record.name])
        }
    }

    package func deleteLogGroup(account: String, region: String, name: String) async throws -> Bool {
        try await write { db in
            let key = [account, region, name]
            try db.statement("DELETE FROM log_groups WHERE account = ? AND region = ? AND name = ?").run(key)
            guard db.changesCount == 1 else { return false }
            let condition = "account = ? AND region = ? AND log_group = ?"
            try db.statement(text: "UPDATE workflow_executions SET log_group = NULL WHERE \(condition)").run(key)
            let logs = "(SELECT number FROM workflow_express_logs WHERE \(condition))"
            for table in ["history", "payloads"] {
                try db.statement(text: "DELETE FROM workflow_\(table) WHERE execution IN \(logs)").run(key)
            }
            try db.statement(text: "DELETE FROM workflow_express_logs WHERE \(condition)").run(key)
            return true
        }
    }

    package func logGroup(account: String, region: String, name: String) async throws -> LogGroupRecord? {
        try await read { db in
            try db.statement("SELECT * FROM log_groups WHERE account = ? AND region = ? AND name = ?")
                .first([account, region, name], Self.logGroup)
        }
    }

    package func logGroups(account: String, region: String) async throws -> [LogGroupRecord] {
        try await read { db in
            try db.statement("SELECT * FROM log_groups WHERE account = ? AND region = ? ORDER BY name")
                .all([account, region], Self.logGroup)
        }
    }

    private static func logGroup(_ row: SQLiteRow) throws -> LogGroupRecord {
        let name: String = try row["name"]
        return try LogGroupRecord(
            account: row["account"], region: row["region"], name: name,
            createdAt: Timestamp(millisecondsSince1970: row["created_at"]), retentionDays: row["retention_days"],
            tags: storedJSON(row["tags"], of: name).object ?? [:])
    }

    // MARK: - Executions

    package func loggedExecutions(_ query: LoggedExecutionQuery) async throws -> [LoggedExecution] {
        var condition = "account = ?1 AND region = ?2 AND log_group = ?3 AND started_at BETWEEN ?4 AND ?5"
        condition += " AND (started_at, arn) \(query.isDescending ? "<" : ">") (?6, ?7)"
        let direction = query.isDescending ? "DESC" : "ASC"
        // Express executions first, as their configuration stands in their rows.
        let sql = """
            SELECT arn, machine_name, level, includes_data, NULL AS machine, started_at, stopped_at, 0 AS redrive_count
                FROM workflow_express_logs WHERE \(condition)
            UNION ALL
            SELECT arn, NULL, NULL, NULL, machine, started_at, stopped_at, redrive_count FROM workflow_executions
                WHERE \(condition)
            ORDER BY started_at \(direction), arn \(direction) LIMIT ?8
            """
        // An ARN comes after every text but those that begin with a greater letter.
        let start: (Int64, String) = query.isDescending ? (.max, "b") : (.min, "")
        return try await read { db in
            let arguments: [any SQLiteValue] = [
                query.account, query.region, query.group, query.from?.millisecondsSince1970 ?? Int64.min,
                query.to?.millisecondsSince1970 ?? Int64.max, query.after?.time.millisecondsSince1970 ?? start.0,
                query.after?.arn ?? start.1, query.limit,
            ]
            return try db.statement(text: sql).all(arguments) { try Self.loggedExecution($0, query.group) }
        }
    }

    private static func loggedExecution(_ row: SQLiteRow, _ group: String) throws -> LoggedExecution {
        let startedAt = Timestamp(millisecondsSince1970: try row["started_at"])
        let stoppedAt = try (row["stopped_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:))
        if let pinned = try row["machine"] as String? {
            let machine = try StateMachineRecord(pinnedText: pinned, definition: "")
            let destination = machine.logDestination ?? LogDestination(group: group, level: .fatal, includesData: false)
            return LoggedExecution(
                arn: try row["arn"], machineName: machine.name, destination: destination, startedAt: startedAt,
                stoppedAt: stoppedAt, redriveCount: try row["redrive_count"])
        }
        let level: String = try row["level"]
        return LoggedExecution(
            arn: try row["arn"], machineName: try row["machine_name"],
            destination: LogDestination(
                group: group, level: LogDestination.Level(rawValue: level) ?? .fatal,
                includesData: try row["includes_data"]), startedAt: startedAt, stoppedAt: stoppedAt)
    }

    package func addExpressLog(
        _ execution: LoggedExecution, account: String, region: String, events: [HistoryRecord],
        failed: @escaping @Sendable (any Error) -> Void
    ) {
        guard let first = events.first, let last = events.last else { return }
        var payloads = PayloadWriter()
        let blob = payloads.events(events)
        let written = payloads
        let destination = execution.destination
        let startedAt = execution.startedAt.millisecondsSince1970
        let stoppedAt = (execution.stoppedAt ?? execution.startedAt).millisecondsSince1970
        write({ db in
            try db.statement(
                """
                INSERT INTO workflow_express_logs (number, arn, account, region, log_group, machine_name, level,
                    includes_data, started_at, stopped_at)
                VALUES (coalesce((SELECT min(number) FROM workflow_express_logs), 0) - 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
            ).run([
                execution.arn, account, region, destination.group, execution.machineName, destination.level.rawValue,
                destination.includesData, startedAt, stoppedAt,
            ])
            let number = db.lastInsertedRowID
            try written.write(db, execution: number)
            try db.statement("INSERT INTO workflow_history (execution, first_id, last_id, events) VALUES (?, ?, ?, ?)")
                .run([number, first.id, last.id, blob])
        }, completion: { if case .failure(let error) = $0 { failed(error) } })
    }

    /// Removes logs of Express executions that stopped before a time, at most `limit`.
    static func removeExpressLogs(_ db: SQLiteConnection, stoppedBefore time: Timestamp, limit: Int) throws -> Int {
        let numbers = try db.statement(
            "SELECT number FROM workflow_express_logs WHERE stopped_at < ? ORDER BY stopped_at LIMIT ?"
        ).values([time.millisecondsSince1970, limit], as: Int64.self)
        for number in numbers {
            for table in ["payloads", "history"] {
                try db.statement(text: "DELETE FROM workflow_\(table) WHERE execution = ?").run([number])
            }
            try db.statement("DELETE FROM workflow_express_logs WHERE number = ?").run([number])
        }
        return numbers.count
    }
}
