import Synchronization

/// Finds the store that a URI or path lies in.
///
/// `s3://`, `s3a://` and `s3n://` name a bucket; `file:` URIs and plain paths name local files, all in one store whose
/// root is `/`. Stores are opened at first use and kept.
package final class ObjectStores: Sendable {
    private let openBucket: @Sendable (String) throws -> any ObjectStore
    private let currentDirectory: String
    private let local = LocalObjectStore(root: "/")
    private let buckets = Mutex<[String: any ObjectStore]>([:])

    /// - Parameters:
    ///   - currentDirectory: what relative paths are relative to; absolute. Nil refuses them.
    ///   - openBucket: opens the store of a bucket; nil when there is no S3 endpoint.
    package init(
        currentDirectory: String? = nil, openBucket: (@Sendable (String) throws -> any ObjectStore)? = nil
    ) {
        self.currentDirectory = currentDirectory ?? ""
        self.openBucket = openBucket ?? { bucket in
            throw ObjectStoreError(
                .noSuchBucket, "There is no S3 endpoint configured to reach bucket '\(bucket)'.", key: "")
        }
    }

    /// Makes `store` the one that answers for `bucket`.
    package func bind(bucket: String, to store: any ObjectStore) {
        buckets.withLock { $0[bucket] = store }
    }

    /// - Parameter uri: of an object or a prefix. Dot segments of local paths are resolved here.
    /// - Returns: the store, and the key in it (empty for a whole bucket; a trailing slash is kept).
    /// - Throws: `ObjectStoreError` `.invalidKey` for a URI of another kind, or what opening the bucket throws.
    package func store(for uri: String) throws -> (any ObjectStore, key: String) {
        if let location = ObjectLocation(uri: uri) { return (try store(ofBucket: location.bucket), location.key) }
        return (local, try localKey(uri))
    }

    package func store(ofBucket bucket: String) throws -> any ObjectStore {
        if let known = buckets.withLock({ $0[bucket] }) { return known }
        let opened = try openBucket(bucket)
        return buckets.withLock { buckets in
            if let known = buckets[bucket] { return known }
            buckets[bucket] = opened
            return opened
        }
    }

    private func localKey(_ uri: String) throws -> String {
        var path = uri[...]
        if path.lowercased().hasPrefix("file:") {
            path = path.dropFirst(5)
            if path.hasPrefix("//") {
                path = path.dropFirst(2)
                if path.lowercased().hasPrefix("localhost/") { path = path.dropFirst(9) }
            }
            guard path.hasPrefix("/") else { throw refused(uri, "A file URI needs an absolute path") }
        } else if let colon = path.range(of: "://") {
            throw refused(uri, "The scheme '\(path[..<colon.lowerBound])' is not supported")
        }
        guard !path.isEmpty else { throw refused(uri, "The path is empty") }
        if !path.hasPrefix("/") {
            guard !currentDirectory.isEmpty else { throw refused(uri, "Relative paths are not accepted here") }
            path = "\(currentDirectory)/\(path)"[...]
        }
        var segments: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
        }
        let key = segments.joined(separator: "/")
        return path.hasSuffix("/") && !key.isEmpty ? key + "/" : key
    }

    private func refused(_ uri: String, _ why: String) -> ObjectStoreError {
        ObjectStoreError(.invalidKey, "\(why): '\(uri)'.", key: uri)
    }
}

extension Substring {
    /// The first place of `text`.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
