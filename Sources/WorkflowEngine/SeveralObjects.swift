import JSONModel
import ObjectStore
import StatesLanguage
import StatesRuntime

/// Items inside several objects, one object after the other.
final class SeveralObjects: ItemSource {
    private let files: any FileList
    private let format: ItemFormat
    private var cursor: ItemCursor
    private var current: (items: ObjectItems, file: ListedFile)?

    init(_ files: any FileList, _ format: ItemFormat, from cursor: ItemCursor) {
        self.files = files
        self.format = format
        self.cursor = cursor
    }

    func next(atMost limit: Int) async throws -> [ReadItem] {
        while true {
            if current == nil {
                guard let file = try await files.next(&cursor) else { return [] }
                var format = format
                if let headers = file.headers { format.csvHeaders = headers }
                current = (ObjectItems(file.bucket, file.key, in: file.store, format, from: cursor), file)
            }
            guard let (items, file) = current else { return [] }
            let found = try await items.next(atMost: limit)
            cursor = items.cursor
            if !found.isEmpty { return found }
            current = nil
            cursor.endObject()
            files.pass(file, &cursor)
        }
    }
}

struct ListedFile {
    var bucket: String
    var key: String
    var store: any ObjectStore
    /// The names of a CSV file's columns, where the list knows them.
    var headers: [String]?
}

/// Names objects in an order that stays the same. Used by one task.
protocol FileList: AnyObject {
    /// The object that the cursor stands in; nil after the last.
    func next(_ cursor: inout ItemCursor) async throws -> ListedFile?
    /// Moves the cursor behind an object that was read.
    func pass(_ file: ListedFile, _ cursor: inout ItemCursor)
}

/// The objects under a prefix, without those that have no bytes, as folders are marked.
final class FilesUnderPrefix: FileList {
    private let bucket: String
    private let store: any ObjectStore
    private var pages: ObjectPages.AsyncIterator
    private var page: ArraySlice<ObjectMetadata> = []

    init(_ bucket: String, prefix: String, in store: any ObjectStore, from cursor: ItemCursor) {
        self.bucket = bucket
        self.store = store
        pages = store.list(prefix: prefix, startAfter: cursor.key, delimiter: nil).makeAsyncIterator()
    }

    func next(_ cursor: inout ItemCursor) async throws -> ListedFile? {
        while true {
            while let object = page.popFirst() {
                if object.size > 0 { return ListedFile(bucket: bucket, key: object.key, store: store) }
            }
            guard let next = try await readingItems("bucket '\(bucket)'", { try await pages.next() }) else { return nil }
            page = next.objects[...]
        }
    }

    func pass(_ file: ListedFile, _ cursor: inout ItemCursor) { cursor.key = file.key }
}

/// The objects that a manifest names: one of S3's inventories, or one that an UNLOAD of Athena has left.
/// - Source: S3 user guide, "Locating your inventory list"; Athena user guide, "UNLOAD".
final class FilesOfManifest: FileList {
    /// A longer manifest is refused.
    private static let bytesMax = 64 << 20

    private let bucket: String
    private let key: String
    private let kind: ItemFormat.Manifest
    private let stores: ObjectStores
    private var files: [ListedFile]?

    init(_ bucket: String, _ key: String, _ kind: ItemFormat.Manifest, in stores: ObjectStores) {
        self.bucket = bucket
        self.key = key
        self.kind = kind
        self.stores = stores
    }

    private var name: String { "manifest 's3://\(bucket)/\(key)'" }

    func next(_ cursor: inout ItemCursor) async throws -> ListedFile? {
        if files == nil { files = try await read(&cursor) }
        let files = files ?? []
        return cursor.file < files.count ? files[cursor.file] : nil
    }

    func pass(_ file: ListedFile, _ cursor: inout ItemCursor) { cursor.file += 1 }

    private func read(_ cursor: inout ItemCursor) async throws -> [ListedFile] {
        let known = cursor.manifestETag
        let object = try await readingItems(name) {
            let store = try stores.store(ofBucket: bucket)
            guard try await store.head(key).size <= Self.bytesMax else { return nil as ObjectRead? }
            return try await store.get(key, range: nil, ifMatch: known)
        }
        guard let object else { throw failure("it is longer than \(Self.bytesMax >> 20) MiB.") }
        cursor.manifestETag = object.metadata.etag
        switch kind {
        case .inventory: return try inventory(object.bytes)
        case .athena: return try athena(object.bytes)
        }
    }

    private func inventory(_ bytes: [UInt8]) throws -> [ListedFile] {
        let manifest: JSONValue
        do {
            manifest = try JSONValue(parsing: bytes)
        } catch {
            throw failure("it is not JSON: \(error.message).")
        }
        guard manifest["fileFormat"]?.string == "CSV" else {
            throw failure("its fileFormat is \(manifest["fileFormat"]?.text ?? "missing"): only CSV can be read.")
        }
        guard let schema = manifest["fileSchema"]?.string, let files = manifest["files"]?.array,
            let destination = manifest["destinationBucket"]?.string?.split(separator: ":").last
        else { throw failure("fileSchema, files or destinationBucket is missing.") }
        let headers = schema.split(separator: ",").map { $0.drop { $0 == " " } }.map(String.init)
        let store = try readingItems("bucket '\(destination)'") { try stores.store(ofBucket: String(destination)) }
        return try files.map { file in
            guard let key = file["key"]?.string else { throw failure("one of its files has no key.") }
            return ListedFile(bucket: String(destination), key: key, store: store, headers: headers)
        }
    }

    private func athena(_ bytes: [UInt8]) throws -> [ListedFile] {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("it is not UTF-8.") }
        return try text.split(whereSeparator: \.isNewline).map { line in
            let address = line.trimming("\"")
            let parts = address.dropFirst(5).split(separator: "/", maxSplits: 1)
            guard address.hasPrefix("s3://"), parts.count == 2 else {
                throw failure("a line is not the address of an object: \(line.prefix(200))")
            }
            let bucket = String(parts[0])
            let store = try readingItems("bucket '\(bucket)'") { try stores.store(ofBucket: bucket) }
            return ListedFile(bucket: bucket, key: String(parts[1]), store: store)
        }
    }

    private func failure(_ why: String) -> MapRunFailure { .itemReader("The \(name) cannot be used: \(why)") }
}

extension Substring {
    fileprivate func trimming(_ mark: Character) -> Substring {
        let rest = drop { $0 == mark }
        return rest.last == mark ? rest.dropLast() : rest
    }
}
