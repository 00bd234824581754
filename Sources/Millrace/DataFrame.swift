import Columnar
import QueryEngine
import SparkPlan
import SparkSQL

/// A query that runs when its rows are asked for, and again each time they are.
///
/// Methods that give a DataFrame only build the query; those that give rows, write or print run it and block the
/// calling thread. Mistakes in names and types are raised by the latter, and by `schema`.
public struct DataFrame: Sendable {
    let session: SparkSession
    let plan: UnresolvedPlan

    func with(_ plan: UnresolvedPlan) -> DataFrame { DataFrame(session: session, plan: plan) }

    // MARK: - Columns

    /// Columns by name, expressions, `"*"`.
    public func select(_ columns: any ColumnOrName...) throws(SparkException) -> DataFrame { try select(columns) }
    public func select(_ columns: [any ColumnOrName]) throws(SparkException) -> DataFrame {
        try translated { with(.select(UnresolvedSelect(try columns.map { try $0.namedColumn.checked() }, from: plan))) }
    }

    /// Columns as SQL text: `selectExpr("id", "price * 2 AS double_price")`.
    public func selectExpr(_ expressions: String...) throws(SparkException) -> DataFrame { try selectExpr(expressions) }
    public func selectExpr(_ expressions: [String]) throws(SparkException) -> DataFrame {
        try select(expressions.map { expr($0) })
    }

    /// Adds a column, or replaces the one of that name in its place.
    public func withColumn(_ name: String, _ column: Column) throws(SparkException) -> DataFrame {
        try translated { with(.withColumns([(name, try column.checked())], plan)) }
    }

    /// Adds or replaces several columns; none of them sees another.
    public func withColumns(_ columns: KeyValuePairs<String, Column>) throws(SparkException) -> DataFrame {
        try translated { with(.withColumns(try columns.map { ($0.key, try $0.value.checked()) }, plan)) }
    }

    /// Does nothing when there is no such column.
    public func withColumnRenamed(_ from: String, _ to: String) -> DataFrame { with(.renameColumns([(from, to)], plan)) }
    public func withColumnsRenamed(_ names: KeyValuePairs<String, String>) -> DataFrame {
        with(.renameColumns(names.map { ($0.key, $0.value) }, plan))
    }

    /// Leaves columns out; names that are not there are ignored.
    public func drop(_ names: String...) -> DataFrame { with(.dropColumns(names, plan)) }

    /// Gives all columns new names.
    /// - Throws, when it runs: `ASSIGNMENT_ARITY_MISMATCH` for another number of them.
    public func toDF(_ names: String...) -> DataFrame {
        let star = UnresolvedExpression.star(qualifier: [], except: [], nil)
        return with(.select(UnresolvedSelect([star], from: .alias(plan, name: "toDF", columns: names))))
    }

    /// Names the DataFrame, so that `col("name.column")` tells its columns from those of another in a join.
    public func alias(_ name: String) -> DataFrame { with(.alias(plan, name: name, columns: [])) }

    // MARK: - Rows

    public func filter(_ condition: Column) throws(SparkException) -> DataFrame {
        try translated { with(.filter(try condition.checked(), plan)) }
    }
    /// By a condition as SQL text.
    public func filter(_ condition: String) throws(SparkException) -> DataFrame { try filter(expr(condition)) }
    public func `where`(_ condition: Column) throws(SparkException) -> DataFrame { try filter(condition) }
    public func `where`(_ condition: String) throws(SparkException) -> DataFrame { try filter(condition) }

    /// Sorts all rows: `orderBy("country", col("revenue").desc)`.
    public func orderBy(_ keys: any SortKey...) throws(SparkException) -> DataFrame { try orderBy(keys) }
    public func orderBy(_ keys: [any SortKey]) throws(SparkException) -> DataFrame {
        try translated {
            let columns = keys.map(\.sortColumn)
            for column in columns { _ = try column.column.checked() }
            return with(.sort(columns.map(\.order), plan))
        }
    }
    /// The same as `orderBy`.
    public func sort(_ keys: any SortKey...) throws(SparkException) -> DataFrame { try orderBy(keys) }

    public func limit(_ count: Int) -> DataFrame { with(.limit(lit(count).expression, offset: nil, plan)) }
    /// Without the first `count` rows.
    public func offset(_ count: Int) -> DataFrame { with(.limit(nil, offset: lit(count).expression, plan)) }

    public func distinct() -> DataFrame { with(.distinct(plan)) }
    /// The same as `distinct`.
    public func dropDuplicates() -> DataFrame { distinct() }

    /// The first row of those that are alike in the columns named, in the order of files and rows.
    public func dropDuplicates(_ names: [String]) throws(SparkException) -> DataFrame {
        if names.isEmpty { return distinct() }
        return try translated {
            let all = try columns
            let keys = Set(try names.map { try Self.known($0, among: all).lowercased() })
            var select = UnresolvedSelect(
                all.map { name in
                    let column = UnresolvedExpression.attribute([name], nil)
                    return keys.contains(name.lowercased()) ? column : .alias(.call("first", column), name)
                }, from: plan)
            select.grouping = names.map { .attribute([$0], nil) }
            return with(.select(select))
        }
    }

