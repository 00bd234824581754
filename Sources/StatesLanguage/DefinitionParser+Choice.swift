import JSONModel
import Support

// The rules of a Choice.
extension DefinitionParser {
    mutating func choice(
        _ fields: JSONObject, at location: String, siblings: JSONObject, referred: inout Set<String>
    ) -> ChoiceFields? {
        guard fields["Choices"] != nil else {
            report("These fields are required: [Choices]", at: location)
            return nil
        }
        let defaultNext = string(fields, "Default", at: location)
        if let defaultNext {
            target(defaultNext, field: "Default", at: location + "/Default", siblings: siblings, referred: &referred)
        }
        guard let values = array(fields, "Choices", at: location) else { return nil }
        if values.isEmpty { report("Value cannot be empty", at: location + "/Choices") }
        var rules: [ChoiceRule] = []
        for (index, value) in values.enumerated() {
            let place = "\(location)/Choices[\(index)]"
            guard case .object(let object) = value else {
                report("Expected value of type Object", at: place)
                continue
            }
            let assign = assign(object, at: place)
            let output = output(object, at: place)
            let next = string(object, "Next", at: place)
            if let next {
                target(next, at: place + "/Next", siblings: siblings, referred: &referred)
            } else if object["Next"] == nil {
                report("These fields are required: [Next]", at: place)
            }
            if let condition = condition(object, at: place, isTop: true), let next {
                rules.append(ChoiceRule(condition: condition, next: next, assign: assign, output: output))
            }
        }
        guard rules.count == values.count else { return nil }
        return ChoiceFields(rules: rules, defaultNext: defaultNext)
    }

    private mutating func condition(_ object: JSONObject, at location: String, isTop: Bool) -> ChoiceCondition? {
        if current.language == .jsonata { return jsonataCondition(object, at: location) }
        let extra: Set<String> = isTop ? ["Next", "Assign", "Comment", "Variable"] : ["Variable", "Comment"]
        let operators = object.keys.filter { !extra.contains($0) }
        guard operators.count == 1, let name = operators.first else {
            if operators.isEmpty {
                report("A Choice rule must have a comparison operator", at: location)
            } else {
                reportChoice(of: operators, tooMany: true, at: location)
            }
            return nil
        }
        let place = "\(location)/\(name)"
        switch name {
        case "And", "Or":
            guard let values = array(object, name, at: location) else { return nil }
            if values.isEmpty { report("Value cannot be empty", at: place) }
            var conditions: [ChoiceCondition] = []
            for (index, value) in values.enumerated() {
                guard case .object(let inner) = value else {
                    report("Expected value of type Object", at: "\(place)[\(index)]")
                    continue
                }
                if let condition = condition(inner, at: "\(place)[\(index)]", isTop: false) { conditions.append(condition) }
            }
            guard conditions.count == values.count else { return nil }
            return name == "And" ? .and(conditions) : .or(conditions)
        case "Not":
            guard case .object(let inner)? = object[name] else {
                report("Expected value of type Object", at: place)
                return nil
            }
            return condition(inner, at: place, isTop: false).map { .not($0) }
        default: return comparison(object, name, at: location)
        }
    }

    private mutating func comparison(_ object: JSONObject, _ name: String, at location: String) -> ChoiceCondition? {
        let place = "\(location)/\(name)"
        guard object["Variable"] != nil else {
            report("These fields are required: [Variable]", at: location)
            return nil
        }
        guard let variable = path(object, "Variable", at: location), let value = object[name] else { return nil }
        if let test = Self.typeTests[name] {
            guard let expected = value.bool else {
                report("Expected value of type Boolean", at: place)
                return nil
            }
            return .test(variable: variable, test, expected: expected)
        }
        if name.hasSuffix("Path"), name != "StringMatchesPath", let comparison = Self.comparisons[String(name.dropLast(4))] {
            return referencePath(object, name, at: location).map {
                .compare(variable: variable, comparison, .path($0), name: name)
            }
        }
        guard let comparison = Self.comparisons[name] else {
            refuse(name, at: location)
            return nil
        }
        let problem: String? =
            if name.hasPrefix("String") {
                value.string == nil ? "Expected value of type String" : nil
            } else if name.hasPrefix("Numeric") {
                value.number == nil ? "Expected value of type Number" : nil
            } else if name.hasPrefix("Boolean") {
                value.bool == nil ? "Expected value of type Boolean" : nil
            } else {
                value.string.flatMap { Timestamp(iso8601: $0) } == nil ? "String does not match RFC3339 timestamp" : nil
            }
        if let problem {
            report(problem, at: place)
            return nil
        }
        return .compare(variable: variable, comparison, .literal(value), name: name)
    }

    private mutating func jsonataCondition(_ object: JSONObject, at location: String) -> ChoiceCondition? {
        checkFields(object, ["Condition", "Next", "Assign", "Output", "Comment"], location)
        guard let value = object["Condition"] else {
            report("These fields are required: [Condition]", at: location)
            return nil
        }
        if let constant = value.bool { return .constant(constant) }
        if let expression = expression(object, "Condition", at: location) { return .expression(expression) }
        report("Expected value of type Boolean or a JSONata expression", at: location + "/Condition")
        return nil
    }

    private static let typeTests: [String: ChoiceCondition.TypeTest] = [
        "IsNull": .isNull, "IsPresent": .isPresent, "IsNumeric": .isNumeric, "IsString": .isString,
        "IsBoolean": .isBoolean, "IsTimestamp": .isTimestamp,
    ]

    private static let comparisons: [String: ChoiceCondition.Comparison] = [
        "StringEquals": .stringEquals, "StringLessThan": .stringLessThan, "StringGreaterThan": .stringGreaterThan,
        "StringLessThanEquals": .stringLessThanEquals, "StringGreaterThanEquals": .stringGreaterThanEquals,
        "NumericEquals": .numericEquals, "NumericLessThan": .numericLessThan,
        "NumericGreaterThan": .numericGreaterThan, "NumericLessThanEquals": .numericLessThanEquals,
        "NumericGreaterThanEquals": .numericGreaterThanEquals, "TimestampEquals": .timestampEquals,
        "TimestampLessThan": .timestampLessThan, "TimestampGreaterThan": .timestampGreaterThan,
        "TimestampLessThanEquals": .timestampLessThanEquals,
        "TimestampGreaterThanEquals": .timestampGreaterThanEquals, "BooleanEquals": .booleanEquals,
        "StringMatches": .stringMatches,
    ]
}
