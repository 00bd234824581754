import Columnar

extension ExpressionResolver {
    /// Operators; nil when the name is none.
    func operatorCall(_ name: String, _ arguments: [Expression], sql: String) throws -> Expression? {
        switch (name, arguments.count) {
        case ("and", 2), ("or", 2):
            return .call(FunctionName(rawValue: name), try arguments.map { try boolean($0, sql: sql) }, .boolean)
        case ("not", 1), ("!", 1): return .call("not", [try boolean(arguments[0], sql: sql)], .boolean)
        case ("=", 2), ("<=>", 2), ("<", 2), ("<=", 2), (">", 2), (">=", 2):
            return try comparison(name, arguments, sql: sql)
        case ("equal_null", 2): return try comparison("<=>", arguments, sql: sql)
        case ("isnull", 1), ("isnotnull", 1):
            return .call(FunctionName(rawValue: name), arguments, .boolean)
        case ("+", 2), ("-", 2): return try sum(name, arguments[0], arguments[1], sql: sql)
        case ("*", 2), ("/", 2), ("%", 2), ("mod", 2), ("pmod", 2), ("try_add", 2), ("try_subtract", 2), ("try_multiply", 2),
            ("try_divide", 2), ("try_mod", 2):
            return try arithmetic(name == "mod" ? "%" : name, arguments[0], arguments[1], sql: sql)
        case ("div", 2): return try integralDivide(arguments, sql: sql)
        case ("negative", 1), ("positive", 1): return try negative(name, arguments[0], sql: sql)
        case ("&", 2), ("|", 2), ("^", 2):
            let both = try unified(arguments.map { try integral($0, sql: sql) }, sql: sql)
            return .call(FunctionName(rawValue: name), both, both[0].dataType)
        case ("~", 1):
            let value = try integral(arguments[0], sql: sql)
            return .call("~", [value], value.dataType)
        default: return nil
        }
    }

    func boolean(_ value: Expression, sql: String) throws -> Expression {
        guard [.boolean, .null, .string].contains(value.dataType) else {
            throw SparkError.mismatch(
                "BINARY_OP_WRONG_TYPE", sql,
                "the binary operator requires the input type \"BOOLEAN\", not \"\(value.dataType.sql)\".")
        }
        return Coercion.cast(value, .boolean)
    }

    private func integral(_ value: Expression, sql: String) throws -> Expression {
        if value.dataType.isIntegral { return value }
        if value.dataType == .string || value.dataType == .null { return Coercion.cast(value, .long) }
        throw SparkError.mismatch(
            "BINARY_OP_WRONG_TYPE", sql,
            "the binary operator requires the input type \"INTEGRAL\", not \"\(value.dataType.sql)\".")
    }

    private func comparison(_ name: String, _ arguments: [Expression], sql: String) throws -> Expression {
        guard let type = Coercion.common(arguments[0].dataType, arguments[1].dataType) else {
            throw SparkError.mismatch(
                "BINARY_OP_DIFF_TYPES", sql,
                "the left and right operands of the binary operator have incompatible types "
                    + "(\"\(arguments[0].dataType.sql)\" and \"\(arguments[1].dataType.sql)\").")
        }
        if case .map = type {
            throw SparkError.mismatch("INVALID_ORDERING_TYPE", sql, "The `\(name)` does not support ordering on type \"\(type.sql)\".")
        }
        if type == .null { return .null(.boolean) }
        return .call(FunctionName(rawValue: name), arguments.map { Coercion.cast($0, type) }, .boolean)
    }

    private func negative(_ name: String, _ value: Expression, sql: String) throws -> Expression {
        let type = value.dataType
        if name == "positive" { return value }
        if type == .string || type == .null { return .call("negative", [Coercion.cast(value, .double)], .double) }
        guard type.isNumeric || type == .dayTimeInterval || type == .yearMonthInterval else {
            throw SparkError.mismatch(
                "UNEXPECTED_INPUT_TYPE", sql,
                "The first parameter requires the (\"NUMERIC\" or \"INTERVAL\") type, however it has the type \"\(type.sql)\".")
        }
        return .call("negative", [value], type)
    }

