/// Top-down operator precedence: a word knows how strongly it binds what stands left of it.
/// - Source: V. R. Pratt, "Top Down Operator Precedence".
struct Parser {
    private var lexer: Lexer
    private var token: Token
    private var depth = 0

    static let maxDepth = 400
    static let maxHeight = 1_000

    init(_ text: String) {
        lexer = Lexer(text)
        token = Token(kind: .end, text: "(end)", position: 0)
    }

    /// The whole expression.
    mutating func parse() throws(Failure) -> Node {
        try advance()
        let node = try expression(0)
        if token.kind != .end { throw unexpected("S0201") }
        return node
    }

    private func isSymbol(_ text: String) -> Bool { token.kind == .operator && token.text == text }

    private func unexpected(_ code: String, value: Value? = nil) -> Failure {
        let failure = Failure(code, position: token.position, token: token.text, value: value)
        if token.kind == .number { failure.literal = .number(token.number) }
        if token.kind == .value { failure.literal = token.constant }
        return failure
    }

    private mutating func advance(_ expected: String? = nil, infix: Bool = false) throws(Failure) {
        if let expected, !isSymbol(expected) {
            throw unexpected(token.kind == .end ? "S0203" : "S0202", value: .string(expected))
        }
        token = try lexer.next(infix: infix)
        if token.kind == .operator, token.text == "!" || token.text == "~" {
            throw Failure("S0204", position: token.position, token: token.text)
        }
    }

    private static func leftPower(_ token: Token) -> Int {
        guard token.kind == .operator else { return 0 }
        switch token.text {
        case "[", "(", "@", "#": return 80
        case ".": return 75
        case "{": return 70
        case "*", "/", "%", "**": return token.text == "**" ? 0 : 60
        case "+", "-", "&": return 50
        case "=", "!=", "<", "<=", ">", ">=", "in", "^", "~>": return 40
        case "and": return 30
        case "or": return 25
        case "?": return 20
        case ":=": return 10
        default: return 0
        }
    }

    private mutating func expression(_ power: Int) throws(Failure) -> Node {
        depth += 1
        if depth > Self.maxDepth { throw .stackOverflow }
        let first = token
        try advance(infix: true)
        var left = try prefix(first)
        while power < Self.leftPower(token) {
            let next = token
            try advance()
            left = try infix(next, left)
            if left.height > Self.maxHeight { throw .stackOverflow }
        }
        depth -= 1
        return left
    }

    // MARK: - What begins an operand

    private mutating func prefix(_ token: Token) throws(Failure) -> Node {
        switch token.kind {
        case .name: return Node(.name, token.text, at: token.position)
        case .variable: return Node(.variable, token.text, at: token.position)
        case .string:
            let node = Node(.string, token.text, at: token.position)
            node.constant = .string(token.text)
            return node
        case .number:
            let node = Node(.number, token.text, at: token.position)
            node.number = token.number
            node.constant = .number(token.number)
            return node
        case .value:
            let node = Node(.constant, token.text, at: token.position)
            node.constant = token.constant
            return node
        case .regex:
            let node = Node(.regex, token.text, at: token.position)
            node.regex = try Regex(token.text, flags: token.flags, position: token.position)
            return node
        case .end: return Node(.end, at: token.position)
        case .operator: return try prefixOperator(token)
        }
    }

    private mutating func prefixOperator(_ token: Token) throws(Failure) -> Node {
        switch token.text {
        case "and", "or", "in": return Node(.keyword, token.text, at: token.position)
        case "-":
            let node = Node(.negate, token.text, at: token.position)
            return adopt(node, lhs: try expression(70))
        case "*": return Node(.wildcard, at: token.position)
        case "**": return Node(.descendants, at: token.position)
        case "%": return Node(.parent, at: token.position)
        case "(": return try block(token)
        case "[": return try array(token)
        case "{": return try object(token)
        case "|": return try transform(token)
        default: throw Failure("S0211", position: token.position, token: token.text)
        }
    }

    private mutating func block(_ token: Token) throws(Failure) -> Node {
        let node = Node(.block, at: token.position)
        while !isSymbol(")") {
            node.nodes.append(try expression(0))
            if !isSymbol(";") { break }
            try advance(";")
        }
        try advance(")", infix: true)
        return sized(node)
    }

    private mutating func array(_ token: Token) throws(Failure) -> Node {
        let node = Node(.array, "[", at: token.position)
        if !isSymbol("]") {
            while true {
                var item = try expression(0)
                if isSymbol("..") {
                    let range = Node(.range, "..", at: self.token.position)
                    try advance("..")
                    item = adopt(range, lhs: item, rhs: try expression(0))
                }
                node.nodes.append(item)
                if !isSymbol(",") { break }
                try advance(",")
            }
        }
        try advance("]", infix: true)
        return sized(node)
    }

    private mutating func pairs() throws(Failure) -> [(key: Node, value: Node)] {
        var pairs: [(key: Node, value: Node)] = []
        if !isSymbol("}") {
            while true {
                let key = try expression(0)
                try advance(":")
                pairs.append((key, try expression(0)))
                if !isSymbol(",") { break }
                try advance(",")
            }
        }
        try advance("}", infix: true)
        return pairs
    }

