import Support

/// The types of partition keys that conditions know.
enum PartitionType: Sendable, Hashable {
    case integral, decimal, text, date, timestamp

    /// Nil for another type.
    init?(_ name: String) {
        switch name.lowercased().prefix(while: { $0 != "(" }).filter({ $0 != " " }) {
        case "tinyint", "smallint", "int", "integer", "bigint", "long": self = .integral
        case "decimal": self = .decimal
        case "string", "char", "varchar": self = .text
        case "date": self = .date
        case "timestamp": self = .timestamp
        default: return nil
        }
    }

    /// As Glue names it in refusals.
    var title: String {
        switch self {
        case .integral: "Integral"
        case .decimal: "Decimal"
        case .text: "String"
        case .date: "Date"
        case .timestamp: "Timestamp"
        }
    }

    /// - Throws: `.invalidInput` for a text that is not of this type.
    func value(_ text: String) throws(GlueError) -> PartitionValue {
        switch self {
        case .text: return .text(text)
        case .integral:
            guard let decimal = ExactDecimal(text), decimal.isWrittenAsInteger else {
                throw GlueError(.invalidInput, "\"\(text)\" is not an integer.")
            }
            return .number(decimal)
        case .decimal:
            guard let decimal = ExactDecimal(text) else { throw GlueError(.invalidInput, "\(text) is not a decimal.") }
            return .number(decimal)
        case .date:
            guard let date = Timestamp(iso8601: "\(text)T00:00Z"), text.utf8.count == 10 else {
                throw GlueError(.invalidInput, "\(text) is not a date.")
            }
            return .moment(date.millisecondsSince1970, nanoseconds: 0)
        case .timestamp:
            guard let value = Self.timestamp(text) else {
                throw GlueError(
                    .invalidInput,
                    "Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff] \(text) is not a timestamp.")
            }
            return value
        }
    }

    private static func timestamp(_ text: String) -> PartitionValue? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes.count <= 29, bytes[10] == UInt8(ascii: " ") else { return nil }
        let day = String(decoding: bytes[..<10], as: UTF8.self)
        let time = String(decoding: bytes[11..<19], as: UTF8.self)
        guard let whole = Timestamp(iso8601: "\(day)T\(time)Z") else { return nil }
        if bytes.count == 19 { return .moment(whole.millisecondsSince1970, nanoseconds: 0) }
        guard bytes[19] == UInt8(ascii: "."), bytes.count > 20 else { return nil }
        var nanoseconds = 0
        for index in 20..<29 {
            let digit = index < bytes.count ? bytes[index] : UInt8(ascii: "0")
            guard (48...57).contains(digit) else { return nil }
            nanoseconds = nanoseconds * 10 + Int(digit - 48)
        }
        return .moment(whole.millisecondsSince1970, nanoseconds: nanoseconds)
    }
}

enum PartitionValue: Sendable, Hashable {
    case text(String)
    case number(ExactDecimal)
    case moment(Int64, nanoseconds: Int)

    func isEqual(_ other: PartitionValue) -> Bool {
        switch (self, other) {
        case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
        case (.number(let a), .number(let b)): a.compare(b) == 0
        case (.moment(let a, let x), .moment(let b, let y)): a == b && x == y
        default: false
        }
    }

    func isLess(_ other: PartitionValue) -> Bool {
        switch (self, other) {
        case (.text(let a), .text(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
        case (.number(let a), .number(let b)): a.compare(b) < 0
        case (.moment(let a, let x), .moment(let b, let y)): (a, x) < (b, y)
        default: false
        }
    }
}

/// A decimal number of any length, compared exactly.
struct ExactDecimal: Sendable, Hashable {
    private var isNegative: Bool
    /// Without zeros at either end; empty for zero.
    private var digits: [UInt8]
    /// The number is 0.d1d2d3... times ten to this power.
    private var exponent: Int
    let isWrittenAsInteger: Bool

    /// Reads `[+-]digits[.digits][e[+-]digits]`, the exponent at most six digits.
    init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        var power = 0
        var hasExponent = false
        if let e = bytes.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
            let written = bytes[(e + 1)...]
            guard written.count <= 7, let value = Int(String(decoding: written, as: UTF8.self)) else { return nil }
            power = value
            hasExponent = true
            bytes = bytes[..<e]
        }
        let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !bytes.isEmpty, bytes.count > parts.count - 1,
            parts.allSatisfy({ $0.allSatisfy { (48...57).contains($0) } })
        else { return nil }
        isWrittenAsInteger = parts.count == 1 && !hasExponent
        var all = Array(whole) + (parts.count == 2 ? Array(parts[1]) : [])
        exponent = whole.count + power
        while all.first == 48 {
            all.removeFirst()
            exponent -= 1
        }
        while all.last == 48 { all.removeLast() }
        digits = all
        if digits.isEmpty { (isNegative, exponent) = (false, 0) }
    }

    /// Negative when less, 0 when equal, positive when greater.
    func compare(_ other: ExactDecimal) -> Int {
        if isNegative != other.isNegative { return isNegative ? -1 : 1 }
        let sign = isNegative ? -1 : 1
        if digits.isEmpty || other.digits.isEmpty {
            return digits.isEmpty ? (other.digits.isEmpty ? 0 : -1) * (other.isNegative ? -1 : 1) : sign
        }
        if exponent != other.exponent { return exponent < other.exponent ? -sign : sign }
        if digits == other.digits { return 0 }
        return digits.lexicographicallyPrecedes(other.digits) ? -sign : sign
    }
}
