import Columnar

extension UnresolvedPlan {
    /// The plan with tables replaced where `transform` gives something; names of common table expressions in scope are
    /// left alone, subqueries in expressions are followed.
    package func mapTables(_ transform: ([String], [String: String]) -> UnresolvedPlan?) -> UnresolvedPlan {
        func map(_ plan: UnresolvedPlan) -> UnresolvedPlan { plan.mapTables(transform) }
        func map(_ expression: UnresolvedExpression) -> UnresolvedExpression { expression.mapPlans(map) }
        func map(_ orders: [UnresolvedSortOrder]) -> [UnresolvedSortOrder] {
            orders.map { UnresolvedSortOrder(map($0.expression), descending: $0.descending, nullsFirst: $0.nullsFirst) }
        }
        switch self {
        case .table(let name, let options, _): return transform(name, options) ?? self
        case .read, .relation, .oneRow, .localRows, .range: return self
        case .values(let rows, let names): return .values(rows.map { $0.map { map($0) } }, names: names)
        case .select(var select):
            select.outputs = select.outputs.map { map($0) }
            select.input = map(select.input)
            select.condition = select.condition.map { map($0) }
            select.grouping = select.grouping?.map { map($0) }
            select.having = select.having.map { map($0) }
            select.order = map(select.order)
            return .select(select)
        case .filter(let condition, let input): return .filter(map(condition), map(input))
        case .join(var join):
            join.left = map(join.left)
            join.right = map(join.right)
            if case .on(let condition) = join.condition { join.condition = .on(map(condition)) }
            return .join(join)
        case .sort(let orders, let input): return .sort(map(orders), map(input))
        case .limit(let count, let offset, let input):
            return .limit(count.map { map($0) }, offset: offset.map { map($0) }, map(input))
        case .distinct(let input): return .distinct(map(input))
        case .setOperation(let operation, let all, let byName, let inputs):
            return .setOperation(operation, all: all, byName: byName, inputs.map { map($0) })
        case .alias(let input, let name, let columns): return .alias(map(input), name: name, columns: columns)
        case .with(let definitions, let body):
            var hidden: Set<String> = []
            func visible(_ plan: UnresolvedPlan) -> UnresolvedPlan {
                plan.mapTables { name, options in
                    name.count == 1 && hidden.contains(name[0].lowercased()) ? nil : transform(name, options)
                }
            }
            var list: [CommonTableExpression] = []
            for definition in definitions {
                var copy = definition
                copy.plan = visible(definition.plan)
                list.append(copy)
                hidden.insert(definition.name.lowercased())
            }
            return .with(list, visible(body))
        case .withColumns(let columns, let input):
            return .withColumns(columns.map { ($0.name, map($0.expression)) }, map(input))
        case .renameColumns(let names, let input): return .renameColumns(names, map(input))
        case .dropColumns(let names, let input): return .dropColumns(names, map(input))
        }
    }

    /// Whether a table of that one-part name is read.
    package func reads(_ name: String) -> Bool {
        var found = false
        _ = mapTables { parts, _ in
            if parts.count == 1, parts[0].lowercased() == name.lowercased() { found = true }
            return nil
        }
        return found
    }
}

extension UnresolvedExpression {
    /// The expression with the plans of its subqueries replaced.
    func mapPlans(_ transform: (UnresolvedPlan) -> UnresolvedPlan) -> UnresolvedExpression {
        func map(_ child: UnresolvedExpression) -> UnresolvedExpression { child.mapPlans(transform) }
        switch self {
        case .literal, .attribute, .star: return self
        case .function(var call):
            call.arguments = call.arguments.map { map($0) }
            call.filter = call.filter.map { map($0) }
            return .function(call)
        case .cast(let child, let type, let mode): return .cast(map(child), type, mode)
        case .alias(let child, let name): return .alias(map(child), name)
        case .caseWhen(let branches, let otherwise):
            return .caseWhen(
                branches: branches.map { UnresolvedCaseBranch(condition: map($0.condition), result: map($0.result)) },
                otherwise: otherwise.map { map($0) })
        case .inList(let value, let list): return .inList(map(value), list.map { map($0) })
        case .inSubquery(let value, let plan): return .inSubquery(map(value), transform(plan))
        case .exists(let plan): return .exists(transform(plan))
        case .scalarSubquery(let plan): return .scalarSubquery(transform(plan))
        case .extract(let value, let key): return .extract(map(value), map(key))
        }
    }
}
