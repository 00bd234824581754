import Columnar
import QueryEngine
import SparkPlan
import SparkSQL

/// A query that runs when its rows are asked for. Calls that run it block the calling thread.
///
/// Errors are `SparkError`s; mistakes in names and types are raised by the call that runs or by `schema`.
public struct DataFrame: Sendable {
    let session: SparkSession
    let plan: UnresolvedPlan

    private func with(_ plan: UnresolvedPlan) -> DataFrame { DataFrame(session: session, plan: plan) }

    private func written(_ columns: [Column]) throws -> [UnresolvedExpression] { try columns.map { try $0.checked() } }

    // MARK: - Columns

    public func select(_ columns: Column...) throws -> DataFrame {
        with(.select(UnresolvedSelect(try written(columns), from: plan)))
    }

    public func select(_ names: String...) throws -> DataFrame {
        with(.select(UnresolvedSelect(try names.map { try col($0).checked() }, from: plan)))
    }

    public func selectExpr(_ expressions: String...) throws -> DataFrame {
        with(.select(UnresolvedSelect(try expressions.map { try expr($0).checked() }, from: plan)))
    }

    public func withColumn(_ name: String, _ column: Column) throws -> DataFrame {
        with(.withColumns([(name, try column.checked())], plan))
    }

    public func withColumnRenamed(_ from: String, _ to: String) -> DataFrame { with(.renameColumns([(from, to)], plan)) }

    public func drop(_ names: String...) -> DataFrame { with(.dropColumns(names, plan)) }

    public func alias(_ name: String) -> DataFrame { with(.alias(plan, name: name, columns: [])) }

    // MARK: - Rows

    public func filter(_ condition: Column) throws -> DataFrame { with(.filter(try condition.checked(), plan)) }
    public func filter(_ condition: String) throws -> DataFrame { try filter(expr(condition)) }
    public func `where`(_ condition: Column) throws -> DataFrame { try filter(condition) }
    public func `where`(_ condition: String) throws -> DataFrame { try filter(condition) }

    public func orderBy(_ columns: SortColumn...) throws -> DataFrame {
        for column in columns { _ = try column.column.checked() }
        return with(.sort(columns.map(\.order), plan))
    }

    public func orderBy(_ names: String...) throws -> DataFrame {
        with(.sort(try names.map { UnresolvedSortOrder(try col($0).checked()) }, plan))
    }

    public func limit(_ count: Int) -> DataFrame { with(.limit(lit(count).expression, offset: nil, plan)) }
    public func offset(_ count: Int) -> DataFrame { with(.limit(nil, offset: lit(count).expression, plan)) }
    public func distinct() -> DataFrame { with(.distinct(plan)) }

    public func union(_ other: DataFrame) -> DataFrame {
        with(.setOperation(.union, all: true, byName: false, [plan, other.plan]))
    }

    public func unionByName(_ other: DataFrame) -> DataFrame {
        with(.setOperation(.union, all: true, byName: true, [plan, other.plan]))
    }

    // MARK: - Joins and groups

    /// - Parameter how: `inner`, `left`, `right`, `full` (or with `outer`), `left_semi`, `left_anti`, `cross`.
    public func join(_ other: DataFrame, on condition: Column, how: String = "inner") throws -> DataFrame {
        with(.join(UnresolvedJoin(try Self.joinType(how), plan, other.plan, .on(try condition.checked()))))
    }

    /// Joins on columns of the same names, each of which appears once in the result.
    public func join(_ other: DataFrame, using names: [String], how: String = "inner") throws -> DataFrame {
        with(.join(UnresolvedJoin(try Self.joinType(how), plan, other.plan, .using(names))))
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
                condition: "UNSUPPORTED_JOIN_TYPE", sqlState: "0A000", message: "Unsupported join type '\(how)'.")
        }
    }

    public func groupBy(_ columns: Column...) throws -> GroupedData { GroupedData(frame: self, keys: try written(columns)) }
    public func groupBy(_ names: String...) throws -> GroupedData {
        GroupedData(frame: self, keys: try names.map { try col($0).checked() })
    }

    /// Aggregates over all rows.
    public func agg(_ columns: Column...) throws -> DataFrame {
        try GroupedData(frame: self, keys: []).aggregated(columns)
    }

    // MARK: - Results

    /// Names and types, as `name type` in SQL's writing.
    public var schemaText: String {
        get throws {
            try session.engine.analyze(plan).schema.fields
                .map { "\($0.name) \($0.dataType.simpleString)" }.joined(separator: ", ")
        }
    }

    public var columns: [String] { get throws { try session.engine.analyze(plan).schema.fields.map(\.name) } }

    public func collect() throws -> [Row] {
        let outcome = try session.engine.collect(plan)
        let names = outcome.schema.fields.map(\.name)
        let types = outcome.schema.fields.map(\.dataType)
        return outcome.rows.map { row in Row(names: names, values: zip(row, types).map { SparkValue($0, $1) }) }
    }

    public func count() throws -> Int64 {
        let star = Column(.star(qualifier: [], except: [], nil))
        let rows = try agg(Functions.count(star)).collect()
        return rows.first?.getLong(0) ?? 0
    }

    public func first() throws -> Row? { try limit(1).collect().first }
    public func take(_ count: Int) throws -> [Row] { try limit(count).collect() }

    /// The first rows as Spark's `show` prints them.
    public func showText(_ count: Int = 20, truncate: Int = 20) throws -> String {
        let wanted = max(count, 0)
        let outcome = try session.engine.collect(limit(wanted == Int.max ? wanted : wanted + 1).plan)
        return ResultText.table(outcome.schema, Array(outcome.rows.prefix(wanted)), truncate: truncate)
            + (outcome.rows.count > wanted ? "only showing top \(wanted) rows\n" : "")
    }

    /// Prints the first rows.
    public func show(_ count: Int = 20, truncate: Int = 20) throws { print(try showText(count, truncate: truncate)) }

    public func explainText() throws -> String { try session.engine.explain(plan) }

    public func createOrReplaceTempView(_ name: String) throws {
        try session.engine.createTemporaryView(name, session.engine.inlined(plan), replace: true)
    }

    public var write: DataFrameWriter { DataFrameWriter(frame: self) }
}

/// What `groupBy` gives.
public struct GroupedData: Sendable {
    let frame: DataFrame
    let keys: [UnresolvedExpression]

    public func agg(_ columns: Column...) throws -> DataFrame { try aggregated(columns) }

    public func count() throws -> DataFrame {
        try aggregated([Functions.count(Column(.star(qualifier: [], except: [], nil))).alias("count")])
    }

    func aggregated(_ columns: [Column]) throws -> DataFrame {
        var select = UnresolvedSelect(try columns.map { try $0.checked() }, from: frame.plan)
        select.grouping = keys
        select.prependsGrouping = true
        return DataFrame(session: frame.session, plan: .select(select))
    }
}
