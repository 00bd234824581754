import Columnar

/// Chooses how a logical plan runs: what each scan reads, which join side is built, where a sort keeps only the top.
package struct PhysicalPlanner {
    package init() {}

    package func plan(_ plan: LogicalPlan) -> PhysicalPlan {
        switch plan {
        case .scan(let relation): return scan(relation, columns: Array(relation.allFields.indices), filters: [])
        case .values(let values): return .values(values)
        case .project(let list, let input):
            if let columns = Self.plainColumns(list), let scan = scanned(columns, list, input) { return scan }
            return .project(list, input: self.plan(input))
        case .filter(let condition, .project(let list, .scan(let relation))):
            // A pruned scan: the relation also gets the filter, over its own positions.
            if let columns = Self.plainColumns(list) {
                let filters = condition.conjuncts.map { $0.mapColumns { columns[$0] } }
                return .filter(condition, input: scan(relation, columns: columns, filters: filters))
            }
            return .filter(condition, input: self.plan(.project(list, .scan(relation))))
        case .filter(let condition, .scan(let relation)):
            return .filter(
                condition,
                input: scan(relation, columns: Array(relation.allFields.indices), filters: condition.conjuncts))
        case .filter(let condition, let input): return .filter(condition, input: self.plan(input))
        case .aggregate(let node):
            return .hashAggregate(
                PhysicalPlan.HashAggregate(
                    grouping: node.grouping, aggregates: node.aggregates, aggregateNames: node.aggregateNames,
                    input: self.plan(node.input)))
        case .join(let node): return join(node)
        case .sort(let orders, let input): return .sort(orders, limit: nil, input: self.plan(input))
        case .limit(let count, let offset, .sort(let orders, let input)):
            var top: Int64?
            if let count {
                let (sum, overflow) = count.addingReportingOverflow(offset)
                top = overflow ? nil : sum
            }
            return .limit(count: count, offset: offset, input: .sort(orders, limit: top, input: self.plan(input)))
        case .limit(let count, let offset, let input):
            return .limit(count: count, offset: offset, input: self.plan(input))
        case .union(let inputs): return .union(inputs.map { self.plan($0) })
        case .window(let node):
            return .window(
                PhysicalPlan.Window(
                    partition: node.partition, order: node.order, functions: node.functions, input: self.plan(node.input)))
        }
    }

    private func scan(_ relation: any ScanRelation, columns: [Int], filters: [Expression]) -> PhysicalPlan {
        .scan(PhysicalPlan.Scan(relation: relation, columns: columns, filters: filters))
    }

    /// The column each entry passes on; nil when something is computed.
    private static func plainColumns(_ list: [NamedExpression]) -> [Int]? {
        var columns: [Int] = []
        for named in list {
            guard case .column(let index, _, _) = named.expression else { return nil }
            columns.append(index)
        }
        return columns
    }

    /// A projection of plain columns straight over a scan is the scan itself, when the names agree.
    private func scanned(_ columns: [Int], _ list: [NamedExpression], _ input: LogicalPlan) -> PhysicalPlan? {
        guard case .scan(let relation) = input, Set(columns).count == columns.count else { return nil }
        let fields = relation.allFields
        guard zip(columns, list).allSatisfy({ fields[$0].name == $1.name }) else { return nil }
        return scan(relation, columns: columns, filters: [])
    }

    // MARK: - Joins

    private func join(_ node: LogicalPlan.Join) -> PhysicalPlan {
        let base = node.left.columnCount
        var leftKeys: [Expression] = []
        var rightKeys: [Expression] = []
        var nullSafe: Set<Int> = []
        var residual: [Expression] = []
        for conjunct in node.condition?.conjuncts ?? [] {
            guard case .call(let name, let sides, _) = conjunct, name == "=" || name == "<=>", sides.count == 2,
                let pair = Self.split(sides, base)
            else {
                residual.append(conjunct)
                continue
            }
            if name == "<=>" { nullSafe.insert(leftKeys.count) }
            leftKeys.append(pair.0)
            rightKeys.append(pair.1.mapColumns { $0 - base })
        }
        let build: BuildSide
        switch node.type {
        case .rightOuter: build = .left
        case .inner, .cross:
            build = Self.estimate(node.left) < Self.estimate(node.right) ? .left : .right
        default: build = .right
        }
        return .hashJoin(
            PhysicalPlan.HashJoin(
                type: node.type, left: plan(node.left), right: plan(node.right), leftKeys: leftKeys, rightKeys: rightKeys,
                nullSafeKeys: nullSafe, residual: residual.isEmpty ? nil : Expression.conjunction(residual),
                buildSide: build, nullAware: node.nullAware))
    }

    /// The sides of an equality in the order left, right; nil when one side reads both inputs or none.
    private static func split(_ sides: [Expression], _ base: Int) -> (Expression, Expression)? {
        let reads = sides.map(\.columnsRead)
        guard !reads[0].isEmpty, !reads[1].isEmpty else { return nil }
        if reads[0].allSatisfy({ $0 < base }), reads[1].allSatisfy({ $0 >= base }) { return (sides[0], sides[1]) }
        if reads[1].allSatisfy({ $0 < base }), reads[0].allSatisfy({ $0 >= base }) { return (sides[1], sides[0]) }
        return nil
    }

    /// Rows expected, roughly: good enough to tell a small side from a large one.
    static func estimate(_ plan: LogicalPlan) -> Double {
        switch plan {
        case .scan(let relation): return relation.estimatedRows.map(Double.init) ?? 1e6
        case .values(let values): return Double(values.rows.count)
        case .filter(let condition, let input):
            return estimate(input) / Double(1 << min(2 * condition.conjuncts.count, 10))
        case .project(_, let input), .sort(_, let input): return estimate(input)
        case .window(let node): return estimate(node.input)
        case .aggregate(let node):
            return node.grouping.isEmpty ? 1 : estimate(node.input) / 4
        case .limit(let count, _, let input): return min(count.map(Double.init) ?? .infinity, estimate(input))
        case .union(let inputs): return inputs.reduce(0) { $0 + estimate($1) }
        case .join(let node):
            let left = estimate(node.left)
            let right = estimate(node.right)
            switch node.type {
            case .leftSemi, .leftAnti: return left
            case .cross: return left * right
            default: return max(left, right)
            }
        }
    }
}
