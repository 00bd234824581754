package import Columnar
package import SparkPlan

/// Parses Spark SQL by recursive descent.
///
/// Nesting is limited to `depthMax`, so that no text can exhaust the stack.
/// - Source: Spark 4.0 `SqlBaseParser.g4`; what is missing is refused by name with `UNSUPPORTED_FEATURE`.
package struct SQLParser {
    static let depthMax = 200
    /// How much larger than its text a statement may become where operands are repeated, in tokens.
    static let repeatedMax = 200_000

    let text: String
    /// Where the text stands in what the user wrote; places in errors count from its beginning.
    let origin: SourcePosition
    var tokens: [Token]
    var index = 0
    var depth = 0
    /// What repeating operands has added so far, in tokens.
    var repeated = 0
    var namedWindows: [String: UnresolvedWindow] = [:]

    init(_ text: String, at origin: SourcePosition = .beginning) throws {
        self.text = text
        self.origin = origin
        tokens = try Lexer.tokens(of: text, at: origin)
    }

    /// - Parameter origin: where the text stands in a script.
    /// - Throws: `SparkError` `PARSE_SYNTAX_ERROR` with line and position, or `UNSUPPORTED_FEATURE`.
    package static func parseStatement(_ text: String, at origin: SourcePosition = .beginning) throws -> Statement {
        var parser = try SQLParser(text, at: origin)
        let statement = try parser.statement()
        while parser.take(symbol: ";") {}
        try parser.expectEnd()
        return statement
    }

    /// An expression as `expr("...")`, `filter("...")` and `selectExpr("...")` take it, with an optional alias.
    package static func parseExpression(_ text: String) throws -> UnresolvedExpression {
        var parser = try SQLParser(text)
        let expression = try parser.namedExpression()
        try parser.expectEnd()
        return expression
    }

    /// `decimal(10,2)`, `array<struct<a:int>>`.
    package static func parseDataType(_ text: String) throws -> DataType {
        var parser = try SQLParser(text)
        let type = try parser.dataType()
        try parser.expectEnd()
        return type
    }

    /// A schema as DDL: `a INT NOT NULL, b STRING COMMENT 'x'`.
    package static func parseSchema(_ text: String) throws -> StructType {
        var parser = try SQLParser(text)
        if parser.isKeyword("STRUCT"), parser.peek(1).text == "<" {
            if case .structure(let type) = try parser.dataType() {
                try parser.expectEnd()
                return type
            }
        }
        let fields = try parser.columnDefinitions()
        try parser.expectEnd()
        return StructType(fields)
    }

    /// `a.b.c` or with backquotes.
    package static func parseName(_ text: String) throws -> [String] {
        var parser = try SQLParser(text)
        let name = try parser.multipartName()
        try parser.expectEnd()
        return name
    }
}

// MARK: - Tokens

extension SQLParser {
    var current: Token { tokens[index] }

    func peek(_ ahead: Int) -> Token { tokens[min(index + ahead, tokens.count - 1)] }

    mutating func advance() {
        if index < tokens.count - 1 { index += 1 }
    }

    func isKeyword(_ keyword: String, ahead: Int = 0) -> Bool {
        let token = peek(ahead)
        return token.kind == .word && token.keyword == keyword
    }

    func isSymbol(_ symbol: String, ahead: Int = 0) -> Bool {
        let token = peek(ahead)
        return token.kind == .symbol && token.text == symbol
    }

    /// Takes the keywords if all of them come next.
    mutating func take(_ keywords: String...) -> Bool {
        for (ahead, keyword) in keywords.enumerated() where !isKeyword(keyword, ahead: ahead) { return false }
        for _ in keywords { advance() }
        return true
    }

