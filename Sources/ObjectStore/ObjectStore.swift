/// A set of objects under keys: one bucket, or one directory tree.
///
/// Keys are not empty and compare as UTF-8 bytes. A put is atomic: a reader sees the whole of it or nothing, and what
/// has been put is durable and seen by every later read and listing. Objects are never changed in part.
///
/// Every call throws `ObjectStoreError`, or `CancellationError` when its task was cancelled; a cancelled put or delete
/// may have taken effect.
package protocol ObjectStore: Sendable {
    /// Reads an object.
    ///
    /// - Parameter range: bytes wanted, cut at the object's end; nil for all. An empty range reads metadata only.
    /// - Parameter ifMatch: the ETag that the object must have.
    /// - Throws: `.notFound`, `.preconditionFailed` for another ETag, `.invalidRange` for a range that begins at or
    ///   after the end (of an empty object too, unless the range is empty).
    func get(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> ObjectRead

    /// Begins to read an object piece by piece; parameters and errors are those of `get`. All pieces are of the version
    /// that the object has now.
    func download(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> any ObjectDownload

    /// - Throws: `.notFound`.
    func head(_ key: String) async throws -> ObjectMetadata

    /// Stores an object, replacing one that has the key unless `condition` forbids it.
    ///
    /// - Throws: `.preconditionFailed` or `.conflict` with nothing changed; `.ambiguous` for a conditional put whose
    ///   outcome is unknown. `.ifMatch` on a key without object is `.preconditionFailed`.
    func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) async throws -> ObjectMetadata

    /// Begins to store an object piece by piece. Nothing is visible before `complete`.
    func upload(_ key: String) async throws -> any ObjectUpload

    /// Stores what `source` has under `target`, too; its bytes stay within the store where the store can copy.
    ///
    /// - Parameters:
    ///   - ifMatch: the ETag that the source must have.
    ///   - condition: of the target, as for a put.
    /// - Throws: as `get` of the source and `put` of the target.
    func copy(
        _ source: String, to target: String, ifMatch: String?, condition: PutCondition
    ) async throws -> ObjectMetadata

    /// Removes the object; succeeds when there is none.
    func delete(_ key: String) async throws

    /// Removes every one of `keys`, in requests as large as the store takes. When it throws, some may be removed.
    func delete(_ keys: [String]) async throws

    /// Lists objects whose keys begin with `prefix`, ascending by UTF-8 bytes.
    ///
    /// - Parameter startAfter: only keys after this one (which need not exist).
    /// - Parameter delimiter: groups keys that have it after the prefix, see `ObjectPage.prefixes`.
    /// - Returns: pages of bounded size. Objects put or removed meanwhile may or may not appear.
    func list(prefix: String, startAfter: String?, delimiter: String?) -> ObjectPages

    /// Whether puts honour their conditions. Stores that cannot be known beforehand are tried once.
    ///
    /// - Parameter near: a key in whose directory something may be put to find out.
    func supportsConditionalWrites(near key: String) async throws -> Bool

    /// The same store for threads that may block, when it can do without the cooperative pool.
    var blockingAccess: (any BlockingObjectAccess)? { get }
}

/// An object being stored. Used by one task at a time; must end with `complete` or `abort`.
package protocol ObjectUpload: Sendable {
    /// Appends; waits while the store is behind, so that memory stays bounded.
    func write(_ bytes: [UInt8]) async throws

    /// Makes the object visible as `ObjectStore.put` does. After a throw the upload is over, too.
    func complete(condition: PutCondition) async throws -> ObjectMetadata

    /// Gives up; leaves nothing behind that a reader could see.
    func abort() async
}

/// An object being read. Used by one task at a time; letting go of it ends the transfer.
///
/// However slow the reader is, no more than a few megabytes wait for it.
package protocol ObjectDownload: Sendable {
    /// Of the whole object, whatever the range.
    var metadata: ObjectMetadata { get }

    /// The next bytes, at most 2 MiB and not none; nil after the last of those asked for.
    ///
    /// - Throws: `.preconditionFailed` or `.notFound` when the object has been replaced or removed and its bytes can be
    ///   had no more; `.unavailable`. Fewer bytes than were announced are never an end, but an error. After a throw the
    ///   download is over.
    func read() async throws -> [UInt8]?
}

extension ObjectStore {
    package var blockingAccess: (any BlockingObjectAccess)? { nil }

    package func download(_ key: String) async throws -> any ObjectDownload {
        try await download(key, range: nil, ifMatch: nil)
    }

    package func supportsConditionalWrites(near key: String) async throws -> Bool { true }

    package func get(_ key: String) async throws -> ObjectRead {
        try await get(key, range: nil, ifMatch: nil)
    }

    package func get(_ key: String, range: Range<Int64>?) async throws -> ObjectRead {
        try await get(key, range: range, ifMatch: nil)
    }

    @discardableResult
    package func put(_ key: String, _ bytes: [UInt8]) async throws -> ObjectMetadata {
        try await put(key, bytes, condition: .none)
    }

    package func copy(
        _ source: String, to target: String, ifMatch: String?, condition: PutCondition
    ) async throws -> ObjectMetadata {
        try await copyThroughHere(source, to: target, ifMatch: ifMatch, condition: condition)
    }

    /// Copies by reading and writing, for stores that cannot otherwise.
    package func copyThroughHere(
        _ source: String, to target: String, ifMatch: String?, condition: PutCondition
    ) async throws -> ObjectMetadata {
        let download = try await download(source, range: nil, ifMatch: ifMatch)
        let upload = try await upload(target)
        do {
            while let piece = try await download.read() { try await upload.write(piece) }
        } catch {
            await upload.abort()
            throw error
        }
        return try await upload.complete(condition: condition)
    }

    @discardableResult
    package func copy(_ source: String, to target: String) async throws -> ObjectMetadata {
        try await copy(source, to: target, ifMatch: nil, condition: .none)
    }

    package func list(prefix: String) -> ObjectPages { list(prefix: prefix, startAfter: nil, delimiter: nil) }

    /// The whole listing at once, for prefixes known to be small.
    package func listAll(prefix: String, startAfter: String? = nil) async throws -> [ObjectMetadata] {
        var all: [ObjectMetadata] = []
        for try await page in list(prefix: prefix, startAfter: startAfter, delimiter: nil) { all += page.objects }
        return all
    }
}

extension ObjectUpload {
    package func complete() async throws -> ObjectMetadata { try await complete(condition: .none) }
}
