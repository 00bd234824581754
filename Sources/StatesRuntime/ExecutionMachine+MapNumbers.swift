import JSONModel
import StatesLanguage

/// Whether so many failures are at most that share of a Map's items.
///
/// A quotient is rounded to the nearest double, as the percentage was when it was read: a share of exactly the percentage
/// is within it.
package func isTolerated(_ failed: Int64, of items: Int64, percentage: Double) -> Bool {
    failed == 0 || Double(failed) * 100 / Double(items) <= percentage
}

// The numbers that a Map's fields give.
extension ExecutionMachine {
    /// A number that is not negative, of a field whose path form has the name with `Path` behind it.
    mutating func number(
        _ field: NumberField<Int64>?, _ name: String, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Int64? {
        let number = try wholeNumber(field, name, input, slot)
        if let field, let number, number < 0 { throw Self.failure(of: field, "\(name) cannot be negative.") }
        return number
    }

    /// The same, of any sign.
    mutating func wholeNumber(
        _ field: NumberField<Int64>?, _ name: String, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Int64? {
        switch field {
        case nil: return nil
        case .literal(let value)?: return value
        case .expression(let field)?: return try integer(field, input, slot)
        case .path(let path)?:
            let value = try self.value(at: path, input, slot)
            if let number = integer(value) { return number }
            throw Self.failure(name, value, "integer", path)
        }
    }

    /// `ToleratedFailurePercentage`, which may have a fraction.
    mutating func toleratedPercentage(
        _ fields: MapFields, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Double? {
        guard let field = fields.toleratedFailurePercentage else { return nil }
        let name = "ToleratedFailurePercentage"
        let percentage: Double
        switch field {
        case .literal(let value): percentage = value
        case .expression(let field): percentage = try double(field, input, slot)
        case .path(let path):
            let value = try self.value(at: path, input, slot)
            guard let number = value.double ?? value.string.flatMap({ JSONNumber(text: $0)?.double }) else {
                throw Self.failure(name, value, "float", path)
            }
            percentage = number
        }
        guard (0...100).contains(percentage) else { throw Self.failure(of: field, "\(name) must be between 0 and 100.") }
        return percentage
    }

    /// How many of a Map's iterations may fail by the stricter of its thresholds; nil when it has none.
    mutating func toleratedFailures(
        _ fields: MapFields, of items: Int, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Int? {
        let count = try number(fields.toleratedFailureCount, "ToleratedFailureCount", input, slot)
        let share = try toleratedPercentage(fields, input, slot).map { percentage in
            let nearest = Int64((Double(items) * percentage / 100).rounded())
            return isTolerated(nearest, of: Int64(items), percentage: percentage) ? nearest : nearest - 1
        }
        return [count, share].compactMap { $0 }.min().map { Int(clamping: $0) }
    }

    /// Lets what is wrong with a number of a Map end its scope without an event of the Map's; nothing can catch it. What
    /// else has failed is thrown on.
    mutating func failMapSilently(_ slot: Int, _ failure: EvaluationFailure) throws(EvaluationFailure) {
        guard failure.error == StateFailure.runtime, let scope = scopes[slot] else { throw failure }
        failScope(slot, Self.named(failure, scope))
    }

    private static func failure(
        _ name: String, _ value: JSONValue, _ type: String, _ path: PathExpression
    ) -> EvaluationFailure {
        let value = value.string ?? value.text
        return EvaluationFailure("The \(name)Path field refers to value \"\(value)\" which is not a valid \(type): \(path.text)")
    }

    private static func failure<Value>(of field: NumberField<Value>, _ text: String) -> EvaluationFailure {
        if case .expression(let field) = field { return EvaluationFailure(query: text, at: field.location) }
        return EvaluationFailure(text)
    }
}
