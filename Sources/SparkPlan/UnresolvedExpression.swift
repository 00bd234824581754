package import Columnar

/// An expression as written, before names and types are known. SQL text and the DataFrame API both produce it.
package indirect enum UnresolvedExpression: Sendable {
    case literal(Scalar, DataType)
    /// A dotted name: column, qualified column, or column followed by struct members.
    case attribute([String], SourcePosition?)
    /// `*`, `t.*`; `except` lists the names left out.
    case star(qualifier: [String], except: [String], SourcePosition?)
    case function(UnresolvedFunction)
    case cast(UnresolvedExpression, DataType, CastMode)
    case alias(UnresolvedExpression, String)
    case caseWhen(branches: [UnresolvedCaseBranch], otherwise: UnresolvedExpression?)
    case inList(UnresolvedExpression, [UnresolvedExpression])
    case inSubquery(UnresolvedExpression, UnresolvedPlan)
    case exists(UnresolvedPlan)
    case scalarSubquery(UnresolvedPlan)
    /// `value[index]`, or a member of something that is not a name.
    case extract(UnresolvedExpression, UnresolvedExpression)
}

package struct UnresolvedCaseBranch: Sendable {
    package var condition: UnresolvedExpression
    package var result: UnresolvedExpression

    package init(condition: UnresolvedExpression, result: UnresolvedExpression) {
        self.condition = condition
        self.result = result
    }
}

/// A call, an operator, an aggregate or, with `window`, a window function.
package struct UnresolvedFunction: Sendable {
    package var name: String
    package var arguments: [UnresolvedExpression]
    package var distinct = false
    package var ignoreNulls = false
    package var filter: UnresolvedExpression?
    package var window: UnresolvedWindow?
    package var position: SourcePosition?

    package init(_ name: String, _ arguments: [UnresolvedExpression], position: SourcePosition? = nil) {
        self.name = name
        self.arguments = arguments
        self.position = position
    }
}

package struct UnresolvedWindow: Sendable {
    package var partition: [UnresolvedExpression]
    package var order: [UnresolvedSortOrder]
    /// Nil: Spark's default, which is the running range when ordered, the partition when not.
    package var frame: WindowCall.Frame?

    package init(
        partition: [UnresolvedExpression], order: [UnresolvedSortOrder], frame: WindowCall.Frame? = nil
    ) {
        self.partition = partition
        self.order = order
        self.frame = frame
    }
}

package struct UnresolvedSortOrder: Sendable {
    package var expression: UnresolvedExpression
    package var descending: Bool
    package var nullsFirst: Bool?

    package init(_ expression: UnresolvedExpression, descending: Bool = false, nullsFirst: Bool? = nil) {
        self.expression = expression
        self.descending = descending
        self.nullsFirst = nullsFirst
    }
}

extension UnresolvedExpression {
    package static func call(_ name: String, _ arguments: UnresolvedExpression...) -> UnresolvedExpression {
        .function(UnresolvedFunction(name, arguments))
    }

    package static func string(_ text: String) -> UnresolvedExpression { .literal(.string(text), .string) }
    package static func int(_ value: Int32) -> UnresolvedExpression { .literal(.int32(value), .int) }

    /// Joins conditions by `and` or `or` into a tree whose depth is logarithmic.
    package static func balanced(_ name: String, _ terms: [UnresolvedExpression]) -> UnresolvedExpression {
        if terms.count == 1 { return terms[0] }
        if terms.isEmpty { return .literal(.bool(name == "and"), .boolean) }
        let middle = terms.count / 2
        return .call(name, balanced(name, Array(terms[..<middle])), balanced(name, Array(terms[middle...])))
    }

    /// The column name that Spark gives an expression without an alias.
    package var defaultName: String {
        switch self {
        case .alias(_, let name): name
        case .attribute(let parts, _): parts.last ?? ""
        case .star: "*"
        case .literal(let value, let type): value.sqlText(type)
        default: sqlText
        }
    }

    /// The expression as Spark prints it in generated names and messages.
    package var sqlText: String {
        switch self {
        case .literal(let value, let type): return value.sqlText(type)
        case .attribute(let parts, _): return parts.joined(separator: ".")
        case .star(let qualifier, _, _): return (qualifier + ["*"]).joined(separator: ".")
        case .cast(let child, let type, let mode):
            return "\(mode == .try ? "TRY_CAST" : "CAST")(\(child.sqlText) AS \(type.sql))"
        case .alias(let child, let name): return "\(child.sqlText) AS \(name)"
        case .caseWhen(let branches, let otherwise):
            var text = "CASE"
            for branch in branches { text += " WHEN \(branch.condition.sqlText) THEN \(branch.result.sqlText)" }
            if let otherwise { text += " ELSE \(otherwise.sqlText)" }
            return text + " END"
        case .inList(let value, let list):
            return "(\(value.sqlText) IN (\(list.map(\.sqlText).joined(separator: ", "))))"
        case .inSubquery(let value, _): return "(\(value.sqlText) IN (listquery()))"
        case .exists: return "exists()"
        case .scalarSubquery: return "scalarsubquery()"
        case .extract(let value, let index): return "\(value.sqlText)[\(index.sqlText)]"
        case .function(let call): return call.sqlText
        }
    }
}

extension UnresolvedFunction {
    private static let infix: Set<String> = [
        "+", "-", "*", "/", "%", "=", "<=>", "<", "<=", ">", ">=", "&", "|", "^", "div", "and", "or",
    ]

    var sqlText: String {
        let texts = arguments.map(\.sqlText)
        if texts.count == 2, Self.infix.contains(name) {
            let symbol = name == "and" || name == "or" || name == "div" ? name.uppercased() : name
            return "(\(texts[0]) \(symbol) \(texts[1]))"
        }
        switch (name, texts.count) {
        case ("not", 1): return "(NOT \(texts[0]))"
        case ("negative", 1): return "(- \(texts[0]))"
        case ("isnull", 1): return "(\(texts[0]) IS NULL)"
        case ("isnotnull", 1): return "(\(texts[0]) IS NOT NULL)"
        case ("like", 2), ("rlike", 2): return "\(texts[0]) \(name.uppercased()) \(texts[1])"
        case ("count", 1) where texts[0] == "*": return "count(1)" + windowText
        default: return "\(name)(\(distinct ? "DISTINCT " : "")\(texts.joined(separator: ", ")))" + windowText
        }
    }

    private var windowText: String {
        guard let window else { return "" }
        var parts: [String] = []
        if !window.partition.isEmpty {
            parts.append("PARTITION BY " + window.partition.map(\.sqlText).joined(separator: ", "))
        }
        if !window.order.isEmpty {
            parts.append(
                "ORDER BY "
                    + window.order.map {
                        $0.expression.sqlText + ($0.descending ? " DESC" : " ASC")
                            + ($0.nullsFirst ?? !$0.descending ? " NULLS FIRST" : " NULLS LAST")
                    }.joined(separator: ", "))
        }
        return " OVER (" + parts.joined(separator: " ") + ")"
    }
}
