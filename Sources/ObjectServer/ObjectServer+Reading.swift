import AWSProtocol
import Crypto
import Logging
package import NIOCore
package import StateStore
import Support

/// An object as it was when it was looked up; its bytes stay readable while this value lives.
package struct ObjectRead: Sendable {
    package let record: ObjectRecord
    private let ticket: ReadTicket
    let server: ObjectServer

    init(record: ObjectRecord, ticket: ReadTicket, server: ObjectServer) {
        self.record = record
        self.ticket = ticket
        self.server = server
    }

    /// The bytes, when they are kept with the record.
    /// - Throws: `.internalError` when they are not what was stored.
    package func inlineBytes() throws -> [UInt8]? {
        guard case .inline(let bytes) = record.content else { return nil }
        guard record.describes(bytes) else { throw damaged() }
        return bytes
    }

    /// Logs that the bytes are not what was stored.
    /// - Parameter damage: nil for bytes that are kept with the record.
    func damaged(_ damage: DataDamage? = nil) -> ObjectServerError {
        var metadata: Logger.Metadata = [
            "bucket": "\(record.bucket)", "key": "\(record.key)", "version": "\(record.version)",
        ]
        if let damage {
            metadata["file"] = "\(damage.path)"
            metadata["offset"] = "\(damage.offset)"
            metadata["finding"] = "\(damage.finding)"
        }
        server.logger.error("objects.damaged", metadata: metadata)
        return ObjectServerError(.internalError, "We encountered an internal error. Please try again.")
    }

    /// Hands over the bytes of `range` in order, each block of them once it has been compared with its checksum.
    ///
    /// - Parameters:
    ///   - range: within the object.
    ///   - write: returns when it has done with the chunk.
    /// - Throws: `.internalError` when bytes cannot be read or are not what was stored.
    package func forEachChunk(
        in range: Range<Int64>, _ write: (ByteBuffer) async throws -> Void
    ) async throws {
        try await chunks(in: range).forEach(write)
    }

    /// For `forEachChunk` later. The first chunk is read now, so that what stands against it is known before an answer
    /// begins.
    package func chunks(in range: Range<Int64>) async throws -> ObjectChunks {
        try await ObjectChunks(of: self, range)
    }

    /// What was computed when the part, counted from 1, was uploaded.
    package func partChecksum(_ number: Int) -> ObjectChecksum? {
        let values = record.attributes.partChecksums
        guard let whole = record.attributes.checksum, values.indices.contains(number - 1) else { return nil }
        return ObjectChecksum(algorithm: whole.algorithm, value: values[number - 1], isComposite: whole.isComposite)
    }

    /// The range of the part `number` of a multipart object, and how many parts there are; nil without such a part.
    package func part(_ number: Int) -> (range: Range<Int64>, count: Int)? {
        guard case .segments(let segments) = record.content, segments.first?.partNumber != 0 else {
            return number == 1 ? (0..<record.size, 0) : nil
        }
        var offset: Int64 = 0
        for (position, segment) in segments.enumerated() {
            if position + 1 == number { return (offset..<offset + segment.length, segments.count) }
            offset += segment.length
        }
        return nil
    }
}

extension ObjectRecord {
    /// Whether these bytes, kept with the record, have the digest that the record has.
    fileprivate func describes(_ bytes: [UInt8]) -> Bool {
        guard bytes.count == size else { return false }
        if let checksum = attributes.checksum, !checksum.isComposite,
            let algorithm = ChecksumAlgorithm(rawValue: checksum.algorithm)
        {
            return Base64.encode(algorithm.checksum(of: bytes)) == checksum.value
        }
        return isMultipart || hexText(Insecure.MD5.hash(data: bytes)) == etag
    }
}

extension ObjectServer {
    /// - Parameter version: nil for the latest.
    /// - Throws: `.noSuchBucket`, `.noSuchKey`, `.noSuchVersion`, `.methodNotAllowed` for a delete marker that is asked
    ///   for by its version.
    package func read(_ key: ObjectKey, version: ObjectVersion? = nil, in bucket: String) async throws -> ObjectRead {
        _ = try self.bucket(bucket)
        let ticket = readers.begin()
        guard let record = try await indexed({ try await self.index.object(key, version: version, in: bucket) }) else {
            throw version.map { ObjectServerError.noSuchVersion($0, of: key) } ?? .noSuchKey(key)
        }
        if record.isDeleteMarker { throw ObjectServerError.deleteMarker(record, isAskedFor: version != nil) }
        return ObjectRead(record: record, ticket: ticket, server: self)
    }

    /// - Throws: `.noSuchBucket`.
    package func list(_ query: ObjectListQuery) async throws -> ObjectListPage {
        _ = try bucket(query.bucket)
        return try await indexed { try await self.index.listObjects(query) }
    }

    /// - Throws: `.noSuchBucket`.
    package func listVersions(_ query: VersionListQuery) async throws -> VersionListPage {
        _ = try bucket(query.bucket)
        return try await indexed { try await self.index.listVersions(query) }
    }
}
