import JSONModel
import JSONata
import StatesLanguage
import Support

/// What `$states` has beside the input and the context.
struct StateResults: Sendable {
    /// Of a Task, Parallel or Map that succeeded.
    var result: JSONValue?
    /// In a catcher.
    var errorOutput: JSONValue?
}

// States whose query language is JSONata.
extension ExecutionMachine {
    /// The value of an expression; undefined is an error.
    mutating func evaluate(
        _ field: JSONataField, _ input: JSONValue, _ slot: Int, item: (Int, JSONValue)? = nil,
        results: StateResults = StateResults()
    ) throws(EvaluationFailure) -> JSONValue {
        let place = "The JSONata expression '\(field.text)' specified for the field '\(field.location)'"
        var bindings: [String: JSONValue] = [:]
        for name in field.expression.freeVariables {
            if name == "states" {
                bindings[name] = statesObject(field, input, slot, item: item, results)
            } else if let value = variable(name, slot) {
                bindings[name] = value
            }
        }
        let environment = JSONataEnvironment(now: now, seed: random.next())
        let value: JSONValue?
        do {
            value = try field.expression.evaluate(nil, bindings: bindings, in: environment)
        } catch {
            throw EvaluationFailure(query: "\(place) \(Self.reason(error))", at: field.location)
        }
        guard let value else {
            throw EvaluationFailure(query: "\(place) returned nothing (undefined).", at: field.location)
        }
        return value
    }

    private static func reason(_ error: JSONataError) -> String {
        error.isUnsupportedResult
            ? "returned an unsupported result type." : "threw an error during evaluation. \(error.code): \(error.message)"
    }

    private func statesObject(
        _ field: JSONataField, _ input: JSONValue, _ slot: Int, item: (Int, JSONValue)?, _ results: StateResults
    ) -> JSONValue {
        var object: JSONObject = ["input": input]
        if field.mayReadContext { object["context"] = contextObject(slot, item: item) }
        if let result = results.result { object["result"] = result }
        if let output = results.errorOutput { object["errorOutput"] = output }
        return .object(object)
    }

    /// Throws unless the value has the type that the field wants.
    private static func expect<Value>(
        _ type: String, _ field: JSONataField, _ value: JSONValue, _ converted: Value?
    ) throws(EvaluationFailure) -> Value {
        if let converted { return converted }
        throw EvaluationFailure(
            query: "The JSONata expression '\(field.text)' specified for the field '\(field.location)' returned an "
                + "unexpected result type. Expected '\(type)', but was '\(value.typeName)' for value: \(value.text)",
            at: field.location)
    }

    mutating func string(
        _ field: JSONataField, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> String {
        let value = try evaluate(field, input, slot)
        return try Self.expect("string", field, value, value.string)
    }

    mutating func boolean(
        _ field: JSONataField, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Bool {
        let value = try evaluate(field, input, slot)
        return try Self.expect("boolean", field, value, value.bool)
    }

    /// A number without a fraction.
    mutating func integer(
        _ field: JSONataField, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Int64 {
        let value = try evaluate(field, input, slot)
        return try Self.expect("integer", field, value, value.int64)
    }

    mutating func double(
        _ field: JSONataField, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Double {
        let value = try evaluate(field, input, slot)
        return try Self.expect("number", field, value, value.double)
    }

    /// `Items`, else the input; nil when a reader finds them.
    mutating func jsonataItems(
        _ fields: MapFields, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> StateItems? {
        if fields.distributed?.reader != nil {
            if test == nil { return nil }
            if let items = test?.setting.mapItemReaderData { return StateItems(items) }
        }
        let value = if let template = fields.items { try evaluate(template, input, slot) } else { input }
        if fields.distributed != nil, case .object(let object) = value { return StateItems(membersOf: object) }
        switch fields.items {
        case .expression(let field)?: return StateItems(try Self.expect("array", field, value, value.array))
        case .some: return StateItems(value.array ?? [])
        case nil:
            guard let elements = value.array else {
                throw EvaluationFailure(query: "Map state input must be an array but was: \(input.text)", at: nil)
            }
            return StateItems(elements)
        }
    }

    /// Leaves a state by its `Output` and `Assign`, both evaluated against the variables at entry.
    /// - Parameter plain: the output when there is no `Output`.
    mutating func leave(
        _ slot: Int, input: JSONValue, plain: Payload, results: StateResults = StateResults(),
        output template: PayloadTemplate?, assign: PayloadTemplate?, _ transition: Transition?,
        after previous: Int64? = nil
    ) throws(EvaluationFailure) {
        let assigned = try self.assign(assign, input, slot, results: results)
        var output = plain
        if let template { output = Payload(try evaluate(template, input, slot, results: results)) }
        try leave(slot, output, assigned, transition, after: previous)
    }
}

extension JSONValue {
    /// As causes name types.
    fileprivate var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
