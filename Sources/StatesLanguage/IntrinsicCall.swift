package import JSONModel

/// A call of an intrinsic function, such as `States.Format('{}', $.a)`.
package struct IntrinsicCall: Sendable, Hashable {
    package indirect enum Argument: Sendable, Hashable {
        /// A string, number, boolean or null.
        case literal(JSONValue)
        case path(PathExpression)
        case call(IntrinsicCall)
    }

    package let function: IntrinsicFunction
    package let arguments: [Argument]
}

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
