import AWSProtocol
import HTTPTransport
import ObjectStore
import Support

/// An object, or a range of it, read as it comes. When the connection is cut, what is missing is asked for again, of
/// the same ETag; each byte that comes gives new patience.
actor S3Download: ObjectDownload {
    nonisolated let metadata: ObjectMetadata
    private let connection: S3Connection
    /// Bytes of the object still to be handed over.
    private var rest: Range<Int64>
    /// Nil while there is no connection.
    private var body: HTTPBodyStream.AsyncIterator?
    /// Of the first byte that the body brings next.
    private var bodyPosition: Int64
    private var retry: RetryState
    /// Of the whole object, when it is read whole and the store knows its checksum.
    private var verification: S3Verification?

    /// Of nothing.
    init(connection: S3Connection, metadata: ObjectMetadata) {
        self.connection = connection
        self.metadata = metadata
        rest = 0..<0
        bodyPosition = 0
        retry = connection.retryState()
    }

    /// - Throws: `ObjectStoreError` `.invalidRange` for a range after the end that the server did not refuse.
    init(
        connection: S3Connection, metadata: ObjectMetadata, range: Range<Int64>?, body: HTTPBodyStream,
        place: S3BodyPlace, verification: S3Verification?
    ) throws {
        self.connection = connection
        self.metadata = metadata
        let wanted = range ?? 0..<metadata.size
        guard range == nil || wanted.lowerBound < metadata.size else {
            throw ObjectStoreError(.invalidRange, "The range \(wanted) begins after the object's end.", key: metadata.key)
        }
        rest = wanted.clamped(to: 0..<metadata.size)
        self.body = body.makeAsyncIterator()
        bodyPosition = place.start
        retry = connection.retryState()
        self.verification = verification
    }

    func read() async throws -> [UInt8]? {
        while !rest.isEmpty {
            do {
                if let piece = try await nextPiece() { return piece }
            } catch let error as HTTPClientError {
                body = nil
                var patience = retry
                guard error.isTransient, try await patience.waitAfterFailure() else {
                    throw connection.refusal.error(
                        error, try S3Request(reading: metadata.key, range: rest, ifMatch: metadata.etag))
                }
                retry = patience
            }
        }
        body = nil
        return nil
    }

    /// Bytes that are wanted; nil when those that came were not.
    private func nextPiece() async throws -> [UInt8]? {
        if body == nil { try await reconnect() }
        var iterator = body
        guard var piece = try await iterator?.next() else {
            throw HTTPClientError(
                .connectionLost, mayHaveHappened: true, "The answer ended \(rest.count) bytes before the object did.")
        }
        let start = bodyPosition
        bodyPosition += Int64(piece.count)
        // A server that knows no ranges sends more, before and behind.
        guard bodyPosition > rest.lowerBound else { return nil }
        if bodyPosition > rest.upperBound { piece.removeLast(Int(bodyPosition - rest.upperBound)) }
        if start < rest.lowerBound { piece.removeFirst(Int(rest.lowerBound - start)) }
        rest = rest.lowerBound + Int64(piece.count)..<rest.upperBound
        retry = connection.retryState()
        verification?.update(piece)
        if rest.isEmpty { try verification?.finish(metadata.key) }
        return piece
    }

    private func reconnect() async throws {
        let request = try S3Request(reading: metadata.key, range: rest, ifMatch: metadata.etag)
        let response = try await connection.open(request)
        // Some stores ignore If-Match.
        guard let etag = response.fields["etag"], unquoted(etag) == metadata.etag else {
            throw ObjectStoreError(
                .preconditionFailed, "The object was replaced while it was read.", key: metadata.key)
        }
        let place = try S3BodyPlace(response.fields, key: metadata.key)
        guard place.start <= rest.lowerBound else {
            throw ObjectStoreError(
                .other("ShortRead"), "Bytes from \(rest.lowerBound) were asked for, those from \(place.start) came.",
                key: metadata.key)
        }
        bodyPosition = place.start
        body = response.body.makeAsyncIterator()
    }
}

/// Where an answer's body lies in the object.
struct S3BodyPlace {
    /// Of its first byte.
    let start: Int64
    /// Bytes.
    let objectSize: Int64

    /// - Throws: `ObjectStoreError` for an answer that does not say so.
    init(_ fields: HTTPFields, key: String) throws(ObjectStoreError) {
        if let text = fields["content-range"] {
            let parts = text.split(omittingEmptySubsequences: false) { $0 == " " || $0 == "-" || $0 == "/" }
            guard parts.count == 4, parts[0] == "bytes", let start = Int64(parts[1]), let size = Int64(parts[3]),
                (0..<size).contains(start)
            else {
                throw ObjectStoreError(.other("MalformedAnswer"), "The answer has the Content-Range '\(text)'.", key: key)
            }
            (self.start, objectSize) = (start, size)
        } else {
            guard let size = fields["content-length"].flatMap({ Int64($0) }), size >= 0 else {
                throw ObjectStoreError(.other("MissingLength"), "The answer to GET has no Content-Length.", key: key)
            }
            (start, objectSize) = (0, size)
        }
    }
}
