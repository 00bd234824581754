import Columnar
import SparkPlan

extension SQLParser {
    /// [WITH ...] set operations [ORDER BY] [LIMIT] [OFFSET].
    mutating func query() throws -> UnresolvedPlan { try nested { try $0.queryBody() } }

    private mutating func queryBody() throws -> UnresolvedPlan {
        guard take("WITH") else { return try organized() }
        if isKeyword("RECURSIVE") { throw unsupported("recursive common table expressions") }
        let definitions = try commaSeparated { parser in
            let name = try parser.identifier("a name")
            let columns = parser.isSymbol("(")
                ? try parser.parenthesized { try $0.commaSeparated { try $0.identifier() } } : []
            _ = parser.take("AS")
            let plan = try parser.parenthesized { try $0.query() }
            return CommonTableExpression(name: name, columns: columns, plan: plan)
        }
        return .with(definitions, try organized())
    }

    private mutating func organized() throws -> UnresolvedPlan {
        var plan = try setOperations()
        if take("ORDER", "BY") {
            let orders = try commaSeparated { try $0.sortOrder() }
            if case .select(var select) = plan, select.order.isEmpty {
                select.order = orders
                plan = .select(select)
            } else {
                plan = .sort(orders, plan)
            }
        } else if isKeyword("SORT"), isKeyword("BY", ahead: 1) {
            throw unsupported("SORT BY")
        } else if isKeyword("CLUSTER"), isKeyword("BY", ahead: 1) {
            throw unsupported("CLUSTER BY")
        } else if isKeyword("DISTRIBUTE"), isKeyword("BY", ahead: 1) {
            throw unsupported("DISTRIBUTE BY")
        }
        var count: UnresolvedExpression?
        var offset: UnresolvedExpression?
        if take("LIMIT"), !take("ALL") { count = try expression() }
        if take("OFFSET") { offset = try expression() }
        if count != nil || offset != nil { plan = .limit(count, offset: offset, plan) }
        return plan
    }

    private mutating func setOperations() throws -> UnresolvedPlan {
        var left = try intersections()
        while true {
            let operation: SetOperation
            if take("UNION") {
                operation = .union
            } else if take("EXCEPT") || take("MINUS") {
                operation = .except
            } else {
                return left
            }
            left = try setOperation(operation, left, try setQuantifier()) { try $0.intersections() }
        }
    }

    private mutating func intersections() throws -> UnresolvedPlan {
        var left = try queryTerm()
        while take("INTERSECT") {
            left = try setOperation(.intersect, left, try setQuantifier()) { try $0.queryTerm() }
        }
        return left
    }

    private mutating func setQuantifier() throws -> Bool {
        if take("ALL") { return true }
        _ = take("DISTINCT")
        return false
    }

    private mutating func setOperation(
        _ operation: SetOperation, _ left: UnresolvedPlan, _ all: Bool,
        right: (inout SQLParser) throws -> UnresolvedPlan
    ) throws -> UnresolvedPlan {
        let byName = take("BY", "NAME")
        let other = try right(&self)
        if operation == .union, case .setOperation(.union, all, byName, let inputs) = left {
            return .setOperation(.union, all: all, byName: byName, inputs + [other])
        }
        return .setOperation(operation, all: all, byName: byName, [left, other])
    }

    private mutating func queryTerm() throws -> UnresolvedPlan {
        if isSymbol("(") { return try parenthesized { try $0.query() } }
        if take("TABLE") { return .table(try multipartName(), options: [:], current.position) }
        if isKeyword("VALUES") { return try aliased(try values(), required: false) }
        if isKeyword("FROM") { throw unsupported("queries that begin with FROM") }
        return try select()
    }

    mutating func values() throws -> UnresolvedPlan {
        try expect("VALUES")
        let rows = try commaSeparated { parser -> [UnresolvedExpression] in
            guard parser.isSymbol("(") else { return [try parser.expression()] }
            let start = parser.index
            let row = try parser.parenthesized { try $0.commaSeparated { try $0.expression() } }
            // `VALUES (1) + 2` and the like: an expression after all.
            if parser.current.kind == .symbol, ["+", "-", "*", "/", "%", "||", "::", "["].contains(parser.current.text) {
                parser.index = start
                return [try parser.expression()]
            }
            return row
        }
        for row in rows where row.count != rows[0].count {
            throw SparkError(
                condition: "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", sqlState: "42000",
                message: "Invalid inline table. Inline table expected \(rows[0].count) columns but found \(row.count) columns in a row.")
        }
        return .values(rows, names: (1...max(rows[0].count, 1)).map { "col\($0)" })
    }

