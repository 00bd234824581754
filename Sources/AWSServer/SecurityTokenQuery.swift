import AWSProtocol
import NIOCore
import ServiceKit

/// The one operation of STS that clients call to see who they are. Protocol: awsQuery.
struct SecurityTokenQuery {
    private static let namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
    let context: CallContext

    /// - Parameter read: authenticates and gives the form body, the query string and the caller.
    func answer(_ read: () async throws -> (body: String, query: String?, context: CallContext)) async -> HTTPAnswer {
        do {
            let (body, query, caller) = try await read()
            let action = RawQuery(body)["Action"] ?? RawQuery(query)["Action"] ?? ""
            guard action == "GetCallerIdentity" else {
                throw AWSError("InvalidAction", CallerIdentity.refusal(of: action))
            }
            let identity = CallerIdentity(caller)
            var xml = XMLWriter()
            xml.open("GetCallerIdentityResponse", namespace: Self.namespace)
            xml.open("GetCallerIdentityResult")
            xml.element("Arn", identity.arn)
            xml.element("UserId", identity.userID)
            xml.element("Account", identity.account)
            xml.close("GetCallerIdentityResult")
            xml.open("ResponseMetadata")
            xml.element("RequestId", caller.requestID)
            xml.close("ResponseMetadata")
            xml.close("GetCallerIdentityResponse")
            return HTTPAnswer(
                status: 200, fields: ["content-type": "text/xml"], body: .bytes(ByteBuffer(bytes: xml.bytes)))
        } catch {
            let error = error as? AWSError ?? .internalFailure("The request failed inside the server.")
            return HTTPAnswer(error.queryEnvelope(namespace: Self.namespace, requestID: context.requestID))
        }
    }
}
