import JSONModel
import ObjectStore
import Support

/// Where a query's bad records go: `<path>/<time of the query>/bad_records/part-<name of the file>.json`; those of
/// further tasks of a file have the task's first byte in the name, too.
struct BadRecords: Sendable {
    private let store: BlockingObjectStore
    private let prefix: String

    init(path: String, context: SourceContext) throws {
        let (store, key) = try context.stores.store(for: path)
        self.store = BlockingObjectStore(store)
        let base = key.isEmpty || key.hasSuffix("/") ? key : key + "/"
        prefix = base + Timestamp(millisecondsSince1970: context.nowMicros / 1000).iso8601.filter { $0 != ":" && $0 != "-" && $0 != "." }
            + "/bad_records/"
    }

    func log(of file: ObjectFile, from start: Int64) -> BadRecordLog {
        // The whole key, so that files of one name in two directories stay apart; repeated attempts write the same.
        let name = file.metadata.key.map { $0 == "/" ? "_" : String($0) }.joined() + (start == 0 ? "" : ".\(start)")
        return BadRecordLog(store: store, key: "\(prefix)part-\(name).json", path: file.uri)
    }
}

/// The bad records of one task, visible when its last row has been read.
final class BadRecordLog {
    /// Lines that are kept before they are handed on.
    private static let bytesMax = 1 << 20

    private let store: BlockingObjectStore
    private let key: String
    private let path: String
    private var lines: [UInt8] = []
    private var upload: (any BlockingObjectUpload)?

    init(store: BlockingObjectStore, key: String, path: String) {
        self.store = store
        self.key = key
        self.path = path
    }

    deinit { upload?.abort() }

    func add(_ record: String, _ reason: String) throws {
        let line: JSONObject = ["path": .string(path), "record": .string(record), "reason": .string(reason)]
        lines += JSONValue.object(line).bytes
        lines.append(10)
        if lines.count >= Self.bytesMax { try handOn() }
    }

    func finish() throws {
        if !lines.isEmpty { try handOn() }
        _ = try upload?.complete()
        upload = nil
    }

    private func handOn() throws {
        let upload = try self.upload ?? store.upload(key)
        self.upload = upload
        try upload.write(lines)
        lines.removeAll(keepingCapacity: true)
    }
}
