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
        var files = try RecordFiles(
            paths, of: "CSV", declared: schema, options: options, context: context, taskBytes: taskBytes)
        let csv = try CSVOptions(options.all)
        files.settle(columns: try schema?.fields ?? inferred(files.files[0], csv), hidden: FileMetadataColumns.withRowIndex)
        return CSVSource(files: files, options: csv)
    }

    private func inferred(_ file: ObjectFile, _ options: CSVOptions) throws -> [StructField] {
        let input = LineInput(file, 0..<file.metadata.size)
        return try translated(file) { try CSVInference.schema(options: options) { try input.read($0) }.fields }
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        throw SparkError.unsupported("writing CSV; write a delta table")
    }
}

private struct CSVSource: TableSource {
    let files: RecordFiles
    let options: CSVOptions

    var schema: StructType { files.schema }
    var hiddenColumns: [StructField] { files.hidden }
    var estimatedRows: Int64? { files.estimatedRows(bytesPerRow: 100) }
    var explainName: String { files.explainName }

    func scan(_ request: ScanRequest) -> [any ScanTask] {
        let rowIndex = schema.fields.count + hiddenColumns.count - 1
        let isCut = options.recordsEndWithLines && options.mode != .failFast && !request.columns.contains(rowIndex)
        let data = StructType(files.data)
        return files.tasks(request, isCut: isCut) { [options] input, start, read, badRecords in
            let positions = read.compactMap { data.index(of: $0.name, caseSensitive: true) }
            let reader = try CSVReader(schema: data, columns: positions, options: options, start: start) {
                try input.read($0)
            }
            if let badRecords { reader.badRecord = { try badRecords.add($0.text, $0.reason) } }
            return reader
        }
    }
}

extension CSVOptions {
    /// Whether every line end outside comments and blank lines ends a record.
    fileprivate var recordsEndWithLines: Bool {
        !multiLine && [sep, quote, escape, comment ?? 0].allSatisfy { $0 != 10 && $0 != 13 }
    }
}
