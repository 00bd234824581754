import GRDB
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
            let upsert = try db.cachedStatement(
                sql: """
                    INSERT INTO batch_job (id, account, region, sequence, name, queue, status, is_open, parent,
                        external_id, created_ms, document)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET status = excluded.status, is_open = excluded.is_open,
                        document = excluded.document
                    """)
            for (job, document) in jobs {
                try upsert.execute(arguments: [
                    job.id, job.scope.account, job.scope.region, job.sequence, job.name, job.queue, job.status,
                    job.isOpen, job.parent, job.externalID, job.createdAt.millisecondsSince1970, document,
                ])
            }
            for command in commit.commands {
                try db.execute(
                    sql: "INSERT INTO batch_command (id, job_id) VALUES (?, ?)", arguments: [command.id, command.jobID])
            }
            for (resource, document) in resources {
                try db.execute(
                    sql: """
                        INSERT OR REPLACE INTO batch_resource (kind, account, region, name, revision, document)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        resource.kind.rawValue, resource.scope.account, resource.scope.region, resource.name,
                        resource.revision, document,
                    ])
            }
            for resource in commit.deletedResources {
                try db.execute(
                    sql: """
                        DELETE FROM batch_resource
                        WHERE kind = ? AND account = ? AND region = ? AND name = ? AND revision = ?
                        """,
                    arguments: [
                        resource.kind.rawValue, resource.scope.account, resource.scope.region, resource.name,
                        resource.revision,
                    ])
            }
        }
    }

    package func openJobs() async throws -> [BatchJobRow] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM batch_job WHERE is_open = 1 ORDER BY sequence").map(jobRow)
        }
    }

    package func jobs(_ ids: [String]) async throws -> [BatchJobRow] {
        guard !ids.isEmpty else { return [] }
        return try await read { db in
            let statement = try db.cachedStatement(sql: "SELECT * FROM batch_job WHERE id = ?")
            return try ids.compactMap { try Row.fetchOne(statement, arguments: [$0]).map(jobRow) }
        }
    }

    package func jobs(matching query: BatchJobQuery) async throws -> [BatchJobRow] {
        try await read { db in
            var conditions = "account = ? AND region = ?"
            var arguments: StatementArguments = [query.scope.account, query.scope.region]
            func add(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
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
            return try Row.fetchAll(db, sql: sql, arguments: arguments).map(jobRow)
        }
    }

    package func job(externalID: String, account: String, region: String) async throws -> BatchJobRow? {
        try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT * FROM batch_job WHERE account = ? AND region = ? AND external_id = ?
                    ORDER BY sequence DESC LIMIT 1
                    """,
                arguments: [account, region, externalID]
            ).map(jobRow)
        }
    }

    package func childCounts(of parent: String) async throws -> [String: Int] {
        try await read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT status, COUNT(*) AS count FROM batch_job WHERE parent = ? GROUP BY status",
                arguments: [parent])
            return Dictionary(rows.map { ($0["status"], $0["count"]) }, uniquingKeysWith: { first, _ in first })
        }
    }

    package func jobIDs(forCommands ids: [String]) async throws -> [String: String] {
        guard !ids.isEmpty else { return [:] }
        return try await read { db in
            var found: [String: String] = [:]
            let statement = try db.cachedStatement(sql: "SELECT job_id FROM batch_command WHERE id = ?")
            for id in ids { found[id] = try String.fetchOne(statement, arguments: [id]) }
            return found
        }
    }

    package func lastSequence() async throws -> Int64 {
        try await read { db in try Int64.fetchOne(db, sql: "SELECT MAX(sequence) FROM batch_job") ?? 0 }
    }

    package func resources(_ kind: BatchResourceKind, in scope: BatchScope?) async throws -> [BatchResourceRow] {
        try await read { db in
            var sql = "SELECT * FROM batch_resource WHERE kind = ?"
            var arguments: StatementArguments = [kind.rawValue]
            if let scope {
                sql += " AND account = ? AND region = ?"
                arguments += [scope.account, scope.region]
            }
            return try Row.fetchAll(db, sql: sql + " ORDER BY name, revision", arguments: arguments).map { row in
                BatchResourceRow(
                    kind: kind, scope: BatchScope(account: row["account"], region: row["region"]), name: row["name"],
                    revision: row["revision"], document: try parsed(row["document"], of: "batch_resource"))
            }
        }
    }

    package func lastRevision(_ kind: BatchResourceKind, name: String, in scope: BatchScope) async throws -> Int64 {
        try await read { db in
            try Int64.fetchOne(
                db,
                sql: """
                    SELECT MAX(revision) FROM batch_resource
                    WHERE kind = ? AND account = ? AND region = ? AND name = ?
                    """,
                arguments: [kind.rawValue, scope.account, scope.region, name]) ?? 0
        }
    }
}

@Sendable private func jobRow(_ row: Row) throws -> BatchJobRow {
    BatchJobRow(
        scope: BatchScope(account: row["account"], region: row["region"]), id: row["id"], sequence: row["sequence"],
        name: row["name"], queue: row["queue"], status: row["status"], isOpen: row["is_open"], parent: row["parent"],
        externalID: row["external_id"], createdAt: Timestamp(millisecondsSince1970: row["created_ms"]),
        document: try parsed(row["document"], of: "batch_job"))
}

private func parsed(_ text: String, of table: String) throws -> JSONValue {
    do {
        return try JSONValue(parsing: text)
    } catch {
        throw StateStoreError.corrupt("A document of \(table) is not JSON: \(error)")
    }
}
