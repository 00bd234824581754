import AWSProtocol
import HTTPTransport
import Support

/// One signed request, sent once, with all that the answer says: for finding out why something does not work.
struct SignedProbe {
    let endpoint: HTTPEndpoint
    let region: String
    let service: String
    let credentials: AWSCredentials
    let transport: any HTTPClient

    struct Answer {
        var status: Int
        var fields: HTTPFields
        var body: [UInt8]

        /// What the service says, when it refuses.
        var error: AWSError? { status < 300 ? nil : AWSError(status: status, fields: fields, body: body) }
    }

    /// - Parameter host: when it is not the endpoint's own.
    /// - Throws: `HTTPClientError`.
    func send(
        _ method: String, _ path: String, query: String? = nil, body: [UInt8] = [], host: String? = nil
    ) async throws -> Answer {
        var endpoint = endpoint
        if let host { endpoint.host = host }
        var request = HTTPRequest(
            method: method, endpoint: endpoint, rawPath: path, rawQuery: query,
            body: body.isEmpty ? .none : .bytes(body),
            timeouts: HTTPTimeouts(connectMilliseconds: 5000, idleMilliseconds: 20_000))
        request.fields["host"] = endpoint.authority
        if !body.isEmpty, service == "sts" { request.fields["content-type"] = "application/x-www-form-urlencoded" }
        SigV4.sign(
            method: method, rawPath: request.fullPath, rawQuery: query, fields: &request.fields,
            payload: body.isEmpty ? .empty : .hash(SigV4.hash(body)), credentials: credentials, region: region,
            service: service, at: SystemWallClock().now())
        let answer = try await transport.send(request)
        return Answer(status: answer.status, fields: answer.fields, body: answer.body)
    }
}
