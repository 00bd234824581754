import Columnar
import QueryEngine
import SparkPlan
import SparkSQL

/// Databases, tables and views of a session: `spark.catalog`.
public struct SparkCatalog: Sendable {
    let session: SparkSession

    /// A table or temporary view.
    public struct Table: Sendable, Hashable {
        public let name: String
        /// Nil for a temporary view.
        public let database: String?
        public let isTemporary: Bool
    }

    public var currentDatabase: String { session.engine.currentDatabase }

    /// - Throws: `SCHEMA_NOT_FOUND`.
    public func setCurrentDatabase(_ name: String) throws(SparkException) {
        try translated { _ = try session.engine.execute("USE \(quotedName([name]))") }
    }

    public func listDatabases() throws(SparkException) -> [String] { try translated { try session.engine.catalog.databases() } }

    public func databaseExists(_ name: String) throws(SparkException) -> Bool {
        try translated { try session.engine.catalog.database(name) != nil }
    }

    /// Tables of a database, the current one by default, and the session's temporary views.
    public func listTables(_ database: String? = nil) throws(SparkException) -> [Table] {
        try translated {
            let name = quotedName([database ?? currentDatabase])
            return try session.engine.execute("SHOW TABLES IN \(name)").rows.compactMap { row in
                guard row.count == 3, case .string(let database) = row[0], case .string(let table) = row[1] else { return nil }
                return Table(name: table, database: database.isEmpty ? nil : database, isTemporary: row[2] == .bool(true))
            }
        }
    }

    /// Whether there is a table or temporary view `table` or `database.table`.
    public func tableExists(_ name: String) throws(SparkException) -> Bool {
        do {
            _ = try session.table(name).schema
            return true
        } catch where ["TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND"].contains(error.condition) {
            return false
        }
    }

    /// The columns of a table or temporary view.
    public func listColumns(_ table: String) throws(SparkException) -> [StructField] { try session.table(table).schema.fields }

    /// - Returns: whether there was one.
    @discardableResult
    public func dropTempView(_ name: String) -> Bool { session.engine.dropTemporaryView(name) }
}
