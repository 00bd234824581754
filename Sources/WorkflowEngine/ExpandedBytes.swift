import CZlib
import CZstd
import ObjectStore

/// How an object that holds items is compressed, by the end of its key.
/// - Source: Step Functions, "ItemReader", external compression types.
enum ItemCompression {
    case gzip, zstd

    init?(key: String) {
        if key.hasSuffix(".gz") { self = .gzip } else if key.hasSuffix(".zst") || key.hasSuffix(".zstd") { self = .zstd } else { return nil }
    }

    fileprivate func expander() throws(ExpansionError) -> any ByteExpander {
        switch self {
        case .gzip: try GzipExpander()
        case .zstd: try ZstdExpander()
        }
    }
}

struct ExpansionError: Error {
    var message: String
}

/// The bytes of a compressed object, from a place among them on. Used by one task.
final class ExpandedBytes {
    private let download: any ObjectDownload
    private let expander: any ByteExpander
    /// Bytes to be passed over: they were read before.
    private var skipped: Int64
    private var input: [UInt8] = []
    private var at = 0
    private var mayHoldMore = false

    init(_ download: any ObjectDownload, _ compression: ItemCompression, from offset: Int64) throws(ExpansionError) {
        self.download = download
        expander = try compression.expander()
        skipped = offset
    }

    /// The next bytes, not none; nil after the last.
    /// - Throws: `ExpansionError` for what was not compressed so; what the download throws.
    func read() async throws -> [UInt8]? {
        while true {
            if at < input.count || mayHoldMore {
                let step = try expander.step(input, from: at)
                at += step.used
                mayHoldMore = step.output.count == expanderPieceBytes
                if step.used == 0, step.output.isEmpty, at < input.count {
                    throw ExpansionError(message: "bytes follow that are not compressed.")
                }
                let passed = min(skipped, Int64(step.output.count))
                skipped -= passed
                if step.output.count > Int(passed) { return Array(step.output.dropFirst(Int(passed))) }
                continue
            }
            guard let next = try await download.read() else {
                guard expander.isAtEnd else { throw ExpansionError(message: "it ends too early.") }
                return nil
            }
            (input, at) = (next, 0)
        }
    }
}

/// What a step gives at most, however well it was compressed.
private let expanderPieceBytes = 1 << 20

private protocol ByteExpander {
    /// Expands some of the input behind `start`, and says how much it took.
    func step(_ input: [UInt8], from start: Int) throws(ExpansionError) -> (used: Int, output: [UInt8])
    /// Whether the input may end here.
    var isAtEnd: Bool { get }
}

/// Gzip's members, one after the other.
private final class GzipExpander: ByteExpander {
    // At a fixed place, which zlib remembers.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private(set) var isAtEnd = false

    init() throws(ExpansionError) {
        stream.initialize(to: z_stream())
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw ExpansionError(message: "zlib did not start.")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func step(_ input: [UInt8], from start: Int) throws(ExpansionError) -> (used: Int, output: [UInt8]) {
        if isAtEnd, start < input.count {
            inflateReset(stream)
            isAtEnd = false
        }
        var status = Z_OK
        var used = 0
        // SAFETY: zlib reads avail_in bytes behind next_in and writes avail_out bytes; both are the sizes of the buffers.
        let output = [UInt8](unsafeUninitializedCapacity: expanderPieceBytes) { buffer, count in
            input.withUnsafeBufferPointer { source in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress.map { $0 + start })
                stream.pointee.avail_in = UInt32(clamping: source.count - start)
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(buffer.count)
                status = inflate(stream, Z_NO_FLUSH)
                used = source.count - start - Int(stream.pointee.avail_in)
            }
            count = buffer.count - Int(stream.pointee.avail_out)
        }
        guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(status) else {
            throw ExpansionError(message: "it is not compressed with gzip, or damaged.")
        }
        if status == Z_STREAM_END { isAtEnd = true }
        return (used, output)
    }
}

/// Zstandard's frames, one after the other.
private final class ZstdExpander: ByteExpander {
    private let stream: OpaquePointer
    private(set) var isAtEnd = false

    init() throws(ExpansionError) {
        guard let stream = ZSTD_createDStream() else { throw ExpansionError(message: "zstd did not start.") }
        self.stream = stream
    }

    deinit { ZSTD_freeDStream(stream) }

    func step(_ input: [UInt8], from start: Int) throws(ExpansionError) -> (used: Int, output: [UInt8]) {
        var status = 0
        var used = 0
        // SAFETY: zstd reads up to `size` of the source and writes up to `size` of the target, the sizes of the buffers.
        let output = [UInt8](unsafeUninitializedCapacity: expanderPieceBytes) { buffer, count in
            input.withUnsafeBytes { source in
                var from = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: start)
                var to = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
                status = ZSTD_decompressStream(stream, &to, &from)
                used = from.pos - start
                count = to.pos
            }
        }
        guard ZSTD_isError(status) == 0 else {
            throw ExpansionError(message: "it is not compressed with zstd, or damaged.")
        }
        // Zero: a frame has ended, and all of it was given out.
        if used > 0 || !output.isEmpty { isAtEnd = status == 0 }
        return (used, output)
    }
}
