import JSONModel
package import Support

extension SQLiteStateStore {
    package func startExecution(_ new: NewExecution) async throws -> ExecutionRecord? {
        let row = ExecutionRow(new.record), step = new.step.map { StepRows($0) }
        return try await write { db in
            guard let number = try row.insert(db) else { return try Self.execution(db, arn: row.record.arn)?.record }
            try row.insertDefinition(db)
            try step?.writeContents(db, execution: number)
            return nil
        }
    }

    package func execution(arn: String) async throws -> ExecutionRecord? {
        try readHere { db in try Self.execution(db, arn: arn)?.record }
    }

    package func executions(
        account: String, region: String, stateMachineArn: String?, status: ExecutionRecord.Status?, isRedriven: Bool?,
        after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await read { db in
            var sql = """
                SELECT arn, machine_arn, machine ->> 'versionArn' AS version_arn, machine ->> 'aliasArn' AS alias_arn,
                    name, status, started_at, stopped_at, redrive_count, redriven_at FROM workflow_executions WHERE 
                """
            var arguments: [any SQLiteValue] = []
            if let stateMachineArn {
                // The eighth part of an ARN is a version or an alias.
                let parts = stateMachineArn.split(separator: ":", omittingEmptySubsequences: false)
                sql += "machine_arn = ?"
                arguments += [parts.prefix(7).joined(separator: ":")]
                if parts.count > 7 {
                    sql += " AND ? IN (version_arn, alias_arn)"
                    arguments += [stateMachineArn]
                }
            } else {
                sql += "account = ? AND region = ? AND map_run IS NULL"
                arguments += [account, region]
            }
            if let status {
                sql += " AND status = ?"
                arguments += [status.rawValue]
            }
            if let isRedriven { sql += " AND redrive_count \(isRedriven ? ">" : "=") 0" }
            if let after {
                sql += " AND (started_at, arn) < (?, ?)"
                arguments += [after.time.millisecondsSince1970, after.arn]
            }
            sql += " ORDER BY started_at DESC, arn DESC LIMIT ?"
            arguments += [limit]
            return try db.statement(text: sql).all(arguments) { try Self.summary($0) }
        }
    }

    package func history(
        ofExecution arn: String, ids: ClosedRange<Int64>, descending: Bool, limit: Int
    ) async throws -> [HistoryRecord] {
        try await read { db in
            let order = descending ? "DESC" : ""
            let statement = try db.statement(
                text: """
                SELECT execution, events FROM workflow_history
                WHERE execution = coalesce(
                    (SELECT number FROM workflow_executions WHERE arn = ?1),
                    (SELECT number FROM workflow_express_logs WHERE arn = ?1)) AND last_id >= ?2 AND first_id <= ?3
                ORDER BY last_id \(order)
                """
            )
            var events: [HistoryRecord] = []
            try statement.forEach([arn, ids.lowerBound, ids.upperBound]) { row in
                let inRange = try historyEvents(db, execution: row[0], blob: row[1]).filter { ids.contains($0.id) }
                events += descending ? inRange.reversed() : inRange
                return events.count < limit
            }
            return Array(events.prefix(limit))
        }
    }

    package func loadExecution(arn: String) async throws -> (record: ExecutionRecord, frames: [FrameRecord])? {
        try readHere { db in
            guard let (number, record) = try Self.execution(db, arn: arn) else { return nil }
            let statement = try db.statement("SELECT path, bytes FROM workflow_frames WHERE execution = ?")
            let frames = try statement.all([number]) { row in
                try FrameRecord(path: row[0], bytes: row[1])
            }
            return (record, frames)
        }
    }

    package func removeExecutions(stoppedBefore time: Timestamp, limit: Int) async throws -> Int {
        try await write { db in
            let statement = try db.statement(
                """
                SELECT number, arn FROM workflow_executions e WHERE stopped_at < ?
                AND NOT EXISTS (SELECT 1 FROM workflow_commands WHERE execution = number)
                AND NOT EXISTS (SELECT 1 FROM workflow_map_runs r WHERE r.execution = e.arn AND open = 1)
                AND NOT EXISTS (SELECT 1 FROM workflow_map_runs r WHERE r.arn = e.map_run)
                ORDER BY stopped_at LIMIT ?
                """
            )
            let executions = try statement.all([time.millisecondsSince1970, limit]) { row in
                (number: try row[0] as Int64, arn: try row[1] as String)
            }
            for (number, arn) in executions {
                for table in ["payloads", "frames", "history", "timers"] {
                    try db.statement(text: "DELETE FROM workflow_\(table) WHERE execution = ?").run([number])
                }
                try MapRunRows.remove(db, execution: arn)
                try db.statement("DELETE FROM workflow_executions WHERE number = ?").run([number])
            }
            return executions.count + (try Self.removeExpressLogs(db, stoppedBefore: time, limit: limit))
        }
    }

