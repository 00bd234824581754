/// A number as its text writes it: any count of digits, `3` apart from `3.0`.
package struct JSONNumber: Sendable, Hashable {
    /// By JSON's grammar, such as `-12.50e3`.
    package let text: String

    package init(_ value: Int) { text = String(value) }
    package init(_ value: Int64) { text = String(value) }
    /// The shortest text that reads back as the same double; an integral value keeps `.0`. NaN and the infinities,
    /// which JSON lacks, are written `null`.
    package init(_ value: Double) { text = value.isFinite ? "\(value)" : "null" }

    /// Nil unless the whole text is a number by JSON's grammar.
    package init?(text: String) {
        var copy = text
        let valid = copy.withUTF8 { bytes in
            guard case .valid(let end) = scanNumber(bytes, from: 0) else { return false }
            return end == bytes.count
        }
        guard valid else { return nil }
        self.text = text
    }

    init(scanned text: String) { self.text = text }

    /// Whether it is written without a fraction and an exponent.
    package var isInteger: Bool { !text.utf8.contains { $0 == 0x2E || $0 | 0x20 == 0x65 } }

    /// The exact value, also of `1.0` and `1e3`; nil for a fraction or what does not fit.
    package var int64: Int64? {
        if let value = Int64(text) { return value }
        if isInteger { return nil }
        return exactInt64
    }

    /// The nearest double; beyond its range an infinity or zero.
    package var double: Double { shortDecimal ?? Double(text) ?? 0 }

    /// A number of at most 15 digits without an exponent, as most are: a whole number that a double holds exactly,
    /// divided by a power of ten that it holds exactly, so that the quotient is rounded once.
    private var shortDecimal: Double? {
        var digits = 0, fraction = 0
        var value: Int64 = 0
        var isNegative = false, inFraction = false
        for byte in text.utf8 {
            let digit = byte &- 0x30
            if digit < 10 {
                digits += 1
                if digits > 15 { return nil }
                value = value &* 10 &+ Int64(digit)
                if inFraction { fraction += 1 }
            } else if byte == 0x2E, !inFraction {
                inFraction = true
            } else if byte == 0x2D, digits == 0 {
                isNegative = true
            } else {
                return nil
            }
        }
        if digits == 0 || isNegative && value == 0 { return nil }
        let magnitude = fraction == 0 ? Double(value) : Double(value) / Self.powersOfTen[fraction]
        return isNegative ? -magnitude : magnitude
    }

    private static let powersOfTen: [Double] = (0...15).map { exponent in
        Double((0..<exponent).reduce(Int64(1)) { power, _ in power * 10 })
    }

    /// Whether both stand for one value: exactly where both are whole and fit 64 bits, else as doubles.
    package func isNumericallyEqual(to other: JSONNumber) -> Bool {
        if text == other.text { return true }
        switch (int64, other.int64) {
        case (let a?, let b?): return a == b
        case (nil, nil): return double == other.double
        default: return false
        }
    }

    /// -1, 0 or 1 as `self` is less than, equal to or greater than `other`.
    package func compare(_ other: JSONNumber) -> Int {
        if let a = int64, let b = other.int64 { return a < b ? -1 : a == b ? 0 : 1 }
        let a = double, b = other.double
        return a < b ? -1 : a == b ? 0 : 1
    }

    /// Shifts the decimal point by hand; digits left of it must fit, digits right of it must be zeros.
    private var exactInt64: Int64? {
        var digits: [UInt8] = []
        var scale = 0  // digits after the point
        var exponent = 0
        var negative = false, inFraction = false
        var bytes = Array(text.utf8)[...]
        if bytes.first == 0x2D { negative = true; bytes = bytes.dropFirst() }
        while let byte = bytes.first {
            bytes = bytes.dropFirst()
            if byte == 0x2E { inFraction = true; continue }
            if byte | 0x20 == 0x65 {
                let digits = String(decoding: bytes, as: UTF8.self)
                guard let value = Int(digits), value.magnitude <= 100_000 else { return isZero ? 0 : nil }
                exponent = value
                break
            }
            digits.append(byte)
            if inFraction { scale += 1 }
        }
        while digits.last == 0x30 { digits.removeLast(); scale -= 1 }
        while digits.first == 0x30 { digits.removeFirst() }
        if digits.isEmpty { return 0 }
        let zeros = exponent - scale
        guard zeros >= 0, digits.count + zeros <= 19 else { return nil }
        let whole = String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: zeros)
        return Int64((negative ? "-" : "") + whole)
    }

    private var isZero: Bool {
        for byte in text.utf8 {
            if byte | 0x20 == 0x65 { return true }
            if (0x31...0x39).contains(byte) { return false }
        }
        return true
    }
}

enum NumberScan {
    case valid(end: Int)
    /// The byte at which the grammar fails, or the count of bytes when they end too early.
    case invalid(at: Int)
    case leadingZero(at: Int)
}

/// Finds the end of the number that begins at `start`.
func scanNumber(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> NumberScan {
    func isDigit(_ index: Int) -> Bool { index < bytes.count && bytes[index] &- 0x30 < 10 }
    var at = start
    if at < bytes.count, bytes[at] == 0x2D { at += 1 }
    guard isDigit(at) else { return .invalid(at: at) }
    if bytes[at] == 0x30 {
        at += 1
        if isDigit(at) { return .leadingZero(at: at) }
    } else {
        while isDigit(at) { at += 1 }
    }
    if at < bytes.count, bytes[at] == 0x2E {
        at += 1
        guard isDigit(at) else { return .invalid(at: at) }
        while isDigit(at) { at += 1 }
    }
    if at < bytes.count, bytes[at] | 0x20 == 0x65 {
        at += 1
        if at < bytes.count, bytes[at] == 0x2B || bytes[at] == 0x2D { at += 1 }
        guard isDigit(at) else { return .invalid(at: at) }
        while isDigit(at) { at += 1 }
    }
    return .valid(end: at)
}
