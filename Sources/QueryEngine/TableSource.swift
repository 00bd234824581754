package import Columnar
package import SparkPlan

/// A table or a set of files that can be read.
package protocol TableSource: ScanRelation {
    /// The morsels of a scan in deterministic order: by (file path, row group or offset).
    ///
    /// Called on a blocking thread; may read metadata.
    func scan(_ request: ScanRequest) throws -> [any ScanTask]
}

extension TableSource {
    package var estimatedRows: Int64? { nil }
    package var explainName: String { "\(Self.self)" }
}

package struct ScanRequest: Sendable {
    /// Positions in the source's `schema`, in output order. May be empty: only the number of rows is wanted.
    package var columns: [Int]
    /// Conjuncts over `schema` positions. They may be used to skip files, row groups or rows, and need not be.
    package var filters: [Expression]
    /// Rows a batch may have at most.
    package var batchRows: Int

    package init(columns: [Int], filters: [Expression] = [], batchRows: Int = Batch.maxRows) {
        self.columns = columns
        self.filters = filters
        self.batchRows = batchRows
    }
}

/// One morsel: a part of a source that one worker reads in one go.
package protocol ScanTask: Sendable {
    /// Bytes to be read, as far as known, for progress.
    var estimatedBytes: Int64 { get }
    /// Called on a worker thread; blocking input and output is allowed.
    func open() throws -> any BatchReader
}

extension ScanTask {
    package var estimatedBytes: Int64 { 0 }
}

/// Delivers the batches of one task. Used by one thread.
package protocol BatchReader: AnyObject {
    /// The next batch, with the columns in the order the request named them; nil after the last.
    func next() throws -> Batch?
    /// Bytes read from storage so far.
    var bytesRead: Int64 { get }
}

extension BatchReader {
    package var bytesRead: Int64 { 0 }
}

/// One write: all of its batches become visible together, in one commit, or not at all.
package protocol TableSink: Sendable {
    /// A writer for one worker. `ordinal` orders the outputs: rows of a lower ordinal precede those of a higher one.
    func writer(ordinal: Int) throws -> any BatchWriter
    /// Makes everything visible. Outputs are ascending by ordinal.
    func commit(_ outputs: [WriterOutput]) throws -> WriteResult
    /// Gives up; files written so far may be removed.
    func abort(_ outputs: [WriterOutput])
}

/// Used by one thread at a time.
package protocol BatchWriter: AnyObject {
    func write(_ batch: Batch) throws
    /// Closes the files; what comes back is handed to the sink's `commit`.
    func finish() throws -> WriterOutput
}

/// What one writer produced. `payload` is the sink's own.
package struct WriterOutput: Sendable {
    package var ordinal: Int
    package var rows: Int64
    package var files: Int
    package var bytes: Int64
    package var payload: (any Sendable)?

    package init(ordinal: Int, rows: Int64, files: Int, bytes: Int64, payload: (any Sendable)? = nil) {
        self.ordinal = ordinal
        self.rows = rows
        self.files = files
        self.bytes = bytes
        self.payload = payload
    }
}

package struct WriteResult: Sendable, Hashable {
    /// The table version committed, where the format has versions.
    package var version: Int64?
    package var rows: Int64
    package var files: Int
    package var bytes: Int64
    /// The same write had been committed before; the figures are those of that commit.
    package var alreadyCommitted: Bool

    package init(version: Int64?, rows: Int64, files: Int, bytes: Int64, alreadyCommitted: Bool = false) {
        self.version = version
        self.rows = rows
        self.files = files
        self.bytes = bytes
        self.alreadyCommitted = alreadyCommitted
    }
}
