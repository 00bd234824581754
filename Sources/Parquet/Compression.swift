import CSnappy
import CZlib
import CZstd

/// The size of a decompressed page at most; the format's own limit is 2 GiB - 1.
let pageBytesMax = 1 << 30

/// Decompresses one page body to exactly `uncompressedSize` bytes.
///
/// - Throws: `ParquetError` `.malformed` for bytes that are not of the codec or have another size, `.unsupported` for a
///   codec that is not built in.
func decompress(
    _ input: ArraySlice<UInt8>, codec: CompressionCodec, uncompressedSize: Int
) throws(ParquetError) -> [UInt8] {
    guard (0...pageBytesMax).contains(uncompressedSize) else {
        throw .malformed("a page of \(uncompressedSize) bytes is over the limit of \(pageBytesMax)")
    }
    switch codec {
    case .uncompressed:
        guard input.count == uncompressedSize else {
            throw .malformed("an uncompressed page has \(input.count) bytes where its header says \(uncompressedSize)")
        }
        return Array(input)
    case .snappy: return try decompressSnappy(input, uncompressedSize)
    case .zstd: return try decompressZstd(input, uncompressedSize)
    case .gzip: return try decompressGzip(input, uncompressedSize)
    default: throw .unsupported("the compression codec \(codec) is not supported")
    }
}

/// Compresses one page body.
///
/// - Throws: `ParquetError` `.unsupported` for a codec that cannot be written.
func compress(_ input: [UInt8], codec: CompressionCodec, zstdLevel: Int32) throws(ParquetError) -> [UInt8] {
    switch codec {
    case .uncompressed: return input
    case .snappy:
        var size = snappy_max_compressed_length(input.count)
        var status = SNAPPY_OK
        let output = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            // SAFETY: snappy reads input.count bytes and writes at most `size` bytes, the capacity asked for.
            input.withUnsafeBytes { source in
                buffer.withMemoryRebound(to: CChar.self) { target in
                    status = snappy_compress(
                        source.bindMemory(to: CChar.self).baseAddress, input.count, target.baseAddress, &size)
                }
            }
            count = status == SNAPPY_OK ? size : 0
        }
        guard status == SNAPPY_OK else { throw .unsupported("snappy cannot compress a page of \(input.count) bytes") }
        return output
    case .zstd:
        let bound = ZSTD_compressBound(input.count)
        var failed = false
        let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            let size = input.withUnsafeBytes { ZSTD_compress(buffer.baseAddress, bound, $0.baseAddress, input.count, zstdLevel) }
            failed = ZSTD_isError(size) != 0
            count = failed ? 0 : size
        }
        if failed { throw .unsupported("zstd cannot compress a page of \(input.count) bytes") }
        return output
    default: throw .unsupported("writing with the compression codec \(codec) is not supported")
    }
}

private func decompressSnappy(_ input: ArraySlice<UInt8>, _ expected: Int) throws(ParquetError) -> [UInt8] {
    var size = 0
    var status = SNAPPY_OK
    let declared: Int? = input.withUnsafeBytes { source in
        let start = source.bindMemory(to: CChar.self).baseAddress
        guard snappy_uncompressed_length(start, input.count, &size) == SNAPPY_OK else { return nil }
        return size
    }
    guard let declared else { throw .malformed("a page is not snappy data") }
    guard declared == expected else {
        throw .malformed("a snappy page holds \(declared) bytes where its header says \(expected)")
    }
    let output = [UInt8](unsafeUninitializedCapacity: max(1, expected)) { buffer, count in
        // SAFETY: snappy_uncompress writes at most `size` bytes, which is the capacity.
        input.withUnsafeBytes { source in
            buffer.withMemoryRebound(to: CChar.self) { target in
                status = snappy_uncompress(
                    source.bindMemory(to: CChar.self).baseAddress, input.count, target.baseAddress, &size)
            }
        }
        count = status == SNAPPY_OK ? size : 0
    }
    guard status == SNAPPY_OK, output.count == expected else { throw .malformed("a page is not snappy data") }
    return output
}

private func decompressZstd(_ input: ArraySlice<UInt8>, _ expected: Int) throws(ParquetError) -> [UInt8] {
    let output = [UInt8](unsafeUninitializedCapacity: max(1, expected)) { buffer, count in
        // SAFETY: ZSTD_decompress writes at most `expected` bytes, which the buffer has.
        let size = input.withUnsafeBytes { ZSTD_decompress(buffer.baseAddress, expected, $0.baseAddress, input.count) }
        count = ZSTD_isError(size) != 0 ? 0 : size
    }
    guard output.count == expected else { throw .malformed("a page is not zstd data of \(expected) bytes") }
    return output
}

/// Inflates one or several concatenated gzip members.
private func decompressGzip(_ input: ArraySlice<UInt8>, _ expected: Int) throws(ParquetError) -> [UInt8] {
    var input = Array(input)
    var ended = false
    let output = [UInt8](unsafeUninitializedCapacity: max(1, expected)) { buffer, count in
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return }
        defer { inflateEnd(&stream) }
        // SAFETY: zlib reads avail_in bytes and writes avail_out bytes; both are the sizes of the buffers.
        input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(expected)
            while true {
                let status = inflate(&stream, Z_FINISH)
                if status != Z_STREAM_END { break }
                if stream.avail_in == 0 || stream.avail_out == 0 {
                    ended = true
                    break
                }
                guard inflateReset(&stream) == Z_OK else { break }
            }
            count = expected - Int(stream.avail_out)
        }
    }
    guard ended, output.count == expected else { throw .malformed("a page is not gzip data of \(expected) bytes") }
    return output
}
