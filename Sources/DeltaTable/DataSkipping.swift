import Columnar
import DeltaProtocol
import SparkPlan

/// Whether rows within `bounds` may fulfil `condition`: false only when certainly none does.
func mayMatch(_ condition: Expression, _ bounds: (Int) -> ColumnBounds?) -> Bool {
    switch condition {
    case .literal(let value, .boolean): return value == .bool(true)
    case .inList(.column(let index, let type, _), let list):
        guard let known = bounds(index) else { return true }
        return list.contains { element in
            guard case .literal(let value, _) = element else { return true }
            return mayCompare("=", known, value, type)
        }
    case .call(let name, let arguments, _):
        switch (name.rawValue, arguments.count) {
        case ("and", _): return arguments.allSatisfy { mayMatch($0, bounds) }
        case ("or", _): return arguments.contains { mayMatch($0, bounds) }
        case ("isnull", 1):
            guard case .column(let index, _, _) = arguments[0], let known = bounds(index), let nulls = known.nullCount else { return true }
            return nulls > 0
        case ("isnotnull", 1):
            guard case .column(let index, _, _) = arguments[0], let known = bounds(index), let nulls = known.nullCount,
                let rows = known.rowCount
            else { return true }
            return nulls < rows
        case ("=", 2), ("<", 2), ("<=", 2), (">", 2), (">=", 2):
            if case .column(let index, let type, _) = arguments[0], case .literal(let value, _) = arguments[1] {
                guard let known = bounds(index) else { return true }
                return mayCompare(name.rawValue, known, value, type)
            }
            if case .column(let index, let type, _) = arguments[1], case .literal(let value, _) = arguments[0] {
                guard let known = bounds(index) else { return true }
                let mirrored = ["=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="][name.rawValue] ?? "="
                return mayCompare(mirrored, known, value, type)
            }
            return true
        default: return true
        }
    default: return true
    }
}

private func mayCompare(_ operation: String, _ bounds: ColumnBounds, _ value: Scalar, _ type: DataType) -> Bool {
    // A comparison with NULL is never true, nor is one of a column that is NULL throughout.
    if value.isNull { return false }
    if let nulls = bounds.nullCount, let rows = bounds.rowCount, nulls == rows, rows > 0 { return false }
    // NaN is above all numbers and not among the bounds.
    let isFloat = type == .float || type == .double
    if case .double(let x) = value, x.isNaN { return true }
    if case .float(let x) = value, x.isNaN { return true }
    let belowMin = bounds.min.flatMap { order(value, $0) }.map { $0 < 0 } ?? false
    let atMin = bounds.min.flatMap { order(value, $0) }.map { $0 <= 0 } ?? false
    let aboveMax = bounds.max.flatMap { order(value, $0) }.map { $0 > 0 } ?? false
    let atMax = bounds.max.flatMap { order(value, $0) }.map { $0 >= 0 } ?? false
    switch operation {
    case "=": return !belowMin && !aboveMax
    case "<": return !atMin
    case "<=": return !belowMin
    case ">": return isFloat || !atMax
    case ">=": return isFloat || !aboveMax
    default: return true
    }
}

/// Negative, zero or positive; nil for values of different kinds.
private func order(_ a: Scalar, _ b: Scalar) -> Int? {
    func sign<T: Comparable>(_ x: T, _ y: T) -> Int { x < y ? -1 : x > y ? 1 : 0 }
    switch (a, b) {
    case (.bool(let x), .bool(let y)): return sign(x ? 1 : 0, y ? 1 : 0)
    case (.float(let x), .float(let y)): return x.isNaN || y.isNaN ? nil : sign(x, y)
    case (.double(let x), .double(let y)): return x.isNaN || y.isNaN ? nil : sign(x, y)
    case (.decimal(let x, let s), .decimal(let y, let t)): return s == t ? sign(x, y) : nil
    case (.string(let x), .string(let y)):
        return x.utf8.elementsEqual(y.utf8) ? 0 : x.utf8.lexicographicallyPrecedes(y.utf8) ? -1 : 1
    case (.int8, .int8), (.int16, .int16), (.int32, .int32), (.int64, .int64), (.date, .date), (.timestamp, .timestamp):
        guard let x = a.int64Value, let y = b.int64Value else { return nil }
        return sign(x, y)
    default: return nil
    }
}
