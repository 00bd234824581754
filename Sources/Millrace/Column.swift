import Columnar
import SparkPlan
import SparkSQL

/// An expression over a DataFrame's columns, built with operators and functions; names are resolved when it is used.
///
///     (col("price") * col("quantity")).cast("decimal(12,2)").alias("revenue")
public struct Column: Sendable {
    let expression: UnresolvedExpression
    /// What failed while it was built; raised when it is used.
    let failure: SparkError?

    init(_ expression: UnresolvedExpression, failure: SparkError? = nil) {
        self.expression = expression
        self.failure = failure
    }

    static func call(_ name: String, _ arguments: Column...) -> Column { call(name, arguments) }

    static func call(_ name: String, _ arguments: [Column]) -> Column {
        Column(
            .function(UnresolvedFunction(name, arguments.map(\.expression))),
            failure: arguments.lazy.compactMap(\.failure).first)
    }

    func checked() throws -> UnresolvedExpression {
        if let failure { throw failure }
        return expression
    }

    /// With another expression that also uses `others`.
    private func derived(_ expression: UnresolvedExpression, _ others: [Column] = []) -> Column {
        Column(expression, failure: failure ?? others.lazy.compactMap(\.failure).first)
    }

    // MARK: - Names and types

    /// Names the column.
    public func alias(_ name: String) -> Column { derived(.alias(expression, name)) }

    /// Casts to a type written as in SQL (`decimal(10,2)`); a value that does not fit raises `CAST_INVALID_INPUT`.
    public func cast(_ type: String) -> Column { cast(.ansi) { try SQLParser.parseDataType(type) } }
    public func cast(_ type: DataType) -> Column { cast(.ansi) { try type.validated() } }

    /// Casts; a value that does not fit becomes NULL.
    public func tryCast(_ type: String) -> Column { cast(.try) { try SQLParser.parseDataType(type) } }
    public func tryCast(_ type: DataType) -> Column { cast(.try) { try type.validated() } }

    private func cast(_ mode: CastMode, _ type: () throws -> Columnar.DataType) -> Column {
        do {
            return derived(.cast(expression, try type(), mode))
        } catch let error as SparkError {
            return Column(expression, failure: failure ?? error)
        } catch {
            return Column(expression, failure: failure ?? SparkError.internal("\(error)"))
        }
    }

    // MARK: - Tests

    public var isNull: Column { .call("isnull", self) }
    public var isNotNull: Column { .call("isnotnull", self) }
    public var isNaN: Column { .call("isnan", self) }
    /// Equality by which NULL equals NULL.
    public func eqNullSafe(_ other: some ColumnValue) -> Column { .call("<=>", self, other.columnValue) }
    /// SQL's LIKE: `%` any text, `_` one character, backslash escapes.
    public func like(_ pattern: String) -> Column { .call("like", self, lit(pattern)) }
    /// LIKE without regard to letter case.
    public func ilike(_ pattern: String) -> Column { .call("ilike", self, lit(pattern)) }
    /// Whether a part of the text matches a regular expression.
    public func rlike(_ pattern: String) -> Column { .call("rlike", self, lit(pattern)) }
    public func startsWith(_ text: some ColumnValue) -> Column { .call("startswith", self, text.columnValue) }
    public func endsWith(_ text: some ColumnValue) -> Column { .call("endswith", self, text.columnValue) }
    public func contains(_ text: some ColumnValue) -> Column { .call("contains", self, text.columnValue) }

    /// Both bounds included.
    public func between(_ low: some ColumnValue, _ high: some ColumnValue) -> Column {
        .call("and", .call(">=", self, low.columnValue), .call("<=", self, high.columnValue))
    }

    public func isin(_ values: any ColumnValue...) -> Column { isin(values) }
    public func isin(_ values: [any ColumnValue]) -> Column {
        let columns = values.map(\.columnValue)
        // Spark: nothing is in an empty list, NULL neither.
        if columns.isEmpty { return derived(.literal(.bool(false), .boolean)) }
        return derived(.inList(expression, columns.map(\.expression)), columns)
    }

    // MARK: - Parts

    /// `length` characters from position `start`, which counts from 1; a negative one counts from the end.
    public func substr(_ start: Int, _ length: Int) -> Column { .call("substring", self, lit(start), lit(length)) }
    /// A member of a struct.
    public func getField(_ name: String) -> Column { derived(.extract(expression, .string(name))) }
    /// An element of an array (from 0) or of a map.
    public func getItem(_ key: some ColumnValue) -> Column {
        derived(.extract(expression, key.columnValue.expression), [key.columnValue])
    }

    // MARK: - CASE

    /// A further branch of `F.when`.
    public func when(_ condition: Column, _ value: some ColumnValue) -> Column {
        let value = value.columnValue
        guard case .caseWhen(let branches, nil) = expression else {
            return misplaced("when() can only be applied on a Column previously generated by when() function")
        }
        let branch = UnresolvedCaseBranch(condition: condition.expression, result: value.expression)
        return derived(.caseWhen(branches: branches + [branch], otherwise: nil), [condition, value])
    }

    /// The value of `F.when` where no branch holds; without it NULL.
    public func otherwise(_ value: some ColumnValue) -> Column {
        let value = value.columnValue
        guard case .caseWhen(let branches, nil) = expression else {
            return misplaced(
                "otherwise() can only be applied on a Column previously generated by when() and can only be applied once")
        }
        return derived(.caseWhen(branches: branches, otherwise: value.expression), [value])
    }

    private func misplaced(_ message: String) -> Column {
        Column(expression, failure: failure ?? SparkError(condition: "INVALID_WHEN_USAGE", sqlState: "42601", message: message + "."))
    }

    // MARK: - Windows

    /// A window function, or an aggregate, over a window.
    public func over(_ window: WindowSpec) -> Column {
        guard case .function(var call) = expression else {
            return Column(
                expression,
                failure: failure
                    ?? SparkError(
                        condition: "UNSUPPORTED_EXPR_FOR_WINDOW", sqlState: "42P20",
                        message: "Expression \"\(expression.sqlText)\" not supported within a window function."))
        }
        call.window = UnresolvedWindow(
            partition: window.partition.map(\.expression), order: window.order.map(\.order), frame: window.frame)
        let result = derived(.function(call), window.partition + window.order.map(\.column))
        return Column(result.expression, failure: result.failure ?? window.failure)
    }
}

/// A column by name. Dots reach into structs, backquotes keep them in the name; `*` is all columns.
public func col(_ name: String) -> Column {
    if name == "*" { return Column(.star(qualifier: [], except: [], nil)) }
    do {
        if name.hasSuffix(".*") {
            return Column(.star(qualifier: try SQLParser.parseName(String(name.dropLast(2))), except: [], nil))
        }
        return Column(.attribute(try SQLParser.parseName(name), nil))
    } catch {
        // Spaces and the like: the whole text is one name.
        return Column(.attribute([name], nil))
    }
}

/// An expression as SQL text: `expr("price * quantity AS revenue")`.
public func expr(_ sql: String) -> Column {
    do {
        return Column(try SQLParser.parseExpression(sql))
    } catch let error as SparkError {
        return Column(.literal(.null, .null), failure: error)
    } catch {
        return Column(.literal(.null, .null), failure: SparkError.internal("\(error)"))
    }
}
