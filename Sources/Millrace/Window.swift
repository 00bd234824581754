import Columnar
import SparkPlan

/// Starts a window: `F.row_number().over(Window.partitionBy("country").orderBy(col("revenue").desc))`.
public enum Window {
    /// Bounds of `rowsBetween` and `rangeBetween`.
    public static let unboundedPreceding = Int.min
    public static let currentRow = 0
    public static let unboundedFollowing = Int.max

    public static func partitionBy(_ columns: any ColumnOrName...) -> WindowSpec {
        WindowSpec(partition: columns.map(\.namedColumn))
    }

    public static func orderBy(_ keys: any SortKey...) -> WindowSpec { WindowSpec(order: keys.map(\.sortColumn)) }
}

/// Partitioning, ordering and frame of window functions.
///
/// Without a frame Spark's default holds: with an order, from the first row of the partition to the current one and its
/// peers; else the whole partition.
public struct WindowSpec: Sendable {
    var partition: [Column] = []
    var order: [SortColumn] = []
    var frame: WindowCall.Frame?
    /// Raised when the window is used.
    var failure: SparkError?

    public func partitionBy(_ columns: any ColumnOrName...) -> WindowSpec {
        var copy = self
        copy.partition = columns.map(\.namedColumn)
        return copy
    }

    public func orderBy(_ keys: any SortKey...) -> WindowSpec {
        var copy = self
        copy.order = keys.map(\.sortColumn)
        return copy
    }

    /// The rows that an aggregate sees: from `Window.unboundedPreceding` to `Window.currentRow` or
    /// `Window.unboundedFollowing`. Other bounds raise `UNSUPPORTED_FEATURE`.
    public func rowsBetween(_ start: Int, _ end: Int) -> WindowSpec { framed(start, end, running: .runningRows) }

    /// As `rowsBetween`, where rows of the same order belong together.
    public func rangeBetween(_ start: Int, _ end: Int) -> WindowSpec { framed(start, end, running: .runningRange) }

    private func framed(_ start: Int, _ end: Int, running: WindowCall.Frame) -> WindowSpec {
        var copy = self
        switch (start, end) {
        case (Window.unboundedPreceding, Window.currentRow): copy.frame = running
        case (Window.unboundedPreceding, Window.unboundedFollowing): copy.frame = .partition
        default: copy.failure = SparkError.unsupported("a window frame from \(start) to \(end)")
        }
        return copy
    }
}
