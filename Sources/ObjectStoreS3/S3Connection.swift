import AWSProtocol
import HTTPTransport
import JSONModel
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
    /// Whether the status comes before the work is done, so that the body may be an error all the same.
    var isAnsweredEarly = false
}

/// Addresses, signs, sends and repeats requests to one bucket.
struct S3Connection: Sendable {
    let bucket: String
    let configuration: S3Configuration
    let transport: any HTTPClient
    let clock: any WallClock
    let place: S3Place
    private let keys = SigV4.SigningKeyCache(capacity: 16)
    private let budget = RetryBudget()

    init(bucket: String, configuration: S3Configuration, transport: any HTTPClient, clock: any WallClock) {
        self.bucket = bucket
        self.configuration = configuration
        self.transport = transport
        self.clock = clock
        place = S3Place(bucket: bucket, configuration: configuration)
    }

    /// Patience for one call.
    func retryState(deadline: ContinuousClock.Instant? = nil) -> RetryState {
        RetryState(configuration.retry, budget: budget, deadline: deadline)
    }

    /// Sends a request until there is an answer worth having.
    ///
    /// - Returns: an answer with a status below 300.
    /// - Throws: `ObjectStoreError`; `CancellationError`. A request that is not repeatable and may have happened is
    ///   `.ambiguous`.
    func send(_ request: S3Request) async throws -> HTTPResponse {
        let deadline = configuration.deadline.map { ContinuousClock.now + $0 }
        return try await untilAccepted(request, deadline) { addressed in
            let response = try await transport.send(addressed, bodyBytesMax: request.bodyBytesMax)
            // An object may be a web page; what other requests are answered with is a document of S3's, or empty.
            if request.key == nil || request.method == "POST", isWebPage(response) { throw refusal.notS3(response, request) }
            if request.isAnsweredEarly, response.status == 200, let late = S3Documents.lateRefusal(response) {
                return .refused(late)
            }
            return response.status < 300 ? .accepted(response) : .refused(response)
        }
    }

    /// As `send`, but the answer's body comes as it is read. Failures while it is read are the reader's to meet.
    func open(_ request: S3Request) async throws -> HTTPStreamingResponse {
        try await untilAccepted(request, nil) { addressed in
            let response = try await transport.open(addressed)
            return response.status < 300 ? .accepted(response) : .refused(try await response.whole(bytesMax: 1 << 20))
        }
    }

    /// The URL, signature included, by which anyone may send the request until it expires.
    func presigned(_ request: S3Request, expirySeconds: Int, _ credentials: AWSCredentials) -> String {
        let address = place.address
        let (path, query) = (path(request, address), query(request))
        let signed = SigV4.presign(
            method: request.method, rawPath: address.endpoint.path + path, rawQuery: query,
            fields: ["host": address.endpoint.authority], expirySeconds: expirySeconds, credentials: credentials,
            region: address.region, at: clock.now())
        return "\(address.endpoint)\(path)?\(signed)"
    }

    private enum Answer<Response> {
        case accepted(Response)
        case refused(HTTPResponse)
    }

    private func untilAccepted<Response>(
        _ request: S3Request, _ deadline: ContinuousClock.Instant?,
        _ perform: (HTTPRequest) async throws -> Answer<Response>
    ) async throws -> Response {
        var state = retryState(deadline: deadline)
        var hasMoved = false
        while true {
            let address = place.address
            var refused: HTTPResponse
            do {
                switch try await perform(addressed(request, address, deadline)) {
                case .accepted(let response):
                    budget.restore()
                    return response
                case .refused(let response): refused = response
                }
            } catch let error as HTTPClientError {
                guard error.isTransient, request.isRepeatable || !error.mayHaveHappened,
                    try await state.waitAfterFailure()
                else { throw refusal.error(error, request) }
                continue
            }
            if request.method == "HEAD", refused.status < 500, refused.status != 429 {
                refused = await explained(request, refused)
            }
            let error = AWSError(status: refused.status, fields: refused.fields, body: refused.body)
            if !hasMoved, let region = otherRegion(refused, error), region != address.region {
                hasMoved = true
                place.move(to: region)
                continue
            }
            let isRepeated: Bool
            switch retryKind(refused.status, error.code) {
            case .no:
                throw isWebPage(refused) ? refusal.notS3(refused, request) : refusal.error(refused, error, request)
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

    /// Where the bucket is, if that is why the request was refused: nothing was done then.
    private func otherRegion(_ response: HTTPResponse, _ error: AWSError) -> String? {
        guard [301, 307, 400].contains(response.status) else { return nil }
        let named = response.fields["x-amz-bucket-region"] ?? error.members["Region"]?.string
        return named.flatMap { name in
            let isName = name.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-") }
            return isName && (1...40).contains(name.utf8.count) ? name : nil
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
        case (429, _), (_, "SlowDown"), (_, "RequestTimeout"), (_, "ThrottlingException"): .throttled
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

    /// What HEAD was refused with as a GET is, for only that says why: the bucket may be missing, or the key be wrong.
    private func explained(_ head: S3Request, _ refused: HTTPResponse) async -> HTTPResponse {
        var request = head
        request.method = "GET"
        request.fields["range"] = "bytes=0-0"
        // Without an answer, or with a good one, what HEAD said is all there is to say.
        let said = try? await transport.send(addressed(request, place.address, nil), bodyBytesMax: 64 << 10)
        return said.flatMap { $0.status < 300 ? nil : $0 } ?? refused
    }

    /// What to say of a failed request.
    var refusal: S3Refusal {
        let address = place.address
        return S3Refusal(
            bucket: bucket, endpoint: address.store, region: address.region, configuration: configuration, now: clock.now())
    }

    private func path(_ request: S3Request, _ address: S3Address) -> String {
        guard let key = request.key else { return address.pathPrefix.isEmpty ? "/" : address.pathPrefix }
        return address.pathPrefix + "/" + PercentEncoding.encode(key, keepingSlashes: true)
    }

    private func query(_ request: S3Request) -> String? {
        if request.query.isEmpty { return nil }
        return request.query.map { name, value in
            "\(PercentEncoding.encode(name))=\(PercentEncoding.encode(value))"
        }.joined(separator: "&")
    }

    private func addressed(
        _ request: S3Request, _ address: S3Address, _ deadline: ContinuousClock.Instant?
    ) -> HTTPRequest {
        var result = HTTPRequest(
            method: request.method, endpoint: address.endpoint, rawPath: path(request, address), rawQuery: query(request),
            fields: request.fields, body: request.body.map { .bytes($0) } ?? .none, isRepeatable: request.isRepeatable,
            timeouts: configuration.timeouts)
        if let deadline {
            let left = max(1, Int((deadline - ContinuousClock.now) / .milliseconds(1)))
            result.timeouts.totalMilliseconds = min(left, result.timeouts.totalMilliseconds ?? left)
        }
        result.fields["host"] = address.endpoint.authority
        guard let credentials = configuration.credentials else { return result }
        let payload: SigV4.PayloadToSign =
            if let body = request.body, !body.isEmpty {
                address.isPrivate ? .unsigned : .hash(SigV4.hash(body))
            } else {
                .empty
            }
        SigV4.sign(
            method: request.method, rawPath: result.fullPath, rawQuery: result.rawQuery, fields: &result.fields,
            payload: payload, credentials: credentials, region: address.region, service: "s3", at: clock.now(),
            keys: keys)
        return result
    }
}
