import JSONModel
import JSONPath

/// Reads a definition and checks it in one walk: what each field may hold, and what names it may refer to. Findings are
/// put into document order at the end.
struct DefinitionParser {
    /// Of the machine, or of the children of the Map being read.
    var type: StateMachineType
    /// Whether one state is read by itself, whose transitions lead elsewhere.
    var isSingleState = false
    var diagnostics: [Diagnostic] = []
    /// Names of all states of the machine, which must differ.
    var stateNames: Set<String> = []
    /// Labels of Maps, which must differ, too.
    var labels: Set<String> = []
    /// Of the whole machine, which states inside a Map or Parallel inherit, too.
    var language = QueryLanguage.jsonPath
    /// The state being read.
    var current = (location: "", language: QueryLanguage.jsonPath)
    /// How often each scope assigns its variables, from the machine's own to that of the states being read.
    var scopes: [[String: Int]] = []

    static func parse(
        _ text: String, type: StateMachineType
    ) -> (definition: StateMachineDefinition?, diagnostics: [Diagnostic]) {
        let document: JSONValue
        let object: JSONObject
        do throws(DefinitionError) {
            (document, object) = try read(text)
        } catch {
            return (nil, error.diagnostics)
        }
        var parser = DefinitionParser(type: type)
        let definition = parser.machine(object, text: text)
        return (definition, inDocumentOrder(parser.diagnostics, document))
    }

