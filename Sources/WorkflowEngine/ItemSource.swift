import JSONModel
import ObjectStore
import StatesLanguage
import StatesRuntime
import Support

/// How far a map run's items have been read: enough to go on after a restart.
struct ItemCursor: Sendable, Hashable {
    /// Items read so far.
    var items = 0
    /// Of an object, up to where it has been read, in bytes, and its version.
    var offset: Int64 = 0
    var etag: String?
    /// The first row of a CSV object.
    var headers: [String]?
    /// Whether a JSON document's items are the members of an object.
    var hasMembers = false
    /// The last key of a listing that is done with.
    var key: String?
    /// How many of a manifest's objects are done with, and its version.
    var file = 0
    var manifestETag: String?

    init() {}

    init(_ json: JSONObject) {
        items = Int(clamping: json["items"]?.int64 ?? 0)
        offset = json["offset"]?.int64 ?? 0
        etag = json["etag"]?.string
        headers = json["headers"]?.array?.compactMap(\.string)
        hasMembers = json["members"]?.bool ?? false
        key = json["key"]?.string
        file = Int(clamping: json["file"]?.int64 ?? 0)
        manifestETag = json["manifest"]?.string
    }

    /// Leaves the object that it stands in.
    mutating func endObject() {
        offset = 0
        etag = nil
        headers = nil
        hasMembers = false
    }

    var json: JSONObject {
        var json: JSONObject = ["items": .number(items)]
        if offset > 0 { json["offset"] = .number(offset) }
        if let etag { json["etag"] = .string(etag) }
        if let headers { json["headers"] = .array(headers.map { .string($0) }) }
        if hasMembers { json["members"] = true }
        if let key { json["key"] = .string(key) }
        if file > 0 { json["file"] = .number(file) }
        if let manifestETag { json["manifest"] = .string(manifestETag) }
        return json
    }
}

/// An item, and where reading goes on behind it.
struct ReadItem: Sendable {
    var item: MapRunItem
    var after: ItemCursor
}

/// Gives the items of a map run in order. Used by one task.
protocol ItemSource: AnyObject {
    /// Up to `limit` items, at least one unless there are no more.
    /// - Throws: `MapRunFailure` for what cannot be read; `CancellationError`.
    func next(atMost limit: Int) async throws -> [ReadItem]
}

extension MapRunStart {
    /// - Parameters:
    ///   - items: those of the state, unless a reader finds them.
    ///   - cursor: where to go on.
    func source(items: [JSONValue]?, from cursor: ItemCursor, _ stores: ObjectStores?) throws -> any ItemSource {
        guard let reader else { return DataItems(items ?? [], areMembers: itemsAreMembers, from: cursor) }
        if let maxItems = reader.maxItems, maxItems < 0 {
            throw MapRunFailure.itemReader("field MaxItems must be positive")
        }
        guard let stores else {
            throw MapRunFailure.itemReader("This server has no object store to read items from.")
        }
        guard let bucket = reader.parameters["Bucket"]?.string, !bucket.isEmpty else {
            throw MapRunFailure.itemReader("The ItemReader's Bucket must be a string that is not empty.")
        }
        let store = try readingItems("bucket '\(bucket)'") { try stores.store(ofBucket: bucket) }
        switch reader.source {
        case .listing:
            let prefix = reader.parameters["Prefix"]?.string ?? ""
            if reader.format.isFlattened {
                return SeveralObjects(
                    FilesUnderPrefix(bucket, prefix: prefix, in: store, from: cursor), reader.format, from: cursor)
            }
            return ListedObjects(bucket, prefix: prefix, in: store, from: cursor)
        case .object:
            guard let key = reader.parameters["Key"]?.string, !key.isEmpty else {
                throw MapRunFailure.itemReader("The ItemReader's Key must be a string that is not empty.")
            }
            if let manifest = reader.format.manifest {
                return SeveralObjects(FilesOfManifest(bucket, key, manifest, in: stores), reader.format, from: cursor)
            }
            return ObjectItems(bucket, key, in: store, reader.format, from: cursor)
        }
    }
}

/// Turns a store's errors into the failure of an ItemReader.
func readingItems<T>(_ what: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as ObjectStoreError { throw MapRunFailure.itemReader(error, what) }
}

func readingItems<T>(_ what: String, _ body: () async throws -> T) async throws -> T {
    do { return try await body() } catch let error as ObjectStoreError { throw MapRunFailure.itemReader(error, what) }
}

extension MapRunFailure {
    fileprivate static func itemReader(_ error: ObjectStoreError, _ what: String) -> MapRunFailure {
        let cause =
            switch error.code {
            case .preconditionFailed: "The \(what) was changed while its items were being read."
            case .notFound, .noSuchBucket: "The \(what) does not exist. \(error.message)"
            default: "The \(what) cannot be read: \(error.message)"
            }
        return itemReader(cause)
    }
}

/// Items of the state's input.
private final class DataItems: ItemSource {
    private let items: [JSONValue]
    private let areMembers: Bool
    private var at: Int

    init(_ items: [JSONValue], areMembers: Bool, from cursor: ItemCursor) {
        self.items = items
        self.areMembers = areMembers
        at = cursor.items
    }

    func next(atMost limit: Int) -> [ReadItem] {
        guard at < items.count else { return [] }
        let end = min(items.count, at + limit)
        defer { at = end }
        return (at..<end).map { index in
            var after = ItemCursor()
            after.items = index + 1
            let key = areMembers ? items[index]["Key"]?.string : nil
            return ReadItem(
                item: MapRunItem(index: index, value: items[index], key: key, source: "STATE_DATA"), after: after)
        }
    }
}

/// One item for each object under a prefix.
/// - Source: Step Functions, "ItemReader", example input of a child execution.
private final class ListedObjects: ItemSource {
    private let bucket: String
    private var pages: ObjectPages.AsyncIterator
    private var page: ArraySlice<ObjectMetadata> = []
    private var cursor: ItemCursor

    init(_ bucket: String, prefix: String, in store: any ObjectStore, from cursor: ItemCursor) {
        self.bucket = bucket
        self.cursor = cursor
        pages = store.list(prefix: prefix, startAfter: cursor.key, delimiter: nil).makeAsyncIterator()
    }

    func next(atMost limit: Int) async throws -> [ReadItem] {
        while page.isEmpty {
            let next = try await readingItems("bucket '\(bucket)'") { try await pages.next() }
            guard let next else { return [] }
            page = next.objects[...]
        }
        let objects = page.prefix(limit)
        page = page.dropFirst(limit)
        return objects.map { object in
            let index = cursor.items
            cursor.items += 1
            cursor.key = object.key
            let value: JSONValue = [
                "Etag": .string("\"\(object.etag)\""), "Key": .string(object.key),
                "LastModified": .number(object.lastModified.millisecondsSince1970 / 1000),
                "Size": .number(object.size), "StorageClass": "STANDARD",
            ]
            return ReadItem(item: MapRunItem(index: index, value: value, source: "S3://\(bucket)"), after: cursor)
        }
    }
}
