#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How `$formatInteger` and the components of dates write a whole number, such as `#,##0`, `I`, `Ww;o`.
/// - Source: XPath and XQuery Functions and Operators 3.1, section 4.6.
struct IntegerPicture {
    enum Primary { case decimal, letters, roman, words, sequence }
    enum Case { case upper, lower, title }

    var primary = Primary.decimal
    var letterCase = Case.lower
    var isOrdinal = false
    var zero: UInt32 = 0x30
    var mandatoryDigits = 0
    var optionalDigits = 0
    /// Counted from the right.
    var separators: [(position: Int, character: Unicode.Scalar)] = []
    /// The distance of equal separators at equal distances; 0 for others.
    var interval = 0
    /// Most digits of a date's component; 0 for any.
    var widthMax = 0
    private var token = ""

    private static let zeros: [UInt32] = [
        0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
        0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
        0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    ]

    init(_ picture: String) throws(Failure) {
        var format = picture
        if let semicolon = picture.lastIndex(of: ";") {
            format = String(picture[..<semicolon])
            isOrdinal = picture[semicolon...].dropFirst().first == "o"
        }
        switch format {
        case "A": (primary, letterCase) = (.letters, .upper)
        case "a": primary = .letters
        case "I": (primary, letterCase) = (.roman, .upper)
        case "i": primary = .roman
        case "W": (primary, letterCase) = (.words, .upper)
        case "Ww": (primary, letterCase) = (.words, .title)
        case "w": primary = .words
        default: try readDigits(format)
        }
    }

    private mutating func readDigits(_ format: String) throws(Failure) {
        var family: UInt32?
        var position = 0
        for scalar in format.unicodeScalars.reversed() {
            if let zero = Self.zeros.first(where: { scalar.value >= $0 && scalar.value <= $0 + 9 }) {
                mandatoryDigits += 1
                position += 1
                if family ?? zero != zero { throw Failure("D3131") }
                family = zero
            } else if scalar == "#" {
                optionalDigits += 1
                position += 1
            } else {
                separators.append((position, scalar))
            }
        }
        guard let family else {
            primary = .sequence
            token = format
            return
        }
        zero = family
        interval = Self.interval(separators)
    }

    private static func interval(_ separators: [(position: Int, character: Unicode.Scalar)]) -> Int {
        guard let first = separators.first, separators.allSatisfy({ $0.character == first.character }) else { return 0 }
        let positions = separators.map(\.position)
        let factor = positions.dropFirst().reduce(first.position) { greatestCommonDivisor($0, $1) }
        for index in 1...positions.count where !positions.contains(index * factor) { return 0 }
        return factor
    }

