import JSONModel
import Support

extension SQLiteStateStore {
    package func createUpload(_ upload: UploadRecord) async throws -> Bool {
        let attributes = encodeAttributes(upload.attributes)
        return try await write { db in
            guard try versioning(ofBucket: upload.bucket, db) != nil else { return false }
            try db.statement(
                "INSERT INTO object_upload (id, bucket, key, initiated_ms, attributes) VALUES (?, ?, ?, ?, ?)"
            ).run([
                    upload.id, upload.bucket, upload.key.utf8, upload.initiatedAt.millisecondsSince1970, attributes,
                ])
            return true
        }
    }

    package func upload(_ id: String) async throws -> UploadRecord? {
        try await read { db in
            try db.statement(
                "SELECT id, bucket, key, initiated_ms, attributes FROM object_upload WHERE id = ?"
            ).first([id], uploadRecord)
        }
    }

    package func putPart(_ part: PartRecord, of upload: String) async throws -> Bool {
        let checksum = part.checksum.map { encodeChecksum($0).text }
        return try await write { db in
            guard try uploadExists(upload, db) else { return false }
            let replaced = try db.statement("SELECT file FROM object_part WHERE upload_id = ? AND number = ?")
                .value([upload, part.number], as: String.self)
            if let replaced { try discardFiles([DataFileID(replaced)], db) }
            try registerFiles([part.file], db)
            try db.statement(
                """
                INSERT OR REPLACE INTO object_part (upload_id, number, file, size, etag, checksum, modified_ms)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """
            ).run([
                upload, part.number, part.file.text, part.size, part.etag, checksum,
                part.modifiedAt.millisecondsSince1970,
            ])
            return true
        }
    }

    package func parts(of upload: String, after number: Int, limit: Int) async throws -> [PartRecord] {
        try await read { db in
            try db.statement(
                """
                SELECT number, file, size, etag, checksum, modified_ms FROM object_part
                WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?
                """
            ).all([upload, number, limit]) { row in
                try PartRecord(
                    number: row[0], file: DataFileID(row[1]), size: row[2], etag: row[3],
                    checksum: try (try row[4] as String?).flatMap { decodeChecksum(try parseRecord($0)) },
                    modifiedAt: Timestamp(millisecondsSince1970: row[5]))
            }
        }
    }

    package func completeUpload(
        _ upload: String, as record: ObjectRecord, parts files: [Int: DataFileID], condition: WriteCondition
    ) async throws -> ObjectWriteOutcome {
        let attributes = encodeAttributes(record.attributes)
        return try await write { db in
            guard try uploadExists(upload, db) else { return .noSuchUpload }
            let statement = try db.statement("SELECT file FROM object_part WHERE upload_id = ? AND number = ?")
            for (number, file) in files {
                guard try statement.value([upload, number], as: String.self) == file.text else { return .partsChanged }
            }
            let outcome = try storeObject(record, attributes: attributes, condition: condition, db)
            if outcome == .done { try dropUpload(upload, keeping: Set(files.values.map(\.text)), db) }
            return outcome
        }
    }

    package func abortUpload(_ id: String) async throws -> Bool {
        try await write { db in
            guard try uploadExists(id, db) else { return false }
            try dropUpload(id, keeping: [], db)
            return true
        }
    }
}

private func uploadExists(_ id: String, _ db: SQLiteConnection) throws -> Bool {
    try db.statement("SELECT 1 FROM object_upload WHERE id = ?").value([id], as: Int.self) != nil
}

/// Of a row with id, bucket, key, time and attributes.
func uploadRecord(_ row: SQLiteRow) throws -> UploadRecord {
    try UploadRecord(
        id: row[0], bucket: row[1], key: ObjectKey(utf8: row[2]),
        initiatedAt: Timestamp(millisecondsSince1970: row[3]), attributes: decodeAttributes(row[4]))
}
