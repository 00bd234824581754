package import Columnar

/// Spark's type coercion in ANSI mode.
///
/// - Source: Spark 4.0 `AnsiTypeCoercion`, `DecimalPrecisionTypeCoercion`, `sql-ref-ansi-compliance.md`.
package enum Coercion {
    /// The decimal that holds every value of an integer type.
    package static func decimal(for type: DataType) -> (precision: Int, scale: Int)? {
        switch type {
        case .byte: (3, 0)
        case .short: (5, 0)
        case .int: (10, 0)
        case .long: (20, 0)
        case .decimal(let precision, let scale): (precision, scale)
        default: nil
        }
    }

    /// Cuts a decimal to 38 digits, giving up fraction digits beyond 6 first.
    package static func adjusted(_ precision: Int, _ scale: Int) -> DataType {
        if precision <= 38 { return .decimal(precision: precision, scale: scale) }
        let whole = precision - scale
        return .decimal(precision: 38, scale: max(38 - whole, min(scale, 6)))
    }

    package static func bounded(_ precision: Int, _ scale: Int) -> DataType {
        .decimal(precision: min(precision, 38), scale: min(scale, 38))
    }

    /// The result type of decimal arithmetic.
    package static func arithmetic(
        _ name: String, _ a: (precision: Int, scale: Int), _ b: (precision: Int, scale: Int)
    ) -> DataType {
        let scale = max(a.scale, b.scale)
        switch name {
        case "+", "-":
            return adjusted(max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale)
        case "*": return adjusted(a.precision + b.precision + 1, a.scale + b.scale)
        case "/":
            let s = max(6, a.scale + b.precision + 1)
            return adjusted(a.precision - a.scale + b.scale + s, s)
        default:
            return adjusted(min(a.precision - a.scale, b.precision - b.scale) + scale, scale)
        }
    }

    /// The narrowest type that every value of both can become without a cast being written; nil when there is none.
    package static func common(_ a: DataType, _ b: DataType) -> DataType? {
        if a == b { return a }
        switch (a, b) {
        case (.null, let other), (let other, .null): return other
        case (.string, let other), (let other, .string): return stringPartner(other)
        case (.date, .timestamp), (.timestamp, .date), (.timestamp, .timestampNTZ), (.timestampNTZ, .timestamp):
            return .timestamp
        case (.date, .timestampNTZ), (.timestampNTZ, .date): return .timestampNTZ
        case (.array(let x, let n), .array(let y, let m)):
            return common(x, y).map { .array(element: $0, containsNull: n || m) }
        case (.map(let k, let v, let n), .map(let l, let w, let m)):
            guard let key = common(k, l), let value = common(v, w) else { return nil }
            return .map(key: key, value: value, valueContainsNull: n || m)
        case (.structure(let x), .structure(let y)):
            guard x.count == y.count else { return nil }
            var fields: [StructField] = []
            for (p, q) in zip(x.fields, y.fields) {
                guard let type = common(p.dataType, q.dataType) else { return nil }
                fields.append(StructField(p.name, type, nullable: p.nullable || q.nullable))
            }
            return .structure(StructType(fields))
        default: return a.isNumeric && b.isNumeric ? numeric(a, b) : nil
        }
    }

    package static func common(_ types: [DataType]) -> DataType? {
        var result = DataType.null
        for type in types {
            guard let wider = common(result, type) else { return nil }
            result = wider
        }
        return result
    }

    static func numeric(_ a: DataType, _ b: DataType) -> DataType {
        if a == b { return a }
        if a == .double || b == .double { return .double }
        if a == .float || b == .float {
            let other = a == .float ? b : a
            return other == .byte || other == .short || other == .float ? .float : .double
        }
        if a.isDecimal || b.isDecimal, let x = decimal(for: a), let y = decimal(for: b) {
            let scale = max(x.scale, y.scale)
            return bounded(max(x.precision - x.scale, y.precision - y.scale) + scale, scale)
        }
        let order: [DataType] = [.byte, .short, .int, .long]
        let ranks = [a, b].map { order.firstIndex(of: $0) ?? 3 }
        return order[max(ranks[0], ranks[1])]
    }

    private static func stringPartner(_ other: DataType) -> DataType? {
        switch other {
        case .byte, .short, .int, .long: .long
        case .float, .double, .decimal: .double
        case .boolean, .date, .timestamp, .timestampNTZ, .binary, .dayTimeInterval, .yearMonthInterval, .string: other
        default: nil
        }
    }

    package static func sameIgnoringNullability(_ a: DataType, _ b: DataType) -> Bool {
        switch (a, b) {
        case (.array(let x, _), .array(let y, _)): sameIgnoringNullability(x, y)
        case (.map(let k, let v, _), .map(let l, let w, _)):
            sameIgnoringNullability(k, l) && sameIgnoringNullability(v, w)
        case (.structure(let x), .structure(let y)):
            x.count == y.count
                && zip(x.fields, y.fields).allSatisfy { sameIgnoringNullability($0.dataType, $1.dataType) }
        default: a == b
        }
    }

    /// `expression` as `type`, unchanged if it has it.
    package static func cast(_ expression: Expression, _ type: DataType, mode: CastMode = .ansi) -> Expression {
        if sameIgnoringNullability(expression.dataType, type) { return expression }
        if expression.isNullLiteral { return .null(type) }
        if case .literal(let value, _) = expression, let narrow = integerLiteral(value, type) {
            return .literal(narrow, type)
        }
        return .cast(expression, to: type, mode: mode)
    }

    /// An integer literal as another number type, when exact.
    private static func integerLiteral(_ value: Scalar, _ type: DataType) -> Scalar? {
        switch value {
        case .int8, .int16, .int32, .int64: break
        default: return nil
        }
        guard let number = value.int64Value else { return nil }
        switch type {
        case .byte: return Int8(exactly: number).map { .int8($0) }
        case .short: return Int16(exactly: number).map { .int16($0) }
        case .int: return Int32(exactly: number).map { .int32($0) }
        case .long: return .int64(number)
        case .double: return Double(exactly: number).map { .double($0) }
        case .decimal(let precision, let scale):
            guard let power = Decimals.powerOfTen(scale) else { return nil }
            let (unscaled, overflow) = Int128(number).multipliedReportingOverflow(by: power)
            guard !overflow, Decimals.fits(unscaled, precision: precision) else { return nil }
            return .decimal(unscaled, scale: scale)
        default: return nil
        }
    }

    /// Whether a parameter of type `to` takes an argument of type `from` without a written cast.
    package static func implicitlyCastable(_ from: DataType, _ to: DataType) -> Bool {
        if sameIgnoringNullability(from, to) || from == .null { return true }
        switch (from, to) {
        case (.string, _): return !to.isNested && to != .null
        case (_, .string): return !from.isNested
        case (.date, .timestamp), (.date, .timestampNTZ), (.timestampNTZ, .timestamp), (.timestamp, .timestampNTZ),
            (.timestamp, .date), (.timestampNTZ, .date):
            return true
        default:
            guard from.isNumeric, to.isNumeric else { return false }
            return true
        }
    }

    /// Whether `CAST(from AS to)` exists in ANSI mode.
    package static func explicitlyCastable(_ from: DataType, _ to: DataType) -> Bool {
        if from == to || from == .null { return true }
        switch (from, to) {
        case (_, .string): return true
        case (.string, _): return !to.isNested && to != .null
        case (.array(let x, _), .array(let y, _)): return explicitlyCastable(x, y)
        case (.map(let k, let v, _), .map(let l, let w, _)): return explicitlyCastable(k, l) && explicitlyCastable(v, w)
        case (.structure(let x), .structure(let y)):
            return x.count == y.count
                && zip(x.fields, y.fields).allSatisfy { explicitlyCastable($0.dataType, $1.dataType) }
        case (.date, .timestamp), (.date, .timestampNTZ), (.timestamp, .date), (.timestampNTZ, .date),
            (.timestamp, .timestampNTZ), (.timestampNTZ, .timestamp):
            return true
        case (.boolean, _): return to.isNumeric
        case (_, .boolean): return from.isNumeric
        case (.timestamp, _): return to.isNumeric
        case (_, .timestamp): return from.isNumeric
        case (.dayTimeInterval, _), (.yearMonthInterval, _): return to.isIntegral
        case (_, .dayTimeInterval), (_, .yearMonthInterval): return from.isIntegral
        case (_, .binary): return from.isIntegral
        default: return from.isNumeric && to.isNumeric
        }
    }

    /// Whether ANSI store assignment writes `from` into a column of type `to` (with an overflow check at run time).
    package static func storable(_ from: DataType, _ to: DataType) -> Bool {
        if sameIgnoringNullability(from, to) || from == .null { return true }
        switch (from, to) {
        case (_, .string): return !from.isNested && from != .binary
        case (.date, .timestamp), (.date, .timestampNTZ), (.timestamp, .date), (.timestampNTZ, .date),
            (.timestamp, .timestampNTZ), (.timestampNTZ, .timestamp):
            return true
        case (.array(let x, _), .array(let y, _)): return storable(x, y)
        case (.map(let k, let v, _), .map(let l, let w, _)): return storable(k, l) && storable(v, w)
        case (.structure(let x), .structure(let y)):
            return x.count == y.count && zip(x.fields, y.fields).allSatisfy { storable($0.dataType, $1.dataType) }
        default: return from.isNumeric && to.isNumeric
        }
    }
}