    package func removeUnusedDefinitions(limit: Int) async throws -> Int {
        // Candidates come from a reader, so that the writer looks at few.
        let hashes = try await read { db in
            try db.statement(
                """
                SELECT hash FROM workflow_definitions d
                WHERE hash NOT IN (SELECT definition_hash FROM workflow_machines)
                    AND hash NOT IN (SELECT definition_hash FROM workflow_versions)
                    AND NOT EXISTS (SELECT 1 FROM workflow_executions WHERE definition_hash = d.hash) LIMIT ?
                """
            ).values([limit], as: String.self)
        }
        if hashes.isEmpty { return 0 }
        return try await write { db in
            var count = 0
            for hash in hashes {
                try db.statement(
                    """
                    DELETE FROM workflow_definitions WHERE hash = ?1
                        AND NOT EXISTS (SELECT 1 FROM workflow_machines WHERE definition_hash = ?1)
                        AND NOT EXISTS (SELECT 1 FROM workflow_versions WHERE definition_hash = ?1)
                        AND NOT EXISTS (SELECT 1 FROM workflow_executions WHERE definition_hash = ?1)
                    """
                ).run([hash])
                count += db.changesCount
            }
            return count
        }
    }

    // MARK: - Rows

    private static func execution(
        _ db: SQLiteConnection, arn: String
    ) throws -> (number: Int64, record: ExecutionRecord)? {
        let statement = try db.statement(
            """
            SELECT e.*, d.text AS definition FROM workflow_executions e JOIN workflow_definitions d
            ON d.hash = e.definition_hash WHERE e.arn = ?
            """
        )
        return try statement.first([arn]) { row in (try row["number"], try execution(db, arn: arn, row)) }
    }

    static func execution(_ db: SQLiteConnection, arn: String, _ row: SQLiteRow) throws -> ExecutionRecord {
        let number: Int64 = try row["number"]
        var record = try ExecutionRecord(
            arn: arn, account: row["account"], region: row["region"], name: row["name"],
            stateMachine: StateMachineRecord(pinnedText: row["machine"], definition: row["definition"]),
            input: payloadText(db, execution: number, column: row["input"]), traceHeader: row["trace_header"],
            startedAt: Timestamp(millisecondsSince1970: row["started_at"]), secret: row["secret"])
        record.status = try status(row)
        record.stoppedAt = try (row["stopped_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:))
        record.output = try (row["output"] as String?).map { try payloadText(db, execution: number, column: $0) }
        record.error = try row["error"]
        record.cause = try (row["cause"] as String?).map { try payloadText(db, execution: number, column: $0) }
        record.lastEventID = try row["last_event_id"]
        record.stepCount = try row["step_count"]
        record.isRunnable = try row["runnable"]
        record.revision = try row["revision"]
        record.redrives = try redrives(arn: arn, row)
        record.mapRun = try membership(row)
        return record
    }

    /// Without its map run.
    static func summary(_ row: SQLiteRow) throws -> ExecutionSummary {
        try ExecutionSummary(
            arn: row["arn"], stateMachineArn: row["machine_arn"], versionArn: row["version_arn"],
            aliasArn: row["alias_arn"], name: row["name"], status: status(row),
            startedAt: Timestamp(millisecondsSince1970: row["started_at"]),
            stoppedAt: (row["stopped_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:)),
            redriveCount: row["redrive_count"],
            redrivenAt: (row["redriven_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:)))
    }

    static func status(_ row: SQLiteRow) throws -> ExecutionRecord.Status {
        let text: String = try row["status"]
        guard let status = ExecutionRecord.Status(rawValue: text) else {
            throw StateStoreError.corrupt("an execution has the status \(text)")
        }
        return status
    }
}
