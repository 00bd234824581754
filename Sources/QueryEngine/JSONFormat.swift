package import Columnar
import ObjectStore
import SparkPlan
import TextFormats

/// Directories and globs of files of JSON lines, or of one JSON document each (`multiLine`), read-only.
///
/// Without a schema every file is read to infer one. Large files are several tasks, cut at line ends.
///
/// With `badRecordsPath` every record that does not fit is written below that path, as for CSV.
package struct JSONFormat: TableFormat {
    package let name = "json"
    private let taskBytes: Int64

    /// - Parameter taskBytes: about how much of a file one task reads.
    package init(taskBytes: Int64 = 64 << 20) { self.taskBytes = max(1, taskBytes) }

    package func source(
        paths: [String], schema: StructType?, options: FormatOptions, context: SourceContext
    ) throws -> any TableSource {
        let files = try ObjectFiles.list(paths, stores: context.stores)
        try ObjectFiles.refuseCompressed(files, of: "JSON")
        let json = try JSONOptions(options.all)
        let partitions = FilePartitions(files: files, declared: schema)
        var data = try schema?.fields ?? inferred(files, json)
        data = partitions.outside(data)
        for index in data.indices { data[index].nullable = true }
        return JSONSource(
            files: files, data: data, partitions: partitions, options: json, taskBytes: taskBytes,
            badRecords: try options["badRecordsPath"].map { try BadRecords(path: $0, context: context) },
            description: paths.joined(separator: ", "))
    }

    private func inferred(_ files: [ObjectFile], _ options: JSONOptions) throws -> [StructField] {
        var inference = JSONInference(options)
        for file in files {
            let input = LineInput(file, 0..<file.metadata.size)
            try translated(file) { try inference.add { try input.read($0) } }
        }
        let fields = inference.schema().fields
        guard !fields.isEmpty else {
            throw SparkError(
                condition: "UNABLE_TO_INFER_SCHEMA", sqlState: "42KD9",
                message: "Unable to infer schema for JSON. It must be specified manually.")
        }
        return fields
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        throw SparkError.unsupported("writing JSON; write a delta table")
    }
}

private struct JSONSource: TableSource {
    let files: [ObjectFile]
    let data: [StructField]
    let partitions: FilePartitions
    let options: JSONOptions
    let taskBytes: Int64
    let badRecords: BadRecords?
    let description: String

    var schema: StructType { StructType(data + partitions.fields) }
    var hiddenColumns: [StructField] { FileMetadataColumns.fields }
    /// A guess from the sizes, at 200 bytes a row.
    var estimatedRows: Int64? { files.reduce(0) { $0 &+ $1.metadata.size } / 200 }
    var explainName: String { "json \(description)" }

    func scan(_ request: ScanRequest) throws -> [any ScanTask] {
        let corrupt = options.columnNameOfCorruptRecord
        guard request.columns.filter({ $0 < data.count }).map({ data[$0].name }) != [corrupt] else {
            throw SparkError(
                condition: "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN", sqlState: "0A000",
                message: "The feature is not supported: Queries from raw JSON/CSV/XML files are disallowed when the referenced "
                    + "columns only include the internal corrupt record column (`\(corrupt)`). Select another column, too.")
        }
        return files.indices.flatMap { index in
            let columns = FileColumns(
                columns: request.columns, data: data, partitions: partitions.fields,
                partitionValues: partitions.values[index], file: files[index], hidden: hiddenColumns)
            return ObjectFiles.ranges(size: files[index].metadata.size, taskBytes: taskBytes, isCut: !options.multiLine).map {
                JSONTask(source: self, file: files[index], range: $0, columns: columns)
            }
        }
    }
}

/// The records that begin in a range of a file.
private struct JSONTask: ScanTask {
    let source: JSONSource
    let file: ObjectFile
    let range: Range<Int64>
    let columns: FileColumns

    var estimatedBytes: Int64 { Int64(range.count) }

    func open() throws -> any BatchReader {
        let input = LineInput(file, range)
        let start = try input.start()
        let reader = try JSONLinesReader(schema: StructType(columns.read), options: source.options, start: start) {
            try input.read($0)
        }
        let log = source.badRecords?.log(of: file, from: range.lowerBound)
        if let log { reader.badRecord = { try log.add($0, $1) } }
        return JSONBatchReader(file: file, reader: reader, columns: columns, log: log)
    }
}

private final class JSONBatchReader: BatchReader {
    private let file: ObjectFile
    private let reader: JSONLinesReader
    private let columns: FileColumns
    private let log: BadRecordLog?
    private var finished = false

    init(file: ObjectFile, reader: JSONLinesReader, columns: FileColumns, log: BadRecordLog?) {
        self.file = file
        self.reader = reader
        self.columns = columns
        self.log = log
    }

    var bytesRead: Int64 { reader.bytesRead }

    func next() throws -> Batch? {
        if let batch = try translated(file, { try reader.next() }) {
            return try columns.assemble(batch, rowNumbers: EmptyCollection<Int64>())
        }
        if !finished {
            finished = true
            try log?.finish()
        }
        return nil
    }
}
