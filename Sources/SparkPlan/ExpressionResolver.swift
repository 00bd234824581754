import Columnar

/// Turns written expressions into resolved ones over one scope.
///
/// Aggregates and window functions become markers, `$aggregate(k)` and `$window(k)`, which the analysis of the
/// SELECT block replaces by columns once it knows where they are computed.
final class ExpressionResolver {
    struct WindowRequest {
        var partition: [Expression]
        var order: [SortOrder]
        var call: WindowCall
    }

    static let aggregateMarker: FunctionName = "$aggregate"
    static let windowMarker: FunctionName = "$window"

    let analyzer: Analyzer
    var scope: Scope
    /// Names given to outputs so far.
    var aliases: [(name: String, expression: Expression)] = []
    /// HAVING and ORDER BY prefer an output's name to a column of the input.
    var aliasesFirst = false
    var allowsAggregates = false
    var allowsWindows = false
    /// What is being resolved, for messages.
    var clause = "expression"
    private(set) var aggregates: [AggregateCall] = []
    var aggregateNames: [String] = []
    var windows: [WindowRequest] = []
    private var insideAggregate = false

    init(_ analyzer: Analyzer, scope: Scope) {
        self.analyzer = analyzer
        self.scope = scope
    }

    func resolve(_ expression: UnresolvedExpression) throws -> Expression {
        switch expression {
        case .literal(let value, let type): return .literal(value, type)
        case .attribute(let parts, let position): return try attribute(parts, position)
        case .star(_, _, let position):
            throw SparkError(
                condition: "INVALID_USAGE_OF_STAR_OR_REGEX", sqlState: "42000",
                message: "Invalid usage of '*' in \(clause).", position: position)
        case .alias(let child, _): return try resolve(child)
        case .cast(let child, let type, let mode):
            return try explicitCast(try resolve(child), type, mode, sql: expression.sqlText)
        case .caseWhen(let branches, let otherwise): return try caseWhen(branches, otherwise, sql: expression.sqlText)
        case .inList(let value, let list): return try inList(value, list, sql: expression.sqlText)
        case .scalarSubquery(let plan): return try analyzer.scalarSubquery(plan)
        case .inSubquery:
            throw SparkError.unsupported("IN (subquery) other than as a conjunct of WHERE")
        case .exists: throw SparkError.unsupported("EXISTS other than as a conjunct of WHERE")
        case .extract(let value, let key): return try extract(try resolve(value), key, sql: expression.sqlText)
        case .function(let call): return try function(call)
        }
    }

    /// Resolved and required to be boolean.
    func condition(_ expression: UnresolvedExpression, _ clause: String) throws -> Expression {
        self.clause = clause
        let resolved = try resolve(expression)
        if resolved.dataType == .null { return .null(.boolean) }
        guard resolved.dataType == .boolean else {
            throw SparkError.mismatch(
                "FILTER_NOT_BOOLEAN", expression.sqlText,
                "Filter expression \"\(expression.sqlText)\" of type \"\(resolved.dataType.sql)\" is not a boolean.")
        }
        return resolved
    }

    // MARK: - Names

    private func attribute(_ parts: [String], _ position: SourcePosition?) throws -> Expression {
        if aliasesFirst, !insideAggregate, let found = try alias(parts, position) { return found }
        if let (column, members) = try scope.resolve(parts, position) {
            var result = column.expression
            for member in members { result = try self.member(result, member) }
            return result
        }
        if !aliasesFirst, !insideAggregate, let found = try alias(parts, position) { return found }
        if parts.count == 1, let constant = try bareFunction(parts[0], position) { return constant }
        if parts == ["_metadata"] {
            let members = scope.columns.filter { $0.hidden && $0.name.hasPrefix("_metadata.") }
            if !members.isEmpty {
                let fields = members.map {
                    StructField(String($0.name.dropFirst(10)), $0.dataType, nullable: $0.nullable)
                }
                return namedStruct(fields, members.map(\.expression))
            }
        }
        if parts.count == 1, let value = analyzer.variables[parts[0].lowercased()] { return value }
        var names: [String] = []
        for column in scope.visible where !names.contains(column.name) { names.append(column.name) }
        throw SparkError.unresolvedColumn(parts, among: names, position)
    }

    private func alias(_ parts: [String], _ position: SourcePosition?) throws -> Expression? {
        let matches = aliases.filter { $0.name.lowercased() == parts[0].lowercased() }
        guard let first = matches.first else { return nil }
        if matches.contains(where: { $0.expression != first.expression }) {
            throw SparkError.ambiguous(parts, matches.map { quotedName([$0.name]) }, position)
        }
        var result = first.expression
        for member in parts.dropFirst() { result = try self.member(result, member) }
        return result
    }

    /// Functions that may be written without parentheses.
    private func bareFunction(_ name: String, _ position: SourcePosition?) throws -> Expression? {
        let names: Set<String> = ["current_date", "current_timestamp", "current_user", "localtimestamp", "user"]
        guard names.contains(name.lowercased()) else { return nil }
        return try function(UnresolvedFunction(name.lowercased(), [], position: position))
    }

