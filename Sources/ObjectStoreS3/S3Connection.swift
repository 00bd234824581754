import AWSProtocol
import HTTPTransport
import ObjectStore
import Support

/// A request to one bucket, before it is addressed and signed.
struct S3Request {
    var method: String
    /// Nil for the bucket itself.
    var key: String?
    /// Names and values, not encoded.
    var query: [(String, String)] = []
    var fields: HTTPFields = [:]
    var body: [UInt8]?
    /// Whether a lost answer may be met by sending it again.
    var isRepeatable = true
    var bodyBytesMax = 16 << 20
}

/// Addresses, signs, sends and repeats requests to one bucket.
struct S3Connection: Sendable {
    let bucket: String
    let configuration: S3Configuration
    let transport: any HTTPClient
    let clock: any WallClock
    /// The store's address, as a person knows it, and the one requests go to.
    private let address: HTTPEndpoint
    private let endpoint: HTTPEndpoint
    private let pathPrefix: String
    private let keys = SigV4.SigningKeyCache(capacity: 16)

    init(bucket: String, configuration: S3Configuration, transport: any HTTPClient, clock: any WallClock) {
        self.bucket = bucket
        self.configuration = configuration
        self.transport = transport
        self.clock = clock
        let region = configuration.region
        var endpoint = configuration.endpoint
            ?? HTTPEndpoint(
                scheme: "https",
                host: "s3.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")")
        address = endpoint
        if configuration.pathStyle || !Self.fitsHostName(bucket, endpoint) {
            pathPrefix = "/\(PercentEncoding.encode(bucket))"
        } else {
            endpoint.host = "\(bucket).\(endpoint.host)"
            pathPrefix = ""
        }
        self.endpoint = endpoint
    }

    /// Sends a request until there is an answer worth having.
    ///
    /// - Returns: an answer with a status below 300.
    /// - Throws: `ObjectStoreError`; `CancellationError`. A request that is not repeatable and may have happened is
    ///   `.ambiguous`.
    func send(_ request: S3Request) async throws -> HTTPResponse {
        try await untilAccepted(request) { addressed in
            let response = try await transport.send(addressed, bodyBytesMax: request.bodyBytesMax)
            // An object may be a web page; what other requests are answered with is a document of S3's, or empty.
            if request.key == nil || request.method == "POST", isWebPage(response) { throw refusal.notS3(response, request) }
            return response.status < 300 ? .accepted(response) : .refused(response)
        }
    }

    /// As `send`, but the answer's body comes as it is read. Failures while it is read are the reader's to meet.
    func open(_ request: S3Request) async throws -> HTTPStreamingResponse {
        try await untilAccepted(request) { addressed in
            let response = try await transport.open(addressed)
            return response.status < 300 ? .accepted(response) : .refused(try await response.whole(bytesMax: 1 << 20))
        }
    }

    private enum Answer<Response> {
        case accepted(Response)
        case refused(HTTPResponse)
    }

    private func untilAccepted<Response>(
        _ request: S3Request, _ perform: (HTTPRequest) async throws -> Answer<Response>
    ) async throws -> Response {
        var state = RetryState(configuration.retry)
        while true {
            let refused: HTTPResponse
            do {
                switch try await perform(addressed(request)) {
                case .accepted(let response): return response
                case .refused(let response): refused = response
                }
            } catch let error as HTTPClientError {
                guard error.isTransient, request.isRepeatable || !error.mayHaveHappened,
                    try await state.waitAfterFailure()
                else { throw refusal.error(error, request) }
                continue
            }
            let error = AWSError(status: refused.status, fields: refused.fields, body: refused.body)
            let isRepeated: Bool
            switch retryKind(refused.status, error.code) {
            case .no:
                if isWebPage(refused) { throw refusal.notS3(refused, request) }
                throw request.method == "HEAD" ? await reason(request, refused) : refusal.error(refused, error, request)
            case .throttled: isRepeated = try await state.waitAfterAnswer()
            case .failed:
                if !request.isRepeatable { throw ambiguous(refused, error, request) }
                isRepeated = try await state.waitAfterAnswer()
            case .absent:
                if !request.isRepeatable { throw ambiguous(refused, error, request) }
                isRepeated = try await state.waitAfterFailure()
            }
            guard isRepeated else {
                throw isWebPage(refused) ? refusal.notS3(refused, request) : refusal.error(refused, error, request)
            }
        }
    }

