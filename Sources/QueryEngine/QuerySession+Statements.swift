import Columnar
import Execution
import JSONModel
import SparkPlan
import Synchronization

extension QuerySession {
    func run(_ statement: Statement) throws -> StatementOutcome {
        switch statement {
        case .query(let plan):
            let analyzed = try analyzer().analyze(plan)
            return StatementOutcome(schema: analyzed.schema, batches: try executor().collect(try physical(analyzed)))
        case .explain(let plan, _):
            let text = "== Physical Plan ==\n" + (try physical(try analyzer().analyze(plan))).text + "\n"
            return try table([("plan", .string)], [[.string(text)]])
        case .createTable(let create): return try createTable(create)
        case .createTemporaryView(let name, let replace, let plan):
            if plan.reads(name), view(name) != nil {
                throw SparkError(
                    condition: "RECURSIVE_VIEW", sqlState: "42K0H",
                    message: "Recursive view `\(name)` detected (cycle: `\(name)` -> `\(name)`).")
            }
            let inlined = inlined(plan)
            _ = try analyzer().analyze(inlined)
            try createTemporaryView(name, inlined, replace: replace)
            return StatementOutcome()
        case .createTemporaryViewUsing(let name, let replace, let schema, let format, let options):
            guard let path = options.first(where: { $0.key.lowercased() == "path" })?.value else {
                throw SparkError(
                    condition: "UNSPECIFIED_PATH", sqlState: "42K03", message: "The option 'path' is needed for the view `\(name)` USING \(format).")
            }
            let plan = UnresolvedPlan.read(format: format, paths: [path], schema: schema, options: options)
            _ = try analyzer().analyze(plan)
            try createTemporaryView(name, plan, replace: replace)
            return StatementOutcome()
        case .createDatabase(let name, let ifNotExists, let location, let comment, let properties):
            let database = try databaseName(name)
            if ifNotExists, try catalog.database(database) != nil { return StatementOutcome() }
            do {
                try catalog.createDatabase(
                    CatalogDatabase(name: database, location: location, comment: comment, properties: properties))
            } catch let error as SparkError where ifNotExists && error.condition == "SCHEMA_ALREADY_EXISTS" {
                // Another session was faster.
            }
            return StatementOutcome()
        case .dropDatabase(let name, let ifExists, let cascade):
            let database = try databaseName(name)
            if ifExists, try catalog.database(database) == nil { return StatementOutcome() }
            try catalog.dropDatabase(database, cascade: cascade)
            return StatementOutcome()
        case .insert(let insert): return try self.insert(insert)
        case .dropTable(let name, let ifExists, _):
            if name.count == 1, dropTemporaryView(name[0]) { return StatementOutcome() }
            let (database, table) = try tableName(name)
            guard try catalog.table(table, in: database) != nil else {
                if ifExists { return StatementOutcome() }
                throw SparkError.tableNotFound(name)
            }
            try catalog.dropTable(table, in: database)
            return StatementOutcome()
        case .dropView(let name, let ifExists):
            guard name.count == 1, dropTemporaryView(name[0]) else {
                if ifExists { return StatementOutcome() }
                throw SparkError.tableNotFound(name)
            }
            return StatementOutcome()
        case .use(let name):
            let database = try databaseName(name)
            guard try catalog.database(database) != nil else { throw SparkError.schemaNotFound(database) }
            state.withLock { $0.database = database }
            return StatementOutcome()
        case .showTables(let name, let pattern): return try showTables(name, pattern)
        case .showDatabases(let pattern):
            let names = try catalog.databases().filter { Self.matches($0, pattern) }
            return try table([("namespace", .string)], names.map { [.string($0)] })
        case .describeTable(let name, _): return try describe(name)
        case .describeQuery(let plan): return try columns(try analyzer().analyze(plan).schema)
        case .describeHistory(let plan): return try history(plan)
        case .analyzeTable(let name): return try analyzeTable(name)
        case .set(let key, let value): return try set(key: key, value: value)
        case .reset(let key):
            state.withLock { state in
                if let key { state.configuration.reset(key) } else { state.configuration.resetAll() }
            }
            return StatementOutcome()
        case .declareVariable(let name, let value, _):
            let resolved = try analyzer().analyze(value, over: StructType([]))
            let constant = Expression.literal(try ExpressionEvaluator(resolved).constant(), resolved.dataType)
            state.withLock { $0.sqlVariables[name.lowercased()] = constant }
            return StatementOutcome()
        case .noEffect: return StatementOutcome()
        }
    }

    // MARK: - Small results

    func table(_ fields: [(String, DataType)], _ rows: [[Scalar]]) throws -> StatementOutcome {
        let schema = StructType(fields.map { StructField($0.0, $0.1) })
        return StatementOutcome(
            schema: schema, batches: rows.isEmpty ? [] : [try Batch(schema: schema, rows: rows)])
    }

