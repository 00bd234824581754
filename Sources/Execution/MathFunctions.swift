import Columnar
import SparkPlan

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

enum MathFunctions {
    static func find(_ c: FunctionContext) throws -> FunctionImplementation? {
        switch (c.name, c.count) {
        case ("round", 1...2), ("bround", 1...2): return round(c, halfEven: c.name == "bround")
        case ("floor", 1), ("ceil", 1), ("ceiling", 1): return whole(c, up: c.name != "floor")
        case ("greatest", 1...), ("least", 1...): return extreme(c, greatest: c.name == "greatest")
        case ("sign", 1), ("signum", 1):
            return c.types[0] == .double
                ? FunctionImplementation { a, n, _ in
                    mapUnary(a[0], n, .double) { (x: Double) -> Double in x > 0 ? 1 : x < 0 ? -1 : x }
                } : nil
        case ("power", 2), ("pow", 2): return binary { pow($0, $1) }
        case ("atan2", 2): return binary { atan2($0, $1) }
        case ("hypot", 2): return binary { hypot($0, $1) }
        case ("log", 2): return optional2 { $0 <= 0 || $1 <= 0 ? nil : systemLog($1) / systemLog($0) }
        case ("ln", 1), ("log", 1): return optional { $0 <= 0 ? nil : systemLog($0) }
        case ("log10", 1): return optional { $0 <= 0 ? nil : systemLog10($0) }
        case ("log2", 1): return optional { $0 <= 0 ? nil : systemLog2($0) }
        case ("log1p", 1): return optional { $0 <= -1 ? nil : systemLog1p($0) }
        case ("sqrt", 1): return unary { $0.squareRoot() }
        case ("cbrt", 1): return unary { cbrt($0) }
        case ("exp", 1): return unary { exp($0) }
        case ("expm1", 1): return unary { expm1($0) }
        case ("sin", 1): return unary { sin($0) }
        case ("cos", 1): return unary { cos($0) }
        case ("tan", 1): return unary { tan($0) }
        case ("asin", 1): return unary { asin($0) }
        case ("acos", 1): return unary { acos($0) }
        case ("atan", 1): return unary { atan($0) }
        case ("sinh", 1): return unary { sinh($0) }
        case ("cosh", 1): return unary { cosh($0) }
        case ("tanh", 1): return unary { tanh($0) }
        case ("degrees", 1): return unary { $0 * 180 / .pi }
        case ("radians", 1): return unary { $0 / 180 * .pi }
        case ("rint", 1): return unary { $0.rounded(.toNearestOrEven) }
        case ("pi", 0): return FunctionImplementation { _, n, _ in .flat(.double, count: n, as: Double.self) { for row in 0..<n { $0[row] = .pi } } }
        case ("e", 0): return FunctionImplementation { _, n, _ in .flat(.double, count: n, as: Double.self) { for row in 0..<n { $0[row] = M_E } } }
        case ("shiftleft", 2), ("shiftright", 2), ("<<", 2), (">>", 2):
            let left = c.name == "shiftleft" || c.name == "<<"
            if c.types[0] == .int {
                return FunctionImplementation { a, n, _ in
                    mapBinary(a[0], a[1], n, .int) { (x: Int32, s: Int32) -> Int32 in left ? x &<< s : x &>> s }
                }
            }
            guard c.types[0] == .long else { return nil }
            return FunctionImplementation { a, n, _ in
                mapBinary(a[0], a[1], n, .long) { (x: Int64, s: Int32) -> Int64 in left ? x &<< Int64(s) : x &>> Int64(s) }
            }
        default: return nil
        }
    }

    private static func unary(_ operation: @escaping (Double) -> Double) -> FunctionImplementation {
        FunctionImplementation { a, n, _ in
            guard a[0].physicalType == .double else { throw SparkError.internal("a function of doubles got another type") }
            return mapUnary(a[0], n, .double) { (x: Double) -> Double in operation(x) }
        }
    }

    private static func binary(_ operation: @escaping (Double, Double) -> Double) -> FunctionImplementation {
        FunctionImplementation { a, n, _ in
            guard a.allSatisfy({ $0.physicalType == .double }) else { throw SparkError.internal("a function of doubles got another type") }
            return mapBinary(a[0], a[1], n, .double) { (x: Double, y: Double) -> Double in operation(x, y) }
        }
    }

