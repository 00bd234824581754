import Columnar
import ObjectStore
import SparkPlan
import TextFormats

/// The files of a format whose records stand one behind another, and what those formats share: CSV, JSON lines, text.
struct RecordFiles {
    let files: [ObjectFile]
    let partitions: FilePartitions
    private let taskBytes: Int64
    private let badRecords: BadRecords?
    private let title: String
    private let paths: [String]
    /// Those that stand in the files themselves.
    private(set) var data: [StructField] = []
    private(set) var hidden: [StructField] = []

    /// - Parameter title: the format's name as messages have it.
    init(
        _ paths: [String], of title: String, declared: StructType?, options: FormatOptions, context: SourceContext,
        taskBytes: Int64
    ) throws {
        files = try ObjectFiles.list(paths, stores: context.stores)
        try ObjectFiles.refuseCompressed(files, of: title)
        partitions = FilePartitions(files: files, declared: declared)
        badRecords = try options["badRecordsPath"].map { try BadRecords(path: $0, context: context) }
        self.taskBytes = taskBytes
        self.title = title
        self.paths = paths
    }

    /// - Parameter columns: declared or found in the files; those that folders give are left out.
    mutating func settle(columns: [StructField], hidden: [StructField]) {
        data = partitions.outside(columns)
        for index in data.indices { data[index].nullable = true }
        self.hidden = hidden
    }

    var schema: StructType { StructType(data + partitions.fields) }
    var explainName: String { "\(title.lowercased()) \(paths.joined(separator: ", "))" }

    /// A guess from the sizes.
    func estimatedRows(bytesPerRow: Int64) -> Int64 { files.reduce(0) { $0 &+ $1.metadata.size } / bytesPerRow }

    /// - Parameter isCut: whether a large file is several tasks, cut at line ends.
    func tasks(_ request: ScanRequest, isCut: Bool, reader: @escaping RecordTask.MakeReader) -> [any ScanTask] {
        files.indices.flatMap { index in
            let columns = FileColumns(
                columns: request.columns, data: data, partitions: partitions.fields,
                partitionValues: partitions.values[index], file: files[index], hidden: hidden)
            return ObjectFiles.ranges(size: files[index].metadata.size, taskBytes: taskBytes, isCut: isCut).map {
                RecordTask(file: files[index], range: $0, columns: columns, badRecords: badRecords, reader: reader)
            }
        }
    }
}

/// Turns the bytes of records into batches of the columns that were asked for.
protocol RecordReader: AnyObject {
    func next() throws -> Batch?
    var bytesRead: Int64 { get }
    /// The place in its file of each row of the last batch; empty where nobody can ask for it.
    var rowNumbers: [Int64] { get }
}

extension RecordReader {
    var rowNumbers: [Int64] { [] }
}

extension CSVReader: RecordReader {}
extension JSONLinesReader: RecordReader {}
extension TextReader: RecordReader {}

/// The records that begin in a range of a file.
struct RecordTask: ScanTask {
    /// Makes the reader of the range, whose first line begins at `start`, of the columns `read`.
    typealias MakeReader = @Sendable (
        _ input: LineInput, _ start: Int64, _ read: [StructField], _ badRecords: BadRecordLog?
    ) throws -> any RecordReader

    let file: ObjectFile
    let range: Range<Int64>
    let columns: FileColumns
    let badRecords: BadRecords?
    let reader: MakeReader

    var estimatedBytes: Int64 { Int64(range.count) }

    func open() throws -> any BatchReader {
        let input = LineInput(file, range)
        let log = badRecords?.log(of: file, from: range.lowerBound)
        let reader = try reader(input, input.start(), columns.read, log)
        return RecordBatchReader(file: file, reader: reader, columns: columns, log: log)
    }
}

private final class RecordBatchReader: BatchReader {
    private let file: ObjectFile
    private let reader: any RecordReader
    private let columns: FileColumns
    private let log: BadRecordLog?
    private var finished = false

    init(file: ObjectFile, reader: any RecordReader, columns: FileColumns, log: BadRecordLog?) {
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
