package import AWSProtocol
package import JSONModel
package import Support

/// Calls the operations of AWS services that speak JSON, ours or AWS's own.
package struct AWSClient: Sendable {
    private enum Wire {
        case json(version: String, targetPrefix: String)
        case batch
    }

    private let endpoint: HTTPEndpoint?
    private let region: String
    private let credentials: AWSCredentials?
    private let transport: any HTTPClient
    private let retry: RetryPolicy
    private let clock: any WallClock
    private let keys = SigV4.SigningKeyCache(capacity: 16)

    /// - Parameters:
    ///   - endpoint: of all services; nil for AWS's own of each.
    ///   - credentials: nil sends requests without a signature.
    package init(
        endpoint: HTTPEndpoint?, region: String, credentials: AWSCredentials?, transport: any HTTPClient,
        retry: RetryPolicy = RetryPolicy(), clock: any WallClock = SystemWallClock()
    ) {
        self.endpoint = endpoint
        self.region = region
        self.credentials = credentials
        self.transport = transport
        self.retry = retry
        self.clock = clock
    }

    /// - Parameters:
    ///   - service: by its signing name: `states`, `glue`, `batch`, `logs`, `athena`, `events`, `dynamodb`.
    ///   - operation: as in the service model, such as `GetTable`.
    ///   - input: the members of the input shape.
    ///   - isRepeatable: whether sending it twice does what once does. Nil: only operations that read, by their names.
    ///     Others are not sent again once the server may have got them.
    /// - Returns: the members of the output shape.
    /// - Throws: `AWSError` as the service answered; `HTTPClientError` without an answer; `CancellationError`.
    package func call(
        service: String, operation: String, input: JSONObject, isRepeatable: Bool? = nil
    ) async throws -> JSONObject {
        let isRepeatable = isRepeatable ?? Self.reads(operation)
        let unsigned = try request(service, operation, input, isRepeatable: isRepeatable)
        var state = RetryState(retry)
        while true {
            let response: HTTPResponse
            do {
                response = try await transport.send(signed(unsigned, service), bodyBytesMax: 256 << 20)
            } catch let error as HTTPClientError where error.isTransient {
                guard isRepeatable || !error.mayHaveHappened, try await state.waitAfterFailure() else { throw error }
                continue
            }
            if (200..<300).contains(response.status) { return try Self.output(response) }
            let error = AWSError(status: response.status, fields: response.fields, body: response.body)
            let isThrottled = Self.throttling.contains(error.code) || [429, 503].contains(response.status)
            guard isThrottled || (isRepeatable && response.status >= 500), try await state.waitAfterAnswer() else {
                throw error
            }
        }
    }

    /// As `call`, waiting on the calling thread, which must not be one of the cooperative pool.
    package func callBlocking(
        service: String, operation: String, input: JSONObject, isRepeatable: Bool? = nil
    ) throws -> JSONObject {
        try runBlocking { [self] in
            try await call(service: service, operation: operation, input: input, isRepeatable: isRepeatable)
        }
    }

    private static let throttling: Set = [
        "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
        "ProvisionedThroughputExceededException", "RequestThrottled",
    ]

    private static func reads(_ operation: String) -> Bool {
        ["Get", "List", "Describe", "BatchGet", "Search", "Validate"].contains { operation.hasPrefix($0) }
    }

    private static func wire(_ service: String) throws(AWSError) -> Wire {
        switch service {
        case "states": .json(version: "1.0", targetPrefix: "AWSStepFunctions")
        case "dynamodb": .json(version: "1.0", targetPrefix: "DynamoDB_20120810")
        case "glue": .json(version: "1.1", targetPrefix: "AWSGlue")
        case "athena": .json(version: "1.1", targetPrefix: "AmazonAthena")
        case "logs": .json(version: "1.1", targetPrefix: "Logs_20140328")
        case "events": .json(version: "1.1", targetPrefix: "AWSEvents")
        case "batch": .batch
        default: throw AWSError("UnknownService", "Calls of the service '\(service)' are not supported.")
        }
    }

    private func request(
        _ service: String, _ operation: String, _ input: JSONObject, isRepeatable: Bool
    ) throws -> HTTPRequest {
        let endpoint = endpoint
            ?? HTTPEndpoint(scheme: "https", host: "\(service).\(region).\(Self.domain(ofRegion: region))")
        var request = HTTPRequest(
            method: "POST", endpoint: endpoint, rawPath: "/", body: .bytes(JSONValue.object(input).bytes),
            isRepeatable: isRepeatable)
        switch try Self.wire(service) {
        case .json(let version, let prefix):
            request.fields["content-type"] = "application/x-amz-json-\(version)"
            request.fields["x-amz-target"] = "\(prefix).\(operation)"
        case .batch:
            request.fields["content-type"] = "application/json"
            try Self.routeBatch(operation, input, &request)
        }
        return request
    }

    /// Batch's operations are POSTs to `/v1/<name in lower case>`, but for those on tags.
    private static func routeBatch(_ operation: String, _ input: JSONObject, _ request: inout HTTPRequest) throws {
        guard let method = ["ListTagsForResource": "GET", "TagResource": "POST", "UntagResource": "DELETE"][operation]
        else {
            guard operation.utf8.allSatisfy({ (65...90).contains($0) || (97...122).contains($0) }) else {
                throw AWSError.unknownOperation(operation, service: "batch")
            }
            return request.rawPath = "/v1/\(operation.lowercased())"
        }
        guard let arn = input["resourceArn"]?.string else {
            throw AWSError("ClientException", "\(operation) needs a resourceArn.")
        }
        request.method = method
        request.rawPath = "/v1/tags/\(PercentEncoding.encode(arn))"
        switch operation {
        case "TagResource":
            var body = input
            body["resourceArn"] = nil
            request.body = .bytes(JSONValue.object(body).bytes)
        case "UntagResource":
            request.rawQuery = (input["tagKeys"]?.array ?? []).compactMap(\.string)
                .map { "tagKeys=\(PercentEncoding.encode($0))" }.joined(separator: "&")
            request.body = .none
        default: request.body = .none
        }
    }

    private func signed(_ request: HTTPRequest, _ service: String) -> HTTPRequest {
        var request = request
        request.fields["host"] = request.endpoint.authority
        guard let credentials else { return request }
        let payload: SigV4.PayloadToSign =
            if case .bytes(let bytes) = request.body { .hash(SigV4.hash(bytes)) } else { .empty }
        SigV4.sign(
            method: request.method, rawPath: request.fullPath, rawQuery: request.rawQuery, fields: &request.fields,
            payload: payload, credentials: credentials, region: region, service: service, at: clock.now(), keys: keys)
        return request
    }

    private static func output(_ response: HTTPResponse) throws -> JSONObject {
        if response.body.isEmpty { return [:] }
        guard let object = try JSONValue(parsing: response.body).object else {
            throw AWSError("SerializationException", "The answer is not a JSON object.", httpStatus: 502)
        }
        return object
    }

    private static func domain(ofRegion region: String) -> String {
        region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    }
}
