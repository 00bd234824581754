package import JSONModel

/// JSON data of an execution with its text. What a caller gave keeps the text it was given, white space included;
/// what a state produces is compact.
package struct Payload: Sendable, Hashable {
    package let value: JSONValue
    package let text: String

    package init(_ value: JSONValue) {
        self.value = value
        text = value.text
    }

    /// `text` must be JSON for `value`.
    init(_ value: JSONValue, text: String) {
        self.value = value
        self.text = text
    }

    /// Keeps `text` as it is.
    package init(parsing text: String) throws(JSONSyntaxError) {
        value = try JSONValue(parsing: text)
        self.text = text
    }
}
