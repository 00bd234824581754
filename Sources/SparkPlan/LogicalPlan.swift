package import Columnar

/// A query after analysis: names are positions, types are known, nothing is optimised yet.
package indirect enum LogicalPlan: Sendable {
    /// All columns of the relation, then its hidden ones.
    case scan(any ScanRelation)
    case values(PhysicalPlan.Values)
    case filter(Expression, LogicalPlan)
    case project([NamedExpression], LogicalPlan)
    case aggregate(Aggregate)
    case join(Join)
    case sort([SortOrder], LogicalPlan)
    case limit(count: Int64?, offset: Int64, LogicalPlan)
    case union([LogicalPlan])
    case window(Window)

    package struct Aggregate: Sendable {
        package var grouping: [NamedExpression]
        package var aggregates: [AggregateCall]
        package var aggregateNames: [String]
        package var input: LogicalPlan
    }

    package struct Join: Sendable {
        package var type: JoinType
        package var left: LogicalPlan
        package var right: LogicalPlan
        /// Over the left columns, then the right ones.
        package var condition: Expression?
        package var nullAware = false
    }

    package struct Window: Sendable {
        package var partition: [Expression]
        package var order: [SortOrder]
        package var functions: [WindowCall]
        package var input: LogicalPlan
    }

    package var fields: [StructField] {
        switch self {
        case .scan(let relation): return relation.allFields
        case .values(let values): return values.schema.fields
        case .filter(_, let input), .sort(_, let input), .limit(_, _, let input): return input.fields
        case .project(let list, let input):
            let inner = input.fields
            return list.map { named in
                var result = field(named.name, named.expression.dataType, nullable: named.expression.nullable)
                if case .column(let index, _, _) = named.expression { result.metadata = inner[index].metadata }
                return result
            }
        case .aggregate(let node):
            return node.grouping.map { field($0.name, $0.expression.dataType, nullable: $0.expression.nullable) }
                + zip(node.aggregates, node.aggregateNames).map { field($1, $0.resultType, nullable: $0.nullable) }
        case .join(let join): return join.type.outputFields(join.left.fields, join.right.fields)
        case .union(let inputs):
            var fields = inputs.first?.fields ?? []
            for input in inputs.dropFirst() {
                for (index, other) in input.fields.enumerated() where other.nullable && index < fields.count {
                    fields[index].nullable = true
                }
            }
            return fields
        case .window(let window):
            return window.input.fields
                + window.functions.map { field($0.name, $0.resultType, nullable: $0.nullable) }
        }
    }

    package var columnCount: Int { fields.count }

    /// A reference to one output column.
    func column(_ index: Int) -> Expression {
        let field = fields[index]
        return .column(index: index, field.dataType, nullable: field.nullable)
    }
}

extension WindowCall {
    package var nullable: Bool {
        !["row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "count"].contains(function.rawValue)
    }
}

/// What analysis gives: the plan, and the uncorrelated scalar subqueries whose values it needs first.
package struct AnalyzedQuery: Sendable {
    package var plan: LogicalPlan
    /// By the id that `Expression.scalarSubquery` carries; a plan may use those of smaller ids only.
    package var subqueries: [LogicalPlan]

    package var schema: StructType { StructType(plan.fields) }
}
