package import JSONModel

/// `Parameters`, `ResultSelector`, `ItemSelector` and their like: JSON in which members whose names end in `.$` hold a
/// path or an intrinsic function. Parsed once.
package indirect enum PayloadTemplate: Sendable, Hashable {
    case literal(JSONValue)
    case object([Member])
    case array([PayloadTemplate])

    package struct Member: Sendable, Hashable {
        /// Without `.$`.
        package var name: String
        /// As written.
        package var key: String
        package var value: Value
    }

    package enum Value: Sendable, Hashable {
        case template(PayloadTemplate)
        case path(PathExpression)
        /// `text` is the call as written.
        case intrinsic(IntrinsicCall, text: String)
    }
}