    private enum RetryKind {
        case no
        /// Nothing was done; the store asks for patience.
        case throttled
        /// It does not say how far the request got.
        case failed
        /// As `failed`, and the store is starting, or away behind its proxy: as good as not connected.
        case absent
    }

    private func retryKind(_ status: Int, _ code: String) -> RetryKind {
        switch (status, code) {
        case (429, _), (503, "SlowDown"), (_, "RequestTimeout"), (_, "ThrottlingException"): .throttled
        case (500, _): .failed
        case (502, _), (503, _), (504, _): .absent
        default: .no
        }
    }

    private func ambiguous(_ response: HTTPResponse, _ error: AWSError, _ request: S3Request) -> ObjectStoreError {
        var result = refusal.error(response, error, request)
        result.code = .ambiguous
        return result
    }

    private func isWebPage(_ response: HTTPResponse) -> Bool {
        response.fields["content-type"]?.lowercased().hasPrefix("text/html") == true && !response.body.isEmpty
    }

    /// Why a HEAD was refused, which only the answer to a GET says: the bucket may be missing, or the key be wrong.
    private func reason(_ request: S3Request, _ refused: HTTPResponse) async -> ObjectStoreError {
        var request = request
        let head = request
        request.method = "GET"
        request.fields["range"] = "bytes=0-0"
        // Without an answer, or with a good one, what HEAD said is all there is to say.
        let said = try? await transport.send(addressed(request), bodyBytesMax: 64 << 10)
        let response = said.flatMap { $0.status < 300 ? nil : $0 } ?? refused
        let error = AWSError(status: response.status, fields: response.fields, body: response.body)
        return isWebPage(response) ? refusal.notS3(response, head) : refusal.error(response, error, head)
    }

    /// What to say of a failed request.
    var refusal: S3Refusal {
        S3Refusal(bucket: bucket, endpoint: address, configuration: configuration, now: clock.now())
    }

    private func addressed(_ request: S3Request) -> HTTPRequest {
        var path = pathPrefix
        if let key = request.key {
            path += "/" + PercentEncoding.encode(key, keepingSlashes: true)
        } else if path.isEmpty {
            path = "/"
        }
        let query = request.query.map { name, value in
            "\(PercentEncoding.encode(name))=\(PercentEncoding.encode(value))"
        }.joined(separator: "&")
        var result = HTTPRequest(
            method: request.method, endpoint: endpoint, rawPath: path, rawQuery: query.isEmpty ? nil : query,
            fields: request.fields, body: request.body.map { .bytes($0) } ?? .none, isRepeatable: request.isRepeatable)
        result.fields["host"] = endpoint.authority
        guard let credentials = configuration.credentials else { return result }
        let payload: SigV4.PayloadToSign =
            if let body = request.body, !body.isEmpty {
                endpoint.scheme == "https" ? .unsigned : .hash(SigV4.hash(body))
            } else {
                .empty
            }
        SigV4.sign(
            method: request.method, rawPath: result.fullPath, rawQuery: result.rawQuery, fields: &result.fields,
            payload: payload, credentials: credentials, region: configuration.region, service: "s3", at: clock.now(),
            keys: keys)
        return result
    }

    /// A dot in a bucket's name would not fit the store's certificate; before an address there can be no name.
    private static func fitsHostName(_ bucket: String, _ endpoint: HTTPEndpoint) -> Bool {
        (3...63).contains(bucket.utf8.count)
            && !endpoint.host.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") } && !endpoint.host.hasPrefix("[")
            && bucket.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-")
                    || (byte == UInt8(ascii: ".") && endpoint.scheme == "http")
            }
    }
}
