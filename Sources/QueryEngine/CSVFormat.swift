package import Columnar
import ObjectStore
import SparkPlan
import TextFormats

/// Directories and globs of CSV files, read-only. The next bytes of a file are fetched while the present ones are read.
///
/// A large file is several tasks, cut at line ends, unless records may go on behind them (`multiLine`) or must be
/// numbered (`_metadata.row_index`, and FAILFAST, whose error says which record it was).
///
/// With `badRecordsPath` every record that does not fit is written, as a JSON line `{path, record, reason}`, to a file
/// below that path, and left out of the result.
package struct CSVFormat: TableFormat {
    package let name = "csv"
    private let taskBytes: Int64

    /// - Parameter taskBytes: about how much of a file one task reads.
    package init(taskBytes: Int64 = 64 << 20) { self.taskBytes = max(1, taskBytes) }

    package func source(
        paths: [String], schema: StructType?, options: FormatOptions, context: SourceContext
    ) throws -> any TableSource {
        let files = try ObjectFiles.list(paths, stores: context.stores)
        try ObjectFiles.refuseCompressed(files, of: "CSV")
        let partitions = FilePartitions(files: files, declared: schema)
        let csv = try CSVOptions(options.all)
        var data: [StructField]
        if let schema {
            data = schema.fields
        } else {
            let input = LineInput(files[0], 0..<files[0].metadata.size)
            data = try translated(files[0]) { try CSVInference.schema(options: csv) { try input.read($0) }.fields }
        }
        data = partitions.outside(data)
        for index in data.indices { data[index].nullable = true }
        return CSVSource(
            files: files, data: data, partitions: partitions, options: csv, taskBytes: taskBytes,
            badRecords: try options["badRecordsPath"].map {
                try BadRecords(path: $0, context: context)
            }, description: paths.joined(separator: ", "))
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        throw SparkError.unsupported("writing CSV; write a delta table")
    }
}

private struct CSVSource: TableSource {
    let files: [ObjectFile]
    let data: [StructField]
    let partitions: FilePartitions
    let options: CSVOptions
    let taskBytes: Int64
    let badRecords: BadRecords?
    let description: String

    var schema: StructType { StructType(data + partitions.fields) }
    var hiddenColumns: [StructField] { FileMetadataColumns.withRowIndex }
    /// A guess from the sizes, at 100 bytes a row.
    var estimatedRows: Int64? { files.reduce(0) { $0 &+ $1.metadata.size } / 100 }
    var explainName: String { "csv \(description)" }

    func scan(_ request: ScanRequest) -> [any ScanTask] {
        let rowIndex = data.count + partitions.fields.count + hiddenColumns.count - 1
        let isCut = options.recordsEndWithLines && options.mode != .failFast && !request.columns.contains(rowIndex)
        return files.indices.flatMap { index in
            let columns = FileColumns(
                columns: request.columns, data: data, partitions: partitions.fields,
                partitionValues: partitions.values[index], file: files[index], hidden: hiddenColumns)
            return ObjectFiles.ranges(size: files[index].metadata.size, taskBytes: taskBytes, isCut: isCut).map {
                CSVTask(source: self, file: files[index], range: $0, columns: columns)
            }
        }
    }
}

extension CSVOptions {
    /// Whether every line end outside comments and blank lines ends a record.
    fileprivate var recordsEndWithLines: Bool {
        !multiLine && [sep, quote, escape, comment ?? 0].allSatisfy { $0 != 10 && $0 != 13 }
    }
}

/// The records that begin in a range of a file.
private struct CSVTask: ScanTask {
    let source: CSVSource
    let file: ObjectFile
    let range: Range<Int64>
    let columns: FileColumns

    var estimatedBytes: Int64 { Int64(range.count) }

    func open() throws -> any BatchReader {
        let schema = StructType(source.data)
        let positions = columns.read.compactMap { schema.index(of: $0.name, caseSensitive: true) }
        let input = LineInput(file, range)
        let start = try input.start()
        let reader = try CSVReader(schema: schema, columns: positions, options: source.options, start: start) {
            try input.read($0)
        }
        let log = source.badRecords?.log(of: file, from: range.lowerBound)
        if let log { reader.badRecord = { try log.add($0.text, $0.reason) } }
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
            try log?.finish()
        }
        return nil
    }
}
