import Support

extension DatePicture {
    /// Milliseconds since 1970; nil when `text` does not have the picture's form. What is missing to the left of what
    /// is given is now's, to the right the least.
    func parse(_ text: String, _ evaluator: Evaluator) throws(Failure) -> Double? {
        var pattern = "^"
        var readers: [(Character, (String) throws(Failure) -> Double?)] = []
        for part in parts {
            switch part {
            case .literal(let literal):
                for scalar in literal.unicodeScalars {
                    if "/.*+?^${}()|[]\\".unicodeScalars.contains(scalar) { pattern += "\\" }
                    pattern.unicodeScalars.append(scalar)
                }
            case .marker(let marker):
                let (form, read) = try Self.reader(marker)
                pattern += "(" + form + ")"
                readers.append((marker.component, read))
            }
        }
        let subject = Subject(text)
        guard let ranges = try Regex(pattern + "$", flags: "i").match(subject, from: 0, evaluator) else { return nil }
        var components: [Character: Double] = [:]
        for (range, (component, read)) in zip(ranges.dropFirst(), readers) {
            components[component] = try range.flatMap { (range) throws(Failure) in try read(subject.text(range)) }
        }
        if readers.isEmpty { return nil }
        return try Self.moment(components, now: DateFields(milliseconds: Int(evaluator.now.millisecondsSince1970)))
    }

    private static func reader(
        _ marker: Marker
    ) throws(Failure) -> (String, (String) throws(Failure) -> Double?) {
        if marker.component == "Z" || marker.component == "z", let integer = marker.integer {
            let separator = integer.interval > 0 ? integer.separators.first?.character : nil
            let form = (marker.component == "z" ? "GMT" : "") + "[-+][0-9]+" + (separator.map { "\($0)[0-9]+" } ?? "")
            return (
                form,
                { (text: String) throws(Failure) -> Double? in
                    zoneMinutes(marker.component == "z" ? String(text.dropFirst(3)) : text, separator)
                }
            )
        }
        if var integer = marker.integer {
            if integer.isSequence { throw Failure("D3130", value: .string(integer.sequenceToken)) }
            integer.widthMax = max(0, marker.digits ?? 0)
            let picture = integer
            return (picture.pattern, { (text: String) throws(Failure) -> Double? in try picture.parse(text) })
        }
        var names: [String: Double] = [:]
        func shortened(_ name: String) -> String {
            marker.widthMax.flatMap { $0 > 0 ? String(name.prefix($0)) : nil } ?? name
        }
        switch marker.component {
        case "M", "x": for (index, name) in DateFields.months.enumerated() { names[shortened(name)] = Double(index + 1) }
        case "F": for (index, name) in DateFields.days.enumerated() { names[shortened(name)] = Double(index + 1) }
        case "P": names = ["am": 0, "AM": 0, "pm": 1, "PM": 1]
        default: throw Failure("D3133", value: .string(String(marker.component)))
        }
        let known = names
        return ("[a-zA-Z]+", { (text: String) throws(Failure) -> Double? in known[text] })
    }

    private static func zoneMinutes(_ text: String, _ separator: Unicode.Scalar?) -> Double {
        var hours = text, minutes = "0"
        if let separator, let place = text.firstIndex(of: Character(separator)) {
            hours = String(text[..<place])
            minutes = String(text[text.index(after: place)...])
        } else if text.utf8.count > 3 {
            hours = String(text.prefix(3))
            minutes = String(text.dropFirst(3))
        }
        return NumberText.parseInt(hours) * 60 + NumberText.parseInt(minutes)
    }

    private static func moment(_ given: [Character: Double], now: DateFields) throws(Failure) -> Double {
        var components = given
        // A component of zero does not show which kind of date or time it is.
        func mask(_ letters: String) -> Int {
            letters.reduce(0) { $0 << 1 | ((given[$1] ?? 0) != 0 ? 1 : 0) }
        }
        func isType(_ type: Int, _ mask: Int) -> Bool { ~type & mask == 0 && type & mask != 0 }
        let date = mask("YXMxWwdD"), time = mask("PHhmsf")
        let isYearDay = !isType(0b10100001, date) && isType(0b10000010, date)
        let isMonthWeek = isType(0b01010100, date)
        let isYearWeek = !isMonthWeek && isType(0b01001000, date)
        let isHalfDay = !isType(0b010111, time) && isType(0b101111, time)
        let order =
            (isYearDay ? "YD" : isMonthWeek ? "XxwF" : isYearWeek ? "XWF" : "YMD") + (isHalfDay ? "Phmsf" : "Hmsf")
        var hasBegun = false, hasEnded = false
        for component in order {
            if components[component] != nil {
                hasBegun = true
                if hasEnded { throw Failure("D3136") }
            } else if hasBegun {
                components[component] = "MDd".contains(component) ? 1 : 0
                hasEnded = true
            } else {
                components[component] = now.value(component).map { Double($0) } ?? 0
            }
        }
        if isMonthWeek || isYearWeek { throw Failure("D3136") }
        func value(_ component: Character) -> Double { components[component] ?? 0 }
        var month = value("M") > 0 ? value("M") - 1 : 0
        var day = value("D")
        if isYearDay {
            month = 0
            day = value("d")
        }
        var hour = value("H")
        if isHalfDay { hour = (value("h") == 12 ? 0 : value("h")) + (value("P") == 1 ? 12 : 0) }
        let zone = value("Z") != 0 ? value("Z") : value("z")
        let milliseconds = DateText.milliseconds(
            year: value("Y"), month: month, day: day, hour: hour, minute: value("m"), second: value("s"),
            millisecond: value("f"))
        return milliseconds - zone * 60_000
    }
}