    /// - Throws: `UNRESOLVED_COLUMN_AMONG_FIELD_NAMES`.
    static func known(_ name: String, among names: [String]) throws -> String {
        guard let found = names.first(where: { $0.lowercased() == name.lowercased() }) else {
            throw SparkError(
                condition: "UNRESOLVED_COLUMN_AMONG_FIELD_NAMES", sqlState: "42703",
                message: "Cannot resolve column name \"\(name)\" among (\(names.joined(separator: ", "))).")
        }
        return found
    }

    // MARK: - Sets

    /// The rows of both, columns by position; duplicates stay.
    public func union(_ other: DataFrame) -> DataFrame { setOperation(.union, other) }
    /// The same as `union`.
    public func unionAll(_ other: DataFrame) -> DataFrame { union(other) }

    /// The rows of both, columns by name; duplicates stay.
    /// - Parameter allowMissingColumns: columns that one side lacks are NULL there.
    public func unionByName(
        _ other: DataFrame, allowMissingColumns: Bool = false
    ) throws(SparkException) -> DataFrame {
        if !allowMissingColumns { return with(.setOperation(.union, all: true, byName: true, [plan, other.plan])) }
        return try translated {
            let mine = try session.engine.analyze(plan).schema
            let theirs = try session.engine.analyze(other.plan).schema
            let sides = [(plan, mine, theirs), (other.plan, theirs, mine)].map { plan, has, wanted -> UnresolvedPlan in
                let missing = wanted.fields.filter { has.index(of: $0.name) == nil }
                if missing.isEmpty { return plan }
                return .withColumns(missing.map { ($0.name, .cast(.literal(.null, .null), $0.dataType, .ansi)) }, plan)
            }
            return with(.setOperation(.union, all: true, byName: true, sides))
        }
    }

    /// Different rows that are in both.
    public func intersect(_ other: DataFrame) -> DataFrame { setOperation(.intersect, other) }
    /// Different rows that are not in the other (PySpark's `subtract`).
    public func except(_ other: DataFrame) -> DataFrame { setOperation(.except, other) }

    private func setOperation(_ operation: SetOperation, _ other: DataFrame) -> DataFrame {
        with(.setOperation(operation, all: operation == .union, byName: false, [plan, other.plan]))
    }

    // MARK: - Joins and groups

    /// Joins on a condition; name the sides with `alias` to tell columns of the same name apart.
    ///
    /// - Parameter how: `inner`, `left`, `right`, `full` (or with `outer`), `left_semi`, `left_anti`, `cross`.
    public func join(_ other: DataFrame, on condition: Column, how: String = "inner") throws(SparkException) -> DataFrame {
        try translated {
            with(.join(UnresolvedJoin(try Self.joinType(how), plan, other.plan, .on(try condition.checked()))))
        }
    }

    /// Joins on columns of the same names, each of which appears once in the result.
    public func join(_ other: DataFrame, on names: [String], how: String = "inner") throws(SparkException) -> DataFrame {
        try translated { with(.join(UnresolvedJoin(try Self.joinType(how), plan, other.plan, .using(names)))) }
    }

    /// Joins on a column of the same name.
    public func join(_ other: DataFrame, on name: String, how: String = "inner") throws(SparkException) -> DataFrame {
        try join(other, on: [name], how: how)
    }

    public func crossJoin(_ other: DataFrame) -> DataFrame { with(.join(UnresolvedJoin(.cross, plan, other.plan, .none))) }

    private static func joinType(_ how: String) throws -> JoinType {
        switch how.lowercased().split(separator: "_").joined() {
        case "inner": return .inner
        case "left", "leftouter": return .leftOuter
        case "right", "rightouter": return .rightOuter
        case "full", "outer", "fullouter": return .fullOuter
        case "semi", "leftsemi": return .leftSemi
        case "anti", "leftanti": return .leftAnti
        case "cross": return .cross
        default:
            throw SparkError(
                condition: "UNSUPPORTED_JOIN_TYPE", sqlState: "0A000",
                message: "Unsupported join type '\(how)'. Supported join types include: 'inner', 'left', 'right', 'full', 'left_semi', 'left_anti', 'cross'.")
        }
    }

    public func groupBy(_ columns: any ColumnOrName...) throws(SparkException) -> GroupedData { try groupBy(columns) }
    public func groupBy(_ columns: [any ColumnOrName]) throws(SparkException) -> GroupedData {
        try translated { GroupedData(frame: self, keys: try columns.map { try $0.namedColumn.checked() }) }
    }

    /// Aggregates over all rows.
    public func agg(_ columns: Column...) throws(SparkException) -> DataFrame {
        try GroupedData(frame: self, keys: []).aggregated(columns)
    }

    /// Rows with NULL or NaN: `frame.na.drop()`, `frame.na.fill(0)`.
    public var na: DataFrameNaFunctions { DataFrameNaFunctions(frame: self) }

    // MARK: - Not here

    @available(*, unavailable, message: "A DataFrame is computed each time it is used; write a table to keep its rows.")
    public func cache() -> DataFrame { self }
    @available(*, unavailable, message: "A DataFrame is computed each time it is used; write a table to keep its rows.")
    public func persist() -> DataFrame { self }
}
