import Logging
package import NIOCore
package import StateStore

/// An object as it was when it was looked up; its bytes stay readable while this value lives.
package struct ObjectRead: Sendable {
    package let record: ObjectRecord
    private let ticket: ReadTicket
    private let server: ObjectServer

    /// Bytes handed over, and held, at once.
    private static let chunkBytes: Int64 = 256 * 1024
    /// Chunks that are written one after the other before somebody else on the thread has a turn.
    private static let turnChunks = 4

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
    /// not what was stored. What the kernel has in memory, because it reads ahead, is taken without a change of threads.
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
        let loader = PieceLoader(
            files: server.files, verifier: range == 0..<record.size ? ReadVerifier(record) : nil, damage: damage)
        var chunks = 0
        while let piece = pieces.next() {
            let cached = try loader.loadCached(piece)
            let chunk = if let cached { cached } else { try await server.blocking { try loader.load(piece) } }
            try await write(chunk)
            loader.spare = chunk
            chunks += 1
            if chunks.isMultiple(of: Self.turnChunks) { await Task.yield() }
        }
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

/// Reads pieces. Keeps the last file open, and the buffer that has been written for the next piece.
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
        var buffer = emptyBuffer(piece.length)
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: piece.length) { bytes in
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<piece.length]), at: piece.offset)
            return piece.length
        }
        return try verified(buffer)
    }

    /// Nil, with nothing changed, when the disk would have to be waited for.
    func loadCached(_ piece: Piece) throws -> ByteBuffer? {
        guard let last, last.id == piece.file else { return nil }
        var buffer = emptyBuffer(piece.length)
        let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: piece.length) { bytes in
            let target = UnsafeMutableRawBufferPointer(rebasing: bytes[..<piece.length])
            return last.file.readCached(into: target, at: piece.offset) ? piece.length : 0
        }
        guard count > 0 else {
            spare = buffer
            return nil
        }
        return try verified(buffer)
    }

    private func verified(_ buffer: ByteBuffer) throws -> ByteBuffer {
        guard buffer.withUnsafeReadableBytes({ verifier?.update($0) ?? true }) else { throw damage() }
        return buffer
    }

    private func emptyBuffer(_ length: Int) -> ByteBuffer {
        var buffer = spare ?? ByteBufferAllocator().buffer(capacity: length)
        spare = nil
        // Copies nothing and keeps the storage, unless somebody still holds it.
        buffer.clear(minimumCapacity: length)
        return buffer
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
