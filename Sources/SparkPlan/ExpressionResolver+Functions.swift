import Columnar

extension ExpressionResolver {
    /// Functions that are never constant, and have no row-wise evaluation here.
    private static let refused: Set<String> = [
        "explode", "explode_outer", "posexplode", "inline", "stack", "rand", "randn", "uuid", "monotonically_increasing_id",
        "spark_partition_id", "from_json", "to_json", "from_csv", "to_csv", "transform", "aggregate", "reduce", "exists", "forall", "zip_with",
        "percentile", "percentile_approx", "approx_percentile", "median", "mode", "grouping", "grouping_id", "corr", "covar_samp",
        "covar_pop", "skewness", "kurtosis", "listagg", "string_agg", "nth_value", "window", "session_window", "schema_of_json",
        "histogram_numeric", "count_min_sketch", "bit_and", "bit_or", "bit_xor", "regr_slope", "product", "java_method", "reflect",
    ]

    func function(_ call: UnresolvedFunction) throws -> Expression {
        if let window = call.window { return try self.window(call, window) }
        if Self.isAggregate(call.name) { return try aggregate(call) }
        if ["row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"].contains(call.name) {
            throw SparkError(
                condition: "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", sqlState: "42601",
                message: "The window function \"\(call.name)\" needs an OVER clause.")
        }
        if call.distinct || call.filter != nil {
            throw SparkError(
                condition: "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX", sqlState: "42000",
                message: "The function `\(call.name)` does not support \(call.distinct ? "DISTINCT" : "FILTER").")
        }
        if Self.refused.contains(call.name) { throw SparkError.unsupported("the function \(call.name)") }
        if let unit = try unitFunction(call) { return unit }
        let arguments = try call.arguments.map { try resolve($0) }
        if let result = try operatorCall(call.name, arguments, sql: call.sqlText) { return result }
        if let result = try contextFunction(call.name, arguments) { return result }
        if let result = try conditionalFunction(call, arguments) { return result }
        if let result = try numberFunction(call, arguments) { return result }
        if let result = try dateFunction(call, arguments) { return result }
        if let result = try collectionFunction(call, arguments) { return result }
        if let signature = FunctionTable.signatures[call.name] { return try apply(signature, call, arguments) }
        throw SparkError.unresolvedRoutine(call.name, call.position)
    }

    private func expect(_ call: UnresolvedFunction, _ range: ClosedRange<Int>) throws {
        guard range.contains(call.arguments.count) else {
            throw SparkError.wrongArgumentCount(
                call.name, call.arguments.count,
                expected: range.count == 1 ? "\(range.lowerBound)"
                    : range.upperBound > 1000 ? "> \(range.lowerBound - 1)" : "[\(range.lowerBound), \(range.upperBound)]")
        }
    }

    // MARK: - By signature

    private func apply(
        _ signature: FunctionSignature, _ call: UnresolvedFunction, _ arguments: [Expression]
    ) throws -> Expression {
        let least = signature.parameters.count - signature.optional
        try expect(call, least...(signature.variadic ? 100_000 : signature.parameters.count))
        var cast: [Expression] = []
        for (index, argument) in arguments.enumerated() {
            let parameter = signature.parameters[min(index, signature.parameters.count - 1)]
            cast.append(try coerce(argument, to: parameter, index, call))
        }
        let type: DataType
        switch signature.result {
        case .type(let fixed): type = fixed
        case .argument(let index): type = cast[index].dataType
        }
        return .call(signature.name, cast, type)
    }

