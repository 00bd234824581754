package import Columnar

/// The name of a function or operator, in Spark's lower-case spelling (`upper`, `date_trunc`, `+`, `<=>`).
///
/// Operators: `+ - * / % div negative`, `try_add try_subtract try_multiply try_divide try_mod`, `= <=> < <= > >=`,
/// `and or not`, `isnull isnotnull`, `& | ^ ~`, `like ilike rlike`, `concat`, `getstructfield getarrayitem getmapvalue`.
/// Analysis rewrites the rest to these: `a != b` is `not(a = b)`, BETWEEN is `and(>=, <=)`, `||` is `concat`.
package struct FunctionName: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package init(stringLiteral value: String) { rawValue = value }
    package var description: String { rawValue }
}

/// How a cast treats a value that its target cannot hold: raise an error, give NULL, or wrap and truncate as Spark did
/// before ANSI mode.
package enum CastMode: Sendable, Hashable {
    case ansi, `try`, legacy
}

package struct CaseBranch: Sendable, Hashable {
    package var condition: Expression
    package var result: Expression

    package init(condition: Expression, result: Expression) {
        self.condition = condition
        self.result = result
    }
}

/// An expression after analysis: columns are positions in the input row, every node has its type, all casts that
/// Spark's coercion inserts are written out.
///
/// What evaluation may rely on:
/// - Both sides of a comparison, all results of `caseWhen`, `coalesce`, `if`, all elements of `inList` have one type.
/// - `+ - * / %` on numbers have operands of one type, which is the result's, with one exception: operands of
///   decimal arithmetic keep their own precision and scale, and the node's type is the result's, to which the exact
///   value is rounded HALF_UP (`/` of integers arrives as `/` of doubles). `div` takes longs or decimals, gives long.
/// - Date arithmetic arrives under names: `date_add(date, int)`, `date_sub`, `datediff`, `add_months(date, int)`,
///   `timestampadd_micros(timestamp, dayTimeInterval)`. Intervals are Int64 microseconds or Int32 months.
/// - A non-deterministic or context function (`rand`, `current_timestamp`) arrives as a literal where it is constant
///   within a query.
package indirect enum Expression: Sendable, Hashable {
    case literal(Scalar, DataType)
    case column(index: Int, DataType, nullable: Bool)
    case call(FunctionName, [Expression], DataType)
    case cast(Expression, to: DataType, mode: CastMode)
    /// Branches are tried in order; without `otherwise` the result is NULL. Later branches must not be evaluated for
    /// rows an earlier one took (they may raise errors).
    case caseWhen(branches: [CaseBranch], otherwise: Expression?, DataType)
    /// SQL `IN`: NULL when there is no match and the value or an element is NULL.
    case inList(Expression, [Expression])
    /// The single value of an uncorrelated scalar subquery; replaced by a literal before execution.
    case scalarSubquery(id: Int, DataType)

    package var dataType: DataType {
        switch self {
        case .literal(_, let type), .column(_, let type, _), .call(_, _, let type), .caseWhen(_, _, let type),
            .scalarSubquery(_, let type):
            type
        case .cast(_, let type, _): type
        case .inList: .boolean
        }
    }

    package static let `true` = Expression.literal(.bool(true), .boolean)
    package static let `false` = Expression.literal(.bool(false), .boolean)

    package static func null(_ type: DataType) -> Expression { .literal(.null, type) }

    package var isNullLiteral: Bool {
        if case .literal(.null, _) = self { true } else { false }
    }

    package var isLiteral: Bool {
        if case .literal = self { true } else { false }
    }

    package var children: [Expression] {
        switch self {
        case .literal, .column, .scalarSubquery: []
        case .call(_, let arguments, _): arguments
        case .cast(let child, _, _): [child]
        case .caseWhen(let branches, let otherwise, _):
            branches.flatMap { [$0.condition, $0.result] } + (otherwise.map { [$0] } ?? [])
        case .inList(let value, let list): [value] + list
        }
    }

    /// The same node over transformed children.
    package func mapChildren<E: Error>(_ transform: (Expression) throws(E) -> Expression) throws(E) -> Expression {
        switch self {
        case .literal, .column, .scalarSubquery: return self
        case .call(let name, let arguments, let type):
            var mapped: [Expression] = []
            for argument in arguments { mapped.append(try transform(argument)) }
            return .call(name, mapped, type)
        case .cast(let child, let type, let mode): return .cast(try transform(child), to: type, mode: mode)
        case .caseWhen(let branches, let otherwise, let type):
            var mapped: [CaseBranch] = []
            for branch in branches {
                mapped.append(
                    CaseBranch(condition: try transform(branch.condition), result: try transform(branch.result)))
            }
            var other: Expression?
            if let otherwise { other = try transform(otherwise) }
            return .caseWhen(branches: mapped, otherwise: other, type)
        case .inList(let value, let list):
            let mappedValue = try transform(value)
            var mapped: [Expression] = []
            for element in list { mapped.append(try transform(element)) }
            return .inList(mappedValue, mapped)
        }
    }

    /// The expression with every column index replaced.
    package func mapColumns(_ transform: (Int) -> Int) -> Expression {
        if case .column(let index, let type, let nullable) = self {
            return .column(index: transform(index), type, nullable: nullable)
        }
        return mapChildren { $0.mapColumns(transform) }
    }

    /// Calls `visit` with the index of every column read, repeats included.
    package func forEachColumn(_ visit: (Int) -> Void) {
        if case .column(let index, _, _) = self { visit(index) }
        for child in children { child.forEachColumn(visit) }
    }

    package var columnsRead: Set<Int> {
        var read: Set<Int> = []
        forEachColumn { read.insert($0) }
        return read
    }

    /// Whether the value may be NULL; true when unknown.
    package var nullable: Bool {
        switch self {
        case .literal(let value, _): value == .null
        case .column(_, _, let nullable): nullable
        case .call(let name, let arguments, _):
            switch name.rawValue {
            case "isnull", "isnotnull", "<=>": false
            case "coalesce", "ifnull", "nvl": arguments.allSatisfy(\.nullable)
            case "=", "<", "<=", ">", ">=", "and", "or", "not", "upper", "lower", "trim", "concat", "length":
                arguments.contains(where: \.nullable)
            case "+", "-", "*", "negative", "abs":
                if case .decimal = dataType { true } else { arguments.contains(where: \.nullable) }
            default: true
            }
        case .cast(let child, _, let mode): mode != .ansi || child.nullable
        case .caseWhen(let branches, let otherwise, _):
            otherwise.map { $0.nullable || branches.contains { $0.result.nullable } } ?? true
        case .inList(let value, let list): value.nullable || list.contains(where: \.nullable)
        case .scalarSubquery: true
        }
    }
}

