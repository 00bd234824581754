import Columnar
import SparkPlan

extension SQLParser {
    mutating func statement() throws -> Statement {
        if isSymbol("(") { return .query(try query()) }
        guard current.kind == .word else { throw syntaxError(expected: "a statement") }
        switch current.keyword {
        case "SELECT", "WITH", "VALUES", "TABLE": return try queryOrInsert()
        case "FROM": throw unsupported("queries that begin with FROM")
        case "EXPLAIN":
            advance()
            let extended = take("EXTENDED") || take("FORMATTED")
            _ = take("COST") || take("CODEGEN")
            return .explain(try query(), extended: extended)
        case "CREATE": return try create()
        case "REPLACE":
            if isKeyword("TABLE", ahead: 1) {
                advance()
                advance()
                return try createTable(replace: true)
            }
            throw unsupported("REPLACE")
        case "INSERT": return try insert()
        case "DROP": return try drop()
        case "SHOW": return try show()
        case "DESCRIBE", "DESC": return try describe()
        case "SET": return try set()
        case "RESET":
            advance()
            return .reset(key: current.kind == .end ? nil : try settingKey())
        case "USE":
            advance()
            _ = take("DATABASE") || take("SCHEMA") || take("NAMESPACE")
            return .use(try multipartName())
        case "DECLARE": return try declare()
        case "ANALYZE": return try analyze()
        case "REFRESH", "CACHE", "UNCACHE", "CLEAR": return try withoutEffect()
        default:
            let known: Set<String> = [
                "MERGE", "UPDATE", "DELETE", "ALTER", "TRUNCATE", "OPTIMIZE", "VACUUM", "RESTORE", "COMMENT", "MSCK", "LOAD",
                "ADD", "GRANT", "REVOKE", "LOCK", "UNLOCK", "CALL", "COPY", "CONVERT", "EXECUTE", "BEGIN", "START",
                "COMMIT", "ROLLBACK", "EXPORT", "IMPORT", "LIST", "REORG", "GENERATE", "FSCK", "REPAIR", "UNDROP",
            ]
            if known.contains(current.keyword) { throw unsupported("the statement \(current.keyword)") }
            throw syntaxError(expected: "a statement")
        }
    }

    private mutating func queryOrInsert() throws -> Statement {
        .query(try query())
    }

    private mutating func withoutEffect() throws -> Statement {
        let word = current.keyword
        if word == "CACHE", isKeyword("TABLE", ahead: 1) || isKeyword("LAZY", ahead: 1) {
            if tokens.contains(where: { $0.kind == .word && $0.keyword == "SELECT" }) {
                throw unsupported("CACHE TABLE ... AS SELECT")
            }
        } else if word == "REFRESH", isKeyword("FUNCTION", ahead: 1) {
            throw unsupported("the statement \(word)")
        }
        while current.kind != .end, !isSymbol(";") { advance() }
        return .noEffect(word)
    }

    private mutating func analyze() throws -> Statement {
        advance()
        guard take("TABLE") else { throw unsupported("ANALYZE \(current.keyword)") }
        let name = try multipartName()
        guard !isKeyword("PARTITION") else { throw unsupported("ANALYZE TABLE … PARTITION") }
        guard take("COMPUTE", "STATISTICS") else { throw syntaxError(expected: "COMPUTE STATISTICS") }
        guard !isKeyword("FOR") else { throw unsupported("ANALYZE TABLE … FOR COLUMNS") }
        guard !isKeyword("NOSCAN") else { throw unsupported("ANALYZE TABLE … NOSCAN") }
        return .analyzeTable(name: name)
    }

    private mutating func ifNotExists() -> Bool { take("IF", "NOT", "EXISTS") }
    private mutating func ifExists() -> Bool { take("IF", "EXISTS") }

    private mutating func create() throws -> Statement {
        advance()
        let replace = take("OR", "REPLACE")
        if take("EXTERNAL") { throw unsupported("CREATE EXTERNAL TABLE; name a LOCATION instead") }
        if take("TABLE") { return try createTable(replace: replace) }
        let global = take("GLOBAL")
        if take("TEMPORARY") || take("TEMP") {
            if global { throw unsupported("global temporary views") }
            if isKeyword("FUNCTION") { throw unsupported("user-defined functions") }
            try expect("VIEW")
            return try createTemporaryView(replace: replace)
        }
        if isKeyword("VIEW") { throw unsupported("persistent views; use CREATE TEMPORARY VIEW") }
        if take("DATABASE") || take("SCHEMA") || take("NAMESPACE") {
            let exists = ifNotExists()
            let name = try multipartName()
            var location: String?
            var comment: String?
            var properties: [String: String] = [:]
            while true {
                if take("LOCATION") {
                    location = try stringLiteral()
                } else if take("COMMENT") {
                    comment = try stringLiteral()
                } else if take("WITH") {
                    if !take("DBPROPERTIES") { try expect("PROPERTIES") }
                    properties = try propertyList()
                } else {
                    break
                }
            }
            return .createDatabase(
                name: name, ifNotExists: exists, location: location, comment: comment, properties: properties)
        }
        if isKeyword("FUNCTION") { throw unsupported("user-defined functions") }
        throw syntaxError(expected: "TABLE, TEMPORARY VIEW or DATABASE")
    }

