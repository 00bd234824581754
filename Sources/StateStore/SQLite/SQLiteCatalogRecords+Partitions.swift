package import JSONModel
package import Support

extension SQLiteStateStore {
    package func createPartitions(
        _ partitions: [CatalogPartitionRecord], of table: CatalogTableName, scope: CatalogScope
    ) async throws -> [CatalogOutcome] {
        try await changes(scope) { db in
            guard try tableExists(table, scope, db) else { return partitions.map { _ in .notFound } }
            return try partitions.map { try insert($0, table, scope, db) }
        }
    }

    package func updatePartitions(
        _ changes: [(key: String, partition: CatalogPartitionRecord)], of table: CatalogTableName, scope: CatalogScope
    ) async throws -> [CatalogOutcome] {
        try await self.changes(scope) { db in
            try changes.map { change in
                let created = try db.statement(
                    """
                    SELECT created_ms FROM catalog_partition
                    WHERE account = ? AND region = ? AND database = ? AND table_name = ? AND key = ?
                    """
                ).value([scope.account, scope.region, table.database, table.name, change.key], as: Int64.self)
                guard let created else { return .notFound }
                var partition = change.partition
                partition.createdAt = Timestamp(millisecondsSince1970: created)
                if change.key != partition.key, try partitionExists(partition.key, table, scope, db) { return .exists }
                _ = try remove(change.key, table, scope, db)
                return try insert(partition, table, scope, db)
            }
        }
    }

    package func deletePartitions(
        _ keys: [String], of table: CatalogTableName, scope: CatalogScope
    ) async throws -> [CatalogOutcome] {
        try await changes(scope) { db in
            try keys.map { try remove($0, table, scope, db) ? .done : .notFound }
        }
    }

    package func partitions(
        _ keys: [String], of table: CatalogTableName, scope: CatalogScope
    ) async throws -> [CatalogPartitionRecord] {
        try await read { db in
            try keys.compactMap { key in
                try db.statement(
                    """
                    SELECT key, created_ms, document FROM catalog_partition
                    WHERE account = ? AND region = ? AND database = ? AND table_name = ? AND key = ?
                    """
                ).first([scope.account, scope.region, table.database, table.name, key], partitionRecord)
            }
        }
    }

    package func partitions(
        of table: CatalogTableName, after key: String, limit: Int, scope: CatalogScope
    ) async throws -> [CatalogPartitionRecord] {
        try await read { db in
            try db.statement(
                """
                SELECT key, created_ms, document FROM catalog_partition
                WHERE account = ? AND region = ? AND database = ? AND table_name = ? AND key > ?
                ORDER BY key LIMIT ?
                """
            ).all([scope.account, scope.region, table.database, table.name, key, limit], partitionRecord)
        }
    }
}

private func tableExists(_ table: CatalogTableName, _ scope: CatalogScope, _ db: SQLiteConnection) throws -> Bool {
    try db.statement(
        "SELECT 1 FROM catalog_table WHERE account = ? AND region = ? AND database = ? AND name = ?"
    ).value([scope.account, scope.region, table.database, table.name], as: Int.self) != nil
}

private func partitionExists(
    _ key: String, _ table: CatalogTableName, _ scope: CatalogScope, _ db: SQLiteConnection
) throws -> Bool {
    try db.statement(
        """
        SELECT 1 FROM catalog_partition
        WHERE account = ? AND region = ? AND database = ? AND table_name = ? AND key = ?
        """
    ).value([scope.account, scope.region, table.database, table.name, key], as: Int.self) != nil
}

private func insert(
    _ partition: CatalogPartitionRecord, _ table: CatalogTableName, _ scope: CatalogScope, _ db: SQLiteConnection
) throws -> CatalogOutcome {
    try db.statement(
        """
        INSERT OR IGNORE INTO catalog_partition
        (account, region, database, table_name, key, created_ms, document) VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    ).run([
        scope.account, scope.region, table.database, table.name, partition.key,
        partition.createdAt.millisecondsSince1970, partition.document.text,
    ])
    return db.changesCount == 1 ? .done : .exists
}

private func remove(
    _ key: String, _ table: CatalogTableName, _ scope: CatalogScope, _ db: SQLiteConnection
) throws -> Bool {
    try db.statement(
        """
        DELETE FROM catalog_partition
        WHERE account = ? AND region = ? AND database = ? AND table_name = ? AND key = ?
        """
    ).run([scope.account, scope.region, table.database, table.name, key])
    return db.changesCount == 1
}

private func partitionRecord(_ row: SQLiteRow) throws -> CatalogPartitionRecord {
    try CatalogPartitionRecord(
        key: row[0], createdAt: Timestamp(millisecondsSince1970: row[1]), document: catalogDocument(row[2]))
}
