import Columnar
import QueryEngine
import SparkPlan
import SparkSQL

/// Writes a DataFrame as a Delta table: `frame.write.mode("append").partitionBy("day").save("s3://bucket/t")`.
///
/// In a job every write takes effect once: a later attempt of the same job, which runs the same program from its start,
/// passes over the writes that an earlier one committed. Writes are told apart by their order; a program that writes
/// from several threads names them with `option("txnName", "...")`.
public struct DataFrameWriter: Sendable {
    let frame: DataFrame
    private var formatName = "delta"
    private var modeName = "errorifexists"
    private var partitions: [String] = []
    private var options: [String: String] = [:]

    init(frame: DataFrame) { self.frame = frame }

    private func with(_ change: (inout DataFrameWriter) -> Void) -> DataFrameWriter {
        var copy = self
        change(&copy)
        return copy
    }

    /// `delta`, which is the default and the only format that can be written.
    public func format(_ name: String) -> DataFrameWriter { with { $0.formatName = name.lowercased() } }

    /// What happens when the table exists: `append`, `overwrite`, `error` (or `errorifexists`, the default), `ignore`.
    public func mode(_ name: String) -> DataFrameWriter { with { $0.modeName = name.lowercased() } }

    /// Keeps rows of equal values together in directories `column=value`.
    public func partitionBy(_ columns: String...) -> DataFrameWriter { partitionBy(columns) }
    public func partitionBy(_ columns: [String]) -> DataFrameWriter { with { $0.partitions = columns } }

    /// `overwriteSchema`, `replaceWhere`, `mergeSchema`, `compression`, `txnName`, `path` (for `saveAsTable`).
    public func option(_ name: String, _ value: String) -> DataFrameWriter { with { $0.options[name] = value } }
    public func option(_ name: String, _ value: Bool) -> DataFrameWriter { option(name, String(value)) }
    public func options(_ options: [String: String]) -> DataFrameWriter {
        with { $0.options.merge(options) { _, new in new } }
    }

    private func saveMode() throws -> SaveMode {
        switch modeName {
        case "append": return .append
        case "overwrite": return .overwrite
        case "error", "errorifexists", "default": return .errorIfExists
        case "ignore": return .ignore
        default:
            throw SparkError(
                condition: "INVALID_SAVE_MODE", sqlState: "42000",
                message: "The specified save mode \"\(modeName)\" is invalid. Valid save modes include \"append\", \"overwrite\", \"ignore\", \"error\", \"errorifexists\", and \"default\".")
        }
    }

    /// Writes a table at a path, without the catalog.
    @discardableResult
    public func save(_ path: String) throws(SparkException) -> WriteSummary {
        try translated {
            let engine = frame.session.engine
            let mode = try saveMode()
            let formatOptions = FormatOptions(options)
            let result = try engine.write(
                frame.plan, format: formatName, transactionName: formatOptions["txnName"]
            ) { request in
                request.path = path
                request.mode = mode
                request.partitionColumns = partitions
                request.options = formatOptions
                if let condition = formatOptions["replaceWhere"] {
                    request.replaceWhere = try engine.condition(condition, over: request.schema)
                    request.replaceWhereText = condition
                }
            }
            return WriteSummary(result)
        }
    }

    /// Writes a table of the catalog: creates it, appends to it (columns by name), or replaces it.
    ///
    /// A new table goes where `option("path", ...)` says, else below its database's location.
    @discardableResult
    public func saveAsTable(_ name: String) throws(SparkException) -> WriteSummary {
        try translated {
            let result = try frame.session.engine.saveAsTable(
                frame.plan, name: try SQLParser.parseName(name), format: formatName, mode: try saveMode(),
                partitionColumns: partitions, options: options)
            return WriteSummary(result)
        }
    }

    /// Adds to an existing table of the catalog, columns by position; with mode `overwrite` replaces its rows.
    @discardableResult
    public func insertInto(_ name: String) throws(SparkException) -> WriteSummary {
        try translated {
            var insert = Insert(table: try SQLParser.parseName(name), query: frame.plan)
            insert.overwrite = try saveMode() == .overwrite
            return WriteSummary(try frame.session.engine.runInsert(insert))
        }
    }
}

/// What a write did.
public struct WriteSummary: Sendable, Hashable {
    /// The table version committed.
    public let version: Int64?
    public let rows: Int64
    public let files: Int
    public let bytes: Int64
    /// The same write had taken effect before; the figures are those it reported then.
    public let alreadyCommitted: Bool

    init(_ result: WriteResult) {
        version = result.version
        rows = result.rows
        files = result.files
        bytes = result.bytes
        alreadyCommitted = result.alreadyCommitted
    }
}