    private mutating func object(_ token: Token) throws(Failure) -> Node {
        let node = Node(.object, "{", at: token.position)
        node.pairs = try pairs()
        return sized(node)
    }

    private mutating func transform(_ token: Token) throws(Failure) -> Node {
        let node = Node(.transform, at: token.position)
        let pattern = try expression(0)
        try advance("|")
        let update = try expression(0)
        if isSymbol(",") {
            try advance(",")
            node.third = try expression(0)
        }
        try advance("|")
        return adopt(node, lhs: pattern, rhs: update)
    }

    // MARK: - What goes on after an operand

    private mutating func infix(_ token: Token, _ left: Node) throws(Failure) -> Node {
        switch token.text {
        case "(": return try call(token, left)
        case "[": return try filter(token, left)
        case "{":
            let node = Node(.groupBy, "{", at: token.position)
            node.pairs = try pairs()
            return adopt(node, lhs: left)
        case "^": return try orderBy(token, left)
        case "@", "#":
            let node = Node(token.text == "@" ? .focusBinding : .indexBinding, at: token.position)
            let variable = try expression(80)
            guard variable.kind == .variable else {
                throw Failure("S0214", position: variable.position, token: token.text)
            }
            return adopt(node, lhs: left, rhs: variable)
        case "?":
            let node = Node(.condition, at: token.position)
            let then = try expression(0)
            if isSymbol(":") {
                try advance(":")
                node.third = try expression(0)
            }
            return adopt(node, lhs: left, rhs: then)
        case ":=":
            guard left.kind == .variable else { throw Failure("S0212", position: left.position, token: left.text) }
            return adopt(Node(.bind, at: token.position), lhs: left, rhs: try expression(9))
        case ".": return adopt(Node(.dot, at: token.position), lhs: left, rhs: try expression(75))
        case "and", "or":
            let node = Node(token.text == "and" ? .and : .or, token.text, at: token.position)
            return adopt(node, lhs: left, rhs: try expression(Self.leftPower(token)))
        case "~>": return adopt(Node(.apply, at: token.position), lhs: left, rhs: try expression(40))
        default:
            let node = Node(.binary, token.text, at: token.position)
            node.op = Operator(rawValue: token.text)
            return adopt(node, lhs: left, rhs: try expression(Self.leftPower(token)))
        }
    }

    private mutating func filter(_ token: Token, _ left: Node) throws(Failure) -> Node {
        if isSymbol("]") {
            var step = left
            while step.kind == .filter, let inner = step.lhs { step = inner }
            step.keepsArray = true
            try advance("]")
            return left
        }
        let node = Node(.filter, at: token.position)
        let predicate = try expression(0)
        try advance("]", infix: true)
        return adopt(node, lhs: left, rhs: predicate)
    }

    private mutating func orderBy(_ token: Token, _ left: Node) throws(Failure) -> Node {
        try advance("(")
        let node = Node(.orderBy, at: token.position)
        while true {
            var isDescending = false
            if isSymbol("<") {
                try advance("<")
            } else if isSymbol(">") {
                isDescending = true
                try advance(">")
            }
            node.terms.append((try expression(0), isDescending))
            if !isSymbol(",") { break }
            try advance(",")
        }
        try advance(")")
        return adopt(node, lhs: left)
    }

    private mutating func call(_ token: Token, _ left: Node) throws(Failure) -> Node {
        let node = Node(.call, at: token.position)
        if !isSymbol(")") {
            while true {
                if isSymbol("?") {
                    node.kind = .partial
                    node.nodes.append(Node(.placeholder, at: self.token.position))
                    try advance("?")
                } else {
                    node.nodes.append(try expression(0))
                }
                if !isSymbol(",") { break }
                try advance(",")
            }
        }
        try advance(")", infix: true)
        guard left.kind == .name, left.text == "function" || left.text == "λ" else { return adopt(node, lhs: left) }
        return try lambda(node)
    }

    private mutating func lambda(_ node: Node) throws(Failure) -> Node {
        for (index, argument) in node.nodes.enumerated() where argument.kind != .variable {
            throw Failure("S0208", position: argument.position, token: argument.text, value: .number(Double(index + 1)))
        }
        node.kind = .lambda
        if isSymbol("<") {
            let start = token.position
            var nested = 1
            var text = "<"
            while nested > 0, !isSymbol("{"), token.kind != .end {
                try advance()
                if isSymbol(">") { nested -= 1 } else if isSymbol("<") { nested += 1 }
                text += token.text
            }
            try advance(">")
            node.signature = try Signature(text, position: start)
        }
        try advance("{")
        let body = try expression(0)
        try advance("}")
        return adopt(node, rhs: body)
    }

    // MARK: - Heights

    private func adopt(_ node: Node, lhs: Node? = nil, rhs: Node? = nil) -> Node {
        node.lhs = lhs
        node.rhs = rhs
        return sized(node)
    }

    private func sized(_ node: Node) -> Node {
        var height = max(node.lhs?.height ?? 0, node.rhs?.height ?? 0, node.third?.height ?? 0)
        for child in node.nodes { height = max(height, child.height) }
        for (key, value) in node.pairs { height = max(height, key.height, value.height) }
        for term in node.terms { height = max(height, term.expression.height) }
        node.height = height + 1
        return node
    }
}
