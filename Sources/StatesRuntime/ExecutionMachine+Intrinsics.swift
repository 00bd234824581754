import Crypto
import JSONModel
import StatesLanguage
import Support

/// Where a call of an intrinsic function stands and what it sees.
struct IntrinsicPlace {
    var field: String
    /// The outermost call as written.
    var text: String
    var data: JSONValue
    var slot: Int
    var item: (Int, JSONValue)?
}

/// The greatest count of `States.ArrayRange`, and of characters for `States.Hash` and the Base64 functions.
private let rangeCountMax = 1_000
private let characterCountMax = 10_000

// The intrinsic functions of the States Language.
// - Source: Step Functions, "Intrinsics for JSONPath states".
extension ExecutionMachine {
    mutating func evaluate(_ call: IntrinsicCall, _ place: IntrinsicPlace) throws(EvaluationFailure) -> JSONValue {
        var arguments: [JSONValue] = []
        arguments.reserveCapacity(call.arguments.count)
        for (position, argument) in call.arguments.enumerated() {
            switch argument {
            case .literal(let value): arguments.append(value)
            case .text(let raw):
                // The template of Format tells `\{` from `{` itself.
                let isTemplate = call.function == .format && position == 0
                arguments.append(.string(isTemplate ? raw : IntrinsicCall.unescaped(raw)))
            case .path(let path):
                arguments.append(try templateValue(path, place.field, place.data, place.slot, item: place.item))
            case .call(let inner): arguments.append(try evaluate(inner, place))
            }
        }
        return try run(call.function, IntrinsicArguments(values: arguments, function: call.function))
    }

    private mutating func run(
        _ function: IntrinsicFunction, _ arguments: IntrinsicArguments
    ) throws(EvaluationFailure) -> JSONValue {
        switch function {
        case .format: return .string(try format(arguments))
        case .stringToJson:
            try arguments.expect(1...1)
            return try parsed(arguments.string(0), arguments)
        case .jsonToString:
            try arguments.expect(1...1)
            return .string(arguments.values[0].text)
        case .array: return .array(arguments.values)
        case .arrayPartition:
            try arguments.expect(2...2)
            let elements = try arguments.array(0), size = try arguments.rounded(1)
            guard size > 0 else { throw arguments.failure("the chunk size must be greater than zero") }
            return .array(
                stride(from: 0, to: elements.count, by: size).map {
                    .array(Array(elements[$0..<min(elements.count, $0 + min(size, elements.count))]))
                })
        case .arrayContains:
            try arguments.expect(2...2)
            return .bool(try arguments.array(0).contains(arguments.values[1]))
        case .arrayRange: return try range(arguments)
        case .arrayGetItem:
            try arguments.expect(2...2)
            let elements = try arguments.array(0), index = try arguments.rounded(1)
            guard elements.indices.contains(index) else { throw arguments.failure("the index \(index) is out of range") }
            return elements[index]
        case .arrayLength:
            try arguments.expect(1...1)
            return .number(try arguments.array(0).count)
        case .arrayUnique:
            try arguments.expect(1...1)
            var seen: Set<JSONValue> = []
            return .array(try arguments.array(0).filter { seen.insert($0).inserted })
        case .base64Encode:
            try arguments.expect(1...1)
            return .string(base64Encoded(Array(try arguments.limitedString(0).utf8)))
        case .base64Decode:
            try arguments.expect(1...1)
            guard let bytes = base64Decoded(try arguments.limitedString(0)) else {
                throw arguments.failure("the text is not valid Base64")
            }
            return .string(String(decoding: bytes, as: UTF8.self))
        case .hash: return .string(try hash(arguments))
        case .jsonMerge:
            try arguments.expect(3...3)
            guard case .object(var first) = arguments.values[0], case .object(let second) = arguments.values[1] else {
                throw arguments.failure("the first two arguments must be objects")
            }
            guard arguments.values[2] == false else { throw arguments.failure("the third argument must be false") }
            for (key, value) in second { first[key] = value }
            return .object(first)
        case .mathRandom: return try random(arguments)
        case .mathAdd:
            try arguments.expect(2...2)
            return .number(try arguments.rounded(0) + arguments.rounded(1))
        case .stringSplit:
            try arguments.expect(2...2)
            let delimiters = Set(try arguments.string(1).unicodeScalars)
            let parts = try arguments.string(0).unicodeScalars.split(omittingEmptySubsequences: true) { delimiters.contains($0) }
            return .array(parts.map { .string(String($0)) })
        case .uuid:
            try arguments.expect(0...0)
            return .string(uuidText(using: &self.random))
        }
    }

    private mutating func random(_ arguments: IntrinsicArguments) throws(EvaluationFailure) -> JSONValue {
        try arguments.expect(2...3)
        let start = try arguments.rounded(0), end = try arguments.rounded(1)
        guard start < end else { throw arguments.failure("the start must be less than the end") }
        if arguments.values.count == 3 {
            var seeded = SeededRandom(seed: UInt64(bitPattern: Int64(try arguments.rounded(2))))
            return .number(Int.random(in: start..<end, using: &seeded))
        }
        return .number(Int.random(in: start..<end, using: &self.random))
    }
}