/// One aggregate of a grouping: `function(arguments)`, over the rows for which `filter` is true.
///
/// Functions: `count` (no argument: rows; else rows with all arguments not NULL), `sum`, `avg`, `min`, `max`, `first`,
/// `last`, `any_value` (optional second argument: literal ignoreNulls), `bool_and`, `bool_or`, `count_if`,
/// `collect_list`, `collect_set`, `stddev_samp`, `stddev_pop`, `var_samp`, `var_pop`, `max_by`, `min_by`.
/// Arguments are cast already: `sum` sees long, double or decimal, `avg` double or decimal.
package struct AggregateCall: Sendable, Hashable {
    package var function: FunctionName
    package var arguments: [Expression]
    package var distinct: Bool
    package var filter: Expression?
    package var resultType: DataType

    package init(
        function: FunctionName, arguments: [Expression], distinct: Bool = false, filter: Expression? = nil,
        resultType: DataType
    ) {
        self.function = function
        self.arguments = arguments
        self.distinct = distinct
        self.filter = filter
        self.resultType = resultType
    }

    /// Whether the result may be NULL: counts and collections never are.
    package var nullable: Bool {
        !["count", "count_if", "collect_list", "collect_set"].contains(function.rawValue)
    }
}

/// One key of an ordering. Spark's defaults: ascending with NULLs first, descending with NULLs last.
package struct SortOrder: Sendable, Hashable {
    package var expression: Expression
    package var descending: Bool
    package var nullsFirst: Bool

    package init(_ expression: Expression, descending: Bool = false, nullsFirst: Bool? = nil) {
        self.expression = expression
        self.descending = descending
        self.nullsFirst = nullsFirst ?? !descending
    }
}

package struct NamedExpression: Sendable, Hashable {
    package var name: String
    package var expression: Expression

    package init(_ name: String, _ expression: Expression) {
        self.name = name
        self.expression = expression
    }
}
