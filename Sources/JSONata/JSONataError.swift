package import JSONModel

/// An expression that cannot be parsed, or whose evaluation failed.
package struct JSONataError: Error, Sendable, Hashable, CustomStringConvertible {
    /// As jsonata-js names it: `S` syntax, `T` type, `D` evaluation, `U` limits; such as `T2001`.
    package let code: String
    /// As jsonata-js words it.
    package let message: String
    /// In UTF-16 units from the start of the expression, behind the token in question.
    package var position: Int?
    /// The operator, function or name in question.
    package var token: String?
    /// The value in question.
    package var value: JSONValue?
    /// Whether the expression's value is of a kind that has no JSON, such as a function.
    package var isUnsupportedResult = false

    package init(code: String, message: String, position: Int? = nil, token: String? = nil, value: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.position = position
        self.token = token
        self.value = value
    }

    package var description: String { "\(code): \(message)" }
}
