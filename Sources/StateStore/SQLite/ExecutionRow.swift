import Support

/// An execution's row as the statement takes it. Made before the write is queued.
struct ExecutionRow: Sendable {
    let record: ExecutionRecord
    private let input: String
    private let output: String?
    private let cause: String?
    private let machine: String
    private let definitionHash: String
    private let payloads: PayloadWriter
    /// Nil unless the execution's log is its history.
    private let logGroup: String?

    /// - Parameters:
    ///   - machine: `pinnedText` of the record's machine, for many executions of one machine.
    ///   - definitionHash: of its definition.
    init(_ record: ExecutionRecord, machine: String? = nil, definitionHash: String? = nil) {
        self.record = record
        var payloads = PayloadWriter()
        input = payloads.column(record.input)
        output = payloads.column(record.output)
        cause = payloads.column(record.cause)
        self.machine = machine ?? record.stateMachine.pinnedText
        self.definitionHash = definitionHash ?? payloadHash(record.stateMachine.definition)
        self.payloads = payloads
        logGroup = record.stateMachine.type == "EXPRESS" ? nil : record.stateMachine.logDestination?.group
    }

    /// - Returns: the execution's number; nil, with nothing changed, if an execution has the ARN already.
    func insert(_ db: SQLiteConnection) throws -> Int64? {
        try db.statement(
            """
            INSERT INTO workflow_executions (arn, account, region, name, machine_arn, machine, definition_hash,
                input, trace_header, started_at, secret, status, stopped_at, output, error, cause, last_event_id,
                step_count, runnable, revision, owner_epoch, shard, map_run, map_ordinal, map_items, redrivable, log_group, map_redrive)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """
        ).run([
            record.arn, record.account, record.region, record.name, record.stateMachine.arn, machine, definitionHash,
            input, record.traceHeader, record.startedAt.millisecondsSince1970, record.secret, record.status.rawValue,
            record.stoppedAt?.millisecondsSince1970, output, record.error, cause, record.lastEventID, record.stepCount,
            record.isRunnable, record.revision, record.mapRun?.mapRunArn, record.mapRun?.ordinal,
            record.mapRun?.itemCount, record.redrives.isPrepared, logGroup, record.mapRun?.redriveCount ?? 0,
        ])
        guard db.changesCount == 1 else { return nil }
        let number = db.lastInsertedRowID
        try payloads.write(db, execution: number)
        return number
    }

    /// Replaces how the execution fared before.
    func replace(_ db: SQLiteConnection) throws {
        guard let number = try db.number(ofExecution: record.arn) else { return }
        try db.statement(
            """
            UPDATE workflow_executions SET started_at = ?, secret = ?, status = ?, stopped_at = ?, output = ?, error = ?,
                cause = ?, map_redrive = ? WHERE number = ?
            """
        ).run([
            record.startedAt.millisecondsSince1970, record.secret, record.status.rawValue,
            record.stoppedAt?.millisecondsSince1970, output, record.error, cause, record.mapRun?.redriveCount ?? 0,
            number,
        ])
        try payloads.write(db, execution: number)
    }

    /// Keeps the definition, which usually is there since the machine was created.
    func insertDefinition(_ db: SQLiteConnection) throws {
        try db.statement("INSERT OR IGNORE INTO workflow_definitions (hash, text) VALUES (?, ?)")
            .run([definitionHash, record.stateMachine.definition])
    }
}
