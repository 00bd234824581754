import Columnar
import QueryEngine
import SparkPlan
import SparkSQL

/// Reads files and tables: `session.read.option("header", "true").csv("s3://bucket/in/*.csv")`.
public struct DataFrameReader: Sendable {
    let session: SparkSession
    private var formatName = "delta"
    private var schemaText: String?
    private var options: [String: String] = [:]

    init(session: SparkSession) { self.session = session }

    public func format(_ name: String) -> DataFrameReader {
        var copy = self
        copy.formatName = name.lowercased()
        return copy
    }

    /// As DDL: `id BIGINT, name STRING`.
    public func schema(_ text: String) -> DataFrameReader {
        var copy = self
        copy.schemaText = text
        return copy
    }

    public func option(_ name: String, _ value: String) -> DataFrameReader {
        var copy = self
        copy.options[name] = value
        return copy
    }

    public func option(_ name: String, _ value: Bool) -> DataFrameReader { option(name, String(value)) }

    public func load(_ paths: String...) throws -> DataFrame { try load(paths) }
    public func csv(_ paths: String...) throws -> DataFrame { try format("csv").load(paths) }
    public func parquet(_ paths: String...) throws -> DataFrame { try format("parquet").load(paths) }
    public func table(_ name: String) throws -> DataFrame {
        DataFrame(session: session, plan: .table(try SQLParser.parseName(name), options: options, nil))
    }

    private func load(_ paths: [String]) throws -> DataFrame {
        DataFrame(
            session: session,
            plan: .read(
                format: formatName, paths: paths, schema: try schemaText.map { try SQLParser.parseSchema($0) }, options: options))
    }
}

/// What a write did.
public struct WriteSummary: Sendable, Hashable {
    /// The table version committed.
    public let version: Int64?
    public let rows: Int64
    public let files: Int
    public let bytes: Int64
    /// The same write had taken effect before.
    public let alreadyCommitted: Bool

    init(_ result: WriteResult) {
        version = result.version
        rows = result.rows
        files = result.files
        bytes = result.bytes
        alreadyCommitted = result.alreadyCommitted
    }
}

/// Writes a DataFrame as a table: `frame.write.mode("append").partitionBy("day").save("s3://bucket/t")`.
public struct DataFrameWriter: Sendable {
    let frame: DataFrame
    private var formatName = "delta"
    private var modeName = "errorifexists"
    private var partitions: [String] = []
    private var options: [String: String] = [:]

    init(frame: DataFrame) { self.frame = frame }

    public func format(_ name: String) -> DataFrameWriter {
        var copy = self
        copy.formatName = name.lowercased()
        return copy
    }

    /// `append`, `overwrite`, `error` (or `errorifexists`), `ignore`.
    public func mode(_ name: String) -> DataFrameWriter {
        var copy = self
        copy.modeName = name.lowercased()
        return copy
    }

    public func partitionBy(_ columns: String...) -> DataFrameWriter {
        var copy = self
        copy.partitions = columns
        return copy
    }

    /// `replaceWhere`, `mergeSchema`, `overwriteSchema`, `txnName` (names the write apart from its place in the program).
    public func option(_ name: String, _ value: String) -> DataFrameWriter {
        var copy = self
        copy.options[name] = value
        return copy
    }

    private func saveMode() throws -> SaveMode {
        switch modeName {
        case "append": return .append
        case "overwrite": return .overwrite
        case "error", "errorifexists", "default": return .errorIfExists
        case "ignore": return .ignore
        default:
            throw SparkError(
                condition: "INVALID_SAVE_MODE", sqlState: "42000", message: "The specified save mode \"\(modeName)\" is invalid.")
        }
    }

    @discardableResult
    public func save(_ path: String) throws -> WriteSummary {
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

    /// Writes a table of the catalog, creating it where there is none.
    @discardableResult
    public func saveAsTable(_ name: String) throws -> WriteSummary {
        let result = try frame.session.engine.saveAsTable(
            frame.plan, name: try SQLParser.parseName(name), format: formatName, mode: try saveMode(),
            partitionColumns: partitions, options: options)
        return WriteSummary(result)
    }

    /// Appends to an existing table, columns by position.
    @discardableResult
    public func insertInto(_ name: String) throws -> WriteSummary {
        var insert = Insert(table: try SQLParser.parseName(name), query: frame.plan)
        insert.overwrite = try saveMode() == .overwrite
        return WriteSummary(try frame.session.engine.runInsert(insert))
    }
}
