import Support

/// A pattern of Spark's `date_format`, `to_date` and `to_timestamp`: letters `y M d H h k K m s S a E D Q` (others are
/// refused by name), text in single quotes, `[` `]` around optional parts when parsing.
package struct DatePattern: Sendable {
    private enum Element: Sendable {
        case letter(UInt8, width: Int)
        case text([UInt8])
        case optionalStart, optionalEnd
    }

    private var elements: [Element] = []
    package static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    package static let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    package init(_ pattern: String) throws {
        let bytes = Array(pattern.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x41...0x5A, 0x61...0x7A:
                var end = index
                while end < bytes.count, bytes[end] == byte { end += 1 }
                guard "yuMLdHhkKmsSaEDQXxzVZ".utf8.contains(byte) else { throw Self.refused(pattern, byte) }
                elements.append(.letter(byte, width: end - index))
                index = end
            case 39:
                var text: [UInt8] = []
                index += 1
                if index < bytes.count, bytes[index] == 39 {
                    text = [39]
                } else {
                    while index < bytes.count, bytes[index] != 39 {
                        text.append(bytes[index])
                        index += 1
                    }
                }
                index += 1
                elements.append(.text(text))
            case 0x5B:
                elements.append(.optionalStart)
                index += 1
            case 0x5D:
                elements.append(.optionalEnd)
                index += 1
            default:
                elements.append(.text([byte]))
                index += 1
            }
        }
    }

    private static func refused(_ pattern: String, _ letter: UInt8) -> SparkError {
        SparkError(
            condition: "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER", sqlState: "22007",
            message: "Unrecognized datetime pattern: '\(pattern)'. Illegal pattern character: "
                + "'\(String(decoding: [letter], as: UTF8.self))'.")
    }

    package func format(_ micros: Int64, to out: inout [UInt8]) {
        let (days, rest) = ValueText.floorDivide(micros, DateText.microsPerDay)
        let (year, month, day) = CivilTime.civil(fromDays: Int(days))
        let seconds = rest / 1_000_000
        let hour = seconds / 3600
        func number(_ value: Int64, _ width: Int) { ValueText.appendDigits(UInt64(max(0, value)), width: width, to: &out) }
        for element in elements {
            switch element {
            case .text(let text): out.append(contentsOf: text)
            case .optionalStart, .optionalEnd: continue
            case .letter(let letter, let width):
                switch letter {
                case 0x79, 0x75:
                    if width == 2 { number(Int64(abs(year) % 100), 2) } else {
                        if year < 0 { out.append(45) } else if year > 9999, width >= 4 { out.append(43) }
                        number(Int64(abs(year)), width)
                    }
                case 0x4D, 0x4C:
                    if width <= 2 { number(Int64(month), width) } else {
                        let name = Self.months[month - 1]
                        out.append(contentsOf: (width == 3 ? String(name.prefix(3)) : name).utf8)
                    }
                case 0x64: number(Int64(day), width)
                case 0x44: number(Int64(Int(days) - CivilTime.days(year: year, month: 1, day: 1) + 1), width)
                case 0x51: number(Int64((month + 2) / 3), width)
                case 0x48: number(hour, width)
                case 0x68: number((hour + 11) % 12 + 1, width)
                case 0x6B: number(hour == 0 ? 24 : hour, width)
                case 0x4B: number(hour % 12, width)
                case 0x6D: number(seconds / 60 % 60, width)
                case 0x73: number(seconds % 60, width)
                case 0x53:
                    var digits: [UInt8] = []
                    ValueText.appendDigits(UInt64(rest % 1_000_000), width: 6, to: &digits)
                    out.append(contentsOf: digits.prefix(width))
                    if width > 6 { out.append(contentsOf: repeatElement(48, count: min(width, 9) - 6)) }
                case 0x61: out.append(contentsOf: (hour < 12 ? "AM" : "PM").utf8)
                case 0x45:
                    let name = Self.days[Int(((days % 7) + 10) % 7)]
                    out.append(contentsOf: (width <= 3 ? String(name.prefix(3)) : name).utf8)
                case 0x58: out.append(90)
                case 0x78: out.append(contentsOf: (width >= 3 ? "+00:00" : width == 2 ? "+0000" : "+00").utf8)
                case 0x5A: out.append(contentsOf: "+0000".utf8)
                default: out.append(contentsOf: "UTC".utf8)
                }
            }
        }
    }

    /// Microseconds since 1970 in UTC; nil when the text has another form or names no moment.
    package func parse(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        var year = 1970, month = 1, day = 1, hour: Int?, half: Int?, hour12: Int?, minute = 0, second = 0, micros = 0
        var offset = 0
        var dayOfYear: Int?
        var position = 0
        var optionalDepth = 0
        func number(_ least: Int, _ most: Int) -> Int? {
            var value = 0
            var digits = 0
            while position < text.count, digits < most, text[position] &- 48 <= 9 {
                value = value * 10 + Int(text[position] - 48)
                digits += 1
                position += 1
            }
            return digits >= least ? value : nil
        }
        func name(_ names: [String], short: Bool) -> Int? {
            for (index, full) in names.enumerated() {
                let wanted = short ? Array(full.utf8.prefix(3)) : Array(full.utf8)
                guard text.count - position >= wanted.count else { continue }
                if zip(text[position...], wanted).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) {
                    position += wanted.count
                    return index
                }
            }
            return nil
        }
        var index = 0
        while index < elements.count {
            switch elements[index] {
            case .optionalStart:
                optionalDepth += 1
                if position == text.count {
                    // Nothing left: the optional part is absent.
                    var depth = 1
                    while depth > 0, index + 1 < elements.count {
                        index += 1
                        if case .optionalStart = elements[index] { depth += 1 }
                        if case .optionalEnd = elements[index] { depth -= 1 }
                    }
                }
            case .optionalEnd: optionalDepth -= 1
            case .text(let bytes):
                guard text.count - position >= bytes.count, text[position..<(position + bytes.count)].elementsEqual(bytes)
                else { return nil }
                position += bytes.count
            case .letter(let letter, let width):
                var most = width
                // A single letter takes any width; so do letters not followed by another number.
                if width == 1 { most = letter == 0x53 ? 1 : 9 }
                switch letter {
                case 0x79, 0x75:
                    var negative = false
                    if position < text.count, text[position] == 45 { negative = true; position += 1 }
                    guard let value = number(width == 2 ? 2 : min(width, 4), width == 2 ? 2 : max(most, width == 1 ? 7 : width)) else { return nil }
                    year = width == 2 ? 2000 + value : negative ? -value : value
                case 0x4D, 0x4C:
                    if width >= 3 {
                        guard let value = name(Self.months, short: width == 3) else { return nil }
                        month = value + 1
                    } else {
                        guard let value = number(width, max(most, 2) == 9 ? 2 : max(most, 2)) else { return nil }
                        month = value
                    }
                case 0x64:
                    guard let value = number(width, 2) else { return nil }
                    day = value
                case 0x44:
                    guard let value = number(width, 3) else { return nil }
                    dayOfYear = value
                case 0x48, 0x6B:
                    guard let value = number(width, 2) else { return nil }
                    hour = letter == 0x6B ? value % 24 : value
                case 0x68, 0x4B:
                    guard let value = number(width, 2) else { return nil }
                    hour12 = value % 12
                case 0x6D:
                    guard let value = number(width, 2) else { return nil }
                    minute = value
                case 0x73:
                    guard let value = number(width, 2) else { return nil }
                    second = value
                case 0x53:
                    let start = position
                    guard var value = number(1, width) else { return nil }
                    var digits = position - start
                    while digits > 6 { value /= 10; digits -= 1 }
                    while digits < 6 { value *= 10; digits += 1 }
                    micros = value
                case 0x61:
                    guard let value = name(["AM", "PM"], short: false) else { return nil }
                    half = value
                case 0x45:
                    guard name(Self.days, short: width <= 3) != nil else { return nil }
                case 0x51: guard number(width, 2) != nil else { return nil }
                default:
                    let rest = UnsafeBufferPointer(rebasing: text[position...])
                    guard let seconds = DateText.zoneOffset(rest) else { return nil }
                    offset = seconds
                    position = text.count
                }
            }
            index += 1
        }
        guard position == text.count, (1...12).contains(month), minute < 60, second < 60 else { return nil }
        let hours = hour ?? ((hour12 ?? 0) + (half ?? 0) * 12)
        guard hours < 24, day >= 1, day <= CivilTime.daysInMonth(year: year, month: month) else { return nil }
        var days = CivilTime.days(year: year, month: month, day: day)
        if let dayOfYear {
            guard (1...366).contains(dayOfYear) else { return nil }
            days = CivilTime.days(year: year, month: 1, day: 1) + dayOfYear - 1
        }
        let total = Int64(days).multipliedReportingOverflow(by: DateText.microsPerDay)
        guard !total.overflow else { return nil }
        let inDay = Int64(hours * 3600 + minute * 60 + second - offset) * 1_000_000 + Int64(micros)
        let sum = total.partialValue.addingReportingOverflow(inDay)
        return sum.overflow ? nil : sum.partialValue
    }
}
