import JSONModel
package import Support

extension SQLiteStateStore {
    package func mapRun(arn: String) async throws -> MapRunRecord? {
        try await read { db in try Self.mapRun(db, arn: arn) }
    }

    package func mapRuns(ofExecution arn: String, after: PageKey?, limit: Int) async throws -> [MapRunRecord] {
        try await read { db in
            let statement = try db.statement(
                """
                SELECT r.*, s.machine, s.definition, s.configuration, NULL AS items, s.secret FROM workflow_map_runs r
                JOIN workflow_map_run_starts s ON s.map_run = r.arn
                WHERE r.execution = ? AND (r.started_at, r.arn) < (?, ?) ORDER BY r.started_at DESC, r.arn DESC LIMIT ?
                """
            )
            let arguments: [any SQLiteValue] = [
                arn, after?.time.millisecondsSince1970 ?? Int64.max, after?.arn ?? "", limit,
            ]
            return try statement.all(arguments) { try Self.mapRun($0) }
        }
    }

    package func openMapRuns(after arn: String?, limit: Int) async throws -> [String] {
        try await read { db in
            try db.statement("SELECT arn FROM workflow_map_runs WHERE open = 1 AND arn > ? ORDER BY arn LIMIT ?")
                .values([arn ?? "", limit], as: String.self)
        }
    }

    package func loadMapRun(arn: String) async throws -> LoadedMapRun? {
        try await read { db in
            guard let record = try Self.mapRun(db, arn: arn) else { return nil }
            let running = try db.statement(
                "SELECT map_ordinal, arn, map_items, map_redrive FROM workflow_executions WHERE map_run = ? AND status = 'RUNNING'"
            ).all([arn]) { row in
                try LoadedMapRun.Child(ordinal: row[0], executionArn: row[1], itemCount: row[2], redriveCount: row[3])
            }
            let early = try db.statement(
                "SELECT map_ordinal FROM workflow_executions WHERE map_run = ? AND map_ordinal >= ?"
            ).values([arn, record.nextOrdinal], as: Int64.self)
            return LoadedMapRun(
                record: record, counts: try Self.counts(db, mapRun: record), running: running, early: Set(early))
        }
    }

    package func startChildren(_ batch: MapRunBatch) async throws {
        let stateMachine = (batch.children.first?.record ?? batch.repeated.first)?.stateMachine
        let machine = stateMachine?.pinnedText
        let hash = stateMachine.map { payloadHash($0.definition) }
        let children = batch.children.map { child in
            (row: ExecutionRow(child.record, machine: machine, definitionHash: hash), step: child.step.map { StepRows($0) })
        }
        let repeated = batch.repeated.map { ExecutionRow($0, machine: machine, definitionHash: hash) }
        let cursor = JSONValue.object(batch.cursor).text
        let arn = batch.mapRunArn, ordinals = batch.ordinals
        try await write { db in
            try db.statement(
                """
                UPDATE workflow_map_runs SET next_ordinal = ?, cursor = ? WHERE arn = ? AND next_ordinal = ?
                """
            ).run([ordinals.upperBound, cursor, arn, ordinals.lowerBound])
            guard db.changesCount == 1 else {
                throw WorkflowStoreError.staleRevision(executionArn: arn, expected: ordinals.lowerBound)
            }
            try children.first?.row.insertDefinition(db)
            for child in children {
                guard let number = try child.row.insert(db) else {
                    throw WorkflowStoreError.staleRevision(executionArn: child.row.record.arn, expected: 0)
                }
                try child.step?.writeContents(db, execution: number)
            }
            for child in repeated { try child.replace(db) }
        }
    }

    package func mapRunCounts(arn: String) async throws -> MapRunCounts {
        try await read { db in
            try Self.mapRun(db, arn: arn, withItems: false).map { try Self.counts(db, mapRun: $0) } ?? MapRunCounts()
        }
    }

    package func childrenToRedrive(
        ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int
    ) async throws -> [ExecutionRecord] {
        try await read { db in
            guard let run = try Self.mapRun(db, arn: arn, withItems: false) else { return [] }
            let statement = try db.statement(
                text: """
                    SELECT *, '' AS definition FROM workflow_executions WHERE map_run = ?3 AND map_ordinal > ?4
                        AND \(Self.shownStatus) = 'PENDING_REDRIVE' ORDER BY map_ordinal LIMIT ?5
                    """)
            return try statement.all(Self.redrive(run) + [arn, ordinal, limit]) { try Self.execution(db, arn: $0["arn"], $0) }
        }
    }

    package func redriveChildren(_ redrives: ChildRedrives) async throws {
        try await write { db in
            for child in redrives.children {
                try Self.redrive(db, arn: child.arn, revision: child.revision, child.redrives)
            }
            for arn in redrives.children.map(\.arn) + redrives.refused {
                try db.statement("UPDATE workflow_executions SET map_redrive = ?, redrivable = 0 WHERE arn = ?")
                    .run([redrives.redriveCount, arn])
            }
        }
    }

