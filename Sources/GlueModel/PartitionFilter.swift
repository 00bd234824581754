import Support

/// A condition on partition values: the `Expression` of GetPartitions.
///
/// Comparisons, `IN`, `BETWEEN`, `LIKE`, `IS NULL`, joined by `AND`, `OR`, `NOT`. Literals take the type of the key they
/// are compared with; a value `__HIVE_DEFAULT_PARTITION__` is null, and comparing it is neither true nor false.
/// - Source: Glue API, GetPartitions.
package struct PartitionFilter: Sendable {
    package static let depthMax = 100
    package static let expressionBytesMax = 2048
    static let nullValue = "__HIVE_DEFAULT_PARTITION__"

    indirect enum Node: Sendable {
        case compare(Int, Comparison, PartitionValue)
        case isIn(Int, [PartitionValue])
        case between(Int, PartitionValue, PartitionValue)
        case like(Int, [Unicode.Scalar])
        case isNull(Int)
        case not(Node)
        case and(Node, Node)
        case or(Node, Node)
    }

    enum Comparison: String, Sendable {
        case equal = "="
        case notEqual = "<>"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="

        var flipped: Comparison {
            switch self {
            case .equal, .notEqual: self
            case .less: .greater
            case .lessOrEqual: .greaterOrEqual
            case .greater: .less
            case .greaterOrEqual: .lessOrEqual
            }
        }
    }

    private let node: Node
    private let types: [PartitionType?]
    /// The keys that the condition reads.
    private let used: Set<Int>

    /// - Parameter keys: the table's partition keys, in order.
    /// - Throws: `.invalidInput` for a text that is not a condition, an unknown key, a literal of another type.
    package init(_ expression: String, keys: [GlueColumn]) throws(GlueError) {
        var parser = PartitionFilterParser(expression, keys)
        node = try parser.condition()
        types = keys.map { PartitionType($0.type) }
        used = parser.used
    }

    /// - Throws: `.invalidState` for a value that is not of its key's type.
    package func matches(_ values: [String]) throws(GlueError) -> Bool {
        var typed: [Int: PartitionValue] = [:]
        for key in used where key < values.count && values[key] != Self.nullValue {
            guard let type = types[key] else { continue }
            do {
                typed[key] = try type.value(values[key])
            } catch {
                throw GlueError(.invalidState, error.message)
            }
        }
        return evaluate(node, typed) ?? false
    }

    /// Three-valued: nil for unknown.
    private func evaluate(_ node: Node, _ values: [Int: PartitionValue]) -> Bool? {
        switch node {
        case .isNull(let key): return values[key] == nil
        case .compare(let key, let comparison, let literal):
            guard let value = values[key] else { return nil }
            return switch comparison {
            case .equal: value.isEqual(literal)
            case .notEqual: !value.isEqual(literal)
            case .less: value.isLess(literal)
            case .lessOrEqual: !literal.isLess(value)
            case .greater: literal.isLess(value)
            case .greaterOrEqual: !value.isLess(literal)
            }
        case .isIn(let key, let literals):
            guard let value = values[key] else { return nil }
            return literals.contains { value.isEqual($0) }
        case .between(let key, let low, let high):
            guard let value = values[key] else { return nil }
            return !value.isLess(low) && !high.isLess(value)
        case .like(let key, let pattern):
            guard case .text(let text)? = values[key] else { return nil }
            return Self.like(Array(text.unicodeScalars), pattern)
        case .not(let inner): return evaluate(inner, values).map { !$0 }
        case .and(let a, let b):
            let first = evaluate(a, values)
            if first == false { return false }
            let second = evaluate(b, values)
            return second == false ? false : first == nil ? nil : second
        case .or(let a, let b):
            let first = evaluate(a, values)
            if first == true { return true }
            let second = evaluate(b, values)
            return second == true ? true : first == nil ? nil : second
        }
    }

    /// `%` is any text, `_` any one character. Goes back to the last `%` only, so it takes at most text times pattern
    /// steps.
    private static func like(_ text: [Unicode.Scalar], _ pattern: [Unicode.Scalar]) -> Bool {
        var t = 0
        var p = 0
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == "%" {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == "_" || pattern[p] == text[t] {
                p += 1
                t += 1
            } else if let last = star {
                p = last.pattern + 1
                t = last.text + 1
                star = (last.pattern, t)
            } else {
                return false
            }
        }
        while p < pattern.count, pattern[p] == "%" { p += 1 }
        return p == pattern.count
    }
}
