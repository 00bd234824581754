import Support

extension SQLiteStateStore {
    /// Walks the keys in order. A group of keys is skipped by seeking past its common prefix, so that the cost follows
    /// the number of items, not of keys.
    package func listObjects(_ query: ObjectListQuery) async throws -> ObjectListPage {
        try await read { db in
            var page = ObjectListPage()
            guard query.limit > 0 else { return page }
            let end = prefixSuccessor(of: query.prefix)
            var position = ListPosition(query)
            let upper = end == nil ? "" : " AND key < ?"
            let inclusive = try db.statement(
                text: "SELECT key, size, etag, modified_ms FROM object WHERE bucket = ? AND key >= ?\(upper) ORDER BY key"
            )
            let exclusive = try db.statement(
                text: "SELECT key, size, etag, modified_ms FROM object WHERE bucket = ? AND key > ?\(upper) ORDER BY key"
            )
            while true {
                var arguments: [any SQLiteValue] = [query.bucket, position.key]
                if let end { arguments.append(end) }
                var next: ListPosition?
                try (position.isInclusive ? inclusive : exclusive).forEach(arguments) { row in
                    if page.items.count == query.limit {
                        page.isTruncated = true
                        return false
                    }
                    let key: [UInt8] = try row[0]
                    if let group = commonPrefix(of: key, query) {
                        page.items.append(.commonPrefix(group))
                        next = prefixSuccessor(of: group).map { ListPosition(key: $0, isInclusive: true) }
                        return false
                    }
                    page.items.append(
                        .object(
                            try ObjectSummary(
                                key: ObjectKey(utf8: key), size: row[1], etag: row[2],
                                modifiedAt: Timestamp(millisecondsSince1970: row[3]))))
                    return true
                }
                guard let next else { return page }
                position = next
            }
        }
    }
}

private struct ListPosition {
    var key: [UInt8]
    var isInclusive: Bool

    init(key: [UInt8], isInclusive: Bool) {
        self.key = key
        self.isInclusive = isInclusive
    }

    init(_ query: ObjectListQuery) {
        if query.after.lexicographicallyPrecedes(query.prefix) || query.after.isEmpty {
            self.init(key: query.prefix, isInclusive: true)
        } else if let group = commonPrefix(of: query.after, query), let next = prefixSuccessor(of: group) {
            self.init(key: next, isInclusive: true)
        } else {
            self.init(key: query.after, isInclusive: false)
        }
    }
}

/// The group a key belongs to: through the first delimiter after the prefix.
private func commonPrefix(of key: [UInt8], _ query: ObjectListQuery) -> [UInt8]? {
    let delimiter = query.delimiter
    guard !delimiter.isEmpty, key.starts(with: query.prefix) else { return nil }
    var start = query.prefix.count
    while start + delimiter.count <= key.count {
        if key[start..<start + delimiter.count].elementsEqual(delimiter) { return Array(key[..<(start + delimiter.count)]) }
        start += 1
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
