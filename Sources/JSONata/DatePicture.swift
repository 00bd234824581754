import Support

/// How `$fromMillis` and `$toMillis` write a moment, such as `[D01]/[M01]/[Y0001] [H01]:[m01]`.
/// - Source: XPath and XQuery Functions and Operators 3.1, section 9.8.
struct DatePicture {
    struct Marker {
        enum Names { case upper, lower, title }

        var component: Character
        var names: Names?
        var integer: IntegerPicture?
        var widthMax: Int?
        /// `t`: a time zone of zero is `Z`.
        var isTraditional = false
        /// Digits of a year, a month or a day; -1 for all, nil for other components.
        var digits: Int?
    }

    enum Part {
        case literal(String)
        case marker(Marker)
    }

    private(set) var parts: [Part] = []

    static let integerComponents: Set<Character> = ["Y", "M", "D", "d", "F", "W", "w", "X", "x", "H", "h", "m", "s"]
    private static let defaults: [Character: String] = [
        "Y": "1", "M": "1", "D": "1", "d": "1", "F": "n", "W": "1", "w": "1", "X": "1", "x": "1", "H": "1", "h": "1",
        "P": "n", "m": "01", "s": "01", "f": "1", "Z": "01:01", "z": "01:01", "C": "n", "E": "n",
    ]

    init(_ picture: String) throws(Failure) {
        let scalars = Array(picture)
        var literal = ""
        var at = 0
        func flush() {
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = ""
        }
        while at < scalars.count {
            if scalars[at] == "[" {
                if at + 1 < scalars.count, scalars[at + 1] == "[" {
                    literal.append("[")
                    at += 2
                    continue
                }
                guard let end = scalars[at...].firstIndex(of: "]") else { throw Failure("D3135") }
                flush()
                parts.append(.marker(try Self.marker(scalars[(at + 1)..<end].filter { !$0.isWhitespace })))
                at = end + 1
            } else if scalars[at] == "]", at + 1 < scalars.count, scalars[at + 1] == "]" {
                literal.append("]")
                at += 2
            } else {
                literal.append(scalars[at])
                at += 1
            }
        }
        flush()
    }

    private static func marker(_ text: [Character]) throws(Failure) -> Marker {
        let component = text.first ?? " "
        var presentation = Array(text.dropFirst())
        var widthMin: Int?
        var widthMax: Int?
        if let comma = presentation.lastIndex(of: ",") {
            let width = String(presentation[(comma + 1)...]).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            // Wider than any component can be is as wide as it gets.
            func number(_ text: Substring?) -> Int? { text.flatMap { Int($0) }.map { min(max(0, $0), 100) } }
            widthMin = number(width.first)
            widthMax = width.count > 1 ? number(width[1]) : nil
            presentation = Array(presentation[..<comma])
        }
        var modifier: Character?
        if presentation.count > 1, let last = presentation.last, "atco".contains(last) {
            modifier = last
            presentation.removeLast()
        }
        var first = String(presentation)
        if presentation.isEmpty {
            guard let standard = defaults[component] else {
                throw Failure("D3132", value: .string(String(text.prefix(1))))
            }
            first = standard
        }
        var marker = Marker(component: component, widthMax: widthMax, isTraditional: modifier == "t")
        if first.hasPrefix("n") {
            marker.names = .lower
        } else if first.hasPrefix("N") {
            marker.names = first.dropFirst().first == "n" ? .title : .upper
        } else if integerComponents.contains(component) || component == "f" {
            var integer = try IntegerPicture(first + (modifier.map { ";\($0)" } ?? ""))
            if let widthMin { integer.mandatoryDigits = max(integer.mandatoryDigits, widthMin) }
            if "YMD".contains(component) {
                marker.digits = -1
                if let widthMax {
                    marker.digits = widthMax
                    integer.mandatoryDigits = widthMax
                } else if integer.mandatoryDigits + integer.optionalDigits >= 2 {
                    marker.digits = integer.mandatoryDigits + integer.optionalDigits
                }
            }
            marker.integer = integer
        }
        if component == "Z" || component == "z" { marker.integer = try IntegerPicture(first) }
        return marker
    }

