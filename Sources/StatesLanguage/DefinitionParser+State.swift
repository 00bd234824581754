import JSONModel
import Support

private let longestSeconds: Int64 = 99_999_999

// One state of each type.
extension DefinitionParser {
    mutating func state(
        _ fields: JSONObject, name: String, at location: String, siblings: JSONObject, language: QueryLanguage,
        referred: inout Set<String>
    ) -> StateDefinition? {
        guard let value = fields["Type"] else {
            report("These fields are required: [Type]", at: location)
            return nil
        }
        guard let type = value.string.flatMap(StateType.init) else {
            let names = StateType.allCases.map(\.rawValue).joined(separator: ", ")
            report("The field 'Type' should have one of these values: [\(names)]", at: location + "/Type")
            return nil
        }
        let own = queryLanguage(fields, inherited: language, at: location)
        if language == .jsonata, own == .jsonPath {
            report("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", at: location)
        }
        let outer = current
        current = (location, own)
        defer { current = outer }
        let allowed = own == .jsonata ? Self.jsonataFields(of: type) : Self.fields(of: type)
        checkFields(fields, allowed, location)
        var common = StateFields()
        common.comment = string(fields, "Comment", at: location)
        common.queryLanguage = own
        switch own {
        case .jsonPath:
            common.inputPath = dataPath(fields, "InputPath", at: location)
            common.outputPath = dataPath(fields, "OutputPath", at: location)
            if type != .map { common.parameters = template(fields, "Parameters", at: location) }
            common.resultSelector = template(fields, "ResultSelector", at: location)
            common.resultPath = resultPath(fields, at: location)
        case .jsonata:
            common.parameters = template(fields, "Arguments", at: location)
            common.output = template(fields, "Output", at: location)
        }
        common.assign = assign(fields, at: location)
        if allowed.contains("Next") {
            common.transition = transition(fields, at: location, siblings: siblings, referred: &referred)
        }
        common.retriers = retriers(fields, at: location)
        common.catchers = catchers(fields, at: location, siblings: siblings, referred: &referred)
        let body: StateBody? =
            switch type {
            case .pass: .pass(result: fields["Result"])
            case .succeed: .succeed
            case .task: task(fields, at: location).map { .task($0) }
            case .choice: choice(fields, at: location, siblings: siblings, referred: &referred).map { .choice($0) }
            case .wait: wait(fields, at: location).map { .wait($0) }
            case .fail: .fail(fail(fields, at: location))
            case .parallel: parallel(fields, at: location).map { .parallel($0) }
            case .map: map(fields, at: location).map { .map($0) }
            }
        return body.map { StateDefinition(common, name: name, body: $0) }
    }

    private static func fields(of type: StateType) -> Set<String> {
        let all: Set = ["Type", "Comment", "QueryLanguage"]
        let data: Set = ["InputPath", "OutputPath"]
        let result: Set = ["Parameters", "ResultSelector", "ResultPath", "Assign", "Retry", "Catch", "Next", "End"]
        switch type {
        case .pass:
            return all.union(data).union(["Parameters", "Result", "ResultPath", "Assign", "Next", "End"])
        case .task:
            return all.union(data).union(result).union([
                "Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath",
                "Credentials",
            ])
        case .choice: return all.union(data).union(["Choices", "Default", "Assign"])
        case .wait:
            return all.union(data).union([
                "Seconds", "SecondsPath", "Timestamp", "TimestampPath", "Assign", "Next", "End",
            ])
        case .succeed: return all.union(data)
        case .fail: return all.union(["Error", "ErrorPath", "Cause", "CausePath"])
        case .parallel: return all.union(data).union(result).union(["Branches"])
        case .map:
            return all.union(data).union(result).union([
                "Iterator", "ItemProcessor", "ItemsPath", "ItemSelector", "MaxConcurrency", "MaxConcurrencyPath",
                "ToleratedFailureCount", "ToleratedFailureCountPath", "ToleratedFailurePercentage",
                "ToleratedFailurePercentagePath", "Label", "ItemReader", "ItemBatcher", "ResultWriter",
            ])
        }
    }

