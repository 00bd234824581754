import AWSProtocol
import Columnar
import Crypto
import DeltaTable
import HTTPTransport
package import ObjectStore
import ObjectStoreS3
package import QueryEngine
import SparkPlan
import SparkSQL
package import Support

/// The entry to reading, transforming and writing tables.
///
/// Calls block the calling thread until their work is done; make them on a thread that may wait.
public final class SparkSession: Sendable {
    package let engine: QuerySession

    package init(engine: QuerySession) { self.engine = engine }

    public static var builder: Builder { Builder() }

    /// Runs a statement. A query runs when its rows are asked for, commands run at once.
    public func sql(_ statement: String) throws -> DataFrame {
        DataFrame(session: self, plan: try engine.sql(statement))
    }

    /// What `${name}` stands for in statements.
    public func setVariable(_ name: String, _ value: String) { engine.setVariable(name, value) }

    /// A setting under Spark's key, such as `spark.sql.ansi.enabled`.
    public func setConf(_ key: String, _ value: String) throws { try engine.set(key, value) }
    public func conf(_ key: String) -> String? { engine.configuration[key] }

    public var read: DataFrameReader { DataFrameReader(session: self) }

    /// A table of the catalog or a temporary view.
    public func table(_ name: String) throws -> DataFrame {
        let plan = UnresolvedPlan.table(try SQLParser.parseName(name), options: [:], nil)
        return DataFrame(session: self, plan: engine.inlined(plan))
    }

    /// `0 ..< end` as column `id`.
    public func range(_ end: Int64) -> DataFrame { range(0, end) }

    public func range(_ start: Int64, _ end: Int64, step: Int64 = 1) -> DataFrame {
        // A step of zero has no end; it gives no rows.
        DataFrame(session: self, plan: .range(start: start, end: step == 0 ? start : end, step: step == 0 ? 1 : step))
    }

    /// Rows at hand. - Parameter schema: as DDL, `id BIGINT, name STRING`.
    public func createDataFrame(_ rows: [[SparkValue]], schema: String) throws -> DataFrame {
        let type = try SQLParser.parseSchema(schema)
        let scalars = try rows.map { row -> [Scalar] in
            guard row.count == type.fields.count else {
                throw SparkError(
                    condition: "AXIS_LENGTH_MISMATCH", sqlState: "42K0N",
                    message: "A row has \(row.count) values, the schema has \(type.fields.count) columns.")
            }
            return try zip(row, type.fields).map { try $0.scalar($1.dataType) }
        }
        return DataFrame(session: self, plan: .localRows(type, scalars))
    }

    /// Makes a running query of this session fail soon. The session cannot be used afterwards.
    public func cancel() { engine.cancellation.cancel() }

    /// Collects what a session needs.
    public struct Builder: Sendable {
        private var configuration = Configuration()
        private var settings: [(String, String)] = []

        init() {}

        public func configuration(_ configuration: Configuration) -> Builder {
            var copy = self
            copy.configuration = configuration
            return copy
        }

        /// A setting under Spark's key.
        public func config(_ key: String, _ value: String) -> Builder {
            var copy = self
            copy.settings.append((key, value))
            return copy
        }

        /// - Throws: `SparkError` `INVALID_CONF_VALUE` for a setting that is not accepted.
        public func getOrCreate() throws -> SparkSession {
            let session = try SparkSession(configuration)
            for (key, value) in settings { try session.setConf(key, value) }
            return session
        }
    }
}

extension SparkSession {
    /// Where a session's services and tables are, and who it is.
    public struct Configuration: Sendable {
        /// The AWS environment: endpoints, region, keys, under the names AWS's tools use.
        public var variables: [String: String] = [:]
        /// Whether tables are registered in the Glue catalog of the endpoint; otherwise in memory.
        public var usesGlueCatalog = false
        /// Where tables without a location go.
        public var warehouse = "spark-warehouse"
        /// What relative paths are relative to; nil refuses them.
        public var currentDirectory: String?
        /// Names the piece of work, the same for every attempt at it; writes then take effect once.
        public var commitScope: String?
        /// The socket to which progress is reported, and the job named there.
        public var reportSocket: String?
        public var jobID: String?
        public var attempt = 1
        /// Worker threads; nil for one a core.
        public var parallelism: Int?

