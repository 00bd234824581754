import AWSProtocol
import Millrace
import ObjectStore
import QueryEngine

/// Sessions for verbs, from the environment and, when there is one, the server on the data directory.
enum QueryEnvironment {
    /// Why there is no catalog; nil where a server is known.
    static func reasonForNoServer(_ connection: ConnectionOptions) -> String? {
        guard environmentValue("AWS_ENDPOINT_URL") == nil else { return nil }
        do {
            _ = try connection.connect()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// A session that knows the endpoint and keys which `connection` finds; without any, it reads local files only.
    static func session(_ connection: ConnectionOptions) throws -> SparkSession {
        var variables = ProcessEnvironment.variables()
        for (name, value) in try S3Settings(ProgramSettings.load())?.variables ?? [] { variables[name] = value }
        if connection.data != nil || connection.endpoint != nil || variables["AWS_ENDPOINT_URL"] == nil {
            if let server = try? connection.connect() {  // No server is no failure: local paths need none.
                variables["AWS_ENDPOINT_URL"] = server.endpoint
                variables["AWS_ACCESS_KEY_ID"] = server.credentials.accessKeyID
                variables["AWS_SECRET_ACCESS_KEY"] = server.credentials.secretAccessKey
                variables["AWS_SESSION_TOKEN"] = server.credentials.sessionToken
                variables["AWS_REGION"] = server.region
            }
        }
        let configuration = try SparkSession.Configuration.fromEnvironment(variables)
        // Another store, or AWS itself with a key, needs no server.
        let hasStore = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "MILLRACE_S3_ENDPOINT", "AWS_ACCESS_KEY_ID"].contains {
            configuration.variables[$0]?.isEmpty == false
        }
        guard !hasStore, let reason = reasonForNoServer(connection) else {
            return try SparkSession.builder.configuration(configuration).getOrCreate()
        }
        let stores = ObjectStores(currentDirectory: configuration.currentDirectory) { bucket in
            throw CommandFailure("s3://\(bucket) needs a server or another store: \(reason)", .unavailable)
        }
        return try SparkSession(configuration, catalog: LocalSessionCatalog(defaultLocation: nil), stores: stores)
    }
}
