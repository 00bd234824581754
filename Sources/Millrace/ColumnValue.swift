import Columnar
import SparkPlan

/// What may stand beside a column in an operator: another column, or a Swift value as a literal.
public protocol ColumnValue: Sendable {
    var columnValue: Column { get }
}

/// What may stand for a column in `select`, `groupBy` and functions: a column, or a name.
public protocol ColumnOrName: Sendable {
    var namedColumn: Column { get }
}

/// What may be sorted by: a column, a name, or a column with a direction.
public protocol SortKey: Sendable {
    var sortColumn: SortColumn { get }
}

extension Column: ColumnValue, ColumnOrName, SortKey {
    public var columnValue: Column { self }
    public var namedColumn: Column { self }
    public var sortColumn: SortColumn { asc }
}

extension String: ColumnValue, ColumnOrName, SortKey {
    /// The text as a literal.
    public var columnValue: Column { Column(.literal(.string(self), .string)) }
    /// The column of that name.
    public var namedColumn: Column { col(self) }
    /// Ascending by the column of that name.
    public var sortColumn: SortColumn { col(self).asc }
}

extension Bool: ColumnValue {
    public var columnValue: Column { Column(.literal(.bool(self), .boolean)) }
}

extension Int: ColumnValue {
    /// INT where it fits, else BIGINT, as SQL's literals.
    public var columnValue: Column {
        if let small = Int32(exactly: self) { return Column(.literal(.int32(small), .int)) }
        return Column(.literal(.int64(Int64(self)), .long))
    }
}

extension Int64: ColumnValue {
    /// BIGINT.
    public var columnValue: Column { Column(.literal(.int64(self), .long)) }
}

extension Double: ColumnValue {
    public var columnValue: Column { Column(.literal(.double(self), .double)) }
}

extension SparkValue: ColumnValue {
    public var columnValue: Column {
        switch self {
        case .null: return Column(.literal(.null, .null))
        case .boolean(let x): return x.columnValue
        case .integer(let x): return Int(x).columnValue
        case .double(let x): return x.columnValue
        case .string(let x): return x.columnValue
        case .binary(let x): return Column(.literal(.binary(x), .binary))
        case .date(let x): return x.columnValue.cast("date")
        case .timestamp(let x): return x.columnValue.cast("timestamp")
        case .decimal(let text):
            guard let (unscaled, scale) = parseDecimal(text) else {
                return Column(
                    .literal(.null, .null),
                    failure: SparkError(
                        condition: "CAST_INVALID_INPUT", sqlState: "22018", message: "The value '\(text)' is no decimal."))
            }
            let digits = String(unscaled.magnitude).utf8.count
            let type = Columnar.DataType.decimal(precision: min(max(digits, scale, 1), 38), scale: scale)
            return Column(.literal(.decimal(unscaled, scale: scale), type))
        case .array(let values): return .call("array", values.map(\.columnValue))
        case .map(let entries): return .call("map", entries.flatMap { [$0.key.columnValue, $0.value.columnValue] })
        case .structure(let values): return .call("struct", values.map(\.columnValue))
        }
    }
}

/// A literal: `lit(5)`, `lit("a")`.
public func lit(_ value: some ColumnValue) -> Column { value.columnValue }
/// A literal of any SQL type: `lit(nil)`, `lit(.date("2024-01-31"))`, `lit(.decimal("9.99"))`.
public func lit(_ value: SparkValue) -> Column { value.columnValue }

// MARK: - Operators

extension Column {
    public static func + (a: Column, b: some ColumnValue) -> Column { .call("+", a, b.columnValue) }
    public static func - (a: Column, b: some ColumnValue) -> Column { .call("-", a, b.columnValue) }
    public static func * (a: Column, b: some ColumnValue) -> Column { .call("*", a, b.columnValue) }
    /// Of integers gives a double; `DIVIDE_BY_ZERO` for zero.
    public static func / (a: Column, b: some ColumnValue) -> Column { .call("/", a, b.columnValue) }
    public static func % (a: Column, b: some ColumnValue) -> Column { .call("%", a, b.columnValue) }
    public static func == (a: Column, b: some ColumnValue) -> Column { .call("=", a, b.columnValue) }
    public static func != (a: Column, b: some ColumnValue) -> Column { .call("not", .call("=", a, b.columnValue)) }
    public static func < (a: Column, b: some ColumnValue) -> Column { .call("<", a, b.columnValue) }
    public static func <= (a: Column, b: some ColumnValue) -> Column { .call("<=", a, b.columnValue) }
    public static func > (a: Column, b: some ColumnValue) -> Column { .call(">", a, b.columnValue) }
    public static func >= (a: Column, b: some ColumnValue) -> Column { .call(">=", a, b.columnValue) }
    public static func && (a: Column, b: Column) -> Column { .call("and", a, b) }
    public static func || (a: Column, b: Column) -> Column { .call("or", a, b) }
    public static prefix func ! (a: Column) -> Column { .call("not", a) }
    public static prefix func - (a: Column) -> Column { .call("negative", a) }
}

// MARK: - Order

/// A column to sort by, and how.
public struct SortColumn: SortKey {
    let column: Column
    let descending: Bool
    let nullsFirst: Bool?

    public var sortColumn: SortColumn { self }

    var order: UnresolvedSortOrder {
        UnresolvedSortOrder(column.expression, descending: descending, nullsFirst: nullsFirst)
    }
}

extension Column {
    /// Ascending, NULL first.
    public var asc: SortColumn { SortColumn(column: self, descending: false, nullsFirst: nil) }
    /// Descending, NULL last.
    public var desc: SortColumn { SortColumn(column: self, descending: true, nullsFirst: nil) }
    public var ascNullsFirst: SortColumn { SortColumn(column: self, descending: false, nullsFirst: true) }
    public var ascNullsLast: SortColumn { SortColumn(column: self, descending: false, nullsFirst: false) }
    public var descNullsFirst: SortColumn { SortColumn(column: self, descending: true, nullsFirst: true) }
    public var descNullsLast: SortColumn { SortColumn(column: self, descending: true, nullsFirst: false) }
}
