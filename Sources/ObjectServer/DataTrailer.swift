import AWSProtocol

// How a data file ends, so that whatever is read of it, be it a few bytes, is compared with what was written:
//
//     data      `length` bytes: blocks of `blockBytes`, the last one perhaps shorter
//     values    the CRC32C of each block, 4 bytes each
//     footer    "millrce1", length (8 bytes), bytes of a block (4), CRC32C of these 20 bytes (4)
//
// Numbers are little-endian. A file that ends with its data has no trailer, and is not compared.

/// Computes a file's trailer while its data is written.
struct DataTrailer {
    /// Few, as a read of any byte reads its block; enough that the values are a small part of the file.
    static let blockBytes = 16 * 1024

    private var values: [UInt8] = []
    private var length: Int64 = 0
    /// Of the block under way.
    private var value: UInt32 = 0

    /// The next bytes of the data.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            let count = min(Self.blockBytes - Int(length % Int64(Self.blockBytes)), rest.count)
            value = crc32c(UnsafeRawBufferPointer(rebasing: rest[..<count]), after: value)
            length += Int64(count)
            if length.isMultiple(of: Int64(Self.blockBytes)) { endBlock() }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// What comes after the data.
    mutating func finish() -> [UInt8] {
        if !length.isMultiple(of: Int64(Self.blockBytes)) { endBlock() }
        return values + DataFooter(length: length, blockBytes: Self.blockBytes).encoded
    }

    private mutating func endBlock() {
        append(value, to: &values)
        value = 0
    }
}

/// Tells what a file with a trailer consists of.
struct DataFooter {
    static let byteCount = 24
    /// So chunks that are read, which begin at multiples of it, consist of whole blocks.
    static let blockBytesMax = 256 * 1024
    private static let magic = Array("millrce1".utf8)

    let length: Int64
    let blockBytes: Int

    init(length: Int64, blockBytes: Int) {
        self.length = length
        self.blockBytes = blockBytes
    }

    /// Nil unless `bytes` are a footer, undamaged.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount, bytes.prefix(8).elementsEqual(Self.magic) else { return nil }
        let length = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
        let blockBytes = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
        guard crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<20])) == loadValue(bytes, at: 20),
            length >= 0, blockBytes <= Self.blockBytesMax, blockBytes.nonzeroBitCount == 1
        else { return nil }
        self.init(length: length, blockBytes: blockBytes)
    }

    var encoded: [UInt8] {
        var bytes = Self.magic
        append(length, to: &bytes)
        append(UInt32(truncatingIfNeeded: blockBytes), to: &bytes)
        append(bytes.withUnsafeBytes { crc32c($0) }, to: &bytes)
        return bytes
    }

    /// Bytes of all values.
    var valuesBytes: Int64 { (length / Int64(blockBytes) + (length % Int64(blockBytes) == 0 ? 0 : 1)) * 4 }
}

/// The CRC32C at `offset` of a trailer.
func loadValue(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
}

private func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
}
