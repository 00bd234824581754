import Columnar
import DeltaProtocol
import ObjectStore
import Parquet
import QueryEngine
import Support

/// What a sink's writers need to know of the table.
struct DeltaWriteLayout: Sendable {
    /// Of the table, all columns.
    var schema: StructType
    /// For each column of the table, its position in the batches; nil for one that is filled with NULL.
    var inputs: [Int?]
    var partitionIndices: [Int]
    var indexedColumns: Int
    var codec: CompressionCodec
    var codecName: String
    var targetFileBytes: Int64
    var createdBy: String

    /// Columns that the files hold.
    var dataIndices: [Int] { schema.fields.indices.filter { !partitionIndices.contains($0) } }
}

/// Writes one worker's rows as data files, one at a time in each partition.
final class DeltaFileWriter: BatchWriter {
    /// Files open at once; the one begun first is closed when another partition comes.
    private static let openFilesMax = 32
    /// Encoded bytes of all row groups under way; with more the largest is ended. One alone is ended sooner.
    private static let groupBytesMax = 96 << 20

    private let log: DeltaLog
    private let layout: DeltaWriteLayout
    private let clock: any WallClock
    private let ordinal: Int
    private let dataSchema: StructType
    private var open: [String: OpenFile] = [:]
    /// Directories of open files in the order they were begun.
    private var order: [String] = []
    private var groupBytes = 0
    private var files: [AddFile] = []
    private var rows: Int64 = 0
    /// Set when the write is known to have been committed before: rows are passed over.
    private let discards: Bool

    init(log: DeltaLog, layout: DeltaWriteLayout, clock: any WallClock, ordinal: Int, discards: Bool) {
        self.log = log
        self.layout = layout
        self.clock = clock
        self.ordinal = ordinal
        self.discards = discards
        dataSchema = StructType(layout.dataIndices.map { layout.schema.fields[$0] })
    }

    deinit { for file in open.values { file.upload.abort() } }

    func write(_ batch: Batch) throws {
        guard !discards, batch.selectedCount > 0 else { return }
        let batch = batch.compacted()
        let columns: [ColumnVector] = zip(layout.inputs, layout.schema.fields).map { input, field in
            guard let input, batch.columns.indices.contains(input) else { return .nulls(field.dataType, count: batch.rowCount) }
            return batch.columns[input]
        }
        for (column, field) in zip(columns, layout.schema.fields) where !field.nullable && column.hasNulls {
            throw DeltaError(.notNullViolated, "NOT NULL constraint violated for column: \(field.name).")
        }
        rows += Int64(batch.rowCount)
        let data = Batch(schema: dataSchema, columns: layout.dataIndices.map { columns[$0] }, rowCount: batch.rowCount)
        if layout.partitionIndices.isEmpty { return try append(data, values: []) }
        var groups: [[String?]: [Int32]] = [:]
        var appearance: [[String?]] = []
        for row in 0..<batch.rowCount {
            let values = try layout.partitionIndices.map { index in
                try partitionText(columns[index].value(at: row), layout.schema.fields[index].dataType)
            }
            if groups[values] == nil { appearance.append(values) }
            groups[values, default: []].append(Int32(row))
        }
        for values in appearance {
            guard let positions = groups[values] else { continue }
            let part = positions.count == batch.rowCount ? data : positions.withUnsafeBufferPointer { data.gather($0) }
            try append(part, values: values)
        }
    }

    func finish() throws -> WriterOutput {
        for directory in order { try close(directory) }
        return WriterOutput(
            ordinal: ordinal, rows: rows, files: files.count, bytes: files.reduce(0) { $0 + $1.size }, payload: files)
    }

    private final class OpenFile {
        let path: String
        let values: [String?]
        let upload: any BlockingObjectUpload
        let writer: ParquetWriter
        /// Of the row group under way, as counted in the sum.
        var groupBytes = 0

        init(path: String, values: [String?], upload: any BlockingObjectUpload, writer: ParquetWriter) {
            self.path = path
            self.values = values
            self.upload = upload
            self.writer = writer
        }
    }

    private func append(_ batch: Batch, values: [String?]) throws {
        let directory = zip(layout.partitionIndices, values)
            .map { partitionDirectory(column: layout.schema.fields[$0].name, value: $1) + "/" }.joined()
        let file = try open[directory] ?? begin(directory, values)
        try file.writer.write(batch)
        try handOn(file)
        if file.writer.estimatedBytes >= layout.targetFileBytes { return try close(directory) }
        if groupBytes > Self.groupBytesMax, let largest = order.compactMap({ open[$0] }).max(by: { $0.groupBytes < $1.groupBytes })
        {
            try largest.writer.endRowGroup()
            try handOn(largest)
        }
    }

    /// Uploads what is ready and counts what is not.
    private func handOn(_ file: OpenFile) throws {
        let bytes = file.writer.takeBytes()
        if !bytes.isEmpty { try file.upload.write(bytes) }
        groupBytes -= file.groupBytes
        file.groupBytes = file.writer.groupBytes
        groupBytes += file.groupBytes
    }

    private func begin(_ directory: String, _ values: [String?]) throws -> OpenFile {
        if order.count >= Self.openFilesMax, let oldest = order.first { try close(oldest) }
        let name = "part-\(padded(ordinal, 5))-\(randomUUIDText()).c000.\(layout.codecName)parquet"
        var options = ParquetWriterOptions()
        options.codec = layout.codec
        options.createdBy = layout.createdBy
        let writer = try ParquetWriter(schema: dataSchema, options: options)
        let path = directory + name
        let file = OpenFile(path: path, values: values, upload: try log.store.upload(log.root + path), writer: writer)
        open[directory] = file
        order.append(directory)
        return file
    }

    private func close(_ directory: String) throws {
        guard let file = open.removeValue(forKey: directory) else { return }
        order.removeAll { $0 == directory }
        groupBytes -= file.groupBytes
        do {
            let written = try file.writer.finish()
            try file.upload.write(file.writer.takeBytes())
            _ = try file.upload.complete()
            var statistics = FileStatisticsBuilder(numRecords: written.rowCount, indexedColumns: layout.indexedColumns)
            for (field, column) in zip(dataSchema.fields, written.columns) { statistics.add(field.name, Self.figures(column)) }
            var values: PartitionValues = [:]
            for (index, value) in zip(layout.partitionIndices, file.values) { values[layout.schema.fields[index].name] = .some(value) }
            files.append(
                AddFile(
                    path: encodedPath(file.path), partitionValues: values, size: written.byteCount,
                    modificationTime: clock.now().millisecondsSince1970, dataChange: true, stats: statistics.text))
        } catch {
            file.upload.abort()
            throw error
        }
    }

    private static func figures(_ column: WrittenColumn) -> ColumnFigures {
        switch column {
        case .leaf(let type, let min, let max, let nullCount): .leaf(type, min: min, max: max, nullCount: nullCount)
        case .structure(let names, let members): .structure(zip(names, members).map { (name: $0, figures: figures($1)) })
        case .collection(let nullCount): .collection(nullCount: nullCount)
        }
    }
}
