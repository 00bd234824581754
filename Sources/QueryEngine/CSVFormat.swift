package import Columnar
import JSONModel
import ObjectStore
import SparkPlan
import Support
import TextFormats

/// Directories and globs of CSV files, read-only. One task per file; the next bytes of a file are fetched while the
/// present ones are read.
///
/// With `badRecordsPath` every record that does not fit is written, as a JSON line `{path, record, reason}`, to a file
/// below that path, and left out of the result.
package struct CSVFormat: TableFormat {
    package let name = "csv"

    package init() {}

    package func source(
        paths: [String], schema: StructType?, options: FormatOptions, context: SourceContext
    ) throws -> any TableSource {
        let files = try ObjectFiles.list(paths, stores: context.stores)
        try refuseCompressed(files)
        let partitions = FilePartitions(files: files, declared: schema)
        let csv = try CSVOptions(options.all)
        var data: [StructField]
        if let schema {
            data = schema.fields
        } else {
            let input = RangeInput(files[0])
            data = try translated(files[0]) { try CSVInference.schema(options: csv) { try input.read($0) }.fields }
        }
        data.removeAll { field in partitions.fields.contains { $0.name.lowercased() == field.name.lowercased() } }
        for index in data.indices { data[index].nullable = true }
        return CSVSource(
            files: files, data: data, partitions: partitions, options: csv,
            badRecords: try options["badRecordsPath"].map {
                try BadRecords(path: $0, context: context)
            }, description: paths.joined(separator: ", "))
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        throw SparkError.unsupported("writing CSV; write a delta table")
    }
}

/// Spark chooses the codec by the name's ending; reading the compressed bytes as text would be wrong without a word.
private func refuseCompressed(_ files: [ObjectFile]) throws {
    let endings = [".gz", ".bz2", ".zst", ".snappy", ".lz4", ".deflate", ".xz"]
    for file in files where endings.contains(where: { file.name.lowercased().hasSuffix($0) }) {
        throw SparkError.unsupported("reading compressed CSV files such as \(file.uri)")
    }
}

private struct CSVSource: TableSource {
    let files: [ObjectFile]
    let data: [StructField]
    let partitions: FilePartitions
    let options: CSVOptions
    let badRecords: BadRecords?
    let description: String

    var schema: StructType { StructType(data + partitions.fields) }
    var hiddenColumns: [StructField] { FileMetadataColumns.withRowIndex }
    /// A guess from the sizes, at 100 bytes a row.
    var estimatedRows: Int64? { files.reduce(0) { $0 &+ $1.metadata.size } / 100 }
    var explainName: String { "csv \(description)" }

    func scan(_ request: ScanRequest) -> [any ScanTask] {
        files.indices.map { index in
            CSVTask(
                source: self, file: files[index],
                columns: FileColumns(
                    columns: request.columns, data: data, partitions: partitions.fields,
                    partitionValues: partitions.values[index], file: files[index], hidden: hiddenColumns))
        }
    }
}

private struct CSVTask: ScanTask {
    let source: CSVSource
    let file: ObjectFile
    let columns: FileColumns

    var estimatedBytes: Int64 { file.metadata.size }

    func open() throws -> any BatchReader {
        let schema = StructType(source.data)
        let positions = columns.read.compactMap { schema.index(of: $0.name, caseSensitive: true) }
        let input = RangeInput(file)
        let reader = try CSVReader(schema: schema, columns: positions, options: source.options) { try input.read($0) }
        let log = source.badRecords?.log(of: file)
        if let log { reader.badRecord = { log.add($0.text, $0.reason) } }
        return CSVBatchReader(file: file, reader: reader, columns: columns, log: log)
    }
}

private final class CSVBatchReader: BatchReader {
    private let file: ObjectFile
    private let reader: CSVReader
    private let columns: FileColumns
    private let log: BadRecordLog?
    private var finished = false

    init(file: ObjectFile, reader: CSVReader, columns: FileColumns, log: BadRecordLog?) {
        self.file = file
        self.reader = reader
        self.columns = columns
        self.log = log
    }

    var bytesRead: Int64 { reader.bytesRead }

    func next() throws -> Batch? {
        if let batch = try translated(file, { try reader.next() }) { return try columns.assemble(batch, rowNumbers: reader.rowNumbers) }
        if !finished {
            finished = true
            try log?.write()
        }
        return nil
    }
}

/// An object's bytes one after another, by ranges, the next range fetched ahead. Used by one thread.
private final class RangeInput {
    private static let rangeBytes: Int64 = 4 << 20
    private static let fetchers = BlockingExecutor(name: "prefetch", threads: 8)

    private let file: ObjectFile
    private var fetched: Int64 = 0
    private var ahead: FutureValue<[UInt8]>?
    private var current: [UInt8] = []
    private var position = 0

    init(_ file: ObjectFile) { self.file = file }

    private func fetch() {
        let start = fetched
        let end = min(start + Self.rangeBytes, file.metadata.size)
        guard start < end else {
            ahead = nil
            return
        }
        fetched = end
        let future = FutureValue<[UInt8]>()
        let file = file
        ahead = future
        Self.fetchers.submit {
            future.fulfil(
                Result { try file.store.get(file.metadata.key, range: start..<end, ifMatch: file.metadata.etag).bytes })
        }
    }

    func read(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if position == current.count {
            if fetched == 0 { fetch() }
            guard let future = ahead else { return 0 }
            current = try future.get()
            position = 0
            fetch()
        }
        let count = min(buffer.count, current.count - position)
        current.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
        }
        position += count
        return count
    }
}

/// Where a query's bad records go: `<path>/<time of the query>/bad_records/part-<name of the file>.json`.
private struct BadRecords: Sendable {
    private let store: BlockingObjectStore
    private let prefix: String

    init(path: String, context: SourceContext) throws {
        let (store, key) = try context.stores.store(for: path)
        self.store = BlockingObjectStore(store)
        let base = key.isEmpty || key.hasSuffix("/") ? key : key + "/"
        prefix = base + Timestamp(millisecondsSince1970: context.nowMicros / 1000).iso8601.filter { $0 != ":" && $0 != "-" && $0 != "." }
            + "/bad_records/"
    }

    func log(of file: ObjectFile) -> BadRecordLog {
        // The whole key, so that files of one name in two directories stay apart; repeated attempts write the same.
        let name = file.metadata.key.map { $0 == "/" ? "_" : String($0) }.joined()
        return BadRecordLog(store: store, key: "\(prefix)part-\(name).json", path: file.uri)
    }
}

/// The bad records of one file, written when its last row has been read.
private final class BadRecordLog {
    private let store: BlockingObjectStore
    private let key: String
    private let path: String
    private var lines: [UInt8] = []

    init(store: BlockingObjectStore, key: String, path: String) {
        self.store = store
        self.key = key
        self.path = path
    }

    func add(_ record: String, _ reason: String) {
        let line: JSONObject = ["path": .string(path), "record": .string(record), "reason": .string(reason)]
        lines += JSONValue.object(line).bytes + [10]
    }

    func write() throws {
        if !lines.isEmpty { try store.put(key, lines) }
    }
}
