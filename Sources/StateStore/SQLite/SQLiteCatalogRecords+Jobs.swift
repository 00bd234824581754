import GRDB
package import JSONModel
package import Support

extension SQLiteStateStore {
    package func createJob(
        _ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope
    ) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO catalog_job (account, region, name, created_ms, modified_ms, document)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    scope.account, scope.region, name, at.millisecondsSince1970, at.millisecondsSince1970, document.text,
                ])
            return db.changesCount == 1 ? .done : .exists
        }
    }

    package func updateJob(
        _ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope
    ) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.execute(
                sql: """
                    UPDATE catalog_job SET document = ?, modified_ms = ?
                    WHERE account = ? AND region = ? AND name = ?
                    """,
                arguments: [document.text, at.millisecondsSince1970, scope.account, scope.region, name])
            return db.changesCount == 1 ? .done : .notFound
        }
    }

    package func deleteJob(_ name: String, in scope: CatalogScope) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.execute(
                sql: "DELETE FROM catalog_job WHERE account = ? AND region = ? AND name = ?",
                arguments: [scope.account, scope.region, name])
            return db.changesCount == 1 ? .done : .notFound
        }
    }

    package func job(_ name: String, in scope: CatalogScope) async throws -> CatalogJobRecord? {
        try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT name, created_ms, modified_ms, document FROM catalog_job
                    WHERE account = ? AND region = ? AND name = ?
                    """,
                arguments: [scope.account, scope.region, name]
            ).map(jobRecord)
        }
    }

    package func jobs(after name: String, limit: Int, in scope: CatalogScope) async throws -> [CatalogJobRecord] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT name, created_ms, modified_ms, document FROM catalog_job
                    WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?
                    """,
                arguments: [scope.account, scope.region, name, limit]
            ).map(jobRecord)
        }
    }

    package func createJobRun(
        _ run: CatalogJobRunRecord, concurrentMax: Int, in scope: CatalogScope
    ) async throws -> CatalogJobRunRecord? {
        try await write { db in
            if let command = scope.commandID,
                let row = try Row.fetchOne(
                    db, sql: "SELECT \(runColumns) FROM catalog_job_run WHERE command_id = ?", arguments: [command])
            {
                return try jobRunRecord(row)
            }
            let open = try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM catalog_job_run
                    WHERE account = ? AND region = ? AND job = ? AND is_open = 1
                    """,
                arguments: [scope.account, scope.region, run.job])
            guard open ?? 0 < concurrentMax else { return nil }
            try db.execute(
                sql: """
                    INSERT INTO catalog_job_run
                    (account, region, id, job, created_ms, is_open, batch_job_id, command_id, document)
                    VALUES (?, ?, ?, ?, ?, 1, NULL, ?, ?)
                    """,
                arguments: [
                    scope.account, scope.region, run.id, run.job, run.createdAt.millisecondsSince1970, scope.commandID,
                    run.document.text,
                ])
            var stored = run
            stored.sequence = db.lastInsertedRowID
            return stored
        }
    }

    package func updateJobRun(_ id: String, batchJobID: String?, isOpen: Bool, in scope: CatalogScope) async throws {
        try await write { db in
            try db.execute(
                sql: """
                    UPDATE catalog_job_run SET batch_job_id = ?, is_open = ?
                    WHERE account = ? AND region = ? AND id = ?
                    """,
                arguments: [batchJobID, isOpen, scope.account, scope.region, id])
        }
    }

    package func jobRun(_ id: String, in scope: CatalogScope) async throws -> CatalogJobRunRecord? {
        try await read { db in
            try Row.fetchOne(
                db, sql: "SELECT \(runColumns) FROM catalog_job_run WHERE account = ? AND region = ? AND id = ?",
                arguments: [scope.account, scope.region, id]
            ).map(jobRunRecord)
        }
    }

    package func jobRuns(
        of job: String, before sequence: Int64, limit: Int, openOnly: Bool, in scope: CatalogScope
    ) async throws -> [CatalogJobRunRecord] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(runColumns) FROM catalog_job_run
                    WHERE account = ? AND region = ? AND job = ? AND sequence < ?\(openOnly ? " AND is_open = 1" : "")
                    ORDER BY sequence DESC LIMIT ?
                    """,
                arguments: [scope.account, scope.region, job, sequence, limit]
            ).map(jobRunRecord)
        }
    }

    package func unsubmittedJobRuns() async throws -> [(scope: CatalogScope, run: CatalogJobRunRecord)] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(runColumns), account, region FROM catalog_job_run
                    WHERE is_open = 1 AND batch_job_id IS NULL ORDER BY sequence
                    """
            ).map { row in (CatalogScope(account: row[7], region: row[8]), try jobRunRecord(row)) }
        }
    }
}

private let runColumns = "id, job, sequence, created_ms, is_open, batch_job_id, document"

private func jobRunRecord(_ row: Row) throws -> CatalogJobRunRecord {
    var run = CatalogJobRunRecord(
        id: row[0], job: row[1], createdAt: Timestamp(millisecondsSince1970: row[3]),
        document: try catalogDocument(row[6]))
    run.sequence = row[2]
    run.isOpen = row[4]
    run.batchJobID = row[5]
    return run
}

private func jobRecord(_ row: Row) throws -> CatalogJobRecord {
    CatalogJobRecord(
        name: row[0], createdAt: Timestamp(millisecondsSince1970: row[1]),
        modifiedAt: Timestamp(millisecondsSince1970: row[2]), document: try catalogDocument(row[3]))
}