        public init() {}

        /// Reads `AWS_*` and `MILLRACE_S3_*` (endpoints, region, keys), `AWS_BATCH_JOB_ID`, `AWS_BATCH_JOB_ATTEMPT`,
        /// `MILLRACE_COMMIT_SCOPE`, `MILLRACE_REPORT`, `MILLRACE_WAREHOUSE`, `MILLRACE_CATALOG` (`glue` or `memory`;
        /// by default `glue` when an endpoint is set) and `PWD`.
        public static func fromEnvironment(_ environment: [String: String]) -> Configuration {
            func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
            var configuration = Configuration()
            configuration.variables = environment.filter { $0.key.hasPrefix("AWS_") || $0.key.hasPrefix("MILLRACE_S3_") }
            let hasEndpoint = value("AWS_ENDPOINT_URL") != nil || value("AWS_ENDPOINT_URL_GLUE") != nil
            configuration.usesGlueCatalog = value("MILLRACE_CATALOG").map { $0 == "glue" } ?? hasEndpoint
            configuration.warehouse = value("MILLRACE_WAREHOUSE") ?? "spark-warehouse"
            configuration.currentDirectory = value("PWD")
            configuration.commitScope = value("MILLRACE_COMMIT_SCOPE")
            configuration.reportSocket = value("MILLRACE_REPORT")
            configuration.jobID = value("AWS_BATCH_JOB_ID")
            configuration.attempt = value("AWS_BATCH_JOB_ATTEMPT").flatMap { Int($0) } ?? 1
            return configuration
        }
    }

    /// - Throws: when an endpoint variable is no URL.
    public convenience init(_ configuration: Configuration) throws {
        let environment = AWSEnvironment(configuration.variables)
        var transportConfiguration = HTTPTransportConfiguration()
        transportConfiguration.certificateFile = environment.certificateFile
        let transport = CurlTransport(transportConfiguration)
        let stores = ObjectStores(
            s3: try S3Configuration(environment, retry: .patient), transport: transport,
            currentDirectory: configuration.currentDirectory)
        let catalog: any SessionCatalog
        if configuration.usesGlueCatalog {
            catalog = GlueSessionCatalog(
                client: AWSClient(
                    endpoint: try environment.endpoint(of: "glue"), region: environment.region,
                    credentials: environment.credentials, transport: transport, retry: .patient))
        } else {
            catalog = LocalSessionCatalog(defaultLocation: nil)
        }
        try self.init(configuration, catalog: catalog, stores: stores)
    }

    /// A session over a catalog and stores of the caller's choice.
    package convenience init(
        _ configuration: Configuration, catalog: any SessionCatalog, stores: ObjectStores,
        clock: any WallClock = SystemWallClock(), progress: (@Sendable (QueryProgress) -> Void)? = nil
    ) throws {
        var settings = SessionConfiguration()
        try settings.set("spark.sql.warehouse.dir", configuration.warehouse)
        try settings.set("spark.default.parallelism", String(max(1, configuration.parallelism ?? processorCount())))
        var report = progress
        if report == nil, let path = configuration.reportSocket {
            let socket = ReportSocket(
                path: path, jobID: configuration.jobID ?? "", attempt: configuration.attempt)
            report = { socket.send($0) }
        }
        var transactionOfWrite: (@Sendable (String) -> WriteTransaction)?
        if let scope = configuration.commitScope {
            transactionOfWrite = { write in Self.transaction(scope: scope, write: write) }
        }
        self.init(
            engine: QuerySession(
                catalog: catalog, stores: stores, formats: [DeltaFormat(clock: clock), ParquetFormat(), CSVFormat()],
                configuration: settings, metrics: QueryMetrics(clock: clock, report: report), clock: clock,
                transactionOfWrite: transactionOfWrite))
    }

    /// The identity of one write of a piece of work.
    static func transaction(scope: String, write: String) -> WriteTransaction {
        let digest = hexText(SHA256.hash(data: Array("\(scope)#\(write)".utf8)))
        return WriteTransaction(appID: "millrace/" + digest.prefix(32), version: 0)
    }
}
