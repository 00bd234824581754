import Columnar

/// One column of a SELECT list, stars expanded.
struct OutputColumn {
    enum Source {
        case written(UnresolvedExpression)
        case resolved(Expression)
    }

    var name: String
    var expression: Source
}

extension Analyzer {
    func select(_ select: UnresolvedSelect) throws -> (LogicalPlan, Scope) {
        var (plan, scope) = try resolve(select.input)
        if let condition = select.condition { plan = try filter(condition, plan, scope, clause: "WHERE") }
        var outputs: [OutputColumn] = []
        if select.prependsGrouping {
            outputs = (select.grouping ?? []).map { OutputColumn(name: $0.defaultName, expression: .written($0)) }
        }
        for output in select.outputs { outputs += try expanded(output, scope) }
        return try block(select, outputs: outputs, plan, scope)
    }

    private func expanded(_ output: UnresolvedExpression, _ scope: Scope) throws -> [OutputColumn] {
        guard case .star(let qualifier, let except, let position) = output else {
            return [OutputColumn(name: output.defaultName, expression: .written(output))]
        }
        var columns = qualifier.isEmpty ? scope.visible : scope.columns(of: qualifier)
        if columns.isEmpty, !qualifier.isEmpty {
            // `s.*` of a struct column.
            if let (column, members) = try scope.resolve(qualifier, position), members.isEmpty,
                case .structure(let type) = column.dataType
            {
                return type.fields.enumerated().map { index, field in
                    OutputColumn(
                        name: field.name,
                        expression: .resolved(
                            .call("getstructfield", [column.expression, .literal(.int32(Int32(index)), .int)], field.dataType)))
                }
            }
            throw SparkError(
                condition: "CANNOT_RESOLVE_STAR_EXPAND", sqlState: "42704",
                message: "Cannot resolve \(quotedName(qualifier)).* given input columns \(scope.visible.map { "`\($0.name)`" }.joined(separator: ", ")). "
                    + "Please check that the specified table or struct exists and is accessible in the input columns.")
        }
        for name in except {
            guard columns.contains(where: { $0.name.lowercased() == name.lowercased() }) else {
                throw SparkError.unresolvedColumn([name], among: columns.map(\.name), position)
            }
            columns.removeAll { $0.name.lowercased() == name.lowercased() }
        }
        return columns.map { OutputColumn(name: $0.name, expression: .resolved($0.expression)) }
    }

    /// Grouping, outputs, HAVING, windows, DISTINCT and ORDER BY over an input.
    ///
    /// Everything is first resolved over the input, with markers for aggregates and windows; then the markers and the
    /// grouping expressions are replaced by columns of the nodes that compute them.
    func block(
        _ select: UnresolvedSelect, outputs: [OutputColumn], _ input: LogicalPlan, _ scope: Scope
    ) throws -> (LogicalPlan, Scope) {
        let resolver = ExpressionResolver(self, scope: scope)
        resolver.allowsAggregates = true
        resolver.allowsWindows = true
        resolver.clause = "SELECT"
        var expressions: [Expression] = []
        for output in outputs {
            switch output.expression {
            case .resolved(let expression): expressions.append(expression)
            case .written(let written):
                let expression = try resolver.resolve(written)
                expressions.append(expression)
                if case .alias(_, let name) = written { resolver.aliases.append((name, expression)) }
            }
        }
        let grouping = try self.grouping(select, outputs, expressions, resolver)
        // From here on, names of outputs come first.
        resolver.aliases = zip(outputs, expressions).map { ($0.name, $1) }
        resolver.aliasesFirst = true
        resolver.allowsWindows = false
        var having = try select.having.map { try resolver.condition($0, "HAVING") }
        resolver.allowsWindows = true
        resolver.clause = "ORDER BY"
        var orders = try select.order.map { try sortOrder($0, expressions, resolver) }

        var plan = input
        if grouping != nil || !resolver.aggregates.isEmpty || having != nil {
            let keys = grouping ?? []
            let aggregate = LogicalPlan.Aggregate(
                grouping: keys, aggregates: resolver.aggregates, aggregateNames: resolver.aggregateNames, input: input)
            plan = .aggregate(aggregate)
            let rewriter = AggregateRewriter(aggregate: aggregate, scope: scope)
            for index in expressions.indices { expressions[index] = try rewriter.rewrite(expressions[index]) }
            having = try having.map { try rewriter.rewrite($0) }
            for index in orders.indices { orders[index].expression = try rewriter.rewrite(orders[index].expression) }
            for index in resolver.windows.indices { try rewriter.rewrite(&resolver.windows[index]) }
            if let having { plan = .filter(having, plan) }
        }
        if !resolver.windows.isEmpty {
            let placed = try windows(resolver.windows, &plan)
            for index in expressions.indices { expressions[index] = replaceWindows(expressions[index], placed) }
            for index in orders.indices { orders[index].expression = replaceWindows(orders[index].expression, placed) }
        }
        return try finish(select, zip(outputs, expressions).map { NamedExpression($0.name, $1) }, orders, plan)
    }

