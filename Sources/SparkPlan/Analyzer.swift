package import Columnar

/// What a name in FROM stands for.
package enum ResolvedTable: Sendable {
    case relation(any ScanRelation)
    /// A view's query, analysed in the place of its name.
    case view(UnresolvedPlan)
}

/// Where the analyzer finds tables and files. Calls may wait for storage and the catalog.
package protocol RelationResolver {
    /// - Returns: the table or view and its full name, or nil when there is none.
    /// - Parameter options: reader options, such as `versionAsOf`.
    func table(_ name: [String], options: [String: String]) throws -> (ResolvedTable, qualifier: [String])?
    /// - Parameter schema: nil asks for it to be inferred.
    func files(format: String, paths: [String], schema: StructType?, options: [String: String]) throws -> any ScanRelation
    func range(start: Int64, end: Int64, step: Int64) throws -> any ScanRelation
}

/// What is constant during one query.
package struct AnalysisContext: Sendable {
    /// Microseconds since 1970 UTC.
    package var nowMicros: Int64
    package var user: String
    package var database: String
    package var ansi: Bool
    /// Session variables by lower-case name.
    package var variables: [String: Expression] = [:]

    package init(nowMicros: Int64, user: String, database: String, ansi: Bool) {
        self.nowMicros = nowMicros
        self.user = user
        self.database = database
        self.ansi = ansi
    }
}

