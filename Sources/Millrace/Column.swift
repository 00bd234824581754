import Columnar
import SparkPlan
import SparkSQL

/// An expression over a DataFrame's columns, built with operators and functions; names are resolved when it is used.
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

    private func derived(_ expression: UnresolvedExpression) -> Column { Column(expression, failure: failure) }

    public func alias(_ name: String) -> Column { derived(.alias(expression, name)) }
    /// Casts to a type written as in SQL; invalid values raise an error.
    public func cast(_ type: String) -> Column { cast(type, .ansi) }
    /// Casts; invalid values become NULL.
    public func tryCast(_ type: String) -> Column { cast(type, .try) }

    private func cast(_ type: String, _ mode: CastMode) -> Column {
        do {
            return derived(.cast(expression, try SQLParser.parseDataType(type), mode))
        } catch let error as SparkError {
            return Column(expression, failure: failure ?? error)
        } catch {
            return Column(expression, failure: failure ?? SparkError.internal("\(error)"))
        }
    }

    public var isNull: Column { .call("isnull", self) }
    public var isNotNull: Column { .call("isnotnull", self) }
    public func eqNullSafe(_ other: Column) -> Column { .call("<=>", self, other) }
    public func like(_ pattern: String) -> Column { .call("like", self, lit(pattern)) }
    public func rlike(_ pattern: String) -> Column { .call("rlike", self, lit(pattern)) }
    public func startsWith(_ text: String) -> Column { .call("startswith", self, lit(text)) }
    public func endsWith(_ text: String) -> Column { .call("endswith", self, lit(text)) }
    public func contains(_ text: String) -> Column { .call("contains", self, lit(text)) }
    public func substr(_ start: Int, _ length: Int) -> Column { .call("substring", self, lit(start), lit(length)) }
    public func between(_ low: Column, _ high: Column) -> Column { (self >= low) && (self <= high) }

    public func isin(_ values: SparkValue...) -> Column {
        derived(.inList(expression, values.map { lit($0).expression }))
    }

    /// A member of a struct.
    public func getField(_ name: String) -> Column { derived(.extract(expression, .string(name))) }
    /// An element of an array or map.
    public func getItem(_ key: SparkValue) -> Column { derived(.extract(expression, lit(key).expression)) }

    public var asc: SortColumn { SortColumn(column: self, descending: false, nullsFirst: nil) }
    public var desc: SortColumn { SortColumn(column: self, descending: true, nullsFirst: nil) }
    public var ascNullsLast: SortColumn { SortColumn(column: self, descending: false, nullsFirst: false) }
    public var descNullsFirst: SortColumn { SortColumn(column: self, descending: true, nullsFirst: true) }

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
            partition: window.partition.map(\.expression), order: window.order.map(\.order))
        return derived(.function(call))
    }
}

public struct SortColumn: Sendable {
    let column: Column
    let descending: Bool
    let nullsFirst: Bool?

    var order: UnresolvedSortOrder {
        UnresolvedSortOrder(column.expression, descending: descending, nullsFirst: nullsFirst)
    }
}

/// Partitioning and ordering of window functions.
public struct WindowSpec: Sendable {
    var partition: [Column] = []
    var order: [SortColumn] = []

    public init() {}

    public static func partitionBy(_ columns: String...) -> WindowSpec {
        var window = WindowSpec()
        window.partition = columns.map { col($0) }
        return window
    }

    public func orderBy(_ columns: SortColumn...) -> WindowSpec {
        var copy = self
        copy.order = columns
        return copy
    }
}

/// A column by name; dots reach into structs, backquotes keep them.
public func col(_ name: String) -> Column {
    if name == "*" { return Column(.star(qualifier: [], except: [], nil)) }
    do {
        return Column(.attribute(try SQLParser.parseName(name), nil))
    } catch {
        return Column(.attribute([name], nil))
    }
}

/// An expression as SQL text.
public func expr(_ sql: String) -> Column {
    do {
        return Column(try SQLParser.parseExpression(sql))
    } catch let error as SparkError {
        return Column(.literal(.null, .null), failure: error)
    } catch {
        return Column(.literal(.null, .null), failure: SparkError.internal("\(error)"))
    }
}

public func lit(_ value: Int) -> Column {
    if let small = Int32(exactly: value) { return Column(.literal(.int32(small), .int)) }
    return Column(.literal(.int64(Int64(value)), .long))
}
public func lit(_ value: Double) -> Column { Column(.literal(.double(value), .double)) }
public func lit(_ value: String) -> Column { Column(.literal(.string(value), .string)) }
public func lit(_ value: Bool) -> Column { Column(.literal(.bool(value), .boolean)) }

public func lit(_ value: SparkValue) -> Column {
    switch value {
    case .null: return Column(.literal(.null, .null))
    case .boolean(let x): return lit(x)
    case .integer(let x): return lit(Int(x))
    case .double(let x): return lit(x)
    case .string(let x): return lit(x)
    case .binary(let x): return Column(.literal(.binary(x), .binary))
    case .date(let x): return lit(x).cast("date")
    case .timestamp(let x): return lit(x).cast("timestamp")
    case .decimal(let text):
        guard let (unscaled, scale) = parseDecimal(text) else {
            return Column(
                .literal(.null, .null),
                failure: SparkError(condition: "CAST_INVALID_INPUT", sqlState: "22018", message: "The value '\(text)' is no decimal."))
        }
        let digits = String(unscaled.magnitude).utf8.count
        return Column(.literal(.decimal(unscaled, scale: scale), .decimal(precision: min(max(digits, scale, 1), 38), scale: scale)))
    case .array(let values): return .call("array", values.map { lit($0) })
    case .map(let entries): return .call("map", entries.flatMap { [lit($0.key), lit($0.value)] })
    case .structure(let values): return .call("struct", values.map { lit($0) })
    }
}

public func + (a: Column, b: Column) -> Column { .call("+", a, b) }
public func - (a: Column, b: Column) -> Column { .call("-", a, b) }
public func * (a: Column, b: Column) -> Column { .call("*", a, b) }
public func / (a: Column, b: Column) -> Column { .call("/", a, b) }
public func % (a: Column, b: Column) -> Column { .call("%", a, b) }
public prefix func - (a: Column) -> Column { .call("negative", a) }
public func == (a: Column, b: Column) -> Column { .call("=", a, b) }
public func != (a: Column, b: Column) -> Column { .call("not", .call("=", a, b)) }
public func < (a: Column, b: Column) -> Column { .call("<", a, b) }
public func <= (a: Column, b: Column) -> Column { .call("<=", a, b) }
public func > (a: Column, b: Column) -> Column { .call(">", a, b) }
public func >= (a: Column, b: Column) -> Column { .call(">=", a, b) }
public func && (a: Column, b: Column) -> Column { .call("and", a, b) }
public func || (a: Column, b: Column) -> Column { .call("or", a, b) }
public prefix func ! (a: Column) -> Column { .call("not", a) }
