package import JSONModel

/// A call of an intrinsic function, such as `States.Format('{}', $.a)`.
package struct IntrinsicCall: Sendable, Hashable {
    package indirect enum Argument: Sendable, Hashable {
        /// A number, boolean or null.
        case literal(JSONValue)
        /// A string between single quotes with its escapes; see `unescaped`.
        case text(raw: String)
        case path(PathExpression)
        case call(IntrinsicCall)
    }

    package let function: IntrinsicFunction
    package let arguments: [Argument]

    /// Takes the backslashes of a string literal away.
    package static func unescaped(_ raw: String) -> String {
        guard raw.utf8.contains(UInt8(ascii: "\\")) else { return raw }
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in raw.utf8 {
            if byte == UInt8(ascii: "\\"), !isEscaped {
                isEscaped = true
                continue
            }
            isEscaped = false
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The functions of the States Language.
package enum IntrinsicFunction: String, Sendable, Hashable, CaseIterable {
    case format = "States.Format"
    case stringToJson = "States.StringToJson"
    case jsonToString = "States.JsonToString"
    case array = "States.Array"
    case arrayPartition = "States.ArrayPartition"
    case arrayContains = "States.ArrayContains"
    case arrayRange = "States.ArrayRange"
    case arrayGetItem = "States.ArrayGetItem"
    case arrayLength = "States.ArrayLength"
    case arrayUnique = "States.ArrayUnique"
    case base64Encode = "States.Base64Encode"
    case base64Decode = "States.Base64Decode"
    case hash = "States.Hash"
    case jsonMerge = "States.JsonMerge"
    case mathRandom = "States.MathRandom"
    case mathAdd = "States.MathAdd"
    case stringSplit = "States.StringSplit"
    case uuid = "States.UUID"
}
