package import NIOCore
package import StateStore

/// An object as it was when it was looked up; its bytes stay readable while this value lives.
package struct ObjectRead: Sendable {
    package let record: ObjectRecord
    private let ticket: ReadTicket
    private let server: ObjectServer

    /// Bytes handed over at once.
    private static let chunkBytes: Int64 = 256 * 1024

    init(record: ObjectRecord, ticket: ReadTicket, server: ObjectServer) {
        self.record = record
        self.ticket = ticket
        self.server = server
    }

    /// The bytes, when they are kept with the record.
    package var inlineBytes: [UInt8]? {
        if case .inline(let bytes) = record.content { bytes } else { nil }
    }

    /// Hands over the bytes of `range` in order. While one chunk is being written the next is read.
    /// - Parameter range: within the object.
    package func forEachChunk(
        in range: Range<Int64>, _ write: (ByteBuffer) async throws -> Void
    ) async throws {
        if case .inline(let bytes) = record.content {
            return try await write(ByteBuffer(bytes: bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
        var pieces = pieces(of: range).makeIterator()
        guard let first = pieces.next() else { return }
        let cache = OpenFileCache(files: server.files)
        var current = try await server.blocking { try cache.load(first) }
        while let piece = pieces.next() {
            async let next = server.blocking { try cache.load(piece) }
            try await write(current)
            current = try await next
        }
        try await write(current)
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

    private func pieces(of range: Range<Int64>) -> [Piece] {
        guard case .segments(let segments) = record.content else { return [] }
        var found: [Piece] = []
        var start: Int64 = 0
        for segment in segments {
            let end = start + segment.length
            var position = max(range.lowerBound, start)
            while position < min(end, range.upperBound) {
                let length = min(Self.chunkBytes, min(end, range.upperBound) - position)
                found.append(Piece(file: segment.file, offset: position - start, length: Int(length)))
                position += length
            }
            start = end
        }
        return found
    }
}

private struct Piece: Sendable {
    var file: DataFileID
    var offset: Int64
    var length: Int
}

/// Keeps the last file open between pieces.
private final class OpenFileCache: @unchecked Sendable {
    // Unchecked: pieces are loaded one after the other.
    private let files: DataFiles
    private var last: (id: DataFileID, file: DataFile)?

    init(files: DataFiles) { self.files = files }

    func load(_ piece: Piece) throws -> ByteBuffer {
        let file: DataFile
        if let last, last.id == piece.file {
            file = last.file
        } else {
            file = try files.open(piece.file)
            last = (piece.file, file)
        }
        var buffer = ByteBufferAllocator().buffer(capacity: piece.length)
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: piece.length) { bytes in
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<piece.length]), at: piece.offset)
            return piece.length
        }
        return buffer
    }
}

extension ObjectServer {
    /// - Throws: `.noSuchBucket`, `.noSuchKey`.
    package func read(_ key: ObjectKey, in bucket: String) async throws -> ObjectRead {
        _ = try self.bucket(bucket)
        let ticket = readers.begin()
        guard let record = try await indexed({ try await self.index.object(key, in: bucket) }) else {
            throw ObjectServerError.noSuchKey(key)
        }
        return ObjectRead(record: record, ticket: ticket, server: self)
    }

    /// - Throws: `.noSuchBucket`.
    package func list(_ query: ObjectListQuery) async throws -> ObjectListPage {
        _ = try bucket(query.bucket)
        return try await indexed { try await self.index.listObjects(query) }
    }
}
