import JSONModel

/// The condition in `[?( ... )]`.
indirect enum FilterExpression: Sendable, Hashable {
    case or(FilterExpression, FilterExpression)
    case and(FilterExpression, FilterExpression)
    case not(FilterExpression)
    case exists(FilterOperand)
    case compare(FilterOperand, FilterOperator, FilterOperand)
    case matches(FilterOperand, FilterRegex)
}

enum FilterOperand: Sendable, Hashable {
    case literal(JSONValue)
    case current(JSONPath)
    case root(JSONPath)
}

enum FilterOperator: String, Sendable, Hashable, CaseIterable {
    case identical = "===", notIdentical = "!==", equal = "==", notEqual = "!="
    case lessOrEqual = "<=", greaterOrEqual = ">=", less = "<", greater = ">"
    case within = "in", notWithin = "nin", contains, size, empty, subsetof, anyof, noneof, all

    var isWord: Bool { rawValue.utf8.first.map { $0 >= 0x61 } ?? false }
}

extension FilterExpression {
    func matches(_ current: JSONValue, root: JSONValue) -> Bool {
        switch self {
        case .or(let a, let b): return a.matches(current, root: root) || b.matches(current, root: root)
        case .and(let a, let b): return a.matches(current, root: root) && b.matches(current, root: root)
        case .not(let a): return !a.matches(current, root: root)
        case .exists(let operand):
            // An indefinite path that leads somewhere exists, even when it matches nothing there.
            return operand.value(current, root) != nil
        case .matches(let operand, let regex):
            switch operand.value(current, root) {
            case .string(let text): return regex.matches(text)
            case .number(let number): return regex.matches(number.text)
            case .bool(let value): return regex.matches(value ? "true" : "false")
            default: return false
            }
        case .compare(let a, let op, let b): return Self.compare(a.value(current, root), op, b.value(current, root))
        }
    }

    /// Nil stands for a path that finds nothing.
    private static func compare(_ a: JSONValue?, _ op: FilterOperator, _ b: JSONValue?) -> Bool {
        switch op {
        case .equal: return equal(a, b, coercing: true)
        case .notEqual: return !equal(a, b, coercing: true)
        case .identical: return equal(a, b, coercing: false)
        case .notIdentical: return !equal(a, b, coercing: false)
        case .less: return order(a, b).map { $0 < 0 } ?? false
        case .lessOrEqual: return order(a, b).map { $0 <= 0 } ?? false
        case .greater: return order(a, b).map { $0 > 0 } ?? false
        case .greaterOrEqual: return order(a, b).map { $0 >= 0 } ?? false
        case .within: return b?.array?.contains { equal(a, $0, coercing: true) } ?? false
        case .notWithin: return b?.array.map { !$0.contains { equal(a, $0, coercing: true) } } ?? false
        case .contains:
            if let elements = a?.array { return elements.contains { equal($0, b, coercing: true) } }
            if let text = a?.string, let part = b?.string { return containsBytes(text, part) }
            return false
        case .size:
            guard let size = b?.int64 else { return false }
            if let count = a?.array?.count { return count == size }
            return a?.string.map { $0.utf16.count == size } ?? false
        case .empty:
            guard let expected = b?.bool else { return false }
            if let elements = a?.array { return elements.isEmpty == expected }
            return a?.string.map { $0.isEmpty == expected } ?? false
        case .subsetof:
            guard let a = a?.array, let b = b?.array else { return false }
            return a.allSatisfy { x in b.contains { equal(x, $0, coercing: true) } }
        case .anyof, .noneof:
            guard let a = a?.array, let b = b?.array else { return false }
            return a.contains { x in b.contains { equal(x, $0, coercing: true) } } == (op == .anyof)
        // Jayway compares with a list that a written path can never be or give.
        case .all: return false
        }
    }

    private static func equal(_ a: JSONValue?, _ b: JSONValue?, coercing: Bool) -> Bool {
        switch (a, b) {
        case (.number(let a), .number(let b)): return a.isNumericallyEqual(to: b)
        case (.number(let number), .string(let text)) where coercing:
            return JSONNumber(text: text).map { number.isNumericallyEqual(to: $0) } ?? false
        // A text on the left is compared with the number's text.
        case (.string(let text), .number(let number)) where coercing: return text == number.plainText
        case (let a?, let b?): return a == b
        default: return false
        }
    }

    private static func order(_ a: JSONValue?, _ b: JSONValue?) -> Int? {
        switch (a, b) {
        case (.number(let a), .number(let b)): return a.compare(b)
        case (.string(let a), .string(let b)):
            if a.hasSameBytes(as: b) { return 0 }
            return a.utf16.lexicographicallyPrecedes(b.utf16) ? -1 : 1
        default: return nil
        }
    }

    private static func containsBytes(_ text: String, _ part: String) -> Bool {
        let text = Array(text.utf8), part = Array(part.utf8)
        guard part.count <= text.count else { return false }
        return (0...text.count - part.count).contains { text[$0...].starts(with: part) }
    }
}

extension FilterOperand {
    func value(_ current: JSONValue, _ root: JSONValue) -> JSONValue? {
        switch self {
        case .literal(let value): value
        // A path that finds nothing is an ordinary outcome here.
        case .current(let path): try? path.evaluate(in: current)
        case .root(let path): try? path.evaluate(in: root)
        }
    }
}

extension JSONNumber {
    /// As Java's `BigDecimal` prints it: an exponent only for what is very small or written with trailing zeros cut off.
    fileprivate var plainText: String {
        if isInteger, double == 0 { return "0" }
        let parts = text.split { $0 == "e" || $0 == "E" }
        guard parts.count == 2, let exponent = Int(parts[1]), exponent.magnitude < 1_000 else { return text }
        let mantissa = parts[0].drop { $0 == "-" }
        let fraction = mantissa.split(separator: ".").dropFirst().first ?? ""
        let digits = mantissa.filter { $0 != "." }.drop { $0 == "0" }
        // Digits behind the point.
        let scale = fraction.count - exponent
        let sign = text.hasPrefix("-") ? "-" : ""
        guard scale >= 0, digits.count - scale > -6 else { return text }
        if scale == 0 { return sign + (digits.isEmpty ? "0" : String(digits)) }
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
        return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
    }
}
