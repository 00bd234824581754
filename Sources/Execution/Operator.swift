package import Columnar
package import SparkPlan

/// Delivers batches one at a time, on one thread. Batches are dense (no selection), have at least one row and, unless an
/// operator says otherwise, about `Batch.maxRows`.
///
/// How a driver composes a parallel query: for each morsel it stacks streaming operators (`FilterOperator`,
/// `ProjectOperator`, `HashJoinOperator` on a shared `JoinTable`) over the morsel's reader, and feeds the result into the
/// morsel's own `HashAggregator` or `Sorter`, which it merges in morsel order. All results are then the same for any
/// number of threads.
package protocol PhysicalOperator: AnyObject {
    var schema: StructType { get }
    /// The next batch; nil after the last.
    func next() throws -> Batch?
}

/// Batches at hand, as an operator.
package final class BatchesOperator: PhysicalOperator {
    package let schema: StructType
    private var rest: ArraySlice<Batch>

    package init(schema: StructType, batches: [Batch]) {
        self.schema = schema
        rest = batches[...]
    }

    package func next() -> Batch? {
        while let batch = rest.popFirst() {
            let dense = batch.compacted()
            if dense.rowCount > 0 { return dense }
        }
        return nil
    }
}

/// Any pull function, as an operator: a scan's reader, for example.
package final class FunctionOperator: PhysicalOperator {
    package let schema: StructType
    private let pull: () throws -> Batch?

    package init(schema: StructType, pull: @escaping () throws -> Batch?) {
        self.schema = schema
        self.pull = pull
    }

    package func next() throws -> Batch? {
        while let batch = try pull() {
            let dense = batch.compacted()
            if dense.rowCount > 0 { return dense }
        }
        return nil
    }
}

/// Rows for which the condition is true.
package final class FilterOperator: PhysicalOperator {
    package let schema: StructType
    private let input: any PhysicalOperator
    private let condition: ExpressionEvaluator

    /// - Throws: `SparkError` when the condition uses something that is not supported.
    package init(condition: Expression, input: any PhysicalOperator) throws {
        schema = input.schema
        self.input = input
        self.condition = try ExpressionEvaluator(condition)
    }

    package func next() throws -> Batch? {
        while let batch = try input.next() {
            let selection = try condition.select(batch)
            if selection.count == batch.rowCount { return batch }
            if selection.count > 0 {
                return selection.withUnsafeBufferPointer { batch.gather($0) }
            }
        }
        return nil
    }
}

/// New columns from expressions over the input's.
package final class ProjectOperator: PhysicalOperator {
    package let schema: StructType
    private let input: any PhysicalOperator
    private let expressions: [ExpressionEvaluator]

    /// - Parameter schema: names and types of the result, as many as `expressions`.
    package init(_ expressions: [Expression], schema: StructType, input: any PhysicalOperator) throws {
        self.schema = schema
        self.input = input
        self.expressions = try expressions.map { try ExpressionEvaluator($0) }
    }

    package func next() throws -> Batch? {
        guard let batch = try input.next() else { return nil }
        return Batch(schema: schema, columns: try expressions.map { try $0.evaluate(batch) }, rowCount: batch.rowCount)
    }
}

/// Skips `offset` rows, then delivers at most `count`.
package final class LimitOperator: PhysicalOperator {
    package let schema: StructType
    private let input: any PhysicalOperator
    private var offset: Int64
    private var remaining: Int64

    package init(count: Int64?, offset: Int64, input: any PhysicalOperator) {
        schema = input.schema
        self.input = input
        self.offset = max(0, offset)
        remaining = max(0, count ?? .max)
    }

    package func next() throws -> Batch? {
        while remaining > 0, let batch = try input.next() {
            let skip = Int(min(Int64(batch.rowCount), offset))
            offset -= Int64(skip)
            let take = Int(min(Int64(batch.rowCount - skip), remaining))
            remaining -= Int64(take)
            if take > 0 { return batch.slice(skip..<(skip + take)) }
        }
        return nil
    }
}

/// Inputs one after another, under the first one's names.
package final class UnionOperator: PhysicalOperator {
    package let schema: StructType
    private var rest: ArraySlice<any PhysicalOperator>

    package init(schema: StructType, inputs: [any PhysicalOperator]) {
        self.schema = schema
        rest = inputs[...]
    }

    package func next() throws -> Batch? {
        while let input = rest.first {
            if let batch = try input.next() {
                return Batch(schema: schema, columns: batch.columns, rowCount: batch.rowCount)
            }
            rest.removeFirst()
        }
        return nil
    }
}
