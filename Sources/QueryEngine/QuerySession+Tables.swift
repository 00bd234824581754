package import Columnar
import Execution
package import SparkPlan
import SparkSQL

extension QuerySession {
    // MARK: - CREATE TABLE

    /// - Parameter transactionName: names the write apart from its place in the program.
    func createTable(_ create: CreateTable, transactionName: String? = nil) throws -> StatementOutcome {
        if let format = pathFormat(create.name) { return try createFiles(create, format, transactionName) }
        let (database, name) = try tableName(create.name)
        let transaction = nextTransaction(named: transactionName)
        guard let parent = try catalog.database(database) else { throw SparkError.schemaNotFound(database) }
        let existing = try catalog.table(name, in: database)
        let provider = (create.provider ?? configuration["spark.sql.sources.default"] ?? "delta").lowercased()
        let format = try format(provider)
        if let existing, !create.replace {
            if create.ifNotExists { return StatementOutcome() }
            // A repeated attempt finds what the first one made.
            if let transaction, let location = existing.location,
                let version = try format.committedVersion(of: transaction, path: location, context: sourceContext)
            {
                return StatementOutcome(
                    write: WriteResult(version: version, rows: 0, files: 0, bytes: 0, alreadyCommitted: true))
            }
            throw SparkError.tableExists(["spark_catalog", database, name])
        }
        let location = create.location ?? existing?.location ?? location(of: name, in: parent)
        let (schema, partitionColumns, outcome) = try self.create(create, at: location, format, transaction)
        try catalog.createTable(
            CatalogTable(
                database: database, name: name, provider: provider, location: location, schema: schema,
                partitionColumns: partitionColumns, comment: create.comment, properties: create.properties,
                options: create.options),
            replace: create.replace || create.ifNotExists)
        return outcome
    }

    /// `CREATE TABLE delta.`path``: a table that no catalog knows.
    private func createFiles(
        _ create: CreateTable, _ format: any TableFormat, _ transactionName: String?
    ) throws -> StatementOutcome {
        let transaction = nextTransaction(named: transactionName)
        let path = create.name[1]
        guard format.storesSchema else { throw SparkError.unsupported("CREATE TABLE \(format.name).`path`") }
        if let location = create.location, location != path {
            throw SparkError(
                condition: "DELTA_AMBIGUOUS_PATHS_IN_CREATE_TABLE", sqlState: "42613",
                message: "CREATE TABLE contains two different locations: \(path) and \(location).")
        }
        if create.ifNotExists, try format.exists(path: path, context: sourceContext) { return StatementOutcome() }
        return try self.create(create, at: path, format, transaction).outcome
    }

    /// The format of a name such as `delta.`s3://bucket/table``.
    private func pathFormat(_ name: [String]) -> (any TableFormat)? {
        // An unknown format is a database's name.
        filesName(name).flatMap { try? format($0.format) }
    }

    /// Makes the files of a table and fills them.
    private func create(
        _ create: CreateTable, at location: String, _ format: any TableFormat, _ transaction: WriteTransaction?
    ) throws -> (schema: StructType, partitionColumns: [String], outcome: StatementOutcome) {
        var analyzed: AnalyzedQuery?
        var schema = StructType(create.columns)
        if let query = create.query {
            guard create.columns.isEmpty else {
                throw SparkError(
                    condition: "UNSUPPORTED_FEATURE", sqlState: "0A000",
                    message: "The feature is not supported: column definitions together with AS SELECT.")
            }
            let result = try analyzer().analyze(query)
            try Self.checkNames(result.schema)
            schema = StructType(result.schema.fields.map { field in
                var copy = field
                copy.nullable = true
                return copy
            })
            analyzed = result
        }
        var request = WriteRequest(
            path: location, schema: schema, mode: create.replace ? .overwrite : .errorIfExists)
        request.partitionColumns = try create.partitionColumns.map { try Self.column($0, of: schema) }
        request.properties = create.properties
        request.comment = create.comment
        request.replacesTable = create.replace
        request.options = FormatOptions(create.options)
        request.transaction = transaction
        request.operation = create.replace
            ? (analyzed == nil ? "CREATE OR REPLACE TABLE" : "CREATE OR REPLACE TABLE AS SELECT")
            : (analyzed == nil ? "CREATE TABLE" : "CREATE TABLE AS SELECT")
        var outcome = StatementOutcome()
        if let analyzed {
            try Self.checkTypes(schema)
            outcome.write = try executor().write(try physical(analyzed), to: try format.sink(request, context: sourceContext))
        } else if schema.fields.isEmpty {
            // An existing table at the location tells its own schema.
            schema = try format.source(
                paths: [location], schema: nil, options: request.options, context: sourceContext).schema
        } else {
            try Self.checkNames(schema)
            outcome.write = try format.createTable(request, context: sourceContext)
        }
        return (schema, request.partitionColumns, outcome)
    }

