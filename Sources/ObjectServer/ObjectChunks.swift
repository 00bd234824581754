package import NIOCore
import StateStore

/// A range of an object, one chunk after the other, each block of it compared with its checksum. For one task.
package final class ObjectChunks: @unchecked Sendable {
    // Unchecked: one task takes the chunks, each after it has done with the one before.
    private let read: ObjectRead
    private let loader: PieceLoader
    private var pieces: PieceIterator
    private var first: ByteBuffer?

    /// Bytes handed over, and held, at once.
    private static let chunkBytes: Int64 = 256 * 1024
    /// Chunks that are written one after the other before somebody else on the thread has a turn.
    private static let turnChunks = 4

    init(of read: ObjectRead, _ range: Range<Int64>) async throws {
        self.read = read
        loader = PieceLoader(files: read.server.files)
        guard case .segments(let segments) = read.record.content else {
            pieces = PieceIterator(segments: [], range: range, lengthMax: Self.chunkBytes)
            let bytes = try read.inlineBytes() ?? []
            first = ByteBuffer(bytes: bytes[Int(range.lowerBound)..<Int(range.upperBound)])
            return
        }
        pieces = PieceIterator(segments: segments, range: range, lengthMax: Self.chunkBytes)
        first = try await load()
    }

    /// Hands over the chunks in order, once. What the kernel has in memory, because it reads ahead, is taken without a
    /// change of threads.
    package func forEach(_ write: (ByteBuffer) async throws -> Void) async throws {
        var chunks = 0
        while let chunk = try await next() {
            try await write(chunk)
            loader.spare = chunk
            chunks += 1
            if chunks.isMultiple(of: Self.turnChunks) { await Task.yield() }
        }
    }

    private func next() async throws -> ByteBuffer? {
        guard let chunk = first else { return try await load() }
        first = nil
        return chunk
    }

    private func load() async throws -> ByteBuffer? {
        guard let piece = pieces.next() else { return nil }
        do {
            if let cached = try loader.load(piece, onlyCached: true) { return cached }
            return try await read.server.blocking { [loader] in try loader.load(piece, onlyCached: false) }
        } catch let damage as DataDamage {
            throw read.damaged(damage)
        }
    }
}

/// A part of a data file that lies in the wanted range.
private struct Piece: Sendable {
    var segment: DataSegment
    /// Within the segment.
    var range: Range<Int64>
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
                let offset = position - segmentStart
                // Ends where a block does, unless the range ends before.
                let length = min(lengthMax - offset % lengthMax, rest)
                position += length
                return Piece(segment: segment, range: offset..<offset + length)
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
    private var last: (id: DataFileID, reader: BlockReader)?

    init(files: DataFiles) { self.files = files }

    /// - Parameter onlyCached: gives nil, with nothing changed, when the disk would have to be waited for.
    func load(_ piece: Piece, onlyCached: Bool) throws -> ByteBuffer? {
        let reader: BlockReader
        if let last, last.id == piece.segment.file {
            reader = last.reader
        } else {
            if onlyCached { return nil }
            reader = try BlockReader(piece.segment, in: files)
            last = (piece.segment.file, reader)
        }
        let blocks = reader.blocks(around: piece.range)
        var buffer = emptyBuffer(blocks.count)
        let count = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: blocks.count) { bytes in
            let target = UnsafeMutableRawBufferPointer(rebasing: bytes[..<blocks.count])
            if onlyCached { return try reader.readCached(into: target, at: blocks.lowerBound) ? blocks.count : 0 }
            try reader.read(into: target, at: blocks.lowerBound)
            return blocks.count
        }
        guard count > 0 else {
            spare = buffer
            return nil
        }
        buffer.moveReaderIndex(forwardBy: Int(piece.range.lowerBound - blocks.lowerBound))
        buffer.moveWriterIndex(to: buffer.readerIndex + piece.range.count)
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
