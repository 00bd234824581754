/// Reads a condition on partition values.
///
///     condition  = conjunction {OR conjunction}
///     conjunction = negation {AND negation}
///     negation   = NOT negation | "(" condition ")" | comparison
///     comparison = key op literal | literal op key | key [NOT] IN "(" literals ")" | key [NOT] BETWEEN l AND l
///                | key [NOT] LIKE text | key IS [NOT] NULL
///
/// A key, a literal, and the words AND and OR may stand in parentheses of their own.
struct PartitionFilterParser {
    private enum Token: Equatable {
        case word(String)
        case quotedName(String)
        case number(String)
        case text(String)
        case symbol(String)
    }

    private let expression: String
    private let keys: [GlueColumn]
    private var tokens: [Token] = []
    private var position = 0
    private var lexed = false
    private(set) var used: Set<Int> = []

    init(_ expression: String, _ keys: [GlueColumn]) {
        self.expression = expression
        self.keys = keys
        if expression.utf8.count <= PartitionFilter.expressionBytesMax, let tokens = Self.tokens(expression) {
            self.tokens = tokens
            lexed = true
        }
    }

    mutating func condition() throws(GlueError) -> PartitionFilter.Node {
        guard lexed else { throw unsupported() }
        let node = try disjunction(depth: 0)
        guard position == tokens.count else { throw unsupported() }
        return node
    }

    private func unsupported() -> GlueError {
        GlueError(.invalidInput, "Unsupported expression '\(expression.prefix(PartitionFilter.expressionBytesMax))'")
    }

    private mutating func disjunction(depth: Int) throws(GlueError) -> PartitionFilter.Node {
        var node = try conjunction(depth: depth)
        while takeWord("OR", inParentheses: true) { node = .or(node, try conjunction(depth: depth)) }
        return node
    }

    private mutating func conjunction(depth: Int) throws(GlueError) -> PartitionFilter.Node {
        var node = try negation(depth: depth)
        while takeWord("AND", inParentheses: true) { node = .and(node, try negation(depth: depth)) }
        return node
    }

    private mutating func negation(depth: Int) throws(GlueError) -> PartitionFilter.Node {
        guard depth < PartitionFilter.depthMax else { throw unsupported() }
        if takeWord("NOT") { return .not(try negation(depth: depth + 1)) }
        let start = position
        if startsComparison() { return try comparison() }
        position = start
        guard take("(") else { throw unsupported() }
        let node = try disjunction(depth: depth + 1)
        guard take(")") else { throw unsupported() }
        return node
    }

    /// Whether what comes is an operand and then an operator, rather than a condition in parentheses.
    private mutating func startsComparison() -> Bool {
        let start = position
        defer { position = start }
        guard operand() != nil, position < tokens.count else { return false }
        switch tokens[position] {
        case .symbol(let text): return PartitionFilter.Comparison(rawValue: text) != nil || text == "!="
        case .word(let text): return ["IN", "BETWEEN", "LIKE", "IS", "NOT"].contains(text.uppercased())
        default: return false
        }
    }

    private mutating func comparison() throws(GlueError) -> PartitionFilter.Node {
        guard let first = operand(), position < tokens.count else { throw unsupported() }
        if case .symbol(let text) = tokens[position],
            let comparison = PartitionFilter.Comparison(rawValue: text == "!=" ? "<>" : text)
        {
            position += 1
            guard let second = operand() else { throw unsupported() }
            if let (key, type) = try key(first) {
                return .compare(key, comparison, try type.value(try literal(second)))
            }
            guard let (key, type) = try key(second) else { throw unsupported() }
            return .compare(key, comparison.flipped, try type.value(try literal(first)))
        }
        if takeWord("IS") {
            let isNegated = takeWord("NOT")
            guard takeWord("NULL"), let index = try keyIndex(first) else { throw unsupported() }
            used.insert(index)
            return isNegated ? .not(.isNull(index)) : .isNull(index)
        }
        let isNegated = takeWord("NOT")
        guard let (key, type) = try key(first) else { throw unsupported() }
        let node = try wordComparison(key, type)
        return isNegated ? .not(node) : node
    }

    private mutating func wordComparison(_ key: Int, _ type: PartitionType) throws(GlueError) -> PartitionFilter.Node {
        if takeWord("IN") {
            guard take("(") else { throw unsupported() }
            var literals: [PartitionValue] = []
            repeat {
                guard let item = operand() else { throw unsupported() }
                literals.append(try type.value(try literal(item)))
            } while take(",")
            guard take(")") else { throw unsupported() }
            return .isIn(key, literals)
        }
        if takeWord("BETWEEN") {
            guard let low = operand(), takeWord("AND", inParentheses: true), let high = operand() else {
                throw unsupported()
            }
            return .between(key, try type.value(try literal(low)), try type.value(try literal(high)))
        }
        guard takeWord("LIKE"), let pattern = operand(), case .text(let text) = pattern else { throw unsupported() }
        guard type == .text else {
            throw GlueError(.invalidInput, "\(type.title) data type doesn't support operation 'LIKE'")
        }
        return .like(key, Array(text.unicodeScalars))
    }