    // MARK: - Writing

    private static let iso = Result { () throws(Failure) in
        try DatePicture("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]")
    }

    /// - Parameters:
    ///   - given: nil for ISO 8601.
    ///   - zone: such as `+0530`; nil for UTC.
    static func format(_ milliseconds: Double, picture given: DatePicture?, zone: String?) throws(Failure) -> String {
        var hours = 0, minutes = 0
        if let zone {
            let offset = NumberText.parseInt(zone)
            guard abs(offset) < 1e6 else { throw Failure("D3134", value: .string(zone)) }
            // As jsonata-js has it, hours are rounded down and minutes towards zero.
            hours = Int((offset / 100).rounded(.down))
            minutes = Int(offset) % 100
        }
        let moment = (milliseconds + Double((60 * hours + minutes) * 60_000)).rounded(.towardZero)
        guard abs(moment) <= 8.64e15 else { throw Failure("D1001", value: .number(milliseconds)) }
        let date = DateFields(milliseconds: Int(moment))
        var text = ""
        let picture = if let given { given } else { try iso.get() }
        for part in picture.parts {
            switch part {
            case .literal(let literal): text += literal
            case .marker(let marker): text += try Self.text(marker, date, hours: hours, minutes: minutes)
            }
        }
        return text
    }

    private static func text(
        _ marker: Marker, _ date: DateFields, hours: Int, minutes: Int
    ) throws(Failure) -> String {
        switch marker.component {
        case "f": return try number(date.millisecond, marker)
        case "Z", "z": return try zone(marker, hours: hours, minutes: minutes)
        case "P":
            let text = date.hour >= 12 ? "pm" : "am"
            return marker.names == .upper ? text.uppercased() : text
        case "C", "E": return "ISO"
        default: break
        }
        guard var value = date.value(marker.component) else {
            throw Failure("D3132", value: .string(String(marker.component)))
        }
        guard let names = marker.names else {
            if marker.component == "Y", let digits = marker.digits, digits >= 0, digits < 15 {
                value %= (0..<digits).reduce(1) { power, _ in power * 10 }
            }
            return try number(value, marker)
        }
        var name: String
        switch marker.component {
        case "M", "x": name = DateFields.months[value - 1]
        case "F": name = DateFields.days[value - 1]
        default: throw Failure("D3133", value: .string(String(marker.component)))
        }
        if names == .upper { name = name.uppercased() }
        if names == .lower { name = name.lowercased() }
        if let widthMax = marker.widthMax { name = String(name.prefix(widthMax)) }
        return name
    }

    private static func number(_ value: Int, _ marker: Marker) throws(Failure) -> String {
        guard let integer = marker.integer else { return String(value) }
        return try integer.format(Double(value))
    }

    private static func zone(_ marker: Marker, hours: Int, minutes: Int) throws(Failure) -> String {
        guard let integer = marker.integer else { return "" }
        let offset = hours * 100 + minutes
        var text: String
        if integer.interval > 0 {
            text = try integer.format(Double(offset))
        } else {
            switch integer.mandatoryDigits {
            case 1, 2:
                text = try integer.format(Double(hours))
                if minutes != 0 { text += ":" + (try IntegerPicture("00").format(Double(minutes))) }
            case 3, 4: text = try integer.format(Double(offset))
            default: throw Failure("D3134", value: .number(Double(integer.mandatoryDigits)))
            }
        }
        if offset >= 0 { text = "+" + text }
        if marker.component == "z" { text = "GMT" + text }
        return offset == 0 && marker.isTraditional ? "Z" : text
    }
}

