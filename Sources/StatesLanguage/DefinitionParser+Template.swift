import JSONModel

// Payload templates and variables.
extension DefinitionParser {
    mutating func template(_ fields: JSONObject, _ key: String, at location: String) -> PayloadTemplate? {
        guard let value = fields[key] else { return nil }
        return template(value, at: join(location, key))
    }

    private mutating func template(_ value: JSONValue, at location: String) -> PayloadTemplate {
        switch value {
        case .object(let object):
            var members: [PayloadTemplate.Member] = []
            var isLiteral = true
            for (key, member) in object {
                if key.utf8.count > 2, key.hasSuffix(".$") {
                    isLiteral = false
                    if let value = dynamicValue(member, key: key, at: location) {
                        members.append(PayloadTemplate.Member(name: String(key.dropLast(2)), key: key, value: value))
                    }
                } else {
                    let inner = template(member, at: "\(location)/\(key)")
                    if case .literal = inner {} else { isLiteral = false }
                    members.append(PayloadTemplate.Member(name: key, key: key, value: .template(inner)))
                }
            }
            return isLiteral ? .literal(value) : .object(members)
        case .array(let elements):
            var templates: [PayloadTemplate] = []
            var isLiteral = true
            for (index, element) in elements.enumerated() {
                let inner = template(element, at: "\(location)[\(index)]")
                if case .literal = inner {} else { isLiteral = false }
                templates.append(inner)
            }
            return isLiteral ? .literal(value) : .array(templates)
        default: return .literal(value)
        }
    }

    private mutating func dynamicValue(
        _ value: JSONValue, key: String, at location: String
    ) -> PayloadTemplate.Value? {
        guard let text = value.string else {
            let found =
                switch value {
                case .null: "a NULL"
                case .bool: "a BOOLEAN"
                case .number(let number): number.isInteger ? "an INTEGER" : "a FLOAT"
                case .string: "a STRING"
                case .array: "an ARRAY"
                case .object: "an OBJECT"
                }
            report("The value for the field '\(key)' must be a STRING that contains a JSONPath but was \(found)", at: location)
            return nil
        }
        if text.hasPrefix("$"), let path = PathExpression(text) { return .path(path) }
        if let call = IntrinsicParser.parse(text) { return .intrinsic(call, text: text) }
        report("The value for the field '\(key)' must be a valid JSONPath or a valid intrinsic function call", at: location)
        return nil
    }

    /// `Assign`: an object of variable names, each a Unicode identifier of at most 80 characters.
    mutating func assign(_ fields: JSONObject, at location: String) -> PayloadTemplate? {
        guard let value = fields["Assign"] else { return nil }
        let place = join(location, "Assign")
        guard case .object(let object) = value else {
            report("Expected value of type Object", at: place)
            return nil
        }
        for key in object.keys {
            let name = key.hasSuffix(".$") ? String(key.dropLast(2)) : key
            let scalars = name.unicodeScalars
            let isIdentifier = scalars.first.map { $0.properties.isIDStart } ?? false
                && scalars.allSatisfy { $0.properties.isIDContinue }
            if !isIdentifier || scalars.count > 80 || name == "states" {
                report("The variable name '\(name)' is not valid", at: place)
            }
        }
        return template(value, at: place)
    }
}
