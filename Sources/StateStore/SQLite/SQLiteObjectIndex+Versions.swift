import Support

extension StateStoreMigration {
    /// Versions of objects, configurations of buckets, and one sequence of everything stored.
    ///
    /// `object` has the latest version of each key, unless that is a delete marker; `object_version` has the others and
    /// the delete markers. So a bucket without versioning is read and written as if there were none. `id` orders the
    /// versions of a key, and of both tables together everything that has been stored.
    static let objectVersions = StateStoreMigration(
        name: "object-index-2",
        sql: """
            -- Empty: the version null.
            ALTER TABLE object ADD COLUMN version TEXT NOT NULL DEFAULT '';
            -- 0 never enabled, 1 enabled, 2 suspended.
            ALTER TABLE object_bucket ADD COLUMN versioning INTEGER NOT NULL DEFAULT 0;
            -- Configurations as JSON: {name: text, ...}.
            ALTER TABLE object_bucket ADD COLUMN documents TEXT;
            -- content_form as in object, or 2: a delete marker.
            CREATE TABLE object_version (
                id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL,
                etag TEXT NOT NULL, modified_ms INTEGER NOT NULL, upload_id TEXT, attributes TEXT,
                content_form INTEGER NOT NULL, data BLOB NOT NULL, version TEXT NOT NULL,
                UNIQUE (bucket, key, version)
            ) STRICT;
            CREATE INDEX object_version_by_age ON object_version (bucket, key, id DESC);
            """)

    /// The highest number of what has been removed, or one above all that an earlier release may have given: whoever follows
    /// what is stored misses nothing because a number came again.
    static let objectSequence = StateStoreMigration(
        name: "object-index-3",
        sql: """
            CREATE TABLE object_sequence (removed INTEGER NOT NULL) STRICT;
            INSERT INTO object_sequence VALUES (max(
                coalesce((SELECT max(id) FROM object), 0), coalesce((SELECT max(id) FROM object_version), 0),
                unixepoch() * 1000000));
            """)
}

extension ObjectVersion {
    var column: String {
        switch self {
        case .null: ""
        case .id(let text): text
        }
    }

    init(column: String) { self = column.isEmpty ? .null : .id(column) }
}

/// What a change needs to know of the version that it replaces or removes.
struct StoredVersion {
    let isLatest: Bool
    let id: Int64
    let version: ObjectVersion
    let etag: String
    let size: Int64
    let modifiedAt: Timestamp
    let isDeleteMarker: Bool
    /// Nil for contents in the row.
    let segments: [UInt8]?

    var table: String { isLatest && !isDeleteMarker ? "object" : "object_version" }

    /// - Parameter version: nil for the latest one, which may be a delete marker.
    static func find(
        _ key: ObjectKey, version: ObjectVersion?, in bucket: String, _ db: SQLiteConnection
    ) throws -> StoredVersion? {
        let latest = try latest(key, in: bucket, db)
        guard let version else { return try latest ?? newestStored(key, in: bucket, db) }
        if let latest, latest.version == version { return latest }
        return try db.statement(
            """
            SELECT id, version, etag, size, modified_ms, content_form, CASE content_form WHEN 1 THEN data END
            FROM object_version WHERE bucket = ? AND key = ? AND version = ?
            """
        ).first([bucket, key.utf8, version.column]) { try read($0, isLatest: false) }
    }

    /// The latest version, unless it is a delete marker.
    static func latest(_ key: ObjectKey, in bucket: String, _ db: SQLiteConnection) throws -> StoredVersion? {
        try db.statement(
            """
            SELECT id, version, etag, size, modified_ms, content_form, CASE content_form WHEN 1 THEN data END
            FROM object WHERE bucket = ? AND key = ?
            """
        ).first([bucket, key.utf8]) { try read($0, isLatest: true) }
    }

    /// The newest in `object_version`.
    static func newestStored(_ key: ObjectKey, in bucket: String, _ db: SQLiteConnection) throws -> StoredVersion? {
        try db.statement(
            """
            SELECT id, version, etag, size, modified_ms, content_form, CASE content_form WHEN 1 THEN data END
            FROM object_version WHERE bucket = ? AND key = ? ORDER BY id DESC LIMIT 1
            """
        ).first([bucket, key.utf8]) { try read($0, isLatest: true) }
    }

