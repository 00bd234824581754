import Columnar
import SparkPlan

// Precedence, loosest first: OR; AND; NOT; predicates (IS, IN, BETWEEN, LIKE); comparison; |; ^; &; shift; + - ||;
// * / % DIV; unary; postfix (., [], ::).
extension SQLParser {
    mutating func expression() throws -> UnresolvedExpression { try nested { try $0.disjunction() } }

    mutating func namedExpression() throws -> UnresolvedExpression {
        let value = try expression()
        if case .star = value { return value }
        if isKeyword("AS"), isSymbol("(", ahead: 1) { throw unsupported("aliases with several names") }
        if let name = try optionalAlias() { return .alias(value, name) }
        return value
    }

    private mutating func disjunction() throws -> UnresolvedExpression {
        var terms = [try conjunction()]
        while take("OR") { terms.append(try conjunction()) }
        return terms.count == 1 ? terms[0] : .balanced("or", terms)
    }

    private mutating func conjunction() throws -> UnresolvedExpression {
        var terms = [try negation()]
        while take("AND") { terms.append(try negation()) }
        return terms.count == 1 ? terms[0] : .balanced("and", terms)
    }

    private mutating func negation() throws -> UnresolvedExpression {
        if (isKeyword("NOT") || (isSymbol("!") && !isSymbol("=", ahead: 1))) {
            advance()
            return try nested { .call("not", try $0.negation()) }
        }
        return try predicate()
    }

    private mutating func predicate() throws -> UnresolvedExpression {
        let operand = mark
        var value = try comparison()
        while true {
            let start = index
            let negated = take("NOT") || (isSymbol("!") && !isSymbol("=", ahead: 1) && take(symbol: "!"))
            let position = current.position
            func call(_ name: String, _ arguments: UnresolvedExpression...) -> UnresolvedExpression {
                .function(UnresolvedFunction(name, arguments, position: position))
            }
            var test: UnresolvedExpression
            if take("BETWEEN") {
                try repeatOperand(size: size(since: operand))
                let low = try comparison()
                try expect("AND")
                let high = try comparison()
                test = call("and", call(">=", value, low), call("<=", value, high))
            } else if take("IN") {
                test = try inPredicate(value)
            } else if isKeyword("LIKE") || isKeyword("ILIKE") {
                test = try likePredicate(value, size: size(since: operand), name: current.keyword.lowercased())
            } else if take("RLIKE") || take("REGEXP") {
                test = call("rlike", value, try comparison())
            } else if !negated, take("IS") {
                test = try isPredicate(value)
            } else {
                index = start
                return value
            }
            value = negated ? .call("not", test) : test
        }
    }

    private mutating func inPredicate(_ value: UnresolvedExpression) throws -> UnresolvedExpression {
        try parenthesized { parser in
            if parser.isKeyword("SELECT") || parser.isKeyword("WITH") {
                return .inSubquery(value, try parser.query())
            }
            return .inList(value, try parser.commaSeparated { try $0.expression() })
        }
    }

    private mutating func likePredicate(
        _ value: UnresolvedExpression, size: Int, name: String
    ) throws -> UnresolvedExpression {
        let position = current.position
        advance()
        if isKeyword("ANY") || isKeyword("SOME") || isKeyword("ALL"), isSymbol("(", ahead: 1) {
            let all = current.keyword == "ALL"
            advance()
            let patterns = try parenthesized { parser in
                try parser.commaSeparated { parser in
                    try parser.repeatOperand(size: size)
                    return try parser.expression()
                }
            }
            return .balanced(all ? "and" : "or", patterns.map { .call(name, value, $0) })
        }
        let pattern = try comparison()
        var arguments = [value, pattern]
        if take("ESCAPE") {
            let escape = try stringLiteral()
            guard escape.unicodeScalars.count == 1 else {
                throw error("INVALID_ESCAPE_CHAR", "`EscapeChar` should be a string literal of length one.")
            }
            arguments.append(.string(escape))
        }
        return .function(UnresolvedFunction(name, arguments, position: position))
    }

