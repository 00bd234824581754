#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Numbers as JavaScript writes them.
enum NumberText {
    /// The shortest digits that read back as `value`, in JavaScript's layout: `1e+21`, `0.000001`, `-5`.
    static func javaScript(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        if let integer = Int64(exactly: value), abs(value) < 9_007_199_254_740_992 { return String(integer) }
        let (digits, exponent) = shortest(abs(value))
        let sign = value < 0 ? "-" : ""
        let count = digits.utf8.count
        if exponent > 21 || exponent < -5 {
            let first = digits.prefix(1), rest = digits.dropFirst()
            let power = exponent - 1
            return sign + first + (rest.isEmpty ? "" : "." + rest) + "e" + (power < 0 ? "-" : "+") + String(abs(power))
        }
        if exponent >= count { return sign + digits + String(repeating: "0", count: exponent - count) }
        if exponent > 0 { return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent) }
        return sign + "0." + String(repeating: "0", count: -exponent) + digits
    }

    /// The shortest digits, no zeros at their ends, and where the point stands: `0.d1d2d3... * 10^exponent`.
    private static func shortest(_ value: Double) -> (digits: String, exponent: Int) {
        var digits = ""
        var exponent = 0
        var seenPoint = false
        var text = "\(value)"[...]
        if let e = text.firstIndex(of: "e") {
            exponent = Int(text[text.index(after: e)...]) ?? 0
            text = text[..<e]
        }
        for character in text {
            if character == "." {
                seenPoint = true
            } else {
                if !seenPoint { exponent += 1 }
                digits.append(character)
            }
        }
        while digits.hasPrefix("0"), digits.utf8.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.utf8.count > 1 { digits.removeLast() }
        return (digits, exponent)
    }

    /// The nearest number of 15 significant digits.
    static func rounded15(_ value: Double) -> Double {
        if !value.isFinite || value == 0 { return value }
        if value == value.rounded(), abs(value) < 1e15 { return value }
        if shortest(abs(value)).digits.utf8.count <= 15 { return value }
        // Far more digits than any tie needs: the exact value decides, and of two as near the larger wins.
        let text = formatted("%.60e", abs(value))
        guard let e = text.firstIndex(of: "e") else { return value }
        let power = Int(text[text.index(after: e)...]) ?? 0
        var digits = text[..<e].utf8.filter { $0 != 46 }.map { Int($0) - 48 }
        let roundsUp = digits.count > 15 && digits[15] >= 5
        digits = Array(digits.prefix(15))
        var carry = roundsUp ? 1 : 0
        for position in digits.indices.reversed() where carry > 0 {
            digits[position] += carry
            carry = digits[position] / 10
            digits[position] %= 10
        }
        if carry > 0 { digits.insert(1, at: 0) }
        let mantissa = digits.map { String($0) }.joined()
        let rounded = Double("\(mantissa)e\(power - 14)") ?? value
        return value < 0 ? -rounded : rounded
    }

    /// With exactly `places` digits behind the point; large numbers without an exponent. At most 100 places.
    static func fixed(_ value: Double, places: Int) -> String {
        if !value.isFinite || abs(value) >= 1e21 { return javaScript(value) }
        return formatted("%.\(max(0, min(100, places)))f", value)
    }

    private static func formatted(_ format: String, _ value: Double) -> String {
        withVaList([value]) { arguments in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
                let count = Int(vsnprintf(buffer.baseAddress, buffer.count, format, arguments))
                return String(
                    decoding: buffer.prefix(max(0, min(count, buffer.count - 1))).map { UInt8(bitPattern: $0) },
                    as: UTF8.self)
            }
        }
    }

    /// The digits of a whole number in `radix`, 2 to 36; from 2^53 on the lowest ones are zeros.
    static func text(_ value: Double, radix: Int) -> String {
        guard value.isFinite else { return javaScript(value) }
        var rest = abs(value)
        var zeros = 0
        while rest >= 9_007_199_254_740_992 {
            rest = (rest / Double(radix)).rounded(.down)
            zeros += 1
        }
        let digits = String(Int64(rest), radix: radix) + String(repeating: "0", count: zeros)
        return value < 0 ? "-" + digits : digits
    }

    /// `value` times ten to the `power`, with the rounding of its decimal text.
    static func shifted(_ value: Double, by power: Double) -> Double {
        let text = javaScript(value)
        guard power.rounded() == power, abs(power) < 1e6 else { return .nan }
        let parts = text.split(separator: "e", omittingEmptySubsequences: false)
        let exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + Int(power)
        return Double("\(parts[0])e\(exponent)") ?? .nan
    }

    /// To the nearest whole number, halves up.
    static func round(_ value: Double) -> Double {
        let down = value.rounded(.down)
        return value - down >= 0.5 ? down + 1 : down
    }

    /// To `places` decimal places, halves to even.
    static func roundHalfEven(_ value: Double, places: Double) -> Double {
        let shifted = places == 0 || places.isNaN ? value : self.shifted(value, by: places)
        var result = round(shifted)
        if abs(result - shifted) == 0.5, abs(fmod(result, 2)) == 1 { result -= 1 }
        if places != 0, !places.isNaN { result = self.shifted(result, by: -places) }
        return result == 0 ? 0 : result
    }
}
