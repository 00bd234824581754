import Columnar

extension Analyzer {
    // MARK: - WHERE

    /// A filter; conjuncts that are IN (subquery) or EXISTS become semi and anti joins.
    func filter(
        _ condition: UnresolvedExpression, _ input: LogicalPlan, _ scope: Scope, clause: String
    ) throws -> LogicalPlan {
        var plan = input
        var plain: [Expression] = []
        let resolver = ExpressionResolver(self, scope: scope)
        resolver.clause = clause
        for conjunct in Self.conjuncts(condition) {
            var negated = false
            var test = conjunct
            while case .function(let call) = test, call.name == "not", call.arguments.count == 1 {
                negated.toggle()
                test = call.arguments[0]
            }
            switch test {
            case .inSubquery(let value, let query):
                plan = try semiJoin(plan, try resolver.resolve(value), query, negated: negated, sql: test.sqlText)
            case .exists:
                throw SparkError.unsupported("EXISTS; use LEFT SEMI JOIN or LEFT ANTI JOIN")
            default: plain.append(try resolver.condition(conjunct, clause))
            }
        }
        return plain.isEmpty ? plan : .filter(Expression.conjunction(plain), plan)
    }

    static func conjuncts(_ condition: UnresolvedExpression) -> [UnresolvedExpression] {
        if case .function(let call) = condition, call.name == "and", call.arguments.count == 2 {
            return conjuncts(call.arguments[0]) + conjuncts(call.arguments[1])
        }
        return [condition]
    }

    private func semiJoin(
        _ left: LogicalPlan, _ value: Expression, _ query: UnresolvedPlan, negated: Bool, sql: String
    ) throws -> LogicalPlan {
        let (right, scope) = try visible(query)
        guard scope.columns.count == 1 else {
            throw SparkError.mismatch(
                "IN_SUBQUERY_LENGTH_MISMATCH", sql,
                "The number of columns in the left hand side of an IN subquery does not match the number of columns in the output of subquery. "
                    + "Left hand side columns(length: 1), right hand side columns(length: \(scope.columns.count)).")
        }
        guard let type = Coercion.common(value.dataType, scope.columns[0].dataType) else {
            throw SparkError.mismatch(
                "IN_SUBQUERY_DATA_TYPE_MISMATCH", sql,
                "The data type of one or more elements in the left hand side of an IN subquery is not compatible with the data type of the output of the subquery.")
        }
        let other = Expression.column(
            index: left.columnCount, scope.columns[0].dataType, nullable: scope.columns[0].nullable)
        let condition = Expression.call("=", [Coercion.cast(value, type), Coercion.cast(other, type)], .boolean)
        return .join(
            LogicalPlan.Join(
                type: negated ? .leftAnti : .leftSemi, left: left, right: right, condition: condition, nullAware: negated))
    }

    // MARK: - Joins

    func join(_ join: UnresolvedJoin) throws -> (LogicalPlan, Scope) {
        let (left, leftScope) = try resolve(join.left)
        let (right, rightScope) = try resolve(join.right)
        let base = left.columnCount
        let semi = join.type == .leftSemi || join.type == .leftAnti
        func nullable(_ column: Scope.Column, _ optional: Bool, offset: Int) -> Scope.Column {
            var copy = column
            copy.index += offset
            copy.nullable = copy.nullable || optional
            return copy
        }
        let inner = Scope(
            leftScope.columns + rightScope.columns.map { nullable($0, false, offset: base) })
        var leftOut = leftScope.columns.map { nullable($0, join.type == .rightOuter || join.type == .fullOuter, offset: 0) }
        var rightOut = rightScope.columns.map { nullable($0, join.type == .leftOuter || join.type == .fullOuter, offset: base) }
        var condition: Expression?
        var names: [String] = []
        switch join.condition {
        case .none: break
        case .on(let written):
            let resolver = ExpressionResolver(self, scope: inner)
            condition = try resolver.condition(written, "JOIN")
        case .using(let list): names = list
        case .natural:
            let others = Set(rightScope.visible.map { $0.name.lowercased() })
            names = leftScope.visible.map(\.name).filter { others.contains($0.lowercased()) }
        }
        if names.isEmpty {
            let type: JoinType = join.type == .cross && condition != nil ? .inner : join.type
            let plan = LogicalPlan.join(LogicalPlan.Join(type: type, left: left, right: right, condition: condition))
            return (plan, Scope(semi ? leftOut : leftOut + rightOut))
        }
        // USING: each name once, then what remains of the left and of the right.
        var keys: [Scope.Column] = []
        var computed: [NamedExpression] = []
        var tests: [Expression] = []
        for name in names {
            let pair = try [(leftScope, leftOut, 0), (rightScope, rightOut, base)].map { scope, out, offset in
                let matches = scope.visible.filter { $0.name.lowercased() == name.lowercased() }
                if matches.count > 1 { throw SparkError.ambiguous([name], matches.map(\.fullName), nil) }
                guard let found = matches.first, let column = out.first(where: { $0.index == found.index + offset && !$0.hidden }) else {
                    throw SparkError(
                        condition: "UNRESOLVED_USING_COLUMN_FOR_JOIN", sqlState: "42703",
                        message: "USING column `\(name)` cannot be resolved on the \(offset == 0 ? "left" : "right") side of the join. "
                            + "The \(offset == 0 ? "left" : "right")-side columns: [\(scope.visible.map { "`\($0.name)`" }.joined(separator: ", "))].")
                }
                return column
            }
            guard let type = Coercion.common(pair[0].dataType, pair[1].dataType) else {
                throw SparkError.mismatch(
                    "BINARY_OP_DIFF_TYPES", "(\(name) = \(name))",
                    "the left and right operands of the binary operator have incompatible types (\"\(pair[0].dataType.sql)\" and \"\(pair[1].dataType.sql)\").")
            }
            let sides = pair.map { Coercion.cast($0.expression, type) }
            tests.append(.call("=", sides, .boolean))
            var key = join.type == .rightOuter ? pair[1] : pair[0]
            if join.type == .fullOuter {
                key.qualifier = []
                key.index = base + right.columnCount + computed.count
                key.dataType = type
                computed.append(NamedExpression(key.name, .call("coalesce", sides, type)))
            }
            keys.append(key)
            for index in leftOut.indices where leftOut[index].index == pair[0].index { leftOut[index].hidden = true }
            for index in rightOut.indices where rightOut[index].index == pair[1].index { rightOut[index].hidden = true }
        }
        var plan = LogicalPlan.join(
            LogicalPlan.Join(
                type: join.type == .cross ? .inner : join.type, left: left, right: right, condition: Expression.conjunction(tests)))
        if !computed.isEmpty {
            let all = plan.fields.indices.map { NamedExpression(plan.fields[$0].name, plan.column($0)) }
            plan = .project(all + computed, plan)
        }
        // The kept side's column is already there as the key, under its qualifier.
        let rest = (leftOut + (semi ? [] : rightOut)).filter { column in
            !(column.hidden && keys.contains { $0.index == column.index })
        }
        return (plan, Scope(keys + rest))
    }