    private static func read(_ row: SQLiteRow, isLatest: Bool) throws -> StoredVersion {
        try StoredVersion(
            isLatest: isLatest, id: row[0], version: ObjectVersion(column: row[1]), etag: row[2], size: row[3],
            modifiedAt: Timestamp(millisecondsSince1970: row[4]), isDeleteMarker: row[5] as Int == 2, segments: row[6])
    }

    /// Takes the version away, with its data.
    func remove(_ db: SQLiteConnection) throws {
        if let segments { try discardFiles(try decodeSegments(segments).map(\.file), db) }
        try db.statement(text: "DELETE FROM \(table) WHERE id = ?").run([id])
        try db.statement("UPDATE object_sequence SET removed = ? WHERE removed < ?").run([id, id])
    }

    /// Keeps the latest version as an older one.
    func keep(_ db: SQLiteConnection) throws {
        try db.statement(
            """
            INSERT INTO object_version (
                id, bucket, key, size, etag, modified_ms, upload_id, attributes, content_form, data, version
            ) SELECT id, bucket, key, size, etag, modified_ms, upload_id, attributes, content_form, data, version
            FROM object WHERE id = ?
            """
        ).run([id])
        try db.statement("DELETE FROM object WHERE id = ?").run([id])
    }

    /// Makes a version of `object_version` the latest again.
    func restore(_ db: SQLiteConnection) throws {
        try db.statement(
            """
            INSERT INTO object (
                id, bucket, key, size, etag, modified_ms, upload_id, attributes, content_form, data, version
            ) SELECT id, bucket, key, size, etag, modified_ms, upload_id, attributes, content_form, data, version
            FROM object_version WHERE id = ?
            """
        ).run([id])
        try db.statement("DELETE FROM object_version WHERE id = ?").run([id])
    }
}

func storeObject(
    _ record: ObjectRecord, attributes: String?, condition: WriteCondition, _ db: SQLiteConnection
) throws -> ObjectWriteOutcome {
    guard let versioning = try versioning(ofBucket: record.bucket, db) else { return .noSuchBucket }
    var old = try StoredVersion.latest(record.key, in: record.bucket, db)
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
    if versioning != .never, old?.version != record.version {
        try old?.keep(db)
        old = nil
        // The version null is written again and again.
        if record.version == .null {
            try StoredVersion.find(record.key, version: .null, in: record.bucket, db)?.remove(db)
        }
    }
    if let old {
        if let segments = old.segments { try discardFiles(try decodeSegments(segments).map(\.file), db) }
        try db.statement(
            """
            UPDATE object SET
                id = 1 + max(
                    coalesce((SELECT max(id) FROM object), 0), coalesce((SELECT max(id) FROM object_version), 0),
                    (SELECT removed FROM object_sequence)),
                size = ?, etag = ?, modified_ms = ?, upload_id = ?, attributes = ?, content_form = ?, data = ?
            WHERE id = ?
            """
        ).run([
            record.size, record.etag, record.modifiedAt.millisecondsSince1970, record.uploadID, attributes, form,
            data, old.id,
        ])
    } else {
        try db.statement(
            """
            INSERT INTO object (
                id, bucket, key, size, etag, modified_ms, upload_id, attributes, content_form, data, version
            ) VALUES (
                1 + max(
                    coalesce((SELECT max(id) FROM object), 0), coalesce((SELECT max(id) FROM object_version), 0),
                    (SELECT removed FROM object_sequence)),
                ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
            )
            """
        ).run([
            record.bucket, record.key.utf8, record.size, record.etag, record.modifiedAt.millisecondsSince1970,
            record.uploadID, attributes, form, data, record.version.column,
        ])
    }
    return .done
}