/// Gives names and types their meaning: a written query in, a resolved one out.
///
/// Recursion follows the query's nesting, which the parser limits; DataFrame chains are limited by `depthMax`.
package final class Analyzer {
    static let depthMax = 1000
    /// Relations of one query, a common table expression counted wherever it is used.
    static let relationsMax = 20_000

    let resolver: any RelationResolver
    let context: AnalysisContext
    private var subqueries: [LogicalPlan] = []
    private var definitions: [String: CommonTableExpression] = [:]
    private var visibleDefinitions: [String: [String: CommonTableExpression]] = [:]
    private var depth = 0
    private var relations = 0

    package init(resolver: any RelationResolver, context: AnalysisContext) {
        self.resolver = resolver
        self.context = context
    }

    var variables: [String: Expression] { context.variables }
    var castMode: CastMode { context.ansi ? .ansi : .legacy }

    /// - Throws: `SparkError` with Spark's condition: `UNRESOLVED_COLUMN`, `TABLE_OR_VIEW_NOT_FOUND`,
    ///   `DATATYPE_MISMATCH`, `MISSING_AGGREGATION`, ...
    package func analyze(_ plan: UnresolvedPlan) throws -> AnalyzedQuery {
        subqueries = []
        relations = 0
        let (resolved, scope) = try resolve(plan)
        return AnalyzedQuery(plan: visibleOnly(resolved, scope), subqueries: subqueries)
    }

    /// Resolves one expression over named fields, such as a partition predicate or a column default.
    package func analyze(_ expression: UnresolvedExpression, over schema: StructType) throws -> Expression {
        try ExpressionResolver(self, scope: Scope(schema.fields)).resolve(expression)
    }

    func resolve(_ plan: UnresolvedPlan) throws -> (LogicalPlan, Scope) {
        guard depth < Self.depthMax else {
            throw SparkError(
                condition: "FAILED_TO_PARSE_TOO_COMPLEX", sqlState: "54001",
                message: "The query is nested more than \(Self.depthMax) levels deep.")
        }
        relations += 1
        guard relations <= Self.relationsMax else {
            throw SparkError(
                condition: "FAILED_TO_PARSE_TOO_COMPLEX", sqlState: "54001",
                message: "The query has more than \(Self.relationsMax) relations.")
        }
        depth += 1
        defer { depth -= 1 }
        switch plan {
        case .table(let name, let options, let position): return try table(name, options, position)
        case .read(let format, let paths, let schema, let options):
            let relation = try resolver.files(format: format, paths: paths, schema: schema, options: options)
            return scan(relation, qualifier: [])
        case .relation(let relation): return scan(relation, qualifier: [])
        case .oneRow:
            return (.values(PhysicalPlan.Values(schema: StructType([]), rows: [[]])), Scope([StructField]()))
        case .values(let rows, let names): return try values(rows, names)
        case .localRows(let schema, let rows):
            return (.values(PhysicalPlan.Values(schema: schema, rows: rows)), Scope(schema.fields))
        case .range(let start, let end, let step):
            return scan(try resolver.range(start: start, end: end, step: step), qualifier: [])
        case .select(let select): return try self.select(select)
        case .filter(let condition, let input):
            let (resolved, scope) = try resolve(input)
            return (try filter(condition, resolved, scope, clause: "WHERE"), scope)
        case .join(let join): return try self.join(join)
        case .sort(let orders, let input): return try sort(orders, input)
        case .limit(let count, let offset, let input): return try limit(count, offset, input)
        case .distinct(let input):
            let (resolved, scope) = try visible(input)
            return (distinct(resolved), scope)
        case .setOperation(let operation, let all, let byName, let inputs):
            return try setOperation(operation, all: all, byName: byName, inputs)
        case .alias(let input, let name, let columns): return try alias(input, name, columns)
        case .with(let list, let body):
            let outer = definitions
            defer { definitions = outer }
            for definition in list {
                visibleDefinitions[definition.name.lowercased()] = definitions
                definitions[definition.name.lowercased()] = definition
            }
            return try resolve(body)
        case .withColumns(let columns, let input): return try withColumns(columns, input)
        case .renameColumns(let names, let input):
            let (resolved, scope) = try visible(input)
            let lower = Dictionary(names.map { ($0.from.lowercased(), $0.to) }, uniquingKeysWith: { _, last in last })
            return project(
                scope.columns.map { NamedExpression(lower[$0.name.lowercased()] ?? $0.name, $0.expression) }, resolved)
        case .dropColumns(let names, let input):
            let (resolved, scope) = try visible(input)
            let lower = Set(names.map { $0.lowercased() })
            return project(
                scope.columns.filter { !lower.contains($0.name.lowercased()) }.map { NamedExpression($0.name, $0.expression) },
                resolved)
        }
    }

    // MARK: - Leaves

    private func scan(_ relation: any ScanRelation, qualifier: [String]) -> (LogicalPlan, Scope) {
        (.scan(relation), Scope(relation.allFields, qualifier: qualifier, hiddenFrom: relation.schema.fields.count))
    }

    private func table(
        _ name: [String], _ options: [String: String], _ position: SourcePosition?
    ) throws -> (LogicalPlan, Scope) {
        if name.count == 1, let definition = definitions[name[0].lowercased()] {
            // A definition sees those that stood before it, not itself.
            let current = definitions
            definitions = visibleDefinitions[name[0].lowercased()] ?? [:]
            defer { definitions = current }
            return try alias(definition.plan, definition.name, definition.columns)
        }
        guard let (found, qualifier) = try resolver.table(name, options: options) else {
            throw SparkError.tableNotFound(name, position)
        }
        switch found {
        case .relation(let relation): return scan(relation, qualifier: qualifier)
        case .view(let plan):
            let current = definitions
            definitions = [:]
            defer { definitions = current }
            let (resolved, scope) = try resolve(plan)
            let kept = scope.columns.filter { !$0.hidden || $0.name.hasPrefix("_metadata.") }
            return (resolved, Scope(kept.map { requalified($0, qualifier) }))
        }
    }

    private func values(_ rows: [[UnresolvedExpression]], _ names: [String]) throws -> (LogicalPlan, Scope) {
        let resolver = ExpressionResolver(self, scope: Scope([StructField]()))
        resolver.clause = "VALUES"
        let resolved = try rows.map { row in try row.map { try resolver.resolve($0) } }
        var types: [DataType] = []
        for column in names.indices {
            guard let type = Coercion.common(resolved.map { $0[column].dataType }) else {
                throw SparkError(
                    condition: "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE", sqlState: "42000",
                    message: "Invalid inline table. Found incompatible types in the column `\(names[column])` for inline table.")
            }
            types.append(type)
        }
        let cast = resolved.map { row in row.enumerated().map { Coercion.cast($1, types[$0]) } }
        let fields = zip(names, types).enumerated().map { index, pair in
            field(pair.0, pair.1, nullable: cast.contains { $0[index].nullable })
        }
        let literals = cast.map { row in row.map { expression -> Scalar? in if case .literal(let value, _) = expression { value } else { nil } } }
        if literals.allSatisfy({ $0.allSatisfy { $0 != nil } }) {
            let values = PhysicalPlan.Values(schema: StructType(fields), rows: literals.map { $0.compactMap { $0 } })
            return (.values(values), Scope(fields))
        }
        let one = LogicalPlan.values(PhysicalPlan.Values(schema: StructType([]), rows: [[]]))
        let projects = cast.map { row in
            LogicalPlan.project(zip(names, row).map { NamedExpression($0, $1) }, one)
        }
        return (projects.count == 1 ? projects[0] : .union(projects), Scope(fields))
    }

    // MARK: - Helpers

    private func requalified(_ column: Scope.Column, _ qualifier: [String]) -> Scope.Column {
        var copy = column
        copy.qualifier = qualifier
        return copy
    }

    func project(_ list: [NamedExpression], _ input: LogicalPlan) -> (LogicalPlan, Scope) {
        let plan = LogicalPlan.project(list, input)
        return (plan, Scope(plan.fields))
    }

    /// The plan cut down to its visible columns, when others are in the way or the order differs.
    func visibleOnly(_ plan: LogicalPlan, _ scope: Scope) -> LogicalPlan {
        let visible = scope.visible
        let fields = plan.fields
        if visible.count == fields.count, visible.enumerated().allSatisfy({ $1.index == $0 && $1.name == fields[$0].name }) {
            return plan
        }
        return .project(visible.map { NamedExpression($0.name, $0.expression) }, plan)
    }

    /// Resolved, with exactly the visible columns as output.
    func visible(_ plan: UnresolvedPlan) throws -> (LogicalPlan, Scope) {
        let (resolved, scope) = try resolve(plan)
        let columns = scope.visible
        let cut = visibleOnly(resolved, scope)
        return (
            cut,
            Scope(
                columns.enumerated().map { index, column in
                    var copy = column
                    copy.index = index
                    return copy
                })
        )
    }

    func distinct(_ plan: LogicalPlan) -> LogicalPlan {
        let fields = plan.fields
        return .aggregate(
            LogicalPlan.Aggregate(
                grouping: fields.enumerated().map {
                    NamedExpression($1.name, .column(index: $0, $1.dataType, nullable: $1.nullable))
                }, aggregates: [], aggregateNames: [], input: plan))
    }

    private func alias(
        _ input: UnresolvedPlan, _ name: String, _ columns: [String]
    ) throws -> (LogicalPlan, Scope) {
        let (plan, scope) = try resolve(input)
        let visible = scope.visible
        guard columns.isEmpty || columns.count == visible.count else {
            throw SparkError(
                condition: "ASSIGNMENT_ARITY_MISMATCH", sqlState: "42802",
                message: "The number of columns or variables assigned or aliased: \(columns.count) does not match the number of source expressions: \(visible.count).")
        }
        var position = 0
        var result: [Scope.Column] = []
        for column in scope.columns {
            var copy = column
            copy.qualifier = [name]
            if column.hidden {
                guard column.name.hasPrefix("_metadata.") else { continue }
            } else {
                if !columns.isEmpty { copy.name = columns[position] }
                position += 1
            }
            result.append(copy)
        }
        return (plan, Scope(result))
    }

    private func limit(
        _ count: UnresolvedExpression?, _ offset: UnresolvedExpression?, _ input: UnresolvedPlan
    ) throws -> (LogicalPlan, Scope) {
        let (plan, scope) = try resolve(input)
        let resolver = ExpressionResolver(self, scope: Scope([StructField]()))
        func number(_ expression: UnresolvedExpression?, _ name: String) throws -> Int64? {
            guard let expression else { return nil }
            guard case .literal(let value, _) = try resolver.resolve(expression), let number = value.int64Value else {
                throw SparkError(
                    condition: "INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE", sqlState: "42K0E",
                    message: "The limit like expression \"\(expression.sqlText)\" is invalid. The \(name) expression must evaluate to a constant value.")
            }
            guard number >= 0 else {
                throw SparkError(
                    condition: "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", sqlState: "42K0E",
                    message: "The limit like expression \"\(expression.sqlText)\" is invalid. The \(name) expression must be equal to or greater than 0, but got \(number).")
            }
            return number
        }
        let limit = try number(count, "limit")
        let skip = try number(offset, "offset") ?? 0
        return (.limit(count: limit, offset: skip, plan), scope)
    }

    private func withColumns(
        _ columns: [(name: String, expression: UnresolvedExpression)], _ input: UnresolvedPlan
    ) throws -> (LogicalPlan, Scope) {
        let (plan, scope) = try visible(input)
        var select = UnresolvedSelect([], from: .oneRow)
        select.outputs = columns.map { .alias($0.expression, $0.name) }
        // Through the SELECT machinery, so that window functions work: all old columns first, then the new ones.
        let outputs = scope.columns.map { OutputColumn(name: $0.name, expression: .resolved($0.expression)) }
            + select.outputs.map { OutputColumn(name: $0.defaultName, expression: .written($0)) }
        let (wide, wideScope) = try block(select, outputs: outputs, plan, scope)
        var list: [NamedExpression] = scope.columns.enumerated().map { index, column in
            let replacement = columns.lastIndex { $0.name.lowercased() == column.name.lowercased() }
            let source = replacement.map { scope.columns.count + $0 } ?? index
            return NamedExpression(replacement.map { columns[$0].name } ?? column.name, wideScope.columns[source].expression)
        }
        for (index, column) in columns.enumerated()
        where !scope.columns.contains(where: { $0.name.lowercased() == column.name.lowercased() }) {
            list.append(NamedExpression(column.name, wideScope.columns[scope.columns.count + index].expression))
        }
        return project(list, wide)
    }

    /// A subquery that gives one value; it must not refer to the query around it.
    func scalarSubquery(_ plan: UnresolvedPlan) throws -> Expression {
        let (resolved, scope) = try visible(plan)
        guard scope.columns.count == 1 else {
            throw SparkError(
                condition: "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN", sqlState: "42823",
                message: "Invalid subquery: Scalar subquery must return only one column, but got \(scope.columns.count).")
        }
        subqueries.append(resolved)
        return .scalarSubquery(id: subqueries.count - 1, scope.columns[0].dataType)
    }
}
