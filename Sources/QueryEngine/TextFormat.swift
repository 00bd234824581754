package import Columnar
import ObjectStore
import SparkPlan
import TextFormats

/// Directories and globs of text files, read-only: the column `value` has a line in each row, or with the option
/// `wholetext` a file. Large files are several tasks, cut at line ends.
package struct TextFormat: TableFormat {
    package let name = "text"
    private let taskBytes: Int64

    /// - Parameter taskBytes: about how much of a file one task reads.
    package init(taskBytes: Int64 = 64 << 20) { self.taskBytes = max(1, taskBytes) }

    package func source(
        paths: [String], schema: StructType?, options: FormatOptions, context: SourceContext
    ) throws -> any TableSource {
        if let end = options["lineSep"], end != "\n" { throw SparkError.unsupported("the text option lineSep") }
        let files = try ObjectFiles.list(paths, stores: context.stores)
        try ObjectFiles.refuseCompressed(files, of: "text")
        let partitions = FilePartitions(files: files, declared: schema)
        let data = partitions.outside((schema ?? TextReader.schema).fields)
        guard data.count == 1, data[0].dataType == .string else {
            throw SparkError(
                condition: "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", sqlState: "0A000",
                message: "The Text datasource has one column, of the type \"STRING\"; the schema has "
                    + data.map { "`\($0.name)` \($0.dataType.sql)" }.joined(separator: ", ") + ".")
        }
        return TextSource(
            files: files, data: data, partitions: partitions, isWhole: try options.flag("wholetext"), taskBytes: taskBytes,
            description: paths.joined(separator: ", "))
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        throw SparkError.unsupported("writing text; write a delta table")
    }
}

private struct TextSource: TableSource {
    let files: [ObjectFile]
    let data: [StructField]
    let partitions: FilePartitions
    let isWhole: Bool
    let taskBytes: Int64
    let description: String

    var schema: StructType { StructType(data + partitions.fields) }
    var hiddenColumns: [StructField] { FileMetadataColumns.fields }
    var explainName: String { "text \(description)" }

    func scan(_ request: ScanRequest) -> [any ScanTask] {
        files.indices.flatMap { index in
            let columns = FileColumns(
                columns: request.columns, data: data, partitions: partitions.fields,
                partitionValues: partitions.values[index], file: files[index], hidden: hiddenColumns)
            return ObjectFiles.ranges(size: files[index].metadata.size, taskBytes: taskBytes, isCut: !isWhole).map {
                TextTask(isWhole: isWhole, file: files[index], range: $0, columns: columns)
            }
        }
    }
}

/// The lines that begin in a range of a file.
private struct TextTask: ScanTask {
    let isWhole: Bool
    let file: ObjectFile
    let range: Range<Int64>
    let columns: FileColumns

    var estimatedBytes: Int64 { Int64(range.count) }

    func open() throws -> any BatchReader {
        let input = LineInput(file, range)
        let start = try input.start()
        let reader = try TextReader(schema: StructType(columns.read), isWhole: isWhole, start: start) { try input.read($0) }
        return TextBatchReader(file: file, reader: reader, columns: columns)
    }
}

private final class TextBatchReader: BatchReader {
    private let file: ObjectFile
    private let reader: TextReader
    private let columns: FileColumns

    init(file: ObjectFile, reader: TextReader, columns: FileColumns) {
        self.file = file
        self.reader = reader
        self.columns = columns
    }

    var bytesRead: Int64 { reader.bytesRead }

    func next() throws -> Batch? {
        try translated(file, { try reader.next() }).map { try columns.assemble($0, rowNumbers: EmptyCollection<Int64>()) }
    }
}
