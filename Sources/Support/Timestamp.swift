/// A moment: whole milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored. The unit of every durable record.
package struct Timestamp: Sendable, Hashable, Comparable {
    package var millisecondsSince1970: Int64

    package init(millisecondsSince1970: Int64) {
        self.millisecondsSince1970 = millisecondsSince1970
    }

    /// Rounds down to whole milliseconds. Values outside what a timestamp can hold become the nearest end.
    package init(secondsSince1970 seconds: Double) {
        let milliseconds = (seconds * 1000).rounded(.down)
        if milliseconds.isNaN {
            self.init(millisecondsSince1970: 0)
        } else {
            self.init(millisecondsSince1970: Int64(max(-9e15, min(9e15, milliseconds))))
        }
    }

    /// Seconds since 1970 with a fraction, as awsJson sends timestamps.
    package var secondsSince1970: Double { Double(millisecondsSince1970) / 1000 }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.millisecondsSince1970 < b.millisecondsSince1970 }

    /// Saturates at the ends of the range instead of overflowing.
    package func adding(milliseconds: Int64) -> Timestamp {
        let (sum, overflow) = millisecondsSince1970.addingReportingOverflow(milliseconds)
        return Timestamp(millisecondsSince1970: overflow ? (milliseconds < 0 ? .min : .max) : sum)
    }

    /// Milliseconds from `other` to `self`, saturating.
    package func milliseconds(since other: Timestamp) -> Int64 {
        let (difference, overflow) = millisecondsSince1970.subtractingReportingOverflow(other.millisecondsSince1970)
        return overflow ? (self < other ? .min : .max) : difference
    }
}

/// A date of the proleptic Gregorian calendar and a time of day, in UTC.
package struct CivilTime: Sendable, Hashable {
    package var year: Int, month: Int, day: Int
    package var hour: Int, minute: Int, second: Int, millisecond: Int

    package init(_ timestamp: Timestamp) {
        let (days, rest) = timestamp.millisecondsSince1970.quotientAndModulus(dividingBy: 86_400_000)
        (year, month, day) = Self.civil(fromDays: Int(days))
        hour = Int(rest / 3_600_000)
        minute = Int(rest / 60_000 % 60)
        second = Int(rest / 1000 % 60)
        millisecond = Int(rest % 1000)
    }

    /// Year, month and day of a number of days since 1970-01-01.
    /// - Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    package static func civil(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let mp = (5 * dayOfYear + 2) / 153
        let month = mp < 10 ? mp + 3 : mp - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * mp + 2) / 5 + 1)
    }

    /// Days since 1970-01-01 of a date whose month is 1 to 12. The day may lie outside its month: it counts on.
    package static func days(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    package static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    package static func daysInMonth(year: Int, month: Int) -> Int {
        month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }
}

extension Int64 {
    /// Floored division: the modulus is never negative for a positive divisor.
    fileprivate func quotientAndModulus(dividingBy divisor: Int64) -> (Int64, Int64) {
        let (q, r) = quotientAndRemainder(dividingBy: divisor)
        return r < 0 ? (q - 1, r + divisor) : (q, r)
    }
}

extension Timestamp {
    /// `2026-11-21T11:32:41.123Z`, always with three fraction digits.
    package var iso8601: String {
        let t = CivilTime(self)
        return paddedText(
            [(t.year, 4, "-"), (t.month, 2, "-"), (t.day, 2, "T"), (t.hour, 2, ":"), (t.minute, 2, ":"), (t.second, 2, "."),
             (t.millisecond, 3, "Z")])
    }

    /// Parses an ISO 8601 extended offset date-time (RFC 3339): `T` and an offset or `Z` are required, a fraction of
    /// any length is cut to milliseconds. Nil for anything else.
    package init?(iso8601 text: String) {
        var scanner = DigitScanner(bytes: Array(text.utf8))
        guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2), scanner.take("-"),
            let day = scanner.digits(2), scanner.take("T"), let hour = scanner.digits(2), scanner.take(":"),
            let minute = scanner.digits(2), (1...12).contains(month),
            (1...CivilTime.daysInMonth(year: year, month: month)).contains(day), hour < 24, minute < 60
        else { return nil }
        var second = 0
        var millisecond = 0
        if scanner.take(":") {
            guard let s = scanner.digits(2), s < 60 else { return nil }
            second = s
            if scanner.take(".") {
                guard let ms = scanner.fractionMilliseconds() else { return nil }
                millisecond = ms
            }
        }
        var offsetMinutes = 0
        if !scanner.take("Z") {
            let sign = scanner.take("+") ? 1 : scanner.take("-") ? -1 : 0
            guard sign != 0, let h = scanner.digits(2), scanner.take(":"), let m = scanner.digits(2), h < 24, m < 60
            else { return nil }
            offsetMinutes = sign * (h * 60 + m)
        }
        guard scanner.atEnd else { return nil }
        let days = CivilTime.days(year: year, month: month, day: day)
        let minutes = (days * 24 + hour) * 60 + minute - offsetMinutes
        self.init(millisecondsSince1970: Int64(minutes * 60_000 + second * 1000 + millisecond))
    }
}

/// `value` in decimal with zeros in front, at least `width` digits; the sign of a negative number comes first.
package func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value.magnitude)
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

/// Numbers as `padded` writes them, each followed by a character.
package func paddedText(_ parts: [(value: Int, width: Int, end: Unicode.Scalar?)]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(32)
    for part in parts {
        var place = 1
        for _ in 1..<part.width { place *= 10 }
        if part.value < 0 || part.value >= 10 * place {
            text.append(contentsOf: padded(part.value, part.width).utf8)
        } else {
            while place > 0 {
                text.append(UInt8(truncatingIfNeeded: 48 + part.value / place % 10))
                place /= 10
            }
        }
        if let end = part.end { text.append(UInt8(truncatingIfNeeded: end.value)) }
    }
    return String(decoding: text, as: UTF8.self)
}

private struct DigitScanner {
    let bytes: [UInt8]
    var position = 0

    var atEnd: Bool { position == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(truncatingIfNeeded: character.value) else { return false }
        position += 1
        return true
    }

    mutating func digits(_ count: Int) -> Int? {
        guard bytes.count - position >= count else { return nil }
        var value = 0
        for byte in bytes[position..<position + count] {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        position += count
        return value
    }

    mutating func fractionMilliseconds() -> Int? {
        var value = 0
        var count = 0
        while position < bytes.count, (48...57).contains(bytes[position]) {
            if count < 3 { value = value * 10 + Int(bytes[position] - 48) }
            count += 1
            position += 1
        }
        guard count > 0 else { return nil }
        for _ in 0..<max(0, 3 - count) { value *= 10 }
        return value
    }
}