    /// A key or literal in any number of parentheses; nil, with the position unspecified, for anything else.
    private mutating func operand() -> Token? {
        var open = 0
        while take("(") { open += 1 }
        guard position < tokens.count else { return nil }
        let token = tokens[position]
        if case .symbol = token { return nil }
        position += 1
        for _ in 0..<open where !take(")") { return nil }
        return token
    }

    private func literal(_ token: Token) throws(GlueError) -> String {
        switch token {
        case .number(let text), .text(let text): return text
        case .word, .quotedName, .symbol: throw unsupported()
        }
    }

    private func keyIndex(_ token: Token) throws(GlueError) -> Int? {
        let name: String
        switch token {
        case .word(let text), .quotedName(let text): name = text
        default: return nil
        }
        guard let index = keys.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else {
            throw GlueError(.invalidInput, "Unknown column '\(name)'")
        }
        return index
    }

    private mutating func key(_ token: Token) throws(GlueError) -> (Int, PartitionType)? {
        guard let index = try keyIndex(token) else { return nil }
        guard let type = PartitionType(keys[index].type) else {
            throw GlueError(.invalidInput, "Unknown type : '\(keys[index].type)'")
        }
        used.insert(index)
        return (index, type)
    }

    private mutating func take(_ symbol: String) -> Bool {
        guard position < tokens.count, tokens[position] == .symbol(symbol) else { return false }
        position += 1
        return true
    }

    private mutating func takeWord(_ word: String, inParentheses: Bool = false) -> Bool {
        let start = position
        var open = 0
        while inParentheses, take("(") { open += 1 }
        if position < tokens.count, case .word(let text) = tokens[position], text.uppercased() == word {
            position += 1
            var closed = 0
            while closed < open, take(")") { closed += 1 }
            if closed == open { return true }
        }
        position = start
        return false
    }

    // MARK: - Tokens

    /// Nil for a character or a text without its end.
    private static func tokens(_ expression: String) -> [Token]? {
        let scalars = Array(expression.unicodeScalars)
        var tokens: [Token] = []
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            switch scalar {
            case " ", "\t", "\n", "\r": index += 1
            case "'", "\"", "`":
                guard let text = quoted(scalars, &index) else { return nil }
                tokens.append(scalar == "`" ? .quotedName(text) : .text(text))
            case "(", ")", ",", "=":
                tokens.append(.symbol(String(scalar)))
                index += 1
            case "<", ">", "!":
                var text = String(scalar)
                index += 1
                if index < scalars.count, scalars[index] == "=" || (scalar == "<" && scalars[index] == ">") {
                    text.unicodeScalars.append(scalars[index])
                    index += 1
                }
                tokens.append(.symbol(text))
            default:
                let start = index
                if scalar == "-" || scalar == "+" { index += 1 }
                while index < scalars.count, isWordPart(scalars[index]) || isExponentSign(scalars, index, start) {
                    index += 1
                }
                var text = String.UnicodeScalarView()
                text.append(contentsOf: scalars[start..<index])
                guard !text.isEmpty, index > start else { return nil }
                let word = String(text)
                if ExactDecimal(word) != nil {
                    tokens.append(.number(word))
                } else if scalar == "-" || scalar == "+" {
                    return nil
                } else {
                    tokens.append(.word(word))
                }
            }
        }
        return tokens
    }

    private static func isExponentSign(_ scalars: [Unicode.Scalar], _ index: Int, _ start: Int) -> Bool {
        (scalars[index] == "+" || scalars[index] == "-") && index > start && ("0"..."9").contains(scalars[start])
            && (scalars[index - 1] == "e" || scalars[index - 1] == "E")
    }

    private static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_" || scalar == "."
    }

    /// The quote character is doubled to stand for itself.
    private static func quoted(_ scalars: [Unicode.Scalar], _ index: inout Int) -> String? {
        let quote = scalars[index]
        index += 1
        var text = String.UnicodeScalarView()
        while index < scalars.count {
            if scalars[index] == quote {
                index += 1
                guard index < scalars.count, scalars[index] == quote else { return String(text) }
            }
            text.append(scalars[index])
            index += 1
        }
        return nil
    }
}
