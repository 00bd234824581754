package import Columnar

/// Rewrites a plan into an equivalent cheaper one.
///
/// 1. Constants are folded and trivial conditions removed.
/// 2. Filters move towards the scans, and into the conditions of joins.
/// 3. Limits move below projections.
/// 4. Columns that nothing reads are not produced; projections of projections become one.
package struct Optimizer {
    /// Evaluates an expression that reads no column. What it throws is kept for run time, when the row is reached.
    package typealias ConstantEvaluator = (Expression) throws -> Scalar

    let evaluate: ConstantEvaluator
    let enabled: Bool

    /// - Parameter enabled: false leaves only what execution cannot do without.
    package init(enabled: Bool = true, evaluate: @escaping ConstantEvaluator) {
        self.enabled = enabled
        self.evaluate = evaluate
    }

    package func optimize(_ plan: LogicalPlan) -> LogicalPlan {
        guard enabled else { return plan }
        let folded = fold(plan)
        let pushed = push([], into: folded)
        let limited = pushLimits(pushed)
        return collapse(ColumnPruning.prune(collapse(limited)))
    }

    // MARK: - Folding

    private func fold(_ plan: LogicalPlan) -> LogicalPlan {
        let mapped = plan.mapChildren { fold($0) }.mapExpressions { fold($0) }
        if case .filter(let condition, let input) = mapped {
            if condition == .true { return input }
            if condition == .false || condition.isNullLiteral {
                return .values(PhysicalPlan.Values(schema: StructType(input.fields), rows: []))
            }
        }
        return mapped
    }

    package func fold(_ expression: Expression) -> Expression {
        let folded = expression.mapChildren { fold($0) }
        switch folded {
        case .literal, .column, .scalarSubquery: return folded
        case .call("and", let sides, _):
            if sides.contains(.false) { return .false }
            if sides[0] == .true { return sides[1] }
            if sides[1] == .true { return sides[0] }
        case .call("or", let sides, _):
            if sides.contains(.true) { return .true }
            if sides[0] == .false { return sides[1] }
            if sides[1] == .false { return sides[0] }
            if let factored = factored(folded) { return factored }
        case .caseWhen(let branches, let otherwise, let type):
            if let first = branches.first, case .literal(let value, _) = first.condition {
                if value == .bool(true) { return first.result }
                let rest = Array(branches.dropFirst())
                return rest.isEmpty
                    ? otherwise ?? .null(type) : fold(.caseWhen(branches: rest, otherwise: otherwise, type))
            }
            return folded
        case .call("$aggregate", _, _), .call("$window", _, _): return folded
        default: break
        }
        guard folded.children.allSatisfy(\.isLiteral), !folded.children.isEmpty, !folded.dataType.isNested else {
            return folded
        }
        if let value = try? evaluate(folded) { return .literal(value, folded.dataType) }  // Raised when reached.
        return folded
    }

    /// `(a and b) or (a and c)` as `a and (b or c)`, so that `a` can be a join key or be pushed down.
    private func factored(_ expression: Expression) -> Expression? {
        let alternatives = expression.disjuncts.map(\.conjuncts)
        guard let first = alternatives.first, alternatives.count <= 64 else { return nil }
        let common = first.filter { term in alternatives.allSatisfy { $0.contains(term) } }
        guard !common.isEmpty else { return nil }
        let rests = alternatives.map { terms in terms.filter { !common.contains($0) } }
        if rests.contains(where: \.isEmpty) { return Expression.conjunction(common) }
        let either = rests.map { Expression.conjunction($0) }
        return Expression.conjunction(common + [Expression.disjunction(either)])
    }

    // MARK: - Filters

    /// Places `conditions`, which are over `plan`'s output, as deep as they can go.
    private func push(_ conditions: [Expression], into plan: LogicalPlan) -> LogicalPlan {
        switch plan {
        case .filter(let condition, let input):
            return push(condition.conjuncts + conditions, into: input)
        case .project(let list, let input):
            return .project(list, push(conditions.map { $0.substituted(list.map(\.expression)) }, into: input))
        case .aggregate(var node):
            let keys = node.grouping.count
            let below = conditions.filter { keys > 0 && $0.columnsRead.allSatisfy { $0 < keys } && !$0.columnsRead.isEmpty }
            let above = conditions.filter { !below.contains($0) }
            node.input = push(below.map { $0.substituted(node.grouping.map(\.expression)) }, into: node.input)
            return filtered(.aggregate(node), above)
        case .join(let join): return push(conditions, into: join)
        case .sort(let orders, let input): return .sort(orders, push(conditions, into: input))
        case .union(let inputs): return .union(inputs.map { push(conditions, into: $0) })
        case .window(var node):
            let keys = node.partition.compactMap { if case .column(let index, _, _) = $0 { index } else { nil } }
            let below = conditions.filter { !$0.columnsRead.isEmpty && $0.columnsRead.allSatisfy { keys.contains($0) } }
            let above = conditions.filter { !below.contains($0) }
            node.input = push(below, into: node.input)
            return filtered(.window(node), above)
        case .limit(let count, let offset, let input):
            return filtered(.limit(count: count, offset: offset, push([], into: input)), conditions)
        case .scan, .values: return filtered(plan, conditions)
        }
    }

    private func filtered(_ plan: LogicalPlan, _ conditions: [Expression]) -> LogicalPlan {
        conditions.isEmpty ? plan : .filter(Expression.conjunction(conditions), plan)
    }

    private func push(_ conditions: [Expression], into join: LogicalPlan.Join) -> LogicalPlan {
        var result = join
        let base = join.left.columnCount
        func onLeft(_ condition: Expression) -> Bool {
            !condition.columnsRead.isEmpty && condition.columnsRead.allSatisfy { $0 < base }
        }
        func onRight(_ condition: Expression) -> Bool {
            !condition.columnsRead.isEmpty && condition.columnsRead.allSatisfy { $0 >= base }
        }
        func shifted(_ condition: Expression) -> Expression { condition.mapColumns { $0 - base } }
        var left: [Expression] = []
        var right: [Expression] = []
        var above: [Expression] = []
        var on = join.condition?.conjuncts ?? []
        switch join.type {
        case .inner, .cross:
            let all = conditions + on
            left = all.filter(onLeft)
            right = all.filter(onRight).map(shifted)
            on = all.filter { !onLeft($0) && !onRight($0) }
            result.type = on.isEmpty ? .cross : .inner
        case .leftOuter:
            left = conditions.filter(onLeft)
            above = conditions.filter { !onLeft($0) }
            right = on.filter(onRight).map(shifted)
            on = on.filter { !onRight($0) }
        case .rightOuter:
            right = conditions.filter(onRight).map(shifted)
            above = conditions.filter { !onRight($0) }
            left = on.filter(onLeft)
            on = on.filter { !onLeft($0) }
        case .fullOuter: above = conditions
        case .leftSemi, .leftAnti:
            left = conditions
            if !join.nullAware {
                right = on.filter(onRight).map(shifted)
                on = on.filter { !onRight($0) }
            }
            if join.type == .leftSemi {
                left += on.filter(onLeft)
                on = on.filter { !onLeft($0) }
            }
        }
        result.condition = on.isEmpty ? nil : Expression.conjunction(on)
        result.left = push(left, into: join.left)
        result.right = push(right, into: join.right)
        return filtered(.join(result), above)
    }

    // MARK: - Projections

    /// Joins stacked projections, unless that would compute something twice.
    private func collapse(_ plan: LogicalPlan) -> LogicalPlan {
        let mapped = plan.mapChildren { collapse($0) }
        if case .project(let list, let input) = mapped, isIdentity(list, input) { return input }
        guard case .project(let outer, .project(let inner, let input)) = mapped else { return mapped }
        var uses = [Int](repeating: 0, count: inner.count)
        for named in outer { named.expression.forEachColumn { uses[$0] += 1 } }
        for (count, named) in zip(uses, inner) where count > 1 {
            guard named.expression.children.isEmpty else { return mapped }
        }
        let expressions = inner.map(\.expression)
        return .project(outer.map { NamedExpression($0.name, $0.expression.substituted(expressions)) }, input)
    }

    /// Whether a projection gives its input's columns as they are. Over a scan it says which columns are read.
    private func isIdentity(_ list: [NamedExpression], _ input: LogicalPlan) -> Bool {
        if case .scan = input { return false }
        let fields = input.fields
        guard list.count == fields.count else { return false }
        return list.enumerated().allSatisfy { index, named in
            if case .column(index, _, _) = named.expression { named.name == fields[index].name } else { false }
        }
    }

    // MARK: - Limits

    private func pushLimits(_ plan: LogicalPlan) -> LogicalPlan {
        if case .limit(let count, let offset, .project(let list, let input)) = plan {
            return .project(list, pushLimits(.limit(count: count, offset: offset, input)))
        }
        return plan.mapChildren { pushLimits($0) }
    }
}