    private mutating func createTable(replace: Bool) throws -> Statement {
        let exists = ifNotExists()
        var table = CreateTable(name: try multipartName())
        table.replace = replace
        table.ifNotExists = exists
        if isKeyword("LIKE") { throw unsupported("CREATE TABLE LIKE") }
        if isSymbol("("), !startsQueryHere() { table.columns = try parenthesized { try $0.columnDefinitions() } }
        while true {
            if take("USING") {
                table.provider = try multipartName().joined(separator: ".").lowercased()
            } else if take("PARTITIONED", "BY") {
                table.partitionColumns = try parenthesized { parser in
                    try parser.commaSeparated { parser in
                        let name = try parser.identifier()
                        if parser.isSymbol("(") { throw parser.unsupported("partition transforms") }
                        guard parser.current.kind == .word else { return name }
                        throw parser.unsupported("types in PARTITIONED BY; declare the column with the others")
                    }
                }
            } else if take("CLUSTERED", "BY") || take("CLUSTER", "BY") {
                throw unsupported("CLUSTERED BY and CLUSTER BY")
            } else if take("LOCATION") {
                table.location = try stringLiteral()
            } else if take("COMMENT") {
                table.comment = try stringLiteral()
            } else if take("TBLPROPERTIES") {
                table.properties = try propertyList()
            } else if take("OPTIONS") {
                table.options = try propertyList()
            } else if isKeyword("STORED") || isKeyword("ROW") {
                throw unsupported("Hive table clauses; use USING")
            } else {
                break
            }
        }
        if take("AS") || startsQueryHere() { table.query = try query() }
        return .createTable(table)
    }

    private func startsQueryHere() -> Bool {
        var ahead = 0
        while isSymbol("(", ahead: ahead) { ahead += 1 }
        return isKeyword("SELECT", ahead: ahead) || isKeyword("WITH", ahead: ahead) || isKeyword("VALUES", ahead: ahead)
    }

    private mutating func createTemporaryView(replace: Bool) throws -> Statement {
        let exists = ifNotExists()
        if exists { throw unsupported("IF NOT EXISTS for temporary views") }
        let name = try identifier("a view name")
        if isSymbol(".") {
            throw error("TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS", "CREATE TEMPORARY VIEW cannot name a database.")
        }
        var schema: StructType?
        var names: [String] = []
        if isSymbol("(") {
            let start = index
            // Either a schema (for USING) or plain names (for AS).
            if let fields = try? parenthesized({ try $0.columnDefinitions() }) {
                schema = StructType(fields)
            } else {
                index = start
                names = try parenthesized { parser in
                    try parser.commaSeparated { parser in
                        let name = try parser.identifier()
                        if parser.take("COMMENT") { _ = try parser.stringLiteral() }
                        return name
                    }
                }
            }
        }
        if take("COMMENT") { _ = try stringLiteral() }
        if take("USING") {
            let format = try multipartName().joined(separator: ".").lowercased()
            let options = take("OPTIONS") ? try propertyList() : [:]
            return .createTemporaryViewUsing(name: name, replace: replace, schema: schema, format: format, options: options)
        }
        if take("TBLPROPERTIES") { _ = try propertyList() }
        try expect("AS")
        if schema != nil { throw syntaxError(expected: "column names without types before AS") }
        var plan = try query()
        if !names.isEmpty { plan = .alias(plan, name: name, columns: names) }
        return .createTemporaryView(name: name, replace: replace, query: plan)
    }

    private mutating func insert() throws -> Statement {
        advance()
        let overwrite: Bool
        if take("OVERWRITE") {
            overwrite = true
        } else {
            try expect("INTO")
            overwrite = false
        }
        if isKeyword("DIRECTORY") || isKeyword("LOCAL") { throw unsupported("INSERT OVERWRITE DIRECTORY") }
        _ = take("TABLE")
        var insert = Insert(table: try multipartName(), query: .oneRow)
        insert.overwrite = overwrite
        if take("PARTITION") {
            insert.partition = try parenthesized { parser in
                try parser.commaSeparated { parser in
                    let name = try parser.identifier()
                    return (name, parser.take(symbol: "=") ? try parser.expression() : nil)
                }
            }
            if ifNotExists() { throw unsupported("INSERT ... IF NOT EXISTS") }
        }
        if take("BY", "NAME") {
            insert.byName = true
        } else if isSymbol("("), !startsQueryHere() {
            insert.columns = try parenthesized { try $0.commaSeparated { try $0.identifier() } }
        }
        if take("REPLACE", "WHERE") {
            insert.replaceWhere = try expression()
            insert.overwrite = true
        }
        insert.query = try query()
        return .insert(insert)
    }

