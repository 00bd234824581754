import JSONModel
package import Support

/// Reads everything that an object index refers to, front to back, while a server may go on changing it.
package final class ObjectIndexScan {
    /// One stored version, or one part of an unfinished upload.
    package struct Entry: Sendable {
        package var record: ObjectRecord
        /// What finds it again.
        fileprivate var place: Place
    }

    fileprivate enum Place: Sendable {
        case object(id: Int64)
        case version(id: Int64)
        case part(upload: String, number: Int)
    }

    private let connection: SQLiteConnection

    /// - Parameter path: of an index that this release or an earlier one has made current.
    /// - Throws: `StateStoreError` when it is no such index.
    package init(path: String) throws {
        connection = try translatingErrors { try SQLiteConnection(path: path, readonly: true) }
        let applied = try translatingErrors {
            try connection.statement("SELECT name FROM schema_migrations").values(as: String.self)
        }
        if let missing = StateStoreSchema.objects.first(where: { !applied.contains($0.name) }) {
            throw StateStoreError.failed("it lacks \(missing.name): start a server of this release on it first")
        }
    }

    /// Calls `body` with every entry. Each page of them is one committed state.
    package func forEach(_ body: (Entry) throws -> Void) throws {
        try rows("object", { .object(id: $0) }, body)
        try rows("object_version", { .version(id: $0) }, body)
        try parts(body)
    }

    /// Whether the entry is still what it was, rather than replaced or removed since it was read.
    package func isCurrent(_ entry: Entry) throws -> Bool {
        try translatingErrors {
            switch entry.place {
            case .object(let id):
                // A version that is no longer the latest keeps its number in the other table.
                let old = try count("SELECT count(*) FROM object_version WHERE id = ?", [id])
                return try old + count("SELECT count(*) FROM object WHERE id = ?", [id]) > 0
            case .version(let id):
                let restored = try count("SELECT count(*) FROM object WHERE id = ?", [id])
                return try restored + count("SELECT count(*) FROM object_version WHERE id = ?", [id]) > 0
            case .part(let upload, let number):
                let file = entry.record.content.files.first?.text ?? ""
                return try count(
                    "SELECT count(*) FROM object_part WHERE upload_id = ? AND number = ? AND file = ?",
                    [upload, number, file]) > 0
            }
        }
    }

    /// Whether the index knows the file, be it as garbage.
    package func knows(_ file: DataFileID) throws -> Bool {
        try translatingErrors { try count("SELECT count(*) FROM object_file WHERE id = ?", [file.text]) > 0 }
    }

    private func count(_ sql: String, _ values: [any SQLiteValue]) throws -> Int {
        try connection.statement(text: sql).value(values, as: Int.self) ?? 0
    }

    private static let pageRows = 100

    private func rows(_ table: String, _ place: (Int64) -> Place, _ body: (Entry) throws -> Void) throws {
        var last: Int64 = -1
        while true {
            let page = try translatingErrors {
                try connection.statement(text:
                    """
                    SELECT size, etag, modified_ms, upload_id, attributes, content_form, data, version, id, bucket, key
                    FROM \(table) WHERE id > ? ORDER BY id LIMIT \(Self.pageRows)
                    """
                ).all([last]) { row in
                    let id: Int64 = try row[8]
                    last = id
                    let bucket: String = try row[9]
                    return Entry(record: try objectRecord(row, ObjectKey(utf8: try row[10]), bucket), place: place(id))
                }
            }
            for entry in page where !entry.record.isDeleteMarker { try body(entry) }
            if page.count < Self.pageRows { return }
        }
    }

    private func parts(_ body: (Entry) throws -> Void) throws {
        var last = (upload: "", number: 0)
        while true {
            let page = try translatingErrors {
                try connection.statement(
                    """
                    SELECT p.upload_id, p.number, p.file, p.size, p.etag, p.checksum, p.modified_ms, u.bucket, u.key
                    FROM object_part p JOIN object_upload u ON u.id = p.upload_id
                    WHERE (p.upload_id, p.number) > (?, ?) ORDER BY p.upload_id, p.number LIMIT 100
                    """
                ).all([last.upload, last.number]) { row in
                    last = (try row[0], try row[1])
                    var attributes = ObjectAttributes()
                    attributes.checksum = try (try row[5] as String?).flatMap { decodeChecksum(try parseRecord($0)) }
                    let record = try ObjectRecord(
                        bucket: row[7], key: ObjectKey(utf8: row[8]), size: row[3], etag: row[4],
                        modifiedAt: Timestamp(millisecondsSince1970: row[6]), attributes: attributes,
                        content: .segments([DataSegment(file: DataFileID(row[2]), length: row[3])]))
                    return Entry(record: record, place: .part(upload: last.upload, number: last.number))
                }
            }
            for entry in page { try body(entry) }
            if page.count < Self.pageRows { return }
        }
    }
}
