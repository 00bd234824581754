import JSONModel
import Support

extension StateStoreMigration {
    package static let batch = StateStoreMigration(
        name: "batch-1",
        sql: """
            CREATE TABLE batch_job (
                id TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, sequence INTEGER NOT NULL,
                name TEXT NOT NULL, queue TEXT NOT NULL, status TEXT NOT NULL, is_open INTEGER NOT NULL, parent TEXT,
                external_id TEXT, created_ms INTEGER NOT NULL, document TEXT NOT NULL
            ) STRICT;
            CREATE UNIQUE INDEX batch_job_by_sequence ON batch_job (sequence);
            CREATE INDEX batch_job_open ON batch_job (sequence) WHERE is_open = 1;
            CREATE INDEX batch_job_by_queue ON batch_job (account, region, queue, sequence);
            CREATE INDEX batch_job_by_parent ON batch_job (parent, sequence) WHERE parent IS NOT NULL;
            CREATE INDEX batch_job_by_external_id ON batch_job (account, region, external_id)
                WHERE external_id IS NOT NULL;
            CREATE TABLE batch_command (
                id TEXT NOT NULL PRIMARY KEY, job_id TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE batch_resource (
                kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
                revision INTEGER NOT NULL, document TEXT NOT NULL,
                PRIMARY KEY (kind, account, region, name, revision)
            ) STRICT, WITHOUT ROWID;
            """)
}

extension SQLiteStateStore: BatchStore {
    package func apply(_ commit: BatchCommit) async throws {
        // Encoded here, so that the writer's thread does not have to.
        let jobs = commit.jobs.map { ($0, $0.document.text) }
        let resources = commit.putResources.map { ($0, $0.document.text) }
        try await write { db in
            let upsert = try db.statement(
                """
                INSERT INTO batch_job (id, account, region, sequence, name, queue, status, is_open, parent,
                    external_id, created_ms, document)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET status = excluded.status, is_open = excluded.is_open,
                    document = excluded.document
                """
            )
            for (job, document) in jobs {
                try upsert.run([
                    job.id, job.scope.account, job.scope.region, job.sequence, job.name, job.queue, job.status,
                    job.isOpen, job.parent, job.externalID, job.createdAt.millisecondsSince1970, document,
                ])
            }
            for command in commit.commands {
                try db.statement("INSERT INTO batch_command (id, job_id) VALUES (?, ?)")
                    .run([command.id, command.jobID])
            }
            for (resource, document) in resources {
                try db.statement(
                    """
                    INSERT OR REPLACE INTO batch_resource (kind, account, region, name, revision, document)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """
                ).run([
                        resource.kind.rawValue, resource.scope.account, resource.scope.region, resource.name,
                        resource.revision, document,
                    ])
            }
            for resource in commit.deletedResources {
                try db.statement(
                    """
                    DELETE FROM batch_resource
                    WHERE kind = ? AND account = ? AND region = ? AND name = ? AND revision = ?
                    """
                ).run([
                        resource.kind.rawValue, resource.scope.account, resource.scope.region, resource.name,
                        resource.revision,
                    ])
            }
        }
    }

    package func openJobs() async throws -> [BatchJobRow] {
        try await read { db in
            try db.statement("SELECT * FROM batch_job WHERE is_open = 1 ORDER BY sequence").all { try jobRow($0) }
        }
    }

    package func jobs(_ ids: [String]) async throws -> [BatchJobRow] {
        guard !ids.isEmpty else { return [] }
        return try await read { db in
            let statement = try db.statement("SELECT * FROM batch_job WHERE id = ?")
            return try ids.compactMap { try statement.first([$0], jobRow) }
        }
    }