    private static func optional(_ operation: @escaping (Double) -> Double?) -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            guard a[0].physicalType == .double else { throw SparkError.internal("a function of doubles got another type") }
            return try tryMapUnary(a[0], n, .double, valid, zero: 0.0, failure: nil) { (x: Double) -> Double? in operation(x) }
        }
    }

    private static func optional2(_ operation: @escaping (Double, Double) -> Double?) -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            guard a.allSatisfy({ $0.physicalType == .double }) else { throw SparkError.internal("a function of doubles got another type") }
            return try tryMapBinary(a[0], a[1], n, .double, valid, zero: 0.0, failure: nil) {
                (x: Double, y: Double) -> Double? in operation(x, y)
            }
        }
    }

    /// `round` (HALF_UP) and `bround` (HALF_EVEN) to a literal number of places.
    private static func round(_ c: FunctionContext, halfEven: Bool) -> FunctionImplementation? {
        var places = 0
        if c.count == 2 {
            guard let value = c.literals[1]?.int64Value else { return nil }
            places = Int(max(-400, min(400, value)))
        }
        let type = c.resultType
        func floats<T: BinaryFloatingPoint & BitwiseCopyable & LosslessStringConvertible>(_: T.Type) -> FunctionImplementation {
            FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, type) { (x: T) -> T in
                    // On the shortest decimal digits, as Java's BigDecimal does.
                    if !x.isFinite { return x }
                    if let fast = T(roundedDecimalText(x.description, places: places, halfEven: halfEven)) { return fast }
                    return x
                }
            }
        }
        func integers<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(_: T.Type) -> FunctionImplementation {
            FunctionImplementation(canFail: true) { a, n, valid in
                if places >= 0 { return a[0].flattened() }
                return try tryMapUnary(
                    a[0], n, type, valid, zero: T.zero, failure: { _ in ANSIError.arithmeticOverflow(T.bitWidth == 64 ? "long overflow" : "integer overflow") }
                ) { (x: T) -> T? in
                    guard let power = Decimals.powerOfTen(-places) else { return 0 }
                    return T(exactly: divideRounding(Int128(x), power, halfEven: halfEven) * power)
                }
            }
        }
        switch c.types[0] {
        case .float: return floats(Float.self)
        case .double: return floats(Double.self)
        case .byte: return integers(Int8.self)
        case .short: return integers(Int16.self)
        case .int: return integers(Int32.self)
        case .long: return integers(Int64.self)
        case .decimal(_, let scale):
            guard case .decimal(let precision, let newScale) = type else { return nil }
            return decimals(type, precision) { value in
                let kept = min(places, scale)
                if scale - kept > 38 { return 0 }
                guard let power = Decimals.powerOfTen(scale - kept) else { return nil }
                return DecimalArithmetic.rescaled(divideRounding(value, power, halfEven: halfEven), from: kept, to: newScale)
            }
        default: return nil
        }
    }

    private static func divideRounding(_ value: Int128, _ power: Int128, halfEven: Bool) -> Int128 {
        let (q, r) = value.quotientAndRemainder(dividingBy: power)
        let twice = r.magnitude * 2
        let up = twice > power.magnitude || (twice == power.magnitude && (!halfEven || q & 1 != 0))
        return up ? q + (value < 0 ? -1 : 1) : q
    }

    /// Rounds decimal text (with an optional exponent) to `places` after the point; gives text that parses again.
    private static func roundedDecimalText(_ text: String, places: Int, halfEven: Bool) -> String {
        var text = text
        return text.withUTF8 { bytes in
            var scan = DecimalDigits(bytes)
            let drop = -scan.exponent - places
            if drop <= 0 { return String(decoding: bytes, as: UTF8.self) }
            guard drop <= 38, let power = Decimals.powerOfTen(drop) else { return scan.negative ? "-0.0" : "0.0" }
            scan.value = divideRounding(scan.value, power, halfEven: halfEven)
            return "\(scan.negative ? "-" : "")\(scan.value)e\(-places)"
        }
    }

    private struct DecimalDigits {
        var negative = false
        var value: Int128 = 0
        var exponent = 0

        /// Reads what Swift prints for a finite number.
        init(_ bytes: UnsafeBufferPointer<UInt8>) {
            var afterPoint = false
            var index = 0
            while index < bytes.count {
                switch bytes[index] {
                case 45: negative = true
                case 46: afterPoint = true
                case 0x65, 0x45:
                    exponent += Int(String(decoding: bytes[(index + 1)...], as: UTF8.self)) ?? 0
                    return
                default:
                    let (next, overflow) = value.multipliedReportingOverflow(by: 10)
                    if overflow {
                        if !afterPoint { exponent += 1 }
                    } else {
                        value = next + Int128(bytes[index] &- 48)
                        if afterPoint { exponent -= 1 }
                    }
                }
                index += 1
            }
        }
    }

    private static func decimals(_ type: DataType, _ precision: Int, _ operation: @escaping (Int128) -> Int128?) -> FunctionImplementation {
        guard case .decimal(_, let scale) = type else { return FunctionImplementation { a, _, _ in a[0] } }
        return FunctionImplementation(canFail: true) { a, n, valid in
            let wide = a[0].widenedDecimal()
            let failure: (Int) -> SparkError = { row in
                ANSIError.decimalOverflow(a[0].value(at: row).text(a[0].dataType), precision, scale)
            }
            if precision <= DataType.decimalPrecisionOfInt64Max {
                return try tryMapUnary(wide, n, type, valid, zero: Int64.zero, failure: failure) { (x: Int128) -> Int64? in
                    guard let value = operation(x), Decimals.fits(value, precision: precision) else { return nil }
                    return Int64(truncatingIfNeeded: value)
                }
            }
            return try tryMapUnary(wide, n, type, valid, zero: Int128.zero, failure: failure) { (x: Int128) -> Int128? in
                guard let value = operation(x), Decimals.fits(value, precision: precision) else { return nil }
                return value
            }
        }
    }

    /// `floor` and `ceil`: of a double a long, of a decimal a decimal without fraction.
    private static func whole(_ c: FunctionContext, up: Bool) -> FunctionImplementation? {
        switch c.types[0] {
        case .double where c.resultType == .long:
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, .long) { (x: Double) -> Int64 in
                    let r = x.rounded(up ? .up : .down)
                    return r.isNaN ? 0 : r >= 9.2233720368547758e18 ? .max : r <= -9.2233720368547758e18 ? .min : Int64(r)
                }
            }
        case .long where c.resultType == .long: return FunctionImplementation { a, _, _ in a[0].flattened() }
        case .decimal(_, let scale):
            guard case .decimal(let precision, let newScale) = c.resultType, newScale == 0, let power = Decimals.powerOfTen(scale)
            else { return nil }
            return decimals(c.resultType, precision) { value in
                let (q, r) = value.quotientAndRemainder(dividingBy: power)
                return up ? (r > 0 ? q + 1 : q) : (r < 0 ? q - 1 : q)
            }
        default: return nil
        }
    }

    /// `greatest` and `least` skip NULLs.
    private static func extreme(_ c: FunctionContext, greatest: Bool) -> FunctionImplementation? {
        guard c.resultType.physicalType != .map,
            let better = try? Comparisons.implementation(greatest ? ">" : "<", c.resultType)  // nil: refused by the caller
        else { return nil }
        let type = c.resultType
        return FunctionImplementation(strict: false) { a, n, _ in
            var best = a[0].flattened()
            for next in a.dropFirst() {
                let other = next.flattened()
                let wins = try better.evaluate([other, best], n, ValidityBitmap.intersection(best.validity, other.validity)).flattened()
                let hit = wins.pointer(to: UInt8.self)
                var choice = [Int32](repeating: 0, count: n)
                for row in 0..<n {
                    let takeOther = best.isNull(row) || (!other.isNull(row) && hit[row] != 0)
                    choice[row] = Int32(takeOther ? n + row : row)
                }
                withExtendedLifetime(wins) {}
                let both = ColumnVector.concatenate([best, other], as: type)
                best = choice.withUnsafeBufferPointer { both.gather($0) }
            }
            return best
        }
    }
}

// Under other names, since closures above are arguments of functions called `log`.
private func systemLog(_ x: Double) -> Double { log(x) }
private func systemLog10(_ x: Double) -> Double { log10(x) }
private func systemLog1p(_ x: Double) -> Double { log1p(x) }
private func systemLog2(_ x: Double) -> Double { log2(x) }
