import Support

/// `[-]123.45[E±n]` as unscaled value and scale; nil for another form or more than 38 digits.
package func parseDecimal(_ text: String) -> (Int128, Int)? {
    var bytes = Array(text.utf8)[...]
    var negative = false
    if bytes.first == 45 || bytes.first == 43 {
        negative = bytes.first == 45
        bytes.removeFirst()
    }
    var value: Int128 = 0
    var scale = 0
    var digits = 0
    var sawPoint = false
    while let byte = bytes.first, byte == 46 || (48...57).contains(byte) {
        bytes.removeFirst()
        if byte == 46 {
            guard !sawPoint else { return nil }
            sawPoint = true
            continue
        }
        digits += 1
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        guard !overflow, product <= Int128.max - 9 else { return nil }
        value = product + Int128(byte - 48)
        if sawPoint { scale += 1 }
    }
    guard digits > 0 else { return nil }
    if bytes.first == 69 || bytes.first == 101 {
        bytes.removeFirst()
        guard let exponent = Int(String(decoding: bytes, as: UTF8.self)), abs(exponent) < 100 else { return nil }
        scale -= exponent
        while scale < 0 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
            scale += 1
        }
    } else if !bytes.isEmpty {
        return nil
    }
    return (negative ? -value : value, scale)
}

/// A date as Spark's cast reads it: `yyyy`, `yyyy-[m]m`, `yyyy-[m]m-[d]d`, what follows a blank or `T` is ignored.
package func parseDate(_ text: String) -> Int32? {
    let trimmed = text.trimmedBlanks
    guard let (days, rest) = scanDate(Array(trimmed.utf8)[...]) else { return nil }
    guard rest.isEmpty || rest.first == 32 || rest.first == 84 else { return nil }
    return Int32(exactly: days)
}

/// A timestamp as Spark's cast reads it, in UTC where no zone is given. Zones: `Z`, `UTC`, `±hh:mm`.
package func parseTimestamp(_ text: String) -> (micros: Int64, zoned: Bool)? {
    let trimmed = text.trimmedBlanks
    guard let (days, afterDate) = scanDate(Array(trimmed.utf8)[...]) else { return nil }
    var rest = afterDate
    if rest.isEmpty { return (Int64(days) * 86_400_000_000, false) }
    guard rest.first == 32 || rest.first == 84 else { return nil }
    rest.removeFirst()
    func number(_ most: Int) -> Int? {
        var value = 0
        var count = 0
        while count < most, let byte = rest.first, (48...57).contains(byte) {
            value = value * 10 + Int(byte - 48)
            rest.removeFirst()
            count += 1
        }
        return count > 0 ? value : nil
    }
    guard let hour = number(2), hour < 24 else { return nil }
    var minute = 0
    var second = 0
    var fraction = 0
    if rest.first == 58 {
        rest.removeFirst()
        guard let m = number(2), m < 60 else { return nil }
        minute = m
        if rest.first == 58 {
            rest.removeFirst()
            guard let s = number(2), s < 60 else { return nil }
            second = s
            if rest.first == 46 {
                rest.removeFirst()
                var scale = 100_000
                while let byte = rest.first, (48...57).contains(byte) {
                    fraction += Int(byte - 48) * scale
                    scale /= 10
                    rest.removeFirst()
                }
            }
        }
    }
    var offset = 0
    var zoned = false
    var zone = String(decoding: rest, as: UTF8.self).trimmedBlanks
    if !zone.isEmpty {
        zoned = true
        for prefix in ["UTC", "GMT"] where zone.hasPrefix(prefix) { zone.removeFirst(3) }
        if zone == "Z" { zone = "" }
        if !zone.isEmpty {
            guard let sign = zone.first, sign == "+" || sign == "-" else { return nil }
            let parts = zone.dropFirst().split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(parts.count), let hours = parts[0], hours <= 18 else { return nil }
            var minutes = 0
            if parts.count == 2 {
                guard let m = parts[1], m < 60 else { return nil }
                minutes = m
            }
            offset = (hours * 60 + minutes) * (sign == "-" ? -1 : 1)
        }
    }
    let seconds = Int64(days) * 86_400 + Int64(hour * 3600 + (minute - offset) * 60 + second)
    return (seconds * 1_000_000 + Int64(fraction), zoned)
}

private func scanDate(_ bytes: ArraySlice<UInt8>) -> (days: Int, rest: ArraySlice<UInt8>)? {
    var rest = bytes
    func number(_ least: Int, _ most: Int) -> Int? {
        var value = 0
        var count = 0
        while count < most, let byte = rest.first, (48...57).contains(byte) {
            value = value * 10 + Int(byte - 48)
            rest.removeFirst()
            count += 1
        }
        return count >= least ? value : nil
    }
    var sign = 1
    if rest.first == 45 || rest.first == 43 {
        if rest.first == 45 { sign = -1 }
        rest.removeFirst()
    }
    guard let year = number(4, 6) else { return nil }
    var month = 1
    var day = 1
    if rest.first == 45 {
        rest.removeFirst()
        guard let m = number(1, 2), (1...12).contains(m) else { return nil }
        month = m
        if rest.first == 45 {
            rest.removeFirst()
            guard let d = number(1, 2), d >= 1, d <= CivilTime.daysInMonth(year: sign * year, month: m) else {
                return nil
            }
            day = d
        }
    }
    return (CivilTime.days(year: sign * year, month: month, day: day), rest)
}

extension String {
    package var trimmedBlanks: String {
        var bytes = Array(utf8)[...]
        while let first = bytes.first, first <= 32 { bytes.removeFirst() }
        while let last = bytes.last, last <= 32 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