    package func children(
        ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int
    ) async throws -> [ExecutionRecord] {
        try await read { db in
            // The definition is the same for all, and nobody asks for it here.
            let statement = try db.statement(
                """
                SELECT *, '' AS definition FROM workflow_executions WHERE map_run = ? AND map_ordinal > ?
                ORDER BY map_ordinal LIMIT ?
                """
            )
            return try statement.all([arn, ordinal, limit]) { try Self.execution(db, arn: $0["arn"], $0) }
        }
    }

    package func executions(
        ofMapRun arn: String, status: ExecutionRecord.Status?, isRedriven: Bool?, after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await read { db in
            guard let run = try Self.mapRun(db, arn: arn, withItems: false) else { return [] }
            let statement = try db.statement(
                text: """
                    SELECT arn, machine_arn, NULL AS version_arn, NULL AS alias_arn, name, \(Self.shownStatus) AS status,
                        started_at, stopped_at, redrive_count, redriven_at, map_run, map_ordinal, map_items, map_redrive
                    FROM workflow_executions
                    WHERE map_run = ?3 AND (?4 IS NULL OR \(Self.shownStatus) = ?4)
                        AND (?5 IS NULL OR (redrive_count > 0) = ?5) AND (started_at, arn) < (?6, ?7)
                    ORDER BY started_at DESC, arn DESC LIMIT ?8
                    """)
            let arguments: [any SQLiteValue] = Self.redrive(run) + [
                arn, status?.rawValue, isRedriven, after?.time.millisecondsSince1970 ?? Int64.max, after?.arn ?? "", limit,
            ]
            return try statement.all(arguments) { row in
                var summary = try Self.summary(row)
                summary.mapRun = try Self.membership(row)
                return summary
            }
        }
    }

    package func updateMapRun(arn: String, _ settings: MapRunSettings) async throws -> Bool {
        try await write { db in
            try db.statement(
                """
                UPDATE workflow_map_runs SET max_concurrency = ?, tolerated_count = ?, tolerated_percentage = ?
                WHERE arn = ? AND status = 'RUNNING'
                """
            ).run([
                settings.maxConcurrency, settings.toleratedFailureCount,
                settings.toleratedFailurePercentage.map { String($0) }, arn,
            ])
            return db.changesCount == 1
        }
    }

    package func setResultsWritten(_ written: MapRunCounts.Pair, ofMapRun arn: String) async throws {
        try await write { db in
            try db.statement("UPDATE workflow_map_runs SET executions_written = ?, items_written = ? WHERE arn = ?")
                .run([written.executions, written.items, arn])
        }
    }

    package func closeMapRun(arn: String, redriveCount: Int, at time: Timestamp) async throws {
        try await write { db in
            try db.statement(
                """
                UPDATE workflow_map_runs SET open = 0, stopped_at = coalesce(stopped_at, ?),
                    status = iif(status = 'RUNNING', 'ABORTED', status) WHERE arn = ? AND redrive_count = ?
                """
            ).run([time.millisecondsSince1970, arn, redriveCount])
        }
    }

    // MARK: - Rows

    private static func mapRun(_ db: SQLiteConnection, arn: String, withItems: Bool = true) throws -> MapRunRecord? {
        let statement = try db.statement(
            """
            SELECT r.*, s.machine, s.definition, s.configuration, iif(?2, s.items, NULL) AS items, s.secret
            FROM workflow_map_runs r JOIN workflow_map_run_starts s ON s.map_run = r.arn WHERE r.arn = ?1
            """
        )
        return try statement.first([arn, withItems]) { try mapRun($0) }
    }