/// The values a function was called with. Failures are `States.IntrinsicFailure`.
private struct IntrinsicArguments {
    let values: [JSONValue]
    let function: IntrinsicFunction

    func failure(_ reason: String) -> EvaluationFailure {
        EvaluationFailure(
            error: "States.IntrinsicFailure", "The intrinsic function \(function.rawValue) failed: \(reason).")
    }

    func expect(_ counts: ClosedRange<Int>) throws(EvaluationFailure) {
        if !counts.contains(values.count) { throw failure("it does not take \(values.count) arguments") }
    }

    func string(_ index: Int) throws(EvaluationFailure) -> String {
        guard let text = values[index].string else { throw failure("argument \(index + 1) must be a string") }
        return text
    }

    func limitedString(_ index: Int) throws(EvaluationFailure) -> String {
        let text = try string(index)
        if text.utf16.count > characterCountMax { throw failure("argument \(index + 1) exceeds \(characterCountMax) characters") }
        return text
    }

    func array(_ index: Int) throws(EvaluationFailure) -> [JSONValue] {
        guard let elements = values[index].array else { throw failure("argument \(index + 1) must be an array") }
        return elements
    }

    /// The nearest integer, halves towards positive infinity, within 32 bits.
    func rounded(_ index: Int) throws(EvaluationFailure) -> Int {
        guard let number = values[index].number else { throw failure("argument \(index + 1) must be a number") }
        let value = (number.double + 0.5).rounded(.down)
        guard value >= -2_147_483_648, value <= 2_147_483_647 else {
            throw failure("argument \(index + 1) is out of range")
        }
        return Int(value)
    }
}

private func format(_ arguments: IntrinsicArguments) throws(EvaluationFailure) -> String {
    guard !arguments.values.isEmpty else { throw arguments.failure("a template is missing") }
    var text: [UInt8] = []
    var rest = arguments.values.dropFirst()
    var isEscaped = false
    let template = Array(try arguments.string(0).utf8)
    var position = 0
    while position < template.count {
        let byte = template[position]
        position += 1
        if isEscaped {
            text.append(byte)
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "{"), position < template.count, template[position] == UInt8(ascii: "}") {
            position += 1
            guard let value = rest.popFirst() else { throw arguments.failure("there are fewer values than {}") }
            text.append(contentsOf: javaText(value).utf8)
        } else {
            text.append(byte)
        }
    }
    if !rest.isEmpty { throw arguments.failure("there are more values than {}") }
    return String(decoding: text, as: UTF8.self)
}

/// A value as Java prints maps and lists: `{Arg1=1, Arg2=[]}`.
private func javaText(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .array(let elements): "[" + elements.map(javaText).joined(separator: ", ") + "]"
    case .object(let object): "{" + object.map { "\($0.key)=\(javaText($0.value))" }.joined(separator: ", ") + "}"
    case .null, .bool, .number: value.text
    }
}

private func parsed(_ text: String, _ arguments: IntrinsicArguments) throws(EvaluationFailure) -> JSONValue {
    if text.utf8.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) { return .null }
    do {
        return withoutNegativeZero(try JSONValue(parsing: text))
    } catch {
        throw arguments.failure("the text is not JSON: \(error.message)")
    }
}

/// Integers lose the sign of zero, as those of Java do.
private func withoutNegativeZero(_ value: JSONValue) -> JSONValue {
    switch value {
    case .number(let number) where number.text == "-0": 0
    case .array(let elements): .array(elements.map(withoutNegativeZero))
    case .object(let object): .object(JSONObject(object.map { ($0.key, withoutNegativeZero($0.value)) }))
    default: value
    }
}

private func range(_ arguments: IntrinsicArguments) throws(EvaluationFailure) -> JSONValue {
    try arguments.expect(3...3)
    let start = try arguments.rounded(0), end = try arguments.rounded(1), step = try arguments.rounded(2)
    if step == 0 { throw arguments.failure("the step must not be zero") }
    let distance = step > 0 ? end - start : start - end
    let count = distance < 0 ? 0 : distance / abs(step) + 1
    guard count <= rangeCountMax else { throw arguments.failure("the range has more than \(rangeCountMax) items") }
    return .array((0..<count).map { .number(start + $0 * step) })
}

private func hash(_ arguments: IntrinsicArguments) throws(EvaluationFailure) -> String {
    try arguments.expect(2...2)
    let text = try arguments.limitedString(0)
    let bytes = Array(text.utf8)
    switch try arguments.string(1) {
    case "MD5": return hexText(Insecure.MD5.hash(data: bytes))
    case "SHA-1": return hexText(Insecure.SHA1.hash(data: bytes))
    case "SHA-256": return hexText(SHA256.hash(data: bytes))
    case "SHA-384": return hexText(SHA384.hash(data: bytes))
    case "SHA-512": return hexText(SHA512.hash(data: bytes))
    case let name: throw arguments.failure("the algorithm '\(name)' is not one of MD5, SHA-1, SHA-256, SHA-384, SHA-512")
    }
}