/// ISO 8601 as JavaScript reads it.
enum DateText {
    /// As JavaScript's `Date.UTC`: the month counts from 0, parts beyond their range carry over, years below 100 are of
    /// the twentieth century; NaN beyond the range of dates.
    static func milliseconds(
        year: Double, month: Double, day: Double, hour: Double, minute: Double, second: Double, millisecond: Double
    ) -> Double {
        let parts = [year, month, day, hour, minute, second, millisecond].map { $0.rounded(.towardZero) }
        guard parts.allSatisfy({ abs($0) < 1e15 }), abs(year) < 400_000, abs(month) < 4_000_000 else { return .nan }
        let fullYear = parts[0] >= 0 && parts[0] < 100 ? parts[0] + 1900 : parts[0]
        let months = Int(fullYear) * 12 + Int(parts[1])
        let (wholeYear, rest) = (months >= 0 ? months / 12 : (months - 11) / 12, ((months % 12) + 12) % 12)
        let days = Double(CivilTime.days(year: wholeYear, month: rest + 1, day: 1)) + parts[2] - 1
        let result = days * 86_400_000 + parts[3] * 3_600_000 + parts[4] * 60_000 + parts[5] * 1000 + parts[6]
        return abs(result) <= 8.64e15 ? result : .nan
    }

    /// NaN for a date that has the form and does not exist.
    static func parse(_ text: String) throws(Failure) -> Double {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let year = scanner.digits(4) else { throw Failure("D3110", value: .string(text)) }
        var month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0.0, zone = 0
        if scanner.takes("-") {
            guard let value = scanner.digits(2) else { throw Failure("D3110", value: .string(text)) }
            month = value
            if scanner.takes("-") {
                guard let value = scanner.digits(2) else { throw Failure("D3110", value: .string(text)) }
                day = value
            }
        }
        if scanner.takes("T") {
            guard let h = scanner.digits(2), scanner.takes(":"), let m = scanner.digits(2), scanner.takes(":"),
                let s = scanner.digits(2)
            else { throw Failure("D3110", value: .string(text)) }
            (hour, minute, second) = (h, m, s)
        }
        if scanner.takes(".") {
            guard let fraction = scanner.fraction() else { throw Failure("D3110", value: .string(text)) }
            millisecond = fraction
        }
        if !scanner.takes("Z"), !scanner.isAtEnd {
            let sign = scanner.takes("+") ? 1 : scanner.takes("-") ? -1 : 0
            guard sign != 0, let h = scanner.digits(2) else { throw Failure("D3110", value: .string(text)) }
            _ = scanner.takes(":")
            guard let m = scanner.digits(2) else { throw Failure("D3110", value: .string(text)) }
            zone = sign * (60 * h + m)
        }
        guard scanner.isAtEnd else { throw Failure("D3110", value: .string(text)) }
        guard (1...12).contains(month), (1...31).contains(day), minute < 60, second < 60,
            hour < 24 || hour == 24 && minute == 0 && second == 0 && millisecond == 0
        else { return .nan }
        let days = Double(CivilTime.days(year: year, month: month, day: day))
        let minutes = Double(60 * hour + minute - zone)
        return days * 86_400_000 + minutes * 60_000 + Double(second) * 1000 + millisecond
    }

    private struct Scanner {
        let bytes: [UInt8]
        var at = 0

        var isAtEnd: Bool { at == bytes.count }

        mutating func takes(_ scalar: Unicode.Scalar) -> Bool {
            guard at < bytes.count, UInt32(bytes[at]) == scalar.value else { return false }
            at += 1
            return true
        }

        mutating func digits(_ count: Int) -> Int? {
            guard bytes.count - at >= count else { return nil }
            var value = 0
            for byte in bytes[at..<at + count] {
                guard byte &- 48 < 10 else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            at += count
            return value
        }

        /// Cut to milliseconds.
        mutating func fraction() -> Double? {
            var value = 0
            var count = 0
            while at < bytes.count, bytes[at] &- 48 < 10 {
                if count < 3 { value = value * 10 + Int(bytes[at] - 48) }
                count += 1
                at += 1
            }
            if count == 0 { return nil }
            for _ in 0..<max(0, 3 - count) { value *= 10 }
            return Double(value)
        }
    }
}