    static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }

    // MARK: - Writing

    /// - Parameter value: whole.
    func format(_ value: Double) throws(Failure) -> String {
        guard value.isFinite else { throw Failure("D1001", value: .number(value)) }
        let magnitude = abs(value)
        var text: String
        switch primary {
        case .letters: text = Self.letters(magnitude, from: letterCase == .upper ? 65 : 97)
        case .roman:
            text = try Self.roman(magnitude)
            if letterCase == .upper { text = text.uppercased() }
        case .words:
            text = NumberWords.text(magnitude, isOrdinal: isOrdinal)
            if letterCase == .upper { text = text.uppercased() }
            if letterCase == .lower { text = text.lowercased() }
        case .decimal: text = decimal(magnitude)
        case .sequence: throw Failure("D3130", value: .string(token))
        }
        return value < 0 ? "-" + text : text
    }

    private func decimal(_ magnitude: Double) -> String {
        var digits = Array(NumberText.javaScript(magnitude).unicodeScalars)
        if mandatoryDigits > digits.count {
            digits.insert(contentsOf: repeatElement("0", count: mandatoryDigits - digits.count), at: 0)
        }
        if zero != 0x30 {
            digits = digits.map { Unicode.Scalar($0.value &+ zero &- 0x30) ?? $0 }
        }
        if interval > 0, let separator = separators.first?.character {
            let count = (digits.count - 1) / interval
            for index in stride(from: count, to: 0, by: -1) {
                digits.insert(separator, at: digits.count - index * interval)
            }
        } else {
            for separator in separators.reversed() {
                let place = digits.count - separator.position
                if place >= 0 {
                    digits.insert(separator.character, at: place)
                } else {
                    // As jsonata-js does it: what lies further left than the digits keeps only the last of them.
                    digits = [separator.character] + digits.suffix(-place)
                }
            }
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: digits)
        guard isOrdinal else { return String(text) }
        let isTeen = digits.count > 1 && digits[digits.count - 2] == "1"
        let suffix: String
        switch digits.last {
        case "1" where !isTeen: suffix = "st"
        case "2" where !isTeen: suffix = "nd"
        case "3" where !isTeen: suffix = "rd"
        default: suffix = "th"
        }
        return String(text) + suffix
    }

    private static func letters(_ value: Double, from first: UInt8) -> String {
        var rest = value
        var letters: [UInt8] = []
        while rest > 0 {
            letters.append(UInt8(fmod(rest - 1, 26)) + first)
            rest = ((rest - 1) / 26).rounded(.down)
        }
        return String(decoding: letters.reversed(), as: UTF8.self)
    }

    private static let numerals: [(Int, String)] = [
        (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
        (5, "v"), (4, "iv"), (1, "i"),
    ]

    private static func roman(_ value: Double) throws(Failure) -> String {
        guard value < 1e7 else { throw .memory }
        var rest = Int(value)
        var text = String(repeating: "m", count: rest / 1000)
        rest %= 1000
        for (number, numeral) in numerals {
            while rest >= number {
                text += numeral
                rest -= number
            }
        }
        return text
    }

    // MARK: - Reading

    /// The number in `text`; NaN for what is none.
    func parse(_ text: String) throws(Failure) -> Double {
        switch primary {
        case .letters:
            let first: Double = letterCase == .upper ? 65 : 97
            var value = 0.0
            for (power, unit) in text.utf16.reversed().enumerated() {
                value += (Double(unit) - first + 1) * pow(26, Double(power))
            }
            return value
        case .roman:
            var value = 0.0
            var most = 1.0
            for letter in (letterCase == .upper ? text : text.uppercased()).reversed() {
                guard let number = Self.romanValues[letter] else { return .nan }
                if number < most {
                    value -= number
                } else {
                    most = number
                    value += number
                }
            }
            return value
        case .words: return NumberWords.value(text.lowercased())
        case .decimal: return decimal(text)
        case .sequence: throw Failure("D3130", value: .string(token))
        }
    }

    private static let romanValues: [Character: Double] = [
        "M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1,
    ]

    private func decimal(_ text: String) -> Double {
        var scalars = Array(text.unicodeScalars)
        if isOrdinal { scalars.removeLast(min(2, scalars.count)) }
        let removed = interval > 0 ? [","] : separators.map(\.character)
        var digits = ""
        for scalar in scalars where !removed.contains(scalar) {
            digits.unicodeScalars.append(Unicode.Scalar(scalar.value &- zero &+ 0x30) ?? scalar)
        }
        return NumberText.parseInt(digits)
    }

    /// A regular expression of what `parse` reads in a date.
    var pattern: String {
        let isUpper = letterCase == .upper
        switch primary {
        case .letters: return isUpper ? "[A-Z]+" : "[a-z]+"
        case .roman: return isUpper ? "[MDCLXVI]+" : "[mdclxvi]+"
        case .words: return NumberWords.pattern
        default:
            var count = "+"
            if widthMax > 0 {
                count = optionalDigits == 0 ? "{\(widthMax)}" : "{\(max(0, widthMax - optionalDigits)),\(widthMax)}"
            }
            return "[0-9]" + count + (isOrdinal ? "(?:th|st|nd|rd)" : "")
        }
    }

    var isSequence: Bool { primary == .sequence }
    var sequenceToken: String { token }
}

