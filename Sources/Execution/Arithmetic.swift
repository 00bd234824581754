import Columnar
import SparkPlan

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Errors of ANSI mode in Spark's words.
enum ANSIError {
    static let hint = "If necessary set \"spark.sql.ansi.enabled\" to \"false\" to bypass this error."

    static func arithmeticOverflow(_ what: String, tryFunction: String? = nil) -> SparkError {
        let alternative = tryFunction.map { " Use '\($0)' to tolerate overflow and return NULL instead." } ?? ""
        return SparkError(
            condition: "ARITHMETIC_OVERFLOW", sqlState: "22003", message: "\(what).\(alternative) \(hint)")
    }

    static let divideByZero = SparkError(
        condition: "DIVIDE_BY_ZERO", sqlState: "22012",
        message: "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. \(hint)")

    static let remainderByZero = SparkError(
        condition: "REMAINDER_BY_ZERO", sqlState: "22012",
        message: "Remainder by zero. Use `try_mod` to tolerate divisor being 0 and return NULL instead. \(hint)")

    static func decimalOverflow(_ value: String, _ precision: Int, _ scale: Int) -> SparkError {
        SparkError(
            condition: "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", sqlState: "22003",
            message: "The \(value) cannot be represented as Decimal(\(precision), \(scale)). If necessary set "
                + "\"spark.sql.ansi.enabled\" to \"false\" to bypass this error, and return NULL instead.")
    }

    static func smallOverflow(_ a: Int, _ symbol: String, _ b: Int, suffix: String) -> SparkError {
        SparkError(
            condition: "BINARY_ARITHMETIC_OVERFLOW", sqlState: "22003",
            message: "\(a)\(suffix) \(symbol) \(b)\(suffix) caused overflow. \(hint)")
    }
}

enum Arithmetic {
    /// `+ - * / % div` and their `try_` forms, on operands of one physical type (decimals: of any).
    static func implementation(_ name: String, _ left: DataType, _ right: DataType, _ result: DataType) throws
        -> FunctionImplementation?
    {
        let isTry = name.hasPrefix("try_")
        let symbols = [
            "try_add": "+", "try_subtract": "-", "try_multiply": "*", "try_divide": "/", "try_mod": "%", "mod": "%",
        ]
        let symbol = symbols[name] ?? name
        guard ["+", "-", "*", "/", "%", "div", "pmod"].contains(symbol) else { return nil }
        if case .decimal(let p1, let s1) = left, case .decimal(let p2, let s2) = right {
            return try DecimalArithmetic.implementation(symbol, (p1, s1), (p2, s2), result, isTry: isTry)
        }
        switch left.physicalType {
        case .int8: return integers(Int8.self, symbol, result, isTry, suffix: "S")
        case .int16: return integers(Int16.self, symbol, result, isTry, suffix: "S")
        case .int32: return integers(Int32.self, symbol, result, isTry, suffix: nil)
        case .int64: return integers(Int64.self, symbol, result, isTry, suffix: nil)
        case .float: return floats(Float.self, symbol, result, isTry)
        case .double: return floats(Double.self, symbol, result, isTry)
        default: return nil
        }
    }

    private static func integers<T: FixedWidthInteger & BitwiseCopyable>(
        _: T.Type, _ symbol: String, _ result: DataType, _ isTry: Bool, suffix: String?
    ) -> FunctionImplementation? {
        let what = T.bitWidth == 64 ? "long overflow" : "integer overflow"
        let tryNames = ["+": "try_add", "-": "try_subtract", "*": "try_multiply"]
        func failure(_ a: ColumnVector, _ b: ColumnVector) -> ((Int) -> SparkError)? {
            if isTry { return nil }
            guard let suffix else { return { _ in ANSIError.arithmeticOverflow(what, tryFunction: tryNames[symbol]) } }
            return { row in
                ANSIError.smallOverflow(Int(Reader<T>(a)[row]), symbol, Int(Reader<T>(b)[row]), suffix: suffix)
            }
        }
        switch symbol {
        case "+":
            return FunctionImplementation(canFail: !isTry) { arguments, rows, valid in
                try checkedBinary(
                    arguments[0], arguments[1], rows, result, valid, T.self,
                    failure: failure(arguments[0], arguments[1])) { $0.addingReportingOverflow($1) }
            }
        case "-":
            return FunctionImplementation(canFail: !isTry) { arguments, rows, valid in
                try checkedBinary(
                    arguments[0], arguments[1], rows, result, valid, T.self,
                    failure: failure(arguments[0], arguments[1])) { $0.subtractingReportingOverflow($1) }
            }
        case "*":
            return FunctionImplementation(canFail: !isTry) { arguments, rows, valid in
                try checkedBinary(
                    arguments[0], arguments[1], rows, result, valid, T.self,
                    failure: failure(arguments[0], arguments[1])) { $0.multipliedReportingOverflow(by: $1) }
            }
        case "%", "pmod":
            let positive = symbol == "pmod"
            return FunctionImplementation(canFail: !isTry) { arguments, rows, valid in
                try tryMapBinary(
                    arguments[0], arguments[1], rows, result, valid, zero: T.zero,
                    failure: isTry ? nil : { _ in ANSIError.remainderByZero }
                ) { (x: T, y: T) -> T? in
                    if y == 0 { return nil }
                    // The smallest value modulo -1 overflows the instruction.
                    if T.isSigned, y == 0 &- 1 { return 0 }
                    let r = x % y
                    return positive && r < 0 ? (r &+ y) % y : r
                }
            }
        case "div":
            return FunctionImplementation(canFail: !isTry) { arguments, rows, valid in
                let y = Reader<T>(arguments[1])
                return try tryMapBinary(
                    arguments[0], arguments[1], rows, result, valid, zero: Int64.zero,
                    failure: { row in
                        y[row] == 0 ? ANSIError.divideByZero : ANSIError.arithmeticOverflow("Overflow in integral divide", tryFunction: "try_divide")
                    }
                ) { (a: T, b: T) -> Int64? in
                    if b == 0 { return nil }
                    let (q, overflow) = Int64(truncatingIfNeeded: a).dividedReportingOverflow(by: Int64(truncatingIfNeeded: b))
                    return overflow ? nil : q
                }
            }
        default: return nil
        }
    }

