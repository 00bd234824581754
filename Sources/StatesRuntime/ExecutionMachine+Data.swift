import JSONModel
import JSONPath
import StatesLanguage
import Support

// What states read and write: paths, templates, the context object, variables.
extension ExecutionMachine {
    /// `InputPath` or `OutputPath`.
    func select(_ payload: Payload, _ path: DataPath, _ slot: Int) throws(EvaluationFailure) -> Payload {
        switch path {
        case .whole: payload
        case .empty: Payload([:])
        case .path(let path): Payload(try value(at: path, payload.value, slot))
        }
    }

    /// The raw input after `InputPath` and `Parameters`.
    mutating func effectiveInput(
        _ slot: Int, _ state: StateDefinition, _ raw: Payload
    ) throws(EvaluationFailure) -> Payload {
        let input = try select(raw, state.inputPath, slot)
        let parameters = if let template = state.parameters { Payload(try evaluate(template, input.value, slot)) } else { input }
        if state.queryLanguage == .jsonata {
            inspect(text: "afterArguments", parameters)
        } else {
            inspect(text: "afterInputPath", input)
            inspect(text: "afterParameters", parameters)
        }
        return parameters
    }

    /// Puts a result into the raw input.
    func combine(_ result: Payload, with raw: Payload, _ path: ResultPath) throws(EvaluationFailure) -> Payload {
        switch path {
        case .replace: return result
        case .discard: return raw
        case .set(let reference):
            var value = raw.value
            guard reference.set(result.value, in: &value) else {
                throw EvaluationFailure(
                    error: "States.ResultPathMatchFailure",
                    "Unable to apply ReferencePath \(reference.text) to input \(raw.text)")
            }
            return Payload(value)
        }
    }

    /// The value at a path of a field; a path that may find many finds an empty array at least.
    func value(
        at path: PathExpression, _ data: JSONValue, _ slot: Int, item: (Int, JSONValue)? = nil
    ) throws(EvaluationFailure) -> JSONValue {
        do {
            return try find(path, data, slot, item: item)
        } catch {
            throw EvaluationFailure("Invalid path '\(path.text)' : \(error.message)")
        }
    }

    private func find(
        _ path: PathExpression, _ data: JSONValue, _ slot: Int, item: (Int, JSONValue)?
    ) throws(JSONPathError) -> JSONValue {
        let root: JSONValue
        switch path.root {
        case .data: root = data
        case .context: root = contextObject(slot, item: item)
        case .variable(let name):
            guard let value = variable(name, slot) else {
                throw JSONPathError("The variable '$\(name)' has not been assigned.")
            }
            root = value
        }
        if path.path.isRoot { return root }
        do {
            return try path.path.evaluate(in: root)
        } catch {
            if !path.path.isDefinite { return .array([]) }
            throw error
        }
    }

    /// The nearest assignment, from the scope outwards.
    func variable(_ name: String, _ slot: Int) -> JSONValue? {
        var current: Int? = slot
        while let position = current, let scope = scopes[position] {
            if let value = scope.variables[name] { return value }
            current = scope.parent
        }
        return nil
    }

    /// `Assign`, evaluated but not yet set; nil when there is none.
    mutating func assign(
        _ template: PayloadTemplate?, _ data: JSONValue, _ slot: Int, results: StateResults = StateResults()
    ) throws(EvaluationFailure) -> JSONObject? {
        guard let template else { return nil }
        return try evaluate(template, data, slot, results: results).object
    }

    /// - Parameter item: the element that `ItemSelector` is evaluated for.
    mutating func evaluate(
        _ template: PayloadTemplate, _ data: JSONValue, _ slot: Int, item: (Int, JSONValue)? = nil,
        results: StateResults = StateResults()
    ) throws(EvaluationFailure) -> JSONValue {
        switch template {
        case .literal(let value): return value
        case .expression(let field): return try evaluate(field, data, slot, item: item, results: results)
        case .array(let elements):
            var values: [JSONValue] = []
            values.reserveCapacity(elements.count)
            for element in elements { values.append(try evaluate(element, data, slot, item: item, results: results)) }
            return .array(values)
        case .object(let members):
            var object = JSONObject()
            object.reserveCapacity(members.count)
            for member in members {
                switch member.value {
                case .template(let inner):
                    object[member.name] = try evaluate(inner, data, slot, item: item, results: results)
                case .path(let path):
                    object[member.name] = try templateValue(path, member.key, data, slot, item: item)
                case .intrinsic(let call, let text):
                    object[member.name] = try evaluate(
                        call, IntrinsicPlace(field: member.key, text: text, data: data, slot: slot, item: item))
                }
            }
            return .object(object)
        }
    }

