package import AWSProtocol

/// Where a server is: scheme, host and port, and a path that precedes every request's.
package struct HTTPEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    package var scheme: String
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    package var host: String
    /// Nil for the scheme's own.
    package var port: Int?
    /// Percent-encoded, without a slash at its end; usually empty.
    package var path: String

    package init(scheme: String, host: String, port: Int? = nil, path: String = "") {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
    }

    /// Reads `http://host:port/path`; nil for another scheme, a user, a query, a fragment or characters that may not
    /// stand in a URL.
    package init?(url: String) {
        let text = url.utf8
        guard text.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "?") })
        else { return nil }
        let scheme = url.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https", url.dropFirst(scheme.count).hasPrefix("://") else { return nil }
        let rest = url.dropFirst(scheme.count + 3)
        var authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        guard !authority.contains("@") else { return nil }
        while path.hasSuffix("/") { path = path.dropLast() }
        var port: Int?
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
                return nil
            }
            port = number
            authority = authority[..<colon]
        }
        guard !authority.isEmpty else { return nil }
        if port == (scheme == "http" ? 80 : 443) { port = nil }
        self.init(scheme: scheme, host: String(authority), port: port, path: String(path))
    }

    /// The value of the `Host` field.
    package var authority: String { port.map { "\(host):\($0)" } ?? host }
    package var description: String { "\(scheme)://\(authority)\(path)" }
}

/// How long a request may take, in milliseconds.
package struct HTTPTimeouts: Sendable, Hashable {
    package var connectMilliseconds: Int
    /// Without a byte in either direction. Waiting until the caller reads does not count; waiting for the next piece of a
    /// streamed request body does.
    package var idleMilliseconds: Int
    /// For all of it; nil for no limit.
    package var totalMilliseconds: Int?

    package init(connectMilliseconds: Int = 5000, idleMilliseconds: Int = 60_000, totalMilliseconds: Int? = nil) {
        self.connectMilliseconds = connectMilliseconds
        self.idleMilliseconds = idleMilliseconds
        self.totalMilliseconds = totalMilliseconds
    }
}

package struct HTTPRequest: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// `length` bytes, which `next` hands over piece by piece, then nil. Such a request is never sent twice.
        case stream(length: Int64, next: @Sendable () async throws -> [UInt8]?)
    }

    package var method: String
    package var endpoint: HTTPEndpoint
    /// Percent-encoded; sent exactly so, behind the endpoint's path.
    package var rawPath: String
    /// Percent-encoded, without `?`.
    package var rawQuery: String?
    /// `host` and `content-length` follow from the rest when absent. Nothing else is added but `user-agent`.
    package var fields: HTTPFields
    package var body: Body
    /// Whether the transport may send the request again when a kept connection turns out to be closed. Must be false
    /// when a second processing would have another outcome than the first.
    package var isRepeatable: Bool
    package var timeouts: HTTPTimeouts

    package init(
        method: String, endpoint: HTTPEndpoint, rawPath: String, rawQuery: String? = nil, fields: HTTPFields = [:],
        body: Body = .none, isRepeatable: Bool? = nil, timeouts: HTTPTimeouts = HTTPTimeouts()
    ) {
        self.method = method
        self.endpoint = endpoint
        self.rawPath = rawPath
        self.rawQuery = rawQuery
        self.fields = fields
        self.body = body
        self.isRepeatable = isRepeatable ?? ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"].contains(method)
        self.timeouts = timeouts
    }

    /// The path of the request line.
    package var fullPath: String {
        let path = endpoint.path + rawPath
        return path.isEmpty ? "/" : path
    }
}

package struct HTTPResponse: Sendable {
    package var status: Int
    package var fields: HTTPFields
    package var body: [UInt8]

    package init(status: Int, fields: HTTPFields, body: [UInt8]) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// An answer whose body is still coming.
package struct HTTPStreamingResponse: Sendable {
    package var status: Int
    package var fields: HTTPFields
    /// May be iterated once. Letting go of it ends the transfer.
    package var body: HTTPBodyStream

    package init(status: Int, fields: HTTPFields, body: HTTPBodyStream) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// Reads the rest of the body.
    ///
    /// - Throws: `HTTPClientError`, `.bodyTooLarge` for more than `bytesMax`; `CancellationError`.
    package func whole(bytesMax: Int) async throws -> HTTPResponse {
        var bytes: [UInt8] = []
        for try await piece in body {
            guard piece.count <= bytesMax - bytes.count else {
                throw HTTPClientError(
                    .bodyTooLarge, mayHaveHappened: true,
                    "The body of the answer has more than the \(bytesMax) bytes that are accepted.")
            }
            bytes += piece
        }
        return HTTPResponse(status: status, fields: fields, body: bytes)
    }
}

/// Why there is no answer. Whatever a server answers, refusals too, is no such error.
package struct HTTPClientError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No connection came about: wrong name, refused, TLS failed.
        case notConnected
        /// The server's certificate, or the file of those to trust, is no good; trying again does not help.
        case untrusted
        /// The connection ended before the answer did.
        case connectionLost
        case timedOut
        /// The answer's body is larger than the caller takes.
        case bodyTooLarge
        /// The request cannot be written as HTTP.
        case invalidRequest
        /// The caller's source of the request body failed.
        case bodySourceFailed
        /// The transport has been shut down.
        case closed
    }

    package var kind: Kind
    /// Whether the server may have got the request, or a part of it.
    package var mayHaveHappened: Bool
    package var message: String

    package init(_ kind: Kind, mayHaveHappened: Bool, _ message: String) {
        self.kind = kind
        self.mayHaveHappened = mayHaveHappened
        self.message = message
    }

    package var description: String { message }
}

/// Sends requests. Adapters: `CurlTransport`, and fakes in tests.
package protocol HTTPClient: Sendable {
    /// Sends a request and waits for the whole answer.
    ///
    /// - Parameter bodyBytesMax: what the answer's body may have.
    /// - Throws: `HTTPClientError`, or `CancellationError`.
    func send(_ request: HTTPRequest, bodyBytesMax: Int) async throws -> HTTPResponse

    /// Sends a request and returns when the answer's head is there; the body comes as it is read.
    ///
    /// - Throws: as `send`.
    func open(_ request: HTTPRequest) async throws -> HTTPStreamingResponse
}

extension HTTPClient {
    /// For clients that have whole answers only.
    package func open(_ request: HTTPRequest) async throws -> HTTPStreamingResponse {
        let response = try await send(request)
        return HTTPStreamingResponse(
            status: response.status, fields: response.fields, body: HTTPBodyStream(response.body))
    }

    /// With at most 64 MiB of body.
    package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await send(request, bodyBytesMax: 64 << 20)
    }
}
