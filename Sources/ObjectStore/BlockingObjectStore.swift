import Support

/// The calls of `ObjectStore`, waiting on the calling thread. Contracts are the same.
package protocol BlockingObjectAccess: Sendable {
    func get(_ key: String, range: Range<Int64>?, ifMatch: String?) throws -> ObjectRead
    func download(_ key: String, range: Range<Int64>?, ifMatch: String?) throws -> any BlockingObjectDownload
    func head(_ key: String) throws -> ObjectMetadata
    func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) throws -> ObjectMetadata
    func upload(_ key: String) throws -> any BlockingObjectUpload
    func delete(_ key: String) throws
    func delete(_ keys: [String]) throws
    /// Calls `body` with each page until it returns false.
    func forEachPage(
        prefix: String, startAfter: String?, delimiter: String?, _ body: (ObjectPage) throws -> Bool
    ) throws
}

/// An object being read, see `ObjectDownload`.
package protocol BlockingObjectDownload: Sendable {
    var metadata: ObjectMetadata { get }
    func read() throws -> [UInt8]?
}

/// An object being stored, see `ObjectUpload`.
package protocol BlockingObjectUpload: Sendable {
    func write(_ bytes: [UInt8]) throws
    func complete(condition: PutCondition) throws -> ObjectMetadata
    func abort()
}

/// Any `ObjectStore` for threads that may block, such as a query's workers. Never to be used on the cooperative pool.
package struct BlockingObjectStore: BlockingObjectAccess {
    private let store: any ObjectStore
    private let direct: (any BlockingObjectAccess)?

    package init(_ store: any ObjectStore) {
        self.store = store
        direct = store.blockingAccess
    }

    package func get(_ key: String, range: Range<Int64>? = nil, ifMatch: String? = nil) throws -> ObjectRead {
        if let direct { return try direct.get(key, range: range, ifMatch: ifMatch) }
        return try runBlocking { [store] in try await store.get(key, range: range, ifMatch: ifMatch) }
    }

    package func download(
        _ key: String, range: Range<Int64>? = nil, ifMatch: String? = nil
    ) throws -> any BlockingObjectDownload {
        if let direct { return try direct.download(key, range: range, ifMatch: ifMatch) }
        return WaitingDownload(
            download: try runBlocking { [store] in try await store.download(key, range: range, ifMatch: ifMatch) })
    }

    package func head(_ key: String) throws -> ObjectMetadata {
        if let direct { return try direct.head(key) }
        return try runBlocking { [store] in try await store.head(key) }
    }

    @discardableResult
    package func put(_ key: String, _ bytes: [UInt8], condition: PutCondition = .none) throws -> ObjectMetadata {
        if let direct { return try direct.put(key, bytes, condition: condition) }
        return try runBlocking { [store] in try await store.put(key, bytes, condition: condition) }
    }

    package func upload(_ key: String) throws -> any BlockingObjectUpload {
        if let direct { return try direct.upload(key) }
        return WaitingUpload(upload: try runBlocking { [store] in try await store.upload(key) })
    }

    @discardableResult
    package func copy(
        _ source: String, to target: String, ifMatch: String? = nil, condition: PutCondition = .none
    ) throws -> ObjectMetadata {
        try runBlocking { [store] in
            try await store.copy(source, to: target, ifMatch: ifMatch, condition: condition)
        }
    }

    package func delete(_ key: String) throws {
        if let direct { return try direct.delete(key) }
        try runBlocking { [store] in try await store.delete(key) }
    }

    package func delete(_ keys: [String]) throws {
        if let direct { return try direct.delete(keys) }
        try runBlocking { [store] in try await store.delete(keys) }
    }

    package func forEachPage(
        prefix: String, startAfter: String? = nil, delimiter: String? = nil, _ body: (ObjectPage) throws -> Bool
    ) throws {
        if let direct {
            return try direct.forEachPage(prefix: prefix, startAfter: startAfter, delimiter: delimiter, body)
        }
        let pages = store.list(prefix: prefix, startAfter: startAfter, delimiter: delimiter)
        while let page = try runBlocking({ try await pages.nextPage() }) {
            guard try body(page) else { return }
        }
    }

    /// See `ObjectStore.supportsConditionalWrites`.
    package func supportsConditionalWrites(near key: String) throws -> Bool {
        if direct != nil { return true }
        return try runBlocking { [store] in try await store.supportsConditionalWrites(near: key) }
    }

    /// The whole listing at once, for prefixes known to be small.
    package func listAll(prefix: String, startAfter: String? = nil) throws -> [ObjectMetadata] {
        try list(prefix: prefix, startAfter: startAfter).objects
    }

    /// The whole listing as one page, for prefixes known to be small.
    package func list(prefix: String, startAfter: String? = nil, delimiter: String? = nil) throws -> ObjectPage {
        var all = ObjectPage()
        try forEachPage(prefix: prefix, startAfter: startAfter, delimiter: delimiter) { page in
            all.objects += page.objects
            all.prefixes += page.prefixes
            return true
        }
        return all
    }
}

extension BlockingObjectUpload {
    package func complete() throws -> ObjectMetadata { try complete(condition: .none) }
}

private struct WaitingDownload: BlockingObjectDownload {
    let download: any ObjectDownload
    var metadata: ObjectMetadata { download.metadata }
    func read() throws -> [UInt8]? { try runBlocking { [download] in try await download.read() } }
}

private struct WaitingUpload: BlockingObjectUpload {
    let upload: any ObjectUpload

    func write(_ bytes: [UInt8]) throws { try runBlocking { [upload] in try await upload.write(bytes) } }

    func complete(condition: PutCondition) throws -> ObjectMetadata {
        try runBlocking { [upload] in try await upload.complete(condition: condition) }
    }

    func abort() {
        try? runBlocking { [upload] in await upload.abort() }  // Abort itself cannot fail.
    }
}
