package import JSONModel

/// A service's refusal, as its caller will see it. The code is the service's own, verbatim.
package struct AWSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The exception's shape name without a namespace, such as `EntityNotFoundException`.
    package var code: String
    /// One sentence: what was found, where, what was expected.
    package var message: String
    /// The HTTP status; 400 to 499 are the caller's fault, 500 and above ours.
    package var httpStatus: Int
    /// Further members of the error's shape.
    package var members: JSONObject

    package init(_ code: String, _ message: String, httpStatus: Int = 400, members: JSONObject = [:]) {
        self.code = code
        self.message = message
        self.httpStatus = httpStatus
        self.members = members
    }

    package var description: String { "\(code): \(message)" }

    package static func unknownOperation(_ operation: String, service: String) -> AWSError {
        AWSError("UnknownOperationException", "The operation \(operation) of the service \(service) is not supported.")
    }

    package static func internalFailure(_ message: String) -> AWSError {
        AWSError("InternalFailure", message, httpStatus: 500)
    }
}