    /// `+` and `-`, on numbers, dates, timestamps and intervals.
    private func sum(_ name: String, _ left: Expression, _ right: Expression, sql: String) throws -> Expression {
        func negated(_ value: Expression) -> Expression {
            name == "-" ? .call("negative", [value], value.dataType) : value
        }
        switch (left.dataType, right.dataType) {
        case (.date, .byte), (.date, .short), (.date, .int):
            return .call(name == "+" ? "date_add" : "date_sub", [left, Coercion.cast(right, .int)], .date)
        case (.byte, .date) where name == "+", (.short, .date) where name == "+", (.int, .date) where name == "+":
            return .call("date_add", [right, Coercion.cast(left, .int)], .date)
        case (.date, .yearMonthInterval):
            return .call("add_months", [left, .cast(negated(right), to: .int, mode: .ansi).asMonths(negated(right))], .date)
        case (.date, .dayTimeInterval):
            if case .literal(.int64(let micros), _) = right, micros % 86_400_000_000 == 0,
                let days = Int32(exactly: micros / 86_400_000_000)
            {
                return .call(name == "+" ? "date_add" : "date_sub", [left, .literal(.int32(days), .int)], .date)
            }
            return .call(
                "timestampadd_micros", [Coercion.cast(left, .timestamp), negated(right).simplifiedInterval], .timestamp)
        case (.timestamp, .dayTimeInterval), (.timestampNTZ, .dayTimeInterval):
            return .call("timestampadd_micros", [left, negated(right).simplifiedInterval], left.dataType)
        case (.timestamp, .yearMonthInterval), (.timestampNTZ, .yearMonthInterval):
            return .call("timestampadd_months", [left, negated(right).simplifiedInterval], left.dataType)
        case (.dayTimeInterval, .date), (.dayTimeInterval, .timestamp), (.yearMonthInterval, .date),
            (.yearMonthInterval, .timestamp), (.dayTimeInterval, .timestampNTZ), (.yearMonthInterval, .timestampNTZ):
            guard name == "+" else { break }
            return try sum(name, right, left, sql: sql)
        case (.date, .date) where name == "-": return .call("subtract_dates", [left, right], .dayTimeInterval)
        case (.timestamp, .timestamp) where name == "-", (.timestamp, .date) where name == "-",
            (.date, .timestamp) where name == "-", (.timestampNTZ, .timestampNTZ) where name == "-":
            return .call(
                "subtract_timestamps", [Coercion.cast(left, .timestamp), Coercion.cast(right, .timestamp)],
                .dayTimeInterval)
        case (.dayTimeInterval, .dayTimeInterval), (.yearMonthInterval, .yearMonthInterval):
            return .call(FunctionName(rawValue: name), [left, right], left.dataType)
        case (.date, .string) where name == "-", (.string, .date) where name == "-":
            return try sum(name, Coercion.cast(left, .date), Coercion.cast(right, .date), sql: sql)
        default: break
        }
        return try arithmetic(name, left, right, sql: sql)
    }

    private func arithmetic(_ name: String, _ first: Expression, _ second: Expression, sql: String) throws -> Expression {
        var left = first
        var right = second
        if left.dataType == .string { left = Coercion.cast(left, right.dataType.isIntegral && name != "/" ? .long : .double) }
        if right.dataType == .string { right = Coercion.cast(right, left.dataType.isIntegral && name != "/" ? .long : .double) }
        if left.dataType == .null { left = .null(right.dataType.isNumeric ? right.dataType : .double) }
        if right.dataType == .null { right = .null(left.dataType.isNumeric ? left.dataType : .double) }
        guard left.dataType.isNumeric, right.dataType.isNumeric else {
            throw SparkError.mismatch(
                "BINARY_OP_DIFF_TYPES", sql,
                "the left and right operands of the binary operator have incompatible types "
                    + "(\"\(first.dataType.sql)\" and \"\(second.dataType.sql)\").")
        }
        let function = FunctionName(rawValue: name)
        let operation = name.hasPrefix("try_")
            ? ["try_add": "+", "try_subtract": "-", "try_multiply": "*", "try_divide": "/", "try_mod": "%"][name] ?? "+"
            : (name == "pmod" ? "%" : name)
        let someDecimal = left.dataType.isDecimal || right.dataType.isDecimal
        if someDecimal, !left.dataType.isFractional, !right.dataType.isFractional {
            left = asDecimal(left)
            right = asDecimal(right)
            guard let a = Coercion.decimal(for: left.dataType), let b = Coercion.decimal(for: right.dataType) else {
                throw SparkError.internal("decimal arithmetic on \(sql)")
            }
            return .call(function, [left, right], Coercion.arithmetic(operation, a, b))
        }
        let type = operation == "/" ? .double : Coercion.numeric(left.dataType, right.dataType)
        let final = someDecimal ? DataType.double : type
        return .call(function, [Coercion.cast(left, final), Coercion.cast(right, final)], final)
    }

    /// An integer as a decimal: a literal gets the precision it needs, as Spark gives it.
    private func asDecimal(_ value: Expression) -> Expression {
        if value.dataType.isDecimal { return value }
        if case .literal(let scalar, _) = value, let number = scalar.int64Value {
            let digits = String(number.magnitude).utf8.count
            return .literal(.decimal(Int128(number), scale: 0), .decimal(precision: max(digits, 1), scale: 0))
        }
        guard let (precision, scale) = Coercion.decimal(for: value.dataType) else { return value }
        return Coercion.cast(value, .decimal(precision: precision, scale: scale))
    }

    private func integralDivide(_ arguments: [Expression], sql: String) throws -> Expression {
        let both = arguments.map { $0.dataType == .string || $0.dataType == .null ? Coercion.cast($0, .long) : $0 }
        if both.contains(where: { $0.dataType.isDecimal }), both.allSatisfy({ $0.dataType.isIntegral || $0.dataType.isDecimal }) {
            return .call("div", both.map { asDecimal($0) }, .long)
        }
        guard both.allSatisfy({ $0.dataType.isIntegral }) else {
            throw SparkError.mismatch(
                "BINARY_OP_WRONG_TYPE", sql,
                "the binary operator requires the input type \"INTEGRAL\", not \"\(both.first { !$0.dataType.isIntegral }?.dataType.sql ?? "")\".")
        }
        return .call("div", both.map { Coercion.cast($0, .long) }, .long)
    }
}

extension Expression {
    /// A negated interval literal as a literal.
    var simplifiedInterval: Expression {
        if case .call("negative", let arguments, let type) = self, case .literal(let value, _) = arguments[0] {
            if case .int64(let x) = value, x != .min { return .literal(.int64(-x), type) }
            if case .int32(let x) = value, x != .min { return .literal(.int32(-x), type) }
        }
        return self
    }

    /// The months of a year-month interval as an integer.
    func asMonths(_ interval: Expression) -> Expression {
        if case .literal(.int32(let months), _) = interval.simplifiedInterval { return .literal(.int32(months), .int) }
        return self
    }
}
