import Support

/// Values as text, as Spark's casts to string write them. All append UTF-8 bytes.
package enum ValueText {
    package static func append(_ value: Int64, to out: inout [UInt8]) {
        if value < 0 { out.append(45) }
        appendDigits(value.magnitude, width: 1, to: &out)
    }

    /// At least `width` digits.
    package static func appendDigits(_ value: UInt64, width: Int, to out: inout [UInt8]) {
        var rest = value
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { digits in
            var position = 24
            repeat {
                position -= 1
                digits[position] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            while 24 - position < min(width, 24) {
                position -= 1
                digits[position] = 48
            }
            out.append(contentsOf: digits[position..<24])
        }
    }

    /// Exactly `scale` fraction digits, never an exponent.
    package static func append(decimal unscaled: Int128, scale: Int, to out: inout [UInt8]) {
        if unscaled < 0 { out.append(45) }
        if let narrow = UInt64(exactly: unscaled.magnitude), scale <= 18 {
            var power: UInt64 = 1
            for _ in 0..<scale { power *= 10 }
            appendDigits(narrow / power, width: 1, to: &out)
            if scale > 0 {
                out.append(46)
                appendDigits(narrow % power, width: scale, to: &out)
            }
            return
        }
        var digits = Array(String(unscaled.magnitude).utf8)
        if digits.count <= scale { digits.insert(contentsOf: Array(repeating: 48, count: scale + 1 - digits.count), at: 0) }
        out.append(contentsOf: digits[..<(digits.count - scale)])
        if scale > 0 {
            out.append(46)
            out.append(contentsOf: digits[(digits.count - scale)...])
        }
    }

    /// `yyyy-MM-dd`; years above 9999 with a plus sign.
    package static func append(date days: Int, to out: inout [UInt8]) {
        let (year, month, day) = CivilTime.civil(fromDays: days)
        if year > 9999 { out.append(43) }
        if year < 0 { out.append(45) }
        appendDigits(UInt64(year.magnitude), width: 4, to: &out)
        out.append(45)
        appendDigits(UInt64(month), width: 2, to: &out)
        out.append(45)
        appendDigits(UInt64(day), width: 2, to: &out)
    }

    /// `yyyy-MM-dd HH:mm:ss[.ffffff]`, the fraction without trailing zeros.
    package static func append(timestamp micros: Int64, to out: inout [UInt8]) {
        let (days, rest) = floorDivide(micros, DateText.microsPerDay)
        append(date: Int(days), to: &out)
        out.append(32)
        let seconds = UInt64(rest / 1_000_000)
        appendDigits(seconds / 3600, width: 2, to: &out)
        out.append(58)
        appendDigits(seconds / 60 % 60, width: 2, to: &out)
        out.append(58)
        appendDigits(seconds % 60, width: 2, to: &out)
        let fraction = UInt64(rest % 1_000_000)
        if fraction != 0 {
            out.append(46)
            appendDigits(fraction, width: 6, to: &out)
            while out.last == 48 { out.removeLast() }
        }
    }

    /// Java's shortest form: plain from 1e-3 up to 1e7, otherwise `d.dddE±n`.
    package static func append(_ value: Double, to out: inout [UInt8]) { appendFloating(value, "\(value)", to: &out) }

    package static func append(_ value: Float, to out: inout [UInt8]) {
        appendFloating(Double(value), "\(value)", to: &out)
    }

    private static func appendFloating(_ value: Double, _ shortest: String, to out: inout [UInt8]) {
        if value.isNaN { return out.append(contentsOf: "NaN".utf8) }
        if value.sign == .minus { out.append(45) }
        if value.isInfinite { return out.append(contentsOf: "Infinity".utf8) }
        if value == 0 { return out.append(contentsOf: "0.0".utf8) }
        // The shortest digits and the decimal exponent of the first one.
        var digits: [UInt8] = []
        var exponent = 0
        var pointAt: Int?
        var bytes = shortest.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case 45, 43: continue
            case 46: pointAt = digits.count
            case 0x65, 0x45:
                var negative = false
                var power = 0
                while let next = bytes.next() {
                    if next == 45 { negative = true } else if next != 43 { power = power * 10 + Int(next &- 48) }
                }
                exponent = negative ? -power : power
            default: digits.append(byte)
            }
        }
        exponent += (pointAt ?? digits.count) - 1
        let leading = digits.prefix { $0 == 48 }.count
        digits.removeFirst(min(leading, digits.count - 1))
        exponent -= leading
        while digits.count > 1, digits.last == 48 { digits.removeLast() }
        if exponent >= 7 || exponent < -3 {
            out.append(digits[0])
            out.append(46)
            if digits.count > 1 { out.append(contentsOf: digits[1...]) } else { out.append(48) }
            out.append(0x45)
            append(Int64(exponent), to: &out)
        } else if exponent < 0 {
            out.append(contentsOf: "0.".utf8)
            out.append(contentsOf: repeatElement(48, count: -exponent - 1))
            out.append(contentsOf: digits)
        } else {
            while digits.count < exponent + 1 { digits.append(48) }
            out.append(contentsOf: digits[...exponent])
            out.append(46)
            if digits.count > exponent + 1 { out.append(contentsOf: digits[(exponent + 1)...]) } else { out.append(48) }
        }
    }

    /// Quotient rounded down, remainder not negative. Precondition: `divisor` > 0.
    package static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (q, r) = value.quotientAndRemainder(dividingBy: divisor)
        return r < 0 ? (q - 1, r + divisor) : (q, r)
    }
}
