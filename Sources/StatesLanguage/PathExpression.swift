package import JSONPath

/// A JSONPath of a definition: into the state's data, the context object or a variable.
package struct PathExpression: Sendable, Hashable {
    package enum Root: Sendable, Hashable {
        /// `$.a`
        case data
        /// `$$.Execution.Id`
        case context
        /// `$name.a`
        case variable(String)
    }

    /// As written.
    package let text: String
    package let root: Root
    /// From the root on; its text begins with a single `$`.
    package let path: JSONPath

    /// Nil when the text is not a valid path.
    package init?(_ text: String) {
        self.text = text
        if text.hasPrefix("$$") {
            root = .context
            guard let path = try? JSONPath(String(text.dropFirst())) else { return nil }
            self.path = path
            return
        }
        guard text.hasPrefix("$") else { return nil }
        let name = text.unicodeScalars.dropFirst().prefix { $0.properties.isIDContinue || $0 == "_" }
        if name.isEmpty {
            root = .data
            guard let path = try? JSONPath(text) else { return nil }
            self.path = path
            return
        }
        root = .variable(String(String.UnicodeScalarView(name)))
        let rest = String(String.UnicodeScalarView(text.unicodeScalars.dropFirst(1 + name.count)))
        guard let path = try? JSONPath("$" + rest) else { return nil }
        self.path = path
    }
}
