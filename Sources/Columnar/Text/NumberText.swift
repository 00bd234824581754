#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Numbers and booleans from text, as Spark's casts from string read them. All take UTF-8 bytes and give nil for what
/// is no such value. The bytes must already be trimmed (`trimmed`).
package enum NumberText {
    /// Without blanks and control characters (up to U+0020) at both ends: Spark's `trimAll`.
    @inlinable package static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var low = 0
        var high = bytes.count
        while low < high, bytes[low] <= 32 || bytes[low] == 127 { low += 1 }
        while high > low, bytes[high - 1] <= 32 || bytes[high - 1] == 127 { high -= 1 }
        return UnsafeBufferPointer(rebasing: bytes[low..<high])
    }

    /// An optional sign and digits.
    @inlinable package static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        let count = bytes.count
        guard count > 0 else { return nil }
        var position = 0
        let negative = bytes[0] == 45
        if negative || bytes[0] == 43 { position = 1 }
        guard position < count else { return nil }
        if count - position <= 18 {
            var value: Int64 = 0
            while position < count {
                let digit = bytes[position] &- 48
                if digit > 9 { return nil }
                value = value &* 10 &+ Int64(digit)
                position += 1
            }
            return negative ? -value : value
        }
        var value: Int64 = 0
        while position < count {
            let digit = bytes[position] &- 48
            if digit > 9 { return nil }
            let (scaled, a) = value.multipliedReportingOverflow(by: 10)
            let (sum, b) = scaled.subtractingReportingOverflow(Int64(digit))
            if a || b { return nil }
            value = sum
            position += 1
        }
        if negative { return value }
        return value == .min ? nil : -value
    }

    /// As `integer`, with an optional fraction that is cut off: what non-ANSI casts accept.
    package static func truncatedInteger(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let dot = bytes.firstIndex(of: 46) else { return integer(bytes) }
        for byte in bytes[(dot + 1)...] where byte &- 48 > 9 { return nil }
        let whole = UnsafeBufferPointer(rebasing: bytes[..<dot])
        if whole.isEmpty || (whole.count == 1 && (whole[0] == 45 || whole[0] == 43)) {
            return bytes.count > dot + 1 ? 0 : nil
        }
        return integer(whole)
    }

    /// Sign, decimal digits with an optional point, optional exponent; `NaN`, `Infinity`, `inf` in any case.
    package static func double(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        var number = DecimalScan(bytes)
        if number.scan() {
            // Exact when both the digits and the power of ten are.
            if number.digits <= 15 || (number.digits <= 19 && number.mantissa < 1 << 53), number.droppedDigits == 0 {
                let exponent = number.exponent
                let mantissa = Double(number.mantissa)
                if exponent >= 0, exponent <= 22 {
                    let value = mantissa * exactPowers[exponent]
                    return number.negative ? -value : value
                }
                if exponent < 0, exponent >= -22 {
                    let value = mantissa / exactPowers[-exponent]
                    return number.negative ? -value : value
                }
            }
            return bySystem(bytes, strtod)
        }
        return special(bytes)
    }

    package static func float(_ bytes: UnsafeBufferPointer<UInt8>) -> Float? {
        var number = DecimalScan(bytes)
        if number.scan() { return bySystem(bytes, strtof) }
        return special(bytes).map { Float($0) }
    }

    /// Decimal text as an unscaled value at `scale`, rounded HALF_UP. `overflow` when it needs more than `precision`
    /// digits.
    package static func decimal(
        _ bytes: UnsafeBufferPointer<UInt8>, precision: Int, scale: Int
    ) -> (value: Int128?, overflow: Bool) {
        var number = DecimalScan(bytes)
        guard number.scan() else { return (nil, false) }
        if number.wide == 0 { return (0, false) }
        let shift = number.exponent + scale
        var value: Int128
        if shift >= 0 {
            guard number.droppedDigits == 0, let power = Decimals.powerOfTen(shift) else { return (nil, true) }
            let (product, overflow) = Int128(number.wide).multipliedReportingOverflow(by: power)
            if overflow { return (nil, true) }
            value = product
        } else if let power = Decimals.powerOfTen(-shift) {
            let (quotient, remainder) = Int128(number.wide).quotientAndRemainder(dividingBy: power)
            value = quotient + (remainder >= power - remainder ? 1 : 0)
        } else {
            value = 0
        }
        if number.negative { value = -value }
        return Decimals.fits(value, precision: precision) ? (value, false) : (nil, true)
    }

    /// `true t yes y 1` and `false f no n 0` in any case.
    package static func boolean(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool? {
        switch bytes.count {
        case 1:
            switch bytes[0] | 0x20 {
            case 0x74, 0x79, 0x31: return bytes[0] == 0x11 ? nil : true
            case 0x66, 0x6E, 0x30: return bytes[0] == 0x10 ? nil : false
            default: return nil
            }
        case 2: return equals(bytes, "no") ? false : nil
        case 3: return equals(bytes, "yes") ? true : nil
        case 4: return equals(bytes, "true") ? true : nil
        case 5: return equals(bytes, "false") ? false : nil
        default: return nil
        }
    }

    /// Equality with lower-case ASCII text, letter case ignored.
    package static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ lower: StaticString) -> Bool {
        guard bytes.count == lower.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count {
            var byte = bytes[index]
            if byte >= 65, byte <= 90 { byte |= 0x20 }
            if byte != lower.utf8Start[index] { return false }
        }
        return true
    }

    private static func special(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        var rest = bytes
        var negative = false
        if let first = bytes.first, first == 43 || first == 45 {
            negative = first == 45
            rest = UnsafeBufferPointer(rebasing: bytes[1...])
        }
        if equals(rest, "infinity") || equals(rest, "inf") { return negative ? -.infinity : .infinity }
        if rest.count == bytes.count, equals(rest, "nan") { return .nan }
        // Java's parser takes a type suffix.
        if let last = bytes.last, bytes.count > 1, [0x64, 0x66, 0x44, 0x46].contains(last) {
            let body = UnsafeBufferPointer(rebasing: bytes.dropLast())
            var number = DecimalScan(body)
            if number.scan() { return bySystem(body, strtod) }
        }
        return nil
    }

    private static func bySystem<T>(
        _ bytes: UnsafeBufferPointer<UInt8>, _ parse: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> T
    ) -> T? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { copy in
            for index in 0..<bytes.count { copy[index] = CChar(bitPattern: bytes[index]) }
            copy[bytes.count] = 0
            guard let base = copy.baseAddress else { return nil }
            return parse(base, nil)
        }
    }

    private static let exactPowers: [Double] = (0...22).map { exponent in
        var value = 1.0
        for _ in 0..<exponent { value *= 10 }
        return value
    }
}