/// A moment in UTC, cut into what pictures name.
struct DateFields {
    let days: Int
    let civil: CivilTime

    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    init(milliseconds: Int) {
        civil = CivilTime(Timestamp(millisecondsSince1970: Int64(milliseconds)))
        days = CivilTime.days(year: civil.year, month: civil.month, day: civil.day)
    }

    var hour: Int { civil.hour }
    var millisecond: Int { civil.millisecond }

    /// Nil for a component that is no number.
    func value(_ component: Character) -> Int? {
        switch component {
        case "Y": return civil.year
        case "M": return civil.month
        case "D": return civil.day
        case "d": return days - Self.days(civil.year, 1) + 1
        case "F": return Self.weekday(days)
        case "W":
            return week(
                Self.firstWeek(civil.year, 1), next: Self.firstWeek(civil.year + 1, 1),
                previous: Self.firstWeek(civil.year - 1, 1), most: 52)
        case "w":
            let next = Self.month(after: civil), previous = Self.month(before: civil)
            return week(
                Self.firstWeek(civil.year, civil.month), next: Self.firstWeek(next.year, next.month),
                previous: Self.firstWeek(previous.year, previous.month), most: 4)
        case "X":
            if days < Self.firstWeek(civil.year, 1) { return civil.year - 1 }
            return days >= Self.firstWeek(civil.year + 1, 1) ? civil.year + 1 : civil.year
        case "x":
            let next = Self.month(after: civil)
            if days < Self.firstWeek(civil.year, civil.month) { return Self.month(before: civil).month }
            return days >= Self.firstWeek(next.year, next.month) ? next.month : civil.month
        case "H": return civil.hour
        case "h": return civil.hour % 12 == 0 ? 12 : civil.hour % 12
        case "m": return civil.minute
        case "s": return civil.second
        case "f": return civil.millisecond
        default: return nil
        }
    }

    private func week(_ first: Int, next: Int, previous: Int, most: Int) -> Int {
        if days < first { return (days - previous) / 7 + 1 }
        let week = (days - first) / 7 + 1
        return week > most && days >= next ? 1 : week
    }

    /// Monday is 1.
    private static func weekday(_ days: Int) -> Int { ((days + 3) % 7 + 7) % 7 + 1 }

    private static func days(_ year: Int, _ month: Int) -> Int { CivilTime.days(year: year, month: month, day: 1) }

    /// The day on which the week begins that holds the first Thursday of the year or month.
    private static func firstWeek(_ year: Int, _ month: Int) -> Int {
        let first = days(year, month)
        let weekday = weekday(first)
        return weekday > 4 ? first + 8 - weekday : first - (weekday - 1)
    }

    private static func month(after civil: CivilTime) -> (year: Int, month: Int) {
        civil.month == 12 ? (civil.year + 1, 1) : (civil.year, civil.month + 1)
    }

    private static func month(before civil: CivilTime) -> (year: Int, month: Int) {
        civil.month == 1 ? (civil.year - 1, 12) : (civil.year, civil.month - 1)
    }
}

extension Builtins {
    static func fromMillis(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let milliseconds = a[0].number else { return .undefined }
        return .string(try text(e, milliseconds, a[1], a[2]))
    }

    static func now(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        .string(try text(e, Double(e.now.millisecondsSince1970), a[0], a[1]))
    }

    private static func text(
        _ e: Evaluator, _ milliseconds: Double, _ picture: Value, _ zone: Value
    ) throws(Failure) -> String {
        var parsed: DatePicture?
        if let picture = picture.string { parsed = try e.datePicture(picture) }
        return try DatePicture.format(milliseconds, picture: parsed, zone: zone.string)
    }

    static func millis(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        .number(Double(e.now.millisecondsSince1970))
    }

    static func toMillis(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        guard let picture = a[1].string else { return .number(try DateText.parse(text)) }
        try e.charge(64 * picture.utf8.count)
        return try DatePicture(picture).parse(text, e).map { .number($0) } ?? .undefined
    }
}
