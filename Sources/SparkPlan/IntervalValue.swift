package import Columnar

/// An interval being read: months and microseconds, kept apart as Spark's two interval types are.
package struct IntervalValue {
    var months: Int64 = 0
    var micros: Int64 = 0
    var sawMonths = false
    var sawMicros = false
    var overflowed = false

    package init() {}

    package enum Unit { case months(Int64), micros(Int64) }

    package static func unit(_ word: String) -> Unit? {
        var name = word.uppercased()
        if name.hasSuffix("S") { name.removeLast() }
        switch name {
        case "YEAR": return .months(12)
        case "QUARTER": return .months(3)
        case "MONTH": return .months(1)
        case "WEEK": return .micros(7 * 86_400_000_000)
        case "DAY": return .micros(86_400_000_000)
        case "HOUR": return .micros(3_600_000_000)
        case "MINUTE": return .micros(60_000_000)
        case "SECOND": return .micros(1_000_000)
        case "MILLISECOND": return .micros(1000)
        case "MICROSECOND": return .micros(1)
        default: return nil
        }
    }

    /// Adds `value` units; false when it is no number of that unit.
    package mutating func add(_ value: String, unit word: String) -> Bool {
        guard let unit = Self.unit(word), let (unscaled, scale) = parseDecimal(value.trimmedBlanks), scale <= 9 else {
            return false
        }
        var divisor: Int128 = 1
        for _ in 0..<scale { divisor *= 10 }
        switch unit {
        case .months(let size):
            guard scale == 0, let count = Int64(exactly: unscaled) else { return false }
            sawMonths = true
            let (product, o1) = count.multipliedReportingOverflow(by: size)
            let (sum, o2) = months.addingReportingOverflow(product)
            months = sum
            return !o1 && !o2
        case .micros(let size):
            guard scale == 0 || size <= 1_000_000 else { return false }
            sawMicros = true
            let (product, o1) = unscaled.multipliedReportingOverflow(by: Int128(size))
            guard !o1, let whole = Int64(exactly: product / divisor) else { return false }
            let (sum, o2) = micros.addingReportingOverflow(whole)
            micros = sum
            return !o2
        }
    }

    /// `3 days 2 hours`, with an optional leading `interval`.
    package mutating func addPhrase(_ text: String) -> Bool {
        var words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" }).map(String.init)
        if words.first?.lowercased() == "interval" { words.removeFirst() }
        guard !words.isEmpty, words.count.isMultiple(of: 2) else { return false }
        for index in stride(from: 0, to: words.count, by: 2) where !add(words[index], unit: words[index + 1]) {
            return false
        }
        return true
    }

    /// `'1-2' YEAR TO MONTH`, `'1 02:03:04.5' DAY TO SECOND` and their parts.
    package mutating func addRange(_ text: String, from first: String, to last: String) -> Bool {
        var body = text.trimmedBlanks
        var negative = ""
        if body.hasPrefix("-") {
            negative = "-"
            body.removeFirst()
        } else if body.hasPrefix("+") {
            body.removeFirst()
        }
        if first == "YEAR", last == "MONTH" {
            let parts = body.split(separator: "-").map(String.init)
            return parts.count == 2 && add(negative + parts[0], unit: "YEAR") && add(negative + parts[1], unit: "MONTH")
        }
        let units = ["DAY", "HOUR", "MINUTE", "SECOND"]
        guard let from = units.firstIndex(of: first), let to = units.firstIndex(of: last), from < to else { return false }
        let parts = body.split(whereSeparator: { $0 == " " || $0 == ":" }).map(String.init)
        guard parts.count == to - from + 1 else { return false }
        for (part, unit) in zip(parts, units[from...to]) where !add(negative + part, unit: unit) { return false }
        return true
    }

    /// Nil when both months and microseconds were given, or the value does not fit.
    package func literal(sign: Int) -> (Scalar, DataType)? {
        guard !(sawMonths && sawMicros) else { return nil }
        if sawMonths {
            guard let value = Int32(exactly: months), value != .min else { return nil }
            return (.int32(sign < 0 ? -value : value), .yearMonthInterval)
        }
        guard micros != .min else { return nil }
        return (.int64(sign < 0 ? -micros : micros), .dayTimeInterval)
    }
}
