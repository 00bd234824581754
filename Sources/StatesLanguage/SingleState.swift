import JSONModel

/// The state that `TestState` runs: one described by itself, or one of a whole machine.
package struct SingleState: Sendable {
    package let state: StateDefinition
    /// A group that has the state and nothing else.
    package let group: StateGroup
    /// Whether a Map of the machine runs it for each of its items.
    package let isInMap: Bool

    /// What a state that is described by itself is called.
    package static let standardName = "StateName"

    /// - Parameters:
    ///   - text: a state, or, when `name` is given, a machine that has a state of that name at any depth.
    /// - Returns: nil when the machine has no such state.
    /// - Throws: `DefinitionError` for a definition that is not valid.
    package init?(parsing text: String, name: String?) throws(DefinitionError) {
        var parser = DefinitionParser(type: .standard)
        let (document, object) = try DefinitionParser.read(text)
        var found: StateDefinition?
        var isInMap = false
        if let name {
            let root = parser.machine(object, text: text)?.root
            found = root?.find(name)
            isInMap = root?.hasInMap(name) ?? false
        } else {
            parser.isSingleState = true
            let language = parser.queryLanguage(object, inherited: .jsonPath, at: "")
            var referred: Set<String> = []
            found = parser.state(
                object, name: Self.standardName, at: "/States/" + Self.standardName, siblings: JSONObject(),
                language: language, referred: &referred)
        }
        let diagnostics = DefinitionParser.inDocumentOrder(parser.diagnostics, document)
        if diagnostics.contains(where: { $0.severity == .error }) { throw DefinitionError(diagnostics: diagnostics) }
        guard let found else { return nil }
        state = found
        self.isInMap = isInMap
        group = StateGroup(startAt: found.name, states: [found])
    }

    /// Whether it is a state of that name, or has one inside.
    package func contains(_ name: String) -> Bool { group.find(name) != nil }
}
