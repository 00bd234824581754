package import Columnar
import Support

// Partition values as text. Source: PROTOCOL.md, "Partition Value Serialization".

/// The text of a partition value; nil for null and for the empty string, which readers take for null.
///
/// - Throws: `DeltaError` `.invalidPartitionValue` for a type that tables cannot be partitioned by.
package func partitionText(_ value: Scalar, _ type: DataType) throws(DeltaError) -> String? {
    switch value {
    case .null: return nil
    case .bool(let x): return x ? "true" : "false"
    case .int8(let x): return String(x)
    case .int16(let x): return String(x)
    case .int32(let x): return String(x)
    case .int64(let x): return String(x)
    case .float(let x): return x.isNaN ? "NaN" : x.isInfinite ? (x < 0 ? "-Infinity" : "Infinity") : x.description
    case .double(let x): return x.isNaN ? "NaN" : x.isInfinite ? (x < 0 ? "-Infinity" : "Infinity") : x.description
    case .decimal(let x, let scale): return decimalText(x, scale: scale)
    case .string(let x): return x.isEmpty ? nil : x
    case .binary(let x): return x.isEmpty ? nil : String(decoding: x, as: UTF8.self)
    case .date(let x): return dateText(x)
    case .timestamp(let x):
        return type == .timestampNTZ ? timestampText(x, separator: " ") : timestampText(x, separator: "T") + "Z"
    case .array, .map, .structure:
        throw DeltaError(.invalidPartitionValue, "A table cannot be partitioned by a column of type \(type.simpleString).")
    }
}

/// The value that the text of a partition stands for.
///
/// - Throws: `DeltaError` `.invalidPartitionValue` for text that is no value of the type.
package func partitionValue(_ text: String?, _ type: DataType) throws(DeltaError) -> Scalar {
    guard let text, !text.isEmpty else { return .null }
    let value: Scalar? =
        switch type {
        case .boolean: text.lowercased() == "true" ? .bool(true) : text.lowercased() == "false" ? .bool(false) : nil
        case .byte: Int8(text).map(Scalar.int8)
        case .short: Int16(text).map(Scalar.int16)
        case .int: Int32(text).map(Scalar.int32)
        case .long: Int64(text).map(Scalar.int64)
        case .float: floatValue(text).map { .float(Float($0)) }
        case .double: floatValue(text).map(Scalar.double)
        case .decimal(let precision, let scale): decimalValue(text, precision: precision, scale: scale)
        case .string: .string(text)
        case .binary: .binary(Array(text.utf8))
        case .date: dateValue(text).map(Scalar.date)
        case .timestamp, .timestampNTZ: timestampValue(text).map(Scalar.timestamp)
        default: nil
        }
    guard let value else {
        throw DeltaError(.invalidPartitionValue, "The partition value '\(text)' is not of type \(type.simpleString).")
    }
    return value
}

private func floatValue(_ text: String) -> Double? {
    switch text {
    case "Infinity": .infinity
    case "-Infinity": -.infinity
    case "NaN": .nan
    default: Double(text)
    }
}

/// `1.50` for 150 at scale 2.
package func decimalText(_ unscaled: Int128, scale: Int) -> String {
    var digits = String(unscaled.magnitude)
    if scale > 0 {
        if digits.utf8.count <= scale { digits = String(repeating: "0", count: scale + 1 - digits.utf8.count) + digits }
        digits = digits.dropLast(scale) + "." + digits.suffix(scale)
    }
    return (unscaled < 0 ? "-" : "") + digits
}

/// A decimal from plain or scientific notation, exact; nil when it does not fit the type.
package func decimalValue(_ text: String, precision: Int, scale: Int) -> Scalar? {
    var unscaled: Int128 = 0
    var exponent = 0
    var fractionDigits = 0
    var seenPoint = false
    var digits = 0
    var negative = false
    let bytes = Array(text.utf8)
    var index = 0
    if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
        negative = bytes[index] == UInt8(ascii: "-")
        index += 1
    }
    while index < bytes.count {
        let byte = bytes[index]
        if (48...57).contains(byte) {
            let (product, overflow) = unscaled.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            let (sum, overflowed) = product.addingReportingOverflow(Int128(byte - 48))
            if overflowed { return nil }
            unscaled = sum
            digits += 1
            if seenPoint { fractionDigits += 1 }
        } else if byte == UInt8(ascii: "."), !seenPoint {
            seenPoint = true
        } else if byte | 0x20 == UInt8(ascii: "e") {
            guard let value = Int(String(decoding: bytes[(index + 1)...], as: UTF8.self)), abs(value) < 1000 else { return nil }
            exponent = value
            index = bytes.count
        } else {
            return nil
        }
        index += 1
    }
    guard digits > 0 else { return nil }
    var shift = scale - fractionDigits + exponent
    while shift < 0 {
        let (quotient, remainder) = unscaled.quotientAndRemainder(dividingBy: 10)
        guard remainder == 0 else { return nil }
        unscaled = quotient
        shift += 1
        if unscaled == 0 { break }
    }
    if shift > 0, unscaled != 0 {
        guard let power = Decimals.powerOfTen(shift) else { return nil }
        let (product, overflow) = unscaled.multipliedReportingOverflow(by: power)
        if overflow { return nil }
        unscaled = product
    }
    guard Decimals.fits(unscaled, precision: precision) else { return nil }
    return .decimal(negative ? -unscaled : unscaled, scale: scale)
}

