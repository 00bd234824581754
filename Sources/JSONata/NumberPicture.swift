#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How `$formatNumber` writes a number, such as `#,##0.00;(#,##0.00)`.
/// - Source: XPath and XQuery Functions and Operators 3.1, section 4.7.
struct NumberPicture {
    private typealias Scalars = [Unicode.Scalar]

    /// The characters with a meaning, and what stands for a minus sign.
    private struct Symbols {
        var decimal: Unicode.Scalar = "."
        var grouping: Unicode.Scalar = ","
        var exponent: Unicode.Scalar = "e"
        var percent: Unicode.Scalar = "%"
        var perMille: Unicode.Scalar = "\u{2030}"
        var zero: Unicode.Scalar = "0"
        var digit: Unicode.Scalar = "#"
        var pattern: Unicode.Scalar = ";"
        var minus = "-"

        init(_ options: ObjectBox?) throws(Failure) {
            for (key, value) in options?.members ?? [] {
                guard let text = value.string else { throw Failure("T0410", value: value, argument: 3) }
                if key == "minus-sign" {
                    minus = text
                    continue
                }
                guard let scalar = text.unicodeScalars.first else { continue }
                switch key {
                case "decimal-separator": decimal = scalar
                case "grouping-separator": grouping = scalar
                case "exponent-separator": exponent = scalar
                case "percent": percent = scalar
                case "per-mille": perMille = scalar
                case "zero-digit": zero = scalar
                case "digit": digit = scalar
                case "pattern-separator": pattern = scalar
                default: break
                }
            }
        }

        func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= zero.value && scalar.value < zero.value + 10 }

