package import Columnar
package import DeltaProtocol
package import QueryEngine
import SparkPlan
import JSONModel
import ObjectStore
import Parquet

/// One version of a Delta table, read file by file in the order of paths.
package struct DeltaSource: TableSource {
    package let log: DeltaLog
    package let snapshot: Snapshot

    package init(log: DeltaLog, snapshot: Snapshot) {
        self.log = log
        self.snapshot = snapshot
    }

    package var schema: StructType { snapshot.schema }
    package var explainName: String { "delta \(log.root)" }

    package var estimatedRows: Int64? {
        var rows: Int64 = 0
        for file in snapshot.files {
            guard let count = file.stats.flatMap({ FileStatistics(text: $0) })?.numRecords else { return nil }
            rows &+= count &- (file.deletionVector?.cardinality ?? 0)
        }
        return rows
    }

    package func scan(_ request: ScanRequest) throws -> [any ScanTask] {
        let partitions = Set(snapshot.partitionIndices)
        var tasks: [any ScanTask] = []
        for file in snapshot.files {
            var values: [Int: Scalar] = [:]
            for index in partitions {
                let field = schema.fields[index]
                values[index] = try partitionValue(file.partitionValues[snapshot.physicalName(of: field)] ?? nil, field.dataType)
            }
            if !request.filters.isEmpty, !mayHold(request.filters, file, values) { continue }
            tasks.append(DeltaScanTask(log: log, snapshot: snapshot, file: file, partitionValues: values, request: request))
        }
        return tasks
    }

    private func mayHold(_ filters: [Expression], _ file: AddFile, _ values: [Int: Scalar]) -> Bool {
        let statistics = file.stats.flatMap { FileStatistics(text: $0) }
        return filters.allSatisfy { filter in
            mayMatch(filter) { index in
                guard schema.fields.indices.contains(index) else { return nil }
                if let value = values[index] {
                    return ColumnBounds(
                        min: value.isNull ? nil : value, max: value.isNull ? nil : value,
                        nullCount: value.isNull ? 1 : 0, rowCount: 1)
                }
                let field = schema.fields[index]
                return statistics?.bounds(of: snapshot.physicalName(of: field), field.dataType)
            }
        }
    }
}

private struct DeltaScanTask: ScanTask {
    let log: DeltaLog
    let snapshot: Snapshot
    let file: AddFile
    let partitionValues: [Int: Scalar]
    let request: ScanRequest

    var estimatedBytes: Int64 { file.size }

    func open() throws -> any BatchReader { try DeltaFileReader(self) }
}

/// The rows of one data file, less those that its deletion vector names.
private final class DeltaFileReader: BatchReader {
    private let task: DeltaScanTask
    private let file: ParquetFile
    private let deletions: DeletionVector?
    private let fields: StructType
    /// The columns that the file holds, and where each goes.
    private let stored: StructType
    private let storedPositions: [Int]
    private let matching: ColumnMatching
    private var group = 0
    private var reader: RowGroupReader?
    private var nextRow: Int64 = 0
    private(set) var bytesRead: Int64 = 0

    init(_ task: DeltaScanTask) throws {
        self.task = task
        let located = try task.log.locate(task.file.path)
        let store = located.store ?? task.log.store
        do {
            file = try ParquetFile(ObjectBytes(store: store, metadata: try store.head(located.key)))
        } catch let error as ParquetError {
            throw Self.described(error, task.file)
        }
        let schema = task.snapshot.schema
        fields = StructType(task.request.columns.map { schema.fields[$0] })
        matching = task.snapshot.columnMappingMode == "id" ? .fieldID : .name
        let mapped = task.snapshot.columnMappingMode != "none"
        var stored: [StructField] = []
        var positions: [Int] = []
        for (position, index) in task.request.columns.enumerated() where task.partitionValues[index] == nil {
            stored.append(mapped ? schema.fields[index] : schema.fields[index].withoutMapping)
            positions.append(position)
        }
        self.stored = StructType(stored)
        storedPositions = positions
        if let descriptor = task.file.deletionVector {
            var bytes: [UInt8] = []
            if let path = try DeletionVector.path(of: descriptor) {
                let located = try task.log.locate(path)
                bytes = try (located.store ?? task.log.store).get(located.key).bytes
            }
            deletions = try DeletionVector(descriptor, file: bytes)
        } else {
            deletions = nil
        }
    }

    func next() throws -> Batch? {
        do {
            while true {
                guard let reader = try currentReader() else { return nil }
                guard let batch = try reader.next() else {
                    bytesRead += reader.bytesRead
                    self.reader = nil
                    continue
                }
                let first = nextRow
                nextRow += Int64(batch.rowCount)
                if let result = try assembled(batch, firstRow: first) { return result }
            }
        } catch let error as ParquetError {
            throw Self.described(error, task.file)
        }
    }

    private func currentReader() throws -> RowGroupReader? {
        if let reader { return reader }
        guard group < file.metadata.rowGroups.count else { return nil }
        nextRow = file.firstRow(ofRowGroup: group)
        let opened = try file.reader(
            rowGroup: group, columns: stored, matching: matching, batchRows: min(task.request.batchRows, Batch.rowsLimit))
        group += 1
        reader = opened
        return opened
    }

    private func assembled(_ batch: Batch, firstRow: Int64) throws -> Batch? {
        var columns: [ColumnVector?] = Array(repeating: nil, count: fields.count)
        for (column, position) in zip(batch.columns, storedPositions) { columns[position] = column }
        for (position, index) in task.request.columns.enumerated() {
            guard let value = task.partitionValues[index] else { continue }
            columns[position] = try .constant(value, fields.fields[position].dataType, count: batch.rowCount)
        }
        var selection: SelectionVector?
        if let deletions {
            let dead = deletions.indices(in: firstRow..<firstRow + Int64(batch.rowCount))
            if dead.count == batch.rowCount { return nil }
            if !dead.isEmpty {
                let deleted = Set(deletions.rows[dead].map { Int($0 - firstRow) })
                selection = SelectionVector((0..<batch.rowCount).filter { !deleted.contains($0) })
            }
        }
        return Batch(schema: fields, columns: columns.compactMap { $0 }, rowCount: batch.rowCount, selection: selection)
    }

    private static func described(_ error: ParquetError, _ file: AddFile) -> SparkError {
        SparkError(
            condition: "FAILED_READ_FILE.NO_HINT", sqlState: "KD001",
            message: "Encountered error while reading file \(file.path): \(error.description).")
    }
}

/// An object as random-access bytes, pinned to the version that was found.
private struct ObjectBytes: RandomAccess {
    let store: BlockingObjectStore
    let metadata: ObjectMetadata

    var size: Int64 { metadata.size }

    func read(_ range: Range<Int64>) throws -> [UInt8] {
        range.isEmpty ? [] : try store.get(metadata.key, range: range, ifMatch: metadata.etag).bytes
    }
}

extension StructField {
    /// Without the names and ids of column mapping, which count only while the table's mode says so.
    fileprivate var withoutMapping: StructField {
        var field = self
        field.metadata["delta.columnMapping.id"] = nil
        field.metadata["delta.columnMapping.physicalName"] = nil
        return field
    }
}