    private static func jsonataFields(of type: StateType) -> Set<String> {
        let all: Set = ["Type", "Comment", "QueryLanguage"]
        let leaving: Set = ["Output", "Assign", "Next", "End"]
        switch type {
        case .pass: return all.union(leaving)
        case .task:
            return all.union(leaving).union([
                "Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds", "Credentials", "Retry", "Catch",
            ])
        case .choice: return all.union(["Choices", "Default", "Output", "Assign"])
        case .wait: return all.union(leaving).union(["Seconds", "Timestamp"])
        case .succeed: return all.union(["Output"])
        case .fail: return all.union(["Error", "Cause"])
        case .parallel: return all.union(leaving).union(["Arguments", "Branches", "Retry", "Catch"])
        case .map:
            return all.union(leaving).union([
                "ItemProcessor", "Items", "ItemSelector", "MaxConcurrency", "ToleratedFailureCount",
                "ToleratedFailurePercentage", "Label", "ItemReader", "ItemBatcher", "ResultWriter", "Retry", "Catch",
            ])
        }
    }

    private mutating func transition(
        _ fields: JSONObject, at location: String, siblings: JSONObject, referred: inout Set<String>
    ) -> Transition? {
        let next = string(fields, "Next", at: location)
        var isEnd = false
        if let value = fields["End"] {
            if let flag = value.bool {
                isEnd = flag
            } else {
                report("Expected value of type Boolean", at: location + "/End")
                return nil
            }
        }
        if let next {
            if isEnd { reportChoice(of: ["Next", "End"], tooMany: true, at: location) }
            target(next, at: location + "/Next", siblings: siblings, referred: &referred)
            return .next(next)
        }
        if isEnd { return .end }
        if fields["Next"] == nil { reportChoice(of: ["Next", "End"], tooMany: false, at: location) }
        return nil
    }

    mutating func target(
        _ name: String, field: String = "Next", at location: String, siblings: JSONObject, referred: inout Set<String>
    ) {
        if siblings.contains(name) || isSingleState {
            referred.insert(name)
        } else {
            report("Missing '\(field)' target: \(name)", code: "MISSING_TRANSITION_TARGET", at: location)
        }
    }

    mutating func numberField(
        _ fields: JSONObject, _ key: String, at location: String, in range: ClosedRange<Int64>
    ) -> NumberField<Int64>? {
        numberField(fields, key, at: location) { $0.integer(fields, key, at: location, in: range) }
    }

    private mutating func numberField<Value>(
        _ fields: JSONObject, _ key: String, at location: String, literal: (inout Self) -> Value?
    ) -> NumberField<Value>? {
        if fields[key] != nil, fields[key + "Path"] != nil {
            reportChoice(of: [key, key + "Path"], tooMany: true, at: location)
        }
        if let expression = expression(fields, key, at: location) { return .expression(expression) }
        if let value = literal(&self) { return .literal(value) }
        return referencePath(fields, key + "Path", at: location).map { .path($0) }
    }

    private mutating func task(_ fields: JSONObject, at location: String) -> TaskFields? {
        guard fields["Resource"] != nil else {
            report("These fields are required: [Resource]", at: location)
            return nil
        }
        let timeout = numberField(fields, "TimeoutSeconds", at: location, in: 1...longestSeconds)
        let heartbeat = numberField(fields, "HeartbeatSeconds", at: location, in: 1...longestSeconds)
        if case .literal(let timeout) = timeout, case .literal(let heartbeat) = heartbeat, heartbeat >= timeout {
            report("HeartbeatSeconds must be smaller than TimeoutSeconds", at: location + "/HeartbeatSeconds")
        }
        var credentials: PayloadTemplate?
        if let value = fields["Credentials"] {
            if let object = value.object, object["RoleArn"] == nil, object["RoleArn.$"] == nil {
                report("The field 'RoleArn' is required but was missing", at: location + "/Credentials")
            }
            credentials = template(fields, "Credentials", at: location)
        }
        guard let text = string(fields, "Resource", at: location) else { return nil }
        guard text.hasPrefix("arn:") else {
            report("Value is not a valid resource ARN", at: location + "/Resource")
            return nil
        }
        guard let resource = TaskResource(text), resource.isKnown else {
            report(
                "The resource provided \(text) is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.",
                at: location + "/Resource")
            return nil
        }
        if type == .express {
            if resource.pattern != .requestResponse {
                // The service's own blank.
                let blank = resource.pattern == .waitForTaskToken ? " " : ""
                report("Express state machine does not support '\(resource.pattern.suffix)' service integration\(blank)", at: location + "/Resource")
            } else if resource.kind == .activity {
                report("Express state machine does not support Activity ARN", at: location + "/Resource")
            }
        }
        if resource.kind == .activity, fields["Credentials"] != nil {
            report("The field 'Credentials' is not supported for activities", at: location + "/Credentials")
        }
        checkParameters(fields, of: resource, at: location)
        if let obstacle = resource.obstacle {
            diagnostics.append(
                Diagnostic(
                    .warning, code: Diagnostic.unsupportedIntegration, message: obstacle, location: location + "/Resource"))
        }
        return TaskFields(
            resource: resource, timeoutSeconds: timeout, heartbeatSeconds: heartbeat, credentials: credentials)
    }

