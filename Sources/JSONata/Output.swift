import JSONModel

/// Values as JSON.
struct Output {
    private var nodesLeft: Int
    private let evaluator: Evaluator?

    /// The value of an expression; nil for undefined.
    static func json(_ value: Value, _ evaluator: Evaluator) throws(Failure) -> JSONValue? {
        if case .function = value {
            let failure = Failure("T1006", detail: "The value is a function")
            failure.isUnsupportedResult = true
            throw failure
        }
        var output = Output(nodesLeft: .max, evaluator: evaluator)
        return try output.convert(value, 0)
    }

    /// The value of an error; nil also for one that is too large.
    static func json(_ value: Value) -> JSONValue? {
        var output = Output(nodesLeft: 10_000, evaluator: nil)
        return (try? output.convert(value, 0)) ?? nil  // A value that is left out of a message is no loss.
    }

    private mutating func convert(_ value: Value, _ depth: Int) throws(Failure) -> JSONValue? {
        nodesLeft -= 1
        if nodesLeft < 0 || depth > Evaluator.maxWalk { throw .memory }
        try evaluator?.step()
        switch value {
        case .undefined, .unset, .function: return nil
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .number(let number): return Self.number(number)
        case .string(let text): return .string(text)
        case .tuple(let tuple): return try convert(tuple.item, depth)
        case .array(let box):
            if box.flags.contains(.outerWrapper) { return try convert(box[0], depth) }
            try evaluator?.charge(Cost.array + Cost.element * box.count)
            var elements: [JSONValue] = []
            elements.reserveCapacity(box.count)
            for index in 0..<box.count { elements.append(try convert(box[index], depth + 1) ?? .null) }
            return .array(elements)
        case .object(let box):
            try evaluator?.charge(Cost.object + Cost.member * box.count)
            var object = JSONObject()
            object.reserveCapacity(box.count)
            for (key, value) in box.members {
                if let json = try convert(value, depth + 1) { object.append(key, json) }
            }
            return .object(object)
        }
    }

    /// Null for what JSON lacks.
    static func number(_ value: Double) -> JSONValue {
        if let integer = Int64(exactly: value), abs(value) < 9_007_199_254_740_992 { return .number(integer) }
        guard value.isFinite, let number = JSONNumber(text: NumberText.javaScript(value)) else { return .null }
        return .number(number)
    }
}

extension Evaluator {
    /// The text of a value as `$string` gives it; nil for undefined.
    func string(_ value: Value, isPretty: Bool = false) throws(Failure) -> String? {
        switch value {
        case .undefined, .unset: return nil
        case .string(let text): return text
        case .function: return ""
        case .number(let number):
            if !number.isFinite { throw Failure("D3001", value: value) }
            return NumberText.javaScript(NumberText.rounded15(number))
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        default:
            var bytes: [UInt8] = []
            try write(value, to: &bytes, indentation: isPretty ? 0 : nil, depth: 0)
            try charge(bytes.count)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// - Parameter indentation: levels; nil for compact text.
    private func write(_ value: Value, to bytes: inout [UInt8], indentation: Int?, depth: Int) throws(Failure) {
        if depth > Self.maxWalk { throw .memory }
        try step()
        if bytes.count > 1 << 28 { throw .memory }
        switch value {
        case .undefined, .unset, .null: bytes += Array("null".utf8)
        case .bool(let value): bytes += Array((value ? "true" : "false").utf8)
        case .number(let number):
            if number.isInfinite { throw Failure("D1001", value: value) }
            bytes += Array((number.isNaN ? "null" : NumberText.javaScript(NumberText.rounded15(number))).utf8)
        case .string(let text): Self.write(text, to: &bytes)
        case .function: bytes += Array("\"\"".utf8)
        case .tuple(let tuple): try write(tuple.item, to: &bytes, indentation: indentation, depth: depth)
        case .array(let box):
            if box.flags.contains(.outerWrapper), depth == 0 {
                return try write(box[0], to: &bytes, indentation: indentation, depth: 0)
            }
            bytes.append(0x5B)
            for index in 0..<box.count {
                if index > 0 { bytes.append(0x2C) }
                Self.newLine(&bytes, indentation.map { $0 + 1 })
                try write(box[index], to: &bytes, indentation: indentation.map { $0 + 1 }, depth: depth + 1)
            }
            if box.count > 0 { Self.newLine(&bytes, indentation) }
            bytes.append(0x5D)
        case .object(let box):
            bytes.append(0x7B)
            var isFirst = true
            for (key, value) in box.members where !value.isUndefined {
                if !isFirst { bytes.append(0x2C) }
                isFirst = false
                Self.newLine(&bytes, indentation.map { $0 + 1 })
                Self.write(key, to: &bytes)
                bytes.append(0x3A)
                if indentation != nil { bytes.append(0x20) }
                try write(value, to: &bytes, indentation: indentation.map { $0 + 1 }, depth: depth + 1)
            }
            if !isFirst { Self.newLine(&bytes, indentation) }
            bytes.append(0x7D)
        }
    }

    private static func newLine(_ bytes: inout [UInt8], _ indentation: Int?) {
        guard let indentation else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: 2 * indentation))
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C: bytes += [0x5C, byte]
            case 0x08: bytes += [0x5C, 0x62]
            case 0x09: bytes += [0x5C, 0x74]
            case 0x0A: bytes += [0x5C, 0x6E]
            case 0x0C: bytes += [0x5C, 0x66]
            case 0x0D: bytes += [0x5C, 0x72]
            case 0..<0x20: bytes += [0x5C, 0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }

    /// A copy of which no part is shared, numbers of 15 digits, as `$clone` makes it.
    func copy(_ value: Value, depth: Int = 0) throws(Failure) -> Value {
        if depth > Self.maxWalk { throw .memory }
        switch value {
        case .array(let box):
            if box.flags.contains(.outerWrapper), depth == 0 { return try copy(box[0], depth: 1) }
            try chargeItems(box.count)
            let result = ArrayBox()
            result.reserveCapacity(box.count)
            for index in 0..<box.count {
                let element = try copy(box[index], depth: depth + 1)
                result.append(element.isUndefined ? .null : element)
            }
            return .array(result)
        case .object(let box):
            try chargeItems(3 * box.count)
            let result = ObjectBox()
            for (key, value) in box.members where !value.isUndefined { result[key] = try copy(value, depth: depth + 1) }
            return .object(result)
        case .number(let number):
            if number.isInfinite { throw Failure("D1001", value: value) }
            return number.isNaN ? .null : .number(NumberText.rounded15(number))
        default: return value
        }
    }
}
