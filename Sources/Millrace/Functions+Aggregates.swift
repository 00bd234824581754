import SparkPlan

extension Functions {
    // MARK: - Aggregates. NULLs are left out unless said otherwise.

    /// Rows in which the column is not NULL; of `"*"` or a literal, all rows.
    public static func count(_ column: any ColumnOrName) -> Column { of("count", column) }

    /// Different rows of the columns, without those that hold a NULL.
    public static func count_distinct(_ columns: any ColumnOrName...) -> Column { distinct("count", columns) }
    /// The older name of `count_distinct`.
    public static func countDistinct(_ columns: any ColumnOrName...) -> Column { distinct("count", columns) }
    public static func sum_distinct(_ column: any ColumnOrName) -> Column { distinct("sum", [column]) }

    private static func distinct(_ name: String, _ columns: [any ColumnOrName]) -> Column {
        let columns = columns.map(\.namedColumn)
        var call = UnresolvedFunction(name, columns.map(\.expression))
        call.distinct = true
        return Column(.function(call), failure: columns.lazy.compactMap(\.failure).first)
    }

    /// BIGINT of integers, wider decimals of decimals, else DOUBLE; `ARITHMETIC_OVERFLOW` beyond that.
    public static func sum(_ column: any ColumnOrName) -> Column { of("sum", column) }
    public static func avg(_ column: any ColumnOrName) -> Column { of("avg", column) }
    public static func mean(_ column: any ColumnOrName) -> Column { of("mean", column) }
    public static func min(_ column: any ColumnOrName) -> Column { of("min", column) }
    public static func max(_ column: any ColumnOrName) -> Column { of("max", column) }
    /// `column` in the row where `order` is greatest.
    public static func max_by(_ column: any ColumnOrName, _ order: any ColumnOrName) -> Column {
        of("max_by", column, order.namedColumn)
    }
    /// `column` in the row where `order` is least.
    public static func min_by(_ column: any ColumnOrName, _ order: any ColumnOrName) -> Column {
        of("min_by", column, order.namedColumn)
    }
    /// The first row's value, in the order of files and rows.
    public static func first(_ column: any ColumnOrName, ignoreNulls: Bool = false) -> Column {
        of("first", column, lit(ignoreNulls))
    }
    public static func last(_ column: any ColumnOrName, ignoreNulls: Bool = false) -> Column {
        of("last", column, lit(ignoreNulls))
    }
    public static func collect_list(_ column: any ColumnOrName) -> Column { of("collect_list", column) }
    public static func collect_set(_ column: any ColumnOrName) -> Column { of("collect_set", column) }
    /// Of a sample: divided by n - 1.
    public static func stddev(_ column: any ColumnOrName) -> Column { of("stddev", column) }
    public static func stddev_pop(_ column: any ColumnOrName) -> Column { of("stddev_pop", column) }
    public static func variance(_ column: any ColumnOrName) -> Column { of("variance", column) }
    public static func var_pop(_ column: any ColumnOrName) -> Column { of("var_pop", column) }
    /// Rows for which the condition holds.
    public static func count_if(_ condition: any ColumnOrName) -> Column { of("count_if", condition) }
    public static func bool_and(_ condition: any ColumnOrName) -> Column { of("bool_and", condition) }
    public static func bool_or(_ condition: any ColumnOrName) -> Column { of("bool_or", condition) }

    // MARK: - Window functions; see `Column.over`.

    /// 1, 2, 3, ...
    public static func row_number() -> Column { .call("row_number") }
    /// Equal rows share a rank; ranks are left out after them.
    public static func rank() -> Column { .call("rank") }
    /// Equal rows share a rank; none is left out.
    public static func dense_rank() -> Column { .call("dense_rank") }
    public static func percent_rank() -> Column { .call("percent_rank") }
    public static func cume_dist() -> Column { .call("cume_dist") }
    /// The number, from 1, of one of `n` buckets of about equal size.
    public static func ntile(_ n: Int) -> Column { .call("ntile", lit(n)) }
    /// The value `offset` rows before; NULL where there is none.
    public static func lag(_ column: any ColumnOrName, _ offset: Int = 1) -> Column { of("lag", column, lit(offset)) }
    public static func lag(_ column: any ColumnOrName, _ offset: Int, _ standard: some ColumnValue) -> Column {
        of("lag", column, lit(offset), standard.columnValue)
    }
    /// The value `offset` rows after; NULL where there is none.
    public static func lead(_ column: any ColumnOrName, _ offset: Int = 1) -> Column { of("lead", column, lit(offset)) }
    public static func lead(_ column: any ColumnOrName, _ offset: Int, _ standard: some ColumnValue) -> Column {
        of("lead", column, lit(offset), standard.columnValue)
    }
}
