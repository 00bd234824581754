import JSONModel
import JSONPath
import StatesLanguage
import Support

// The rules of a Choice.
extension ExecutionMachine {
    /// Of the first rule that holds, else of the default.
    mutating func choose(
        _ fields: ChoiceFields, _ state: StateDefinition, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> (next: String, assign: PayloadTemplate?, output: PayloadTemplate?) {
        for rule in fields.rules where try holds(rule.condition, input, slot) {
            return (rule.next, rule.assign, rule.output)
        }
        if let next = fields.defaultNext { return (next, state.assign, state.output) }
        throw EvaluationFailure(
            error: "States.NoChoiceMatched",
            "Failed to transition out of the state. The state does not point to a next state.")
    }

    private mutating func holds(
        _ condition: ChoiceCondition, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Bool {
        switch condition {
        case .and(let conditions):
            for condition in conditions where try !holds(condition, input, slot) { return false }
            return true
        case .or(let conditions):
            for condition in conditions where try holds(condition, input, slot) { return true }
            return false
        case .not(let condition): return try !holds(condition, input, slot)
        case .constant(let value): return value
        case .expression(let field): return try boolean(field, input, slot)
        case .test(let variable, let test, let expected):
            // A path that leads nowhere is what `IsPresent` asks about.
            let value = test == .isPresent ? try? reference(variable, input, slot) : try reference(variable, input, slot)
            return Self.passes(test, value) == expected
        case .compare(let variable, let comparison, let operand, _):
            let left = try reference(variable, input, slot)
            let right: JSONValue
            switch operand {
            case .literal(let value): right = value
            case .path(let path): right = try reference(path, input, slot)
            }
            return Self.compare(left, comparison, right)
        }
    }

    private func reference(
        _ path: PathExpression, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> JSONValue {
        do {
            return try value(at: path, input, slot)
        } catch {
            throw EvaluationFailure("Invalid path '\(path.text)': The choice state's condition path references an invalid value.")
        }
    }

    private static func passes(_ test: ChoiceCondition.TypeTest, _ value: JSONValue?) -> Bool {
        switch (test, value) {
        case (.isPresent, let value): value != nil
        case (.isNull, .null?), (.isNumeric, .number?), (.isString, .string?), (.isBoolean, .bool?): true
        case (.isTimestamp, .string(let text)?): Timestamp(iso8601: text) != nil
        default: false
        }
    }

    /// False for values of another type than the comparison's.
    private static func compare(_ a: JSONValue, _ comparison: ChoiceCondition.Comparison, _ b: JSONValue) -> Bool {
        switch comparison {
        case .booleanEquals: return a.bool != nil && a.bool == b.bool
        case .stringMatches:
            guard let text = a.string, let pattern = b.string else { return false }
            return matches(text, pattern)
        case .stringEquals, .stringLessThan, .stringGreaterThan, .stringLessThanEquals, .stringGreaterThanEquals:
            guard let a = a.string, let b = b.string else { return false }
            return accepts(comparison, a.hasSameBytes(as: b) ? 0 : a.utf16.lexicographicallyPrecedes(b.utf16) ? -1 : 1)
        case .numericEquals, .numericLessThan, .numericGreaterThan, .numericLessThanEquals, .numericGreaterThanEquals:
            guard let a = a.number, let b = b.number else { return false }
            return accepts(comparison, a.compare(b))
        case .timestampEquals, .timestampLessThan, .timestampGreaterThan, .timestampLessThanEquals,
            .timestampGreaterThanEquals:
            guard let a = a.string.flatMap({ Timestamp(iso8601: $0) }),
                let b = b.string.flatMap({ Timestamp(iso8601: $0) })
            else { return false }
            return accepts(comparison, a < b ? -1 : a == b ? 0 : 1)
        }
    }

    private static func accepts(_ comparison: ChoiceCondition.Comparison, _ order: Int) -> Bool {
        switch comparison {
        case .stringEquals, .numericEquals, .timestampEquals: order == 0
        case .stringLessThan, .numericLessThan, .timestampLessThan: order < 0
        case .stringGreaterThan, .numericGreaterThan, .timestampGreaterThan: order > 0
        case .stringLessThanEquals, .numericLessThanEquals, .timestampLessThanEquals: order <= 0
        case .stringGreaterThanEquals, .numericGreaterThanEquals, .timestampGreaterThanEquals: order >= 0
        case .booleanEquals, .stringMatches: false
        }
    }

    /// `*` in the pattern stands for any text, `\*` and `\\` for themselves. Linear but for repeated stars.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        enum Part { case byte(UInt8), star }
        var parts: [Part] = []
        var isEscaped = false
        for byte in pattern.utf8 {
            if isEscaped {
                parts.append(.byte(byte))
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "*") {
                parts.append(.star)
            } else {
                parts.append(.byte(byte))
            }
        }
        let bytes = Array(text.utf8)
        var position = 0, part = 0
        var star: (part: Int, position: Int)?
        while position < bytes.count {
            if part < parts.count, case .byte(bytes[position]) = parts[part] {
                position += 1
                part += 1
            } else if part < parts.count, case .star = parts[part] {
                star = (part, position)
                part += 1
            } else if let last = star {
                // Lets the last star take one byte more.
                star = (last.part, last.position + 1)
                position = last.position + 1
                part = last.part + 1
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { if case .star = $0 { true } else { false } }
    }
}
