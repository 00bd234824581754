import Columnar
import QueryEngine

/// Takes rows that nobody wants: those of a write with mode `ignore` to a table that is there.
struct ExistingTableSink: TableSink {
    /// The version of the table as it stays.
    let version: Int64

    func writer(ordinal: Int) -> any BatchWriter { Writer(ordinal: ordinal) }
    func commit(_ outputs: [WriterOutput]) -> WriteResult { WriteResult(version: version, rows: 0, files: 0, bytes: 0) }
    func abort(_ outputs: [WriterOutput]) {}

    private final class Writer: BatchWriter {
        let ordinal: Int
        init(ordinal: Int) { self.ordinal = ordinal }
        func write(_ batch: Batch) {}
        func finish() -> WriterOutput { WriterOutput(ordinal: ordinal, rows: 0, files: 0, bytes: 0) }
    }
}
