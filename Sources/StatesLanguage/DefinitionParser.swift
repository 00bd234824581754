import JSONModel

/// Reads a definition and checks it in one walk in document order.
struct DefinitionParser {
    static func parse(
        _ text: String, type: StateMachineType
    ) -> (definition: StateMachineDefinition?, diagnostics: [Diagnostic]) {
        (nil, [])
    }
}