    /// The value at a path of a template or an intrinsic function, whose failure has another text.
    func templateValue(
        _ path: PathExpression, _ field: String, _ data: JSONValue, _ slot: Int, item: (Int, JSONValue)?
    ) throws(EvaluationFailure) -> JSONValue {
        do {
            return try find(path, data, slot, item: item)
        } catch {
            throw EvaluationFailure(
                "The JSONPath '\(path.text)' specified for the field '\(field)' could not be found in the input '\(data.text)'")
        }
    }

    /// `Error` or `Cause` of a Fail state.
    mutating func text(
        _ field: TextField?, _ name: String, _ data: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> String? {
        let value: JSONValue
        switch field {
        case nil: return nil
        case .literal(let text)?: return text
        case .expression(let field)?: return try string(field, data, slot)
        case .path(let path)?: value = try templateValue(path, name, data, slot, item: nil)
        case .intrinsic(let call, let text)?:
            value = try evaluate(call, IntrinsicPlace(field: name, text: text, data: data, slot: slot, item: nil))
        }
        guard let text = value.string else {
            throw EvaluationFailure("The field '\(name)' must refer to a string but was: \(value.text)")
        }
        return text
    }

    /// An integer, or a string that is one.
    func integer(_ value: JSONValue) -> Int64? { value.int64 ?? value.string.flatMap { Int64($0) } }

    /// ISO 8601 without a fraction of zero.
    private static func timeText(_ time: Timestamp) -> String {
        let text = time.iso8601
        return text.hasSuffix(".000Z") ? text.dropLast(5) + "Z" : text
    }

    /// `$$` as the scope sees it.
    /// - Source: Step Functions, "Accessing execution data from the Context object".
    func contextObject(_ slot: Int, item: (Int, JSONValue)? = nil) -> JSONValue {
        if let test, case .object(var context)? = test.setting.context {
            if test.isInMap { context["Map"] = mapContext(slot, item: item) }
            return .object(context)
        }
        var executionObject: JSONObject = [
                "Id": .string(execution.executionArn), "Input": execution.input.value,
                "StartTime": .string(Self.timeText(execution.startTime)), "Name": .string(execution.executionName),
                // A test may have none.
                "RoleArn": execution.roleArn.isEmpty ? .null : .string(execution.roleArn),
        ]
        if execution.type == .standard || execution.isAsynchronous { executionObject["RedriveCount"] = .number(execution.redriveCount) }
        if let time = execution.redriveTime { executionObject["RedriveTime"] = .string(Self.timeText(time)) }
        var context: JSONObject = [
            "Execution": .object(executionObject),
            "StateMachine": [
                "Id": .string(execution.stateMachineArn), "Name": .string(execution.stateMachineName),
            ],
        ]
        if let scope = scopes[slot], let state = scope.state {
            var object: JSONObject = [
                "Name": .string(test?.setting.stateName ?? state.name),
                "EnteredTime": .string(Self.timeText(scope.enteredAt)),
            ]
            switch state.type {
            case .task, .parallel, .map: object["RetryCount"] = .number(scope.attempt)
            case .pass, .wait, .choice, .succeed, .fail: break
            }
            context["State"] = .object(object)
            if state.type == .task, let token = scope.taskToken { context["Task"] = ["Token": .string(token)] }
        }
        if let map = mapContext(slot, item: item) { context["Map"] = map }
        return .object(context)
    }

    /// The item that is worked on, of the nearest Map; nil outside of all.
    private func mapContext(_ slot: Int, item: (Int, JSONValue)?) -> JSONValue? {
        var element = item
        var current: Int? = slot
        while element == nil, let position = current, let scope = scopes[position] {
            if let value = scope.item { element = (scope.index, value) }
            current = scope.parent
        }
        guard let element else { return nil }
        var object: JSONObject = ["Index": .number(element.0), "Value": element.1]
        for (name, value) in itemDetails { object[name] = value }
        return ["Item": .object(object)]
    }
}