/// `2026-11-21`.
package func dateText(_ days: Int32) -> String {
    let (year, month, day) = CivilTime.civil(fromDays: Int(days))
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
}

package func dateValue(_ text: String) -> Int32? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    // A year before 0 begins with a sign.
    let negative = text.hasPrefix("-")
    let fields = negative ? Array(parts.dropFirst()) : parts
    guard fields.count == 3, let year = Int(fields[0]), let month = Int(fields[1]), let day = Int(fields[2].prefix(2)),
        fields[2].utf8.count == 2, year <= 5_000_000, (1...12).contains(month),
        (1...CivilTime.daysInMonth(year: negative ? -year : year, month: month)).contains(day)
    else { return nil }
    return Int32(exactly: CivilTime.days(year: negative ? -year : year, month: month, day: day))
}

/// `2026-11-21 11:32:41.123456`, fraction only when there is one.
package func timestampText(_ micros: Int64, separator: String, fractionDigits: Int? = nil) -> String {
    var (days, rest) = micros.quotientAndRemainder(dividingBy: 86_400_000_000)
    if rest < 0 {
        days -= 1
        rest += 86_400_000_000
    }
    let seconds = Int(rest / 1_000_000)
    let fraction = Int(rest % 1_000_000)
    var text = dateText(Int32(truncatingIfNeeded: days)) + separator
    text += "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    if let fractionDigits {
        text += "." + padded(fraction, 6).prefix(fractionDigits)
    } else if fraction != 0 {
        text += ".\(padded(fraction, 6))"
    }
    return text
}

/// Microseconds of `YYYY-MM-DD[ T]HH:MM:SS[.f…][Z|±HH:MM]`; text without an offset is taken as UTC, a date alone as
/// its midnight.
package func timestampValue(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard let split = bytes.firstIndex(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "T") }) else {
        return dateValue(text).map { Int64($0) * 86_400_000_000 }
    }
    guard let days = dateValue(String(decoding: bytes[..<split], as: UTF8.self)) else { return nil }
    var position = split + 1
    func number(_ count: Int) -> Int64? {
        guard bytes.count - position >= count else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<position + count] {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        position += count
        return value
    }
    func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, UInt32(bytes[position]) == character.value else { return false }
        position += 1
        return true
    }
    guard let hour = number(2), take(":"), let minute = number(2), hour < 24, minute < 60 else { return nil }
    var second: Int64 = 0
    var fraction: Int64 = 0
    if take(":") {
        guard let value = number(2), value < 60 else { return nil }
        second = value
        if take(".") {
            var digits = 0
            while position < bytes.count, (48...57).contains(bytes[position]) {
                if digits < 6 { fraction = fraction * 10 + Int64(bytes[position] - 48) }
                digits += 1
                position += 1
            }
            guard digits > 0 else { return nil }
            for _ in 0..<max(0, 6 - digits) { fraction *= 10 }
        }
    }
    var offset: Int64 = 0
    if position < bytes.count, !take("Z") {
        let sign: Int64 = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hours = number(2), hours < 19 else { return nil }
        _ = take(":")
        guard let minutes = number(2), minutes < 60 else { return nil }
        offset = sign * (hours * 60 + minutes) * 60_000_000
    }
    guard position == bytes.count else { return nil }
    let day = Int64(days).multipliedReportingOverflow(by: 86_400_000_000)
    guard !day.overflow else { return nil }
    let (sum, overflow) = day.partialValue.addingReportingOverflow(
        (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction - offset)
    return overflow ? nil : sum
}
