import Columnar
import QueryEngine
import SparkPlan
import SparkSQL

/// Reads files and tables: `spark.read.option("header", true).csv("s3://bucket/in/*.csv")`.
///
/// Paths are `s3://` or local ones, of files, directories or globs; partition directories (`day=2026-01-31`) become
/// columns. Options are Spark's, among them for CSV `header`, `sep`, `quote`, `escape`, `inferSchema`, `nullValue`,
/// `dateFormat`, `mode` (`PERMISSIVE`, `DROPMALFORMED`, `FAILFAST`), `columnNameOfCorruptRecord`, `badRecordsPath`;
/// for JSON `multiLine`, `primitivesAsString`, `prefersDecimal` and those of bad records and dates; for text `wholetext`;
/// for Delta `versionAsOf`.
public struct DataFrameReader: Sendable {
    let session: SparkSession
    private var formatName = "delta"
    private var schemaSource: (@Sendable () throws -> Columnar.StructType)?
    private var options: [String: String] = [:]

    init(session: SparkSession) { self.session = session }

    private func with(_ change: (inout DataFrameReader) -> Void) -> DataFrameReader {
        var copy = self
        change(&copy)
        return copy
    }

    /// `delta` (the default), `csv`, `json`, `parquet` or `text`.
    public func format(_ name: String) -> DataFrameReader { with { $0.formatName = name.lowercased() } }

    /// As SQL writes it: `id BIGINT, name STRING`. CSV files without a schema have STRING columns, or what
    /// `option("inferSchema", true)` finds in them; JSON files have what is found in them.
    public func schema(_ ddl: String) -> DataFrameReader { with { $0.schemaSource = { try SQLParser.parseSchema(ddl) } } }
    public func schema(_ schema: StructType) -> DataFrameReader { with { $0.schemaSource = { try schema.validated() } } }

    public func option(_ name: String, _ value: String) -> DataFrameReader { with { $0.options[name] = value } }
    public func option(_ name: String, _ value: Bool) -> DataFrameReader { option(name, String(value)) }
    public func option(_ name: String, _ value: Int) -> DataFrameReader { option(name, String(value)) }
    public func options(_ options: [String: String]) -> DataFrameReader {
        with { $0.options.merge(options) { _, new in new } }
    }

    /// Files or a table in the format chosen.
    public func load(_ paths: String...) throws(SparkException) -> DataFrame { try load(paths) }
    public func csv(_ paths: String...) throws(SparkException) -> DataFrame { try format("csv").load(paths) }
    /// Files of JSON lines.
    public func json(_ paths: String...) throws(SparkException) -> DataFrame { try format("json").load(paths) }
    /// Files whose lines are the rows of the column `value`.
    public func text(_ paths: String...) throws(SparkException) -> DataFrame { try format("text").load(paths) }
    public func parquet(_ paths: String...) throws(SparkException) -> DataFrame { try format("parquet").load(paths) }

    /// A table of the catalog or a temporary view.
    public func table(_ name: String) throws(SparkException) -> DataFrame {
        try translated {
            let plan = UnresolvedPlan.table(try SQLParser.parseName(name), options: options, nil)
            return DataFrame(session: session, plan: session.engine.inlined(plan))
        }
    }

    private func load(_ paths: [String]) throws(SparkException) -> DataFrame {
        try translated {
            DataFrame(
                session: session,
                plan: .read(format: formatName, paths: paths, schema: try schemaSource?(), options: options))
        }
    }
}