    func coerce(
        _ argument: Expression, to parameter: ParameterType, _ index: Int, _ call: UnresolvedFunction
    ) throws -> Expression {
        let from = argument.dataType
        func mismatch(_ wanted: String) -> SparkError {
            let ordinals = ["first", "second", "third", "fourth", "fifth", "sixth"]
            return SparkError.mismatch(
                "UNEXPECTED_INPUT_TYPE", call.sqlText,
                "The \(index < ordinals.count ? ordinals[index] : "\(index + 1)th") parameter requires the \"\(wanted)\" type, however \"\(call.arguments[index].sqlText)\" has the type \"\(from.sql)\".")
        }
        switch parameter {
        case .any, .common: return argument
        case .type(let type):
            if type == .timestamp, from == .timestampNTZ { return argument }
            guard Coercion.implicitlyCastable(from, type) else { throw mismatch(type.sql) }
            return Coercion.cast(argument, type)
        case .numeric:
            if from.isNumeric { return argument }
            guard from == .string || from == .null else { throw mismatch("NUMERIC") }
            return Coercion.cast(argument, .double)
        case .integral:
            if from.isIntegral { return argument }
            guard from.isNumeric || from == .string || from == .null else { throw mismatch("INTEGRAL") }
            return Coercion.cast(argument, .long)
        case .stringOrBinary:
            if from == .binary { return argument }
            guard Coercion.implicitlyCastable(from, .string) else { throw mismatch("STRING") }
            return Coercion.cast(argument, .string)
        case .array:
            if case .array = from { return argument }
            throw mismatch("ARRAY")
        case .map:
            if case .map = from { return argument }
            throw mismatch("MAP")
        }
    }

    // MARK: - Context

    private func contextFunction(_ name: String, _ arguments: [Expression]) throws -> Expression? {
        guard arguments.isEmpty else {
            if name == "typeof", arguments.count == 1 {
                return .literal(.string(arguments[0].dataType.simpleString), .string)
            }
            return nil
        }
        let now = analyzer.context.nowMicros
        switch name {
        case "current_date", "curdate":
            let days = now >= 0 ? now / 86_400_000_000 : (now - 86_399_999_999) / 86_400_000_000
            return .literal(.date(Int32(truncatingIfNeeded: days)), .date)
        case "current_timestamp", "now": return .literal(.timestamp(now), .timestamp)
        case "localtimestamp": return .literal(.timestamp(now), .timestampNTZ)
        case "unix_timestamp": return .literal(.int64(now / 1_000_000), .long)
        case "current_user", "user", "session_user": return .literal(.string(analyzer.context.user), .string)
        case "current_database", "current_schema": return .literal(.string(analyzer.context.database), .string)
        case "current_catalog": return .literal(.string("spark_catalog"), .string)
        case "current_timezone": return .literal(.string("UTC"), .string)
        case "version": return .literal(.string("4.0.0"), .string)
        case "pi": return .literal(.double(Double.pi), .double)
        case "e": return .literal(.double(2.718281828459045), .double)
        case "input_file_name":
            if let column = scope.columns.first(where: { $0.hidden && $0.name == "_metadata.file_path" }) {
                return column.expression
            }
            return .literal(.string(""), .string)
        default: return nil
        }
    }

    // MARK: - Conditions

