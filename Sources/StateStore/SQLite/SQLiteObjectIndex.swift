import FoundationEssentials
import GRDB
import JSONModel
import Support

extension StateStoreMigration {
    /// The embedded object store's tables. They have a database file of their own, so that object traffic and
    /// executions do not wait for one another's commits.
    package static let objectIndex = StateStoreMigration(
        name: "object-index-1",
        sql: """
            CREATE TABLE object_bucket (
                name TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, created_ms INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            -- content_form 0: data holds the bytes; 1: data lists segments, see encodeSegments.
            CREATE TABLE object (
                id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL,
                etag TEXT NOT NULL, modified_ms INTEGER NOT NULL, upload_id TEXT, attributes TEXT,
                content_form INTEGER NOT NULL, data BLOB NOT NULL,
                UNIQUE (bucket, key)
            ) STRICT;
            CREATE TABLE object_upload (
                id TEXT NOT NULL PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, initiated_ms INTEGER NOT NULL,
                attributes TEXT
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX object_upload_by_key ON object_upload (bucket, key, id);
            CREATE TABLE object_part (
                upload_id TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
                etag TEXT NOT NULL, checksum TEXT, modified_ms INTEGER NOT NULL,
                PRIMARY KEY (upload_id, number)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE object_file (
                id TEXT NOT NULL PRIMARY KEY, is_garbage INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX object_file_garbage ON object_file (id) WHERE is_garbage = 1;
            """)
}

extension SQLiteStateStore: ObjectIndex {
    package func buckets() async throws -> [BucketRecord] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT name, account, region, created_ms FROM object_bucket ORDER BY name")
                .map(bucketRecord)
        }
    }

    package func createBucket(_ bucket: BucketRecord) async throws -> BucketRecord? {
        try await write { db in
            let existing = try Row.fetchOne(
                db, sql: "SELECT name, account, region, created_ms FROM object_bucket WHERE name = ?",
                arguments: [bucket.name])
            if let existing { return bucketRecord(existing) }
            try db.execute(
                sql: "INSERT INTO object_bucket (name, account, region, created_ms) VALUES (?, ?, ?, ?)",
                arguments: [bucket.name, bucket.account, bucket.region, bucket.createdAt.millisecondsSince1970])
            return nil
        }
    }

    package func deleteBucket(_ name: String) async throws -> BucketDeletion {
        try await write { db in
            guard try bucketExists(name, db) else { return .noSuchBucket }
            if try Int.fetchOne(db, sql: "SELECT 1 FROM object WHERE bucket = ? LIMIT 1", arguments: [name]) != nil {
                return .notEmpty
            }
            let uploads = try String.fetchAll(
                db, sql: "SELECT id FROM object_upload WHERE bucket = ?", arguments: [name])
            for upload in uploads { try dropUpload(upload, keeping: [], db) }
            try db.execute(sql: "DELETE FROM object_bucket WHERE name = ?", arguments: [name])
            return .done
        }
    }

    package func object(_ key: ObjectKey, in bucket: String) async throws -> ObjectRecord? {
        try await read { db in try fetchObject(key, in: bucket, db) }
    }

    package func putObject(_ record: ObjectRecord, condition: WriteCondition) async throws -> ObjectWriteOutcome {
        let attributes = encodeAttributes(record.attributes)
        return try await write { db in try storeObject(record, attributes: attributes, condition: condition, db) }
    }

    package func deleteObject(
        _ key: ObjectKey, in bucket: String, condition: WriteCondition
    ) async throws -> ObjectWriteOutcome {
        try await write { db in
            guard try bucketExists(bucket, db) else { return .noSuchBucket }
            return try removeObject(key, in: bucket, condition: condition, db)
        }
    }

    package func deleteObjects(
        _ keys: [(key: ObjectKey, condition: WriteCondition)], in bucket: String
    ) async throws -> [ObjectWriteOutcome] {
        try await write { db in
            guard try bucketExists(bucket, db) else { return keys.map { _ in .noSuchBucket } }
            return try keys.map { try removeObject($0.key, in: bucket, condition: $0.condition, db) }
        }
    }

    package func setTags(
        _ tags: [ObjectTag], of key: ObjectKey, in bucket: String
    ) async throws -> ObjectWriteOutcome {
        try await write { db in
            guard try bucketExists(bucket, db) else { return .noSuchBucket }
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT id, attributes FROM object WHERE bucket = ? AND key = ?"),
                arguments: [bucket, Data(key.utf8)])
            guard let row else { return .noSuchKey }
            var attributes = try decodeAttributes(row[1])
            attributes.tags = tags
            try db.execute(
                sql: "UPDATE object SET attributes = ? WHERE id = ?",
                arguments: [encodeAttributes(attributes), row[0] as Int64])
            return .done
        }
    }

    package func live(among files: [DataFileID]) async throws -> Set<DataFileID> {
        try await read { db in
            var found: Set<DataFileID> = []
            let statement = try db.cachedStatement(sql: "SELECT is_garbage FROM object_file WHERE id = ?")
            for file in files where try Int.fetchOne(statement, arguments: [file.text]) == 0 { found.insert(file) }
            return found
        }
    }

    package func garbage(limit: Int) async throws -> [DataFileID] {
        try await read { db in
            try String.fetchAll(
                db, sql: "SELECT id FROM object_file WHERE is_garbage = 1 LIMIT ?", arguments: [limit]
            ).map { DataFileID($0) }
        }
    }

    package func forgetGarbage(_ files: [DataFileID]) async throws {
        try await write { db in
            let statement = try db.cachedStatement(sql: "DELETE FROM object_file WHERE id = ? AND is_garbage = 1")
            for file in files { try statement.execute(arguments: [file.text]) }
        }
    }
}

