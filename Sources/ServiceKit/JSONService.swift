package import AWSProtocol
package import JSONModel

/// A service whose operations take and give JSON documents.
package protocol JSONService: Sendable {
    /// The signing name and ARN service, such as `states`, `glue`, `batch`, `logs`.
    var name: String { get }
    var wire: WireProtocol { get }

    /// Performs one operation of the service model.
    ///
    /// - Parameter operation: the operation's name as in the service model, such as `StartExecution`.
    /// - Parameter input: the members of the input shape by their wire names.
    /// - Returns: the members of the output shape by their wire names; timestamps are numbers of epoch seconds
    ///   (restJson1 shapes of Batch: epoch milliseconds, as the model declares them long).
    /// - Throws: `AWSError` as the caller shall see it, `UnknownOperationException` for a name the service lacks.
    ///   Any other error is a fault of ours and is answered as `InternalFailure`.
    func call(_ operation: String, _ input: JSONObject, _ context: CallContext) async throws -> JSONObject
}

/// How a JSON service's operations are named on the wire.
package enum WireProtocol: Sendable, Hashable {
    /// awsJson1.0: `X-Amz-Target: <targetPrefix>.<Operation>`.
    case json10(targetPrefix: String)
    /// awsJson1.1, the same with another content type.
    case json11(targetPrefix: String)
    /// restJson1: method and path name the operation.
    case restJSON([Route])

    package struct Route: Sendable, Hashable {
        package var method: String
        /// Path segments; one in braces binds a percent-decoded member of the input, such as `/v1/tags/{resourceArn}`.
        package var path: String
        package var operation: String
        /// Query parameters that bind members, wire name to member name. Repeated ones make a list.
        package var query: [String: String]

        package init(_ method: String, _ path: String, _ operation: String, query: [String: String] = [:]) {
            self.method = method
            self.path = path
            self.operation = operation
            self.query = query
        }
    }
}
