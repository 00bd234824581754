import Columnar
import SparkPlan

/// Decimal arithmetic. Operands keep their own scales; the exact result is rounded HALF_UP to the result's scale and
/// must fit its precision. Int64 operands with an Int64 result that cannot overflow take plain loops; the rest goes
/// through Int128 with 256-bit intermediates.
enum DecimalArithmetic {
    static func implementation(
        _ symbol: String, _ left: (precision: Int, scale: Int), _ right: (precision: Int, scale: Int), _ result: DataType,
        isTry: Bool
    ) throws -> FunctionImplementation? {
        if symbol == "div" { return integralDivision(left, right, isTry: isTry) }
        guard case .decimal(let precision, let scale) = result else { return nil }
        let narrow = left.precision <= 18 && right.precision <= 18 && precision <= 18
        // Results of the rule of SQL for these precisions always fit, so no check is needed.
        if narrow, left.scale == right.scale, scale == left.scale, symbol == "+" || symbol == "-",
            precision > max(left.precision, right.precision)
        {
            return symbol == "+"
                ? FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, result) { (x: Int64, y: Int64) in x &+ y } }
                : FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, result) { (x: Int64, y: Int64) in x &- y } }
        }
        if narrow, symbol == "*", scale == left.scale + right.scale, precision >= left.precision + right.precision {
            return FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, result) { (x: Int64, y: Int64) in x &* y } }
        }
        let operation: (Int128, Int128) -> Int128?
        switch symbol {
        case "+": operation = { sum($0, left.scale, $1, right.scale, scale) }
        case "-": operation = { sum($0, left.scale, -$1, right.scale, scale) }
        case "*": operation = { product($0, $1, excessScale: left.scale + right.scale - scale) }
        case "/": operation = { quotient($0, $1, shift: scale - left.scale + right.scale) }
        case "%", "pmod": operation = { remainder($0, left.scale, $1, right.scale, scale, positive: symbol == "pmod") }
        default: return nil
        }
        let divides = symbol == "/" || symbol == "%" || symbol == "pmod"
        return FunctionImplementation(canFail: !isTry) { a, rows, valid in
            let x = a[0].widenedDecimal()
            let y = a[1].widenedDecimal()
            let divisor = Reader<Int128>(y)
            let failure: ((Int) -> SparkError)? = isTry ? nil : { row in
                if divides, divisor[row] == 0 {
                    return symbol == "/" ? ANSIError.divideByZero : ANSIError.remainderByZero
                }
                return ANSIError.decimalOverflow("result of \(symbol)", precision, scale)
            }
            if precision <= DataType.decimalPrecisionOfInt64Max {
                return try tryMapBinary(x, y, rows, result, valid, zero: Int64.zero, failure: failure) {
                    (p: Int128, q: Int128) -> Int64? in
                    guard let value = operation(p, q), Decimals.fits(value, precision: precision) else { return nil }
                    return Int64(truncatingIfNeeded: value)
                }
            }
            return try tryMapBinary(x, y, rows, result, valid, zero: Int128.zero, failure: failure) {
                (p: Int128, q: Int128) -> Int128? in
                guard let value = operation(p, q), Decimals.fits(value, precision: precision) else { return nil }
                return value
            }
        }
    }

    private static func integralDivision(
        _ left: (precision: Int, scale: Int), _ right: (precision: Int, scale: Int), isTry: Bool
    ) -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, rows, valid in
            let y = a[1].widenedDecimal()
            let divisor = Reader<Int128>(y)
            return try tryMapBinary(
                a[0].widenedDecimal(), y, rows, .long, valid, zero: Int64.zero,
                failure: { row in
                    divisor[row] == 0 ? ANSIError.divideByZero : ANSIError.arithmeticOverflow("Overflow in integral divide")
                }
            ) { (p: Int128, q: Int128) -> Int64? in
                if q == 0 { return nil }
                let scale = max(left.scale, right.scale)
                guard let x = raised(p, by: scale - left.scale), let y = raised(q, by: scale - right.scale) else { return nil }
                return Int64(exactly: x / y)
            }
        }
    }

    static func raised(_ value: Int128, by exponent: Int) -> Int128? {
        guard let power = Decimals.powerOfTen(exponent) else { return nil }
        let (result, overflow) = value.multipliedReportingOverflow(by: power)
        return overflow ? nil : result
    }

    /// `value` / 10^digits, rounded HALF_UP (away from zero).
    static func lowered(_ value: Int128, by digits: Int) -> Int128 {
        if digits == 0 { return value }
        guard let power = Decimals.powerOfTen(digits) else { return 0 }
        let (q, r) = value.quotientAndRemainder(dividingBy: power)
        if r.magnitude >= power.magnitude - r.magnitude { return q + (value < 0 ? -1 : 1) }
        return q
    }

    static func rescaled(_ value: Int128, from: Int, to: Int) -> Int128? {
        from <= to ? raised(value, by: to - from) : lowered(value, by: from - to)
    }

    private static func sum(_ x: Int128, _ s: Int, _ y: Int128, _ t: Int, _ scale: Int) -> Int128? {
        let common = max(s, t)
        guard let a = raised(x, by: common - s), let b = raised(y, by: common - t) else {
            // Only reachable near 38 digits: give up a digit beyond the result's scale.
            guard let a = rescaled(x, from: s, to: scale), let b = rescaled(y, from: t, to: scale) else { return nil }
            let (total, overflow) = a.addingReportingOverflow(b)
            return overflow ? nil : total
        }
        let (total, overflow) = a.addingReportingOverflow(b)
        return overflow ? nil : rescaled(total, from: common, to: scale)
    }

    private static func product(_ x: Int128, _ y: Int128, excessScale: Int) -> Int128? {
        let (high, low) = x.magnitude.multipliedFullWidth(by: y.magnitude)
        return signed(high, low, dividedBy: excessScale, negative: (x < 0) != (y < 0))
    }

    /// A 256-bit magnitude / 10^digits, rounded HALF_UP; nil when it does not fit.
    private static func signed(_ high: UInt128, _ low: UInt128, dividedBy digits: Int, negative: Bool) -> Int128? {
        var magnitude = low
        if digits > 0 {
            guard let power = Decimals.powerOfTen(digits)?.magnitude, high < power else { return nil }
            let (q, r) = power.dividingFullWidth((high, low))
            magnitude = r >= power - r ? q + 1 : q
        } else if digits < 0 {
            guard high == 0, let power = Decimals.powerOfTen(-digits)?.magnitude else { return nil }
            let (p, overflow) = low.multipliedReportingOverflow(by: power)
            if overflow { return nil }
            magnitude = p
        } else if high != 0 {
            return nil
        }
        guard let value = Int128(exactly: magnitude) else { return nil }
        return negative ? -value : value
    }

    static func quotient(_ x: Int128, _ y: Int128, shift: Int) -> Int128? {
        if y == 0 { return nil }
        var divisor = y.magnitude
        var high: UInt128 = 0
        var low = x.magnitude
        if shift >= 0 {
            guard let power = Decimals.powerOfTen(shift)?.magnitude else { return nil }
            (high, low) = low.multipliedFullWidth(by: power)
        } else {
            guard let power = Decimals.powerOfTen(-shift)?.magnitude else { return 0 }
            let (product, overflow) = divisor.multipliedReportingOverflow(by: power)
            if overflow { return 0 }
            divisor = product
        }
        guard high < divisor else { return nil }
        let (q, r) = divisor.dividingFullWidth((high, low))
        guard let value = Int128(exactly: r >= divisor - r ? q + 1 : q) else { return nil }
        return (x < 0) != (y < 0) ? -value : value
    }

    private static func remainder(_ x: Int128, _ s: Int, _ y: Int128, _ t: Int, _ scale: Int, positive: Bool) -> Int128? {
        if y == 0 { return nil }
        let common = max(s, t)
        guard let a = raised(x, by: common - s), let b = raised(y, by: common - t) else { return nil }
        var r = a % b
        if positive, r < 0 { r = (r + b) % b }
        return rescaled(r, from: common, to: scale)
    }
}

extension ColumnVector {
    /// Unscaled decimal values as Int128, flat or constant; the type stays what it is for readers of its scale.
    func widenedDecimal() -> ColumnVector {
        guard case .decimal(_, let scale) = dataType, physicalType == .int64 else { return self }
        let wide = DataType.decimal(precision: 38, scale: scale)
        let rows = encoding == .constant ? 1 : count
        let flat = encoding == .constant ? children[0] : flattened()
        let result = mapUnary(flat, rows, wide) { (x: Int64) -> Int128 in Int128(x) }.masked(by: flat.validity)
        return encoding == .constant ? .constant(result, count: count) : result
    }
}
