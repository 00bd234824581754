import Columnar
import DeltaProtocol
import QueryEngine
import SparkPlan
import SparkSQL

/// A Delta table by itself: what it holds and how it came to that.
public struct DeltaTable: Sendable {
    private let session: SparkSession
    /// Where the table is.
    public let path: String

    /// - Throws: `DELTA_MISSING_DELTA_TABLE` when there is none at the path.
    public static func forPath(_ spark: SparkSession, _ path: String) throws(SparkException) -> DeltaTable {
        guard try isDeltaTable(spark, path) else { throw missing("`\(path)`") }
        return DeltaTable(session: spark, path: path)
    }

    /// A table of the catalog, `table` or `database.table`.
    /// - Throws: `TABLE_OR_VIEW_NOT_FOUND`, or `DELTA_MISSING_DELTA_TABLE` for a table of another kind.
    public static func forName(_ spark: SparkSession, _ name: String) throws(SparkException) -> DeltaTable {
        let table = try translated {
            var parts = try SQLParser.parseName(name)
            if parts.count == 3, parts[0].lowercased() == "spark_catalog" { parts.removeFirst() }
            if parts.count == 1 { parts.insert(spark.engine.currentDatabase, at: 0) }
            guard parts.count == 2, let table = try spark.engine.catalog.table(parts[1], in: parts[0]) else {
                throw SparkError.tableNotFound(parts)
            }
            return table
        }
        guard table.provider == "delta", let path = table.location else { throw missing("`\(name)`") }
        return DeltaTable(session: spark, path: path)
    }

    public static func isDeltaTable(_ spark: SparkSession, _ path: String) throws(SparkException) -> Bool {
        do {
            _ = try spark.read.format("delta").load(path).schema
            return true
        } catch where error.condition == "DELTA_TABLE_NOT_FOUND" {
            return false
        }
    }

    private static func missing(_ name: String) -> SparkException {
        SparkException(
            condition: "DELTA_MISSING_DELTA_TABLE", sqlState: "42P01", message: "\(name) is not a Delta table.")
    }

    /// The table's present rows.
    public func toDF() throws(SparkException) -> DataFrame { try session.read.format("delta").load(path) }

    /// Its commits, newest first: `version`, `timestamp`, `operation`, `operationMetrics`, ...
    public func history(_ limit: Int? = nil) throws(SparkException) -> DataFrame {
        try translated {
            let (schema, rows) = try session.engine.format("delta").history(path: path, context: session.engine.sourceContext)
            let shown = limit.map { Array(rows.prefix(max(0, $0))) } ?? rows
            return DataFrame(session: session, plan: .localRows(schema, shown))
        }
    }
}
