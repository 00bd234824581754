import AWSProtocol
import HTTPTransport
import ObjectStore
import Support

/// A part that the store has.
struct S3Part: Sendable, Hashable {
    let number: Int
    let size: Int64
    let etag: String
    /// Most significant byte first; nil for a part that was copied, or without checksums.
    let checksum: [UInt8]?
}

/// An upload that has been begun at the store; must end with `complete` or `abort`.
struct S3Multipart: Sendable {
    private let connection: S3Connection
    private let key: String
    private let id: String
    private let checksum: ChecksumAlgorithm?
    /// Nil unless the store has said that it will compare the checksum of the whole with that of its parts.
    private let combination: CRCCombination?

    /// - Parameters:
    ///   - fields: of the object to be, such as `content-type`.
    ///   - checksum: that every part will have.
    init(
        beginning key: String, connection: S3Connection, fields: HTTPFields = [:], checksum: ChecksumAlgorithm? = nil
    ) async throws {
        // Repeated after a lost answer it leaves an empty upload behind, which nobody sees.
        var request = S3Request(method: "POST", key: key, query: [("uploads", "")], fields: fields)
        if let checksum {
            request.fields["x-amz-checksum-algorithm"] = checksum.rawValue
            request.fields["x-amz-checksum-type"] = CRCCombination(checksum) == nil ? "COMPOSITE" : "FULL_OBJECT"
        }
        let response = try await connection.send(request)
        id = try S3Documents.uploadID(response.body)
        combination = response.fields["x-amz-checksum-type"] == "FULL_OBJECT" ? checksum.flatMap(CRCCombination.init) : nil
        self.connection = connection
        self.key = key
        self.checksum = checksum
    }

    func put(_ number: Int, _ bytes: [UInt8]) async throws -> S3Part {
        var request = S3Request(
            method: "PUT", key: key, query: [("partNumber", String(number)), ("uploadId", id)], body: bytes)
        let value = checksum?.checksum(of: bytes)
        request.apply(checksum, value)
        guard let etag = try await connection.send(request).fields["etag"] else {
            throw ObjectStoreError(.other("MissingETag"), "The answer to a part has no ETag.", key: key)
        }
        return S3Part(number: number, size: Int64(bytes.count), etag: unquoted(etag), checksum: value)
    }

    /// - Parameter source: fields that say which object is copied.
    func copy(_ number: Int, _ range: Range<Int64>, of source: HTTPFields) async throws -> S3Part {
        var request = S3Request(
            method: "PUT", key: key, query: [("partNumber", String(number)), ("uploadId", id)], fields: source,
            isAnsweredEarly: true)
        request.fields["x-amz-copy-source-range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        let etag = try S3Documents.etag(try await connection.send(request).body)
        guard !etag.isEmpty else {
            throw ObjectStoreError(.other("MissingETag"), "The answer to the copy of a part has no ETag.", key: key)
        }
        return S3Part(number: number, size: Int64(range.count), etag: etag, checksum: nil)
    }

    /// - Parameter parts: in order.
    func complete(_ parts: [S3Part], condition: S3Condition) async throws -> ObjectMetadata {
        var request = S3Request(
            method: "POST", key: key, query: [("uploadId", id)], fields: ["content-type": "application/xml"],
            body: S3Documents.completion(parts, checksum), isAnsweredEarly: true)
        request.apply(condition)
        if let combination {
            request.apply(checksum, whole(parts, combination))
            request.fields["x-amz-checksum-type"] = "FULL_OBJECT"
        }
        let size = parts.reduce(0) { $0 + $1.size }
        do {
            let etag = try S3Documents.etag(try await connection.send(request).body)
            return ObjectMetadata(
                key: key, size: size, etag: try await etag.isEmpty ? head().etag : etag, lastModified: connection.clock.now())
        } catch let error as ObjectStoreError where error.code == .other("NoSuchUpload") && condition == .none {
            // An earlier sending may have completed it while its answer was lost.
            let found = try await head()
            guard found.size == size, found.etag.hasSuffix("-\(parts.count)") else { throw error }
            return found
        }
    }

    /// Gives up, whether the task is cancelled or not. What cannot be removed is left to the store's own cleaning up:
    /// nothing of it is visible.
    func abort() async {
        let request = S3Request(method: "DELETE", key: key, query: [("uploadId", id)])
        await Task { [connection] in _ = try? await connection.send(request) }.value
    }

    private func head() async throws -> ObjectMetadata {
        let response = try await connection.send(S3Request(method: "HEAD", key: key))
        return try ObjectMetadata(response.fields, key: key)
    }

    private func whole(_ parts: [S3Part], _ combination: CRCCombination) -> [UInt8]? {
        guard var sum = parts.first?.checksum else { return nil }
        for part in parts.dropFirst() {
            guard let next = part.checksum else { return nil }
            sum = combination.combine(sum, (next, part.size))
        }
        return sum
    }
}

extension S3Request {
    mutating func apply(_ condition: S3Condition) {
        switch condition.condition {
        case .none: break
        case .ifAbsent: fields["if-none-match"] = "*"
        case .ifMatch(let etag): fields["if-match"] = condition.quotesETag ? "\"\(etag)\"" : etag
        }
        isRepeatable = condition.condition == .none
    }

    mutating func apply(_ algorithm: ChecksumAlgorithm?, _ checksum: [UInt8]?) {
        guard let algorithm, let checksum else { return }
        fields[algorithm.fieldName] = Base64.encode(checksum)
    }
}
