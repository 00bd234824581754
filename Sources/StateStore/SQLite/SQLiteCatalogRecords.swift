package import JSONModel
package import Support

extension StateStoreMigration {
    package static let catalog = StateStoreMigration(
        name: "catalog-1",
        sql: """
            CREATE TABLE catalog_database (
                account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, created_ms INTEGER NOT NULL,
                document TEXT NOT NULL,
                PRIMARY KEY (account, region, name)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE catalog_table (
                account TEXT NOT NULL, region TEXT NOT NULL, database TEXT NOT NULL, name TEXT NOT NULL,
                version INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
                document TEXT NOT NULL,
                PRIMARY KEY (account, region, database, name)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE catalog_table_version (
                account TEXT NOT NULL, region TEXT NOT NULL, database TEXT NOT NULL, name TEXT NOT NULL,
                version INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
                document TEXT NOT NULL,
                PRIMARY KEY (account, region, database, name, version)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE catalog_partition (
                account TEXT NOT NULL, region TEXT NOT NULL, database TEXT NOT NULL, table_name TEXT NOT NULL,
                key TEXT NOT NULL, created_ms INTEGER NOT NULL, document TEXT NOT NULL,
                PRIMARY KEY (account, region, database, table_name, key)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE catalog_job (
                account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, created_ms INTEGER NOT NULL,
                modified_ms INTEGER NOT NULL, document TEXT NOT NULL,
                PRIMARY KEY (account, region, name)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE catalog_job_run (
                sequence INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL,
                id TEXT NOT NULL, job TEXT NOT NULL, created_ms INTEGER NOT NULL, is_open INTEGER NOT NULL,
                batch_job_id TEXT, command_id TEXT, document TEXT NOT NULL,
                UNIQUE (account, region, id)
            ) STRICT;
            CREATE INDEX catalog_job_run_by_job ON catalog_job_run (account, region, job, sequence);
            CREATE INDEX catalog_job_run_open ON catalog_job_run (account, region, job) WHERE is_open = 1;
            CREATE UNIQUE INDEX catalog_job_run_command ON catalog_job_run (command_id) WHERE command_id IS NOT NULL;
            CREATE TABLE catalog_tags (arn TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
            -- outcomes: of each item of the write that the command made, separated by spaces.
            CREATE TABLE catalog_command (id TEXT NOT NULL PRIMARY KEY, outcomes TEXT NOT NULL) STRICT, WITHOUT ROWID;
            """)
}

extension SQLiteStateStore: CatalogRecords {
    // MARK: - Databases