    // MARK: - Set operations

    func setOperation(
        _ operation: SetOperation, all: Bool, byName: Bool, _ inputs: [UnresolvedPlan]
    ) throws -> (LogicalPlan, Scope) {
        var plans = try inputs.map { try visible($0).0 }
        let first = plans[0].fields
        for plan in plans where plan.columnCount != first.count {
            throw SparkError(
                condition: "NUM_COLUMNS_MISMATCH", sqlState: "42826",
                message: "\(operation.rawValue) can only be performed on inputs with the same number of columns, but the first input has \(first.count) columns and the second input has \(plan.columnCount) columns.")
        }
        if byName {
            for index in plans.indices.dropFirst() { plans[index] = try reordered(plans[index], as: first) }
        }
        var types: [DataType] = []
        for column in first.indices {
            guard let type = Coercion.common(plans.map { $0.fields[column].dataType }) else {
                throw SparkError(
                    condition: "INCOMPATIBLE_COLUMN_TYPE", sqlState: "42825",
                    message: "\(operation.rawValue) can only be performed on tables with compatible column types. The column number \(column + 1) "
                        + "of the second table is \"\(plans.dropFirst().first?.fields[column].dataType.sql ?? "")\" type which is not compatible with \"\(first[column].dataType.sql)\" at the same column of the first table.")
            }
            types.append(type)
        }
        plans = plans.map { plan in
            let fields = plan.fields
            if fields.indices.allSatisfy({ Coercion.sameIgnoringNullability(fields[$0].dataType, types[$0]) }) { return plan }
            return .project(
                fields.indices.map { NamedExpression(first[$0].name, Coercion.cast(plan.column($0), types[$0])) }, plan)
        }
        switch operation {
        case .union:
            let plan = LogicalPlan.union(plans)
            let result = all ? plan : distinct(plan)
            return (result, Scope(result.fields))
        case .intersect, .except:
            if all { throw SparkError.unsupported("\(operation.rawValue) ALL") }
            let left = distinct(plans[0])
            let right = plans[1]
            let tests = first.indices.map { index -> Expression in
                let field = right.fields[index]
                return .call(
                    "<=>",
                    [left.column(index), .column(index: first.count + index, field.dataType, nullable: field.nullable)],
                    .boolean)
            }
            let plan = LogicalPlan.join(
                LogicalPlan.Join(
                    type: operation == .intersect ? .leftSemi : .leftAnti, left: left, right: right,
                    condition: Expression.conjunction(tests)))
            return (plan, Scope(plan.fields))
        }
    }

    private func reordered(_ plan: LogicalPlan, as fields: [StructField]) throws -> LogicalPlan {
        let schema = StructType(plan.fields)
        return .project(
            try fields.map { field in
                guard let index = schema.index(of: field.name) else {
                    throw SparkError.unresolvedColumn([field.name], among: schema.fields.map(\.name), nil)
                }
                return NamedExpression(field.name, plan.column(index))
            }, plan)
    }
}

extension Expression {
    package static func conjunction(_ terms: [Expression]) -> Expression {
        guard !terms.isEmpty else { return .true }
        if terms.count == 1 { return terms[0] }
        let middle = terms.count / 2
        return .call("and", [conjunction(Array(terms[..<middle])), conjunction(Array(terms[middle...]))], .boolean)
    }

    package var conjuncts: [Expression] {
        if case .call("and", let arguments, _) = self { return arguments.flatMap(\.conjuncts) }
        return [self]
    }
}