    package func jobs(matching query: BatchJobQuery) async throws -> [BatchJobRow] {
        try await read { db in
            var conditions = "account = ? AND region = ?"
            var arguments: [any SQLiteValue] = [query.scope.account, query.scope.region]
            func add(_ condition: String, _ value: (any SQLiteValue)?) {
                guard let value else { return }
                conditions += " AND " + condition
                arguments += [value]
            }
            add("queue = ?", query.queue)
            add("name = ?", query.name)
            add("sequence < ?", query.before)
            if let parent = query.parent {
                add("parent = ?", parent)
            } else if !query.includesChildren {
                conditions += " AND parent IS NULL"
            }
            if let statuses = query.statuses {
                conditions += " AND status IN (" + statuses.map { _ in "?" }.joined(separator: ", ") + ")"
                for status in statuses { arguments += [status] }
            }
            arguments += [query.limit]
            let sql = "SELECT * FROM batch_job WHERE \(conditions) ORDER BY sequence DESC LIMIT ?"
            return try db.statement(text: sql).all(arguments, jobRow)
        }
    }

    package func job(externalID: String, account: String, region: String) async throws -> BatchJobRow? {
        try await read { db in
            try db.statement(
                """
                SELECT * FROM batch_job WHERE account = ? AND region = ? AND external_id = ?
                ORDER BY sequence DESC LIMIT 1
                """
            ).first([account, region, externalID], jobRow)
        }
    }

    package func childCounts(of parent: String) async throws -> [String: Int] {
        try await read { db in
            let rows = try db.statement(
                "SELECT status, COUNT(*) AS count FROM batch_job WHERE parent = ? GROUP BY status"
            ).all([parent]) { row in (try row[0] as String, try row[1] as Int) }
            return Dictionary(rows, uniquingKeysWith: { first, _ in first })
        }
    }

    package func jobIDs(forCommands ids: [String]) async throws -> [String: String] {
        guard !ids.isEmpty else { return [:] }
        return try await read { db in
            var found: [String: String] = [:]
            let statement = try db.statement("SELECT job_id FROM batch_command WHERE id = ?")
            for id in ids { found[id] = try statement.value([id], as: String.self) }
            return found
        }
    }

    package func lastSequence() async throws -> Int64 {
        try await read { db in try db.statement("SELECT MAX(sequence) FROM batch_job")
            .value(as: Int64.self) ?? 0 }
    }

    package func resources(_ kind: BatchResourceKind, in scope: BatchScope?) async throws -> [BatchResourceRow] {
        try await read { db in
            var sql = "SELECT * FROM batch_resource WHERE kind = ?"
            var arguments: [any SQLiteValue] = [kind.rawValue]
            if let scope {
                sql += " AND account = ? AND region = ?"
                arguments += [scope.account, scope.region]
            }
            return try db.statement(text: sql + " ORDER BY name, revision").all(arguments) { row in
                try BatchResourceRow(
                    kind: kind, scope: BatchScope(account: row["account"], region: row["region"]), name: row["name"],
                    revision: row["revision"], document: parsed(row["document"], of: "batch_resource"))
            }
        }
    }

    package func lastRevision(_ kind: BatchResourceKind, name: String, in scope: BatchScope) async throws -> Int64 {
        try await read { db in
            try db.statement(
                """
                SELECT MAX(revision) FROM batch_resource
                WHERE kind = ? AND account = ? AND region = ? AND name = ?
                """
            ).value([kind.rawValue, scope.account, scope.region, name], as: Int64.self) ?? 0
        }
    }
}

@Sendable private func jobRow(_ row: SQLiteRow) throws -> BatchJobRow {
    try BatchJobRow(
        scope: BatchScope(account: row["account"], region: row["region"]), id: row["id"], sequence: row["sequence"],
        name: row["name"], queue: row["queue"], status: row["status"], isOpen: row["is_open"], parent: row["parent"],
        externalID: row["external_id"], createdAt: Timestamp(millisecondsSince1970: row["created_ms"]),
        document: parsed(row["document"], of: "batch_job"))
}

private func parsed(_ text: String, of table: String) throws -> JSONValue {
    do {
        return try JSONValue(parsing: text)
    } catch {
        throw StateStoreError.corrupt("A document of \(table) is not JSON: \(error)")
    }
}