    private static func mapRun(_ row: SQLiteRow) throws -> MapRunRecord {
        let arn: String = try row["arn"]
        let configuration = try storedJSON(row["configuration"], of: arn)
        let percentage: String? = try row["tolerated_percentage"]
        let statusText: String = try row["status"]
        guard let status = MapRunRecord.Status(rawValue: statusText) else {
            throw StateStoreError.corrupt("the map run \(arn) has the status \(statusText)")
        }
        var record = try MapRunRecord(
            arn: arn, executionArn: row["execution"],
            childMachine: StateMachineRecord(pinnedText: row["machine"], definition: row["definition"]),
            configuration: configuration.object ?? [:], items: row["items"], itemCount: row["item_count"],
            startedAt: Timestamp(millisecondsSince1970: row["started_at"]), secret: row["secret"],
            settings: MapRunSettings(
                maxConcurrency: row["max_concurrency"], toleratedFailureCount: row["tolerated_count"],
                toleratedFailurePercentage: percentage.flatMap { Double($0) }))
        record.status = status
        record.stoppedAt = try (row["stopped_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:))
        record.nextOrdinal = try row["next_ordinal"]
        record.cursor = try (row["cursor"] as String?).flatMap { try storedJSON($0, of: arn).object }
        record.isOpen = try row["open"]
        record.redriveCount = try row["redrive_count"]
        record.redrivenAt = try (row["redriven_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:))
        if let executions: Int64 = try row["executions_written"], let items: Int64 = try row["items_written"] {
            record.resultsWritten = MapRunCounts.Pair(executions: executions, items: items)
        }
        return record
    }

    /// The status of a child as `MapRunRecord.willRedrive` has it shown, with `redrive` as parameters 1 and 2.
    private static let shownStatus =
        "iif(map_redrive < ?1 AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED') AND (redrivable OR ?2), 'PENDING_REDRIVE', status)"

    private static func redrive(_ run: MapRunRecord) -> [any SQLiteValue] {
        [run.status == .running ? run.redriveCount : 0, run.childMachine.type == "EXPRESS"]
    }

    private static func counts(_ db: SQLiteConnection, mapRun run: MapRunRecord) throws -> MapRunCounts {
        let statement = try db.statement(
            text: """
                SELECT \(shownStatus) AS status, status IN ('FAILED', 'TIMED_OUT', 'ABORTED') AND NOT (redrivable OR ?2),
                    count(*), sum(map_items) FROM workflow_executions WHERE map_run = ?3 GROUP BY 1, 2
                """)
        var counts = MapRunCounts()
        try statement.forEach(redrive(run) + [run.arn]) { row in
            let pair = MapRunCounts.Pair(executions: try row[2], items: try row[3])
            counts[try status(row)] += pair
            if try row[1] { counts.notRedrivable += pair }
            return true
        }
        return counts
    }

    static func membership(_ row: SQLiteRow) throws -> MapRunMembership? {
        guard let arn: String = try row["map_run"] else { return nil }
        return try MapRunMembership(mapRunArn: arn, ordinal: row["map_ordinal"], itemCount: row["map_items"], redriveCount: row["map_redrive"])
    }
}

/// What a step of an execution changes about map runs.
struct MapRunRows: Sendable {
    private let new: [(record: MapRunRecord, machine: String, configuration: String)]
    private let redrives: [MapRunRedrive]
    private let ends: [MapRunEnd]

    /// Nil for nothing.
    init?(_ step: ExecutionStep) {
        if step.newMapRuns.isEmpty, step.redrivenMapRuns.isEmpty, step.endedMapRuns.isEmpty { return nil }
        new = step.newMapRuns.map {
            ($0, $0.childMachine.pinnedText, JSONValue.object($0.configuration).text)
        }
        redrives = step.redrivenMapRuns
        ends = step.endedMapRuns
    }

    func write(_ db: SQLiteConnection) throws {
        for run in new {
            let record = run.record
            try db.statement(
                """
                INSERT INTO workflow_map_run_starts (map_run, machine, definition, configuration, items, secret)
                VALUES (?, ?, ?, ?, ?, ?)
                """
            ).run([
                record.arn, run.machine, record.childMachine.definition, run.configuration, record.items, record.secret,
            ])
            try db.statement(
                """
                INSERT INTO workflow_map_runs (arn, execution, item_count, started_at, max_concurrency, tolerated_count,
                    tolerated_percentage, status, next_ordinal, open) VALUES (?, ?, ?, ?, ?, ?, ?, 'RUNNING', 0, 1)
                """
            ).run([
                record.arn, record.executionArn, record.itemCount, record.startedAt.millisecondsSince1970,
                record.settings.maxConcurrency, record.settings.toleratedFailureCount,
                record.settings.toleratedFailurePercentage.map { String($0) },
            ])
        }
        for redrive in redrives {
            try db.statement(
                """
                UPDATE workflow_map_runs SET status = 'RUNNING', stopped_at = NULL, open = 1, executions_written = NULL,
                    items_written = NULL, redrive_count = ?, redriven_at = ? WHERE arn = ?
                """
            ).run([redrive.count, redrive.date.millisecondsSince1970, redrive.mapRunArn])
        }
        for end in ends {
            // A run that was aborted has children to stop; else its children have ended.
            try db.statement(
                """
                UPDATE workflow_map_runs SET status = ?1, stopped_at = ?2, open = iif(?1 = 'ABORTED', 1, 0)
                WHERE arn = ?3 AND status = 'RUNNING' AND redrive_count = ?4
                """
            ).run([end.status.rawValue, end.stoppedAt.millisecondsSince1970, end.mapRunArn, end.redriveCount])
        }
    }

    /// Removes the runs that an execution started.
    static func remove(_ db: SQLiteConnection, execution: String) throws {
        try db.statement(
            "DELETE FROM workflow_map_run_starts WHERE map_run IN (SELECT arn FROM workflow_map_runs WHERE execution = ?)"
        ).run([execution])
        try db.statement("DELETE FROM workflow_map_runs WHERE execution = ?").run([execution])
    }
}
