package import Columnar
package import SparkPlan

/// Evaluates one resolved expression over batches, a whole batch at a time.
///
/// Rows that a CASE branch, `and`, `or` or `coalesce` does not reach are not evaluated when evaluating could raise an
/// error. An evaluator keeps caches and belongs to one thread.
package final class ExpressionEvaluator {
    private let root: Node

    /// - Throws: `SparkError` `UNRESOLVED_ROUTINE` for an unknown function, `UNSUPPORTED_FEATURE` for one that is not
    ///   implemented for its argument types.
    package init(_ expression: Expression) throws {
        root = try ExpressionCompiler.compile(expression)
    }

    package var dataType: DataType { root.dataType }

    /// The value for each row; `batch` must be dense. The result may be flat, constant or dictionary encoded.
    ///
    /// - Throws: `SparkError` with Spark's condition for ANSI errors.
    package func evaluate(_ batch: Batch) throws -> ColumnVector {
        precondition(batch.selection == nil, "compact first")
        return try root.evaluate(EvaluationInput(batch))
    }

    /// Rows, ascending, for which a boolean expression is true (not false, not NULL).
    package func select(_ batch: Batch) throws -> [Int32] {
        trueRows(try evaluate(batch))
    }

    /// The value of an expression that reads no column.
    package func constant() throws -> Scalar {
        let input = EvaluationInput(Batch(schema: StructType(), columns: [], rowCount: 1))
        return try root.evaluate(input).value(at: 0)
    }
}

/// The rows that an expression sees: a batch, or some of its rows. Columns are gathered when first read.
final class EvaluationInput {
    let rows: Int
    private var columns: [ColumnVector?]
    private let parent: EvaluationInput?
    private let indices: [Int32]

    init(_ batch: Batch) {
        rows = batch.rowCount
        columns = batch.columns
        parent = nil
        indices = []
    }

    private init(parent: EvaluationInput, indices: [Int32]) {
        rows = indices.count
        columns = Array(repeating: nil, count: parent.columns.count)
        self.parent = parent
        self.indices = indices
    }

    func column(_ index: Int) throws -> ColumnVector {
        guard index >= 0, index < columns.count else {
            throw SparkError.internal("column \(index) of \(columns.count)")
        }
        if let column = columns[index] { return column }
        guard let parent else { throw SparkError.internal("column \(index) is missing") }
        let whole = try parent.column(index)
        let part = indices.withUnsafeBufferPointer { whole.gather($0) }
        columns[index] = part
        return part
    }

    func subset(_ indices: [Int32]) -> EvaluationInput { EvaluationInput(parent: self, indices: indices) }
}

/// Rows for which a boolean column is true.
func trueRows(_ column: ColumnVector) -> [Int32] {
    let rows = column.count
    if column.encoding == .constant {
        return column.value(at: 0) == .bool(true) && rows > 0 ? Array(0..<Int32(rows)) : []
    }
    let flat = column.flattened()
    let truth = flat.pointer(to: UInt8.self)
    return Array(unsafeUninitializedCapacity: rows + 1) { out, count in
        var size = 0
        // Branchless: every row writes its number, only true ones keep it.
        if let validity = flat.validity {
            for row in 0..<rows {
                out[size] = Int32(truncatingIfNeeded: row)
                size += Int(truth[row]) & (validity.isValid(row) ? 1 : 0)
            }
        } else {
            for row in 0..<rows {
                out[size] = Int32(truncatingIfNeeded: row)
                size += Int(truth[row])
            }
        }
        count = size
        withExtendedLifetime(flat) {}
    }
}

/// The rows of `0..<count` that are not in `taken`, which is ascending.
func complement(_ taken: [Int32], count: Int) -> [Int32] {
    var rest: [Int32] = []
    rest.reserveCapacity(max(0, count - taken.count))
    var next = 0
    for row in 0..<Int32(truncatingIfNeeded: count) {
        if next < taken.count, taken[next] == row { next += 1 } else { rest.append(row) }
    }
    return rest
}
