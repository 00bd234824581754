package import Columnar

/// One SQL statement.
package enum Statement: Sendable {
    case query(UnresolvedPlan)
    case explain(UnresolvedPlan, extended: Bool)
    case createTable(CreateTable)
    case createTemporaryView(name: String, replace: Bool, query: UnresolvedPlan)
    /// `CREATE TEMPORARY VIEW v USING csv OPTIONS (...)`.
    case createTemporaryViewUsing(
        name: String, replace: Bool, schema: StructType?, format: String, options: [String: String])
    case createDatabase(name: [String], ifNotExists: Bool, location: String?, comment: String?, properties: [String: String])
    case dropDatabase(name: [String], ifExists: Bool, cascade: Bool)
    case insert(Insert)
    case dropTable(name: [String], ifExists: Bool, purge: Bool)
    case dropView(name: [String], ifExists: Bool)
    case use([String])
    case showTables(database: [String]?, pattern: String?)
    case showDatabases(pattern: String?)
    case describeTable(name: [String], extended: Bool)
    case describeHistory(UnresolvedPlan)
    case describeQuery(UnresolvedPlan)
    /// `ANALYZE TABLE t COMPUTE STATISTICS`: number of rows and size, kept in the catalog.
    case analyzeTable(name: [String])
    /// Without a key: all settings; without a value: that one.
    case set(key: String?, value: String?)
    case reset(key: String?)
    case declareVariable(name: String, value: UnresolvedExpression, replace: Bool)
    /// Has no effect here: REFRESH TABLE, CACHE TABLE, UNCACHE TABLE, CLEAR CACHE.
    case noEffect(String)
}

package struct CreateTable: Sendable {
    package var name: [String]
    package var replace = false
    package var ifNotExists = false
    package var columns: [StructField] = []
    package var provider: String?
    package var partitionColumns: [String] = []
    package var location: String?
    package var comment: String?
    package var properties: [String: String] = [:]
    package var options: [String: String] = [:]
    package var query: UnresolvedPlan?

    package init(name: [String]) { self.name = name }
}

package struct Insert: Sendable {
    package var table: [String]
    /// Columns named after the table; empty: by position.
    package var columns: [String] = []
    package var byName = false
    package var overwrite = false
    /// `PARTITION (a = 1, b)`: constants for some partition columns.
    package var partition: [(name: String, value: UnresolvedExpression?)] = []
    /// `REPLACE WHERE condition`.
    package var replaceWhere: UnresolvedExpression?
    package var query: UnresolvedPlan

    package init(table: [String], query: UnresolvedPlan) {
        self.table = table
        self.query = query
    }
}