/// Whole numbers as English words.
enum NumberWords {
    private static let few = [
        "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
        "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
    ]
    private static let fewth = [
        "Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
        "Eleventh", "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth",
        "Nineteenth",
    ]
    private static let tens = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"]
    private static let powers = ["Thousand", "Million", "Billion", "Trillion"]

    /// - Parameter value: whole and not negative.
    static func text(_ value: Double, isOrdinal: Bool, follows: Bool = false) -> String {
        if value < 20 {
            let index = Int(value)
            return (follows ? " and " : "") + (isOrdinal ? fewth[index] : few[index])
        }
        if value < 100 {
            let ten = tens[Int(value) / 10 - 2], rest = Int(value) % 10
            let start = (follows ? " and " : "") + ten
            if rest > 0 { return start + "-" + text(Double(rest), isOrdinal: isOrdinal) }
            return isOrdinal ? start.dropLast() + "ieth" : start
        }
        let unit: Double, name: String
        if value < 1000 {
            (unit, name) = (100, "Hundred")
        } else {
            let power = min(Int((log10(value) / 3).rounded(.down)), powers.count)
            (unit, name) = (pow(10, Double(3 * power)), powers[power - 1])
        }
        let count = (value / unit).rounded(.down)
        let rest = value - count * unit
        let start = (follows ? ", " : "") + text(count, isOrdinal: false) + " " + name
        if rest > 0 { return start + text(rest, isOrdinal: isOrdinal, follows: true) }
        return isOrdinal ? start + "th" : start
    }

    private static let values: [String: Double] = {
        var values: [String: Double] = [:]
        for words in [few, fewth] {
            for (number, word) in words.enumerated() { values[word.lowercased()] = Double(number) }
        }
        for (index, word) in tens.enumerated() {
            values[word.lowercased()] = Double(10 * (index + 2))
            values[word.lowercased().dropLast() + "ieth"] = Double(10 * (index + 2))
        }
        values["hundred"] = 100
        values["hundredth"] = 100
        for (index, word) in powers.enumerated() {
            values[word.lowercased()] = pow(10, Double(3 * (index + 1)))
            values[word.lowercased() + "th"] = pow(10, Double(3 * (index + 1)))
        }
        return values
    }()

    static let pattern: String = {
        // Longer words first, so that none stops at its beginning.
        let words = values.keys.sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
        return "(?:" + (words + ["and", "[\\-, ]"]).joined(separator: "|") + ")+"
    }()

    /// NaN when a word is unknown.
    static func value(_ text: String) -> Double {
        var parts: [String] = [""]
        var rest = text[...]
        while let first = rest.first {
            if first == ",", let next = rest.dropFirst().first, next.isWhitespace {
                parts.append("")
                rest = rest.dropFirst(2)
            } else if first.isWhitespace, rest.dropFirst().hasPrefix("and"), rest.dropFirst(4).first?.isWhitespace == true {
                parts.append("")
                rest = rest.dropFirst(5)
            } else if first.isWhitespace || first == "-" || first == "\\" {
                parts.append("")
                rest = rest.dropFirst()
            } else {
                parts[parts.count - 1].append(first)
                rest = rest.dropFirst()
            }
        }
        var sums = [0.0]
        for part in parts {
            guard let value = values[part] else { return .nan }
            let top = sums.removeLast()
            if value >= 100 {
                sums.append(top * value)
            } else if top >= 1000 {
                sums += [top, value]
            } else {
                sums.append(top + value)
            }
        }
        return sums.reduce(0, +)
    }
}

extension NumberText {
    /// The whole number that the text begins with, as JavaScript's `parseInt`; NaN without digits.
    static func parseInt(_ text: String) -> Double {
        var rest = text.drop { $0.isWhitespace }
        var sign = 1.0
        if let first = rest.first, first == "-" || first == "+" {
            if first == "-" { sign = -1 }
            rest = rest.dropFirst()
        }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard let value = Double(digits) else { return .nan }
        return sign * value
    }
}
