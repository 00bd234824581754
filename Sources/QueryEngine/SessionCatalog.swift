package import Columnar

package struct CatalogDatabase: Sendable, Hashable {
    package var name: String
    package var location: String?
    package var comment: String?
    package var properties: [String: String]

    package init(name: String, location: String? = nil, comment: String? = nil, properties: [String: String] = [:]) {
        self.name = name
        self.location = location
        self.comment = comment
        self.properties = properties
    }
}

package struct CatalogTable: Sendable, Hashable {
    package var database: String
    package var name: String
    /// Format in lower case: `delta`, `parquet`, `csv`.
    package var provider: String
    /// URI of the table's root; nil for a catalog entry without data.
    package var location: String?
    /// May be empty when the format's own metadata hold the schema (Delta).
    package var schema: StructType
    package var partitionColumns: [String]
    package var comment: String?
    package var properties: [String: String]
    /// Reader options, such as `header`.
    package var options: [String: String]

    package init(
        database: String, name: String, provider: String, location: String?, schema: StructType,
        partitionColumns: [String] = [], comment: String? = nil, properties: [String: String] = [:],
        options: [String: String] = [:]
    ) {
        self.database = database
        self.name = name
        self.provider = provider
        self.location = location
        self.schema = schema
        self.partitionColumns = partitionColumns
        self.comment = comment
        self.properties = properties
        self.options = options
    }
}

/// The databases and tables a session sees. Names are compared in lower case. Calls may wait for a server; they are
/// made on blocking threads.
package protocol SessionCatalog: Sendable {
    /// Ascending.
    func databases() throws -> [String]
    func database(_ name: String) throws -> CatalogDatabase?
    /// - Throws: `SparkError` `SCHEMA_ALREADY_EXISTS`.
    func createDatabase(_ database: CatalogDatabase) throws
    /// - Throws: `SparkError` `SCHEMA_NOT_FOUND`, or `SCHEMA_NOT_EMPTY` without `cascade`.
    func dropDatabase(_ name: String, cascade: Bool) throws
    /// Ascending.
    func tables(in database: String) throws -> [String]
    func table(_ name: String, in database: String) throws -> CatalogTable?
    /// - Throws: `SparkError` `TABLE_OR_VIEW_ALREADY_EXISTS` unless `replace`, `SCHEMA_NOT_FOUND`.
    func createTable(_ table: CatalogTable, replace: Bool) throws
    /// Adds to a table's properties, replacing those of the same names. - Throws: `TABLE_OR_VIEW_NOT_FOUND`.
    func setProperties(_ properties: [String: String], ofTable name: String, in database: String) throws
    /// Removes the entry, not the data. - Throws: `TABLE_OR_VIEW_NOT_FOUND`.
    func dropTable(_ name: String, in database: String) throws
}

extension SparkError {
    package static func schemaNotFound(_ name: String) -> SparkError {
        SparkError(
            condition: "SCHEMA_NOT_FOUND", sqlState: "42704",
            message: "The schema `\(name)` cannot be found. Verify the spelling and correctness of the schema and catalog. "
                + "If you did not qualify the name with a catalog, verify the current_schema() output, or qualify the name with the correct catalog. "
                + "To tolerate the error on drop use DROP SCHEMA IF EXISTS.")
    }

    package static func schemaExists(_ name: String) -> SparkError {
        SparkError(
            condition: "SCHEMA_ALREADY_EXISTS", sqlState: "42P06",
            message: "Cannot create schema `\(name)` because it already exists. Choose a different name, drop the existing schema, "
                + "or add the IF NOT EXISTS clause to tolerate pre-existing schema.")
    }

    package static func schemaNotEmpty(_ name: String) -> SparkError {
        SparkError(
            condition: "SCHEMA_NOT_EMPTY", sqlState: "2BP01",
            message: "Cannot drop a schema `\(name)` because it contains objects. Use DROP SCHEMA ... CASCADE to drop the schema and all its objects.")
    }

    package static func tableExists(_ name: [String]) -> SparkError {
        SparkError(
            condition: "TABLE_OR_VIEW_ALREADY_EXISTS", sqlState: "42P07",
            message: "Cannot create table or view `\(name.joined(separator: "`.`"))` because it already exists. Choose a different name, "
                + "drop or replace the existing object, or add the IF NOT EXISTS clause to tolerate pre-existing objects.")
    }
}
