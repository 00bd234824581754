package import Columnar
import Support

extension Scalar {
    /// The value as Spark's cast to string gives it, in UTC; nested values as `show` prints them.
    package func text(_ type: DataType) -> String {
        switch self {
        case .null: return "NULL"
        case .bool(let x): return x ? "true" : "false"
        case .int8(let x): return String(x)
        case .int16(let x): return String(x)
        case .int32(let x): return type == .yearMonthInterval ? monthsText(Int(x)) : String(x)
        case .int64(let x): return type == .dayTimeInterval ? dayTimeText(x) : String(x)
        case .float(let x): return javaText(Double(x), shortest: "\(x)")
        case .double(let x): return javaText(x, shortest: "\(x)")
        case .decimal(let unscaled, let scale): return decimalText(unscaled, scale: scale)
        case .string(let x): return x
        case .binary(let x): return String(decoding: x, as: UTF8.self)
        case .date(let days): return dateText(Int(days))
        case .timestamp(let micros): return timestampText(micros)
        case .array(let values):
            var element = DataType.null
            if case .array(let e, _) = type { element = e }
            return "[" + values.map { $0.nestedText(element) }.joined(separator: ", ") + "]"
        case .map(let entries):
            var types = (DataType.null, DataType.null)
            if case .map(let k, let v, _) = type { types = (k, v) }
            return "{"
                + entries.map { "\($0.key.nestedText(types.0)) -> \($0.value.nestedText(types.1))" }
                .joined(separator: ", ") + "}"
        case .structure(let values):
            var fields: [StructField] = []
            if case .structure(let s) = type { fields = s.fields }
            return "{"
                + values.enumerated().map { $1.nestedText($0 < fields.count ? fields[$0].dataType : .null) }
                .joined(separator: ", ") + "}"
        }
    }

    private func nestedText(_ type: DataType) -> String { isNull ? "null" : text(type) }

    /// The value as Spark prints a literal in generated column names and EXPLAIN.
    package func sqlText(_ type: DataType) -> String {
        switch self {
        case .null: "NULL"
        case .date: "DATE '\(text(type))'"
        case .timestamp: type == .timestampNTZ ? "TIMESTAMP_NTZ '\(text(type))'" : "TIMESTAMP '\(text(type))'"
        default: text(type)
        }
    }
}

/// `unscaled` × 10^-`scale` with exactly `scale` fraction digits.
package func decimalText(_ unscaled: Int128, scale: Int) -> String {
    var digits = String(unscaled.magnitude)
    if scale > 0 {
        if digits.utf8.count <= scale {
            digits = String(repeating: "0", count: scale + 1 - digits.utf8.count) + digits
        }
        digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale))
    } else if scale < 0, unscaled != 0 {
        digits += String(repeating: "0", count: -scale)
    }
    return unscaled < 0 ? "-" + digits : digits
}

package func dateText(_ days: Int) -> String {
    let (year, month, day) = CivilTime.civil(fromDays: days)
    return "\(year > 9999 ? "+" : "")\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
}

/// `yyyy-MM-dd HH:mm:ss[.ffffff]`, the fraction without trailing zeros.
package func timestampText(_ micros: Int64) -> String {
    var days = micros / 86_400_000_000
    var rest = micros % 86_400_000_000
    if rest < 0 {
        rest += 86_400_000_000
        days -= 1
    }
    let seconds = Int(rest / 1_000_000)
    var text = dateText(Int(days))
    text += " \(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    let fraction = Int(rest % 1_000_000)
    if fraction != 0 {
        var digits = padded(fraction, 6)
        while digits.hasSuffix("0") { digits.removeLast() }
        text += "." + digits
    }
    return text
}

private func monthsText(_ months: Int) -> String {
    let sign = months < 0 ? "-" : ""
    return "INTERVAL '\(sign)\(months.magnitude / 12)-\(months.magnitude % 12)' YEAR TO MONTH"
}

private func dayTimeText(_ micros: Int64) -> String {
    let m = micros.magnitude
    let seconds = Int(m / 1_000_000)
    var text = "\(micros < 0 ? "-" : "")\(seconds / 86_400) \(padded(seconds / 3600 % 24, 2))"
    text += ":\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    let fraction = Int(m % 1_000_000)
    if fraction != 0 {
        var digits = padded(fraction, 6)
        while digits.hasSuffix("0") { digits.removeLast() }
        text += "." + digits
    }
    return "INTERVAL '\(text)' DAY TO SECOND"
}

/// Java's `Double.toString`: plain between 1e-3 and 1e7, otherwise `d.dddE±n`.
private func javaText(_ value: Double, shortest: String) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    // Swift's shortest digits, rearranged.
    var mantissa = shortest
    var exponent = 0
    let negative = mantissa.hasPrefix("-")
    if negative { mantissa.removeFirst() }
    if let e = mantissa.firstIndex(where: { $0 == "e" || $0 == "E" }) {
        exponent = Int(mantissa[mantissa.index(after: e)...]) ?? 0
        mantissa = String(mantissa[..<e])
    }
    var digits = Array(mantissa.utf8.filter { $0 != 46 })
    let point = mantissa.utf8.firstIndex(of: 46).map { mantissa.utf8.distance(from: mantissa.startIndex, to: $0) }
        ?? digits.count
    var scientific = point - 1 + exponent
    while digits.count > 1, digits[0] == 48 {
        digits.removeFirst()
        scientific -= 1
    }
    while digits.count > 1, digits.last == 48 { digits.removeLast() }
    let text = { (d: ArraySlice<UInt8>) in d.isEmpty ? "0" : String(decoding: d, as: UTF8.self) }
    let sign = negative ? "-" : ""
    if scientific >= 7 || scientific < -3 {
        return sign + text(digits[..<1]) + "." + text(digits[1...]) + "E\(scientific)"
    }
    if scientific < 0 {
        return sign + "0." + String(repeating: "0", count: -scientific - 1) + text(digits[...])
    }
    while digits.count < scientific + 1 { digits.append(48) }
    return sign + text(digits[...scientific]) + "." + text(digits[(scientific + 1)...])
}