    private func conditionalFunction(_ call: UnresolvedFunction, _ arguments: [Expression]) throws -> Expression? {
        func choose(_ condition: Expression, _ yes: Expression, _ no: Expression) throws -> Expression {
            let both = try unified([yes, no], sql: call.sqlText)
            return .caseWhen(
                branches: [CaseBranch(condition: condition, result: both[0])], otherwise: both[1], both[0].dataType)
        }
        switch call.name {
        case "coalesce", "nvl", "ifnull":
            try expect(call, call.name == "coalesce" ? 1...100_000 : 2...2)
            let all = try unified(arguments, sql: call.sqlText)
            return .call("coalesce", all, all[0].dataType)
        case "greatest", "least":
            try expect(call, 2...100_000)
            let all = try unified(arguments, sql: call.sqlText)
            return .call(FunctionName(rawValue: call.name), all, all[0].dataType)
        case "if", "iff":
            try expect(call, 3...3)
            return try choose(try boolean(arguments[0], sql: call.sqlText), arguments[1], arguments[2])
        case "nvl2":
            try expect(call, 3...3)
            return try choose(.call("isnotnull", [arguments[0]], .boolean), arguments[1], arguments[2])
        case "nullif":
            try expect(call, 2...2)
            let both = try unified(arguments, sql: call.sqlText)
            return .caseWhen(
                branches: [CaseBranch(condition: .call("=", both, .boolean), result: .null(arguments[0].dataType))],
                otherwise: arguments[0], arguments[0].dataType)
        case "nullifzero":
            try expect(call, 1...1)
            return try conditionalFunction(
                UnresolvedFunction("nullif", [call.arguments[0], .int(0)]), [arguments[0], .literal(.int32(0), .int)])
        case "zeroifnull":
            try expect(call, 1...1)
            let all = try unified([arguments[0], .literal(.int32(0), .int)], sql: call.sqlText)
            return .call("coalesce", all, all[0].dataType)
        case "decode" where arguments.count > 2:
            var branches: [CaseBranch] = []
            var results: [Expression] = []
            for index in stride(from: 2, to: arguments.count, by: 2) { results.append(arguments[index]) }
            if arguments.count.isMultiple(of: 2) { results.append(arguments[arguments.count - 1]) }
            results = try unified(results, sql: call.sqlText)
            for (position, index) in stride(from: 1, to: arguments.count - 1, by: 2).enumerated() {
                let both = try unified([arguments[0], arguments[index]], sql: call.sqlText)
                branches.append(CaseBranch(condition: .call("<=>", both, .boolean), result: results[position]))
            }
            return .caseWhen(
                branches: branches, otherwise: results.count > branches.count ? results[results.count - 1] : nil,
                results[0].dataType)
        case "assert_true", "raise_error": throw SparkError.unsupported("the function \(call.name)")
        case "int", "integer", "bigint", "smallint", "tinyint", "double", "float", "string", "boolean", "date",
            "timestamp", "binary", "decimal":
            guard arguments.count == 1 else { return nil }
            let types: [String: DataType] = [
                "int": .int, "integer": .int, "bigint": .long, "smallint": .short, "tinyint": .byte, "double": .double,
                "float": .float, "string": .string, "boolean": .boolean, "date": .date, "timestamp": .timestamp,
                "binary": .binary, "decimal": .decimal(precision: 10, scale: 0),
            ]
            return try types[call.name].map { try resolve(.cast(call.arguments[0], $0, .ansi)) }
        default: return nil
        }
    }

    // MARK: - Numbers

    private func numberFunction(_ call: UnresolvedFunction, _ arguments: [Expression]) throws -> Expression? {
        let name = FunctionName(rawValue: call.name)
        switch call.name {
        case "abs":
            try expect(call, 1...1)
            let value = try coerce(arguments[0], to: .numeric, 0, call)
            return .call("abs", [value], value.dataType)
        case "ceil", "ceiling", "floor":
            if arguments.count == 2 { throw SparkError.unsupported("\(call.name) with a scale") }
            try expect(call, 1...1)
            let value = try coerce(arguments[0], to: .numeric, 0, call)
            let function: FunctionName = call.name == "floor" ? "floor" : "ceil"
            switch value.dataType {
            case .decimal(_, 0): return value
            case .decimal(let precision, let scale):
                return .call(function, [value], Coercion.bounded(precision - scale + 1, 0))
            case .float, .double: return .call(function, [Coercion.cast(value, .double)], .long)
            default: return Coercion.cast(value, .long)
            }
        case "round", "bround":
            try expect(call, 1...2)
            let value = try coerce(arguments[0], to: .numeric, 0, call)
            var scale: Int32 = 0
            if arguments.count == 2 {
                guard let digits = constantInteger(arguments[1]) else {
                    throw SparkError.mismatch("NON_FOLDABLE_INPUT", call.sqlText, "the input scale should be a foldable \"INT\" expression.")
                }
                scale = digits
            }
            let digits = Expression.literal(.int32(scale), .int)
            if case .decimal(let precision, let s) = value.dataType {
                let whole = precision - s + 1
                let type = scale < 0
                    ? Coercion.bounded(max(whole, Int(-max(scale, -38)) + 1), 0)
                    : Coercion.bounded(whole + min(s, Int(scale)), min(s, Int(scale)))
                return .call(name, [value, digits], type)
            }
            if value.dataType.isIntegral, scale >= 0 { return value }
            return .call(name, [value, digits], value.dataType)
        case "log":
            try expect(call, 1...2)
            let values = arguments.map { Coercion.cast($0, .double) }
            return values.count == 1 ? .call("ln", values, .double) : .call("log", values, .double)
        default: return nil
        }
    }