    func namedStruct(_ fields: [StructField], _ values: [Expression]) -> Expression {
        var arguments: [Expression] = []
        for (field, value) in zip(fields, values) {
            arguments.append(.literal(.string(field.name), .string))
            arguments.append(value)
        }
        return .call("named_struct", arguments, .structure(StructType(fields)))
    }

    private func member(_ value: Expression, _ name: String) throws -> Expression {
        switch value.dataType {
        case .structure(let type):
            guard let index = type.index(of: name) else {
                throw SparkError(
                    condition: "FIELD_NOT_FOUND", sqlState: "42704",
                    message: "No such struct field `\(name)` in \(type.fields.map { "`\($0.name)`" }.joined(separator: ", ")).")
            }
            return .call(
                "getstructfield", [value, .literal(.int32(Int32(index)), .int)], type.fields[index].dataType)
        case .map(let key, let element, _) where key == .string:
            return .call("getmapvalue", [value, .literal(.string(name), .string)], element)
        default:
            throw SparkError(
                condition: "INVALID_EXTRACT_BASE_FIELD_TYPE", sqlState: "42000",
                message: "Can't extract a value from \"\(name)\". Need a complex type [STRUCT, ARRAY, MAP] but got \"\(value.dataType.sql)\".")
        }
    }

    private func extract(_ value: Expression, _ key: UnresolvedExpression, sql: String) throws -> Expression {
        if case .structure = value.dataType, case .literal(.string(let name), _) = key {
            return try member(value, name)
        }
        let index = try resolve(key)
        switch value.dataType {
        case .array(let element, _):
            guard index.dataType.isIntegral || index.dataType == .null else {
                throw SparkError.mismatch("UNEXPECTED_INPUT_TYPE", sql, "The second parameter requires the \"INTEGRAL\" type, however it has the type \"\(index.dataType.sql)\".")
            }
            return .call("getarrayitem", [value, Coercion.cast(index, .int)], element)
        case .map(let keyType, let element, _):
            return .call("getmapvalue", [value, Coercion.cast(index, keyType)], element)
        default:
            if case .literal(.string(let name), _) = key { return try member(value, name) }
            throw SparkError(
                condition: "INVALID_EXTRACT_BASE_FIELD_TYPE", sqlState: "42000",
                message: "Can't extract a value from \"\(sql)\". Need a complex type [STRUCT, ARRAY, MAP] but got \"\(value.dataType.sql)\".")
        }
    }

    // MARK: - Casts, CASE, IN

    private func explicitCast(
        _ value: Expression, _ type: DataType, _ mode: CastMode, sql: String
    ) throws -> Expression {
        if value.dataType == type { return value }
        guard Coercion.explicitlyCastable(value.dataType, type) else {
            throw SparkError.mismatch(
                "CAST_WITHOUT_SUGGESTION", sql,
                "cannot cast \"\(value.dataType.sql)\" to \"\(type.sql)\".")
        }
        if value.isNullLiteral { return .null(type) }
        return .cast(value, to: type, mode: mode == .try ? .try : analyzer.castMode)
    }

    private func caseWhen(
        _ branches: [UnresolvedCaseBranch], _ otherwise: UnresolvedExpression?, sql: String
    ) throws -> Expression {
        let conditions = try branches.map { branch -> Expression in
            let condition = try resolve(branch.condition)
            guard condition.dataType == .boolean || condition.dataType == .null else {
                throw SparkError.mismatch(
                    "UNEXPECTED_INPUT_TYPE", sql,
                    "The condition \"\(branch.condition.sqlText)\" requires the \"BOOLEAN\" type, however it has the type \"\(condition.dataType.sql)\".")
            }
            return Coercion.cast(condition, .boolean)
        }
        var results = try branches.map { try resolve($0.result) }
        if let otherwise { results.append(try resolve(otherwise)) }
        results = try unified(results, sql: sql)
        let type = results[0].dataType
        return .caseWhen(
            branches: zip(conditions, results).map { CaseBranch(condition: $0, result: $1) },
            otherwise: otherwise == nil ? nil : results[results.count - 1], type)
    }

    private func inList(
        _ value: UnresolvedExpression, _ list: [UnresolvedExpression], sql: String
    ) throws -> Expression {
        let all = try unified(try ([value] + list).map { try resolve($0) }, sql: sql)
        return .inList(all[0], Array(all[1...]))
    }

    /// All cast to their common type.
    func unified(_ expressions: [Expression], sql: String) throws -> [Expression] {
        guard let type = Coercion.common(expressions.map(\.dataType)) else {
            let types = expressions.map { "\"\($0.dataType.sql)\"" }.joined(separator: ", ")
            throw SparkError.mismatch("DATA_DIFF_TYPES", sql, "Input should all be the same type, but it's (\(types)).")
        }
        return expressions.map { Coercion.cast($0, type) }
    }

    // MARK: - Aggregates and windows