    package func createDatabase(
        _ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope
    ) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.statement(
                "INSERT OR IGNORE INTO catalog_database (account, region, name, created_ms, document) VALUES (?, ?, ?, ?, ?)"
            ).run([scope.account, scope.region, name, at.millisecondsSince1970, document.text])
            return db.changesCount == 1 ? .done : .exists
        }
    }

    package func updateDatabase(
        _ name: String, _ document: JSONObject, in scope: CatalogScope
    ) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.statement(
                "UPDATE catalog_database SET document = ? WHERE account = ? AND region = ? AND name = ?"
            ).run([document.text, scope.account, scope.region, name])
            return db.changesCount == 1 ? .done : .notFound
        }
    }

    package func deleteDatabase(_ name: String, in scope: CatalogScope) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.statement("DELETE FROM catalog_database WHERE account = ? AND region = ? AND name = ?")
                .run([scope.account, scope.region, name])
            guard db.changesCount == 1 else { return .notFound }
            for table in ["catalog_table", "catalog_table_version", "catalog_partition"] {
                try db.statement(text: "DELETE FROM \(table) WHERE account = ? AND region = ? AND database = ?")
                    .run([scope.account, scope.region, name])
            }
            return .done
        }
    }

    package func database(_ name: String, in scope: CatalogScope) async throws -> CatalogDatabaseRecord? {
        try await read { db in
            try db.statement(
                """
                SELECT name, created_ms, document FROM catalog_database
                WHERE account = ? AND region = ? AND name = ?
                """
            ).first([scope.account, scope.region, name], databaseRecord)
        }
    }

    package func databases(
        after name: String, limit: Int, in scope: CatalogScope
    ) async throws -> [CatalogDatabaseRecord] {
        try await read { db in
            try db.statement(
                """
                SELECT name, created_ms, document FROM catalog_database
                WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?
                """
            ).all([scope.account, scope.region, name, limit], databaseRecord)
        }
    }

    // MARK: - Tables

    package func createTable(_ table: CatalogTableRecord, in scope: CatalogScope) async throws -> CatalogOutcome {
        try await change(scope) { db in
            guard try databaseExists(table.database, scope, db) else { return .noDatabase }
            try db.statement(
                """
                INSERT OR IGNORE INTO catalog_table
                (account, region, database, name, version, created_ms, updated_ms, document)
                VALUES (?, ?, ?, ?, 1, ?, ?, ?)
                """
            ).run([
                    scope.account, scope.region, table.database, table.name, table.createdAt.millisecondsSince1970,
                    table.updatedAt.millisecondsSince1970, table.document.text,
                ])
            return db.changesCount == 1 ? .done : .exists
        }
    }

    package func updateTable(
        _ name: String, in database: String, _ document: JSONObject, expecting expected: Int64?, archives: Bool,
        at: Timestamp, scope: CatalogScope
    ) async throws -> CatalogOutcome {
        try await change(scope) { db in
            guard try databaseExists(database, scope, db) else { return .noDatabase }
            let address: [any SQLiteValue] = [scope.account, scope.region, database, name]
            let present = try db.statement(
                "SELECT version FROM catalog_table WHERE account = ? AND region = ? AND database = ? AND name = ?"
            ).value(address, as: Int64.self)
            guard let present else { return .notFound }
            if let expected, expected != present { return .conflict }
            if archives {
                try db.statement(
                    """
                    INSERT INTO catalog_table_version
                    SELECT account, region, database, name, version, created_ms, updated_ms, document
                    FROM catalog_table WHERE account = ? AND region = ? AND database = ? AND name = ?
                    """
                ).run(address)
            }
            try db.statement(
                """
                UPDATE catalog_table SET version = version + 1, updated_ms = ?, document = ?
                WHERE account = ? AND region = ? AND database = ? AND name = ?
                """
            ).run([at.millisecondsSince1970, document.text] + address)
            return .done
        }
    }

    package func deleteTables(
        _ names: [String], in database: String, scope: CatalogScope
    ) async throws -> [CatalogOutcome] {
        try await changes(scope) { db in
            guard try databaseExists(database, scope, db) else { return names.map { _ in .noDatabase } }
            return try names.map { name in
                let address: [any SQLiteValue] = [scope.account, scope.region, database, name]
                try db.statement(
                    "DELETE FROM catalog_table WHERE account = ? AND region = ? AND database = ? AND name = ?"
                ).run(address)
                guard db.changesCount == 1 else { return .notFound }
                try db.statement(
                    "DELETE FROM catalog_table_version WHERE account = ? AND region = ? AND database = ? AND name = ?"
                ).run(address)
                try db.statement(
                    "DELETE FROM catalog_partition WHERE account = ? AND region = ? AND database = ? AND table_name = ?"
                ).run(address)
                return .done
            }
        }
    }

    package func table(
        _ name: String, in database: String, scope: CatalogScope
    ) async throws -> CatalogTableRecord? {
        try await read { db in
            try db.statement(
                """
                SELECT database, name, version, created_ms, updated_ms, document FROM catalog_table
                WHERE account = ? AND region = ? AND database = ? AND name = ?
                """
            ).first([scope.account, scope.region, database, name], tableRecord)
        }
    }

    package func tables(
        in database: String, after name: String, limit: Int, scope: CatalogScope
    ) async throws -> [CatalogTableRecord] {
        try await read { db in
            try db.statement(
                """
                SELECT database, name, version, created_ms, updated_ms, document FROM catalog_table
                WHERE account = ? AND region = ? AND database = ? AND name > ? ORDER BY name LIMIT ?
                """
            ).all([scope.account, scope.region, database, name, limit], tableRecord)
        }
    }

    package func tableVersions(
        _ name: String, in database: String, after version: Int64, limit: Int, scope: CatalogScope
    ) async throws -> [CatalogTableRecord] {
        try await read { db in
            let address: [any SQLiteValue] = [scope.account, scope.region, database, name, version]
            return try db.statement(
                """
                SELECT database, name, version, created_ms, updated_ms, document FROM catalog_table_version
                WHERE account = ? AND region = ? AND database = ? AND name = ? AND version > ?
                UNION ALL
                SELECT database, name, version, created_ms, updated_ms, document FROM catalog_table
                WHERE account = ? AND region = ? AND database = ? AND name = ? AND version > ?
                ORDER BY 3 LIMIT ?
                """
            ).all(address + address + [limit], tableRecord)
        }
    }

    package func deleteTableVersions(
        _ versions: [Int64], of name: String, in database: String, scope: CatalogScope
    ) async throws -> [CatalogOutcome] {
        try await changes(scope) { db in
            try versions.map { version in
                try db.statement(
                    """
                    DELETE FROM catalog_table_version
                    WHERE account = ? AND region = ? AND database = ? AND name = ? AND version = ?
                    """
                ).run([scope.account, scope.region, database, name, version])
                return db.changesCount == 1 ? .done : .notFound
            }
        }
    }

    // MARK: - Tags

    package func changeTags(of arn: String, set: JSONObject, remove: [String]) async throws {
        try await write { db in
            let text = try db.statement("SELECT document FROM catalog_tags WHERE arn = ?")
                .value([arn], as: String.self)
            var tags = try text.map(document) ?? [:]
            for (key, value) in set { tags[key] = value }
            for key in remove { tags[key] = nil }
            try db.statement("INSERT OR REPLACE INTO catalog_tags (arn, document) VALUES (?, ?)")
                .run([arn, tags.text])
        }
    }

    package func tags(of arn: String) async throws -> JSONObject {
        try await read { db in
            try db.statement("SELECT document FROM catalog_tags WHERE arn = ?").value([arn], as: String.self)
                .map(document) ?? [:]
        }
    }
}

