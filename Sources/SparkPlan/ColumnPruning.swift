import Columnar

/// Removes columns that nothing above reads.
///
/// Each node is rebuilt for the set of its output columns that are wanted, and tells where each of them now is.
enum ColumnPruning {
    static func prune(_ plan: LogicalPlan) -> LogicalPlan {
        let fields = plan.fields
        let (pruned, places) = prune(plan, Set(fields.indices))
        if fields.indices.allSatisfy({ places[$0] == $0 }), pruned.columnCount == fields.count { return pruned }
        return .project(
            fields.indices.map { index in
                let place = places[index] ?? 0
                return NamedExpression(
                    fields[index].name, .column(index: place, fields[index].dataType, nullable: fields[index].nullable))
            }, pruned)
    }

    /// Old positions to new ones; at least for `wanted`.
    private typealias Places = [Int: Int]

    private static func moved(_ expression: Expression, _ places: Places) -> Expression {
        expression.mapColumns { places[$0] ?? 0 }
    }

    private static func reads(_ expressions: [Expression]) -> Set<Int> {
        expressions.reduce(into: Set<Int>()) { $0.formUnion($1.columnsRead) }
    }

    private static func prune(_ plan: LogicalPlan, _ wanted: Set<Int>) -> (LogicalPlan, Places) {
        switch plan {
        case .scan:
            // The planner gives a scan's wanted columns to the relation; a projection above names them.
            let fields = plan.fields
            let kept = wanted.sorted()
            if kept.count == fields.count { return (plan, identity(fields.count)) }
            return (
                .project(
                    kept.map {
                        NamedExpression(fields[$0].name, .column(index: $0, fields[$0].dataType, nullable: fields[$0].nullable))
                    }, plan), places(kept)
            )
        case .values(let values):
            let kept = wanted.sorted()
            let fields = values.schema.fields
            if kept.count == fields.count { return (plan, identity(fields.count)) }
            return (
                .values(
                    PhysicalPlan.Values(
                        schema: StructType(kept.map { fields[$0] }), rows: values.rows.map { row in kept.map { row[$0] } })),
                places(kept)
            )
        case .filter(let condition, let input):
            let (inner, map) = prune(input, wanted.union(condition.columnsRead))
            return (.filter(moved(condition, map), inner), map)
        case .project(let list, let input):
            let kept = wanted.sorted()
            let (inner, map) = prune(input, reads(kept.map { list[$0].expression }))
            return (.project(kept.map { NamedExpression(list[$0].name, moved(list[$0].expression, map)) }, inner), places(kept))
        case .aggregate(let node): return prune(node, wanted)
        case .join(let node): return prune(node, wanted)
        case .sort(let orders, let input):
            let (inner, map) = prune(input, wanted.union(reads(orders.map(\.expression))))
            return (.sort(orders.map { moved($0, map) }, inner), map)
        case .limit(let count, let offset, let input):
            let (inner, map) = prune(input, wanted)
            return (.limit(count: count, offset: offset, inner), map)
        case .union(let inputs):
            let kept = wanted.sorted()
            return (.union(inputs.map { exactly(kept, of: $0) }), places(kept))
        case .window(let node): return prune(node, wanted)
        }
    }

    private static func identity(_ count: Int) -> Places {
        Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, $0) })
    }

    private static func places(_ kept: [Int]) -> Places {
        Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    }

    private static func moved(_ order: SortOrder, _ places: Places) -> SortOrder {
        var copy = order
        copy.expression = moved(order.expression, places)
        return copy
    }

    /// Exactly these output columns, in this order.
    private static func exactly(_ kept: [Int], of plan: LogicalPlan) -> LogicalPlan {
        let fields = plan.fields
        let (inner, map) = prune(plan, Set(kept))
        if inner.columnCount == kept.count, kept.enumerated().allSatisfy({ map[$1] == $0 }) { return inner }
        return .project(
            kept.map {
                NamedExpression(fields[$0].name, .column(index: map[$0] ?? 0, fields[$0].dataType, nullable: fields[$0].nullable))
            }, inner)
    }

    private static func prune(_ node: LogicalPlan.Aggregate, _ wanted: Set<Int>) -> (LogicalPlan, Places) {
        let keys = node.grouping.count
        let kept = node.aggregates.indices.filter { wanted.contains(keys + $0) }
        var read = reads(node.grouping.map(\.expression))
        for index in kept {
            read.formUnion(reads(node.aggregates[index].arguments))
            if let filter = node.aggregates[index].filter { read.formUnion(filter.columnsRead) }
        }
        let (inner, map) = prune(node.input, read)
        var result = node
        result.input = inner
        result.grouping = node.grouping.map { NamedExpression($0.name, moved($0.expression, map)) }
        result.aggregates = kept.map { index in
            var call = node.aggregates[index]
            call.arguments = call.arguments.map { moved($0, map) }
            call.filter = call.filter.map { moved($0, map) }
            return call
        }
        result.aggregateNames = kept.map { node.aggregateNames[$0] }
        var places = identity(keys)
        for (position, index) in kept.enumerated() { places[keys + index] = keys + position }
        return (.aggregate(result), places)
    }

    private static func prune(_ node: LogicalPlan.Join, _ wanted: Set<Int>) -> (LogicalPlan, Places) {
        let base = node.left.columnCount
        let read = wanted.union(node.condition?.columnsRead ?? [])
        let (left, leftMap) = prune(node.left, read.filter { $0 < base })
        let (right, rightMap) = prune(node.right, Set(read.filter { $0 >= base }.map { $0 - base }))
        var places = leftMap
        let newBase = left.columnCount
        for (old, new) in rightMap { places[old + base] = new + newBase }
        var result = node
        result.left = left
        result.right = right
        result.condition = node.condition.map { moved($0, places) }
        return (.join(result), places)
    }

    private static func prune(_ node: LogicalPlan.Window, _ wanted: Set<Int>) -> (LogicalPlan, Places) {
        let base = node.input.columnCount
        let kept = node.functions.indices.filter { wanted.contains(base + $0) }
        var read = wanted.filter { $0 < base }
        if kept.isEmpty { return prune(node.input, read) }
        read.formUnion(reads(node.partition + node.order.map(\.expression) + kept.flatMap { node.functions[$0].arguments }))
        let (inner, map) = prune(node.input, read)
        var result = node
        result.input = inner
        result.partition = node.partition.map { moved($0, map) }
        result.order = node.order.map { moved($0, map) }
        result.functions = kept.map { index in
            var call = node.functions[index]
            call.arguments = call.arguments.map { moved($0, map) }
            return call
        }
        var places = map
        let newBase = inner.columnCount
        for (position, index) in kept.enumerated() { places[base + index] = newBase + position }
        return (.window(result), places)
    }
}