    private func location(of name: String, in database: CatalogDatabase) -> String {
        func joined(_ base: String, _ part: String) -> String { base.hasSuffix("/") ? base + part : base + "/" + part }
        if let location = database.location, !location.isEmpty { return joined(location, name.lowercased()) }
        let warehouse = configuration["spark.sql.warehouse.dir"] ?? "spark-warehouse"
        if database.name.lowercased() == "default" { return joined(warehouse, name.lowercased()) }
        return joined(joined(warehouse, database.name.lowercased() + ".db"), name.lowercased())
    }

    /// The name as the schema writes it.
    static func column(_ name: String, of schema: StructType) throws -> String {
        guard let index = schema.index(of: name) else {
            throw SparkError(
                condition: "COLUMN_NOT_FOUND", sqlState: "42703",
                message: "The column `\(name)` cannot be found among \(schema.fields.map { "`\($0.name)`" }.joined(separator: ", ")).")
        }
        return schema.fields[index].name
    }

    private static func checkNames(_ schema: StructType) throws {
        var seen: Set<String> = []
        for field in schema.fields where !seen.insert(field.name.lowercased()).inserted {
            throw SparkError(
                condition: "COLUMN_ALREADY_EXISTS", sqlState: "42711",
                message: "The column `\(field.name.lowercased())` already exists. Choose another name or rename the existing column.")
        }
    }

    private static func checkTypes(_ schema: StructType) throws {
        for field in schema.fields where field.dataType == .null || field.dataType == .dayTimeInterval || field.dataType == .yearMonthInterval {
            throw SparkError(
                condition: "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", sqlState: "0A000",
                message: "The datasource doesn't support the column `\(field.name)` of the type \"\(field.dataType.sql)\".")
        }
    }

    // MARK: - INSERT

    func insert(_ insert: Insert, transactionName: String? = nil) throws -> StatementOutcome {
        let transaction = nextTransaction(named: transactionName)
        let provider: String
        let location: String
        let target: StructType
        var partitionColumns: [String] = []
        if let found = filesName(insert.table) {
            (provider, location) = found
            target = try format(provider).source(
                paths: [location], schema: nil, options: FormatOptions(), context: sourceContext).schema
        } else {
            let (database, name) = try tableName(insert.table)
            guard let entry = try catalog.table(name, in: database) else { throw SparkError.tableNotFound(insert.table) }
            guard let path = entry.location else { throw SparkError.unsupported("INSERT into a table without a location") }
            provider = entry.provider
            location = path
            partitionColumns = entry.partitionColumns
            target = try source(of: entry).schema
        }
        var analyzed = try analyzer().analyze(insert.query)
        analyzed.plan = try assigned(analyzed.plan, to: target, insert)
        var request = WriteRequest(path: location, schema: target, mode: insert.overwrite ? .overwrite : .append)
        request.partitionColumns = partitionColumns
        request.transaction = transaction
        request.operation = "WRITE"
        let conditions = try replaced(insert, target)
        if !conditions.isEmpty {
            request.replaceWhere = Expression.conjunction(conditions)
            request.replaceWhereText = conditions.map { $0.text(target.fields) }.joined(separator: " AND ")
        } else if insert.overwrite, let mode = configuration["spark.sql.sources.partitionOverwriteMode"] {
            request.options = FormatOptions(["partitionOverwriteMode": mode])
        }
        let sink = try format(provider).sink(request, context: sourceContext)
        return StatementOutcome(write: try executor().write(try physical(analyzed), to: sink))
    }

    /// What an overwrite replaces when it does not replace everything.
    private func replaced(_ insert: Insert, _ target: StructType) throws -> [Expression] {
        guard insert.overwrite else { return [] }
        var conditions: [Expression] = []
        if let condition = insert.replaceWhere {
            conditions.append(try folded(try analyzer().analyze(condition, over: target)))
        }
        for (name, value) in insert.partition {
            guard let value else { continue }
            let column = UnresolvedExpression.attribute([name], nil)
            conditions.append(try folded(try analyzer().analyze(.call("<=>", column, value), over: target)))
        }
        return conditions
    }

    private func folded(_ expression: Expression) throws -> Expression {
        Optimizer { try ExpressionEvaluator($0).constant() }.fold(expression)
    }