func removeObject(
    _ removal: ObjectRemoval, from bucket: String, _ versioning: BucketVersioning, at now: Timestamp,
    _ db: SQLiteConnection
) throws -> ObjectRemovalOutcome {
    let isPlain = removal.version == nil
    // Where nothing can be older, there is no need to look for it.
    let found =
        isPlain && versioning == .never
        ? try StoredVersion.latest(removal.key, in: bucket, db)
        : try StoredVersion.find(removal.key, version: removal.version, in: bucket, db)
    switch outcome(of: removal.condition, found, isPlain: isPlain) {
    case .done: break
    case let refusal: return ObjectRemovalOutcome(refusal)
    }
    if isPlain, versioning != .never {
        let marker = versioning == .enabled ? removal.marker : .null
        if let found, !found.isDeleteMarker {
            if found.version == marker { try found.remove(db) } else { try found.keep(db) }
        }
        if marker == .null { try StoredVersion.find(removal.key, version: .null, in: bucket, db)?.remove(db) }
        try db.statement(
            """
            INSERT INTO object_version (id, bucket, key, size, etag, modified_ms, content_form, data, version) VALUES (
                1 + max(
                    coalesce((SELECT max(id) FROM object), 0), coalesce((SELECT max(id) FROM object_version), 0),
                    (SELECT removed FROM object_sequence)),
                ?, ?, 0, '', ?, 2, zeroblob(0), ?
            )
            """
        ).run([bucket, removal.key.utf8, now.millisecondsSince1970, marker.column])
        return ObjectRemovalOutcome(.done, version: marker, isDeleteMarker: true)
    }
    guard let found else { return ObjectRemovalOutcome(.done, version: removal.version) }
    try found.remove(db)
    if versioning != .never, try StoredVersion.latest(removal.key, in: bucket, db) == nil,
        let next = try StoredVersion.newestStored(removal.key, in: bucket, db), !next.isDeleteMarker
    {
        try next.restore(db)
    }
    return ObjectRemovalOutcome(.done, version: removal.version, isDeleteMarker: found.isDeleteMarker)
}

/// Whether a write may happen when `etag` is that of the present object, nil for none.
private func outcome(of condition: WriteCondition, etag: String?) -> ObjectWriteOutcome {
    switch condition {
    case .none: .done
    case .ifAbsent: etag == nil ? .done : .preconditionFailed
    case .ifPresent: etag == nil ? .noSuchKey : .done
    case .ifMatch(let wanted): etag == nil ? .noSuchKey : etag == wanted ? .done : .preconditionFailed
    case .ifNoneMatch(let refused): etag == refused ? .preconditionFailed : .done
    }
}

/// - Parameter isPlain: asks about the object rather than a version, so that a delete marker counts as none.
private func outcome(
    of condition: RemovalCondition, _ found: StoredVersion?, isPlain: Bool
) -> ObjectWriteOutcome {
    guard let found, !(isPlain && found.isDeleteMarker) else { return condition.exists ? .noSuchKey : .done }
    guard condition != RemovalCondition() else { return .done }
    if let etag = condition.etag, etag != found.etag { return .preconditionFailed }
    if let size = condition.size, size != found.size { return .preconditionFailed }
    if let time = condition.modifiedAt,
        time.millisecondsSince1970 / 1000 != found.modifiedAt.millisecondsSince1970 / 1000
    {
        return .preconditionFailed
    }
    return .done
}

/// - Parameter version: nil for the latest, which may be a delete marker.
func fetchObject(
    _ key: ObjectKey, version: ObjectVersion?, in bucket: String, _ db: SQLiteConnection
) throws -> ObjectRecord? {
    let latest = try db.statement(
        """
        SELECT size, etag, modified_ms, upload_id, attributes, content_form, data, version
        FROM object WHERE bucket = ? AND key = ?
        """
    ).first([bucket, key.utf8]) { try objectRecord($0, key, bucket) }
    if let latest, version == nil || version == latest.version { return latest }
    guard let version else {
        return try db.statement(
            """
            SELECT size, etag, modified_ms, upload_id, attributes, content_form, data, version
            FROM object_version WHERE bucket = ? AND key = ? ORDER BY id DESC LIMIT 1
            """
        ).first([bucket, key.utf8]) { try objectRecord($0, key, bucket) }
    }
    return try db.statement(
        """
        SELECT size, etag, modified_ms, upload_id, attributes, content_form, data, version
        FROM object_version WHERE bucket = ? AND key = ? AND version = ?
        """
    ).first([bucket, key.utf8, version.column]) { try objectRecord($0, key, bucket) }
}

func objectRecord(_ row: SQLiteRow, _ key: ObjectKey, _ bucket: String) throws -> ObjectRecord {
    let data: [UInt8] = try row[6]
    let form: Int = try row[5]
    var record = try ObjectRecord(
        bucket: bucket, key: key, size: row[0], etag: row[1], modifiedAt: Timestamp(millisecondsSince1970: row[2]),
        attributes: decodeAttributes(row[4]), content: form == 1 ? .segments(decodeSegments(data)) : .inline(data),
        uploadID: row[3], version: ObjectVersion(column: row[7]))
    record.isDeleteMarker = form == 2
    return record
}
