import ArgumentParser
import JSONModel
import Support

#if canImport(Glibc)
import Glibc
#endif

/// A moment as `2026-11-21 14:42:31` of the local time zone.
func time(_ moment: Timestamp) -> String {
    var seconds = time_t(moment.millisecondsSince1970 / 1000)
    var parts = tm()
    guard localtime_r(&seconds, &parts) != nil else { return moment.iso8601 }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let day = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
}

/// A moment from an answer of Step Functions or Glue: seconds since 1970; `-` for none.
func time(_ value: JSONValue?) -> String {
    value?.double.map { time(Timestamp(secondsSince1970: $0)) } ?? "-"
}

func duration(milliseconds: Int64) -> String {
    switch milliseconds {
    case ..<1000: "\(milliseconds) ms"
    case ..<60_000: "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    case ..<3_600_000: "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s"
    case ..<86_400_000: "\(milliseconds / 3_600_000) h \(milliseconds / 60_000 % 60) min"
    default: "\(milliseconds / 86_400_000) d \(milliseconds / 3_600_000 % 24) h"
    }
}

/// From `start` to `end`, or to now; both in seconds. `-` without a start.
func duration(from start: JSONValue?, to end: JSONValue?) -> String {
    guard let start = start?.double else { return "-" }
    let end = end?.double.map { Timestamp(secondsSince1970: $0) } ?? SystemWallClock().now()
    return duration(milliseconds: max(0, end.milliseconds(since: Timestamp(secondsSince1970: start))))
}

/// `1,234,567`.
func grouped(_ number: Int64) -> String {
    let digits = String(number.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { result += "," }
        result.append(digit)
    }
    return number < 0 ? "-" + result : result
}

func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(grouped(Int64(number))) \(number == 1 ? one : many ?? one + "s")"
}

func bytes(_ count: Int64) -> String {
    guard count >= 1024 else { return "\(count) bytes" }
    var value = Double(count)
    var unit = 0
    while value >= 1024, unit < 4 {
        value /= 1024
        unit += 1
    }
    let tenths = Int64((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(["KiB", "MiB", "GiB", "TiB"][unit - 1])"
}

/// A length of time on the command line: `90`, `90s`, `500ms`, `5m`, `1h30m`, `2d`.
struct DurationArgument: ExpressibleByArgument, Sendable {
    let milliseconds: Int64

    init?(argument: String) {
        let units: [String: Int64] = ["ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000]
        var total: Int64 = 0
        var rest = argument[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let number = Int64(digits), let factor = unit.isEmpty && rest.isEmpty ? 1000 : units[String(unit)] else {
                return nil
            }
            let (product, overflow) = number.multipliedReportingOverflow(by: factor)
            let (sum, carry) = total.addingReportingOverflow(product)
            guard !overflow, !carry else { return nil }
            total = sum
        }
        milliseconds = total
    }
}
