import Columnar
import SparkPlan
import Synchronization

/// A catalog in memory, for sessions without a server.
package final class LocalSessionCatalog: SessionCatalog {
    private struct Contents {
        var databases: [String: CatalogDatabase] = [:]
        var tables: [String: [String: CatalogTable]] = [:]
    }

    private let contents: Mutex<Contents>

    /// - Parameter defaultLocation: where the tables of database `default` go.
    package init(defaultLocation: String?) {
        var start = Contents()
        start.databases["default"] = CatalogDatabase(name: "default", location: defaultLocation)
        contents = Mutex(start)
    }

    package func databases() -> [String] { contents.withLock { $0.databases.keys.sorted() } }

    package func database(_ name: String) -> CatalogDatabase? {
        contents.withLock { $0.databases[name.lowercased()] }
    }

    package func createDatabase(_ database: CatalogDatabase) throws {
        try contents.withLock { contents in
            let key = database.name.lowercased()
            guard contents.databases[key] == nil else { throw SparkError.schemaExists(database.name) }
            contents.databases[key] = database
        }
    }

    package func dropDatabase(_ name: String, cascade: Bool) throws {
        try contents.withLock { contents in
            let key = name.lowercased()
            guard contents.databases[key] != nil else { throw SparkError.schemaNotFound(name) }
            guard cascade || contents.tables[key, default: [:]].isEmpty else { throw SparkError.schemaNotEmpty(name) }
            contents.databases[key] = nil
            contents.tables[key] = nil
        }
    }

    package func tables(in database: String) throws -> [String] {
        try contents.withLock { contents in
            guard contents.databases[database.lowercased()] != nil else { throw SparkError.schemaNotFound(database) }
            return contents.tables[database.lowercased(), default: [:]].keys.sorted()
        }
    }

    package func table(_ name: String, in database: String) -> CatalogTable? {
        contents.withLock { $0.tables[database.lowercased()]?[name.lowercased()] }
    }

    package func createTable(_ table: CatalogTable, replace: Bool) throws {
        try contents.withLock { contents in
            let database = table.database.lowercased()
            guard contents.databases[database] != nil else { throw SparkError.schemaNotFound(table.database) }
            guard replace || contents.tables[database]?[table.name.lowercased()] == nil else {
                throw SparkError.tableExists([table.database, table.name])
            }
            contents.tables[database, default: [:]][table.name.lowercased()] = table
        }
    }

    package func setProperties(_ properties: [String: String], ofTable name: String, in database: String) throws {
        try contents.withLock { contents in
            guard var table = contents.tables[database.lowercased()]?[name.lowercased()] else {
                throw SparkError.tableNotFound([database, name])
            }
            table.properties.merge(properties) { $1 }
            contents.tables[database.lowercased()]?[name.lowercased()] = table
        }
    }

    package func dropTable(_ name: String, in database: String) throws {
        try contents.withLock { contents in
            guard contents.tables[database.lowercased()]?.removeValue(forKey: name.lowercased()) != nil else {
                throw SparkError.tableNotFound([database, name])
            }
        }
    }
}
