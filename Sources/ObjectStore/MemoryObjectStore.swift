import Crypto
package import Support
import Synchronization

/// Objects in memory, for tests. ETags are MD5, as S3's of objects put at once.
package final class MemoryObjectStore: ObjectStore, BlockingObjectAccess {
    private struct Stored {
        var metadata: ObjectMetadata
        var bytes: [UInt8]
    }

    private struct Contents {
        var objects: [[UInt8]: Stored] = [:]
        /// Ascending.
        var keys: [[UInt8]] = []

        subscript(key: [UInt8]) -> Stored? {
            get { objects[key] }
            set {
                let index = firstIndex { !$0.lexicographicallyPrecedes(key) }
                let isPresent = objects.updateOrRemove(key, newValue)
                if newValue != nil, !isPresent { keys.insert(key, at: index) }
                if newValue == nil, isPresent { keys.remove(at: index) }
            }
        }

        /// Of the keys for which `isWanted` holds; it must hold for all keys after one for which it does.
        func firstIndex(where isWanted: ([UInt8]) -> Bool) -> Int {
            var low = 0
            var high = keys.count
            while low < high {
                let middle = (low + high) / 2
                if isWanted(keys[middle]) { high = middle } else { low = middle + 1 }
            }
            return low
        }
    }

    private let objects = Mutex(Contents())
    private let clock: any WallClock
    private let pageSize: Int

    package init(clock: any WallClock = SystemWallClock(), pageSize: Int = 1000) {
        self.clock = clock
        self.pageSize = max(1, pageSize)
    }

    package var blockingAccess: (any BlockingObjectAccess)? { self }

    package func get(_ key: String, range: Range<Int64>?, ifMatch: String?) throws -> ObjectRead {
        guard let stored = objects.withLock({ $0[Array(key.utf8)] }) else { throw ObjectStoreError.notFound(key) }
        if let ifMatch, ifMatch != stored.metadata.etag { throw etagDiffers(key, stored.metadata.etag) }
        guard let range = try byteRange(range, size: stored.metadata.size, key: key) else {
            return ObjectRead(metadata: stored.metadata, bytes: stored.bytes)
        }
        return ObjectRead(
            metadata: stored.metadata, bytes: Array(stored.bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
    }

    package func download(_ key: String, range: Range<Int64>?, ifMatch: String?) throws -> any BlockingObjectDownload {
        MemoryDownload(of: try get(key, range: range, ifMatch: ifMatch))
    }

    package func download(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> any ObjectDownload {
        MemoryDownload(of: try get(key, range: range, ifMatch: ifMatch))
    }

    package func head(_ key: String) throws -> ObjectMetadata {
        guard let stored = objects.withLock({ $0[Array(key.utf8)] }) else { throw ObjectStoreError.notFound(key) }
        return stored.metadata
    }

    package func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) throws -> ObjectMetadata {
        guard !key.isEmpty else { throw ObjectStoreError(.invalidKey, "A key cannot be empty.", key: key) }
        let metadata = ObjectMetadata(
            key: key, size: Int64(bytes.count), etag: hexText(Insecure.MD5.hash(data: bytes)),
            lastModified: clock.now())
        try objects.withLock { objects in
            let present = objects[Array(key.utf8)]?.metadata.etag
            switch condition {
            case .none: break
            case .ifAbsent: if present != nil { throw alreadyPresent(key) }
            case .ifMatch(let etag): if present != etag { throw etagDiffers(key, present) }
            }
            objects[Array(key.utf8)] = Stored(metadata: metadata, bytes: bytes)
        }
        return metadata
    }

    package func upload(_ key: String) throws -> any BlockingObjectUpload { MemoryUpload(store: self, key: key) }
    package func upload(_ key: String) async throws -> any ObjectUpload { MemoryUpload(store: self, key: key) }

    package func delete(_ key: String) throws { try delete([key]) }

    package func delete(_ keys: [String]) throws {
        objects.withLock { objects in
            for key in keys { objects[Array(key.utf8)] = nil }
        }
    }

    package func forEachPage(
        prefix: String, startAfter: String?, delimiter: String?, _ body: (ObjectPage) throws -> Bool
    ) throws {
        var after = startAfter.map { Array($0.utf8) }
        while let (page, last) = page(prefix: prefix, after: after, delimiter: delimiter) {
            guard try body(page), let last else { return }
            after = last
        }
    }

    package func list(prefix: String, startAfter: String?, delimiter: String?) -> ObjectPages {
        let position = Mutex<(after: [UInt8]?, ended: Bool)>((startAfter.map { Array($0.utf8) }, false))
        let state = Shared(position)
        return ObjectPages { [self] in
            state.value.withLock { state in
                guard !state.ended, let (page, last) = page(prefix: prefix, after: state.after, delimiter: delimiter)
                else { return nil }
                state = (last, last == nil)
                return page
            }
        }
    }

    /// A page and the key or prefix it ends with; that is nil on the last page. Nil when nothing is left.
    private func page(prefix: String, after: [UInt8]?, delimiter: String?) -> (ObjectPage, last: [UInt8]?)? {
        let prefix = Array(prefix.utf8)
        let delimiter = Array((delimiter ?? "").utf8)
        var page = ObjectPage()
        var last: [UInt8]?
        let contents = objects.withLock { $0 }
        let start = contents.firstIndex { key in
            !key.lexicographicallyPrecedes(prefix) && (after.map { $0.lexicographicallyPrecedes(key) } ?? true)
        }
        for key in contents.keys[start...] {
            guard key.starts(with: prefix) else { break }
            let group = commonPrefix(of: key, prefix: prefix, delimiter: delimiter)
            // A page that ended with this group has covered all keys under it.
            if let group, group == last || group == after { continue }
            if page.objects.count + page.prefixes.count == pageSize { return (page, last) }
            if let group {
                page.prefixes.append(String(decoding: group, as: UTF8.self))
                last = group
            } else {
                if let stored = contents[key] { page.objects.append(stored.metadata) }
                last = key
            }
        }
        return page.objects.isEmpty && page.prefixes.isEmpty ? nil : (page, nil)
    }
}

/// A value that cannot be copied, shared by reference.
final class Shared<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}

private final class MemoryDownload: ObjectDownload, BlockingObjectDownload {
    private static let pieceBytes = 1 << 20
    let metadata: ObjectMetadata
    private let rest: Mutex<ArraySlice<UInt8>>

    init(of read: ObjectRead) {
        metadata = read.metadata
        rest = Mutex(read.bytes[...])
    }

    func read() -> [UInt8]? {
        rest.withLock { rest in
            guard !rest.isEmpty else { return nil }
            defer { rest = rest.dropFirst(Self.pieceBytes) }
            return Array(rest.prefix(Self.pieceBytes))
        }
    }
}

private final class MemoryUpload: ObjectUpload, BlockingObjectUpload {
    private let store: MemoryObjectStore
    private let key: String
    private let bytes = Mutex<[UInt8]>([])

    init(store: MemoryObjectStore, key: String) {
        self.store = store
        self.key = key
    }

    func write(_ more: [UInt8]) throws { bytes.withLock { $0 += more } }

    func complete(condition: PutCondition) throws -> ObjectMetadata {
        try store.put(key, bytes.withLock { $0 }, condition: condition)
    }

    func abort() { bytes.withLock { $0 = [] } }
}

/// The part of `key` up to and including the first delimiter after the prefix; nil without one.
func commonPrefix(of key: [UInt8], prefix: [UInt8], delimiter: [UInt8]) -> [UInt8]? {
    guard !delimiter.isEmpty, key.count >= prefix.count + delimiter.count else { return nil }
    var index = prefix.count
    while index + delimiter.count <= key.count {
        if key[index...].starts(with: delimiter) { return Array(key[..<(index + delimiter.count)]) }
        index += 1
    }
    return nil
}

/// The part of `range` that an object of `size` bytes has; nil when all of it is wanted.
func byteRange(_ range: Range<Int64>?, size: Int64, key: String) throws(ObjectStoreError) -> Range<Int64>? {
    guard let range else { return nil }
    guard !range.isEmpty else { return 0..<0 }
    guard range.lowerBound >= 0, range.lowerBound < size else {
        throw ObjectStoreError(
            .invalidRange, "The range \(range) begins outside the object, which has \(size) bytes.", key: key)
    }
    return range.lowerBound..<min(range.upperBound, size)
}

func alreadyPresent(_ key: String) -> ObjectStoreError {
    ObjectStoreError(.preconditionFailed, "There already is an object '\(key)'.", key: key)
}

func etagDiffers(_ key: String, _ found: String?) -> ObjectStoreError {
    ObjectStoreError(
        .preconditionFailed,
        found.map { "The object '\(key)' has another ETag: \($0)." } ?? "There is no object '\(key)' to match.",
        key: key)
}

extension Dictionary {
    /// Whether there was a value before.
    fileprivate mutating func updateOrRemove(_ key: Key, _ value: Value?) -> Bool {
        if let value { updateValue(value, forKey: key) != nil } else { removeValue(forKey: key) != nil }
    }
}
