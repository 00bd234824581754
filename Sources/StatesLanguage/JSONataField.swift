package import JSONata

/// The language of a state's expressions.
package enum QueryLanguage: String, Sendable, Hashable {
    case jsonPath = "JSONPath"
    case jsonata = "JSONata"
}

/// A JSONata expression of a definition, compiled, with the place it stands in.
package struct JSONataField: Sendable {
    /// Without `{%` and `%}` and the blanks beside them, as causes quote it.
    package let text: String
    /// From its state on: `Output/result`, `Choices[0]/Condition`.
    package let location: String
    package let expression: JSONataExpression
    /// False when it certainly does not read `$states.context`, which is costly to make.
    package let mayReadContext: Bool

    init(text: String, location: String, expression: JSONataExpression) {
        self.text = text
        self.location = location
        self.expression = expression
        mayReadContext = Self.mayReadContext(text)
    }

    /// Whether `$states` stands anywhere but before `.input`, `.result` or `.errorOutput`.
    private static func mayReadContext(_ text: String) -> Bool {
        var rest = Substring(text)
        while let range = rest.firstRange(of: "$states") {
            rest = rest[range.upperBound...]
            if ![".input", ".result", ".errorOutput"].contains(where: rest.hasPrefix) { return true }
        }
        return false
    }
}
