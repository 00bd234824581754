package import JSONModel

/// `Parameters`, `ResultSelector`, `ItemSelector` and their like, parsed once: JSON in which members whose names end in
/// `.$` hold a path or an intrinsic function, or, in JSONata, strings in `{% %}` hold an expression.
package indirect enum PayloadTemplate: Sendable {
    case literal(JSONValue)
    case expression(JSONataField)
    case object([Member])
    case array([PayloadTemplate])

    package struct Member: Sendable {
        /// Without `.$`.
        package var name: String
        /// As written.
        package var key: String
        package var value: Value
    }

    package enum Value: Sendable {
        case template(PayloadTemplate)
        case path(PathExpression)
        /// `text` is the call as written.
        case intrinsic(IntrinsicCall, text: String)
    }
}
