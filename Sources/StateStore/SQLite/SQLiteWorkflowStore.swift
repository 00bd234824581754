import JSONModel
import Support

extension SQLiteStateStore: WorkflowStore {
    package func commit(_ step: ExecutionStep) async throws {
        let rows = StepRows(step)
        try await write { db in try rows.write(db) }
    }

    package func setProgress(
        _ progress: CommandRecord.Progress, ofCommand commandID: String, executionArn: String
    ) async throws {
        try await write { db in
            try db.statement(
                "UPDATE workflow_commands SET progress = ? WHERE execution = ? AND command_id = ?"
            ).run([progress.rawValue, executionArn, commandID])
        }
    }

    package func removeCommand(_ commandID: String, executionArn: String) async throws {
        try await write { db in
            try db.statement("DELETE FROM workflow_commands WHERE execution = ? AND command_id = ?")
                .run([executionArn, commandID])
        }
    }

    package func count(_ records: CountedRecords, limit: Int) async throws -> Int {
        let (table, condition, arguments): (String, String, [String]) =
            switch records {
            case .stateMachines(let account, let region): ("machines", "account = ? AND region = ?", [account, region])
            case .activities(let account, let region): ("activities", "account = ? AND region = ?", [account, region])
            case .runningExecutions(let account, let region):
                ("executions", "account = ? AND region = ? AND status = 'RUNNING'", [account, region])
            case .versions(let machineArn): ("versions", "machine_arn = ?", [machineArn])
            case .aliases(let machineArn): ("aliases", "machine_arn = ?", [machineArn])
            }
        return try await read { db in
            let sql = "SELECT count(*) FROM (SELECT 1 FROM workflow_\(table) WHERE \(condition) LIMIT ?)"
            return try db.statement(text: sql).value(arguments as [any SQLiteValue] + [limit], as: Int.self) ?? 0
        }
    }

    // MARK: - Recovery

    package func runnableExecutions(after arn: String?, limit: Int) async throws -> [String] {
        try await read { db in
            let statement = try db.statement(
                "SELECT arn FROM workflow_executions WHERE runnable = 1 AND arn > ? ORDER BY arn LIMIT ?"
            )
            return try statement.values([arn ?? "", limit], as: String.self)
        }
    }

    package func commands(
        after: (executionArn: String, commandID: String)?, limit: Int
    ) async throws -> [CommandRecord] {
        try await read { db in
            let statement = try db.statement(
                """
                SELECT * FROM workflow_commands WHERE (execution, command_id) > (?, ?)
                ORDER BY execution, command_id LIMIT ?
                """
            )
            let arguments: [any SQLiteValue] = [after?.executionArn ?? "", after?.commandID ?? "", limit]
            return try statement.all(arguments) { try Self.command(db, $0) }
        }
    }

    package func command(taskToken: String) async throws -> CommandRecord? {
        try await read { db in
            let statement = try db.statement("SELECT * FROM workflow_commands WHERE task_token = ? AND cancelled = 0")
            return try statement.first([taskToken]) { try Self.command(db, $0) }
        }
    }

    private static func command(_ db: SQLiteConnection, _ row: SQLiteRow) throws -> CommandRecord {
        let execution: String = try row["execution"]
        let progress: String = try row["progress"]
        let handle: String? = try row["handle"]
        return CommandRecord(
            executionArn: execution, commandID: try row["command_id"],
            call: try storedJSON(try payloadText(db, execution: execution, column: row["call"]), of: execution),
            progress: CommandRecord.Progress(rawValue: progress) ?? .pending,
            handle: try handle.map { try storedJSON($0, of: execution) }, isCancelled: try row["cancelled"],
            taskToken: try row["task_token"])
    }

    package func timers(after: TimerRecord?, limit: Int) async throws -> [TimerRecord] {
        try await read { db in
            let statement = try db.statement(
                """
                SELECT * FROM workflow_timers WHERE (due_at, execution, timer_id) > (?, ?, ?)
                ORDER BY due_at, execution, timer_id LIMIT ?
                """
            )
            let arguments: [any SQLiteValue] = [
                after?.dueAt.millisecondsSince1970 ?? Int64.min, after?.executionArn ?? "", after?.timerID ?? "", limit,
            ]
            return try statement.all(arguments) { row in
                try TimerRecord(
                    executionArn: row["execution"], timerID: row["timer_id"],
                    dueAt: Timestamp(millisecondsSince1970: row["due_at"]))
            }
        }
    }
}

/// A step as the statements take it. Made before the step is queued, so that the writer's thread only writes.
struct StepRows: Sendable {
    private let step: ExecutionStep
    private let events: [UInt8]?
    private let calls: [String]
    private let handles: [String]
    private let output: String?
    private let cause: String?
    private let payloads: PayloadWriter
    private let mapRuns: MapRunRows?

