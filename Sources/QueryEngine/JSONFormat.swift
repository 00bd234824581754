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
        var files = try RecordFiles(
            paths, of: "JSON", declared: schema, options: options, context: context, taskBytes: taskBytes)
        let json = try JSONOptions(options.all)
        files.settle(columns: try schema?.fields ?? inferred(files.files, json), hidden: FileMetadataColumns.fields)
        return JSONSource(files: files, options: json)
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
    let files: RecordFiles
    let options: JSONOptions

    var schema: StructType { files.schema }
    var hiddenColumns: [StructField] { files.hidden }
    var estimatedRows: Int64? { files.estimatedRows(bytesPerRow: 200) }
    var explainName: String { files.explainName }

    func scan(_ request: ScanRequest) throws -> [any ScanTask] {
        let corrupt = options.columnNameOfCorruptRecord
        guard request.columns.filter({ $0 < files.data.count }).map({ files.data[$0].name }) != [corrupt] else {
            throw SparkError(
                condition: "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN", sqlState: "0A000",
                message: "The feature is not supported: Queries from raw JSON/CSV/XML files are disallowed when the referenced "
                    + "columns only include the internal corrupt record column (`\(corrupt)`). Select another column, too.")
        }
        return files.tasks(request, isCut: !options.multiLine) { [options] input, start, read, badRecords in
            let reader = try JSONLinesReader(schema: StructType(read), options: options, start: start) { try input.read($0) }
            if let badRecords { reader.badRecord = { try badRecords.add($0, $1) } }
            return reader
        }
    }
}
