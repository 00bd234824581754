import AWSProtocol
import ServiceKit

/// The refusal of a request for a service that is not here, in the form in which that service's clients read errors.
struct UnservedService {
    /// The signing name or the target that the request gave.
    let name: String
    /// The signing names of the services that are here.
    let served: [String]

    private var message: String {
        if served.contains(name) { return "The operation of the service '\(name)' is missing: it stands in X-Amz-Target." }
        let services = served.sorted()
        return "Millrace has no service '\(name.prefix(100))'. It serves "
            + services.dropLast().joined(separator: ", ") + " and \(services.last ?? "")."
    }

    /// - Parameter service: the signing name of the credential scope, if any.
    func answer(to request: IncomingRequest, service: String?, requestID: String) -> HTTPAnswer {
        let contentType = request.fields["content-type"]?.lowercased() ?? ""
        if request.fields["x-amz-target"] != nil {
            let version = contentType.hasPrefix("application/x-amz-json-1.0") ? "1.0" : "1.1"
            return HTTPAnswer(
                error("UnknownOperationException")
                    .jsonEnvelope(contentType: "application/x-amz-json-\(version)", requestID: requestID))
        }
        let isQuery = contentType.hasPrefix("application/x-www-form-urlencoded") || RawQuery(request.rawQuery)["Action"] != nil
        if service == "ec2" { return HTTPAnswer(error("InvalidAction").ec2Envelope(requestID: requestID)) }
        // The errors of restXml are the same document as those of awsQuery.
        if isQuery || ["cloudfront", "route53"].contains(service) {
            return HTTPAnswer(
                error("InvalidAction").queryEnvelope(
                    namespace: "http://webservices.amazon.com/AWSFault/2005-15-09", requestID: requestID))
        }
        return HTTPAnswer(
            error("UnknownOperationException").jsonEnvelope(contentType: "application/json", requestID: requestID))
    }

    private func error(_ code: String) -> AWSError { AWSError(code, message) }
}
