import JSONModel
package import Support

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

extension StateStoreSchema {
    /// Of the embedded object store's database, in the order of application: add at the end.
    package static let objects: [StateStoreMigration] = [.objectIndex, .objectVersions, .objectSequence]
}

extension SQLiteStateStore: ObjectIndex {
    package func buckets() async throws -> [BucketRecord] {
        try await read { db in
            try db.statement(
                "SELECT name, account, region, created_ms, versioning, documents FROM object_bucket ORDER BY name"
            ).all { try bucketRecord($0) }
        }
    }

    package func createBucket(_ bucket: BucketRecord) async throws -> BucketRecord? {
        try await write { db in
            let existing = try db.statement(
                "SELECT name, account, region, created_ms, versioning, documents FROM object_bucket WHERE name = ?"
            ).first([bucket.name], bucketRecord)
            if let existing { return existing }
            try db.statement(
                """
                INSERT INTO object_bucket (name, account, region, created_ms, versioning, documents)
                VALUES (?, ?, ?, ?, ?, ?)
                """
            ).run([
                bucket.name, bucket.account, bucket.region, bucket.createdAt.millisecondsSince1970,
                bucket.versioning.rawValue, encodeDocuments(bucket.documents),
            ])
            return nil
        }
    }

    package func changeBucket(_ name: String, _ change: BucketChange) async throws -> Bool {
        try await write { db in
            guard try versioning(ofBucket: name, db) != nil else { return false }
            switch change {
            case .versioning(let versioning):
                try db.statement("UPDATE object_bucket SET versioning = ? WHERE name = ?")
                    .run([versioning.rawValue, name])
            case .document(let document, let text):
                var documents = try decodeDocuments(
                    try db.statement("SELECT documents FROM object_bucket WHERE name = ?").value([name]))
                documents[document] = text
                try db.statement("UPDATE object_bucket SET documents = ? WHERE name = ?")
                    .run([encodeDocuments(documents), name])
            }
            return true
        }
    }

    package func deleteBucket(_ name: String) async throws -> BucketDeletion {
        try await write { db in
            guard try versioning(ofBucket: name, db) != nil else { return .noSuchBucket }
            let isFull = try db.statement(
                """
                SELECT EXISTS (SELECT 1 FROM object WHERE bucket = ?)
                OR EXISTS (SELECT 1 FROM object_version WHERE bucket = ?)
                """
            ).value([name, name], as: Bool.self)
            if isFull == true { return .notEmpty }
            let uploads = try db.statement("SELECT id FROM object_upload WHERE bucket = ?")
                .values([name], as: String.self)
            for upload in uploads { try dropUpload(upload, keeping: [], db) }
            try db.statement("DELETE FROM object_bucket WHERE name = ?").run([name])
            return .done
        }
    }

    package func object(_ key: ObjectKey, version: ObjectVersion?, in bucket: String) async throws -> ObjectRecord? {
        try readHere { db in try fetchObject(key, version: version, in: bucket, db) }
    }

    package func putObject(_ record: ObjectRecord, condition: WriteCondition) async throws -> ObjectWriteOutcome {
        let attributes = encodeAttributes(record.attributes)
        return try await write { db in try storeObject(record, attributes: attributes, condition: condition, db) }
    }

    package func removeObjects(
        _ removals: [ObjectRemoval], from bucket: String, at now: Timestamp
    ) async throws -> [ObjectRemovalOutcome] {
        try await write { db in
            guard let versioning = try versioning(ofBucket: bucket, db) else {
                return removals.map { _ in ObjectRemovalOutcome(.noSuchBucket) }
            }
            return try removals.map { try removeObject($0, from: bucket, versioning, at: now, db) }
        }
    }

    package func changeAttributes(
        of key: ObjectKey, version: ObjectVersion?, in bucket: String, _ change: AttributeChange
    ) async throws -> ObjectWriteOutcome {
        try await write { db in
            guard try versioning(ofBucket: bucket, db) != nil else { return .noSuchBucket }
            guard let found = try StoredVersion.find(key, version: version, in: bucket, db), !found.isDeleteMarker else {
                return .noSuchKey
            }
            var attributes = try decodeAttributes(
                try db.statement(text: "SELECT attributes FROM \(found.table) WHERE id = ?").value([found.id]))
            switch change {
            case .tags(let tags): attributes.tags = tags
            case .cannedACL(let name): attributes.cannedACL = name == "private" ? nil : name
            }
            try db.statement(text: "UPDATE \(found.table) SET attributes = ? WHERE id = ?")
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

private func bucketRecord(_ row: SQLiteRow) throws -> BucketRecord {
    var record = try BucketRecord(
        name: row[0], account: row[1], region: row[2], createdAt: Timestamp(millisecondsSince1970: row[3]))
    record.versioning = try bucketVersioning(row[4])
    record.documents = try decodeDocuments(row[5])
    return record
}

private func bucketVersioning(_ number: Int) throws -> BucketVersioning {
    guard let versioning = BucketVersioning(rawValue: number) else {
        throw StateStoreError.corrupt("A bucket's versioning is \(number), expected 0 to 2.")
    }
    return versioning
}

/// Nil when there is no such bucket.
func versioning(ofBucket name: String, _ db: SQLiteConnection) throws -> BucketVersioning? {
    try db.statement("SELECT versioning FROM object_bucket WHERE name = ?").value([name], as: Int.self)
        .map(bucketVersioning)
}