    private func databaseName(_ parts: [String]) throws -> String {
        if parts.count == 1 { return parts[0] }
        if parts.count == 2, parts[0].lowercased() == "spark_catalog" { return parts[1] }
        throw SparkError(
            condition: "REQUIRES_SINGLE_PART_NAMESPACE", sqlState: "42K05",
            message: "spark_catalog requires a single-part namespace, but got \(quotedName(parts)).")
    }

    /// SHOW's patterns: `*` for anything, `|` between alternatives, letter case ignored.
    private static func matches(_ name: String, _ pattern: String?) -> Bool {
        guard let pattern else { return true }
        return pattern.lowercased().split(separator: "|").contains { Glob(String($0)).matches(name.lowercased()) }
    }

    private func showTables(_ parts: [String]?, _ pattern: String?) throws -> StatementOutcome {
        let database = try parts.map { try databaseName($0) } ?? currentDatabase
        guard try catalog.database(database) != nil else { throw SparkError.schemaNotFound(database) }
        var rows: [[Scalar]] = try catalog.tables(in: database).filter { Self.matches($0, pattern) }
            .map { [.string(database), .string($0), .bool(false)] }
        let views = state.withLock { $0.views.keys.sorted() }
        rows += views.filter { Self.matches($0, pattern) }.map { [.string(""), .string($0), .bool(true)] }
        return try table([("namespace", .string), ("tableName", .string), ("isTemporary", .boolean)], rows)
    }

    private func columns(_ schema: StructType, partitions: [String] = []) throws -> StatementOutcome {
        func row(_ field: StructField) -> [Scalar] {
            let comment = field.metadata["comment"]?.string
            return [.string(field.name), .string(field.dataType.simpleString), comment.map { .string($0) } ?? .null]
        }
        var rows = schema.fields.map(row)
        if !partitions.isEmpty {
            rows.append([.string("# Partition Information"), .string(""), .string("")])
            rows.append([.string("# col_name"), .string("data_type"), .string("comment")])
            rows += partitions.compactMap { name in schema.index(of: name).map { row(schema.fields[$0]) } }
        }
        return try table([("col_name", .string), ("data_type", .string), ("comment", .string)], rows)
    }

    private func describe(_ name: [String]) throws -> StatementOutcome {
        if name.count == 1, let view = view(name[0]) { return try columns(try analyzer().analyze(view).schema) }
        let (database, table) = try tableName(name)
        guard let entry = try catalog.table(table, in: database) else {
            return try columns(try analyzer().analyze(.table(name, options: [:], nil)).schema)
        }
        return try columns(try source(of: entry).schema, partitions: entry.partitionColumns)
    }

    /// Counts the table's rows and bytes and keeps both in the catalog under the names that Spark gives them.
    private func analyzeTable(_ name: [String]) throws -> StatementOutcome {
        let (database, table) = try tableName(name)
        guard let entry = try catalog.table(table, in: database) else { throw SparkError.tableNotFound(name) }
        let tasks = try source(of: entry).scan(ScanRequest(columns: []))
        guard case .int64(let rows)? = try execute("SELECT count(*) FROM \(quotedName(name))").rows.first?.first else {
            throw SparkError.internal("count(*) of \(name.joined(separator: ".")) gave no number")
        }
        try catalog.setProperties(
            [
                "spark.sql.statistics.numRows": String(rows),
                "spark.sql.statistics.totalSize": String(tasks.reduce(Int64(0)) { $0 &+ $1.estimatedBytes }),
            ], ofTable: table, in: database)
        return StatementOutcome()
    }

    private func history(_ plan: UnresolvedPlan) throws -> StatementOutcome {
        var found: (format: String, path: String)?
        switch plan {
        case .read(let format, let paths, _, _): found = paths.first.map { (format, $0) }
        case .table(let name, _, let position):
            found = filesName(name)
            if found == nil {
                let (database, table) = try tableName(name)
                guard let entry = try catalog.table(table, in: database) else { throw SparkError.tableNotFound(name, position) }
                found = entry.location.map { (entry.provider, $0) }
            }
        default: break
        }
        guard let found else { throw SparkError.unsupported("DESCRIBE HISTORY of something other than a table") }
        let (schema, rows) = try format(found.format).history(path: found.path, context: sourceContext)
        return StatementOutcome(schema: schema, batches: rows.isEmpty ? [] : [try Batch(schema: schema, rows: rows)])
    }

    private func set(key: String?, value: String?) throws -> StatementOutcome {
        let shape: [(String, DataType)] = [("key", .string), ("value", .string)]
        guard let key else {
            return try table(shape, configuration.all.map { [.string($0.key), .string($0.value)] })
        }
        guard let value else { return try table(shape, [[.string(key), .string(configuration[key] ?? "<undefined>")]]) }
        try set(key, value)
        // As with Spark's own substitution, a setting can be read back as `${key}`.
        setVariable(key, value)
        return try table(shape, [[.string(key), .string(value)]])
    }
}
