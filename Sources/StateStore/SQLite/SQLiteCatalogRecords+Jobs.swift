package import JSONModel
package import Support

extension SQLiteStateStore {
    package func createJob(
        _ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope
    ) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.statement(
                """
                INSERT OR IGNORE INTO catalog_job (account, region, name, created_ms, modified_ms, document)
                VALUES (?, ?, ?, ?, ?, ?)
                """
            ).run([
                    scope.account, scope.region, name, at.millisecondsSince1970, at.millisecondsSince1970, document.text,
                ])
            return db.changesCount == 1 ? .done : .exists
        }
    }

    package func updateJob(
        _ name: String, _ document: JSONObject, at: Timestamp, in scope: CatalogScope
    ) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.statement(
                """
                UPDATE catalog_job SET document = ?, modified_ms = ?
                WHERE account = ? AND region = ? AND name = ?
                """
            ).run([document.text, at.millisecondsSince1970, scope.account, scope.region, name])
            return db.changesCount == 1 ? .done : .notFound
        }
    }

    package func deleteJob(_ name: String, in scope: CatalogScope) async throws -> CatalogOutcome {
        try await change(scope) { db in
            try db.statement("DELETE FROM catalog_job WHERE account = ? AND region = ? AND name = ?")
                .run([scope.account, scope.region, name])
            return db.changesCount == 1 ? .done : .notFound
        }
    }

    package func job(_ name: String, in scope: CatalogScope) async throws -> CatalogJobRecord? {
        try await read { db in
            try db.statement(
                """
                SELECT name, created_ms, modified_ms, document FROM catalog_job
                WHERE account = ? AND region = ? AND name = ?
                """
            ).first([scope.account, scope.region, name], jobRecord)
        }
    }

    package func jobs(after name: String, limit: Int, in scope: CatalogScope) async throws -> [CatalogJobRecord] {
        try await read { db in
            try db.statement(
                """
                SELECT name, created_ms, modified_ms, document FROM catalog_job
                WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?
                """
            ).all([scope.account, scope.region, name, limit], jobRecord)
        }
    }

    package func createJobRun(
        _ run: CatalogJobRunRecord, concurrentMax: Int, in scope: CatalogScope
    ) async throws -> CatalogJobRunRecord? {
        try await write { db in
            if let command = scope.commandID,
                let run = try db.statement(text: "SELECT \(runColumns) FROM catalog_job_run WHERE command_id = ?")
                    .first([command], jobRunRecord)
            {
                return run
            }
            let open = try db.statement(
                """
                SELECT count(*) FROM catalog_job_run
                WHERE account = ? AND region = ? AND job = ? AND is_open = 1
                """
            ).value([scope.account, scope.region, run.job], as: Int.self)
            guard open ?? 0 < concurrentMax else { return nil }
            try db.statement(
                """
                INSERT INTO catalog_job_run
                (account, region, id, job, created_ms, is_open, batch_job_id, command_id, document)
                VALUES (?, ?, ?, ?, ?, 1, NULL, ?, ?)
                """
            ).run([
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
            try db.statement(
                """
                UPDATE catalog_job_run SET batch_job_id = ?, is_open = ?
                WHERE account = ? AND region = ? AND id = ?
                """
            ).run([batchJobID, isOpen, scope.account, scope.region, id])
        }
    }

    package func jobRun(_ id: String, in scope: CatalogScope) async throws -> CatalogJobRunRecord? {
        try await read { db in
            try db.statement(
                text: "SELECT \(runColumns) FROM catalog_job_run WHERE account = ? AND region = ? AND id = ?"
            ).first([scope.account, scope.region, id], jobRunRecord)
        }
    }

    package func jobRuns(
        of job: String, before sequence: Int64, limit: Int, openOnly: Bool, in scope: CatalogScope
    ) async throws -> [CatalogJobRunRecord] {
        try await read { db in
            try db.statement(
                text: """
                SELECT \(runColumns) FROM catalog_job_run
                WHERE account = ? AND region = ? AND job = ? AND sequence < ?\(openOnly ? " AND is_open = 1" : "")
                ORDER BY sequence DESC LIMIT ?
                """
            ).all([scope.account, scope.region, job, sequence, limit], jobRunRecord)
        }
    }

    package func unsubmittedJobRuns() async throws -> [(scope: CatalogScope, run: CatalogJobRunRecord)] {
        try await read { db in
            try db.statement(
                text: """
                SELECT \(runColumns), account, region FROM catalog_job_run
                WHERE is_open = 1 AND batch_job_id IS NULL ORDER BY sequence
                """
            ).all { row in (CatalogScope(account: try row[7], region: try row[8]), try jobRunRecord(row)) }
        }
    }
}

private let runColumns = "id, job, sequence, created_ms, is_open, batch_job_id, document"

private func jobRunRecord(_ row: SQLiteRow) throws -> CatalogJobRunRecord {
    var run = try CatalogJobRunRecord(
        id: row[0], job: row[1], createdAt: Timestamp(millisecondsSince1970: row[3]),
        document: catalogDocument(row[6]))
    run.sequence = try row[2]
    run.isOpen = try row[4]
    run.batchJobID = try row[5]
    return run
}

private func jobRecord(_ row: SQLiteRow) throws -> CatalogJobRecord {
    try CatalogJobRecord(
        name: row[0], createdAt: Timestamp(millisecondsSince1970: row[1]),
        modifiedAt: Timestamp(millisecondsSince1970: row[2]), document: catalogDocument(row[3]))
}
