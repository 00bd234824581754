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
            try db.statement("SELECT name, account, region, created_ms FROM object_bucket ORDER BY name")
                .all { try bucketRecord($0) }
        }
    }

    package func createBucket(_ bucket: BucketRecord) async throws -> BucketRecord? {
        try await write { db in
            let existing = try db.statement(
                "SELECT name, account, region, created_ms FROM object_bucket WHERE name = ?"
            ).first([bucket.name], bucketRecord)
            if let existing { return existing }
            try db.statement(
                "INSERT INTO object_bucket (name, account, region, created_ms) VALUES (?, ?, ?, ?)"
            ).run([bucket.name, bucket.account, bucket.region, bucket.createdAt.millisecondsSince1970])
            return nil
        }
    }

    package func deleteBucket(_ name: String) async throws -> BucketDeletion {
        try await write { db in
            guard try bucketExists(name, db) else { return .noSuchBucket }
            if try db.statement("SELECT 1 FROM object WHERE bucket = ? LIMIT 1")
                .value([name], as: Int.self) != nil {
                return .notEmpty
            }
            let uploads = try db.statement("SELECT id FROM object_upload WHERE bucket = ?")
                .values([name], as: String.self)
            for upload in uploads { try dropUpload(upload, keeping: [], db) }
            try db.statement("DELETE FROM object_bucket WHERE name = ?").run([name])
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
            let found = try db.statement("SELECT id, attributes FROM object WHERE bucket = ? AND key = ?")
                .first([bucket, key.utf8]) { row in (id: try row[0] as Int64, attributes: try decodeAttributes(row[1])) }
            guard let found else { return .noSuchKey }
            var attributes = found.attributes
            attributes.tags = tags
            try db.statement("UPDATE object SET attributes = ? WHERE id = ?")
                .run([encodeAttributes(attributes), found.id])
            return .done
        }
    }

    package func live(among files: [DataFileID]) async throws -> Set<DataFileID> {
        try await read { db in
            var found: Set<DataFileID> = []
            let statement = try db.statement("SELECT is_garbage FROM object_file WHERE id = ?")
            for file in files where try statement.value([file.text], as: Int.self) == 0 { found.insert(file) }
            return found
        }
    }

    package func garbage(limit: Int) async throws -> [DataFileID] {
        try await read { db in
            try db.statement("SELECT id FROM object_file WHERE is_garbage = 1 LIMIT ?")
                .values([limit], as: String.self).map { DataFileID($0) }
        }
    }

    package func forgetGarbage(_ files: [DataFileID]) async throws {
        try await write { db in
            let statement = try db.statement("DELETE FROM object_file WHERE id = ? AND is_garbage = 1")
            for file in files { try statement.run([file.text]) }
        }
    }
}

// MARK: - Steps of a transaction

func bucketExists(_ name: String, _ db: SQLiteConnection) throws -> Bool {
    try db.statement("SELECT 1 FROM object_bucket WHERE name = ?").value([name], as: Int.self) != nil
}

/// What a write needs to know of the object that it replaces.
private struct StoredObject {
    let id: Int64
    let etag: String
    /// Nil for contents in the row.
    let segments: [UInt8]?

    static func find(_ key: ObjectKey, in bucket: String, _ db: SQLiteConnection) throws -> StoredObject? {
        try db.statement(
            """
            SELECT id, etag, CASE content_form WHEN 1 THEN data END FROM object WHERE bucket = ? AND key = ?
            """
        ).first([bucket, key.utf8]) { row in try StoredObject(id: row[0], etag: row[1], segments: row[2]) }
    }

    func files() throws -> [DataFileID] { try segments.map { try decodeSegments($0).map(\.file) } ?? [] }
}

func storeObject(
    _ record: ObjectRecord, attributes: String?, condition: WriteCondition, _ db: SQLiteConnection
) throws -> ObjectWriteOutcome {
    guard try bucketExists(record.bucket, db) else { return .noSuchBucket }
    let old = try StoredObject.find(record.key, in: record.bucket, db)
    switch outcome(of: condition, etag: old?.etag) {
    case .done: break
    case let refusal: return refusal
    }
    try registerFiles(record.content.files, db)
    let form: Int
    let data: [UInt8]
    switch record.content {
    case .inline(let bytes): (form, data) = (0, bytes)
    case .segments(let segments): (form, data) = (1, encodeSegments(segments))
    }
    if let old {
        try discardFiles(old.files(), db)
        try db.statement(
            """
            UPDATE object SET size = ?, etag = ?, modified_ms = ?, upload_id = ?, attributes = ?, content_form = ?,
            data = ? WHERE id = ?
            """
        ).run([
            record.size, record.etag, record.modifiedAt.millisecondsSince1970, record.uploadID, attributes, form, data,
            old.id,
        ])
    } else {
        try db.statement(
            """
            INSERT INTO object (bucket, key, size, etag, modified_ms, upload_id, attributes, content_form, data)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        ).run([
            record.bucket, record.key.utf8, record.size, record.etag, record.modifiedAt.millisecondsSince1970, record.uploadID,
            attributes, form, data,
        ])
    }
    return .done
}

private func removeObject(
    _ key: ObjectKey, in bucket: String, condition: WriteCondition, _ db: SQLiteConnection
) throws -> ObjectWriteOutcome {
    let old = try StoredObject.find(key, in: bucket, db)
    switch outcome(of: condition, etag: old?.etag) {
    case .done: break
    case let refusal: return refusal
    }
    guard let old else { return .done }
    try discardFiles(old.files(), db)
    try db.statement("DELETE FROM object WHERE id = ?").run([old.id])
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

func registerFiles(_ files: [DataFileID], _ db: SQLiteConnection) throws {
    let statement = try db.statement("INSERT OR IGNORE INTO object_file (id, is_garbage) VALUES (?, 0)")
    for file in files { try statement.run([file.text]) }
}

func discardFiles(_ files: [DataFileID], _ db: SQLiteConnection) throws {
    let statement = try db.statement("UPDATE object_file SET is_garbage = 1 WHERE id = ?")
    for file in files { try statement.run([file.text]) }
}

/// Ends an upload; its parts become garbage, but for the files in `kept`.
func dropUpload(_ id: String, keeping kept: Set<String>, _ db: SQLiteConnection) throws {
    let files = try db.statement("SELECT file FROM object_part WHERE upload_id = ?")
        .values([id], as: String.self)
    try discardFiles(files.filter { !kept.contains($0) }.map { DataFileID($0) }, db)
    try db.statement("DELETE FROM object_part WHERE upload_id = ?").run([id])
    try db.statement("DELETE FROM object_upload WHERE id = ?").run([id])
}

func fetchObject(_ key: ObjectKey, in bucket: String, _ db: SQLiteConnection) throws -> ObjectRecord? {
    try db.statement(
        """
        SELECT size, etag, modified_ms, upload_id, attributes, content_form, data
        FROM object WHERE bucket = ? AND key = ?
        """
    ).first([bucket, key.utf8]) { row in
        let data: [UInt8] = try row[6]
        return try ObjectRecord(
            bucket: bucket, key: key, size: row[0], etag: row[1], modifiedAt: Timestamp(millisecondsSince1970: row[2]),
            attributes: decodeAttributes(row[4]),
            content: row[5] as Int == 0 ? .inline(data) : .segments(decodeSegments(data)), uploadID: row[3])
    }
}

private func bucketRecord(_ row: SQLiteRow) throws -> BucketRecord {
    try BucketRecord(
        name: row[0], account: row[1], region: row[2], createdAt: Timestamp(millisecondsSince1970: row[3]))
}