    /// Project, DISTINCT and ORDER BY; what is only needed for ordering is computed beside the outputs and dropped.
    private func finish(
        _ select: UnresolvedSelect, _ outputs: [NamedExpression], _ orders: [SortOrder], _ input: LogicalPlan
    ) throws -> (LogicalPlan, Scope) {
        var list = outputs
        var keys: [SortOrder] = []
        for order in orders {
            let index: Int
            if let known = list.firstIndex(where: { $0.expression == order.expression }) {
                index = known
            } else {
                if select.distinct {
                    throw SparkError(
                        condition: "UNRESOLVED_COLUMN.WITH_SUGGESTION", sqlState: "42703",
                        message: "With SELECT DISTINCT, ORDER BY may only use the selected expressions: "
                            + "[\(outputs.map { "`\($0.name)`" }.joined(separator: ", "))].")
                }
                index = list.count
                list.append(NamedExpression("_order\(index)", order.expression))
            }
            var key = order
            key.expression = .column(
                index: index, list[index].expression.dataType, nullable: list[index].expression.nullable)
            keys.append(key)
        }
        var plan = LogicalPlan.project(list, input)
        if select.distinct { plan = distinct(plan) }
        if !keys.isEmpty { plan = .sort(keys, plan) }
        if list.count > outputs.count {
            plan = .project(outputs.indices.map { NamedExpression(outputs[$0].name, plan.column($0)) }, plan)
        }
        return (plan, Scope(plan.fields))
    }

    private func grouping(
        _ select: UnresolvedSelect, _ outputs: [OutputColumn], _ expressions: [Expression], _ resolver: ExpressionResolver
    ) throws -> [NamedExpression]? {
        guard let written = select.grouping else { return nil }
        if select.groupingAll {
            return zip(outputs, expressions).filter { !$1.containsAggregate }.map { NamedExpression($0.name, $1) }
        }
        let plain = ExpressionResolver(self, scope: resolver.scope)
        plain.aliases = zip(outputs, expressions).map { ($0.name, $1) }
        plain.clause = "GROUP BY"
        var keys: [NamedExpression] = []
        for expression in written {
            var key: NamedExpression
            if case .literal(let value, let type) = expression, type.isIntegral, let ordinal = value.int64Value {
                guard ordinal >= 1, ordinal <= outputs.count else {
                    throw SparkError(
                        condition: "GROUP_BY_POS_OUT_OF_RANGE", sqlState: "42805",
                        message: "GROUP BY position \(ordinal) is not in select list (valid range is [1, \(outputs.count)]).")
                }
                key = NamedExpression(outputs[Int(ordinal) - 1].name, expressions[Int(ordinal) - 1])
                if key.expression.containsAggregate {
                    throw SparkError(
                        condition: "GROUP_BY_POS_AGGREGATE", sqlState: "42903",
                        message: "GROUP BY \(ordinal) refers to an expression \(key.name) that contains an aggregate function. "
                            + "Aggregate functions are not allowed in GROUP BY.")
                }
            } else {
                key = NamedExpression(expression.defaultName, try plain.resolve(expression))
            }
            if key.expression.containsAggregate {
                throw SparkError(
                    condition: "GROUP_BY_AGGREGATE", sqlState: "42903",
                    message: "Aggregate functions are not allowed in GROUP BY, but found \(expression.sqlText).")
            }
            if !keys.contains(where: { $0.expression == key.expression }) { keys.append(key) }
        }
        return keys
    }

