package import Columnar
package import ObjectStore
import Parquet
import SparkPlan

/// Directories and globs of Parquet files, read-only. One task per row group.
package struct ParquetFormat: TableFormat {
    package let name = "parquet"

    package init() {}

    package func source(
        paths: [String], schema: StructType?, options: FormatOptions, context: SourceContext
    ) throws -> any TableSource {
        let files = try ObjectFiles.list(paths, stores: context.stores)
        let partitions = FilePartitions(files: files, declared: schema)
        let opened = try parallelMap(count: files.count, workers: 8, cancellation: CancellationFlag()) { index in
            try translated(files[index]) { try ParquetFile(ObjectRandomAccess(files[index])) }
        }
        var data: [StructField]
        if let schema {
            data = schema.fields
        } else if try options.flag("mergeSchema") {
            throw SparkError.unsupported("mergeSchema of Parquet files")
        } else {
            data = try translated(files[0]) { try opened[0].schema().fields }
        }
        data = partitions.outside(data)
        // Spark reads every file column as nullable.
        for index in data.indices { data[index].nullable = true }
        return ParquetSource(
            files: files, opened: opened, data: data, partitions: partitions, description: paths.joined(separator: ", "))
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        throw SparkError.unsupported("writing plain Parquet directories; write a delta table")
    }
}

/// An object as random-access bytes, pinned to the version that was listed.
package struct ObjectRandomAccess: RandomAccess {
    private let file: ObjectFile

    package init(_ file: ObjectFile) { self.file = file }

    package var size: Int64 { file.metadata.size }

    package func read(_ range: Range<Int64>) throws -> [UInt8] {
        if range.isEmpty { return [] }
        return try file.store.get(file.metadata.key, range: range, ifMatch: file.metadata.etag).bytes
    }
}

/// File errors under Spark's names, with the file.
func translated<R>(_ file: ObjectFile, _ body: () throws -> R) throws -> R {
    do {
        return try body()
    } catch let error as SparkError {
        throw error
    } catch let error as CancellationError {
        throw error
    } catch {
        throw SparkError(
            condition: "FAILED_READ_FILE.NO_HINT", sqlState: "KD001", message: "Encountered error while reading file \(file.uri). \(error)")
    }
}

private struct ParquetSource: TableSource {
    let files: [ObjectFile]
    let opened: [ParquetFile]
    let data: [StructField]
    let partitions: FilePartitions
    let description: String

    var schema: StructType { StructType(data + partitions.fields) }
    var hiddenColumns: [StructField] { FileMetadataColumns.withRowIndex }
    var estimatedRows: Int64? { opened.reduce(0) { $0 &+ $1.rowCount } }
    var explainName: String { "parquet \(description)" }

    func scan(_ request: ScanRequest) -> [any ScanTask] {
        var tasks: [any ScanTask] = []
        for index in files.indices {
            let columns = FileColumns(
                columns: request.columns, data: data, partitions: partitions.fields,
                partitionValues: partitions.values[index], file: files[index], hidden: hiddenColumns)
            let groups = opened[index].metadata.rowGroups.count
            for group in 0..<groups {
                tasks.append(
                    ParquetTask(
                        file: files[index], parquet: opened[index], group: group, columns: columns,
                        batchRows: request.batchRows, estimatedBytes: files[index].metadata.size / Int64(max(groups, 1))))
            }
        }
        return tasks
    }
}

private struct ParquetTask: ScanTask {
    let file: ObjectFile
    let parquet: ParquetFile
    let group: Int
    let columns: FileColumns
    let batchRows: Int
    let estimatedBytes: Int64

    func open() throws -> any BatchReader {
        try translated(file) {
            let reader = try parquet.reader(
                rowGroup: group, columns: StructType(columns.read), matching: .name, batchRows: batchRows)
            return ParquetBatchReader(file: file, reader: reader, columns: columns, row: parquet.firstRow(ofRowGroup: group))
        }
    }
}

private final class ParquetBatchReader: BatchReader {
    private let file: ObjectFile
    private let reader: RowGroupReader
    private let columns: FileColumns
    private var row: Int64

    init(file: ObjectFile, reader: RowGroupReader, columns: FileColumns, row: Int64) {
        self.file = file
        self.reader = reader
        self.columns = columns
        self.row = row
    }

    var bytesRead: Int64 { reader.bytesRead }

    func next() throws -> Batch? {
        guard let batch = try translated(file, { try reader.next() }) else { return nil }
        defer { row += Int64(batch.rowCount) }
        return try columns.assemble(batch, rowNumbers: row..<row + Int64(batch.rowCount))
    }
}