// MARK: - Steps of a transaction

func bucketExists(_ name: String, _ db: Database) throws -> Bool {
    try Int.fetchOne(
        db.cachedStatement(sql: "SELECT 1 FROM object_bucket WHERE name = ?"), arguments: [name]) != nil
}

func storeObject(
    _ record: ObjectRecord, attributes: String?, condition: WriteCondition, _ db: Database
) throws -> ObjectWriteOutcome {
    guard try bucketExists(record.bucket, db) else { return .noSuchBucket }
    let key = Data(record.key.utf8)
    let old = try Row.fetchOne(
        db.cachedStatement(
            sql: """
                SELECT id, etag, content_form, CASE content_form WHEN 1 THEN data END
                FROM object WHERE bucket = ? AND key = ?
                """),
        arguments: [record.bucket, key])
    switch outcome(of: condition, etag: old?[1]) {
    case .done: break
    case let refusal: return refusal
    }
    try registerFiles(record.content.files, db)
    let form: Int
    let data: Data
    switch record.content {
    case .inline(let bytes): (form, data) = (0, Data(bytes))
    case .segments(let segments): (form, data) = (1, encodeSegments(segments))
    }
    if let old {
        if old[2] as Int == 1 { try discardFiles(decodeSegments(old[3]).map(\.file), db) }
        try db.cachedStatement(
            sql: """
                UPDATE object SET size = ?, etag = ?, modified_ms = ?, upload_id = ?, attributes = ?, content_form = ?,
                data = ? WHERE id = ?
                """
        ).execute(arguments: [
            record.size, record.etag, record.modifiedAt.millisecondsSince1970, record.uploadID, attributes, form, data,
            old[0] as Int64,
        ])
    } else {
        try db.cachedStatement(
            sql: """
                INSERT INTO object (bucket, key, size, etag, modified_ms, upload_id, attributes, content_form, data)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            record.bucket, key, record.size, record.etag, record.modifiedAt.millisecondsSince1970, record.uploadID,
            attributes, form, data,
        ])
    }
    return .done
}

private func removeObject(
    _ key: ObjectKey, in bucket: String, condition: WriteCondition, _ db: Database
) throws -> ObjectWriteOutcome {
    let old = try Row.fetchOne(
        db.cachedStatement(
            sql: """
                SELECT id, etag, content_form, CASE content_form WHEN 1 THEN data END
                FROM object WHERE bucket = ? AND key = ?
                """),
        arguments: [bucket, Data(key.utf8)])
    switch outcome(of: condition, etag: old?[1]) {
    case .done: break
    case let refusal: return refusal
    }
    guard let old else { return .done }
    if old[2] as Int == 1 { try discardFiles(decodeSegments(old[3]).map(\.file), db) }
    try db.cachedStatement(sql: "DELETE FROM object WHERE id = ?").execute(arguments: [old[0] as Int64])
    return .done
}

/// Whether a write may happen when `etag` is that of the present object, nil for none.
private func outcome(of condition: WriteCondition, etag: String?) -> ObjectWriteOutcome {
    switch condition {
    case .none: .done
    case .ifAbsent: etag == nil ? .done : .preconditionFailed
    case .ifPresent: etag == nil ? .noSuchKey : .done
    case .ifMatch(let wanted): etag == nil ? .noSuchKey : etag == wanted ? .done : .preconditionFailed
    }
}

func registerFiles(_ files: [DataFileID], _ db: Database) throws {
    let statement = try db.cachedStatement(sql: "INSERT OR IGNORE INTO object_file (id, is_garbage) VALUES (?, 0)")
    for file in files { try statement.execute(arguments: [file.text]) }
}

func discardFiles(_ files: [DataFileID], _ db: Database) throws {
    let statement = try db.cachedStatement(sql: "UPDATE object_file SET is_garbage = 1 WHERE id = ?")
    for file in files { try statement.execute(arguments: [file.text]) }
}

/// Ends an upload; its parts become garbage, but for the files in `kept`.
func dropUpload(_ id: String, keeping kept: Set<String>, _ db: Database) throws {
    let files = try String.fetchAll(
        db.cachedStatement(sql: "SELECT file FROM object_part WHERE upload_id = ?"), arguments: [id])
    try discardFiles(files.filter { !kept.contains($0) }.map { DataFileID($0) }, db)
    try db.execute(sql: "DELETE FROM object_part WHERE upload_id = ?", arguments: [id])
    try db.execute(sql: "DELETE FROM object_upload WHERE id = ?", arguments: [id])
}

func fetchObject(_ key: ObjectKey, in bucket: String, _ db: Database) throws -> ObjectRecord? {
    let row = try Row.fetchOne(
        db.cachedStatement(
            sql: """
                SELECT size, etag, modified_ms, upload_id, attributes, content_form, data
                FROM object WHERE bucket = ? AND key = ?
                """),
        arguments: [bucket, Data(key.utf8)])
    guard let row else { return nil }
    let data: Data = row[6]
    return ObjectRecord(
        bucket: bucket, key: key, size: row[0], etag: row[1], modifiedAt: Timestamp(millisecondsSince1970: row[2]),
        attributes: try decodeAttributes(row[4]),
        content: row[5] as Int == 0 ? .inline(Array(data)) : .segments(try decodeSegments(data)), uploadID: row[3])
}

private func bucketRecord(_ row: Row) -> BucketRecord {
    BucketRecord(
        name: row[0], account: row[1], region: row[2], createdAt: Timestamp(millisecondsSince1970: row[3]))
}
