import Support

extension SQLiteStateStore {
    /// Walks the keys in order. A group of keys is skipped by seeking past its common prefix, so that the cost follows
    /// the number of items, not of keys; and where a group follows a group, only the index of keys is read.
    package func listObjects(_ query: ObjectListQuery) async throws -> ObjectListPage {
        try await read { db in
            var page = ObjectListPage()
            guard query.limit > 0 else { return page }
            let end = prefixSuccessor(of: query.prefix)
            var position = ListPosition(after: query.after, query.prefix, query.delimiter)
            let upper = end == nil ? "" : " AND key < ?"
            let inclusive = try db.statement(
                text: "SELECT key, size, etag, modified_ms, attributes FROM object WHERE bucket = ? AND key >= ?\(upper) ORDER BY key"
            )
            let exclusive = try db.statement(
                text: "SELECT key, size, etag, modified_ms, attributes FROM object WHERE bucket = ? AND key > ?\(upper) ORDER BY key"
            )
            let nextKey = try db.statement(
                text: "SELECT key FROM object WHERE bucket = ? AND key >= ?\(upper) ORDER BY key LIMIT 1"
            )
            while true {
                var arguments: [any SQLiteValue] = [query.bucket, position.key]
                if let end { arguments.append(end) }
                if !query.delimiter.isEmpty, position.isInclusive {
                    guard let key = try nextKey.value(arguments, as: [UInt8].self) else { return page }
                    if let group = commonPrefix(of: key, query.prefix, query.delimiter) {
                        guard page.items.count < query.limit else {
                            page.isTruncated = true
                            return page
                        }
                        page.items.append(.commonPrefix(group))
                        guard let successor = prefixSuccessor(of: group) else { return page }
                        position = ListPosition(key: successor, isInclusive: true)
                        continue
                    }
                }
                var next: ListPosition?
                try (position.isInclusive ? inclusive : exclusive).forEach(arguments) { row in
                    if page.items.count == query.limit {
                        page.isTruncated = true
                        return false
                    }
                    let key: [UInt8] = try row[0]
                    if let group = commonPrefix(of: key, query.prefix, query.delimiter) {
                        page.items.append(.commonPrefix(group))
                        next = prefixSuccessor(of: group).map { ListPosition(key: $0, isInclusive: true) }
                        return false
                    }
                    page.items.append(
                        .object(
                            try ObjectSummary(
                                key: ObjectKey(utf8: key), size: row[1], etag: row[2],
                                modifiedAt: Timestamp(millisecondsSince1970: row[3]),
                                attributes: decodeListed(row[4]))))
                    return true
                }
                guard let next else { return page }
                position = next
            }
        }
    }

    package func listVersions(_ query: VersionListQuery) async throws -> VersionListPage {
        try await read { db in
            var page = VersionListPage()
            guard query.limit > 0 else { return page }
            var position = ListPosition(after: query.after, query.prefix, query.delimiter)
            if let version = query.afterVersion, query.after.starts(with: query.prefix) {
                if let marker = try StoredVersion.find(ObjectKey(utf8: query.after), version: version, in: query.bucket, db)
                {
                    try db.statement(
                        """
                        SELECT key, version, size, etag, modified_ms, attributes, content_form FROM object_version
                        WHERE bucket = ? AND key = ? AND id < ? ORDER BY id DESC LIMIT ?
                        """
                    ).forEach([query.bucket, query.after, marker.id, query.limit + 1]) { row in
                        page.append(.version(try versionSummary(row, isLatest: false)), query.limit)
                    }
                } else {
                    position = ListPosition(key: query.after, isInclusive: true)
                }
            }
            let end = prefixSuccessor(of: query.prefix)
            while !page.isTruncated {
                let range = "bucket = ? AND key \(position.isInclusive ? ">=" : ">") ?\(end == nil ? "" : " AND key < ?")"
                // Each half is in the order of an index, and both are merged as they are read.
                let statement = try db.statement(text:
                    """
                    SELECT key, version, size, etag, modified_ms, attributes, content_form, id FROM object WHERE \(range)
                    UNION ALL
                    SELECT key, version, size, etag, modified_ms, attributes, content_form, id FROM object_version WHERE \(range)
                    ORDER BY key, id DESC
                    """)
                var half: [any SQLiteValue] = [query.bucket, position.key]
                if let end { half.append(end) }
                var next: ListPosition?
                var previous: [UInt8]?
                try statement.forEach(half + half) { row in
                    let key: [UInt8] = try row[0]
                    if let group = commonPrefix(of: key, query.prefix, query.delimiter) {
                        next = prefixSuccessor(of: group).map { ListPosition(key: $0, isInclusive: true) }
                        _ = page.append(.commonPrefix(group), query.limit)
                        return false
                    }
                    defer { previous = key }
                    return page.append(.version(try versionSummary(row, isLatest: key != previous)), query.limit)
                }
                guard let next else { return page }
                position = next
            }
            return page
        }
    }

