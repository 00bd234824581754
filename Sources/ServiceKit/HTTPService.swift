package import AWSProtocol
package import NIOCore

/// A service that reads and answers plain HTTP: S3.
package protocol HTTPService: Sendable {
    /// Never throws: every failure is an answer in the service's own error format.
    func respond(to call: HTTPCall) async -> HTTPAnswer
    /// Refuses a call whose signature does not hold, by the service's own rules for such answers.
    func refuse(_ call: HTTPCall, because error: AWSError) -> HTTPAnswer
}

/// A request whose signature, if any, has been verified against the headers; the body has not been read.
package struct HTTPCall: Sendable {
    package var method: String
    /// The path as it stood in the request line, still percent-encoded.
    package var rawPath: String
    /// What followed the first `?`, still percent-encoded; nil without a `?`.
    package var rawQuery: String?
    package var fields: HTTPFields
    /// The body as it comes from the connection, chunk signatures included. May be iterated once.
    package var body: RequestBody
    /// How the body was declared in the signature.
    package var payload: SigV4.PayloadDeclaration
    package var context: CallContext

    package init(
        method: String, rawPath: String, rawQuery: String?, fields: HTTPFields, body: RequestBody,
        payload: SigV4.PayloadDeclaration, context: CallContext
    ) {
        self.method = method
        self.rawPath = rawPath
        self.rawQuery = rawQuery
        self.fields = fields
        self.body = body
        self.payload = payload
        self.context = context
    }
}

/// A body's bytes as they arrive. Asking for the next chunk is what lets the peer send more.
package struct RequestBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    private let next: @Sendable () async throws -> ByteBuffer?

    /// - Parameter next: gives the chunks in order, then nil; called by one task at a time.
    package init(next: @escaping @Sendable () async throws -> ByteBuffer?) { self.next = next }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let nextChunk: @Sendable () async throws -> ByteBuffer?
        package mutating func next() async throws -> ByteBuffer? { try await nextChunk() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(nextChunk: next) }
}

package struct HTTPAnswer: Sendable {
    package var status: Int
    package var fields: HTTPFields
    package var body: Body

    package enum Body: Sendable {
        case empty
        case bytes(ByteBuffer)
        /// `length` bytes that `produce` hands over chunk by chunk; each call waits until the peer can take more.
        case stream(length: Int, produce: @Sendable (_ write: (ByteBuffer) async throws -> Void) async throws -> Void)
    }

    package init(status: Int, fields: HTTPFields = [:], body: Body = .empty) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}
