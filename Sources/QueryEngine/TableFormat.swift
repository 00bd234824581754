package import Columnar
package import ObjectStore
package import SparkPlan

/// A way to keep tables in files, under the name that USING and `format(...)` use.
package protocol TableFormat: Sendable {
    var name: String { get }

    /// - Parameters:
    ///   - paths: URIs of files, directories or globs.
    ///   - schema: as declared; nil asks for the one that is stored or inferred.
    func source(
        paths: [String], schema: StructType?, options: FormatOptions, context: SourceContext
    ) throws -> any TableSource

    /// - Throws: `SparkError` `UNSUPPORTED_FEATURE` for a format that cannot be written.
    func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink

    /// Creates an empty table. Creating what this transaction created before is no error.
    func createTable(_ request: WriteRequest, context: SourceContext) throws -> WriteResult

    /// The version in which a transaction was committed to the table at `path`, nil when it was not.
    func committedVersion(of transaction: WriteTransaction, path: String, context: SourceContext) throws -> Int64?

    /// Whether there is a table at `path`.
    func exists(path: String, context: SourceContext) throws -> Bool

    /// Rows of DESCRIBE HISTORY, newest first.
    func history(path: String, context: SourceContext) throws -> (StructType, [[Scalar]])

    /// Whether the table's own metadata hold its schema, so that the catalog's is only a copy.
    var storesSchema: Bool { get }
}

extension TableFormat {
    package func createTable(_ request: WriteRequest, context: SourceContext) throws -> WriteResult {
        WriteResult(version: nil, rows: 0, files: 0, bytes: 0)
    }

    package func committedVersion(
        of transaction: WriteTransaction, path: String, context: SourceContext
    ) throws -> Int64? { nil }

    package func history(path: String, context: SourceContext) throws -> (StructType, [[Scalar]]) {
        throw SparkError.unsupported("DESCRIBE HISTORY of a \(name) table")
    }

    package func exists(path: String, context: SourceContext) throws -> Bool {
        throw SparkError.unsupported("asking whether there is a \(name) table at a path")
    }

    package var storesSchema: Bool { false }
}

/// Options by name; letter case does not matter.
package struct FormatOptions: Sendable {
    private let values: [String: String]

    package init(_ values: [String: String] = [:]) {
        var lower: [String: String] = [:]
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { lower[key.lowercased()] = value }
        self.values = lower
    }

    package subscript(_ name: String) -> String? { values[name.lowercased()] }

    /// All, by lower-case name.
    package var all: [String: String] { values }

    /// - Throws: `SparkError` for a value other than true and false.
    package func flag(_ name: String, default standard: Bool = false) throws -> Bool {
        guard let value = self[name] else { return standard }
        switch value.lowercased() {
        case "true": return true
        case "false": return false
        default:
            throw SparkError(
                condition: "INVALID_OPTIONS", sqlState: "42K06", message: "The option \(name) must be true or false, not '\(value)'.")
        }
    }
}

/// What sources and sinks need of a session.
package struct SourceContext: Sendable {
    package var stores: ObjectStores
    package var configuration: SessionConfiguration
    /// Worker threads of a query.
    package var parallelism: Int
    /// Microseconds since 1970 UTC when the query began.
    package var nowMicros: Int64

    package init(stores: ObjectStores, configuration: SessionConfiguration, parallelism: Int, nowMicros: Int64) {
        self.stores = stores
        self.configuration = configuration
        self.parallelism = parallelism
        self.nowMicros = nowMicros
    }
}

package enum SaveMode: String, Sendable {
    case append, overwrite, errorIfExists = "errorifexists", ignore
}

/// Names a write for good: repeated under the same identity it takes effect once.
package struct WriteTransaction: Sendable, Hashable {
    package var appID: String
    package var version: Int64

    package init(appID: String, version: Int64) {
        self.appID = appID
        self.version = version
    }
}

package struct WriteRequest: Sendable {
    package var path: String
    /// Of the batches that will be written, in order.
    package var schema: StructType
    package var mode: SaveMode
    package var partitionColumns: [String] = []
    package var options = FormatOptions()
    /// For a table that the write creates or replaces.
    package var properties: [String: String] = [:]
    package var comment: String?
    /// CREATE OR REPLACE: schema, partitioning and properties are replaced too.
    package var replacesTable = false
    /// Only rows for which this holds are overwritten; over `schema`. All written rows must fulfil it.
    package var replaceWhere: Expression?
    /// The same condition as SQL text, for the commit's record.
    package var replaceWhereText: String?
    package var transaction: WriteTransaction?
    /// As the format records it: `WRITE`, `CREATE TABLE AS SELECT`, ...
    package var operation = "WRITE"

    package init(path: String, schema: StructType, mode: SaveMode) {
        self.path = path
        self.schema = schema
        self.mode = mode
    }
}
