import Support

extension SQLiteStateStore {
    package func createActivity(
        _ record: ActivityRecord, tags: [(key: String, value: String)]
    ) async throws -> ActivityRecord? {
        try await write { db in
            if let existing = try Self.activity(db, arn: record.arn) { return existing }
            try db.statement(
                "INSERT INTO workflow_activities (arn, account, region, name, created_at) VALUES (?, ?, ?, ?, ?)"
            ).run([
                record.arn, record.account, record.region, record.name, record.createdAt.millisecondsSince1970,
            ])
            try Self.setTags(db, arn: record.arn, tags)
            return nil
        }
    }

    package func activity(arn: String) async throws -> ActivityRecord? {
        try await read { db in try Self.activity(db, arn: arn) }
    }

    package func activities(
        account: String, region: String, after: PageKey?, limit: Int
    ) async throws -> [ActivityRecord] {
        try await read { db in
            let statement = try db.statement(
                """
                SELECT * FROM workflow_activities WHERE account = ? AND region = ? AND (created_at, arn) > (?, ?)
                ORDER BY created_at, arn LIMIT ?
                """
            )
            let arguments: [any SQLiteValue] = [
                account, region, after?.time.millisecondsSince1970 ?? Int64.min, after?.arn ?? "", limit,
            ]
            return try statement.all(arguments, Self.activity)
        }
    }

    package func deleteActivity(arn: String) async throws {
        try await write { db in
            try db.statement("DELETE FROM workflow_activities WHERE arn = ?").run([arn])
            if db.changesCount > 0 {
                try db.statement("DELETE FROM workflow_tags WHERE arn = ?").run([arn])
            }
        }
    }

    private static func activity(_ db: SQLiteConnection, arn: String) throws -> ActivityRecord? {
        let statement = try db.statement("SELECT * FROM workflow_activities WHERE arn = ?")
        return try statement.first([arn], activity)
    }

    private static func activity(_ row: SQLiteRow) throws -> ActivityRecord {
        try ActivityRecord(
            arn: row["arn"], account: row["account"], region: row["region"], name: row["name"],
            createdAt: Timestamp(millisecondsSince1970: row["created_at"]))
    }
}