    package func listUploads(_ query: UploadListQuery) async throws -> UploadListPage {
        try await read { db in
            var page = UploadListPage()
            guard query.limit > 0 else { return page }
            let columns = "SELECT id, bucket, key, initiated_ms, attributes FROM object_upload WHERE bucket = ?"
            if let id = query.afterID, query.after.starts(with: query.prefix),
                commonPrefix(of: query.after, query.prefix, query.delimiter) == nil
            {
                try db.statement(text: "\(columns) AND key = ? AND id > ? ORDER BY id").forEach([query.bucket, query.after, id]) { row in
                    page.append(.upload(try uploadRecord(row)), query.limit)
                }
            }
            let end = prefixSuccessor(of: query.prefix)
            var position = ListPosition(after: query.after, query.prefix, query.delimiter)
            while !page.isTruncated {
                let statement = try db.statement(
                    text: "\(columns) AND key \(position.isInclusive ? ">=" : ">") ?\(end == nil ? "" : " AND key < ?") ORDER BY key, id")
                var arguments: [any SQLiteValue] = [query.bucket, position.key]
                if let end { arguments.append(end) }
                var next: ListPosition?
                try statement.forEach(arguments) { row in
                    if let group = commonPrefix(of: try row[2], query.prefix, query.delimiter) {
                        next = prefixSuccessor(of: group).map { ListPosition(key: $0, isInclusive: true) }
                        _ = page.append(.commonPrefix(group), query.limit)
                        return false
                    }
                    return page.append(.upload(try uploadRecord(row)), query.limit)
                }
                guard let next else { return page }
                position = next
            }
            return page
        }
    }

    package func newObjects(after sequence: Int64, limit: Int) async throws -> [NewObject] {
        try await read { db in
            try db.statement(
                """
                SELECT key, version, size, etag, modified_ms, attributes, bucket, id FROM object WHERE id > ?
                UNION ALL
                SELECT key, version, size, etag, modified_ms, attributes, bucket, id FROM object_version
                WHERE id > ? AND content_form != 2
                ORDER BY id LIMIT ?
                """
            ).all([sequence, sequence, limit]) { row in
                try NewObject(
                    sequence: row[7], bucket: row[6], object: objectSummary(row), version: ObjectVersion(column: row[1]))
            }
        }
    }
}

private protocol ListPage {
    associatedtype Item
    var items: [Item] { get set }
    var isTruncated: Bool { get set }
}

extension VersionListPage: ListPage {}
extension UploadListPage: ListPage {}

extension ListPage {
    /// False, with nothing added, when the page is full.
    fileprivate mutating func append(_ item: Item, _ limit: Int) -> Bool {
        if items.count == limit {
            isTruncated = true
            return false
        }
        items.append(item)
        return true
    }
}

private func versionSummary(_ row: SQLiteRow, isLatest: Bool) throws -> VersionSummary {
    try VersionSummary(
        object: objectSummary(row), version: ObjectVersion(column: row[1]), isLatest: isLatest,
        isDeleteMarker: row[6] as Int == 2)
}

/// Of a row that begins with key, version, size, ETag, time and attributes.
private func objectSummary(_ row: SQLiteRow) throws -> ObjectSummary {
    try ObjectSummary(
        key: ObjectKey(utf8: row[0]), size: row[2], etag: row[3], modifiedAt: Timestamp(millisecondsSince1970: row[4]),
        attributes: decodeListed(row[5]))
}

private struct ListPosition {
    var key: [UInt8]
    var isInclusive: Bool

    init(key: [UInt8], isInclusive: Bool) {
        self.key = key
        self.isInclusive = isInclusive
    }

    init(after: [UInt8], _ prefix: [UInt8], _ delimiter: [UInt8]) {
        if after.lexicographicallyPrecedes(prefix) || after.isEmpty {
            self.init(key: prefix, isInclusive: true)
        } else if let group = commonPrefix(of: after, prefix, delimiter), let next = prefixSuccessor(of: group) {
            self.init(key: next, isInclusive: true)
        } else {
            self.init(key: after, isInclusive: false)
        }
    }
}

/// The group a key belongs to: through the first delimiter after the prefix.
private func commonPrefix(of key: [UInt8], _ prefix: [UInt8], _ delimiter: [UInt8]) -> [UInt8]? {
    guard let first = delimiter.first, key.starts(with: prefix) else { return nil }
    var rest = key[prefix.count...]
    while let start = rest.firstIndex(of: first) {
        if key[start...].starts(with: delimiter) { return Array(key[..<(start + delimiter.count)]) }
        rest = key[(start + 1)...]
    }
    return nil
}

/// The least bytes above everything that begins with `prefix`; nil when there are none.
func prefixSuccessor(of prefix: [UInt8]) -> [UInt8]? {
    var bytes = prefix
    while let last = bytes.popLast() {
        if last < 255 { return bytes + [last + 1] }
    }
    return nil
}