extension Expression {
    var disjuncts: [Expression] {
        if case .call("or", let arguments, _) = self { return arguments.flatMap(\.disjuncts) }
        return [self]
    }

    static func disjunction(_ terms: [Expression]) -> Expression {
        guard terms.count > 1 else { return terms.first ?? .false }
        let middle = terms.count / 2
        return .call("or", [disjunction(Array(terms[..<middle])), disjunction(Array(terms[middle...]))], .boolean)
    }

    /// Columns replaced by the expressions that compute them.
    func substituted(_ expressions: [Expression]) -> Expression {
        if case .column(let index, _, _) = self { return expressions[index] }
        return mapChildren { $0.substituted(expressions) }
    }
}

extension LogicalPlan {
    package var children: [LogicalPlan] {
        switch self {
        case .scan, .values: []
        case .filter(_, let input), .project(_, let input), .sort(_, let input), .limit(_, _, let input): [input]
        case .aggregate(let node): [node.input]
        case .join(let node): [node.left, node.right]
        case .union(let inputs): inputs
        case .window(let node): [node.input]
        }
    }

    func mapChildren(_ transform: (LogicalPlan) -> LogicalPlan) -> LogicalPlan {
        switch self {
        case .scan, .values: return self
        case .filter(let condition, let input): return .filter(condition, transform(input))
        case .project(let list, let input): return .project(list, transform(input))
        case .sort(let orders, let input): return .sort(orders, transform(input))
        case .limit(let count, let offset, let input): return .limit(count: count, offset: offset, transform(input))
        case .aggregate(var node):
            node.input = transform(node.input)
            return .aggregate(node)
        case .join(var node):
            node.left = transform(node.left)
            node.right = transform(node.right)
            return .join(node)
        case .union(let inputs): return .union(inputs.map(transform))
        case .window(var node):
            node.input = transform(node.input)
            return .window(node)
        }
    }

