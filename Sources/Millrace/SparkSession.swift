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
import Synchronization

/// The entry to reading, transforming and writing tables.
///
/// Calls block the calling thread until their work is done; make them on a thread that may wait.
public final class SparkSession: Sendable {
    package let engine: QuerySession
    private let reports: ReportSocket?

    package init(engine: QuerySession) {
        self.engine = engine
        reports = nil
    }

    fileprivate init(engine: QuerySession, reports: ReportSocket?) {
        self.engine = engine
        self.reports = reports
    }

    public static var builder: Builder { Builder() }

    /// Runs a statement. A query runs when its rows are asked for, commands run at once.
    @discardableResult
    public func sql(_ statement: String) throws(SparkException) -> DataFrame {
        try translated { DataFrame(session: self, plan: try engine.sql(statement)) }
    }

    /// What `${name}` stands for in statements.
    public func setVariable(_ name: String, _ value: String) { engine.setVariable(name, value) }

    /// Settings under Spark's keys: `spark.conf.set("spark.sql.ansi.enabled", false)`.
    public var conf: RuntimeConfig { RuntimeConfig(session: self) }
    /// Databases, tables, views.
    public var catalog: SparkCatalog { SparkCatalog(session: self) }
    public var read: DataFrameReader { DataFrameReader(session: self) }

    /// A table of the catalog or a temporary view.
    public func table(_ name: String) throws(SparkException) -> DataFrame { try read.table(name) }

    /// `0 ..< end` as column `id`.
    public func range(_ end: Int64) -> DataFrame { range(0, end) }

    public func range(_ start: Int64, _ end: Int64, step: Int64 = 1) -> DataFrame {
        // A step of zero has no end; it gives no rows.
        DataFrame(session: self, plan: .range(start: start, end: step == 0 ? start : end, step: step == 0 ? 1 : step))
    }

    /// Rows at hand. - Parameter schema: as SQL writes it, `id BIGINT, name STRING`.
    public func createDataFrame(_ rows: [[SparkValue]], schema: String) throws(SparkException) -> DataFrame {
        try createDataFrame(rows, schema: try StructType.fromDDL(schema))
    }

    /// - Throws: `AXIS_LENGTH_MISMATCH` for a row of another length, `CANNOT_ACCEPT_OBJECT_IN_TYPE` for a value of
    ///   another type, `NOT_NULL_CONSTRAINT_VIOLATION` for NULL in a column that has none.
    public func createDataFrame(_ rows: [[SparkValue]], schema: StructType) throws(SparkException) -> DataFrame {
        try translated {
            let type = try schema.validated()
            let scalars = try rows.map { row -> [Scalar] in
                guard row.count == type.fields.count else {
                    throw SparkError(
                        condition: "AXIS_LENGTH_MISMATCH", sqlState: "42K0N",
                        message: "A row has \(row.count) values, the schema has \(type.fields.count) columns.")
                }
                return try zip(row, type.fields).map { value, field in
                    if value == .null, !field.nullable {
                        throw SparkError(
                            condition: "NOT_NULL_CONSTRAINT_VIOLATION", sqlState: "42000",
                            message: "Assigning a NULL is not allowed here: the column `\(field.name)` is NOT NULL.")
                    }
                    return try value.scalar(field.dataType)
                }
            }
            return DataFrame(session: self, plan: .localRows(type, scalars))
        }
    }

    /// Tells whoever runs the job what it is doing: `millrace status`, the console and the log show it, together with
    /// the rows read and written, which are reported without asking.
    public func report(_ message: String) {
        print(message)
        reports?.send(engine.metrics.progress, message: message)
    }

    /// Makes a running query of this session fail soon with `OPERATION_CANCELED`. The session cannot be used afterwards.
    public func cancel() { engine.cancellation.cancel() }

    /// Collects what a session needs.
    public struct Builder: Sendable {
        private var configuration: Configuration?
        private var settings: [(String, String)] = []

        /// The session of this process, by which its writes are counted.
        private static let session = Mutex<SparkSession?>(nil)

        init() {}

        /// A session apart from the process's own.
        package func configuration(_ configuration: Configuration) -> Builder {
            var copy = self
            copy.configuration = configuration
            return copy
        }

        /// The program's name.
        public func appName(_ name: String) -> Builder { config("spark.app.name", name) }

        /// A setting under Spark's key.
        public func config(_ key: String, _ value: String) -> Builder {
            var copy = self
            copy.settings.append((key, value))
            return copy
        }
        public func config(_ key: String, _ value: Bool) -> Builder { config(key, String(value)) }
        public func config(_ key: String, _ value: Int) -> Builder { config(key, String(value)) }

        /// The session of this process, made when there is none yet: endpoint, keys and the job's identity are those
        /// that the environment names, as the queue sets it and `millrace env` prints it.
        ///
        /// - Throws: `INVALID_CONF_VALUE` for a setting that is not accepted; an endpoint variable that is no URL.
        public func getOrCreate() throws(SparkException) -> SparkSession {
            try translated {
                let session: SparkSession
                if let configuration {
                    session = try SparkSession(configuration)
                } else {
                    session = try Self.session.withLock { known in
                        if let known { return known }
                        let new = try SparkSession(.fromEnvironment(ProcessEnvironment.variables()))
                        known = new
                        return new
                    }
                }
                for (key, value) in settings { try session.engine.set(key, value) }
                return session
            }
        }
    }
}

/// Settings of a session: `spark.conf`.
public struct RuntimeConfig: Sendable {
    let session: SparkSession

