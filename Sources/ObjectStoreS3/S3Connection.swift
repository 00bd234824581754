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
        if configuration.pathStyle || !Self.fitsHostName(bucket, scheme: endpoint.scheme) {
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
        var state = RetryState(configuration.retry)
        while true {
            let response: HTTPResponse
            do {
                response = try await transport.send(addressed(request), bodyBytesMax: request.bodyBytesMax)
            } catch let error as HTTPClientError {
                guard error.isTransient else { throw unavailable(request, error.message, code: .other("\(error.kind)")) }
                if !request.isRepeatable, error.mayHaveHappened {
                    throw unavailable(request, error.message, code: .ambiguous)
                }
                guard try await state.waitAfterFailure() else { throw unavailable(request, error.message) }
                continue
            }
            if response.status < 300 { return response }
            let error = AWSError(status: response.status, fields: response.fields, body: response.body)
            switch retryKind(response.status, error.code) {
            case .no: throw refusal(error, response.status, request)
            case .notDone: break
            case .unknown:
                // 500, 502 and 504 do not say how far the request got.
                if !request.isRepeatable { throw unavailable(request, error.description, code: .ambiguous) }
            }
            guard try await state.waitAfterAnswer() else { throw unavailable(request, error.description) }
        }
    }

    private enum RetryKind { case no, notDone, unknown }

    private func retryKind(_ status: Int, _ code: String) -> RetryKind {
        switch (status, code) {
        case (429, _), (503, _), (_, "SlowDown"), (_, "RequestTimeout"), (_, "ThrottlingException"): .notDone
        case (500, _), (502, _), (504, _): .unknown
        default: .no
        }
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

    private func refusal(_ error: AWSError, _ status: Int, _ request: S3Request) -> ObjectStoreError {
        let key = request.key ?? ""
        let code: ObjectStoreError.Code =
            switch (status, error.code) {
            case (_, "NoSuchBucket"): .noSuchBucket
            case (_, "NoSuchUpload"): .other("NoSuchUpload")
            // What a conditional put on a missing key is answered with.
            case (404, _) where request.fields["if-match"] != nil && request.method == "PUT": .preconditionFailed
            case (404, _): .notFound
            case (412, _): .preconditionFailed
            case (409, _): .conflict
            case (416, _): .invalidRange
            case (401, _), (403, _): .accessDenied
            case (_, "KeyTooLongError"), (_, "InvalidURI"), (_, "XMinioInvalidObjectName"): .invalidKey
            default: .other(error.code)
            }
        if code == .notFound { return .notFound(key) }
        return ObjectStoreError(
            code, "\(request.method) in bucket '\(bucket)' was refused with \(error.code): \(error.message)", key: key)
    }

    private func unavailable(
        _ request: S3Request, _ why: String, code: ObjectStoreError.Code = .unavailable
    ) -> ObjectStoreError {
        ObjectStoreError(code, "\(request.method) in bucket '\(bucket)': \(why)", key: request.key ?? "")
    }

    /// A dot in a bucket's name would not fit the store's certificate.
    private static func fitsHostName(_ bucket: String, scheme: String) -> Bool {
        (3...63).contains(bucket.utf8.count)
            && bucket.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-")
                    || (byte == UInt8(ascii: ".") && scheme == "http")
            }
    }
}