    private func constantInteger(_ value: Expression) -> Int32? {
        if case .literal(let scalar, _) = value, let number = scalar.int64Value { return Int32(exactly: number) }
        if case .call("negative", let arguments, _) = value { return constantInteger(arguments[0]).map { 0 &- $0 } }
        return nil
    }

    // MARK: - Dates

    /// `dateadd(DAY, 1, d)`, `datediff(DAY, a, b)`, `timestampadd`, `timestampdiff`: the unit is written as a name.
    private func unitFunction(_ call: UnresolvedFunction) throws -> Expression? {
        guard ["dateadd", "date_add", "timestampadd", "datediff", "date_diff", "timestampdiff"].contains(call.name),
            call.arguments.count == 3
        else { return nil }
        let unit: String
        switch call.arguments[0] {
        case .attribute(let parts, _) where parts.count == 1: unit = parts[0].lowercased()
        case .literal(.string(let text), _): unit = text.lowercased()
        default: throw SparkError.wrongArgumentCount(call.name, 3, expected: "2")
        }
        let second = try resolve(call.arguments[1])
        let third = try resolve(call.arguments[2])
        if call.name.hasSuffix("diff") {
            if unit == "day", second.dataType == .date, third.dataType == .date {
                return .cast(.call("datediff", [third, second], .int), to: .long, mode: .ansi)
            }
            return .call(
                "timestampdiff",
                [.literal(.string(unit), .string), Coercion.cast(second, .timestamp), Coercion.cast(third, .timestamp)], .long)
        }
        if unit == "day", third.dataType == .date { return .call("date_add", [third, Coercion.cast(second, .int)], .date) }
        return .call(
            "timestampadd",
            [.literal(.string(unit), .string), Coercion.cast(second, .long), Coercion.cast(third, .timestamp)], .timestamp)
    }

