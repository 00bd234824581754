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
            guard let number = try db.number(ofExecution: executionArn) else { return }
            try db.statement("UPDATE workflow_commands SET progress = ? WHERE execution = ? AND command_id = ?")
                .run([progress.rawValue, number, commandID])
        }
    }

    package func removeCommand(_ commandID: String, executionArn: String) async throws {
        try await write { db in
            guard let number = try db.number(ofExecution: executionArn) else { return }
            try db.statement("DELETE FROM workflow_commands WHERE execution = ? AND command_id = ?").run([number, commandID])
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
            let last = try arn.flatMap { try db.number(ofExecution: $0) } ?? 0
            return try db.statement(
                "SELECT arn FROM workflow_executions WHERE runnable = 1 AND number > ? ORDER BY number LIMIT ?"
            ).values([last, limit], as: String.self)
        }
    }

    private static let commandColumns = """
        SELECT c.*, e.arn FROM workflow_commands c JOIN workflow_executions e ON e.number = c.execution WHERE 
        """

    package func commands(
        after: (executionArn: String, commandID: String)?, limit: Int
    ) async throws -> [CommandRecord] {
        try await read { db in
            let last = try after.flatMap { try db.number(ofExecution: $0.executionArn) } ?? 0
            return try db.statement(
                text: Self.commandColumns + "(execution, command_id) > (?, ?) ORDER BY execution, command_id LIMIT ?"
            ).all([last, after?.commandID ?? "", limit]) { try Self.command(db, $0) }
        }
    }

    package func command(taskToken: String) async throws -> CommandRecord? {
        try await read { db in
            try db.statement(text: Self.commandColumns + "task_token = ? AND cancelled = 0")
                .first([taskToken]) { try Self.command(db, $0) }
        }
    }

    private static func command(_ db: SQLiteConnection, _ row: SQLiteRow) throws -> CommandRecord {
        let arn: String = try row["arn"]
        let progress: String = try row["progress"]
        let handle: String? = try row["handle"]
        return CommandRecord(
            executionArn: arn, commandID: try row["command_id"],
            call: try storedJSON(try payloadText(db, execution: row["execution"], column: row["call"]), of: arn),
            progress: CommandRecord.Progress(rawValue: progress) ?? .pending,
            handle: try handle.map { try storedJSON($0, of: arn) }, isCancelled: try row["cancelled"],
            taskToken: try row["task_token"])
    }

    package func timers(limit: Int) async throws -> [TimerRecord] {
        try await read { db in
            let statement = try db.statement(
                """
                SELECT arn, timer_id, due_at FROM workflow_timers JOIN workflow_executions ON number = execution
                ORDER BY due_at, execution, timer_id LIMIT ?
                """
            )
            return try statement.all([limit]) { row in
                try TimerRecord(
                    executionArn: row[0], timerID: row[1], dueAt: Timestamp(millisecondsSince1970: row[2]))
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
        guard let number = try db.number(ofExecution: step.executionArn) else { throw stale }
        try advance(db, number)
        try writeContents(db, execution: number)
        if step.end != nil { try finish(db, number) }
    }

    private var stale: WorkflowStoreError {
        .staleRevision(executionArn: step.executionArn, expected: step.revision)
    }

    /// All but what the execution's own row says.
    func writeContents(_ db: SQLiteConnection, execution number: Int64) throws {
        try payloads.write(db, execution: number)
        if let events, let first = step.history.first, let last = step.history.last {
            try db.statement(
                "INSERT INTO workflow_history (execution, first_id, last_id, events) VALUES (?, ?, ?, ?)"
            ).run([number, first.id, last.id, events])
        }
        for frame in step.frames {
            if let bytes = frame.bytes {
                try db.statement(
                    """
                    INSERT INTO workflow_frames (execution, path, bytes) VALUES (?, ?, ?)
                    ON CONFLICT (execution, path) DO UPDATE SET bytes = excluded.bytes
                    """
                ).run([number, frame.path, bytes])
            } else {
                try db.statement("DELETE FROM workflow_frames WHERE execution = ? AND path = ?")
                    .run([number, frame.path])
            }
        }
        try writeCommands(db, number)
        for timer in step.newTimers {
            try db.statement(
                "INSERT OR REPLACE INTO workflow_timers (execution, timer_id, due_at) VALUES (?, ?, ?)"
            ).run([number, timer.timerID, timer.dueAt.millisecondsSince1970])
        }
        for timerID in step.finishedTimers {
            try db.statement("DELETE FROM workflow_timers WHERE execution = ? AND timer_id = ?")
                .run([number, timerID])
        }
        try mapRuns?.write(db)
    }

    /// Updates the execution's row, if it still is what the step was computed from.
    private func advance(_ db: SQLiteConnection, _ number: Int64) throws {
        try db.statement(
            """
            UPDATE workflow_executions SET revision = revision + 1, step_count = ?, runnable = ?,
                last_event_id = max(last_event_id, ?), status = coalesce(?, status), stopped_at = ?, output = ?,
                error = ?, cause = ?
            WHERE number = ? AND revision = ? AND status = 'RUNNING'
            """
        ).run([
            step.stepCount, step.isRunnable, step.history.last?.id ?? 0, step.end?.status.rawValue,
            step.end?.stoppedAt.millisecondsSince1970, output, step.end?.error, cause, number, step.revision,
        ])
        guard db.changesCount == 1 else { throw stale }
    }

    private func writeCommands(_ db: SQLiteConnection, _ number: Int64) throws {
        for (command, call) in zip(step.newCommands, calls) {
            try db.statement(
                """
                INSERT INTO workflow_commands (execution, command_id, call, progress, handle, cancelled, task_token)
                VALUES (?, ?, ?, ?, NULL, ?, ?)
                """
            ).run([
                number, command.commandID, call, command.progress.rawValue, command.isCancelled,
                command.taskToken,
            ])
        }
        for (submitted, handle) in zip(step.submittedCommands, handles) {
            try db.statement(
                """
                UPDATE workflow_commands SET progress = 'submitted', handle = ?
                WHERE execution = ? AND command_id = ?
                """
            ).run([handle, number, submitted.commandID])
        }
        for commandID in step.cancelledCommands {
            try db.statement(
                "UPDATE workflow_commands SET cancelled = 1 WHERE execution = ? AND command_id = ?"
            )
                .run([number, commandID])
        }
        for commandID in step.finishedCommands {
            try db.statement("DELETE FROM workflow_commands WHERE execution = ? AND command_id = ?")
                .run([number, commandID])
        }
    }

    /// What a closed execution no longer needs goes; a redrive needs the frames. Commands stay until what they started has been stopped.
    private func finish(_ db: SQLiteConnection, _ number: Int64) throws {
        try db.statement("DELETE FROM workflow_timers WHERE execution = ?").run([number])
        if step.end?.status == .succeeded {
            try db.statement("DELETE FROM workflow_frames WHERE execution = ?").run([number])
        } else {
            try db.statement("UPDATE workflow_executions SET redrivable = 1 WHERE number = ?").run([number])
        }
        try db.statement("UPDATE workflow_commands SET cancelled = 1 WHERE execution = ?")
            .run([number])
        let machine = try db.statement("SELECT machine_arn FROM workflow_executions WHERE number = ?")
            .value([number], as: String.self)
        if let machine { try SQLiteStateStore.removeDeletedMachine(db, arn: machine) }
    }
}
