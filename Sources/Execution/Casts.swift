import Columnar
import SparkPlan

/// Spark's `CAST` among scalar types, in UTC.
///
/// ANSI: text that is no value of the target raises `CAST_INVALID_INPUT`, a number out of range `CAST_OVERFLOW` (to a
/// decimal `NUMERIC_VALUE_OUT_OF_RANGE`). `try`: NULL instead. Legacy: NULL for text, integers wrap.
enum Casts {
    static func implementation(from: DataType, to: DataType, mode: CastMode) throws -> FunctionImplementation {
        if from == to { return FunctionImplementation { a, _, _ in a[0].flattened() } }
        if from == .null { return FunctionImplementation { _, rows, _ in .nulls(to, count: rows) } }
        if let found = try Cast(from: from, to: to, mode: mode).implementation() { return found }
        throw SparkError(
            condition: "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", sqlState: "42K09",
            message: "Cannot cast \"\(from.sql)\" to \"\(to.sql)\".")
    }
}

private struct Cast {
    let from: DataType
    let to: DataType
    let mode: CastMode

    var fails: Bool { mode == .ansi }

    func implementation() throws -> FunctionImplementation? {
        switch to {
        case .string: return toString()
        case .boolean: return toBoolean()
        case .byte: return toInteger(Int8.self)
        case .short: return toInteger(Int16.self)
        case .int: return toInteger(Int32.self)
        case .long: return toInteger(Int64.self)
        case .float: return toFloating(Float.self) { NumberText.float($0) }
        case .double: return toFloating(Double.self) { NumberText.double($0) }
        case .decimal(let precision, let scale): return toDecimal(precision, scale)
        case .date: return toDate()
        case .timestamp, .timestampNTZ: return toTimestamp()
        case .binary:
            return from == .string ? FunctionImplementation { a, _, _ in a[0].flattened().relabelled(.binary) } : nil
        case .structure, .array, .map:
            return from.physicalType == to.physicalType ? nested() : nil
        default: return nil
        }
    }

    // MARK: Errors

    private func malformed(_ column: ColumnVector) -> ((Int) -> SparkError)? {
        guard fails else { return nil }
        return { row in
            SparkError(
                condition: "CAST_INVALID_INPUT", sqlState: "22018",
                message: "The value \(literal(column, row)) of the type \"\(from.sql)\" cannot be cast to \"\(to.sql)\" "
                    + "because it is malformed. Correct the value as per the syntax, or change its target type. "
                    + "Use `try_cast` to tolerate malformed input and return NULL instead.")
        }
    }

    private func overflow(_ column: ColumnVector) -> ((Int) -> SparkError)? {
        guard fails else { return nil }
        return { row in
            SparkError(
                condition: "CAST_OVERFLOW", sqlState: "22003",
                message: "The value \(literal(column, row)) of the type \"\(from.sql)\" cannot be cast to \"\(to.sql)\" "
                    + "due to an overflow. Use `try_cast` to tolerate overflow and return NULL instead.")
        }
    }

    private func decimalOverflow(_ column: ColumnVector) -> ((Int) -> SparkError)? {
        guard fails, case .decimal(let precision, let scale) = to else { return nil }
        return { row in ANSIError.decimalOverflow(column.value(at: row).text(from), precision, scale) }
    }

    private func literal(_ column: ColumnVector, _ row: Int) -> String {
        let value = column.value(at: row)
        let text = value.text(from)
        switch value {
        case .string: return "'\(text)'"
        case .int8: return text + "Y"
        case .int16: return text + "S"
        case .int64: return text + "L"
        case .float: return "CAST('\(text)' AS FLOAT)"
        case .double: return text + "D"
        case .decimal: return text + "BD"
        case .date, .timestamp: return value.sqlText(from)
        default: return text
        }
    }

    // MARK: Targets