    private func dateFunction(_ call: UnresolvedFunction, _ arguments: [Expression]) throws -> Expression? {
        switch call.name {
        case "date_add", "dateadd", "date_sub":
            try expect(call, 2...2)
            let days = try coerce(arguments[1], to: .type(.int), 1, call)
            let date = try coerce(arguments[0], to: .type(.date), 0, call)
            return .call(call.name == "date_sub" ? "date_sub" : "date_add", [date, days], .date)
        case "datediff", "date_diff":
            try expect(call, 2...2)
            return .call(
                "datediff",
                [try coerce(arguments[0], to: .type(.date), 0, call), try coerce(arguments[1], to: .type(.date), 1, call)], .int)
        case "to_date", "try_to_date":
            try expect(call, 1...2)
            if arguments.count == 1 {
                return .cast(arguments[0], to: .date, mode: call.name == "to_date" ? analyzer.castMode : .try).unlessSame
            }
            let name = call.name == "to_date" ? "to_date" : "try_to_date"
            return .call(FunctionName(rawValue: name), arguments.map { Coercion.cast($0, .string) }, .date)
        case "to_timestamp", "try_to_timestamp", "to_timestamp_ntz":
            try expect(call, 1...2)
            let type: DataType = call.name == "to_timestamp_ntz" ? .timestampNTZ : .timestamp
            if arguments.count == 1 {
                return .cast(arguments[0], to: type, mode: call.name == "try_to_timestamp" ? .try : analyzer.castMode).unlessSame
            }
            return .call(FunctionName(rawValue: call.name), arguments.map { Coercion.cast($0, .string) }, type)
        case "unix_timestamp", "to_unix_timestamp":
            try expect(call, 1...2)
            if arguments[0].dataType == .string {
                let format = arguments.count > 1 ? arguments[1] : .literal(.string("yyyy-MM-dd HH:mm:ss"), .string)
                return .call("unix_seconds", [.call("to_timestamp", [arguments[0], format], .timestamp)], .long)
            }
            return .call("unix_seconds", [try coerce(arguments[0], to: .type(.timestamp), 0, call)], .long)
        case "date_part", "datepart":
            try expect(call, 2...2)
            guard case .literal(.string(let field), _) = arguments[0] else {
                throw SparkError.mismatch("NON_FOLDABLE_INPUT", call.sqlText, "the input field should be a foldable \"STRING\" expression.")
            }
            let names: [String: String] = [
                "year": "year", "years": "year", "y": "year", "yr": "year", "yrs": "year", "yearofweek": "year_of_week",
                "quarter": "quarter", "qtr": "quarter", "month": "month", "mon": "month", "mons": "month", "months": "month",
                "week": "weekofyear", "weeks": "weekofyear", "w": "weekofyear", "day": "day", "d": "day", "days": "day",
                "dayofweek": "dayofweek", "dow": "dayofweek", "dow_iso": "weekday", "doy": "dayofyear", "hour": "hour",
                "h": "hour", "hours": "hour", "hr": "hour", "minute": "minute", "m": "minute", "min": "minute",
                "minutes": "minute", "second": "second_fraction", "s": "second_fraction", "sec": "second_fraction",
                "seconds": "second_fraction",
            ]
            guard let name = names[field.lowercased()], let signature = FunctionTable.signatures[name] else {
                throw SparkError(
                    condition: "INVALID_EXTRACT_FIELD", sqlState: "42601", message: "Cannot extract `\(field)` from the expression.")
            }
            let result = try apply(signature, UnresolvedFunction(name, [call.arguments[1]]), [arguments[1]])
            return field.lowercased() == "dow_iso" ? .call("+", [result, .literal(.int32(1), .int)], .int) : result
        default: return nil
        }
    }

    // MARK: - Strings and collections