    private mutating func checkParameters(_ fields: JSONObject, of resource: TaskResource, at location: String) {
        guard resource.kind == .optimized || resource.kind == .awsSDK else { return }
        let key = parametersKey
        guard let parameters = fields[key] else {
            report("\(key) field is required for resource ARN: \(resource.arn)", at: location)
            return
        }
        for complaint in resource.complaints(about: parameters, as: .template(current.language)) {
            report(complaint, at: join(location, key))
        }
    }

    private mutating func wait(_ fields: JSONObject, at location: String) -> WaitDuration? {
        let keys =
            current.language == .jsonata ? ["Seconds", "Timestamp"] : ["SecondsPath", "Seconds", "TimestampPath", "Timestamp"]
        let present = keys.filter { fields[$0] != nil }
        guard present.count == 1 else {
            reportChoice(of: keys, tooMany: !present.isEmpty, at: location)
            return nil
        }
        if let expression = expression(fields, present[0], at: location) {
            return present[0] == "Seconds" ? .secondsExpression(expression) : .timestampExpression(expression)
        }
        switch present[0] {
        case "Seconds": return integer(fields, "Seconds", at: location, in: 0...longestSeconds).map { .seconds($0) }
        case "SecondsPath": return referencePath(fields, "SecondsPath", at: location).map { .secondsPath($0) }
        case "TimestampPath": return referencePath(fields, "TimestampPath", at: location).map { .timestampPath($0) }
        default:
            guard let text = string(fields, "Timestamp", at: location) else { return nil }
            guard let timestamp = Timestamp(iso8601: text) else {
                report("String does not match RFC3339 timestamp", at: location + "/Timestamp")
                return nil
            }
            return .timestamp(timestamp)
        }
    }

    private mutating func fail(_ fields: JSONObject, at location: String) -> FailFields {
        FailFields(
            error: textField(fields, "Error", at: location), cause: textField(fields, "Cause", at: location))
    }

    private mutating func textField(_ fields: JSONObject, _ key: String, at location: String) -> TextField? {
        if fields[key] != nil, fields[key + "Path"] != nil {
            reportChoice(of: [key, key + "Path"], tooMany: true, at: location)
        }
        if let expression = expression(fields, key, at: location) { return .expression(expression) }
        if let text = string(fields, key, at: location) { return .literal(text) }
        guard let text = string(fields, key + "Path", at: location) else { return nil }
        if let path = PathExpression(text) { return .path(path) }
        if let call = IntrinsicParser.parse(text) { return .intrinsic(call, text: text) }
        report(
            "The value for the field '\(key)Path' must be a valid JSONPath or a valid intrinsic function call",
            at: "\(location)/\(key)Path")
        return nil
    }

