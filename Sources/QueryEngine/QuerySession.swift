package import Columnar
import Execution
package import ObjectStore
package import SparkPlan
package import SparkSQL
package import Support
import Synchronization

/// What a statement gave.
package struct StatementOutcome: Sendable {
    package var schema: StructType
    package var batches: [Batch]
    /// Of a statement that wrote a table.
    package var write: WriteResult?

    package init(schema: StructType = StructType([]), batches: [Batch] = [], write: WriteResult? = nil) {
        self.schema = schema
        self.batches = batches
        self.write = write
    }

    package var rows: [[Scalar]] { batches.flatMap(\.rows) }
}

/// A Spark session: settings, variables, temporary views, the current database, a catalog, and the formats and stores
/// that queries read and write.
///
/// All calls block and belong on threads that may; statements of one session run one after another.
package final class QuerySession: Sendable {
    struct State {
        var configuration: SessionConfiguration
        var variables: [String: String] = [:]
        var sqlVariables: [String: Expression] = [:]
        /// By lower-case name.
        var views: [String: (name: String, plan: UnresolvedPlan)] = [:]
        var database = "default"
        var writeOrdinal = 0
    }

    package let catalog: any SessionCatalog
    package let stores: ObjectStores
    package let metrics: QueryMetrics
    package let cancellation: CancellationFlag
    private let formats: [String: any TableFormat]
    private let clock: any WallClock
    private let user: String
    /// The identity of a write, by its place in the program (`0`, `1`, ...) or the name it was given; nil: writes have
    /// none.
    private let transactionOfWrite: (@Sendable (String) -> WriteTransaction)?
    let state: Mutex<State>

    package init(
        catalog: any SessionCatalog, stores: ObjectStores, formats: [any TableFormat],
        configuration: SessionConfiguration = SessionConfiguration(), metrics: QueryMetrics = QueryMetrics(),
        cancellation: CancellationFlag = CancellationFlag(), clock: any WallClock = SystemWallClock(), user: String = "millrace",
        transactionOfWrite: (@Sendable (String) -> WriteTransaction)? = nil
    ) {
        self.catalog = catalog
        self.stores = stores
        self.metrics = metrics
        self.cancellation = cancellation
        self.clock = clock
        self.user = user
        self.transactionOfWrite = transactionOfWrite
        self.formats = Dictionary(formats.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
        state = Mutex(State(configuration: configuration))
    }

    // MARK: - Settings

    package var configuration: SessionConfiguration { state.withLock { $0.configuration } }

    package func set(_ key: String, _ value: String) throws {
        try state.withLock { try $0.configuration.set(key, value) }
    }

    package func unset(_ key: String) { state.withLock { $0.configuration.reset(key) } }

    /// What `${name}` stands for in statements.
    package func setVariable(_ name: String, _ value: String) { state.withLock { $0.variables[name] = value } }

    package var currentDatabase: String { state.withLock { $0.database } }

    package func createTemporaryView(_ name: String, _ plan: UnresolvedPlan, replace: Bool) throws {
        try state.withLock { state in
            guard replace || state.views[name.lowercased()] == nil else {
                throw SparkError(
                    condition: "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS", sqlState: "42P07",
                    message: "Cannot create the temporary view `\(name)` because it already exists. Choose a different name, drop or replace the existing view, or add the IF NOT EXISTS clause to tolerate pre-existing views.")
            }
            state.views[name.lowercased()] = (name, plan)
        }
    }

    package func dropTemporaryView(_ name: String) -> Bool {
        state.withLock { $0.views.removeValue(forKey: name.lowercased()) != nil }
    }

    func view(_ name: String) -> UnresolvedPlan? { state.withLock { $0.views[name.lowercased()]?.plan } }

    // MARK: - Running

    /// Runs one statement.
    ///
    /// - Parameter origin: where it stands in a script; places in errors count from the script's beginning.
    package func execute(_ statement: String, at origin: SourcePosition = .beginning) throws -> StatementOutcome {
        try onLargeStack { [self] in
            let text = try SQLScript.substitute(statement, variables: state.withLock { $0.variables })
            defer { metrics.flush() }
            return try run(try SQLParser.parseStatement(text, at: origin))
        }
    }

    /// Runs a script's statements in order; `each` gets every outcome as it is there.
    package func executeScript(
        _ script: String, each: (SQLScript.Part, StatementOutcome) throws -> Void
    ) throws {
        for part in SQLScript.split(script) {
            try cancellation.check()
            try each(part, try execute(part.text, at: part.start))
        }
    }

    /// Parses without running: for DataFrames over SQL queries. Commands are run at once, as Spark does.
    package func sql(_ statement: String) throws -> UnresolvedPlan {
        let text = try SQLScript.substitute(statement, variables: state.withLock { $0.variables })
        let parsed = try onLargeStack { try SQLParser.parseStatement(text) }
        if case .query(let plan) = parsed {
            let inlined = inlined(plan)
            _ = try analyze(inlined)
            return inlined
        }
        let outcome = try onLargeStack { [self] in try run(parsed) }
        return .localRows(outcome.schema, outcome.rows)
    }

    package func analyze(_ plan: UnresolvedPlan) throws -> AnalyzedQuery {
        try onLargeStack { [self] in try analyzer().analyze(plan) }
    }

    package func collect(_ plan: UnresolvedPlan) throws -> StatementOutcome {
        try onLargeStack { [self] in
            defer { metrics.flush() }
            let analyzed = try analyzer().analyze(plan)
            return StatementOutcome(
                schema: analyzed.schema, batches: try executor().collect(try physical(analyzed)))
        }
    }

    package func explain(_ plan: UnresolvedPlan) throws -> String {
        try onLargeStack { [self] in "== Physical Plan ==\n" + (try physical(try analyzer().analyze(plan))).text + "\n" }
    }

    /// The plan with the temporary views it names written out, so that later changes of a view do not change it.
    package func inlined(_ plan: UnresolvedPlan) -> UnresolvedPlan {
        plan.mapTables { name, options in
            guard name.count == 1, options.isEmpty, let view = view(name[0]) else { return nil }
            return .alias(view, name: name[0], columns: [])
        }
    }

    // MARK: - Parts of a query

    func nowMicros() -> Int64 { clock.now().millisecondsSince1970 &* 1000 }

    package var sourceContext: SourceContext {
        let configuration = configuration
        return SourceContext(
            stores: stores, configuration: configuration, parallelism: configuration.count("spark.default.parallelism"),
            nowMicros: nowMicros())
    }

    func analyzer() -> Analyzer {
        let (configuration, database, variables) = state.withLock { ($0.configuration, $0.database, $0.sqlVariables) }
        var context = AnalysisContext(
            nowMicros: nowMicros(), user: user, database: database, ansi: configuration.flag("spark.sql.ansi.enabled"))
        context.variables = variables
        return Analyzer(resolver: SessionResolver(session: self), context: context)
    }

    func executor() -> QueryExecutor {
        let configuration = configuration
        return QueryExecutor(
            workers: configuration.count("spark.default.parallelism"),
            batchRows: configuration.count("spark.sql.execution.batchRows"), cancellation: cancellation, metrics: metrics)
    }

    /// The plan that runs; scalar subqueries are run here.
    func physical(_ query: AnalyzedQuery) throws -> PhysicalPlan {
        let optimizer = Optimizer(enabled: configuration.flag("spark.sql.optimizer.enabled")) {
            try ExpressionEvaluator($0).constant()
        }
        var values: [Expression] = []
        for subquery in query.subqueries {
            let plan = PhysicalPlanner().plan(optimizer.optimize(subquery.replacingSubqueries(values)))
            let rows = try executor().collect(plan).flatMap(\.rows)
            guard rows.count <= 1 else {
                throw SparkError(
                    condition: "SCALAR_SUBQUERY_TOO_MANY_ROWS", sqlState: "21000",
                    message: "More than one row returned by a subquery used as an expression.")
            }
            let type = subquery.fields.first?.dataType ?? .null
            values.append(.literal(rows.first?.first ?? .null, type))
        }
        return PhysicalPlanner().plan(optimizer.optimize(query.plan.replacingSubqueries(values)))
    }

    /// The identity of the next write. Taken by every statement that may write, whether or not it then does, so that
    /// all attempts of a program count alike.
    func nextTransaction(named name: String? = nil) -> WriteTransaction? {
        if let name { return transactionOfWrite.map { $0(name) } }
        let ordinal = state.withLock { state in
            state.writeOrdinal += 1
            return state.writeOrdinal - 1
        }
        return transactionOfWrite.map { $0(String(ordinal)) }
    }

    package func format(_ name: String) throws -> any TableFormat {
        guard let format = formats[name.lowercased()] else {
            if Self.missingFormats.contains(name.lowercased()) {
                throw SparkError.unsupported("the data source \(name); there are \(formatNames)")
            }
            throw SparkError(
                condition: "DATA_SOURCE_NOT_FOUND", sqlState: "42K02",
                message: "Failed to find the data source: \(name). Make sure the provider name is correct and the package is properly registered and compatible with your Spark version.")
        }
        return format
    }

    /// Spark's own, or of well-known packages.
    private static let missingFormats: Set = [
        "avro", "binaryfile", "hive", "hudi", "iceberg", "image", "jdbc", "kafka", "libsvm", "orc", "xml",
    ]

    private var formatNames: String { formats.keys.sorted().joined(separator: ", ") }

    /// A name such as `orc.`data.orc`` of a format that is not here, when no table is called so.
    func checkFilesName(_ name: [String]) throws {
        guard name.count == 2, Self.missingFormats.contains(name[0].lowercased()) else { return }
        throw SparkError(
            condition: "UNSUPPORTED_DATASOURCE_FOR_DIRECT_QUERY", sqlState: "0A000",
            message: "Unsupported data source type for direct query on files: \(name[0]). There are \(formatNames).")
    }

    func hasFormat(_ name: String) -> Bool { formats[name.lowercased()] != nil }

    /// The format and the path of a name such as `csv.`data.csv``; nil for a table's name. A table of the catalog that
    /// is called so comes first.
    func filesName(_ name: [String]) -> (format: String, path: String)? {
        guard name.count == 2, hasFormat(name[0]) else { return nil }
        if !name[1].contains("/"), !name[1].contains(":") {
            // A catalog that cannot be asked has no such table.
            if let known = try? catalog.table(name[1], in: name[0]), known != nil { return nil }
        }
        return (name[0].lowercased(), name[1])
    }

    /// Database and table of a name of one, two or three parts.
    func tableName(_ parts: [String]) throws -> (database: String, name: String) {
        switch parts.count {
        case 1: return (currentDatabase, parts[0])
        case 2: return (parts[0], parts[1])
        case 3 where parts[0].lowercased() == "spark_catalog": return (parts[1], parts[2])
        default:
            throw SparkError(
                condition: "REQUIRES_SINGLE_PART_NAMESPACE", sqlState: "42K05",
                message: "spark_catalog requires a single-part namespace, but got \(quotedName(Array(parts.dropLast()))).")
        }
    }

    func source(of table: CatalogTable, options: [String: String] = [:]) throws -> any TableSource {
        let format = try format(table.provider)
        guard let location = table.location else { throw SparkError.unsupported("the table \(table.name) without a location") }
        return try format.source(
            paths: [location], schema: format.storesSchema || table.schema.fields.isEmpty ? nil : table.schema,
            options: FormatOptions(table.options.merging(options) { _, new in new }), context: sourceContext)
    }
}

/// How analysis finds a session's tables and files.
private struct SessionResolver: RelationResolver {
    let session: QuerySession

    func table(_ name: [String], options: [String: String]) throws -> (ResolvedTable, qualifier: [String])? {
        if name.count == 1, let view = session.view(name[0]) {
            if !options.isEmpty { throw SparkError.unsupported("options or time travel for the view \(name[0])") }
            return (.view(view), [name[0]])
        }
        if let found = session.filesName(name) {
            return (.relation(try files(format: found.format, paths: [found.path], schema: nil, options: options)), [])
        }
        let (database, table) = try session.tableName(name)
        guard let entry = try session.catalog.table(table, in: database) else {
            try session.checkFilesName(name)
            return nil
        }
        return (.relation(try session.source(of: entry, options: options)), ["spark_catalog", database, table])
    }

    func files(
        format: String, paths: [String], schema: StructType?, options: [String: String]
    ) throws -> any ScanRelation {
        try session.format(format).source(
            paths: paths, schema: schema, options: FormatOptions(options), context: session.sourceContext)
    }

    func range(start: Int64, end: Int64, step: Int64) -> any ScanRelation {
        RangeSource(start: start, end: end, step: step)
    }
}
