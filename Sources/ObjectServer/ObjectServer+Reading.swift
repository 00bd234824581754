import Logging
package import NIOCore
package import StateStore

/// An object as it was when it was looked up; its bytes stay readable while this value lives.
package struct ObjectRead: Sendable {
    package let record: ObjectRecord
    private let ticket: ReadTicket
    private let server: ObjectServer

    /// Bytes handed over at once; one read holds twice as much.
    private static let chunkBytes: Int64 = 128 * 1024

    init(record: ObjectRecord, ticket: ReadTicket, server: ObjectServer) {
        self.record = record
        self.ticket = ticket
        self.server = server
    }

    /// The bytes, when they are kept with the record.
    /// - Throws: `.internalError` when they are not what was stored.
    package func inlineBytes() throws -> [UInt8]? {
        guard case .inline(let bytes) = record.content else { return nil }
        if var verifier = ReadVerifier(record), !bytes.withUnsafeBytes({ verifier.update($0) }) { throw damage() }
        return bytes
    }

    private func damage() -> ObjectServerError {
        server.logger.error(
            "objects.damaged",
            metadata: ["bucket": "\(record.bucket)", "key": "\(record.key)", "version": "\(record.version)"])
        return ObjectServerError(.internalError, "We encountered an internal error. Please try again.")
    }

    /// Hands over the bytes of `range` in order. Of a whole object that has a CRC the last chunk is held back when they are
    /// not what was stored. While one chunk is being written the next is read; two buffers serve in
    /// turn, so that memory does not depend on the object's size.
    ///
    /// - Parameters:
    ///   - range: within the object.
    ///   - write: returns when it has done with the chunk.
    package func forEachChunk(
        in range: Range<Int64>, _ write: (ByteBuffer) async throws -> Void
    ) async throws {
        guard case .segments(let segments) = record.content else {
            let bytes = try inlineBytes() ?? []
            return try await write(ByteBuffer(bytes: bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
        var pieces = PieceIterator(segments: segments, range: range, lengthMax: Self.chunkBytes)
        guard let first = pieces.next() else { return }
        let loader = PieceLoader(
            files: server.files, verifier: range == 0..<record.size ? ReadVerifier(record) : nil, damage: damage)
        var current = try await server.blocking { try loader.load(first) }
        while let piece = pieces.next() {
            async let next = server.blocking { try loader.load(piece) }
            try await write(current)
            let written = current
            current = try await next
            loader.spare = written
        }
        try await write(current)
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

/// A part of a data file that lies in the wanted range.
private struct Piece: Sendable {
    var file: DataFileID
    var offset: Int64
    var length: Int
}

/// The pieces of a range of an object, in order.
private struct PieceIterator: IteratorProtocol {
    private let segments: [DataSegment]
    private let lengthMax: Int64
    private let end: Int64
    /// Of the next piece, in the object.
    private var position: Int64
    private var index = 0
    /// Of the present segment, in the object.
    private var segmentStart: Int64 = 0

    init(segments: [DataSegment], range: Range<Int64>, lengthMax: Int64) {
        self.segments = segments
        self.lengthMax = lengthMax
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next() -> Piece? {
        while index < segments.count, position < end {
            let segment = segments[index]
            let rest = min(segmentStart + segment.length, end) - position
            if rest > 0 {
                let length = min(lengthMax, rest)
                defer { position += length }
                return Piece(file: segment.file, offset: position - segmentStart, length: Int(length))
            }
            segmentStart += segment.length
            index += 1
        }
        return nil
    }
}

/// Reads pieces. Keeps the last file open, and a buffer that has been written for the piece after the next.
private final class PieceLoader: @unchecked Sendable {
    // Unchecked: pieces are loaded one after the other, and `spare` is set between two loads.
    var spare: ByteBuffer?
    private let files: DataFiles
    private var last: (id: DataFileID, file: DataFile)?
    private var verifier: ReadVerifier?
    private let damage: () -> ObjectServerError

    init(files: DataFiles, verifier: ReadVerifier?, damage: @escaping () -> ObjectServerError) {
        self.files = files
        self.verifier = verifier
        self.damage = damage
    }

    func load(_ piece: Piece) throws -> ByteBuffer {
        let file: DataFile
        if let last, last.id == piece.file {
            file = last.file
        } else {
            file = try files.open(piece.file)
            last = (piece.file, file)
        }
        var buffer = takeSpare() ?? ByteBufferAllocator().buffer(capacity: piece.length)
        // Copies nothing and keeps the storage, unless somebody still holds it.
        buffer.clear(minimumCapacity: piece.length)
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: piece.length) { bytes in
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<piece.length]), at: piece.offset)
            return piece.length
        }
        guard buffer.withUnsafeReadableBytes({ verifier?.update($0) ?? true }) else { throw damage() }
        return buffer
    }

    private func takeSpare() -> ByteBuffer? {
        defer { spare = nil }
        return spare
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
