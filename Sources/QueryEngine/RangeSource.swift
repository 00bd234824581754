import Columnar
import SparkPlan

/// `range(start, end, step)`: one column `id`.
struct RangeSource: TableSource {
    let start: Int64
    let end: Int64
    let step: Int64

    private static let rowsPerTask: Int64 = 1 << 20

    var schema: StructType { StructType([StructField("id", .long, nullable: false)]) }
    var estimatedRows: Int64? { count }
    var explainName: String { "range(\(start), \(end), \(step))" }

    private var count: Int64 {
        let distance = step > 0 ? Int128(end) - Int128(start) : Int128(start) - Int128(end)
        guard distance > 0 else { return 0 }
        let size = Int128(step.magnitude)
        return Int64(clamping: (distance + size - 1) / size)
    }

    func scan(_ request: ScanRequest) -> [any ScanTask] {
        let total = count
        let size = max(Self.rowsPerTask, total / 4096)
        var tasks: [any ScanTask] = []
        var first: Int64 = 0
        while first < total {
            let rows = min(size, total - first)
            tasks.append(
                RangeTask(
                    source: self, first: first, rows: rows, columns: request.columns.count, batchRows: request.batchRows))
            first += rows
        }
        return tasks
    }
}

private struct RangeTask: ScanTask {
    let source: RangeSource
    let first: Int64
    let rows: Int64
    let columns: Int
    let batchRows: Int

    func open() -> any BatchReader { RangeReader(self) }
}

private final class RangeReader: BatchReader {
    private let task: RangeTask
    private var done: Int64 = 0

    init(_ task: RangeTask) { self.task = task }

    func next() -> Batch? {
        guard done < task.rows else { return nil }
        let count = Int(min(Int64(task.batchRows), task.rows - done))
        let builder = FixedWidthBuilder<Int64>(zero: 0, capacity: count)
        // In bounds: every value lies between start and end.
        for row in 0..<Int64(count) { builder.append(task.source.start &+ (task.first + done + row) &* task.source.step) }
        done += Int64(count)
        let column = builder.finish(.long)
        return Batch(
            schema: StructType(Array(repeating: task.source.schema.fields[0], count: task.columns)),
            columns: Array(repeating: column, count: task.columns), rowCount: count)
    }
}
