import Support

/// Dates and timestamps from text, as Spark's casts from string read them, in UTC.
package enum DateText {
    package static let microsPerDay: Int64 = 86_400_000_000

    /// `[+-]yyyy[-m[m][-d[d]]]`, the day optionally followed by a blank or `T` and anything. Days since 1970-01-01.
    package static func date(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        var scanner = Scanner(bytes)
        guard let days = scanner.date(), scanner.atEnd || scanner.take(32) || scanner.take(84) else { return nil }
        // Anything may follow the day, not the year or the month.
        guard scanner.atEnd || scanner.sawDay else { return nil }
        return days
    }

    /// A date, then optionally blank or `T`, `h[h]:m[m][:s[s][.fraction]]` and a zone (`Z`, `UTC`, `±h[h][:mm]`).
    /// Microseconds since 1970-01-01T00:00:00Z; digits beyond them are cut.
    ///
    /// - Parameter zoned: whether a zone was given. Region names other than UTC and GMT are refused (nil).
    package static func timestamp(_ bytes: UnsafeBufferPointer<UInt8>) -> (micros: Int64, zoned: Bool)? {
        var scanner = Scanner(bytes)
        guard let days = scanner.date() else { return nil }
        let (base, tooFar) = Int64(days).multipliedReportingOverflow(by: microsPerDay)
        if tooFar { return nil }
        if scanner.atEnd { return (base, false) }
        guard scanner.sawDay, scanner.take(32) || scanner.take(84) else { return nil }
        if scanner.atEnd { return (base, false) }
        guard let hour = scanner.number(1...2), hour < 24, scanner.take(58), let minute = scanner.number(1...2),
            minute < 60
        else { return nil }
        var micros = Int64(hour * 3600 + minute * 60) * 1_000_000
        if scanner.take(58) {
            guard let second = scanner.number(1...2), second < 60 else { return nil }
            micros += Int64(second) * 1_000_000
            if scanner.take(46) { micros += scanner.fraction() }
        }
        let sum = base.addingReportingOverflow(micros)
        if sum.overflow { return nil }
        if scanner.atEnd { return (sum.partialValue, false) }
        guard let offset = scanner.zone(), scanner.atEnd else { return nil }
        let shifted = sum.partialValue.subtractingReportingOverflow(Int64(offset) * 1_000_000)
        return shifted.overflow ? nil : (shifted.partialValue, true)
    }

    /// Seconds east of UTC of a zone's name; nil for regions, which are not supported.
    package static func zoneOffset(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var scanner = Scanner(bytes)
        guard let offset = scanner.zone(), scanner.atEnd else { return nil }
        return offset
    }

    private struct Scanner {
        let bytes: UnsafeBufferPointer<UInt8>
        var position = 0
        var sawDay = false

        init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

        var atEnd: Bool { position == bytes.count }

        mutating func take(_ byte: UInt8) -> Bool {
            guard position < bytes.count, bytes[position] == byte else { return false }
            position += 1
            return true
        }

        mutating func number(_ width: ClosedRange<Int>) -> Int? {
            var value = 0
            var digits = 0
            while position < bytes.count, bytes[position] &- 48 <= 9 {
                value = value * 10 + Int(bytes[position] - 48)
                digits += 1
                position += 1
                if digits > width.upperBound { return nil }
            }
            return width.contains(digits) ? value : nil
        }

        /// Digits after the point as microseconds.
        mutating func fraction() -> Int64 {
            var value: Int64 = 0
            var digits = 0
            while position < bytes.count, bytes[position] &- 48 <= 9 {
                if digits < 6 {
                    value = value * 10 + Int64(bytes[position] - 48)
                    digits += 1
                }
                position += 1
            }
            while digits < 6 {
                value *= 10
                digits += 1
            }
            return value
        }

        mutating func date() -> Int32? {
            var sign = 1
            if take(45) { sign = -1 } else if take(43) { sign = 1 }
            guard let year = number(4...7) else { return nil }
            var month = 1
            var day = 1
            if take(45) {
                guard let m = number(1...2), (1...12).contains(m) else { return nil }
                month = m
                if take(45) {
                    guard let d = number(1...2) else { return nil }
                    day = d
                    sawDay = true
                }
            }
            guard day >= 1, day <= CivilTime.daysInMonth(year: sign * year, month: month) else { return nil }
            return Int32(exactly: CivilTime.days(year: sign * year, month: month, day: day))
        }

        mutating func zone() -> Int? {
            while take(32) {}
            if atEnd { return nil }
            if take(90) { return 0 }
            let rest = UnsafeBufferPointer(rebasing: bytes[position...])
            for name: StaticString in ["utc", "gmt", "ut"]
            where rest.count >= name.utf8CodeUnitCount
                && NumberText.equals(UnsafeBufferPointer(rebasing: rest[..<name.utf8CodeUnitCount]), name)
            {
                position += name.utf8CodeUnitCount
                if atEnd { return 0 }
                break
            }
            let sign = take(43) ? 1 : take(45) ? -1 : 0
            guard sign != 0, let hours = number(1...4) else { return nil }
            if hours > 99 {  // hhmm
                guard hours / 100 <= 18, hours % 100 < 60 else { return nil }
                return sign * (hours / 100 * 3600 + hours % 100 * 60)
            }
            var seconds = hours * 3600
            if take(58) {
                guard let minutes = number(1...2), minutes < 60 else { return nil }
                seconds += minutes * 60
                if take(58) {
                    guard let s = number(2...2), s < 60 else { return nil }
                    seconds += s
                }
            }
            return seconds <= 18 * 3600 ? sign * seconds : nil
        }
    }
}
