import GRDB
import Support

extension SQLiteStateStore {
    package func createActivity(
        _ record: ActivityRecord, tags: [(key: String, value: String)]
    ) async throws -> ActivityRecord? {
        try await write { db in
            if let existing = try Self.activity(db, arn: record.arn) { return existing }
            try db.cachedStatement(
                sql: "INSERT INTO workflow_activities (arn, account, region, name, created_at) VALUES (?, ?, ?, ?, ?)"
            ).execute(arguments: [
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
            let statement = try db.cachedStatement(
                sql: """
                    SELECT * FROM workflow_activities WHERE account = ? AND region = ? AND (created_at, arn) > (?, ?)
                    ORDER BY created_at, arn LIMIT ?
                    """)
            let arguments: StatementArguments = [
                account, region, after?.time.millisecondsSince1970 ?? Int64.min, after?.arn ?? "", limit,
            ]
            return try Row.fetchAll(statement, arguments: arguments).map(Self.activity)
        }
    }

    package func deleteActivity(arn: String) async throws {
        try await write { db in
            try db.cachedStatement(sql: "DELETE FROM workflow_activities WHERE arn = ?").execute(arguments: [arn])
            if db.changesCount > 0 {
                try db.cachedStatement(sql: "DELETE FROM workflow_tags WHERE arn = ?").execute(arguments: [arn])
            }
        }
    }

    private static func activity(_ db: Database, arn: String) throws -> ActivityRecord? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM workflow_activities WHERE arn = ?")
        return try Row.fetchOne(statement, arguments: [arn]).map(activity)
    }

    private static func activity(_ row: Row) -> ActivityRecord {
        ActivityRecord(
            arn: row["arn"], account: row["account"], region: row["region"], name: row["name"],
            createdAt: Timestamp(millisecondsSince1970: row["created_at"]))
    }
}