    private mutating func isPredicate(_ value: UnresolvedExpression) throws -> UnresolvedExpression {
        let negated = take("NOT")
        var test: UnresolvedExpression
        if take("NULL") {
            return .call(negated ? "isnotnull" : "isnull", value)
        } else if take("TRUE") {
            test = .call("<=>", value, .literal(.bool(true), .boolean))
        } else if take("FALSE") {
            test = .call("<=>", value, .literal(.bool(false), .boolean))
        } else if take("UNKNOWN") {
            test = .call("isnull", value)
        } else if take("DISTINCT", "FROM") {
            test = .call("not", .call("<=>", value, try comparison()))
        } else {
            throw syntaxError(expected: "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
        }
        return negated ? .call("not", test) : test
    }

    private mutating func comparison() throws -> UnresolvedExpression {
        var left = try binary(level: 0)
        while current.kind == .symbol {
            let symbol = current.text
            let position = current.position
            guard ["=", "==", "<=>", "<>", "!=", "<", "<=", ">", ">=", "!"].contains(symbol) else { break }
            if symbol == "!" { break }
            advance()
            if symbol == ">", isSymbol(">") { throw unsupported("shift operators") }
            let right = try binary(level: 0)
            let name = symbol == "==" ? "=" : symbol == "<>" || symbol == "!=" ? "=" : symbol
            let test = UnresolvedExpression.function(UnresolvedFunction(name, [left, right], position: position))
            left = symbol == "<>" || symbol == "!=" ? .call("not", test) : test
        }
        return left
    }

    private static let levels: [[String]] = [["|"], ["^"], ["&"], ["<<"], ["+", "-", "||"], ["*", "/", "%", "DIV"]]

    /// One level of left-associative operators; a chain counts as nesting, as its tree is as deep as it is long.
    private mutating func binary(level: Int) throws -> UnresolvedExpression {
        guard level < Self.levels.count else { return try unary() }
        var left = try binary(level: level + 1)
        var length = 0
        while current.kind == .symbol || current.kind == .word, Self.levels[level].contains(current.keyword) {
            let symbol = current.keyword
            let position = current.position
            if symbol == "<<" { throw unsupported("shift operators") }
            advance()
            length += 1
            guard length <= 500 else {
                throw error("FAILED_TO_PARSE_TOO_COMPLEX", "A chain of more than 500 operators.")
            }
            let right = try binary(level: level + 1)
            if symbol == "||" {
                if case .function(var call) = left, call.name == "concat", call.position != nil {
                    call.arguments.append(right)
                    left = .function(call)
                } else {
                    left = .function(UnresolvedFunction("concat", [left, right], position: position))
                }
            } else {
                left = .function(UnresolvedFunction(symbol.lowercased(), [left, right], position: position))
            }
        }
        return left
    }

    private mutating func unary() throws -> UnresolvedExpression {
        let position = current.position
        if take(symbol: "-") {
            if current.kind == .number { return try postfix(numberLiteral(negative: true)) }
            let value = try nested { try $0.unary() }
            return .function(UnresolvedFunction("negative", [value], position: position))
        }
        if take(symbol: "+") { return try nested { try $0.unary() } }
        if take(symbol: "~") {
            return .function(UnresolvedFunction("~", [try nested { try $0.unary() }], position: position))
        }
        return try postfix(try primary())
    }

    private mutating func postfix(_ start: UnresolvedExpression) throws -> UnresolvedExpression {
        var value = start
        var length = 0
        while true {
            length += 1
            guard length <= Self.depthMax else {
                throw error("FAILED_TO_PARSE_TOO_COMPLEX", "A chain of more than \(Self.depthMax) accesses.")
            }
            if take(symbol: "[") {
                let position = try expression()
                try expect(symbol: "]")
                value = .extract(value, position)
            } else if take(symbol: "::") {
                value = .cast(value, try dataType(), .ansi)
            } else if isSymbol("."), peek(1).kind == .word || peek(1).kind == .quotedIdentifier {
                advance()
                value = .extract(value, .string(try identifier()))
            } else {
                return value
            }
        }
    }

    private mutating func primary() throws -> UnresolvedExpression {
        let token = current
        switch token.kind {
        case .number: return try numberLiteral(negative: false)
        case .string: return .string(try stringLiteral())
        case .symbol:
            if token.text == "(" { return try parenthesis() }
            if token.text == "*" {
                advance()
                return .star(qualifier: [], except: try exceptList(), token.position)
            }
            if token.text == ":" || token.text == "?" { throw unsupported("parameter markers") }
            throw syntaxError(expected: "an expression")
        case .quotedIdentifier: return try nameOrCall()
        case .word:
            if let special = try keywordExpression() { return special }
            return try nameOrCall()
        case .end: throw syntaxError(expected: "an expression")
        }
    }

    mutating func exceptList() throws -> [String] {
        guard isKeyword("EXCEPT"), isSymbol("(", ahead: 1) else { return [] }
        // `SELECT * EXCEPT (SELECT ...)` is the set operation.
        if isKeyword("SELECT", ahead: 2) || isKeyword("VALUES", ahead: 2) { return [] }
        advance()
        return try parenthesized { try $0.commaSeparated { try $0.multipartName().last ?? "" } }
    }

    private mutating func parenthesis() throws -> UnresolvedExpression {
        try parenthesized { parser in
            if parser.isKeyword("SELECT") || parser.isKeyword("WITH") || parser.isKeyword("VALUES") {
                return .scalarSubquery(try parser.query())
            }
            let first = try parser.expression()
            guard parser.isSymbol(",") else { return first }
            var members = [first]
            while parser.take(symbol: ",") { members.append(try parser.expression()) }
            return .function(UnresolvedFunction("struct", members, position: parser.current.position))
        }
    }

    /// A name, a qualified star or a function call.
    private mutating func nameOrCall() throws -> UnresolvedExpression {
        let position = current.position
        if current.kind == .word, Self.notExpressions.contains(current.keyword), !isSymbol("(", ahead: 1) {
            throw syntaxError(expected: "an expression")
        }
        var parts = [try identifier("an expression")]
        while isSymbol(".") {
            if isSymbol("*", ahead: 1) {
                advance()
                advance()
                return .star(qualifier: parts, except: try exceptList(), position)
            }
            guard peek(1).kind == .word || peek(1).kind == .quotedIdentifier else { break }
            advance()
            parts.append(try identifier())
        }
        if isSymbol("("), parts.count == 1 { return try call(parts[0], position) }
        if isSymbol("->") || isSymbol("=>") { throw unsupported("lambda functions") }
        return .attribute(parts, position)
    }

    static let notExpressions: Set<String> = [
        "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "ON", "USING",
        "WHEN", "THEN", "ELSE", "AND", "OR", "IN", "BETWEEN", "LIKE", "AS", "THEN", "CROSS", "INNER", "JOIN",
    ]

    private static let repeatingFunctions: Set<String> = ["nullif", "nullifzero", "decode"]

    private mutating func call(_ name: String, _ position: SourcePosition) throws -> UnresolvedExpression {
        try expect(symbol: "(")
        var function = UnresolvedFunction(name.lowercased(), [], position: position)
        if take("DISTINCT") { function.distinct = true } else if take("ALL") {}
        let start = mark
        if !isSymbol(")") {
            function.arguments = try commaSeparated { parser in
                if parser.isSymbol("=>", ahead: 1) { throw parser.unsupported("named arguments of \(name)") }
                let argument = try parser.expression()
                if parser.isSymbol("->") { throw parser.unsupported("lambda functions") }
                return argument
            }
        }
        if isKeyword("IGNORE"), isKeyword("NULLS", ahead: 1) {
            _ = take("IGNORE", "NULLS")
            function.ignoreNulls = true
        }
        if Self.repeatingFunctions.contains(function.name) {
            // Analysis writes these as CASE, with the first argument in each condition.
            let size = size(since: start)
            for _ in 0..<max(1, (function.arguments.count - 1) / 2) { try repeatOperand(size: size) }
        }
        if isKeyword("ORDER") { throw unsupported("ORDER BY within \(name)") }
        try expect(symbol: ")")
        if take("WITHIN", "GROUP") { throw unsupported("WITHIN GROUP") }
        if isKeyword("FILTER"), isSymbol("(", ahead: 1) {
            advance()
            function.filter = try parenthesized { parser in
                try parser.expect("WHERE")
                return try parser.expression()
            }
        }
        if take("IGNORE", "NULLS") { function.ignoreNulls = true } else if take("RESPECT", "NULLS") {}
        if take("OVER") { function.window = try windowSpecification() }
        return .function(function)
    }

    mutating func windowSpecification() throws -> UnresolvedWindow {
        guard isSymbol("(") else {
            let name = try identifier("a window")
            guard let window = namedWindows[name.lowercased()] else {
                throw SparkError(
                    condition: "MISSING_WINDOW_SPECIFICATION", sqlState: "42P20",
                    message: "Window specification is not defined in the WINDOW clause for \(name).")
            }
            return window
        }
        return try parenthesized { parser in
            var window = UnresolvedWindow(partition: [], order: [])
            if parser.take("PARTITION", "BY") || parser.take("DISTRIBUTE", "BY") {
                window.partition = try parser.commaSeparated { try $0.expression() }
            }
            if parser.take("ORDER", "BY") || parser.take("SORT", "BY") {
                window.order = try parser.commaSeparated { try $0.sortOrder() }
            }
            if parser.isKeyword("ROWS") || parser.isKeyword("RANGE") { window.frame = try parser.windowFrame() }
            return window
        }
    }

    private mutating func windowFrame() throws -> WindowCall.Frame {
        let rows = isKeyword("ROWS")
        advance()
        if take("BETWEEN") {
            if take("UNBOUNDED", "PRECEDING", "AND", "UNBOUNDED", "FOLLOWING") { return .partition }
            if take("UNBOUNDED", "PRECEDING", "AND", "CURRENT", "ROW") { return rows ? .runningRows : .runningRange }
        } else if take("UNBOUNDED", "PRECEDING") {
            return rows ? .runningRows : .runningRange
        }
        throw unsupported("window frames other than UNBOUNDED PRECEDING to CURRENT ROW or UNBOUNDED FOLLOWING")
    }

    mutating func sortOrder() throws -> UnresolvedSortOrder {
        var order = UnresolvedSortOrder(try expression())
        if take("DESC") { order.descending = true } else { _ = take("ASC") }
        if take("NULLS", "FIRST") { order.nullsFirst = true } else if take("NULLS", "LAST") { order.nullsFirst = false }
        return order
    }
}