        func isActive(_ scalar: Unicode.Scalar) -> Bool {
            isDigit(scalar) || [decimal, exponent, grouping, digit, pattern].contains(scalar)
        }
    }

    /// One of the two sub-pictures, cut up.
    private struct Part {
        var picture: Scalars
        var prefix: Scalars
        var suffix: Scalars
        var active: Scalars
        var mantissa: Scalars
        var exponent: Scalars?
        var integer: Scalars
        var fraction: Scalars
    }

    /// What a sub-picture asks for.
    private struct Layout {
        var prefix: Scalars
        var suffix: Scalars
        var picture: Scalars
        var integerGroups: [Int]
        var groupInterval: Int
        var fractionGroups: [Int]
        var integerMin: Int
        var scale: Int
        var fractionMin: Int
        var fractionMax: Int
        var exponentMin: Int
    }

    private let symbols: Symbols
    private let layouts: [Layout]

    init(_ picture: String, options: ObjectBox?) throws(Failure) {
        let symbols = try Symbols(options)
        let parts = Array(picture.unicodeScalars).split(separator: symbols.pattern, omittingEmptySubsequences: false)
        if parts.count > 2 { throw Failure("D3080") }
        var layouts: [Layout] = []
        for part in parts {
            let part = try Self.cut(Array(part), symbols)
            try Self.validate(part, symbols)
            layouts.append(Self.layout(part, symbols))
        }
        if layouts.count == 1 {
            var negative = layouts[0]
            negative.prefix = Array(symbols.minus.unicodeScalars) + negative.prefix
            layouts.append(negative)
        }
        self.symbols = symbols
        self.layouts = layouts
    }

    // MARK: - Reading the picture

    private static func cut(_ picture: Scalars, _ symbols: Symbols) throws(Failure) -> Part {
        func isEdge(_ scalar: Unicode.Scalar) -> Bool { symbols.isActive(scalar) && scalar != symbols.exponent }
        guard let first = picture.firstIndex(where: isEdge), let last = picture.lastIndex(where: isEdge) else {
            throw Failure(picture.isEmpty ? "D3085" : "D3086")
        }
        let active = Array(picture[first...last])
        let suffix = Array(picture[(last + 1)...])
        var mantissa = active
        var exponent: Scalars?
        // The position counts from the start of the picture, as jsonata-js has it.
        if let place = picture[first...].firstIndex(of: symbols.exponent), place <= picture.count - suffix.count {
            mantissa = Array(active.prefix(place))
            exponent = Array(active.dropFirst(place + 1))
        }
        var integer = mantissa
        var fraction = suffix
        if let point = mantissa.firstIndex(of: symbols.decimal) {
            integer = Array(mantissa[..<point])
            fraction = Array(mantissa[(point + 1)...])
        }
        return Part(
            picture: picture, prefix: Array(picture[..<first]), suffix: suffix, active: active, mantissa: mantissa,
            exponent: exponent, integer: integer, fraction: fraction)
    }

    private static func validate(_ part: Part, _ symbols: Symbols) throws(Failure) {
        let picture = part.picture
        func count(_ scalar: Unicode.Scalar) -> Int { picture.count { $0 == scalar } }
        var code: String?
        if count(symbols.decimal) > 1 { code = "D3081" }
        if count(symbols.percent) > 1 { code = "D3082" }
        if count(symbols.perMille) > 1 { code = "D3083" }
        let isScaled = count(symbols.percent) > 0 || count(symbols.perMille) > 0
        if count(symbols.percent) > 0, count(symbols.perMille) > 0 { code = "D3084" }
        if !part.mantissa.contains(where: { symbols.isDigit($0) || $0 == symbols.digit }) { code = "D3085" }
        if part.active.contains(where: { !symbols.isActive($0) }) { code = "D3086" }
        if let point = picture.firstIndex(of: symbols.decimal) {
            let isBefore = point > 0 && picture[point - 1] == symbols.grouping
            let isBehind = point + 1 < picture.count && picture[point + 1] == symbols.grouping
            if isBefore || isBehind { code = "D3087" }
        } else if part.integer.last == symbols.grouping {
            code = "D3088"
        }
        if zip(picture, picture.dropFirst()).contains(where: { $0 == symbols.grouping && $1 == symbols.grouping }) {
            code = "D3089"
        }
        if let optional = part.integer.firstIndex(of: symbols.digit),
            part.integer[..<optional].contains(where: symbols.isDigit)
        {
            code = "D3090"
        }
        if let optional = part.fraction.lastIndex(of: symbols.digit),
            part.fraction[optional...].contains(where: symbols.isDigit)
        {
            code = "D3091"
        }
        if let exponent = part.exponent {
            if !exponent.isEmpty, isScaled { code = "D3092" }
            if exponent.isEmpty || !exponent.allSatisfy(symbols.isDigit) { code = "D3093" }
        }
        if let code { throw Failure(code) }
    }

    private static func layout(_ part: Part, _ symbols: Symbols) -> Layout {
        func isPlace(_ scalar: Unicode.Scalar) -> Bool { symbols.isDigit(scalar) || scalar == symbols.digit }
        func groups(_ scalars: Scalars, toLeft: Bool) -> [Int] {
            var positions: [Int] = []
            var next = scalars.firstIndex(of: symbols.grouping)
            while let position = next {
                let cut = min(position, scalars.count)
                positions.append((toLeft ? scalars[..<cut] : scalars[cut...]).count(where: isPlace))
                // Further separators are looked for in the integer part, as jsonata-js has it.
                next = part.integer.indices.first { $0 > position && part.integer[$0] == symbols.grouping }
            }
            return positions
        }
        let integerGroups = groups(part.integer, toLeft: false)
        var integerMin = part.integer.count(where: symbols.isDigit)
        let scale = integerMin
        var fractionMin = part.fraction.count(where: symbols.isDigit)
        var fractionMax = part.fraction.count(where: isPlace)
        if integerMin == 0, fractionMax == 0 {
            if part.exponent != nil {
                fractionMin = 1
                fractionMax = 1
            } else {
                integerMin = 1
            }
        }
        if part.exponent != nil, integerMin == 0, part.integer.contains(symbols.digit) { integerMin = 1 }
        if integerMin == 0, fractionMin == 0 { fractionMin = 1 }
        return Layout(
            prefix: part.prefix, suffix: part.suffix, picture: part.picture, integerGroups: integerGroups,
            groupInterval: interval(integerGroups), fractionGroups: groups(part.fraction, toLeft: true),
            integerMin: integerMin, scale: scale, fractionMin: fractionMin, fractionMax: fractionMax,
            exponentMin: part.exponent?.count(where: symbols.isDigit) ?? 0)
    }

    private static func interval(_ positions: [Int]) -> Int {
        guard let first = positions.first else { return 0 }
        let factor = positions.dropFirst().reduce(first) { IntegerPicture.greatestCommonDivisor($0, $1) }
        for index in 1...positions.count where !positions.contains(index * factor) { return 0 }
        return factor
    }

    // MARK: - Writing

    func format(_ value: Double) throws(Failure) -> String {
        let layout = value >= 0 ? layouts[0] : layouts[1]
        var mantissa = value
        if layout.picture.contains(symbols.percent) {
            mantissa *= 100
        } else if layout.picture.contains(symbols.perMille) {
            mantissa *= 1000
        }
        guard mantissa.isFinite, layout.fractionMax <= 100, layout.scale <= 100 else {
            throw Failure("D1001", value: .number(value))
        }
        var exponent: Int?
        if layout.exponentMin > 0 { (mantissa, exponent) = Self.scaled(abs(mantissa), layout.scale) }
        let rounded = NumberText.roundHalfEven(mantissa, places: Double(layout.fractionMax))
        var text = digits(NumberText.fixed(abs(rounded), places: layout.fractionMax))
        if let point = text.firstIndex(of: ".") {
            text[point] = symbols.decimal
        } else {
            text.append(symbols.decimal)
        }
        while text.first == symbols.zero { text.removeFirst() }
        while text.last == symbols.zero { text.removeLast() }
        pad(&text, layout)
        group(&text, layout)
        if !layout.picture.contains(symbols.decimal) || text.last == symbols.decimal { text.removeLast() }
        if let exponent {
            var power = digits(String(abs(exponent)))
            while power.count < layout.exponentMin { power.insert(symbols.zero, at: 0) }
            text.append(symbols.exponent)
            if exponent < 0 { text += Array(symbols.minus.unicodeScalars) }
            text += power
        }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: layout.prefix + text + layout.suffix)
        return String(result)
    }

    /// A mantissa with as many digits before the point as the picture has, and its power of ten.
    private static func scaled(_ value: Double, _ scale: Int) -> (Double, Int) {
        if value == 0 { return (0, 0) }
        let most = pow(10, Double(scale)), least = pow(10, Double(scale - 1))
        var mantissa = value
        var exponent = 0
        while mantissa < least {
            mantissa *= 10
            exponent -= 1
        }
        while mantissa > most {
            mantissa /= 10
            exponent += 1
        }
        return (mantissa, exponent)
    }

    /// ASCII digits in the picture's family.
    private func digits(_ text: String) -> Scalars {
        text.unicodeScalars.map { scalar in
            guard ("0"..."9").contains(scalar) else { return scalar }
            return Unicode.Scalar(symbols.zero.value + scalar.value - 48) ?? scalar
        }
    }

    private func point(_ text: Scalars) -> Int { text.firstIndex(of: symbols.decimal) ?? text.count }

    private func pad(_ text: inout Scalars, _ layout: Layout) {
        let left = layout.integerMin - point(text)
        let right = layout.fractionMin - (text.count - point(text) - 1)
        if left > 0 { text.insert(contentsOf: repeatElement(symbols.zero, count: left), at: 0) }
        if right > 0 { text += Array(repeating: symbols.zero, count: right) }
    }

    private func group(_ text: inout Scalars, _ layout: Layout) {
        var point = self.point(text)
        if layout.groupInterval > 0 {
            let count = max(0, (point - 1) / layout.groupInterval)
            for index in stride(from: 1, through: count, by: 1) {
                text.insert(symbols.grouping, at: max(0, min(text.count, point - index * layout.groupInterval)))
            }
        } else {
            for position in layout.integerGroups {
                text.insert(symbols.grouping, at: Self.place(point - position, text.count))
                point += 1
            }
        }
        point = self.point(text)
        for position in layout.fractionGroups {
            text.insert(symbols.grouping, at: Self.place(position + point + 1, text.count))
        }
    }

    /// Where JavaScript's `slice` cuts: from the end when negative.
    private static func place(_ index: Int, _ count: Int) -> Int {
        max(0, min(count, index < 0 ? index + count : index))
    }
}

extension Builtins {
    static func formatNumber(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let number = a[0].number else { return .undefined }
        guard let picture = a[1].string else { throw Failure("T0410", value: a[1], argument: 2) }
        try e.step(picture.utf8.count)
        return .string(try NumberPicture(picture, options: a[2].object).format(number))
    }
}
