import JSONModel

/// A path in Jayway's dialect of JSONPath, parsed once.
package struct JSONPath: Sendable, Hashable {
    package let text: String

    package init(_ text: String) throws(JSONPathError) {
        self.text = text
    }
}

/// A text that is no path, or a path that finds nothing; `message` is Jayway's.
package struct JSONPathError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}

/// A path of names and non-negative indices, which may be set.
package struct ReferencePath: Sendable, Hashable {
    package let text: String
}