    /// The text as JSON, which must be an object.
    static func read(_ text: String) throws(DefinitionError) -> (JSONValue, JSONObject) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: text)
        } catch {
            throw DefinitionError(diagnostics: [finding(on: error, in: text)])
        }
        guard case .object(let object) = document else {
            let message = "Definition must be a valid JSON object"
            throw DefinitionError(
                diagnostics: [Diagnostic(.error, code: Diagnostic.invalidSchema, message: message, location: nil)])
        }
        return (document, object)
    }

    private static func finding(on error: JSONSyntaxError, in text: String) -> Diagnostic {
        if text.utf8.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
            return Diagnostic(
                .error, code: Diagnostic.invalidSchema, message: "Definition must be a valid JSON object", location: nil)
        }
        // Jackson quotes the beginning of its source.
        let shown = text.utf16.count <= 500 ? text : String(decoding: text.utf16.prefix(500), as: UTF16.self)
        let rest = text.utf16.count - shown.utf16.count
        let place = "[Source: (String)\"\(shown)\"\(rest > 0 ? "[truncated \(rest) chars]" : ""); "
            + "line: \(error.line), column: \(error.column)]"
        return Diagnostic(
            .error, code: Diagnostic.invalidJSON, message: "\(error.message)\n at \(place)", location: place)
    }

    mutating func machine(_ object: JSONObject, text: String) -> StateMachineDefinition? {
        let allowed: Set = ["Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"]
        checkFields(object, allowed, "/")
        language = queryLanguage(object, inherited: .jsonPath, at: "/")
        let timeout = integer(object, "TimeoutSeconds", at: "", in: 1...99_999_999)
        let version = string(object, "Version", at: "")
        let comment = string(object, "Comment", at: "")
        let root = group(object, at: "", language: language)
        guard let root else { return nil }
        if !diagnostics.contains(where: { $0.severity == .error }), !root.states.contains(where: \.isTerminal) {
            diagnostics.append(
                Diagnostic(.error, code: "MISSING_END_STATE", message: "Workflow has no terminal state", location: nil))
        }
        return StateMachineDefinition(
            text: text, comment: comment, version: version, timeoutSeconds: timeout, root: root)
    }

    /// `StartAt` and `States` of a machine, branch or processor.
    /// - Parameter location: of the object; empty for the machine itself.
    mutating func group(_ object: JSONObject, at location: String, language: QueryLanguage) -> StateGroup? {
        let missing = ["States", "StartAt"].filter { object[$0] == nil }
        if !missing.isEmpty {
            report("These fields are required: [\(missing.joined(separator: ", "))]", at: location.isEmpty ? "/" : location)
        }
        let startAt = string(object, "StartAt", at: location)
        guard let value = object["States"] else { return nil }
        guard case .object(let members) = value else {
            report("Expected value of type Object", at: location + "/States")
            return nil
        }
        if members.isEmpty { report("Value cannot be empty", at: location + "/States") }
        scopes.append([:])
        defer { scopes.removeLast() }
        for (_, state) in members {
            countVariables([state] + (state["Choices"]?.array ?? []) + (state["Catch"]?.array ?? []), 1)
        }
        var states: [StateDefinition] = []
        var referred: Set<String> = []
        for (name, value) in members {
            let place = "\(location)/States/\(name)"
            if !stateNames.insert(name).inserted {
                report("Duplicate State name: \(name)", code: "DUPLICATE_STATE_NAME", at: place)
            }
            if name.utf16.count > 80 { report("State name exceeds 80 characters", at: place) }
            guard case .object(let fields) = value else {
                report("Expected value of type Object", at: place)
                continue
            }
            // What a Parallel or Map assigns once its branches or iterations are gone is nothing to them.
            let catchers = fields["Catch"]?.array ?? []
            countVariables(catchers, -1)
            if let state = state(fields, name: name, at: place, siblings: members, language: language, referred: &referred) {
                states.append(state)
            }
            countVariables(catchers, 1)
        }
        if let startAt {
            if members.contains(startAt) {
                referred.insert(startAt)
            } else {
                report(
                    "Missing 'StartAt' target: \(startAt)", code: "MISSING_TRANSITION_TARGET",
                    at: location + "/StartAt")
            }
        }
        if startAt.map(members.contains) ?? false {
            for name in members.keys where !referred.contains(name) {
                report(
                    "State \"\(name)\" is not reachable.", code: "MISSING_TRANSITION_TARGET",
                    at: "\(location)/States/\(name)")
            }
        }
        guard let startAt, states.count == members.count else { return nil }
        return StateGroup(startAt: startAt, states: states)
    }

    /// Adds what states, rules and catchers assign to the counts of the scope being read.
    private mutating func countVariables(_ places: [JSONValue], _ change: Int) {
        for place in places {
            for key in place["Assign"]?.object?.keys ?? [] {
                scopes[scopes.count - 1][key, default: 0] += change
                if key.hasSuffix(".$") { scopes[scopes.count - 1][String(key.dropLast(2)), default: 0] += change }
            }
        }
    }

    /// Orders findings by where their locations stand in the document, a missing field by its object.
    static func inDocumentOrder(_ diagnostics: [Diagnostic], _ document: JSONValue) -> [Diagnostic] {
        guard diagnostics.count > 1 else { return diagnostics }
        var positions: [String: Int] = [:]
        func visit(_ value: JSONValue, _ path: String) {
            positions[path.isEmpty ? "/" : path] = positions.count
            switch value {
            case .object(let object): for (key, member) in object { visit(member, path + "/" + key) }
            case .array(let elements): for (index, element) in elements.enumerated() { visit(element, path + "[\(index)]") }
            default: break
            }
        }
        visit(document, "")
        return diagnostics.enumerated().sorted { a, b in
            let first = positions[a.element.location ?? "/"] ?? .max, second = positions[b.element.location ?? "/"] ?? .max
            return (first, a.offset) < (second, b.offset)
        }.map(\.element)
    }
}

// Reading of single fields.
extension DefinitionParser {
    mutating func report(_ message: String, code: String = Diagnostic.invalidSchema, at location: String) {
        diagnostics.append(Diagnostic(.error, code: code, message: message, location: location))
    }

    mutating func checkFields(_ object: JSONObject, _ allowed: Set<String>, _ location: String) {
        for key in object.keys where !allowed.contains(key) { refuse(key, at: location) }
    }

    /// Reports a field that an object does not have.
    mutating func refuse(_ field: String, at location: String) {
        let (language, other): (QueryLanguage, QueryLanguage) =
            current.language == .jsonata ? (.jsonata, .jsonPath) : (.jsonPath, .jsonata)
        if !current.location.isEmpty, Self.ownFields[other]?.contains(field) == true {
            report(
                "The QueryLanguage is set to '\(language.rawValue)', but field '\(field)' is only supported for the '\(other.rawValue)' QueryLanguage",
                at: location)
        } else {
            report("Field '\(field)' is not supported", at: location)
        }
    }

