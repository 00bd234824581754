import Columnar
import SparkPlan
import Support

/// Date and time functions, in UTC.
enum DateFunctions {
    static func find(_ c: FunctionContext) throws -> FunctionImplementation? {
        switch (c.name, c.count) {
        case ("year", 1): return ofDate(c) { CivilTime.civil(fromDays: $0).year }
        case ("month", 1): return ofDate(c) { CivilTime.civil(fromDays: $0).month }
        case ("day", 1), ("dayofmonth", 1): return ofDate(c) { CivilTime.civil(fromDays: $0).day }
        case ("quarter", 1): return ofDate(c) { (CivilTime.civil(fromDays: $0).month + 2) / 3 }
        case ("dayofyear", 1):
            return ofDate(c) { $0 - CivilTime.days(year: CivilTime.civil(fromDays: $0).year, month: 1, day: 1) + 1 }
        case ("dayofweek", 1): return ofDate(c) { (weekday($0) + 1) % 7 + 1 }
        case ("weekday", 1): return ofDate(c) { weekday($0) }
        case ("weekofyear", 1): return ofDate(c) { isoWeek($0) }
        case ("year_of_week", 1): return ofDate(c) { CivilTime.civil(fromDays: $0 - weekday($0) + 3).year }
        case ("second_fraction", 1):
            // A decimal of six digits behind the point.
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, c.resultType) { (t: Int64) -> Int64 in ValueText.floorDivide(t, 60_000_000).remainder }
            }
        case ("hour", 1): return ofTime(c) { Int32($0 / 3600) }
        case ("minute", 1): return ofTime(c) { Int32($0 / 60 % 60) }
        case ("second", 1): return ofTime(c) { Int32($0 % 60) }
        case ("date_add", 2), ("dateadd", 2): return shifted(1)
        case ("date_sub", 2): return shifted(-1)
        case ("datediff", 2), ("date_diff", 2):
            return FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .int) { (x: Int32, y: Int32) -> Int32 in x &- y } }
        case ("add_months", 2):
            return dates { addMonths($0, $1) }
        case ("last_day", 1):
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, .date) { (d: Int32) -> Int32 in
                    let (y, m, _) = CivilTime.civil(fromDays: Int(d))
                    return Int32(truncatingIfNeeded: CivilTime.days(year: y, month: m, day: CivilTime.daysInMonth(year: y, month: m)))
                }
            }
        case ("next_day", 2): return nextDay()
        case ("months_between", 2...3): return monthsBetween()
        case ("make_date", 3): return makeDate()
        case ("trunc", 2): return truncatedDate()
        case ("date_trunc", 2): return truncatedTimestamp()
        case ("date_format", 2): return dateFormat(c)
        case ("to_date", 1...2), ("to_timestamp", 1...2), ("try_to_timestamp", 1...2), ("try_to_date", 1...2), ("to_timestamp_ntz", 1...2):
            return try parse(c)
        case ("unix_timestamp", 1...2), ("to_unix_timestamp", 1...2): return try unixTimestamp(c)
        case ("from_unixtime", 1...2): return fromUnixtime()
        case ("timestampadd_micros", 2), ("timestamp_add_micros", 2):
            return FunctionImplementation(canFail: true) { a, n, valid in
                try checkedBinary(a[0], a[1], n, c.resultType, valid, Int64.self, failure: { _ in ANSIError.arithmeticOverflow("long overflow") }) {
                    $0.addingReportingOverflow($1)
                }
            }
        case ("timestampdiff_micros", 2), ("subtract_timestamps", 2):
            return FunctionImplementation(canFail: true) { a, n, valid in
                try checkedBinary(a[0], a[1], n, c.resultType, valid, Int64.self, failure: { _ in ANSIError.arithmeticOverflow("long overflow") }) {
                    $0.subtractingReportingOverflow($1)
                }
            }
        case ("unix_date", 1): return FunctionImplementation { a, _, _ in a[0].flattened().relabelled(.int) }
        case ("date_from_unix_date", 1): return FunctionImplementation { a, _, _ in a[0].flattened().relabelled(.date) }
        case ("unix_micros", 1): return FunctionImplementation { a, _, _ in a[0].flattened().relabelled(.long) }
        case ("timestamp_micros", 1): return FunctionImplementation { a, _, _ in a[0].flattened().relabelled(.timestamp) }
        case ("unix_seconds", 1): return divided(1_000_000)
        case ("unix_millis", 1): return divided(1000)
        case ("timestamp_millis", 1): return multiplied(1000)
        case ("timestamp_seconds", 1): return c.types[0] == .long ? multiplied(1_000_000) : nil
        default: return nil
        }
    }

    /// Monday is 0.
    private static func weekday(_ days: Int) -> Int { ((days + 3) % 7 + 7) % 7 }

    private static func isoWeek(_ days: Int) -> Int {
        // The week of its Thursday.
        let thursday = days - weekday(days) + 3
        let year = CivilTime.civil(fromDays: thursday).year
        return (thursday - CivilTime.days(year: year, month: 1, day: 1)) / 7 + 1
    }

    private static func ofDate(_ c: FunctionContext, _ operation: @escaping (Int) -> Int) -> FunctionImplementation? {
        switch c.types[0] {
        case .date:
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, .int) { (d: Int32) -> Int32 in Int32(truncatingIfNeeded: operation(Int(d))) }
            }
        case .timestamp, .timestampNTZ:
            return FunctionImplementation { a, n, _ in
                mapUnary(a[0], n, .int) { (t: Int64) -> Int32 in
                    Int32(truncatingIfNeeded: operation(Int(ValueText.floorDivide(t, DateText.microsPerDay).quotient)))
                }
            }
        default: return nil
        }
    }

    private static func ofTime(_ c: FunctionContext, _ operation: @escaping (Int64) -> Int32) -> FunctionImplementation? {
        guard c.types[0].physicalType == .int64 else { return nil }
        return FunctionImplementation { a, n, _ in
            mapUnary(a[0], n, .int) { (t: Int64) -> Int32 in
                operation(ValueText.floorDivide(t, DateText.microsPerDay).remainder / 1_000_000)
            }
        }
    }

    private static func dates(_ operation: @escaping (Int32, Int32) -> Int32?) -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, n, valid in
            try tryMapBinary(
                a[0], a[1], n, .date, valid, zero: Int32.zero,
                failure: { _ in ANSIError.arithmeticOverflow("integer overflow") }) { (d: Int32, x: Int32) -> Int32? in operation(d, x) }
        }
    }

    private static func shifted(_ sign: Int32) -> FunctionImplementation {
        dates { d, x in
            let (sum, overflow) = sign > 0 ? d.addingReportingOverflow(x) : d.subtractingReportingOverflow(x)
            return overflow ? nil : sum
        }
    }

    /// The same day of another month, or that month's last day.
    static func addMonths(_ days: Int32, _ months: Int32) -> Int32? {
        let (year, month, day) = CivilTime.civil(fromDays: Int(days))
        let total = year * 12 + month - 1 + Int(months)
        let newYear = total >= 0 ? total / 12 : (total - 11) / 12
        let newMonth = total - newYear * 12 + 1
        let lastDay = CivilTime.daysInMonth(year: newYear, month: newMonth)
        return Int32(exactly: CivilTime.days(year: newYear, month: newMonth, day: min(day, lastDay)))
    }

    private static func nextDay() -> FunctionImplementation {
        let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
        return FunctionImplementation(canFail: true) { a, n, valid in
            let date = Reader<Int32>(a[0])
            let name = StringReader(a[1])
            return try tryMapRows(n, .date, valid, zero: Int32.zero, failure: nil) { row -> Int32? in
                let text = String(decoding: name[row], as: UTF8.self).uppercased()
                let isName = DatePattern.days.contains { day in
                    let upper = day.uppercased()
                    return text == upper || text == upper.prefix(3) || text == upper.prefix(2)
                }
                guard isName, let wanted = names.firstIndex(of: String(text.prefix(2))) else {
                    throw SparkError(
                        condition: "ILLEGAL_DAY_OF_WEEK", sqlState: "22009", message: "Illegal input for day of week: \(text).")
                }
                let today = weekday(Int(date[row]))
                return date[row] &+ Int32((wanted - today + 6) % 7 + 1)
            }
        }
    }

    private static func monthsBetween() -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let x = Reader<Int64>(a[0])
            let y = Reader<Int64>(a[1])
            let round = a.count > 2 ? Reader<UInt8>(a[2]) : nil
            return try tryMapRows(n, .double, valid, zero: 0.0, failure: nil) { row -> Double? in
                let (d1, t1) = ValueText.floorDivide(x[row], DateText.microsPerDay)
                let (d2, t2) = ValueText.floorDivide(y[row], DateText.microsPerDay)
                let a = CivilTime.civil(fromDays: Int(d1))
                let b = CivilTime.civil(fromDays: Int(d2))
                let months = Double((a.year - b.year) * 12 + a.month - b.month)
                let lastA = a.day == CivilTime.daysInMonth(year: a.year, month: a.month)
                let lastB = b.day == CivilTime.daysInMonth(year: b.year, month: b.month)
                if a.day == b.day || (lastA && lastB) { return months }
                let seconds = Double(a.day - b.day) * 86_400 + Double(t1 / 1_000_000 - t2 / 1_000_000)
                let result = months + seconds / (31 * 86_400)
                if let round, round[row] == 0 { return result }
                return (result * 1e8).rounded() / 1e8
            }
        }
    }

    private static func makeDate() -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, n, valid in
            let year = Reader<Int32>(a[0])
            let month = Reader<Int32>(a[1])
            let day = Reader<Int32>(a[2])
            return try tryMapRows(
                n, .date, valid, zero: Int32.zero,
                failure: { row in
                    SparkError(
                        condition: "DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION", sqlState: "22023",
                        message: "Invalid date '\(year[row])-\(month[row])-\(day[row])'. \(ANSIError.hint)")
                }
            ) { row -> Int32? in
                let (y, m, d) = (Int(year[row]), Int(month[row]), Int(day[row]))
                guard (1...12).contains(m), d >= 1, d <= CivilTime.daysInMonth(year: y, month: m) else { return nil }
                return Int32(exactly: CivilTime.days(year: y, month: m, day: d))
            }
        }
    }

    /// The first day of the unit that holds a day; nil for a unit that dates do not have.
    private static func truncated(_ days: Int, _ unit: String) -> Int? {
        let (year, month, _) = CivilTime.civil(fromDays: days)
        switch unit {
        case "YEAR", "YYYY", "YY": return CivilTime.days(year: year, month: 1, day: 1)
        case "QUARTER": return CivilTime.days(year: year, month: (month - 1) / 3 * 3 + 1, day: 1)
        case "MONTH", "MON", "MM": return CivilTime.days(year: year, month: month, day: 1)
        case "WEEK": return days - weekday(days)
        default: return nil
        }
    }

    private static func truncatedDate() -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let date = Reader<Int32>(a[0])
            let unit = StringReader(a[1])
            return try tryMapRows(n, .date, valid, zero: Int32.zero, failure: nil) { row -> Int32? in
                truncated(Int(date[row]), String(decoding: unit[row], as: UTF8.self).uppercased())
                    .map { Int32(truncatingIfNeeded: $0) }
            }
        }
    }

    private static func truncatedTimestamp() -> FunctionImplementation {
        let cache = PatternCache<String>()
        return FunctionImplementation { a, n, valid in
            let unitText = StringReader(a[0])
            let time = Reader<Int64>(a[1])
            return try tryMapRows(n, a[1].dataType, valid, zero: Int64.zero, failure: nil) { row -> Int64? in
                let unit = try cache.get(unitText[row]) { String(decoding: $0, as: UTF8.self).uppercased() }
                let step: Int64
                switch unit {
                case "MICROSECOND": step = 1
                case "MILLISECOND": step = 1000
                case "SECOND": step = 1_000_000
                case "MINUTE": step = 60_000_000
                case "HOUR": step = 3_600_000_000
                case "DAY", "DD": step = DateText.microsPerDay
                default:
                    let days = Int(ValueText.floorDivide(time[row], DateText.microsPerDay).quotient)
                    return truncated(days, unit).map { Int64($0) &* DateText.microsPerDay }
                }
                return time[row] &- ValueText.floorDivide(time[row], step).remainder
            }
        }
    }

    private static func dateFormat(_ c: FunctionContext) -> FunctionImplementation? {
        let cache = PatternCache<DatePattern>()
        let isDate = c.types[0] == .date
        guard isDate || c.types[0] == .timestamp || c.types[0] == .timestampNTZ else { return nil }
        return FunctionImplementation(canFail: true) { a, n, valid in
            let pattern = StringReader(a[1])
            return try mapToString(n, .string, valid) { row, out in
                var micros = isDate ? Int64(Reader<Int32>(a[0])[row]) : Reader<Int64>(a[0])[row]
                if isDate {
                    let (product, overflow) = micros.multipliedReportingOverflow(by: DateText.microsPerDay)
                    if overflow { throw ANSIError.arithmeticOverflow("long overflow") }
                    micros = product
                }
                try cache.get(pattern[row]) { try DatePattern(String(decoding: $0, as: UTF8.self)) }.format(micros, to: &out)
                return true
            }
        }
    }

    static func unparsable(_ text: String, tryName: String) -> SparkError {
        SparkError(
            condition: "CANNOT_PARSE_TIMESTAMP", sqlState: "22007",
            message: "Text '\(text)' could not be parsed. Use `\(tryName)` to tolerate invalid input string and return NULL instead.")
    }

    /// `to_date` and `to_timestamp`: without a pattern as the cast from string.
    private static func parse(_ c: FunctionContext) throws -> FunctionImplementation? {
        let isTry = c.name.hasPrefix("try_")
        let type: DataType = c.name.hasSuffix("to_date") ? .date : c.resultType
        if c.count == 1 || c.types[0] != .string {
            let cast = try Casts.implementation(from: c.types[0], to: type, mode: isTry ? .try : .ansi)
            return FunctionImplementation(canFail: cast.canFail) { a, n, valid in try cast.evaluate([a[0]], n, valid) }
        }
        let cache = PatternCache<DatePattern>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let pattern = StringReader(a[1])
            let failure: ((Int) -> SparkError)? = isTry ? nil : { row in
                unparsable(String(decoding: text[row], as: UTF8.self), tryName: type == .date ? "try_to_date" : "try_to_timestamp")
            }
            if type == .date {
                return try tryMapRows(n, type, valid, zero: Int32.zero, failure: failure) { row -> Int32? in
                    try cache.get(pattern[row]) { try DatePattern(String(decoding: $0, as: UTF8.self)) }.parse(text[row])
                        .map { Int32(truncatingIfNeeded: ValueText.floorDivide($0, DateText.microsPerDay).quotient) }
                }
            }
            return try tryMapRows(n, type, valid, zero: Int64.zero, failure: failure) { row -> Int64? in
                try cache.get(pattern[row]) { try DatePattern(String(decoding: $0, as: UTF8.self)) }.parse(text[row])
            }
        }
    }

    private static func unixTimestamp(_ c: FunctionContext) throws -> FunctionImplementation? {
        let seconds = divided(1_000_000)
        switch c.types[0] {
        case .timestamp, .timestampNTZ:
            return FunctionImplementation { a, n, valid in try seconds.evaluate([a[0]], n, valid) }
        case .date:
            return FunctionImplementation { a, n, _ in mapUnary(a[0], n, .long) { (d: Int32) -> Int64 in Int64(d) * 86_400 } }
        case .string:
            let cache = PatternCache<DatePattern>()
            return FunctionImplementation(canFail: true) { a, n, valid in
                let text = StringReader(a[0])
                let pattern = a.count > 1 ? StringReader(a[1]) : nil
                return try tryMapRows(
                    n, .long, valid, zero: Int64.zero,
                    failure: { unparsable(String(decoding: text[$0], as: UTF8.self), tryName: "try_to_timestamp") }
                ) { row -> Int64? in
                    let format = try pattern.map { p in try cache.get(p[row]) { try DatePattern(String(decoding: $0, as: UTF8.self)) } }
                        ?? DatePattern("yyyy-MM-dd HH:mm:ss")
                    return format.parse(text[row]).map { ValueText.floorDivide($0, 1_000_000).quotient }
                }
            }
        default: return nil
        }
    }

    private static func fromUnixtime() -> FunctionImplementation {
        let cache = PatternCache<DatePattern>()
        return FunctionImplementation(canFail: true) { a, n, valid in
            let seconds = Reader<Int64>(a[0])
            let pattern = a.count > 1 ? StringReader(a[1]) : nil
            let standard = try DatePattern("yyyy-MM-dd HH:mm:ss")
            return try mapToString(n, .string, valid) { row, out in
                let (micros, overflow) = seconds[row].multipliedReportingOverflow(by: 1_000_000)
                if overflow { throw ANSIError.arithmeticOverflow("long overflow") }
                let format = try pattern.map { p in try cache.get(p[row]) { try DatePattern(String(decoding: $0, as: UTF8.self)) } } ?? standard
                format.format(micros, to: &out)
                return true
            }
        }
    }

    private static func divided(_ unit: Int64) -> FunctionImplementation {
        FunctionImplementation { a, n, _ in
            mapUnary(a[0], n, .long) { (t: Int64) -> Int64 in ValueText.floorDivide(t, unit).quotient }
        }
    }

    private static func multiplied(_ unit: Int64) -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, n, valid in
            try tryMapUnary(a[0], n, .timestamp, valid, zero: Int64.zero, failure: { _ in ANSIError.arithmeticOverflow("long overflow") }) {
                (x: Int64) -> Int64? in
                let (product, overflow) = x.multipliedReportingOverflow(by: unit)
                return overflow ? nil : product
            }
        }
    }
}
