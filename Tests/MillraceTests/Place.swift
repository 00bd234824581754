import Millrace
import ObjectStore
import QueryEngine

/// A store and a catalog in memory. Two sessions of one place with one scope are two attempts at the same work.
struct Place {
    let stores = ObjectStores()
    let catalog = LocalSessionCatalog(defaultLocation: nil)
    private let store = MemoryObjectStore()

    init() { stores.bind(bucket: "b", to: store) }

    func session(scope: String? = nil) throws -> SparkSession {
        var configuration = SparkSession.Configuration()
        configuration.warehouse = "s3://b/warehouse"
        configuration.commitScope = scope
        configuration.parallelism = 2
        return try SparkSession(configuration, catalog: catalog, stores: stores)
    }

    func put(_ key: String, _ text: String) throws { try BlockingObjectStore(store).put(key, Array(text.utf8)) }
}

extension DataFrame {
    /// The rows as text, in their order.
    var texts: [String] { get throws { try collect().map(\.description) } }
}
