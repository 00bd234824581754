package import Columnar

/// A query as written. The nodes mirror Spark Connect's relations.
package indirect enum UnresolvedPlan: Sendable {
    /// A table, a view, a common table expression, or a `format.`path`` pair.
    case table([String], options: [String: String], SourcePosition?)
    /// Files: `schema` nil means inferred.
    case read(format: String, paths: [String], schema: StructType?, options: [String: String])
    case relation(any ScanRelation)
    /// One row without columns: SELECT without FROM.
    case oneRow
    case values([[UnresolvedExpression]], names: [String])
    case localRows(StructType, [[Scalar]])
    case range(start: Int64, end: Int64, step: Int64)
    case select(UnresolvedSelect)
    case filter(UnresolvedExpression, UnresolvedPlan)
    case join(UnresolvedJoin)
    case sort([UnresolvedSortOrder], UnresolvedPlan)
    /// Counts are constant expressions; nil means no limit, no offset.
    case limit(UnresolvedExpression?, offset: UnresolvedExpression?, UnresolvedPlan)
    case distinct(UnresolvedPlan)
    case setOperation(SetOperation, all: Bool, byName: Bool, [UnresolvedPlan])
    /// `(query) AS name(columns)`.
    case alias(UnresolvedPlan, name: String, columns: [String])
    /// Every definition sees those before it.
    case with([CommonTableExpression], UnresolvedPlan)
    /// Adds columns, or replaces those of the same name in their place.
    case withColumns([(name: String, expression: UnresolvedExpression)], UnresolvedPlan)
    case renameColumns([(from: String, to: String)], UnresolvedPlan)
    case dropColumns([String], UnresolvedPlan)
}

package enum SetOperation: String, Sendable {
    case union = "UNION", intersect = "INTERSECT", except = "EXCEPT"
}

package struct CommonTableExpression: Sendable {
    package var name: String
    package var columns: [String]
    package var plan: UnresolvedPlan

    package init(name: String, columns: [String], plan: UnresolvedPlan) {
        self.name = name
        self.columns = columns
        self.plan = plan
    }
}

/// SELECT ... FROM ... WHERE ... GROUP BY ... HAVING ... ORDER BY: one block, because ORDER BY and HAVING see both its
/// input and its output.
package struct UnresolvedSelect: Sendable {
    package var outputs: [UnresolvedExpression]
    package var input: UnresolvedPlan
    package var distinct = false
    package var condition: UnresolvedExpression?
    /// Nil: no GROUP BY. Empty with aggregates in `outputs`: one group.
    package var grouping: [UnresolvedExpression]?
    /// `GROUP BY ALL`.
    package var groupingAll = false
    package var having: UnresolvedExpression?
    package var order: [UnresolvedSortOrder] = []
    /// A DataFrame's `groupBy(...).agg(...)`: the grouping columns precede the outputs.
    package var prependsGrouping = false

    package init(_ outputs: [UnresolvedExpression], from input: UnresolvedPlan) {
        self.outputs = outputs
        self.input = input
    }
}

package struct UnresolvedJoin: Sendable {
    package enum Condition: Sendable {
        case none, natural
        case on(UnresolvedExpression)
        case using([String])
    }

    package var type: JoinType
    package var left: UnresolvedPlan
    package var right: UnresolvedPlan
    package var condition: Condition

    package init(_ type: JoinType, _ left: UnresolvedPlan, _ right: UnresolvedPlan, _ condition: Condition) {
        self.type = type
        self.left = left
        self.right = right
        self.condition = condition
    }
}