    /// What only one of the languages has, besides the fields of single types of states.
    private static let ownFields: [QueryLanguage: Set<String>] = [
        .jsonPath: [
            "InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Result", "ItemsPath", "TimeoutSecondsPath",
            "HeartbeatSecondsPath", "SecondsPath", "TimestampPath", "MaxConcurrencyPath", "ToleratedFailurePercentagePath",
            "ToleratedFailureCountPath", "ErrorPath", "CausePath", "Variable", "MaxItemsPath", "MaxItemsPerBatchPath",
            "MaxInputBytesPerBatchPath",
        ],
        .jsonata: ["Arguments", "Output", "Items", "Condition"],
    ]

    /// Reports which of several fields an object should have, of which it has too many or none.
    mutating func reportChoice(of fields: [String], tooMany: Bool, at location: String) {
        let list = fields.joined(separator: ", ")
        report(
            tooMany
                ? "There should only be one of the following fields: [\(list)]"
                : "This object should have only one of the following fields: [\(list)]", at: location)
    }

    /// Reports a text that is none of a closed set.
    mutating func reportSet(_ values: [String], at location: String) {
        report("Value should be one of the following: [\(values.joined(separator: ", "))]", at: location)
    }

    mutating func queryLanguage(_ object: JSONObject, inherited: QueryLanguage, at location: String) -> QueryLanguage {
        guard let value = object["QueryLanguage"] else { return inherited }
        guard let language = value.string.flatMap(QueryLanguage.init) else {
            reportSet(["JSONPath", "JSONata"], at: join(location, "QueryLanguage"))
            return inherited
        }
        return language
    }

    mutating func string(_ object: JSONObject, _ key: String, at location: String) -> String? {
        guard let value = object[key] else { return nil }
        if let text = value.string { return text }
        report("Expected value of type String", at: join(location, key))
        return nil
    }

    mutating func integer(
        _ object: JSONObject, _ key: String, at location: String, in range: ClosedRange<Int64>
    ) -> Int64? {
        guard let value = object[key] else { return nil }
        guard let number = value.number, let integer = number.int64 else {
            report("Expected value of type Integer", at: join(location, key))
            return nil
        }
        return within(range, integer, at: join(location, key))
    }

    /// A number that may have a fraction.
    mutating func decimal(
        _ object: JSONObject, _ key: String, at location: String, in range: ClosedRange<Double>
    ) -> Double? {
        guard let value = object[key] else { return nil }
        guard let number = value.double else {
            report("Expected value of type Float", at: join(location, key))
            return nil
        }
        return within(range, number, at: join(location, key))
    }

    private mutating func within<Value>(_ range: ClosedRange<Value>, _ value: Value, at location: String) -> Value? {
        if range.contains(value) { return value }
        report(
            value < range.lowerBound ? "Minimum value is \(range.lowerBound)" : "Maximum value is \(range.upperBound)",
            at: location)
        return nil
    }

    mutating func array(_ object: JSONObject, _ key: String, at location: String) -> [JSONValue]? {
        guard let value = object[key] else { return nil }
        guard let elements = value.array else {
            report("Expected value of type Array", at: join(location, key))
            return nil
        }
        return elements
    }

    mutating func path(_ object: JSONObject, _ key: String, at location: String) -> PathExpression? {
        guard let text = string(object, key, at: location) else { return nil }
        guard let path = PathExpression(text) else {
            report("The value for the field '\(key)' must be a valid JSONPath", at: join(location, key))
            return nil
        }
        return path
    }

    mutating func referencePath(_ object: JSONObject, _ key: String, at location: String) -> PathExpression? {
        guard let path = path(object, key, at: location) else { return nil }
        if !path.path.isReference {
            report("Value is not a Reference Path: \(path.text)", at: join(location, key))
            return nil
        }
        return path
    }

    mutating func dataPath(_ object: JSONObject, _ key: String, at location: String) -> DataPath {
        guard let value = object[key] else { return .whole }
        if value.isNull { return .empty }
        guard let path = path(object, key, at: location) else { return .whole }
        return path.root == .data && path.path.isRoot ? .whole : .path(path)
    }

    mutating func resultPath(_ object: JSONObject, at location: String) -> ResultPath {
        guard let value = object["ResultPath"] else { return .replace }
        if value.isNull { return .discard }
        guard let text = string(object, "ResultPath", at: location) else { return .replace }
        guard let path = ReferencePath(text) else {
            report("Value is not a Reference Path: \(text)", at: join(location, "ResultPath"))
            return .replace
        }
        return text == "$" ? .replace : .set(path)
    }

    func join(_ location: String, _ key: String) -> String { location == "/" ? "/" + key : location + "/" + key }
}
