import SparkPlan

/// Spark's functions for DataFrames under Spark's names, as in `pyspark.sql.functions`: `F.sum("amount")`,
/// `F.to_date(col("day"), "yyyy-MM-dd")`. A text that stands for a column is a name; write `lit("...")` for a literal.
///
/// What is not listed is reached with `F.call("name", ...)` or `expr("...")`, which know every function of SQL.
public enum Functions {
    /// Any function by its SQL name. - Throws, when used: `UNRESOLVED_ROUTINE` for an unknown one.
    public static func call(_ name: String, _ arguments: any ColumnOrName...) -> Column {
        .call(name.lowercased(), arguments.map(\.namedColumn))
    }

    static func of(_ name: String, _ column: any ColumnOrName, _ rest: Column...) -> Column {
        .call(name, [column.namedColumn] + rest)
    }

    // MARK: - Conditions

    /// `CASE WHEN condition THEN value`, continued with `.when` and `.otherwise`.
    public static func when(_ condition: Column, _ value: some ColumnValue) -> Column {
        let value = value.columnValue
        return Column(
            .caseWhen(
                branches: [UnresolvedCaseBranch(condition: condition.expression, result: value.expression)], otherwise: nil),
            failure: condition.failure ?? value.failure)
    }

    /// The first that is not NULL.
    public static func coalesce(_ columns: any ColumnOrName...) -> Column { .call("coalesce", columns.map(\.namedColumn)) }
    /// The greatest, NULLs left out.
    public static func greatest(_ columns: any ColumnOrName...) -> Column { .call("greatest", columns.map(\.namedColumn)) }
    /// The least, NULLs left out.
    public static func least(_ columns: any ColumnOrName...) -> Column { .call("least", columns.map(\.namedColumn)) }
    public static func isnull(_ column: any ColumnOrName) -> Column { of("isnull", column) }
    public static func isnan(_ column: any ColumnOrName) -> Column { of("isnan", column) }

    // MARK: - Context

    public static func current_timestamp() -> Column { .call("current_timestamp") }
    public static func current_date() -> Column { .call("current_date") }
    /// The file that a row was read from.
    public static func input_file_name() -> Column { .call("input_file_name") }
    /// Spark's 32-bit Murmur3 hash of all columns.
    public static func hash(_ columns: any ColumnOrName...) -> Column { .call("hash", columns.map(\.namedColumn)) }
    public static func xxhash64(_ columns: any ColumnOrName...) -> Column { .call("xxhash64", columns.map(\.namedColumn)) }
}

/// As PySpark programs import it.
public typealias F = Functions
