import Crypto
import JSONModel
import Support

// What AWS Step Functions adds to JSONata.
// - Source: AWS Step Functions Developer Guide, "JSONata functions provided by Step Functions".
extension Builtins {
    /// Chunks of `n` elements; the last may be shorter. `n` is rounded down.
    static func partition(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array else { return .undefined }
        guard let size = a[1].number?.rounded(.down), size >= 1 else {
            throw Failure("D3137", detail: "The chunk size of $partition() must be a number of at least 1")
        }
        try e.chargeItems(2 * box.count)
        let chunk = Int(Swift.min(size, Double(Swift.max(1, box.count))))
        let values = box.values
        let result = ArrayBox()
        for start in stride(from: 0, to: values.count, by: chunk) {
            try e.charge(Cost.array)
            result.append(.array(ArrayBox(Array(values[start..<Swift.min(values.count, start + chunk)]))))
        }
        return .array(result)
    }

    /// From the first number to the second, which is included when it is hit. All are rounded down.
    static func steppedRange(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let first = a[0].number?.rounded(.down), let last = a[1].number?.rounded(.down),
            let step = a[2].number?.rounded(.down)
        else { return .undefined }
        guard step != 0, step.isFinite, first.isFinite, last.isFinite else {
            throw Failure("D3137", detail: "The step of $range() must not be zero")
        }
        let count = ((last - first) / step).rounded(.down) + 1
        if count > 1e7 { throw Failure("D2014", value: .number(count)) }
        let result = ArrayBox([], .sequence)
        guard count >= 1 else { return .array(result) }
        try e.chargeItems(Int(count))
        for position in 0..<Int(count) { result.append(.number(first + Double(position) * step)) }
        return .array(result)
    }

    /// Lower-case hexadecimal digits.
    static func hash(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        let bytes = Array(text.utf8)
        try e.step(bytes.count / 16)
        switch a[1].string {
        case "MD5": return .string(hexText(Insecure.MD5.hash(data: bytes)))
        case "SHA-1": return .string(hexText(Insecure.SHA1.hash(data: bytes)))
        case "SHA-256": return .string(hexText(SHA256.hash(data: bytes)))
        case "SHA-384": return .string(hexText(SHA384.hash(data: bytes)))
        case "SHA-512": return .string(hexText(SHA512.hash(data: bytes)))
        default:
            throw Failure(
                "D3137",
                detail: "Unknown algorithm of $hash(): expected MD5, SHA-1, SHA-256, SHA-384 or SHA-512, found \(try e.string(a[1]) ?? "nothing")")
        }
    }

    /// At least 0 and less than 1. One seed always gives one number.
    static func random(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        func fraction(_ bits: UInt64) -> Value { .number(Double(bits >> 11) / 9_007_199_254_740_992) }
        guard let seed = a.first?.number else { return fraction(e.random.next()) }
        var seeded = SeededRandom(seed: (seed == 0 ? 0 : seed).bitPattern)
        return fraction(seeded.next())
    }

    static func uuid(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        .string(uuidText(using: &e.random))
    }

    /// The value of a JSON text.
    static func parse(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        try e.charge(8 * text.utf8.count)
        do {
            return Value(try JSONValue(parsing: text))
        } catch {
            throw Failure("D3137", detail: "The argument of $parse() is not JSON: \(error)")
        }
    }
}
