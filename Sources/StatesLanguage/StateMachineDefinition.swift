
/// A definition in the Amazon States Language, parsed and found valid.
package struct StateMachineDefinition: Sendable {
    /// As given.
    package let text: String
    package let comment: String?
    package let version: String?
    /// After how many seconds an execution times out; nil for never.
    package let timeoutSeconds: Int64?
    package let root: StateGroup
    /// What its Tasks wait for workers of, besides those of distributed Maps.
    package let activityArns: Set<String>

    /// - Throws: `DefinitionError` with every finding, when one of them is an error.
    package init(parsing text: String, type: StateMachineType = .standard) throws(DefinitionError) {
        let parsed = DefinitionParser.parse(text, type: type)
        guard let definition = parsed.definition, !parsed.diagnostics.contains(where: { $0.severity == .error }) else {
            throw DefinitionError(diagnostics: parsed.diagnostics)
        }
        self = definition
    }

    /// A definition that was accepted when it was stored, perhaps by a release with fewer rules.
    /// - Throws: `DefinitionError` where it cannot be run.
    package init(stored text: String, type: StateMachineType) throws(DefinitionError) {
        let parsed = DefinitionParser.parse(text, type: type)
        guard let definition = parsed.definition else { throw DefinitionError(diagnostics: parsed.diagnostics) }
        self = definition
    }

    /// Every finding about a text, in document order; none of severity `error` when it can be used.
    package static func diagnostics(of text: String, type: StateMachineType = .standard) -> [Diagnostic] {
        DefinitionParser.parse(text, type: type).diagnostics
    }

    /// A machine made of a group alone, for tests of single states.
    package init(testing group: StateGroup) {
        self.init(text: "", comment: nil, version: nil, timeoutSeconds: nil, root: group)
    }

    init(text: String, comment: String?, version: String?, timeoutSeconds: Int64?, root: StateGroup) {
        self.text = text
        self.comment = comment
        self.version = version
        self.timeoutSeconds = timeoutSeconds
        self.root = root
        var arns: Set<String> = []
        root.addActivities(to: &arns)
        activityArns = arns
    }
}

/// States that refer to each other: a whole machine, a branch of a Parallel or the processor of a Map.
package final class StateGroup: Sendable {
    package let startAt: String
    /// In document order.
    package let states: [StateDefinition]
    private let positions: [String: Int]

    init(startAt: String, states: [StateDefinition]) {
        self.startAt = startAt
        self.states = states
        positions = Dictionary(states.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package subscript(name: String) -> StateDefinition? { positions[name].map { states[$0] } }
}