    private static func floats<T: BinaryFloatingPoint & BitwiseCopyable>(
        _: T.Type, _ symbol: String, _ result: DataType, _ isTry: Bool
    ) -> FunctionImplementation? {
        switch symbol {
        case "+": return FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, result) { (x: T, y: T) in x + y } }
        case "-": return FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, result) { (x: T, y: T) in x - y } }
        case "*": return FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, result) { (x: T, y: T) in x * y } }
        case "/":
            return FunctionImplementation(canFail: !isTry) { a, rows, valid in
                try tryMapBinary(
                    a[0], a[1], rows, result, valid, zero: T.zero,
                    failure: isTry ? nil : { _ in ANSIError.divideByZero }) { (x: T, y: T) in y == 0 ? nil : x / y }
            }
        case "%", "pmod":
            let positive = symbol == "pmod"
            return FunctionImplementation(canFail: !isTry) { a, rows, valid in
                try tryMapBinary(
                    a[0], a[1], rows, result, valid, zero: T.zero,
                    failure: isTry ? nil : { _ in ANSIError.remainderByZero }
                ) { (x: T, y: T) -> T? in
                    if y == 0 { return nil }
                    let r = x.truncatingRemainder(dividingBy: y)
                    return positive && r < 0 ? (r + y).truncatingRemainder(dividingBy: y) : r
                }
            }
        default: return nil
        }
    }

    /// `negative` and `abs`.
    static func negation(_ type: DataType, absolute: Bool) -> FunctionImplementation? {
        func integers<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(_: T.Type) -> FunctionImplementation {
            let what = T.bitWidth == 64 ? "long overflow" : "integer overflow"
            return FunctionImplementation(canFail: true) { a, rows, valid in
                try tryMapUnary(
                    a[0], rows, type, valid, zero: T.zero, failure: { _ in ANSIError.arithmeticOverflow(what) }
                ) { (x: T) -> T? in
                    if absolute && x >= 0 { return x }
                    return x == T.min ? nil : -x
                }
            }
        }
        switch type.physicalType {
        case .int8: return integers(Int8.self)
        case .int16: return integers(Int16.self)
        case .int32: return integers(Int32.self)
        case .int64: return integers(Int64.self)
        case .int128: return integers(Int128.self)
        case .float:
            return FunctionImplementation { a, rows, _ in
                mapUnary(a[0], rows, type) { (x: Float) -> Float in absolute ? x.magnitude : -x }
            }
        case .double:
            return FunctionImplementation { a, rows, _ in
                mapUnary(a[0], rows, type) { (x: Double) -> Double in absolute ? x.magnitude : -x }
            }
        default: return nil
        }
    }

    /// `& | ^` on integers of one type, and `shiftleft` etc. are not here.
    static func bits(_ symbol: String, _ type: DataType) -> FunctionImplementation? {
        func integers<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> FunctionImplementation? {
            switch symbol {
            case "&": FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, type) { (x: T, y: T) in x & y } }
            case "|": FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, type) { (x: T, y: T) in x | y } }
            case "^": FunctionImplementation { a, rows, _ in mapBinary(a[0], a[1], rows, type) { (x: T, y: T) in x ^ y } }
            case "~": FunctionImplementation { a, rows, _ in mapUnary(a[0], rows, type) { (x: T) in ~x } }
            default: nil
            }
        }
        switch type.physicalType {
        case .int8: return integers(Int8.self)
        case .int16: return integers(Int16.self)
        case .int32: return integers(Int32.self)
        case .int64 where type == .long: return integers(Int64.self)
        default: return nil
        }
    }
}
