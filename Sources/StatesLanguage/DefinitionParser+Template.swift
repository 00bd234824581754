import JSONModel
import JSONata

// Payload templates and variables.
extension DefinitionParser {
    mutating func template(_ fields: JSONObject, _ key: String, at location: String) -> PayloadTemplate? {
        guard let value = fields[key] else { return nil }
        return template(value, at: join(location, key))
    }

    private mutating func template(_ value: JSONValue, at location: String) -> PayloadTemplate {
        switch value {
        case .string(let text) where current.language == .jsonata:
            return expression(text, at: location).map { .expression($0) } ?? .literal(value)
        case .object(let object):
            var members: [PayloadTemplate.Member] = []
            var isLiteral = true
            for (key, member) in object {
                if current.language == .jsonPath, key.utf8.count > 2, key.hasSuffix(".$") {
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
            let name = current.language == .jsonPath && key.hasSuffix(".$") ? String(key.dropLast(2)) : key
            let scalars = name.unicodeScalars
            let isIdentifier = scalars.first.map { $0.properties.isIDStart } ?? false
                && scalars.allSatisfy { $0.properties.isIDContinue }
            if !isIdentifier || scalars.count > 80 || name == "states" {
                report("The variable name '\(name)' is not valid", at: place)
            } else if scopes.dropLast().contains(where: { $0[name, default: 0] > 0 }) {
                report(
                    "The variable '\(name)' is assigned in an outer scope and cannot be assigned in an inner one: use another name", at: place)
            }
        }
        return template(value, at: place)
    }

    /// JSONata's `Output` of a rule or a catcher.
    mutating func output(_ fields: JSONObject, at location: String) -> PayloadTemplate? {
        current.language == .jsonata ? template(fields, "Output", at: location) : nil
    }

    /// The JSONata expression of a field that holds a string in `{% %}`; nil for anything else.
    mutating func expression(_ fields: JSONObject, _ key: String, at location: String) -> JSONataField? {
        guard current.language == .jsonata, let text = fields[key]?.string else { return nil }
        return expression(text, at: join(location, key))
    }

    private mutating func expression(_ text: String, at location: String) -> JSONataField? {
        let isOpened = text.hasPrefix("{%"), isClosed = text.hasSuffix("%}") && text.utf8.count >= 4
        guard isOpened, isClosed else {
            if isOpened || text.hasSuffix("%}") {
                report("JSONata string must start with {% and end with %}", at: location)
            }
            return nil
        }
        let blank: Set<Character> = [" ", "\t", "\n", "\r", "\r\n"]
        var inner = text.dropFirst(2).dropLast(2).drop(while: blank.contains)
        while let last = inner.last, blank.contains(last) { inner.removeLast() }
        do {
            let expression = try JSONataExpression(parsing: String(inner))
            return JSONataField(
                text: String(inner), location: String(location.dropFirst(current.location.count + 1)), expression: expression)
        } catch {
            report("The JSONata expression '\(inner)' is not valid. \(error.code): \(error.message)", at: location)
            return nil
        }
    }
}
