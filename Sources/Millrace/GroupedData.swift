import Columnar
import QueryEngine
import SparkPlan

/// What `groupBy` gives: one row for each group, the grouping columns first.
public struct GroupedData: Sendable {
    let frame: DataFrame
    let keys: [UnresolvedExpression]

    /// `agg(F.sum("amount").alias("total"), F.count("*").alias("n"))`.
    public func agg(_ columns: Column...) throws(SparkException) -> DataFrame { try aggregated(columns) }

    /// Rows of each group, as `count`.
    public func count() throws(SparkException) -> DataFrame { try aggregated([F.count("*").alias("count")]) }

    /// Sums, as `sum(name)`; without names, of all numeric columns that are not grouped by.
    public func sum(_ names: String...) throws(SparkException) -> DataFrame { try each("sum", names) }
    public func avg(_ names: String...) throws(SparkException) -> DataFrame { try each("avg", names) }
    public func mean(_ names: String...) throws(SparkException) -> DataFrame { try each("avg", names) }
    public func min(_ names: String...) throws(SparkException) -> DataFrame { try each("min", names) }
    public func max(_ names: String...) throws(SparkException) -> DataFrame { try each("max", names) }

    private func each(_ function: String, _ names: [String]) throws(SparkException) -> DataFrame {
        if !names.isEmpty { return try aggregated(names.map { .call(function, col($0)) }) }
        let numbers = try translated {
            let grouped = Set(keys.map { $0.defaultName.lowercased() })
            return try frame.session.engine.analyze(frame.plan).schema.fields
                .filter { $0.dataType.isNumeric && !grouped.contains($0.name.lowercased()) }
        }
        return try aggregated(numbers.map { .call(function, Column(.attribute([$0.name], nil))) })
    }

    func aggregated(_ columns: [Column]) throws(SparkException) -> DataFrame {
        try translated {
            var select = UnresolvedSelect(try columns.map { try $0.checked() }, from: frame.plan)
            select.grouping = keys
            select.prependsGrouping = true
            return frame.with(.select(select))
        }
    }
}