    mutating func take(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func expect(_ keywords: String...) throws {
        for keyword in keywords {
            guard isKeyword(keyword) else { throw syntaxError(expected: keyword) }
            advance()
        }
    }

    mutating func expect(symbol: String) throws {
        guard take(symbol: symbol) else { throw syntaxError(expected: "'\(symbol)'") }
    }

    func expectEnd() throws {
        guard current.kind == .end else { throw syntaxError(expected: "end of statement") }
    }

    func syntaxError(expected: String) -> SparkError {
        let found = current.kind == .end ? "end of input" : "'\(current.text)'"
        return .parse(
            "PARSE_SYNTAX_ERROR", "Syntax error at or near \(found): expected \(expected).", at: current.position,
            in: text, origin: origin)
    }

    func error(_ condition: String, _ message: String) -> SparkError {
        .parse(condition, message, at: current.position, in: text, origin: origin)
    }

    func unsupported(_ what: String) -> SparkError {
        SparkError(
            condition: "UNSUPPORTED_FEATURE", sqlState: "0A000",
            message: "The feature is not supported: \(what).", position: current.position)
    }

    /// Runs `body` one level deeper.
    mutating func nested<T>(_ body: (inout SQLParser) throws -> T) throws -> T {
        guard depth < Self.depthMax else {
            throw error(
                "FAILED_TO_PARSE_TOO_COMPLEX",
                "The statement is nested more than \(Self.depthMax) levels deep.")
        }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    /// Where an operand begins, for `size(since:)`.
    var mark: (index: Int, repeated: Int) { (index, repeated) }

    /// The tokens of the operand between `start` and here, with what was repeated inside it.
    func size(since start: (index: Int, repeated: Int)) -> Int { index - start.index + repeated - start.repeated }

    /// Accounts for an operand that is taken once more: `a BETWEEN b AND c` holds `a` twice, so nesting it doubles the
    /// statement at each level.
    mutating func repeatOperand(size: Int) throws {
        guard size <= Self.repeatedMax - repeated else {
            throw error(
                "FAILED_TO_PARSE_TOO_COMPLEX", "Operands that are used more than once are nested too deep.")
        }
        repeated += size
    }

    mutating func commaSeparated<T>(_ element: (inout SQLParser) throws -> T) throws -> [T] {
        var list = [try element(&self)]
        while take(symbol: ",") { list.append(try element(&self)) }
        return list
    }

    mutating func parenthesized<T>(_ body: (inout SQLParser) throws -> T) throws -> T {
        try expect(symbol: "(")
        let result = try body(&self)
        try expect(symbol: ")")
        return result
    }
}

// MARK: - Names

extension SQLParser {
    /// Words that cannot be an alias without AS, because they start what may follow.
    static let notAliases: Set<String> = [
        "ANTI", "CLUSTER", "CROSS", "DISTRIBUTE", "EXCEPT", "FETCH", "FROM", "FULL", "GROUP", "HAVING", "INNER",
        "INTERSECT", "JOIN", "LATERAL", "LEFT", "LIMIT", "MINUS", "NATURAL", "OFFSET", "ON", "ORDER", "PIVOT", "QUALIFY", "RIGHT",
        "SELECT", "SEMI", "SET", "SORT", "TABLESAMPLE", "UNION", "UNPIVOT", "USING", "VALUES", "WHERE", "WHEN", "THEN", "ELSE",
        "END", "WINDOW", "AND", "OR", "NOT", "IS", "IN", "LIKE", "RLIKE", "ILIKE", "REGEXP", "BETWEEN", "AS", "ASC", "DESC", "DIV", "WITH",
    ]

    mutating func identifier(_ what: String = "an identifier") throws -> String {
        guard current.kind == .word || current.kind == .quotedIdentifier, !current.text.isEmpty else {
            throw syntaxError(expected: what)
        }
        let name = current.text
        advance()
        return name
    }

    mutating func multipartName() throws -> [String] {
        var parts = [try identifier("a name")]
        while isSymbol("."), peek(1).kind == .word || peek(1).kind == .quotedIdentifier {
            advance()
            parts.append(try identifier())
        }
        return parts
    }

    mutating func optionalAlias() throws -> String? {
        if take("AS") { return try identifier("an alias") }
        if current.kind == .quotedIdentifier || (current.kind == .word && !Self.notAliases.contains(current.keyword)) {
            return try identifier()
        }
        return nil
    }

    mutating func stringLiteral() throws -> String {
        guard current.kind == .string else { throw syntaxError(expected: "a string") }
        var value = current.text
        advance()
        while current.kind == .string {
            value += current.text
            advance()
        }
        return value
    }

    /// `(key = value, 'key' 'value', a.b.c true)`.
    mutating func propertyList() throws -> [String: String] {
        try parenthesized { parser in
            var properties: [String: String] = [:]
            if parser.isSymbol(")") { return properties }
            repeat {
                var key: String
                if parser.current.kind == .string {
                    key = try parser.stringLiteral()
                } else {
                    key = try parser.identifier("a property")
                    while parser.take(symbol: ".") { key += "." + (try parser.identifier()) }
                }
                if !parser.take(symbol: "=") { _ = parser.take(symbol: "==") }
                properties[key] = try parser.propertyValue()
            } while parser.take(symbol: ",")
            return properties
        }
    }

    mutating func propertyValue() throws -> String {
        switch current.kind {
        case .string: return try stringLiteral()
        case .number, .word:
            let value = current.text
            advance()
            return value
        default:
            if take(symbol: "-"), current.kind == .number { return "-" + (try propertyValue()) }
            throw syntaxError(expected: "a value")
        }
    }
}