    /// - Throws: `INVALID_CONF_VALUE` for a value that is not accepted.
    public func set(_ key: String, _ value: String) throws(SparkException) { try translated { try session.engine.set(key, value) } }
    public func set(_ key: String, _ value: Bool) throws(SparkException) { try set(key, String(value)) }
    public func set(_ key: String, _ value: Int) throws(SparkException) { try set(key, String(value)) }
    /// As set, else the default of a known key, else nil.
    public func get(_ key: String) -> String? { session.engine.configuration[key] }
    /// Back to the default.
    public func unset(_ key: String) { session.engine.unset(key) }
}

extension SparkSession {
    /// Where a session's services and tables are, and who it is.
    package struct Configuration: Sendable {
        /// The AWS environment: endpoints, region, keys, under the names AWS's tools use.
        package var variables: [String: String] = [:]
        /// Whether tables are registered in the Glue catalog of the endpoint; otherwise in memory.
        package var usesGlueCatalog = false
        /// Where tables without a location go.
        package var warehouse = "spark-warehouse"
        /// What relative paths are relative to; nil refuses them.
        package var currentDirectory: String?
        /// Names the piece of work, the same for every attempt at it; writes then take effect once.
        package var commitScope: String?
        /// The socket to which progress is reported, and the job named there.
        package var reportSocket: String?
        package var jobID: String?
        package var attempt = 1
        /// Worker threads; nil for one a core.
        package var parallelism: Int?

        package init() {}

        /// Reads `AWS_*` and `MILLRACE_S3_*` (endpoints, region, keys), `AWS_BATCH_JOB_ID`, `AWS_BATCH_JOB_ATTEMPT`,
        /// `MILLRACE_COMMIT_SCOPE`, `MILLRACE_REPORT`, `MILLRACE_WAREHOUSE`, `MILLRACE_CATALOG` (`glue` or `memory`;
        /// by default `glue` when an endpoint is set). Relative paths are those of the process's directory.
        /// What `AWS_*` leaves open is taken from the files that AWS's tools share, see `AWSSharedFiles`.
        package static func fromEnvironment(_ environment: [String: String]) throws -> Configuration {
            let environment = try AWSSharedFiles.completing(environment)
            func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
            var configuration = Configuration()
            configuration.variables = environment.filter { $0.key.hasPrefix("AWS_") || $0.key.hasPrefix("MILLRACE_S3_") }
            let hasEndpoint = value("AWS_ENDPOINT_URL") != nil || value("AWS_ENDPOINT_URL_GLUE") != nil
            configuration.usesGlueCatalog = value("MILLRACE_CATALOG").map { $0 == "glue" } ?? hasEndpoint
            configuration.warehouse = value("MILLRACE_WAREHOUSE") ?? "spark-warehouse"
            configuration.currentDirectory = ProcessEnvironment.currentDirectory()
            configuration.commitScope = value("MILLRACE_COMMIT_SCOPE")
            configuration.reportSocket = value("MILLRACE_REPORT")
            configuration.jobID = value("AWS_BATCH_JOB_ID")
            configuration.attempt = value("AWS_BATCH_JOB_ATTEMPT").flatMap { Int($0) } ?? 1
            return configuration
        }
    }

    /// - Throws: when an endpoint variable is no URL.
    package convenience init(_ configuration: Configuration) throws {
        let environment = AWSEnvironment(configuration.variables)
        // A job outlives a restart of the store; a person at a terminal is told soon.
        let retry = configuration.jobID == nil ? RetryPolicy() : .patient
        let transport = CurlTransport(HTTPTransportConfiguration(certificateFile: environment.certificateFile))
        let trustsTheSame = environment.s3CertificateFile == environment.certificateFile
        let stores = ObjectStores(
            s3: try S3Configuration(environment, retry: retry),
            transport: trustsTheSame
                ? transport : CurlTransport(HTTPTransportConfiguration(certificateFile: environment.s3CertificateFile)),
            currentDirectory: configuration.currentDirectory)
        let catalog: any SessionCatalog
        if configuration.usesGlueCatalog {
            catalog = GlueSessionCatalog(
                client: AWSClient(
                    endpoint: try environment.endpoint(of: "glue"), region: environment.region,
                    credentials: environment.credentials, transport: transport, retry: retry))
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
        try settings.set("spark.default.parallelism", String(max(1, configuration.parallelism ?? ProcessEnvironment.processorCount())))
        let reports = configuration.reportSocket.map {
            ReportSocket(path: $0, jobID: configuration.jobID ?? "", attempt: configuration.attempt)
        }
        var report = progress
        if report == nil, let reports { report = { reports.send($0) } }
        var transactionOfWrite: (@Sendable (String) -> WriteTransaction)?
        if let scope = configuration.commitScope {
            transactionOfWrite = { write in Self.transaction(scope: scope, write: write) }
        }
        self.init(
            engine: QuerySession(
                catalog: catalog, stores: stores, formats: [DeltaFormat(clock: clock), ParquetFormat(), CSVFormat(), JSONFormat(), TextFormat()],
                configuration: settings, metrics: QueryMetrics(clock: clock, report: report), clock: clock,
                transactionOfWrite: transactionOfWrite),
            reports: reports)
    }

    /// The identity of one write of a piece of work.
    static func transaction(scope: String, write: String) -> WriteTransaction {
        let digest = hexText(SHA256.hash(data: Array("\(scope)#\(write)".utf8)))
        return WriteTransaction(appID: "millrace/" + digest.prefix(32), version: 0)
    }
}
