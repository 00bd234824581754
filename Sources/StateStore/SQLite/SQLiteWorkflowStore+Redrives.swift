import JSONModel
package import Support

extension SQLiteStateStore {
    package func redriveExecution(
        arn: String, revision: Int64, redrives: ExecutionRecord.Redrives
    ) async throws {
        try await write { db in try Self.redrive(db, arn: arn, revision: revision, redrives) }
    }

    static func redrive(
        _ db: SQLiteConnection, arn: String, revision: Int64, _ redrives: ExecutionRecord.Redrives
    ) throws {
        let tokens = JSONValue.array(
            redrives.tokens.map { [.string($0.token), .number($0.usedAt.millisecondsSince1970)] }).text
        try db.statement(
            """
            UPDATE workflow_executions SET status = 'RUNNING', stopped_at = NULL, output = NULL, error = NULL,
                cause = NULL, runnable = 1, revision = revision + 1, redrive_count = ?, redriven_at = ?,
                redrive_tokens = ?, redrivable = 0
            WHERE arn = ? AND revision = ? AND redrivable = 1
            """
        ).run([redrives.count, redrives.date?.millisecondsSince1970, tokens, arn, revision])
        guard db.changesCount == 1 else {
            throw WorkflowStoreError.staleRevision(executionArn: arn, expected: revision)
        }
    }

    package func forgetRedrives(stoppedBefore time: Timestamp, limit: Int) async throws -> Int {
        try await write { db in
            let numbers = try db.statement(
                "SELECT number FROM workflow_executions WHERE redrivable = 1 AND stopped_at < ? ORDER BY stopped_at LIMIT ?"
            ).values([time.millisecondsSince1970, limit], as: Int64.self)
            for number in numbers {
                try db.statement("DELETE FROM workflow_frames WHERE execution = ?").run([number])
                try db.statement("UPDATE workflow_executions SET redrivable = 0 WHERE number = ?").run([number])
            }
            return numbers.count
        }
    }

    static func redrives(arn: String, _ row: SQLiteRow) throws -> ExecutionRecord.Redrives {
        var redrives = ExecutionRecord.Redrives()
        redrives.count = try row["redrive_count"]
        redrives.date = try (row["redriven_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:))
        redrives.isPrepared = try row["redrivable"]
        if let tokens = try row["redrive_tokens"] as String? {
            redrives.tokens = (try storedJSON(tokens, of: arn).array ?? []).compactMap { entry in
                guard let token = entry[0]?.string, let usedAt = entry[1]?.int64 else { return nil }
                return .init(token: token, usedAt: Timestamp(millisecondsSince1970: usedAt))
            }
        }
        return redrives
    }
}
