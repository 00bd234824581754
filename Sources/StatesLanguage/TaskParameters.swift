package import JSONModel

/// How parameters are written.
package enum ParameterForm: Sendable, Hashable {
    /// As they are sent.
    case values
    /// As a definition has them, where only what is not found out later can be wrong.
    case template(QueryLanguage)
}

extension TaskResource {
    /// What is wrong with the parameters of a call: members that its operation does not have, required ones that are
    /// missing, values that a member cannot hold. In document order and in the service's words; empty where it is not known
    /// what the operation takes.
    ///
    /// - Source: `SCHEMA_VALIDATION_FAILED` of CreateStateMachine, `States.Runtime` of executions.
    package func complaints(about parameters: JSONValue, as form: ParameterForm = .values) -> [String] {
        guard kind == .optimized || kind == .awsSDK, let shapes = ServiceShape.shapes(ofService: service),
            let shape = shapes[">" + action.prefix(1).uppercased() + action.dropFirst()]
        else { return [] }
        var check = ParameterCheck(shapes: shapes, form: form)
        check.check(parameters, shape, named: form == .template(.jsonata) ? "Arguments" : "Parameters")
        return check.complaints
    }
}

private struct ParameterCheck {
    let shapes: [String: ServiceShape]
    let form: ParameterForm
    var complaints: [String] = []

    // As deep as the document, which the parser has limited.
    mutating func check(_ value: JSONValue, _ shape: ServiceShape, named name: String) {
        if isDynamic(value) { return }
        guard let object = value.object else { return refuse(name) }
        for (key, value) in object {
            // Of what a path will give only the name is known, and the service looks at neither before the state runs.
            if form == .template(.jsonPath), key.hasSuffix(".$") { continue }
            if let member = shape.member(key) {
                check(value, member.kind, named: key)
            } else {
                complaints.append("The field \"\(key)\" is not supported by Step Functions")
            }
        }
        // A null is there, and the callee's to complain of.
        for member in shape.members where member.isRequired && !object.contains(member.name) {
            if form == .template(.jsonPath), object[member.name + ".$"] != nil { continue }
            complaints.append("The field '\(member.name)' is required but was missing")
        }
    }

    private mutating func check(_ value: JSONValue, _ kind: ServiceShape.Kind, named name: String) {
        if value.isNull || isDynamic(value) { return }
        switch kind {
        case .text: return  // JSON becomes its text.
        case .number:
            if value.number == nil, value.string.flatMap({ JSONNumber(text: $0) }) == nil { refuse(name) }
        case .flag:
            if value.bool == nil, value.string.flatMap({ Bool($0) }) == nil { refuse(name) }
        case .time:
            if value.number == nil, value.string == nil { refuse(name) }
        case .list(let kind):
            guard let elements = value.array else { return refuse(name) }
            for element in elements { check(element, kind, named: name) }
        case .map(let kind):
            guard let object = value.object else { return refuse(name) }
            for (key, value) in object where !(form == .template(.jsonPath) && key.hasSuffix(".$")) {
                check(value, kind, named: key)
            }
        case .structure(let structure):
            if let shape = shapes[structure] { check(value, shape, named: name) }
        }
    }

    private mutating func refuse(_ name: String) {
        complaints.append("The value of the field '\(name)' has an invalid format")
    }

    private func isDynamic(_ value: JSONValue) -> Bool {
        form == .template(.jsonata) && value.string?.hasPrefix("{%") == true
    }
}