    private mutating func select() throws -> UnresolvedPlan {
        try expect("SELECT")
        if isKeyword("TRANSFORM"), isSymbol("(", ahead: 1) { throw unsupported("TRANSFORM") }
        var select = UnresolvedSelect([], from: .oneRow)
        if take("DISTINCT") { select.distinct = true } else { _ = take("ALL") }
        let outputsStart = index
        // Named windows may be used before they are defined: read the list again once they are known.
        let outer = namedWindows
        defer { namedWindows = outer }
        namedWindows = try windowsAhead() ?? namedWindows
        index = outputsStart
        select.outputs = try commaSeparated { try $0.namedExpression() }
        if take("FROM") { select.input = try fromClause() }
        if isKeyword("LATERAL"), isKeyword("VIEW", ahead: 1) { throw unsupported("LATERAL VIEW") }
        if isKeyword("PIVOT") || isKeyword("UNPIVOT") { throw unsupported(current.keyword) }
        if take("WHERE") { select.condition = try expression() }
        if take("GROUP", "BY") { try groupBy(&select) }
        if take("HAVING") { select.having = try expression() }
        if take("WINDOW") {
            _ = try commaSeparated { parser in
                _ = try parser.identifier()
                try parser.expect("AS")
                return try parser.windowSpecification()
            }
        }
        return .select(select)
    }

    /// Reads the WINDOW clause of the block that starts here, if it has one at its own nesting level.
    private mutating func windowsAhead() throws -> [String: UnresolvedWindow]? {
        var level = 0
        var position = index
        while position < tokens.count - 1 {
            let token = tokens[position]
            if token.kind == .symbol {
                if token.text == "(" { level += 1 }
                if token.text == ")" { level -= 1 }
                if level < 0 || token.text == ";" { return nil }
            }
            if level == 0, token.kind == .word, ["UNION", "INTERSECT", "MINUS"].contains(token.keyword) { return nil }
            if level == 0, token.kind == .word, token.keyword == "WINDOW", tokens[position + 1].kind == .word,
                position + 2 < tokens.count, tokens[position + 2].keyword == "AS"
            {
                index = position + 1
                var windows = namedWindows
                _ = try commaSeparated { parser in
                    let name = try parser.identifier()
                    try parser.expect("AS")
                    windows[name.lowercased()] = try parser.windowSpecification()
                }
                return windows
            }
            position += 1
        }
        return nil
    }

    private mutating func groupBy(_ select: inout UnresolvedSelect) throws {
        if isKeyword("ALL"), !isSymbol("(", ahead: 1), !isSymbol(".", ahead: 1), !isSymbol(",", ahead: 1) {
            advance()
            select.groupingAll = true
            select.grouping = []
            return
        }
        if isKeyword("GROUPING"), isKeyword("SETS", ahead: 1) { throw unsupported("GROUPING SETS") }
        if isKeyword("ROLLUP") || isKeyword("CUBE"), isSymbol("(", ahead: 1) { throw unsupported(current.keyword) }
        select.grouping = try commaSeparated { try $0.expression() }
        if isKeyword("WITH"), isKeyword("ROLLUP", ahead: 1) || isKeyword("CUBE", ahead: 1) {
            throw unsupported("WITH \(peek(1).keyword)")
        }
        if isKeyword("GROUPING"), isKeyword("SETS", ahead: 1) { throw unsupported("GROUPING SETS") }
    }

    // MARK: - FROM

    private mutating func fromClause() throws -> UnresolvedPlan {
        var plan = try joins()
        while take(symbol: ",") {
            plan = .join(UnresolvedJoin(.cross, plan, try joins(), .none))
        }
        return plan
    }

    private mutating func joins() throws -> UnresolvedPlan {
        var left = try nested { try $0.relationPrimary() }
        var count = 0
        while true {
            let natural = take("NATURAL")
            let type: JoinType
            var explicit = true
            if take("CROSS") {
                type = .cross
            } else if take("INNER") {
                type = .inner
            } else if take("LEFT", "SEMI") || (isKeyword("SEMI") && take("SEMI")) {
                type = .leftSemi
            } else if take("LEFT", "ANTI") || (isKeyword("ANTI") && take("ANTI")) {
                type = .leftAnti
            } else if take("LEFT") {
                _ = take("OUTER")
                type = .leftOuter
            } else if take("RIGHT") {
                _ = take("OUTER")
                type = .rightOuter
            } else if take("FULL") {
                _ = take("OUTER")
                type = .fullOuter
            } else {
                explicit = false
                type = .inner
            }
            guard isKeyword("JOIN") else {
                if explicit || natural { throw syntaxError(expected: "JOIN") }
                return left
            }
            advance()
            count += 1
            guard count <= 200 else { throw error("FAILED_TO_PARSE_TOO_COMPLEX", "More than 200 joins.") }
            if isKeyword("LATERAL") { throw unsupported("LATERAL joins") }
            let right = try nested { try $0.relationPrimary() }
            var condition = UnresolvedJoin.Condition.none
            if natural {
                condition = .natural
            } else if take("ON") {
                condition = .on(try expression())
            } else if take("USING") {
                condition = .using(try parenthesized { try $0.commaSeparated { try $0.identifier() } })
            }
            left = .join(UnresolvedJoin(type, left, right, condition))
        }
    }

