import JSONata

extension StateMachineDefinition {
    /// The variables that each state reads, by the state's name, branches and processors included; names ascending.
    /// States that read none are left out, as in `DescribeStateMachine`.
    package var variableReferences: [(state: String, variables: [String])] {
        var result: [(state: String, variables: [String])] = []
        collect(root, into: &result)
        return result.sorted { $0.state < $1.state }
    }

    private func collect(_ group: StateGroup, into result: inout [(state: String, variables: [String])]) {
        for state in group.states {
            var collector = VariableCollector()
            collector.add(state)
            if !collector.names.isEmpty { result.append((state.name, collector.names.sorted())) }
            switch state.body {
            case .parallel(let branches): for branch in branches { collect(branch, into: &result) }
            case .map(let fields): collect(fields.processor, into: &result)
            case .pass, .task, .choice, .wait, .succeed, .fail: break
            }
        }
    }
}

/// Gathers the variables that one state's fields name.
private struct VariableCollector {
    var names: Set<String> = []

    mutating func add(_ state: StateDefinition) {
        add(state.inputPath)
        add(state.outputPath)
        add(state.parameters)
        add(state.resultSelector)
        add(state.assign)
        add(state.output)
        for catcher in state.catchers {
            add(catcher.assign)
            add(catcher.output)
        }
        switch state.body {
        case .pass, .succeed, .parallel: break
        case .task(let fields):
            add(fields.timeoutSeconds)
            add(fields.heartbeatSeconds)
            add(fields.credentials)
        case .choice(let fields):
            for rule in fields.rules {
                add(rule.condition)
                add(rule.assign)
                add(rule.output)
            }
        case .wait(.secondsPath(let path)), .wait(.timestampPath(let path)): add(path)
        case .wait(.secondsExpression(let field)), .wait(.timestampExpression(let field)): add(field)
        case .wait: break
        case .fail(let fields):
            add(fields.error)
            add(fields.cause)
        case .map(let fields):
            add(fields.itemsPath)
            add(fields.items)
            add(fields.itemSelector)
            add(fields.maxConcurrency)
            add(fields.toleratedFailureCount)
            add(fields.toleratedFailurePercentage)
            add(fields.distributed?.reader?.parameters)
            add(fields.distributed?.reader?.maxItems)
            add(fields.distributed?.batcher?.maxItems)
            add(fields.distributed?.batcher?.maxBytes)
            add(fields.distributed?.batcher?.batchInput)
            add(fields.distributed?.writer?.parameters)
        }
    }

    private mutating func add(_ path: PathExpression?) {
        if case .variable(let name)? = path?.root { names.insert(name) }
    }

    private mutating func add(_ field: JSONataField) {
        names.formUnion(field.expression.freeVariables.subtracting(["states"]))
    }

    private mutating func add(_ path: DataPath) {
        if case .path(let path) = path { add(path) }
    }

    private mutating func add<Value>(_ number: NumberField<Value>?) {
        switch number {
        case .path(let path)?: add(path)
        case .expression(let field)?: add(field)
        case .literal?, nil: break
        }
    }

    private mutating func add(_ text: TextField?) {
        switch text {
        case .path(let path)?: add(path)
        case .intrinsic(let call, _)?: add(call)
        case .expression(let field)?: add(field)
        case .literal?, nil: break
        }
    }

    private mutating func add(_ call: IntrinsicCall) {
        for argument in call.arguments {
            switch argument {
            case .path(let path): add(path)
            case .call(let inner): add(inner)
            case .literal, .text: break
            }
        }
    }

    private mutating func add(_ template: PayloadTemplate?) {
        switch template {
        case .expression(let field)?: add(field)
        case .array(let elements)?: for element in elements { add(element) }
        case .object(let members)?:
            for member in members {
                switch member.value {
                case .template(let inner): add(inner)
                case .path(let path): add(path)
                case .intrinsic(let call, _): add(call)
                }
            }
        case .literal?, nil: break
        }
    }

    private mutating func add(_ condition: ChoiceCondition) {
        switch condition {
        case .and(let conditions), .or(let conditions): for condition in conditions { add(condition) }
        case .not(let condition): add(condition)
        case .expression(let field): add(field)
        case .constant: break
        case .test(let variable, _, _): add(variable)
        case .compare(let variable, _, let operand, _):
            add(variable)
            if case .path(let path) = operand { add(path) }
        }
    }
}
