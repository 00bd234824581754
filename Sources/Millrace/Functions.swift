import SparkPlan

/// Spark's functions for DataFrames, as in `pyspark.sql.functions`. What is missing here is reached with
/// `Functions.call("name", ...)` or `expr("...")`.
public enum Functions {
    public static func call(_ name: String, _ arguments: Column...) -> Column { .call(name.lowercased(), arguments) }

    public static func count(_ column: Column) -> Column { .call("count", column) }
    public static func countDistinct(_ columns: Column...) -> Column {
        var call = UnresolvedFunction("count", columns.map(\.expression))
        call.distinct = true
        return Column(.function(call), failure: columns.lazy.compactMap(\.failure).first)
    }
    public static func sum(_ column: Column) -> Column { .call("sum", column) }
    public static func avg(_ column: Column) -> Column { .call("avg", column) }
    public static func min(_ column: Column) -> Column { .call("min", column) }
    public static func max(_ column: Column) -> Column { .call("max", column) }
    public static func first(_ column: Column) -> Column { .call("first", column) }
    public static func last(_ column: Column) -> Column { .call("last", column) }
    public static func collectList(_ column: Column) -> Column { .call("collect_list", column) }
    public static func collectSet(_ column: Column) -> Column { .call("collect_set", column) }

    public static func coalesce(_ columns: Column...) -> Column { .call("coalesce", columns) }
    public static func concat(_ columns: Column...) -> Column { .call("concat", columns) }
    public static func upper(_ column: Column) -> Column { .call("upper", column) }
    public static func lower(_ column: Column) -> Column { .call("lower", column) }
    public static func trim(_ column: Column) -> Column { .call("trim", column) }
    public static func length(_ column: Column) -> Column { .call("length", column) }
    public static func regexpReplace(_ column: Column, _ pattern: String, _ replacement: String) -> Column {
        .call("regexp_replace", column, lit(pattern), lit(replacement))
    }
    public static func round(_ column: Column, _ scale: Int = 0) -> Column { .call("round", column, lit(scale)) }
    public static func abs(_ column: Column) -> Column { .call("abs", column) }

    public static func toDate(_ column: Column) -> Column { .call("to_date", column) }
    public static func toDate(_ column: Column, _ format: String) -> Column { .call("to_date", column, lit(format)) }
    public static func toTimestamp(_ column: Column) -> Column { .call("to_timestamp", column) }
    public static func year(_ column: Column) -> Column { .call("year", column) }
    public static func month(_ column: Column) -> Column { .call("month", column) }
    public static func dateTrunc(_ unit: String, _ column: Column) -> Column { .call("date_trunc", lit(unit), column) }
    public static func currentTimestamp() -> Column { .call("current_timestamp") }
    public static func currentDate() -> Column { .call("current_date") }

    public static func rowNumber() -> Column { .call("row_number") }
    public static func rank() -> Column { .call("rank") }
    public static func denseRank() -> Column { .call("dense_rank") }
    public static func lag(_ column: Column, _ offset: Int = 1) -> Column { .call("lag", column, lit(offset)) }
    public static func lead(_ column: Column, _ offset: Int = 1) -> Column { .call("lead", column, lit(offset)) }

    /// `when(condition, value)`, continued with `.when` and `.otherwise`.
    public static func when(_ condition: Column, _ value: Column) -> Column {
        Column(
            .caseWhen(
                branches: [UnresolvedCaseBranch(condition: condition.expression, result: value.expression)], otherwise: nil),
            failure: condition.failure ?? value.failure)
    }
}

extension Column {
    /// A further branch of `Functions.when`.
    public func when(_ condition: Column, _ value: Column) -> Column {
        guard case .caseWhen(let branches, nil) = expression else { return self }
        return Column(
            .caseWhen(
                branches: branches + [UnresolvedCaseBranch(condition: condition.expression, result: value.expression)],
                otherwise: nil), failure: failure ?? condition.failure ?? value.failure)
    }

    /// The value of `Functions.when` where no branch holds.
    public func otherwise(_ value: Column) -> Column {
        guard case .caseWhen(let branches, _) = expression else { return self }
        return Column(.caseWhen(branches: branches, otherwise: value.expression), failure: failure ?? value.failure)
    }
}
