import JSONModel
import Support

extension SQLiteStateStore {
    package func createStateMachine(
        _ record: StateMachineRecord, tags: [(key: String, value: String)]
    ) async throws -> StateMachineRecord? {
        let hash = payloadHash(record.definition)
        let configuration = JSONValue.object(record.configuration).text
        return try await write { db in
            if let existing = try Self.machine(db, arn: record.arn) { return existing }
            try Self.storeDefinition(db, hash: hash, text: record.definition)
            try db.statement(
                """
                INSERT INTO workflow_machines (arn, account, region, name, type, status, definition_hash, role_arn,
                    created_at, updated_at, revision_id, configuration)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
            ).run([
                record.arn, record.account, record.region, record.name, record.type, record.status.rawValue, hash,
                record.roleArn, record.createdAt.millisecondsSince1970, record.updatedAt?.millisecondsSince1970,
                record.revisionID, configuration,
            ])
            try Self.setTags(db, arn: record.arn, tags)
            return nil
        }
    }

    package func updateStateMachine(_ record: StateMachineRecord) async throws -> Bool {
        let hash = payloadHash(record.definition)
        let configuration = JSONValue.object(record.configuration).text
        return try await write { db in
            try db.statement(
                """
                UPDATE workflow_machines SET definition_hash = ?, role_arn = ?, updated_at = ?, revision_id = ?,
                    configuration = ? WHERE arn = ? AND status = 'ACTIVE'
                """
            ).run([
                hash, record.roleArn, record.updatedAt?.millisecondsSince1970, record.revisionID, configuration,
                record.arn,
            ])
            guard db.changesCount == 1 else { return false }
            try Self.storeDefinition(db, hash: hash, text: record.definition)
            return true
        }
    }

    package func stateMachine(arn: String) async throws -> StateMachineRecord? {
        try readHere { db in try Self.machine(db, arn: arn) }
    }

    package func stateMachines(
        account: String, region: String, after arn: String?, limit: Int
    ) async throws -> [StateMachineRecord] {
        try await read { db in
            let statement = try db.statement(
                text: Self.machineColumns + """
                     WHERE m.account = ? AND m.region = ? AND m.arn > ? ORDER BY m.arn LIMIT ?
                    """
            )
            return try statement.all(
                [account, region, arn ?? "", limit], Self.machine)
        }
    }

    package func deleteStateMachine(arn: String) async throws {
        try await write { db in
            try db.statement("UPDATE workflow_machines SET status = 'DELETING' WHERE arn = ?")
                .run([arn])
            try Self.removeDeletedMachine(db, arn: arn)
        }
    }

    package func tags(ofResource arn: String) async throws -> [(key: String, value: String)] {
        try await read { db in
            let statement = try db.statement("SELECT key, value FROM workflow_tags WHERE arn = ? ORDER BY position")
            return try statement.all([arn]) { (key: try $0[0], value: try $0[1]) }
        }
    }

    package func changeTags(
        ofResource arn: String, set: [(key: String, value: String)], remove: [String]
    ) async throws {
        try await write { db in
            for key in remove {
                try db.statement("DELETE FROM workflow_tags WHERE arn = ? AND key = ?")
                    .run([arn, key])
            }
            try Self.setTags(db, arn: arn, set)
        }
    }

    // MARK: - Rows

    private static let machineColumns = """
        SELECT m.*, d.text AS definition, EXISTS (SELECT 1 FROM workflow_tags t
            WHERE t.arn = m.arn AND t.key = '\(StateMachineRecord.awsLimitsTag)' AND t.value = 'true') AS aws_limits
        FROM workflow_machines m JOIN workflow_definitions d ON d.hash = m.definition_hash
        """

    static func machine(_ db: SQLiteConnection, arn: String) throws -> StateMachineRecord? {
        let statement = try db.statement(text: machineColumns + " WHERE m.arn = ?")
        return try statement.first([arn], machine)
    }

    private static func machine(_ row: SQLiteRow) throws -> StateMachineRecord {
        let configuration: String = try row["configuration"]
        let status: String = try row["status"]
        var record = try StateMachineRecord(
            arn: row["arn"], account: row["account"], region: row["region"], name: row["name"], type: row["type"],
            status: StateMachineRecord.Status(rawValue: status) ?? .active, definition: row["definition"],
            roleArn: row["role_arn"], createdAt: Timestamp(millisecondsSince1970: row["created_at"]),
            updatedAt: (row["updated_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:)),
            revisionID: row["revision_id"],
            configuration: storedJSON(configuration, of: row["arn"]).object ?? [:])
        record.hasAWSLimits = try row["aws_limits"]
        return record
    }

    private static func storeDefinition(_ db: SQLiteConnection, hash: String, text: String) throws {
        try db.statement("INSERT OR IGNORE INTO workflow_definitions (hash, text) VALUES (?, ?)")
            .run([hash, text])
    }

    static func setTags(_ db: SQLiteConnection, arn: String, _ tags: [(key: String, value: String)]) throws {
        for tag in tags {
            try db.statement(
                """
                INSERT INTO workflow_tags (arn, position, key, value)
                VALUES (?1, (SELECT coalesce(max(position), 0) + 1 FROM workflow_tags WHERE arn = ?1), ?2, ?3)
                ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value
                """
            ).run([arn, tag.key, tag.value])
        }
    }

    /// Removes a machine that is being deleted, unless an execution of it runs.
    static func removeDeletedMachine(_ db: SQLiteConnection, arn: String) throws {
        try db.statement(
            """
            DELETE FROM workflow_machines WHERE arn = ?1 AND status = 'DELETING' AND NOT EXISTS
                (SELECT 1 FROM workflow_executions WHERE machine_arn = ?1 AND status = 'RUNNING')
            """
        ).run([arn])
        if db.changesCount > 0 {
            try db.statement("DELETE FROM workflow_tags WHERE arn = ?").run([arn])
            try removeVersions(db, machineArn: arn)
        }
    }
}
