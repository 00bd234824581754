#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Builtins {
    private static func numbers(_ e: Evaluator, _ value: Value) throws(Failure) -> [Double]? {
        guard let box = value.array else { return nil }
        try e.step(box.count)
        var numbers: [Double] = []
        numbers.reserveCapacity(box.count)
        for index in 0..<box.count { numbers.append(box[index].number ?? .nan) }
        return numbers
    }

    static func sum(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let numbers = try numbers(e, a[0]) else { return .undefined }
        var total = 0.0
        for number in numbers { total += number }
        return .number(total)
    }

    static func count(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        .number(Double(a[0].array?.count ?? 0))
    }

    static func max(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        try numbers(e, a[0])?.max().map { .number($0) } ?? .undefined
    }

    static func min(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        try numbers(e, a[0])?.min().map { .number($0) } ?? .undefined
    }

    static func average(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let numbers = try numbers(e, a[0]), !numbers.isEmpty else { return .undefined }
        return .number(numbers.reduce(0, +) / Double(numbers.count))
    }

    private static func apply(_ value: Value, _ body: (Double) -> Double) -> Value {
        value.number.map { .number(body($0)) } ?? .undefined
    }

    static func floor(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        apply(a[0]) { $0.rounded(.down) }
    }

    static func ceil(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        apply(a[0]) { $0.rounded(.up) }
    }

    static func abs(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value { apply(a[0]) { Swift.abs($0) } }

    static func round(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        let places = a[1].number ?? 0
        return apply(a[0]) { NumberText.roundHalfEven($0, places: places) }
    }

    static func sqrt(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let number = a[0].number else { return .undefined }
        if number < 0 { throw Failure("D3060", value: a[0], argument: 1) }
        return .number(number.squareRoot())
    }

    static func power(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let base = a[0].number else { return .undefined }
        let exponent = a[1].number ?? .nan
        // JavaScript's is NaN where C's is 1.
        let result = Swift.abs(base) == 1 && !exponent.isFinite ? Double.nan : pow(base, exponent)
        if !result.isFinite { throw Failure("D3061", value: a[0], second: a[1], argument: 1) }
        return .number(result)
    }

    static func number(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        switch a[0] {
        case .undefined, .number: return a[0]
        case .bool(let value): return .number(value ? 1 : 0)
        case .string(let text):
            if let number = decimal(text) ?? prefixed(text) { return .number(number) }
        default: break
        }
        throw Failure("D3030", value: a[0], argument: 1)
    }

    /// Unlike JSON's numbers these may begin with zeros.
    private static func decimal(_ text: String) -> Double? {
        var rest = text.utf8[...]
        func digits() -> Bool {
            let count = rest.prefix { $0 &- 48 < 10 }.count
            rest = rest.dropFirst(count)
            return count > 0
        }
        if rest.first == 0x2D { rest = rest.dropFirst() }
        guard digits() else { return nil }
        if rest.first == 0x2E {
            rest = rest.dropFirst()
            guard digits() else { return nil }
        }
        if let e = rest.first, e | 0x20 == 0x65 {
            rest = rest.dropFirst()
            if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
            guard digits() else { return nil }
        }
        guard rest.isEmpty, let number = Double(text), number.isFinite else { return nil }
        return number
    }

    private static func prefixed(_ text: String) -> Double? {
        let radix: Double
        switch text.prefix(2) {
        case "0x", "0X": radix = 16
        case "0o", "0O": radix = 8
        case "0b", "0B": radix = 2
        default: return nil
        }
        let digits = text.dropFirst(2)
        guard !digits.isEmpty else { return nil }
        var number = 0.0
        for digit in digits {
            guard digit.isASCII, let value = digit.hexDigitValue, Double(value) < radix else { return nil }
            number = number * radix + Double(value)
        }
        return number
    }

    static func formatBase(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let number = a[0].number else { return .undefined }
        let radix = NumberText.roundHalfEven(a[1].number ?? 10, places: 0)
        guard radix >= 2, radix <= 36 else { throw Failure("D3100", value: .number(radix)) }
        return .string(NumberText.text(NumberText.roundHalfEven(number, places: 0), radix: Int(radix)))
    }

    static func boolean(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        if a[0].isUndefined { return .undefined }
        return .bool(a[0].isFunction ? false : try e.truth(a[0]))
    }

    static func not(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        if a[0].isUndefined { return .undefined }
        return .bool(a[0].isFunction ? true : !(try e.truth(a[0])))
    }

    static func formatInteger(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let number = a[0].number else { return .undefined }
        guard let picture = a[1].string else { throw Failure("T0410", value: a[1], argument: 2) }
        return .string(try IntegerPicture(picture).format(number.rounded(.down)))
    }

    static func parseInteger(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        guard let picture = a[1].string else { throw Failure("T0410", value: a[1], argument: 2) }
        try e.charge(16 * text.utf8.count)
        return .number(try IntegerPicture(picture).parse(text))
    }
}
