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
        var files = try RecordFiles(
            paths, of: "text", declared: schema, options: options, context: context, taskBytes: taskBytes)
        files.settle(columns: (schema ?? TextReader.schema).fields, hidden: FileMetadataColumns.fields)
        guard files.data.count == 1, files.data[0].dataType == .string else {
            throw SparkError(
                condition: "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", sqlState: "0A000",
                message: "The Text datasource has one column, of the type \"STRING\"; the schema has "
                    + files.data.map { "`\($0.name)` \($0.dataType.sql)" }.joined(separator: ", ") + ".")
        }
        return TextSource(files: files, isWhole: try options.flag("wholetext"))
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        throw SparkError.unsupported("writing text; write a delta table")
    }
}

private struct TextSource: TableSource {
    let files: RecordFiles
    let isWhole: Bool

    var schema: StructType { files.schema }
    var hiddenColumns: [StructField] { files.hidden }
    var explainName: String { files.explainName }

    func scan(_ request: ScanRequest) -> [any ScanTask] {
        files.tasks(request, isCut: !isWhole) { [isWhole] input, start, read, _ in
            try TextReader(schema: StructType(read), isWhole: isWhole, start: start) { try input.read($0) }
        }
    }
}
