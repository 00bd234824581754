package import Support

extension Timestamp {
    /// `20261121T114815Z`, the form of `X-Amz-Date`; fractions are cut off.
    package var amzDate: String {
        let t = CivilTime(self)
        return paddedText(
            [(t.year, 4, nil), (t.month, 2, nil), (t.day, 2, "T"), (t.hour, 2, nil), (t.minute, 2, nil), (t.second, 2, "Z")])
    }

    /// Reads exactly the form that `amzDate` writes.
    package init?(amzDate text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z"),
            let year = number(bytes[0..<4]), let month = number(bytes[4..<6]), let day = number(bytes[6..<8]),
            let hour = number(bytes[9..<11]), let minute = number(bytes[11..<13]), let second = number(bytes[13..<15])
        else { return nil }
        self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    /// `Sat, 21 Nov 2026 11:48:15 GMT`, as HTTP dates are written.
    package var httpDate: String {
        let t = CivilTime(self)
        let days = CivilTime.days(year: t.year, month: t.month, day: t.day)
        let weekday = weekdays[((days + 4) % 7 + 7) % 7]
        let time = paddedText([(t.year, 4, " "), (t.hour, 2, ":"), (t.minute, 2, ":"), (t.second, 2, nil)])
        return "\(weekday), \(paddedText([(t.day, 2, nil)])) \(months[t.month - 1]) \(time) GMT"
    }

    /// Reads the preferred form of HTTP dates (RFC 9110, IMF-fixdate), and what libraries for mail write in its place
    /// (RFC 5322): no weekday, an offset such as `-0000` for the zone. The name of the weekday is not checked.
    package init?(httpDate text: String) {
        var parts = text.split(separator: " ")
        if parts.first?.hasSuffix(",") == true { parts.removeFirst() }
        guard parts.count == 5, let offset = zoneMinutes(parts[4]), let day = number(parts[0].utf8),
            let month = months.firstIndex(of: String(parts[1])), let year = number(parts[2].utf8)
        else { return nil }
        let time = parts[3].split(separator: ":", omittingEmptySubsequences: false)
        guard time.count == 3, let hour = number(time[0].utf8), let minute = number(time[1].utf8),
            let second = number(time[2].utf8)
        else { return nil }
        self.init(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
        self = adding(milliseconds: Int64(-offset) * 60_000)
    }

    private init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        guard (1...12).contains(month), (1...CivilTime.daysInMonth(year: year, month: month)).contains(day),
            hour < 24, minute < 60, second < 61
        else { return nil }
        let days = CivilTime.days(year: year, month: month, day: day)
        self.init(millisecondsSince1970: Int64(((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
    }
}

private let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
private let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/// Minutes that a zone is ahead of UTC.
private func zoneMinutes(_ zone: Substring) -> Int? {
    if ["GMT", "UTC", "UT"].contains(zone) { return 0 }
    let digits = zone.utf8.dropFirst()
    guard digits.count == 4, zone.hasPrefix("+") || zone.hasPrefix("-"), let value = number(digits),
        value / 100 < 24, value % 100 < 60
    else { return nil }
    let minutes = value / 100 * 60 + value % 100
    return zone.hasPrefix("-") ? -minutes : minutes
}

/// One to four decimal digits; nil for anything else.
private func number(_ digits: some Collection<UInt8>) -> Int? {
    guard (1...4).contains(digits.count) else { return nil }
    var value = 0
    for digit in digits {
        guard (48...57).contains(digit) else { return nil }
        value = value * 10 + Int(digit - 48)
    }
    return value
}