extension SQLiteStateStore {
    // MARK: - Commands

    func change(
        _ scope: CatalogScope, _ body: @escaping @Sendable (SQLiteConnection) throws -> CatalogOutcome
    ) async throws -> CatalogOutcome {
        try await changes(scope) { db in [try body(db)] }.first ?? .notFound
    }

    /// Runs `body` once for the scope's command.
    func changes(
        _ scope: CatalogScope, _ body: @escaping @Sendable (SQLiteConnection) throws -> [CatalogOutcome]
    ) async throws -> [CatalogOutcome] {
        try await write { db in
            guard let command = scope.commandID else { return try body(db) }
            if let known = try db.statement("SELECT outcomes FROM catalog_command WHERE id = ?")
                .value([command], as: String.self)
            {
                return known.split(separator: " ").compactMap { CatalogOutcome(rawValue: String($0)) }
            }
            let outcomes = try body(db)
            try db.statement("INSERT INTO catalog_command (id, outcomes) VALUES (?, ?)")
                .run([command, outcomes.map(\.rawValue).joined(separator: " ")])
            return outcomes
        }
    }
}

// MARK: - Rows

private func databaseExists(_ name: String, _ scope: CatalogScope, _ db: SQLiteConnection) throws -> Bool {
    try db.statement("SELECT 1 FROM catalog_database WHERE account = ? AND region = ? AND name = ?")
        .value([scope.account, scope.region, name], as: Int.self) != nil
}

private func databaseRecord(_ row: SQLiteRow) throws -> CatalogDatabaseRecord {
    try CatalogDatabaseRecord(
        name: row[0], createdAt: Timestamp(millisecondsSince1970: row[1]), document: document(row[2]))
}

private func tableRecord(_ row: SQLiteRow) throws -> CatalogTableRecord {
    try CatalogTableRecord(
        database: row[0], name: row[1], version: row[2], createdAt: Timestamp(millisecondsSince1970: row[3]),
        updatedAt: Timestamp(millisecondsSince1970: row[4]), document: document(row[5]))
}

private func document(_ text: String) throws -> JSONObject { try catalogDocument(text) }

func catalogDocument(_ text: String) throws -> JSONObject {
    guard let object = try parseRecord(text).object else {
        throw StateStoreError.corrupt("A catalog record is not a JSON object.")
    }
    return object
}