    private func sortOrder(
        _ order: UnresolvedSortOrder, _ outputs: [Expression], _ resolver: ExpressionResolver
    ) throws -> SortOrder {
        let expression: Expression
        if case .literal(let value, let type) = order.expression, type.isIntegral, let ordinal = value.int64Value {
            guard ordinal >= 1, ordinal <= outputs.count else {
                throw SparkError(
                    condition: "ORDER_BY_POS_OUT_OF_RANGE", sqlState: "42805",
                    message: "ORDER BY position \(ordinal) is not in select list (valid range is [1, \(outputs.count)]).")
            }
            expression = outputs[Int(ordinal) - 1]
        } else {
            expression = try resolver.resolve(order.expression)
        }
        if case .map = expression.dataType {
            throw SparkError.mismatch(
                "INVALID_ORDERING_TYPE", order.expression.sqlText,
                "The `sortorder` does not support ordering on type \"\(expression.dataType.sql)\".")
        }
        return SortOrder(expression, descending: order.descending, nullsFirst: order.nullsFirst)
    }

    /// ORDER BY over something that is no SELECT block of its own.
    func sort(_ orders: [UnresolvedSortOrder], _ input: UnresolvedPlan) throws -> (LogicalPlan, Scope) {
        // `df.select("a").orderBy("b")`: as in SQL, the block's input is visible too.
        if case .select(var select) = input, select.order.isEmpty {
            select.order = orders
            return try self.select(select)
        }
        let (plan, scope) = try visible(input)
        let resolver = ExpressionResolver(self, scope: scope)
        resolver.clause = "ORDER BY"
        let outputs = scope.columns.map(\.expression)
        return (.sort(try orders.map { try sortOrder($0, outputs, resolver) }, plan), scope)
    }

    // MARK: - Windows

    /// Adds a window node per distinct specification; returns the column of each request.
    private func windows(
        _ requests: [ExpressionResolver.WindowRequest], _ plan: inout LogicalPlan
    ) throws -> [Expression] {
        var placed = [Expression?](repeating: nil, count: requests.count)
        for index in requests.indices where placed[index] == nil {
            let same = requests.indices.filter {
                requests[$0].partition == requests[index].partition && requests[$0].order == requests[index].order
            }
            let base = plan.columnCount
            let calls = same.map { requests[$0].call }
            for (offset, request) in same.enumerated() {
                placed[request] = .column(
                    index: base + offset, calls[offset].resultType, nullable: calls[offset].nullable)
            }
            plan = .window(
                LogicalPlan.Window(
                    partition: requests[index].partition, order: requests[index].order, functions: calls, input: plan))
        }
        return placed.compactMap { $0 }
    }

    private func replaceWindows(_ expression: Expression, _ columns: [Expression]) -> Expression {
        if case .call(ExpressionResolver.windowMarker, let arguments, _) = expression,
            case .literal(.int32(let index), _) = arguments[0], columns.indices.contains(Int(index))
        {
            return columns[Int(index)]
        }
        return expression.mapChildren { replaceWindows($0, columns) }
    }
}

/// Replaces grouping expressions and aggregate markers by the aggregate node's columns.
private struct AggregateRewriter {
    let aggregate: LogicalPlan.Aggregate
    let scope: Scope

    func rewrite(_ expression: Expression) throws -> Expression {
        if let index = aggregate.grouping.firstIndex(where: { $0.expression == expression }) {
            return .column(index: index, expression.dataType, nullable: expression.nullable)
        }
        switch expression {
        case .call(ExpressionResolver.aggregateMarker, let arguments, let type):
            guard case .literal(.int32(let number), _) = arguments[0] else { return expression }
            return .column(
                index: aggregate.grouping.count + Int(number), type, nullable: aggregate.aggregates[Int(number)].nullable)
        case .call(ExpressionResolver.windowMarker, _, _): return expression
        case .column(let index, _, _):
            throw SparkError.missingAggregation(scope.columns.first { $0.index == index }?.name ?? "column \(index)")
        default: return try expression.mapChildren { try rewrite($0) }
        }
    }

    func rewrite(_ request: inout ExpressionResolver.WindowRequest) throws {
        request.partition = try request.partition.map { try rewrite($0) }
        request.call.arguments = try request.call.arguments.map { try rewrite($0) }
        for index in request.order.indices { request.order[index].expression = try rewrite(request.order[index].expression) }
    }
}

extension Expression {
    var containsAggregate: Bool {
        if case .call(let name, _, _) = self,
            name == ExpressionResolver.aggregateMarker || name == ExpressionResolver.windowMarker
        {
            return true
        }
        return children.contains { $0.containsAggregate }
    }
}