    private mutating func drop() throws -> Statement {
        advance()
        if take("TABLE") {
            let exists = ifExists()
            let name = try multipartName()
            return .dropTable(name: name, ifExists: exists, purge: take("PURGE"))
        }
        if take("VIEW") {
            let exists = ifExists()
            return .dropView(name: try multipartName(), ifExists: exists)
        }
        if take("DATABASE") || take("SCHEMA") || take("NAMESPACE") {
            let exists = ifExists()
            let name = try multipartName()
            let cascade = take("CASCADE")
            if !cascade { _ = take("RESTRICT") }
            return .dropDatabase(name: name, ifExists: exists, cascade: cascade)
        }
        throw unsupported("DROP \(current.keyword)")
    }

    private mutating func show() throws -> Statement {
        advance()
        if take("TABLES") {
            var database: [String]?
            if take("IN") || take("FROM") { database = try multipartName() }
            return .showTables(database: database, pattern: try pattern())
        }
        if take("DATABASES") || take("SCHEMAS") || take("NAMESPACES") { return .showDatabases(pattern: try pattern()) }
        throw unsupported("SHOW \(current.keyword)")
    }

    private mutating func pattern() throws -> String? {
        if take("LIKE") || current.kind == .string { return try stringLiteral() }
        return nil
    }

    private mutating func describe() throws -> Statement {
        advance()
        if take("HISTORY") {
            if current.kind == .string { return .describeHistory(.read(format: "delta", paths: [try stringLiteral()], schema: nil, options: [:])) }
            let position = current.position
            return .describeHistory(.table(try multipartName(), options: [:], position))
        }
        if take("QUERY") { return .describeQuery(try query()) }
        if startsQueryHere() { return .describeQuery(try query()) }
        if isKeyword("DETAIL") || isKeyword("DATABASE") || isKeyword("SCHEMA") || isKeyword("FUNCTION") {
            throw unsupported("DESCRIBE \(current.keyword)")
        }
        _ = take("TABLE")
        let extended = take("EXTENDED") || take("FORMATTED")
        return .describeTable(name: try multipartName(), extended: extended)
    }

    /// `SET key = value` takes the rest of the statement as it is written.
    private mutating func set() throws -> Statement {
        advance()
        if current.kind == .end || isSymbol(";") { return .set(key: nil, value: nil) }
        if take("TIME", "ZONE") {
            return .set(key: "spark.sql.session.timeZone", value: take("LOCAL") ? "UTC" : try stringLiteral())
        }
        if isKeyword("ROLE") { throw unsupported("SET ROLE") }
        if take("VAR") || take("VARIABLE") {
            let name = try identifier("a variable")
            try expect(symbol: "=")
            _ = take("DEFAULT")
            return .declareVariable(name: name, value: try expression(), replace: true)
        }
        let key = try settingKey()
        guard take(symbol: "=") else {
            if current.kind == .end || isSymbol(";") { return .set(key: key, value: nil) }
            throw syntaxError(expected: "'='")
        }
        let start = current.start
        var end = start
        while current.kind != .end, !isSymbol(";") {
            end = current.end
            advance()
        }
        var value = String(decoding: Array(text.utf8)[start..<end], as: UTF8.self)
        if value.utf8.count >= 2, let quote = value.utf8.first, quote == 39 || quote == 34 || quote == 96, value.utf8.last == quote {
            value = String(value.dropFirst().dropLast())
        }
        return .set(key: key, value: value)
    }

    private mutating func settingKey() throws -> String {
        var key = try identifier("a configuration key")
        while isSymbol(".") || isSymbol("-") || isSymbol(":") {
            key += current.text
            advance()
            key += try identifier()
        }
        return key
    }

    private mutating func declare() throws -> Statement {
        advance()
        let replace = take("OR", "REPLACE")
        _ = take("VARIABLE") || take("VAR")
        let name = try identifier("a variable")
        var type: DataType?
        if current.kind == .word, !isKeyword("DEFAULT") { type = try dataType() }
        var value = UnresolvedExpression.literal(.null, .null)
        if take("DEFAULT") || take(symbol: "=") { value = try expression() }
        if let type { value = .cast(value, type, .ansi) }
        return .declareVariable(name: name, value: value, replace: replace)
    }
}