    /// The node's own expressions transformed, types unchanged.
    package func mapExpressions<E: Error>(_ transform: (Expression) throws(E) -> Expression) throws(E) -> LogicalPlan {
        func orders(_ list: [SortOrder]) throws(E) -> [SortOrder] {
            var result = list
            for index in list.indices { result[index].expression = try transform(list[index].expression) }
            return result
        }
        func named(_ list: [NamedExpression]) throws(E) -> [NamedExpression] {
            var result = list
            for index in list.indices { result[index].expression = try transform(list[index].expression) }
            return result
        }
        switch self {
        case .scan, .values, .limit, .union: return self
        case .filter(let condition, let input): return .filter(try transform(condition), input)
        case .project(let list, let input): return .project(try named(list), input)
        case .sort(let list, let input): return .sort(try orders(list), input)
        case .aggregate(var node):
            node.grouping = try named(node.grouping)
            for index in node.aggregates.indices {
                for argument in node.aggregates[index].arguments.indices {
                    node.aggregates[index].arguments[argument] = try transform(node.aggregates[index].arguments[argument])
                }
                if let filter = node.aggregates[index].filter { node.aggregates[index].filter = try transform(filter) }
            }
            return .aggregate(node)
        case .join(var node):
            if let condition = node.condition { node.condition = try transform(condition) }
            return .join(node)
        case .window(var node):
            for index in node.partition.indices { node.partition[index] = try transform(node.partition[index]) }
            node.order = try orders(node.order)
            for index in node.functions.indices {
                for argument in node.functions[index].arguments.indices {
                    node.functions[index].arguments[argument] = try transform(node.functions[index].arguments[argument])
                }
            }
            return .window(node)
        }
    }

    /// The plan with every scalar subquery replaced by its value.
    package func replacingSubqueries(_ values: [Expression]) -> LogicalPlan {
        func replace(_ expression: Expression) -> Expression {
            if case .scalarSubquery(let id, _) = expression, values.indices.contains(id) { return values[id] }
            return expression.mapChildren { replace($0) }
        }
        return mapChildren { $0.replacingSubqueries(values) }.mapExpressions { replace($0) }
    }
}