/// The parts of a decimal number: value = ±`wide` × 10^`exponent`. Up to 38 significant digits are kept.
struct DecimalScan {
    let bytes: UnsafeBufferPointer<UInt8>
    var negative = false
    /// All significant digits when there are at most 19.
    var mantissa: UInt64 = 0
    var wide: UInt128 = 0
    var digits = 0
    var droppedDigits = 0
    var exponent = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// False when the bytes are no decimal number.
    mutating func scan() -> Bool {
        let count = bytes.count
        var position = 0
        guard count > 0 else { return false }
        if bytes[0] == 45 || bytes[0] == 43 {
            negative = bytes[0] == 45
            position = 1
        }
        var seenDigit = false
        var seenPoint = false
        var low: UInt64 = 0
        while position < count {
            let byte = bytes[position]
            let digit = byte &- 48
            if digit <= 9 {
                seenDigit = true
                if digits < 19 {
                    low = low &* 10 &+ UInt64(digit)
                    if low != 0 { digits += 1 }
                    if seenPoint { exponent -= 1 }
                } else if digits < 38 {
                    if digits == 19 { wide = UInt128(low) }
                    wide = wide &* 10 &+ UInt128(digit)
                    digits += 1
                    if seenPoint { exponent -= 1 }
                } else {
                    // Beyond what any decimal holds: only its place counts, except for the rounding digit.
                    droppedDigits += 1
                    if !seenPoint { exponent += 1 }
                }
            } else if byte == 46, !seenPoint {
                seenPoint = true
            } else {
                break
            }
            position += 1
        }
        guard seenDigit else { return false }
        mantissa = low
        if digits <= 19 { wide = UInt128(low) }
        if position == count { return true }
        guard bytes[position] | 0x20 == 0x65 else { return false }
        position += 1
        var negativeExponent = false
        if position < count, bytes[position] == 45 || bytes[position] == 43 {
            negativeExponent = bytes[position] == 45
            position += 1
        }
        guard position < count else { return false }
        var power = 0
        while position < count {
            let digit = bytes[position] &- 48
            if digit > 9 { return false }
            power = min(power * 10 + Int(digit), 100_000)
            position += 1
        }
        exponent += negativeExponent ? -power : power
        return true
    }
}