    /// The query's columns as the table's: by position, by the list after the table's name, or by name; cast by the
    /// rules of ANSI store assignment; columns not given are NULL.
    private func assigned(_ plan: LogicalPlan, to target: StructType, _ insert: Insert) throws -> LogicalPlan {
        let fields = plan.fields
        var constants: [String: Expression] = [:]
        for (name, value) in insert.partition {
            guard let value else { continue }
            constants[try Self.column(name, of: target).lowercased()] = try analyzer().analyze(value, over: StructType([]))
        }
        var sources: [String: Int] = [:]
        if insert.byName {
            for (index, field) in fields.enumerated() { sources[try Self.column(field.name, of: target).lowercased()] = index }
        } else {
            let names = insert.columns.isEmpty
                ? target.fields.map(\.name).filter { constants[$0.lowercased()] == nil }
                : try insert.columns.map { try Self.column($0, of: target) }
            guard names.count == fields.count else {
                throw SparkError(
                    condition: names.count > fields.count
                        ? "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS" : "INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS",
                    sqlState: "21S01",
                    message: "Cannot write to \(quotedName(insert.table)), the reason is \(names.count > fields.count ? "not enough" : "too many") data columns: "
                        + "Table columns: \(names.map { "`\($0)`" }.joined(separator: ", ")). Data columns: \(fields.map { "`\($0.name)`" }.joined(separator: ", ")).")
            }
            for (index, name) in names.enumerated() { sources[name.lowercased()] = index }
        }
        return .project(
            try target.fields.map { field in
                let value: Expression
                if let constant = constants[field.name.lowercased()] {
                    value = constant
                } else if let index = sources[field.name.lowercased()] {
                    value = .column(index: index, fields[index].dataType, nullable: fields[index].nullable)
                } else {
                    return NamedExpression(field.name, .null(field.dataType))
                }
                return NamedExpression(field.name, try Self.stored(value, as: field, of: insert.table))
            }, plan)
    }

    package static func stored(_ value: Expression, as field: StructField, of table: [String]) throws -> Expression {
        guard Coercion.storable(value.dataType, field.dataType) || value.isLiteral && Coercion.explicitlyCastable(value.dataType, field.dataType) else {
            throw SparkError(
                condition: "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", sqlState: "KD000",
                message: "Cannot write incompatible data for the table \(quotedName(table)): Cannot safely cast `\(field.name)` \"\(value.dataType.sql)\" to \"\(field.dataType.sql)\".")
        }
        return Coercion.cast(value, field.dataType)
    }

    // MARK: - DataFrame writes

    /// Writes a query's rows with a format; the identity is the program's next write, or the one named.
    package func write(
        _ plan: UnresolvedPlan, format name: String, transactionName: String?,
        _ prepare: (inout WriteRequest) throws -> Void
    ) throws -> WriteResult {
        let transaction = nextTransaction(named: transactionName)
        let analyzed = try analyze(plan)
        var request = WriteRequest(path: "", schema: analyzed.schema, mode: .errorIfExists)
        request.transaction = transaction
        try prepare(&request)
        request.partitionColumns = try request.partitionColumns.map { try Self.column($0, of: request.schema) }
        try Self.checkNames(request.schema)
        try Self.checkTypes(request.schema)
        let final = request
        return try onLargeStack { [self] in
            defer { metrics.flush() }
            let sink = try format(name).sink(final, context: sourceContext)
            return try executor().write(try physical(analyzed), to: sink)
        }
    }

    /// A condition written as SQL text, over named columns, constants folded.
    package func condition(_ text: String, over schema: StructType) throws -> Expression {
        try onLargeStack { [self] in
            try folded(try analyzer().analyze(try SQLParser.parseExpression(text), over: schema))
        }
    }

    package func runInsert(_ insert: Insert) throws -> WriteResult {
        try onLargeStack { [self] in
            defer { metrics.flush() }
            return try self.insert(insert).write ?? WriteResult(version: nil, rows: 0, files: 0, bytes: 0)
        }
    }

    /// `saveAsTable`: a new table, or more rows (by name) for an existing one, or its replacement.
    package func saveAsTable(
        _ plan: UnresolvedPlan, name: [String], format: String, mode: SaveMode, partitionColumns: [String],
        options: [String: String]
    ) throws -> WriteResult {
        try onLargeStack { [self] in
            defer { metrics.flush() }
            let (database, table) = try tableName(name)
            let transactionName = FormatOptions(options)["txnName"]
            if mode == .append, try catalog.table(table, in: database) != nil {
                var insert = Insert(table: name, query: plan)
                insert.byName = true
                return try self.insert(insert, transactionName: transactionName).write
                    ?? WriteResult(version: nil, rows: 0, files: 0, bytes: 0)
            }
            var create = CreateTable(name: name)
            create.provider = format
            create.partitionColumns = partitionColumns
            create.options = options.filter { !["txnname", "path"].contains($0.key.lowercased()) }
            create.replace = mode == .overwrite
            create.ifNotExists = mode == .ignore
            create.location = options.first { $0.key.lowercased() == "path" }?.value
            create.query = plan
            return try createTable(create, transactionName: transactionName).write
                ?? WriteResult(version: nil, rows: 0, files: 0, bytes: 0)
        }
    }
}