    private mutating func parallel(_ fields: JSONObject, at location: String) -> [StateGroup]? {
        guard fields["Branches"] != nil else {
            report("These fields are required: [Branches]", at: location)
            return nil
        }
        guard let values = array(fields, "Branches", at: location) else { return nil }
        if values.isEmpty { report("Value cannot be empty", at: location + "/Branches") }
        var branches: [StateGroup] = []
        for (index, value) in values.enumerated() {
            let place = "\(location)/Branches[\(index)]"
            guard case .object(let object) = value else {
                report("Expected value of type Object", at: place)
                continue
            }
            checkFields(object, ["StartAt", "States", "Comment"], place)
            if let branch = group(object, at: place, language: language) { branches.append(branch) }
        }
        return branches.count == values.count ? branches : nil
    }

    private mutating func map(_ fields: JSONObject, at location: String) -> MapFields? {
        let processors = ["ItemProcessor", "Iterator"]
        let keys = processors.filter { fields[$0] != nil }
        if keys.count != 1 { reportChoice(of: processors, tooMany: !keys.isEmpty, at: location) }
        guard let key = keys.first else { return nil }
        if fields["Parameters"] != nil, fields["ItemSelector"] != nil {
            reportChoice(of: ["ItemSelector", "Parameters"], tooMany: true, at: location)
        }
        let selector = template(fields, fields["ItemSelector"] != nil ? "ItemSelector" : "Parameters", at: location)
        let itemsPath = path(fields, "ItemsPath", at: location)
        let concurrency = numberField(fields, "MaxConcurrency", at: location, in: 0...Int64.max)
        let count = numberField(fields, "ToleratedFailureCount", at: location, in: 0...Int64.max)
        let percentage = numberField(fields, "ToleratedFailurePercentage", at: location) {
            $0.decimal(fields, "ToleratedFailurePercentage", at: location, in: 0...100)
        }
        guard case .object(let object)? = fields[key] else {
            report("Expected value of type Object", at: join(location, key))
            return nil
        }
        let place = join(location, key)
        checkFields(object, ["StartAt", "States", "Comment", "ProcessorConfig"], place)
        let childType = processorType(object, at: join(place, "ProcessorConfig"))
        let outer = type
        type = childType ?? type
        defer { type = outer }
        let processor = group(object, at: place, language: language)
        let distributed = childType.map {
            self.distributed(fields, processor: object, childType: $0, at: location)
        }
        if childType == nil {
            for name in Self.distributedFields where fields[name] != nil {
                report("The field '\(name)' is only supported by Maps in DISTRIBUTED mode", at: join(location, name))
            }
        } else if outer == .express {
            report(
                "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
                at: place + "/ProcessorConfig/Mode")
        }
        let items = items(fields, isDistributed: childType != nil, at: location)
        guard let processor else { return nil }
        return MapFields(
            processor: processor, distributed: distributed, itemsPath: itemsPath, items: items, itemSelector: selector,
            maxConcurrency: concurrency, toleratedFailureCount: count, toleratedFailurePercentage: percentage)
    }

    /// The type of a Map's child executions; nil in INLINE mode.
    private mutating func processorType(_ processor: JSONObject, at location: String) -> StateMachineType? {
        guard let config = processor["ProcessorConfig"] else { return nil }
        switch config["Mode"]?.string {
        case nil, "INLINE":
            if let config = config.object { checkFields(config, ["Mode"], location) }
            return nil
        case "DISTRIBUTED":
            // The service asks for a type; tests of single states and old definitions do without.
            let text = config["ExecutionType"]?.string ?? StateMachineType.standard.rawValue
            if let type = StateMachineType(rawValue: text) { return type }
            reportSet(["STANDARD", "EXPRESS"], at: join(location, "ExecutionType"))
        default:
            reportSet(["INLINE", "DISTRIBUTED"], at: join(location, "Mode"))
        }
        return nil
    }

    /// JSONata's `Items`: an array, or an expression for one; in DISTRIBUTED mode also an object.
    private mutating func items(_ fields: JSONObject, isDistributed: Bool, at location: String) -> PayloadTemplate? {
        guard let template = template(fields, "Items", at: location) else { return nil }
        switch template {
        case .array, .expression, .literal(.array): return template
        case .object where isDistributed, .literal(.object) where isDistributed: return template
        case .object, .literal:
            report("Expected value of type Array", at: join(location, "Items"))
            return nil
        }
    }
}
