import Columnar

extension ExpressionResolver {
    private static let names: [String: FunctionName] = [
        "count": "count", "sum": "sum", "avg": "avg", "mean": "avg", "min": "min", "max": "max", "first": "first",
        "first_value": "first", "last": "last", "last_value": "last", "any_value": "first", "bool_and": "bool_and",
        "every": "bool_and", "bool_or": "bool_or", "some": "bool_or", "any": "bool_or", "count_if": "count_if",
        "collect_list": "collect_list", "array_agg": "collect_list", "collect_set": "collect_set",
        "stddev": "stddev_samp", "std": "stddev_samp", "stddev_samp": "stddev_samp", "stddev_pop": "stddev_pop",
        "variance": "var_samp", "var_samp": "var_samp", "var_pop": "var_pop", "max_by": "max_by", "min_by": "min_by",
        "approx_count_distinct": "count", "try_sum": "try_sum", "try_avg": "try_avg",
    ]

    static func isAggregate(_ name: String) -> Bool { names[name] != nil }

    /// An aggregate with its arguments cast as evaluation expects them.
    func aggregateCall(_ call: UnresolvedFunction) throws -> AggregateCall {
        guard let function = Self.names[call.name] else { throw SparkError.unresolvedRoutine(call.name, call.position) }
        var arguments: [Expression] = []
        if function == "count", call.arguments.count == 1, case .star = call.arguments[0] {
            // count(*) counts rows.
        } else {
            arguments = try call.arguments.map { try resolve($0) }
        }
        var distinct = call.distinct || call.name == "approx_count_distinct"
        func expect(_ range: ClosedRange<Int>) throws {
            guard range.contains(arguments.count) else {
                throw SparkError.wrongArgumentCount(
                    call.name, arguments.count, expected: range.count == 1 ? "\(range.lowerBound)" : "[\(range.lowerBound), \(range.upperBound)]")
            }
        }
        func number() throws -> Expression {
            try expect(1...1)
            let type = arguments[0].dataType
            guard type.isNumeric || type == .string || type == .null else {
                throw SparkError.mismatch(
                    "UNEXPECTED_INPUT_TYPE", call.sqlText,
                    "The first parameter requires the \"NUMERIC\" type, however \"\(call.arguments[0].sqlText)\" has the type \"\(type.sql)\".")
            }
            return type.isDecimal ? arguments[0] : arguments[0]
        }
        let type: DataType
        switch function.rawValue {
        case "count":
            if arguments.isEmpty, case .none = call.arguments.first {
                throw SparkError.wrongArgumentCount("count", 0, expected: "> 0")
            }
            if !distinct, arguments.count == 1, case .literal(let value, _) = arguments[0], !value.isNull { arguments = [] }
            type = .long
        case "sum", "try_sum":
            let value = try number()
            switch value.dataType {
            case .decimal(let precision, let scale): type = Coercion.bounded(precision + 10, scale)
            case .byte, .short, .int, .long:
                type = .long
                arguments = [Coercion.cast(value, .long)]
            default:
                type = .double
                arguments = [Coercion.cast(value, .double)]
            }
        case "avg", "try_avg":
            let value = try number()
            if case .decimal(let precision, let scale) = value.dataType {
                type = Coercion.bounded(precision + 4, scale + 4)
            } else {
                type = .double
                arguments = [Coercion.cast(value, .double)]
            }
        case "stddev_samp", "stddev_pop", "var_samp", "var_pop":
            type = .double
            arguments = [Coercion.cast(try number(), .double)]
        case "min", "max":
            try expect(1...1)
            type = arguments[0].dataType
            distinct = false
            if case .map = type {
                throw SparkError.mismatch("INVALID_ORDERING_TYPE", call.sqlText, "The `\(call.name)` does not support ordering on type \"\(type.sql)\".")
            }
        case "first", "last":
            try expect(1...2)
            if arguments.count == 2 { arguments[1] = Coercion.cast(arguments[1], .boolean) }
            if call.ignoreNulls { arguments = [arguments[0], .true] }
            type = arguments[0].dataType
        case "bool_and", "bool_or", "count_if":
            try expect(1...1)
            guard arguments[0].dataType == .boolean || arguments[0].dataType == .null else {
                throw SparkError.mismatch(
                    "UNEXPECTED_INPUT_TYPE", call.sqlText,
                    "The first parameter requires the \"BOOLEAN\" type, however \"\(call.arguments[0].sqlText)\" has the type \"\(arguments[0].dataType.sql)\".")
            }
            arguments[0] = Coercion.cast(arguments[0], .boolean)
            type = function == "count_if" ? .long : .boolean
        case "collect_list", "collect_set":
            try expect(1...1)
            type = .array(element: arguments[0].dataType, containsNull: false)
        default:  // max_by, min_by
            try expect(2...2)
            type = arguments[0].dataType
        }
        let filter = try call.filter.map { try condition($0, "FILTER") }
        return AggregateCall(
            function: function, arguments: arguments, distinct: distinct, filter: filter, resultType: type)
    }
}
