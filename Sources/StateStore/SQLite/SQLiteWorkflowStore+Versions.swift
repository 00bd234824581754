import JSONModel
package import Support

extension SQLiteStateStore {
    package func publishVersion(
        ofMachine arn: String, description: String?, at time: Timestamp
    ) async throws -> VersionRecord? {
        try await write { db in
            guard let machine = try Self.machine(db, arn: arn), machine.status == .active else { return nil }
            if let latest = try Self.versions(db, machineArn: arn, before: nil, limit: 1).first,
                latest.machine.revisionID == machine.revisionID
            {
                return latest
            }
            let counter = try db.statement(
                """
                INSERT INTO workflow_version_counters (machine_arn, last) VALUES (?, 1)
                ON CONFLICT (machine_arn) DO UPDATE SET last = last + 1 RETURNING last
                """
            )
            let number = try counter.values([arn], as: Int64.self).first ?? 1
            try db.statement(
                """
                INSERT INTO workflow_versions (machine_arn, number, description, created_at, machine, definition_hash)
                VALUES (?, ?, ?, ?, ?, ?)
                """
            ).run([
                arn, number, description, time.millisecondsSince1970, machine.pinnedText, payloadHash(machine.definition),
            ])
            return VersionRecord(number: number, description: description, createdAt: time, machine: machine)
        }
    }

    package func version(ofMachine arn: String, number: Int64) async throws -> VersionRecord? {
        try await read { db in
            let found = try Self.versions(db, machineArn: arn, before: number == .max ? nil : number + 1, limit: 1)
            return found.first { $0.number == number }
        }
    }

    package func versions(ofMachine arn: String, before number: Int64?, limit: Int) async throws -> [VersionRecord] {
        try await read { db in try Self.versions(db, machineArn: arn, before: number, limit: limit) }
    }

    package func deleteVersion(ofMachine arn: String, number: Int64) async throws -> [AliasRecord] {
        try await write { db in
            let users = try Self.aliases(db, machineArn: arn, after: nil, limit: .max).filter { alias in
                alias.routes.contains { $0.versionArn == "\(arn):\(number)" }
            }
            if users.isEmpty {
                try db.statement("DELETE FROM workflow_versions WHERE machine_arn = ? AND number = ?")
                    .run([arn, number])
            }
            return users
        }
    }

    package func setAlias(_ record: AliasRecord) async throws {
        let routes = JSONValue.array(
            record.routes.map { ["versionArn": .string($0.versionArn), "weight": .number($0.weight)] }).text
        try await write { db in
            try db.statement(
                """
                INSERT INTO workflow_aliases (arn, machine_arn, name, description, routes, created_at, updated_at)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (arn) DO UPDATE
                SET description = excluded.description, routes = excluded.routes, updated_at = excluded.updated_at
                """
            ).run([
                record.arn, record.machineArn, record.name, record.description, routes,
                record.createdAt.millisecondsSince1970, record.updatedAt?.millisecondsSince1970,
            ])
        }
    }

    package func alias(arn: String) async throws -> AliasRecord? {
        try readHere { db in
            let statement = try db.statement("SELECT * FROM workflow_aliases WHERE arn = ?")
            return try statement.first([arn], Self.alias)
        }
    }

    package func aliases(ofMachine arn: String, after: PageKey?, limit: Int) async throws -> [AliasRecord] {
        try await read { db in try Self.aliases(db, machineArn: arn, after: after, limit: limit) }
    }

    package func deleteAlias(arn: String) async throws {
        try await write { db in
            try db.statement("DELETE FROM workflow_aliases WHERE arn = ?").run([arn])
        }
    }

    // MARK: - Rows

    static func removeVersions(_ db: SQLiteConnection, machineArn: String) throws {
        for table in ["version_counters", "versions", "aliases"] {
            try db.statement(text: "DELETE FROM workflow_\(table) WHERE machine_arn = ?")
                .run([machineArn])
        }
    }

    private static func versions(
        _ db: SQLiteConnection, machineArn: String, before number: Int64?, limit: Int
    ) throws -> [VersionRecord] {
        let statement = try db.statement(
            """
            SELECT v.*, d.text AS definition FROM workflow_versions v JOIN workflow_definitions d
            ON d.hash = v.definition_hash WHERE v.machine_arn = ? AND v.number < ? ORDER BY v.number DESC LIMIT ?
            """
        )
        return try statement.all([machineArn, number ?? .max, limit]) { row in
            try VersionRecord(
                number: row["number"], description: row["description"],
                createdAt: Timestamp(millisecondsSince1970: row["created_at"]),
                machine: StateMachineRecord(pinnedText: row["machine"], definition: row["definition"]))
        }
    }

    private static func aliases(
        _ db: SQLiteConnection, machineArn: String, after: PageKey?, limit: Int
    ) throws -> [AliasRecord] {
        let statement = try db.statement(
            """
            SELECT * FROM workflow_aliases WHERE machine_arn = ? AND (created_at, arn) > (?, ?)
            ORDER BY created_at, arn LIMIT ?
            """
        )
        let arguments: [any SQLiteValue] = [
            machineArn, after?.time.millisecondsSince1970 ?? Int64.min, after?.arn ?? "", limit,
        ]
        return try statement.all(arguments, alias)
    }

    private static func alias(_ row: SQLiteRow) throws -> AliasRecord {
        let machineArn: String = try row["machine_arn"]
        let routes = try storedJSON(row["routes"], of: machineArn).array ?? []
        return try AliasRecord(
            machineArn: machineArn, name: row["name"], description: row["description"],
            routes: routes.map {
                AliasRecord.Route(versionArn: $0["versionArn"]?.string ?? "", weight: $0["weight"]?.int64 ?? 0)
            },
            createdAt: Timestamp(millisecondsSince1970: row["created_at"]),
            updatedAt: (row["updated_at"] as Int64?).map(Timestamp.init(millisecondsSince1970:)))
    }
}