    private mutating func relationPrimary() throws -> UnresolvedPlan {
        if isKeyword("LATERAL") { throw unsupported("LATERAL") }
        if isKeyword("VALUES") { return try aliased(try values(), required: false) }
        if isSymbol("(") {
            let plan: UnresolvedPlan
            if startsQuery(ahead: 1) {
                plan = try parenthesized { try $0.query() }
            } else {
                plan = try parenthesized { try $0.fromClause() }
            }
            return try aliased(plan, required: false)
        }
        let position = current.position
        if current.kind == .string { throw syntaxError(expected: "a table") }
        if current.kind == .word, isSymbol("(", ahead: 1) {
            return try aliased(try tableFunction(), required: false)
        }
        if current.kind == .word, Self.notExpressions.contains(current.keyword) { throw syntaxError(expected: "a table") }
        let name = try multipartName()
        var plan = UnresolvedPlan.table(name, options: [:], position)
        if isKeyword("TABLESAMPLE") { throw unsupported("TABLESAMPLE") }
        if let version = try timeTravel() { plan = .table(name, options: version, position) }
        if isKeyword("WITH"), isSymbol("(", ahead: 1) {
            advance()
            plan = .table(name, options: try propertyList(), position)
        }
        return try aliased(plan, required: false)
    }

    /// `VERSION AS OF 3`, `TIMESTAMP AS OF '2024-01-01'`, as reader options.
    private mutating func timeTravel() throws -> [String: String]? {
        _ = isKeyword("FOR") && (isKeyword("VERSION", ahead: 1) || isKeyword("TIMESTAMP", ahead: 1)) && take("FOR")
        for (word, option) in [("VERSION", "versionAsOf"), ("TIMESTAMP", "timestampAsOf")]
        where isKeyword(word) && isKeyword("AS", ahead: 1) && isKeyword("OF", ahead: 2) {
            advance()
            advance()
            advance()
            return [option: try propertyValue()]
        }
        return nil
    }

    /// Whether a parenthesis `ahead` opens a query rather than a join, looking through further parentheses.
    private func startsQuery(ahead: Int) -> Bool {
        var position = ahead
        while isSymbol("(", ahead: position) { position += 1 }
        return isKeyword("SELECT", ahead: position) || isKeyword("WITH", ahead: position)
            || isKeyword("VALUES", ahead: position) || isKeyword("TABLE", ahead: position)
    }

    private mutating func aliased(_ plan: UnresolvedPlan, required: Bool) throws -> UnresolvedPlan {
        guard let name = try optionalAlias() else { return plan }
        var columns: [String] = []
        if isSymbol("(") { columns = try parenthesized { try $0.commaSeparated { try $0.identifier() } } }
        return .alias(plan, name: name, columns: columns)
    }

    /// `range(...)` and `read_files('path', format => 'csv', ...)`.
    private mutating func tableFunction() throws -> UnresolvedPlan {
        let name = try identifier().lowercased()
        var positional: [UnresolvedExpression] = []
        var named: [String: String] = [:]
        try expect(symbol: "(")
        if !isSymbol(")") {
            repeat {
                if isSymbol("=>", ahead: 1) {
                    let key = try identifier()
                    advance()
                    named[key] = try propertyValue()
                } else {
                    positional.append(try expression())
                }
            } while take(symbol: ",")
        }
        try expect(symbol: ")")
        switch name {
        case "range":
            let numbers = try positional.map { argument -> Int64 in
                guard case .literal(let value, _) = argument, let number = value.int64Value else {
                    throw unsupported("range() of something other than integer literals")
                }
                return number
            }
            guard (1...3).contains(numbers.count), numbers.count < 3 || numbers[2] != 0 else {
                throw unsupported("range() with \(numbers.count) arguments or a step of zero")
            }
            return .range(
                start: numbers.count == 1 ? 0 : numbers[0], end: numbers.count == 1 ? numbers[0] : numbers[1],
                step: numbers.count == 3 ? numbers[2] : 1)
        case "read_files":
            guard positional.count == 1, case .literal(.string(let path), _) = positional[0] else {
                throw unsupported("read_files() without exactly one path")
            }
            let format = named.first { $0.key.lowercased() == "format" }?.value ?? "parquet"
            let schema = try named.first { $0.key.lowercased() == "schema" }.map { try Self.parseSchema($0.value) }
            return .read(
                format: format.lowercased(), paths: [path], schema: schema,
                options: named.filter { !["format", "schema"].contains($0.key.lowercased()) })
        default: throw unsupported("the table function \(name)")
        }
    }
}