    init(_ step: ExecutionStep) {
        self.step = step
        var payloads = PayloadWriter()
        events = step.history.isEmpty ? nil : payloads.events(step.history)
        calls = step.newCommands.map { payloads.column($0.call.text) }
        handles = step.submittedCommands.map(\.handle.text)
        output = payloads.column(step.end?.output)
        cause = payloads.column(step.end?.cause)
        self.payloads = payloads
        mapRuns = MapRunRows(step)
    }

    func write(_ db: SQLiteConnection) throws {
        try advance(db)
        try writeContents(db)
        if step.end != nil { try finish(db) }
    }

    /// All but what the execution's own row says.
    func writeContents(_ db: SQLiteConnection) throws {
        let arn = step.executionArn
        try payloads.write(db, execution: arn)
        if let events, let first = step.history.first, let last = step.history.last {
            try db.statement(
                "INSERT INTO workflow_history (execution, first_id, last_id, events) VALUES (?, ?, ?, ?)"
            ).run([arn, first.id, last.id, events])
        }
        for frame in step.frames {
            if let bytes = frame.bytes {
                try db.statement(
                    """
                    INSERT INTO workflow_frames (execution, path, bytes) VALUES (?, ?, ?)
                    ON CONFLICT (execution, path) DO UPDATE SET bytes = excluded.bytes
                    """
                ).run([arn, frame.path, bytes])
            } else {
                try db.statement("DELETE FROM workflow_frames WHERE execution = ? AND path = ?")
                    .run([arn, frame.path])
            }
        }
        try writeCommands(db)
        for timer in step.newTimers {
            try db.statement(
                "INSERT OR REPLACE INTO workflow_timers (execution, timer_id, due_at) VALUES (?, ?, ?)"
            ).run([arn, timer.timerID, timer.dueAt.millisecondsSince1970])
        }
        for timerID in step.finishedTimers {
            try db.statement("DELETE FROM workflow_timers WHERE execution = ? AND timer_id = ?")
                .run([arn, timerID])
        }
        try mapRuns?.write(db)
    }

    /// Updates the execution's row, if it still is what the step was computed from.
    private func advance(_ db: SQLiteConnection) throws {
        try db.statement(
            """
            UPDATE workflow_executions SET revision = revision + 1, step_count = ?, runnable = ?,
                last_event_id = max(last_event_id, ?), status = coalesce(?, status), stopped_at = ?, output = ?,
                error = ?, cause = ?
            WHERE arn = ? AND revision = ? AND status = 'RUNNING'
            """
        ).run([
            step.stepCount, step.isRunnable, step.history.last?.id ?? 0, step.end?.status.rawValue,
            step.end?.stoppedAt.millisecondsSince1970, output, step.end?.error, cause, step.executionArn, step.revision,
        ])
        guard db.changesCount == 1 else {
            throw WorkflowStoreError.staleRevision(executionArn: step.executionArn, expected: step.revision)
        }
    }

    private func writeCommands(_ db: SQLiteConnection) throws {
        for (command, call) in zip(step.newCommands, calls) {
            try db.statement(
                """
                INSERT INTO workflow_commands (execution, command_id, call, progress, handle, cancelled, task_token)
                VALUES (?, ?, ?, ?, NULL, ?, ?)
                """
            ).run([
                step.executionArn, command.commandID, call, command.progress.rawValue, command.isCancelled,
                command.taskToken,
            ])
        }
        for (submitted, handle) in zip(step.submittedCommands, handles) {
            try db.statement(
                """
                UPDATE workflow_commands SET progress = 'submitted', handle = ?
                WHERE execution = ? AND command_id = ?
                """
            ).run([handle, step.executionArn, submitted.commandID])
        }
        for commandID in step.cancelledCommands {
            try db.statement(
                "UPDATE workflow_commands SET cancelled = 1 WHERE execution = ? AND command_id = ?"
            )
                .run([step.executionArn, commandID])
        }
        for commandID in step.finishedCommands {
            try db.statement("DELETE FROM workflow_commands WHERE execution = ? AND command_id = ?")
                .run([step.executionArn, commandID])
        }
    }

    /// What a closed execution no longer needs goes; a redrive needs the frames. Commands stay until what they started has been stopped.
    private func finish(_ db: SQLiteConnection) throws {
        let arn = step.executionArn
        try db.statement("DELETE FROM workflow_timers WHERE execution = ?").run([arn])
        if step.end?.status == .succeeded {
            try db.statement("DELETE FROM workflow_frames WHERE execution = ?").run([arn])
        } else {
            try db.statement("UPDATE workflow_executions SET redrivable = 1 WHERE arn = ?").run([arn])
        }
        try db.statement("UPDATE workflow_commands SET cancelled = 1 WHERE execution = ?")
            .run([arn])
        let machine = try db.statement("SELECT machine_arn FROM workflow_executions WHERE arn = ?")
            .value([arn], as: String.self)
        if let machine { try SQLiteStateStore.removeDeletedMachine(db, arn: machine) }
    }
}