    private func collectionFunction(_ call: UnresolvedFunction, _ arguments: [Expression]) throws -> Expression? {
        switch call.name {
        case "concat":
            if arguments.isEmpty { return .literal(.string(""), .string) }
            if arguments.contains(where: { if case .array = $0.dataType { true } else { false } }) {
                let all = try unified(arguments, sql: call.sqlText)
                return .call("concat", all, all[0].dataType)
            }
            if arguments.allSatisfy({ $0.dataType == .binary }) { return .call("concat", arguments, .binary) }
            return .call("concat", try arguments.enumerated().map { try coerce($1, to: .type(.string), $0, call) }, .string)
        case "concat_ws":
            try expect(call, 1...100_000)
            return .call(
                "concat_ws",
                try arguments.enumerated().map { index, argument in
                    if case .array(.string, _) = argument.dataType { return argument }
                    return try coerce(argument, to: .type(.string), index, call)
                }, .string)
        case "array":
            if arguments.isEmpty { return .call("array", [], .array(element: .null, containsNull: false)) }
            let all = try unified(arguments, sql: call.sqlText)
            return .call("array", all, .array(element: all[0].dataType, containsNull: all.contains { $0.nullable }))
        case "map":
            guard arguments.count.isMultiple(of: 2) else {
                throw SparkError.wrongArgumentCount("map", arguments.count, expected: "2n (n > 0)")
            }
            let keys = try unified(stride(from: 0, to: arguments.count, by: 2).map { arguments[$0] }, sql: call.sqlText)
            let values = try unified(stride(from: 1, to: arguments.count, by: 2).map { arguments[$0] }, sql: call.sqlText)
            var all: [Expression] = []
            for (key, value) in zip(keys, values) { all += [key, value] }
            return .call(
                "map", all,
                .map(
                    key: keys.first?.dataType ?? .null, value: values.first?.dataType ?? .null,
                    valueContainsNull: values.contains { $0.nullable }))
        case "struct":
            return namedStruct(
                zip(call.arguments, arguments).enumerated().map { index, pair in
                    var name = "col\(index + 1)"
                    switch pair.0 {
                    case .attribute(let parts, _): name = parts.last ?? name
                    case .alias(_, let alias): name = alias
                    default: break
                    }
                    return StructField(name, pair.1.dataType, nullable: pair.1.nullable)
                }, arguments)
        case "named_struct":
            guard arguments.count.isMultiple(of: 2), !arguments.isEmpty else {
                throw SparkError.wrongArgumentCount("named_struct", arguments.count, expected: "2n (n > 0)")
            }
            var fields: [StructField] = []
            var values: [Expression] = []
            for index in stride(from: 0, to: arguments.count, by: 2) {
                guard case .literal(.string(let name), _) = arguments[index] else {
                    throw SparkError.mismatch("NON_FOLDABLE_INPUT", call.sqlText, "the input name should be a foldable \"STRING\" expression.")
                }
                values.append(arguments[index + 1])
                fields.append(StructField(name, arguments[index + 1].dataType, nullable: arguments[index + 1].nullable))
            }
            return namedStruct(fields, values)
        case "size", "cardinality", "array_size":
            try expect(call, 1...1)
            if !arguments[0].dataType.isNested { throw SparkError.mismatch("UNEXPECTED_INPUT_TYPE", call.sqlText, "The first parameter requires the (\"ARRAY\" or \"MAP\") type, however it has the type \"\(arguments[0].dataType.sql)\".") }
            return .call("size", arguments, .int)
        case "array_contains":
            try expect(call, 2...2)
            guard case .array(let element, _) = arguments[0].dataType, let type = Coercion.common(element, arguments[1].dataType) else {
                throw SparkError.mismatch("ARRAY_FUNCTION_DIFF_TYPES", call.sqlText, "Input to `array_contains` should have been \"ARRAY\" followed by a value with same element type.")
            }
            return .call(
                "array_contains",
                [Coercion.cast(arguments[0], .array(element: type, containsNull: true)), Coercion.cast(arguments[1], type)], .boolean)
        case "element_at", "try_element_at", "get":
            try expect(call, 2...2)
            switch arguments[0].dataType {
            case .array(let element, _):
                return .call(FunctionName(rawValue: call.name), [arguments[0], Coercion.cast(arguments[1], .int)], element)
            case .map(let key, let value, _) where call.name != "get":
                return .call("getmapvalue", [arguments[0], Coercion.cast(arguments[1], key)], value)
            default: throw try coerceFailure(arguments[0], call)
            }
        case "map_keys", "map_values":
            try expect(call, 1...1)
            guard case .map(let key, let value, let nulls) = arguments[0].dataType else { throw try coerceFailure(arguments[0], call) }
            return .call(
                FunctionName(rawValue: call.name), arguments,
                call.name == "map_keys" ? .array(element: key, containsNull: false) : .array(element: value, containsNull: nulls))
        default: return nil
        }
    }

    private func coerceFailure(_ argument: Expression, _ call: UnresolvedFunction) throws -> SparkError {
        SparkError.mismatch(
            "UNEXPECTED_INPUT_TYPE", call.sqlText,
            "The first parameter requires the (\"ARRAY\" or \"MAP\") type, however it has the type \"\(argument.dataType.sql)\".")
    }
}

extension Expression {
    /// A cast to the type its operand has is the operand.
    fileprivate var unlessSame: Expression {
        if case .cast(let child, let type, _) = self, child.dataType == type { return child }
        return self
    }
}