    /// Registers an aggregate, once, and gives its marker.
    func aggregateReference(_ call: AggregateCall, name: String) -> Expression {
        let index: Int
        if let known = aggregates.firstIndex(of: call) {
            index = known
        } else {
            index = aggregates.count
            aggregates.append(call)
            aggregateNames.append(name)
        }
        return .call(Self.aggregateMarker, [.literal(.int32(Int32(index)), .int)], call.resultType)
    }

    func aggregate(_ call: UnresolvedFunction) throws -> Expression {
        guard allowsAggregates else {
            if clause == "WHERE" {
                throw SparkError(
                    condition: "INVALID_WHERE_CONDITION", sqlState: "42903",
                    message: "The WHERE condition \"\(call.sqlText)\" contains invalid expressions: \(call.sqlText). "
                        + "Rewrite the query to avoid window functions, aggregate functions, and generator functions in the WHERE clause.")
            }
            throw SparkError(
                condition: "UNSUPPORTED_EXPR_FOR_OPERATOR", sqlState: "42K0E",
                message: "The aggregate \"\(call.sqlText)\" is not allowed in \(clause).")
        }
        guard !insideAggregate else {
            throw SparkError(
                condition: "NESTED_AGGREGATE_FUNCTION", sqlState: "42607",
                message: "It is not allowed to use an aggregate function in the argument of another aggregate function. "
                    + "Please use the inner aggregate function in a sub-query.")
        }
        insideAggregate = true
        defer { insideAggregate = false }
        let resolved = try aggregateCall(call)
        return aggregateReference(resolved, name: call.sqlText)
    }

    func window(_ call: UnresolvedFunction, _ window: UnresolvedWindow) throws -> Expression {
        guard allowsWindows, !insideAggregate else {
            throw SparkError(
                condition: clause == "WHERE" ? "INVALID_WHERE_CONDITION" : "UNSUPPORTED_EXPR_FOR_OPERATOR",
                sqlState: clause == "WHERE" ? "42903" : "42K0E",
                message: "The window function \"\(call.sqlText)\" is not allowed in \(clause).")
        }
        if call.distinct {
            throw SparkError(
                condition: "DISTINCT_WINDOW_FUNCTION_UNSUPPORTED", sqlState: "0A000",
                message: "Distinct window functions are not supported: \"\(call.sqlText)\".")
        }
        let partition = try window.partition.map { try resolve($0) }
        let order = try window.order.map {
            SortOrder(try resolve($0.expression), descending: $0.descending, nullsFirst: $0.nullsFirst)
        }
        var frame = window.frame ?? (order.isEmpty ? .partition : .runningRange)
        let function: FunctionName
        let arguments: [Expression]
        let type: DataType
        switch call.name {
        case "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead":
            guard !order.isEmpty else {
                throw SparkError(
                    condition: "WINDOW_FUNCTION_WITHOUT_ORDER_BY", sqlState: "42601",
                    message: "Window function \(call.name)() requires the window to be ordered, please add ORDER BY clause.")
            }
            function = FunctionName(rawValue: call.name)
            (arguments, type) = try rankingArguments(call)
            frame = .partition
        default:
            guard Self.isAggregate(call.name) else {
                throw SparkError(
                    condition: "UNSUPPORTED_EXPR_FOR_WINDOW", sqlState: "42P20",
                    message: "Expression \"\(call.sqlText)\" not supported within a window function.")
            }
            if call.filter != nil { throw SparkError.unsupported("FILTER in a window function") }
            let resolved = try aggregateCall(call)
            function = resolved.function
            arguments = resolved.arguments
            type = resolved.resultType
        }
        let request = WindowRequest(
            partition: partition, order: order,
            call: WindowCall(
                name: call.sqlText, function: function, arguments: arguments, frame: frame, resultType: type))
        windows.append(request)
        return .call(Self.windowMarker, [.literal(.int32(Int32(windows.count - 1)), .int)], type)
    }

    private func rankingArguments(_ call: UnresolvedFunction) throws -> ([Expression], DataType) {
        func count(_ allowed: ClosedRange<Int>) throws {
            guard allowed.contains(call.arguments.count) else {
                throw SparkError.wrongArgumentCount(call.name, call.arguments.count, expected: "\(allowed)")
            }
        }
        switch call.name {
        case "percent_rank", "cume_dist":
            try count(0...0)
            return ([], .double)
        case "ntile":
            try count(0...1)
            let buckets = try call.arguments.first.map { try resolve($0) } ?? .literal(.int32(1), .int)
            return ([Coercion.cast(buckets, .int)], .int)
        case "lag", "lead":
            try count(1...3)
            if call.ignoreNulls { throw SparkError.unsupported("IGNORE NULLS in \(call.name)") }
            let value = try resolve(call.arguments[0])
            let offset = call.arguments.count > 1 ? try resolve(call.arguments[1]) : .literal(.int32(1), .int)
            let other = call.arguments.count > 2 ? try resolve(call.arguments[2]) : .null(value.dataType)
            return ([value, Coercion.cast(offset, .int), Coercion.cast(other, value.dataType)], value.dataType)
        default:
            try count(0...0)
            return ([], .int)
        }
    }
}
