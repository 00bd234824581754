import Columnar
import QueryEngine
import SparkPlan

extension DataFrame {
    // MARK: - Schema

    public var schema: StructType {
        get throws(SparkException) { try translated { StructType(try session.engine.analyze(plan).schema) } }
    }

    /// The names of the columns.
    public var columns: [String] { get throws(SparkException) { try schema.fieldNames } }

    /// Prints the schema as a tree.
    public func printSchema() throws(SparkException) { print(try schema.treeString) }

    // MARK: - Rows

    /// All rows, in memory.
    public func collect() throws(SparkException) -> [Row] {
        try translated {
            let outcome = try session.engine.collect(plan)
            let names = outcome.schema.fields.map(\.name)
            let types = outcome.schema.fields.map(\.dataType)
            return outcome.rows.map { row in Row(names: names, values: zip(row, types).map { SparkValue($0, $1) }) }
        }
    }

    /// The number of rows.
    public func count() throws(SparkException) -> Int64 {
        try agg(F.count("*")).collect().first?.getLong(0) ?? 0
    }

    public func first() throws(SparkException) -> Row? { try take(1).first }
    /// The first rows.
    public func take(_ count: Int) throws(SparkException) -> [Row] { try limit(count).collect() }
    /// The same as `take`.
    public func head(_ count: Int) throws(SparkException) -> [Row] { try take(count) }
    public func isEmpty() throws(SparkException) -> Bool { try first() == nil }

    // MARK: - Text

    /// Prints the first rows.
    /// - Parameter truncate: cells are cut after so many characters; 0 for none.
    public func show(_ count: Int = 20, truncate: Int = 20) throws(SparkException) {
        print(try showText(count, truncate: truncate))
    }
    public func show(_ count: Int = 20, truncate: Bool) throws(SparkException) {
        try show(count, truncate: truncate ? 20 : 0)
    }

    /// What `show` prints.
    public func showText(_ count: Int = 20, truncate: Int = 20) throws(SparkException) -> String {
        try translated {
            let wanted = min(max(count, 0), Int(Int32.max) - 1)
            let outcome = try session.engine.collect(limit(wanted + 1).plan)
            return ResultText.table(outcome.schema, Array(outcome.rows.prefix(wanted)), truncate: truncate)
                + (outcome.rows.count > wanted ? "only showing top \(wanted) row\(wanted == 1 ? "" : "s")\n" : "")
        }
    }

    /// Prints the physical plan.
    public func explain() throws(SparkException) { print(try explainText()) }
    /// What `explain` prints.
    public func explainText() throws(SparkException) -> String { try translated { try session.engine.explain(plan) } }

    // MARK: - Outside

    /// Makes the query a table for SQL statements of this session.
    /// - Throws: `TEMP_TABLE_OR_VIEW_ALREADY_EXISTS`.
    public func createTempView(_ name: String) throws(SparkException) { try createView(name, replace: false) }
    public func createOrReplaceTempView(_ name: String) throws(SparkException) { try createView(name, replace: true) }

    private func createView(_ name: String, replace: Bool) throws(SparkException) {
        try translated { try session.engine.createTemporaryView(name, session.engine.inlined(plan), replace: replace) }
    }

    public var write: DataFrameWriter { DataFrameWriter(frame: self) }
}