    private func toInteger<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(_: T.Type) -> FunctionImplementation? {
        let to = to
        let mode = mode
        func integers<S: FixedWidthInteger & SignedInteger & BitwiseCopyable>(_: S.Type) -> FunctionImplementation {
            if T.bitWidth >= S.bitWidth || mode == .legacy {
                return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: S) -> T in T(truncatingIfNeeded: x) } }
            }
            return FunctionImplementation(canFail: fails) { a, n, valid in
                try tryMapUnary(a[0], n, to, valid, zero: T.zero, failure: overflow(a[0])) { (x: S) -> T? in T(exactly: x) }
            }
        }
        func floats<S: BinaryFloatingPoint & BitwiseCopyable>(_: S.Type) -> FunctionImplementation {
            FunctionImplementation(canFail: fails) { a, n, valid in
                if mode == .legacy {
                    return mapUnary(a[0], n, to) { (x: S) -> T in
                        // Java: NaN is 0, the range is clamped (to int first for narrow targets).
                        if x.isNaN { return 0 }
                        let limit = T.bitWidth == 64 ? Double(Int64.max) : Double(Int32.max)
                        let low = T.bitWidth == 64 ? Int64.min : Int64(Int32.min)
                        let high = T.bitWidth == 64 ? Int64.max : Int64(Int32.max)
                        let d = Double(x)
                        return T(truncatingIfNeeded: d >= limit ? high : d <= -limit ? low : Int64(d))
                    }
                }
                return try tryMapUnary(a[0], n, to, valid, zero: T.zero, failure: overflow(a[0])) { (x: S) -> T? in
                    x.isFinite ? T(exactly: x.rounded(.towardZero)) : nil
                }
            }
        }
        switch from {
        case .byte: return integers(Int8.self)
        case .short: return integers(Int16.self)
        case .int, .yearMonthInterval: return integers(Int32.self)
        case .long: return integers(Int64.self)
        case .float: return floats(Float.self)
        case .double: return floats(Double.self)
        case .boolean: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: UInt8) -> T in x == 0 ? 0 : 1 } }
        case .decimal(_, let scale):
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let wide = a[0].widenedDecimal()
                let power = Decimals.powerOfTen(scale) ?? 1
                return try tryMapUnary(wide, n, to, valid, zero: T.zero, failure: overflow(a[0])) { (x: Int128) -> T? in
                    mode == .legacy ? T(truncatingIfNeeded: x / power) : T(exactly: x / power)
                }
            }
        case .string:
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let text = StringReader(a[0])
                return try tryMapRows(n, to, valid, zero: T.zero, failure: malformed(a[0])) { row -> T? in
                    let bytes = NumberText.trimmed(text[row])
                    let value = mode == .legacy ? NumberText.truncatedInteger(bytes) : NumberText.integer(bytes)
                    return value.flatMap { T(exactly: $0) }
                }
            }
        case .timestamp where T.bitWidth == 64:
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, to) { (x: Int64) -> T in T(truncatingIfNeeded: ValueText.floorDivide(x, 1_000_000).quotient) }
            }
        case .timestamp:
            return FunctionImplementation(canFail: fails) { a, n, valid in
                try tryMapUnary(a[0], n, to, valid, zero: T.zero, failure: overflow(a[0])) { (x: Int64) -> T? in
                    T(exactly: ValueText.floorDivide(x, 1_000_000).quotient)
                }
            }
        default: return nil
        }
    }

    private func toFloating<T: BinaryFloatingPoint & BitwiseCopyable>(
        _: T.Type, _ parse: @escaping (UnsafeBufferPointer<UInt8>) -> T?
    ) -> FunctionImplementation? {
        let to = to
        switch from {
        case .byte: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: Int8) -> T in T(x) } }
        case .short: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: Int16) -> T in T(x) } }
        case .int: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: Int32) -> T in T(x) } }
        case .long: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: Int64) -> T in T(x) } }
        case .float: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: Float) -> T in T(x) } }
        case .double: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: Double) -> T in T(x) } }
        case .boolean: return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: UInt8) -> T in x == 0 ? 0 : 1 } }
        case .timestamp:
            return FunctionImplementation { a, n, _ in mapUnary(a[0], n, to) { (x: Int64) -> T in T(Double(x) / 1_000_000) } }
        case .decimal(_, let scale):
            let power = scale <= 22 ? Double(Decimals.powerOfTen(scale) ?? 1) : 0
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0].widenedDecimal(), n, to) { (x: Int128) -> T in
                    // Exact operands give the correctly rounded quotient; otherwise by way of the decimal text.
                    if power > 0, x.magnitude < 1 << 53 { return T(Double(Int64(truncatingIfNeeded: x)) / power) }
                    return T(Double(decimalText(x, scale: scale)) ?? 0)
                }
            }
        case .string:
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let text = StringReader(a[0])
                return try tryMapRows(n, to, valid, zero: T.zero, failure: malformed(a[0])) { row -> T? in
                    parse(NumberText.trimmed(text[row]))
                }
            }
        default: return nil
        }
    }

    private func toDecimal(_ precision: Int, _ scale: Int) -> FunctionImplementation? {
        let to = to
        func finish(_ column: ColumnVector, _ n: Int, _ valid: ValidityBitmap?, _ value: (Int) -> Int128?) throws -> ColumnVector {
            let failure = decimalOverflow(column)
            if precision <= DataType.decimalPrecisionOfInt64Max {
                return try tryMapRows(n, to, valid, zero: Int64.zero, failure: failure) { row -> Int64? in
                    guard let x = value(row), Decimals.fits(x, precision: precision) else { return nil }
                    return Int64(truncatingIfNeeded: x)
                }
            }
            return try tryMapRows(n, to, valid, zero: Int128.zero, failure: failure) { row -> Int128? in
                guard let x = value(row), Decimals.fits(x, precision: precision) else { return nil }
                return x
            }
        }
        func integers<S: FixedWidthInteger & BitwiseCopyable>(_: S.Type) -> FunctionImplementation {
            FunctionImplementation(canFail: fails) { a, n, valid in
                let x = Reader<S>(a[0])
                return try finish(a[0], n, valid) { DecimalArithmetic.raised(Int128(x[$0]), by: scale) }
            }
        }
        func floats<S: BinaryFloatingPoint & BitwiseCopyable & CustomStringConvertible>(_: S.Type) -> FunctionImplementation {
            FunctionImplementation(canFail: fails) { a, n, valid in
                let x = Reader<S>(a[0])
                return try finish(a[0], n, valid) { row in
                    // As Java's BigDecimal(Double.toString(x)): the shortest digits, rounded HALF_UP.
                    var text = x[row].description
                    return text.withUTF8 { NumberText.decimal($0, precision: precision, scale: scale).value }
                }
            }
        }
        switch from {
        case .byte: return integers(Int8.self)
        case .short: return integers(Int16.self)
        case .int: return integers(Int32.self)
        case .long: return integers(Int64.self)
        case .boolean: return integers(UInt8.self)
        case .float: return floats(Float.self)
        case .double: return floats(Double.self)
        case .decimal(let oldPrecision, let oldScale):
            if scale == oldScale, precision >= oldPrecision, from.physicalType == to.physicalType {
                return FunctionImplementation { a, _, _ in a[0].flattened().relabelled(to) }
            }
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let wide = a[0].widenedDecimal()
                let x = Reader<Int128>(wide)
                let result = try finish(a[0], n, valid) { DecimalArithmetic.rescaled(x[$0], from: oldScale, to: scale) }
                withExtendedLifetime(wide) {}
                return result
            }
        case .string:
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let text = StringReader(a[0])
                var badText = false
                let bad = malformed(a[0])
                let large = decimalOverflow(a[0])
                let failure: ((Int) -> SparkError)? = bad.map { bad in { row in badText ? bad(row) : large?(row) ?? bad(row) } }
                func parse(_ row: Int) -> Int128? {
                    let (value, overflow) = NumberText.decimal(NumberText.trimmed(text[row]), precision: precision, scale: scale)
                    badText = value == nil && !overflow
                    return value
                }
                if precision <= DataType.decimalPrecisionOfInt64Max {
                    return try tryMapRows(n, to, valid, zero: Int64.zero, failure: failure) { row -> Int64? in
                        parse(row).map { Int64(truncatingIfNeeded: $0) }
                    }
                }
                return try tryMapRows(n, to, valid, zero: Int128.zero, failure: failure) { parse($0) }
            }
        default: return nil
        }
    }

    private func toBoolean() -> FunctionImplementation? {
        func numbers<S: Numeric & BitwiseCopyable>(_: S.Type) -> FunctionImplementation {
            FunctionImplementation { a, n, _ in mapUnary(a[0], n, .boolean) { (x: S) -> UInt8 in x == 0 ? 0 : 1 } }
        }
        switch from.physicalType {
        case .int8: return numbers(Int8.self)
        case .int16: return numbers(Int16.self)
        case .int32 where from == .int: return numbers(Int32.self)
        case .int64 where from == .long || from.isDecimal: return numbers(Int64.self)
        case .int128: return numbers(Int128.self)
        case .float: return numbers(Float.self)
        case .double: return numbers(Double.self)
        case .view where from == .string:
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let text = StringReader(a[0])
                return try tryMapRows(n, .boolean, valid, zero: UInt8.zero, failure: malformed(a[0])) { row -> UInt8? in
                    NumberText.boolean(NumberText.trimmed(text[row])).map { $0 ? 1 : 0 }
                }
            }
        default: return nil
        }
    }

    private func toDate() -> FunctionImplementation? {
        switch from {
        case .timestamp, .timestampNTZ:
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, .date) { (x: Int64) -> Int32 in
                    Int32(truncatingIfNeeded: ValueText.floorDivide(x, DateText.microsPerDay).quotient)
                }
            }
        case .string:
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let text = StringReader(a[0])
                return try tryMapRows(n, .date, valid, zero: Int32.zero, failure: malformed(a[0])) { row -> Int32? in
                    DateText.date(NumberText.trimmed(text[row]))
                }
            }
        default: return nil
        }
    }

    private func toTimestamp() -> FunctionImplementation? {
        let to = to
        switch from {
        case .timestamp, .timestampNTZ: return FunctionImplementation { a, _, _ in a[0].flattened().relabelled(to) }
        case .date:
            return FunctionImplementation(canFail: true) { a, n, valid in
                try tryMapUnary(a[0], n, to, valid, zero: Int64.zero, failure: { _ in ANSIError.arithmeticOverflow("long overflow") }) {
                    (x: Int32) -> Int64? in
                    let (micros, overflow) = Int64(x).multipliedReportingOverflow(by: DateText.microsPerDay)
                    return overflow ? nil : micros
                }
            }
        case .string:
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let text = StringReader(a[0])
                return try tryMapRows(n, to, valid, zero: Int64.zero, failure: malformed(a[0])) { row -> Int64? in
                    guard let parsed = DateText.timestamp(NumberText.trimmed(text[row])) else { return nil }
                    return parsed.micros
                }
            }
        case .byte, .short, .int, .long:
            guard to == .timestamp else { return nil }
            return FunctionImplementation(canFail: true) { a, n, valid in
                let flat = a[0]
                return try tryMapRows(n, to, valid, zero: Int64.zero, failure: { _ in ANSIError.arithmeticOverflow("long overflow") }) { row -> Int64? in
                    guard let seconds = flat.location(of: row).vector.value(at: flat.location(of: row).row).int64Value else { return 0 }
                    let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
                    return overflow ? nil : micros
                }
            }
        case .double, .float, .decimal:
            guard to == .timestamp else { return nil }
            let asDouble = try? Casts.implementation(from: from, to: .double, mode: .legacy)  // nil is refused below
            guard let asDouble else { return nil }
            return FunctionImplementation(canFail: fails) { a, n, valid in
                let seconds = try asDouble.evaluate(a, n, valid)
                return try tryMapUnary(seconds, n, to, valid, zero: Int64.zero, failure: overflow(a[0])) { (x: Double) -> Int64? in
                    x.isFinite ? Int64(exactly: (x * 1_000_000).rounded(.towardZero)) : nil
                }
            }
        default: return nil
        }
    }

    private func toString() -> FunctionImplementation? {
        func write<S: BitwiseCopyable>(_: S.Type, _ append: @escaping (S, inout [UInt8]) -> Void) -> FunctionImplementation {
            FunctionImplementation { a, n, valid in
                let x = Reader<S>(a[0])
                return mapToString(n, .string, valid) { row, out in
                    append(x[row], &out)
                    return true
                }
            }
        }
        switch from {
        case .boolean: return write(UInt8.self) { $1.append(contentsOf: ($0 == 0 ? "false" : "true").utf8) }
        case .byte: return write(Int8.self) { ValueText.append(Int64($0), to: &$1) }
        case .short: return write(Int16.self) { ValueText.append(Int64($0), to: &$1) }
        case .int: return write(Int32.self) { ValueText.append(Int64($0), to: &$1) }
        case .long: return write(Int64.self) { ValueText.append($0, to: &$1) }
        case .float: return write(Float.self) { ValueText.append($0, to: &$1) }
        case .double: return write(Double.self) { ValueText.append($0, to: &$1) }
        case .date: return write(Int32.self) { ValueText.append(date: Int($0), to: &$1) }
        case .timestamp, .timestampNTZ: return write(Int64.self) { ValueText.append(timestamp: $0, to: &$1) }
        case .binary: return FunctionImplementation { a, _, _ in a[0].flattened().relabelled(.string) }
        case .decimal(_, let scale):
            return from.physicalType == .int64
                ? write(Int64.self) { ValueText.append(decimal: Int128($0), scale: scale, to: &$1) }
                : write(Int128.self) { ValueText.append(decimal: $0, scale: scale, to: &$1) }
        case .array, .map, .structure, .dayTimeInterval, .yearMonthInterval:
            let from = from
            return FunctionImplementation { a, n, valid in
                mapToString(n, .string, valid) { row, out in
                    out.append(contentsOf: a[0].value(at: row).text(from).utf8)
                    return true
                }
            }
        default: return nil
        }
    }

    /// Element by element, for nested types of equal shape.
    private func nested() -> FunctionImplementation? {
        let old = from.childTypes
        let new = to.childTypes
        guard old.count == new.count else { return nil }
        var parts: [FunctionImplementation] = []
        for (a, b) in zip(old, new) {
            guard let part = try? Casts.implementation(from: a, to: b, mode: mode) else { return nil }  // refused as a whole
            parts.append(part)
        }
        let to = to
        return FunctionImplementation(canFail: parts.contains(where: \.canFail)) { a, n, _ in
            let flat = a[0].flattened()
            var children: [ColumnVector] = []
            for (child, part) in zip(flat.children, parts) {
                let dense = child.flattened()
                children.append(try part.evaluate([dense], dense.count, dense.validity).masked(by: dense.validity).flattened())
            }
            switch to {
            case .structure: return .structure(to, count: n, children: children, validity: flat.validity)
            case .map:
                return try .map(to, count: n, offsets: flat.values, keys: children[0], values: children[1], validity: flat.validity)
            default: return try .list(to, count: n, offsets: flat.values, child: children[0], validity: flat.validity)
            }
        }
    }
}

/// As `tryMapUnary`, with the operation given the row's number.
@inline(__always)
func tryMapRows<R: BitwiseCopyable>(
    _ rows: Int, _ type: DataType, _ valid: ValidityBitmap?, zero: R, failure: ((Int) -> SparkError)?,
    _ operation: (Int) throws -> R?
) throws -> ColumnVector {
    let buffer = Buffer(bytes: rows * MemoryLayout<R>.stride)
    let out = buffer.pointer(to: R.self)
    var nulls = ValidityBuilder()
    for row in 0..<rows {
        guard isValid(valid, row) else {
            out[row] = zero
            continue
        }
        if let result = try operation(row) {
            out[row] = result
        } else {
            out[row] = zero
            if let failure { throw failure(row) }
            nulls.setNull(row)
        }
    }
    return .flat(type, count: rows, values: buffer, validity: nulls.finish(count: rows))
}
