// DELTA_BINARY_PACKED (5), DELTA_LENGTH_BYTE_ARRAY (6), DELTA_BYTE_ARRAY (7). Source: parquet-format, Encodings.md.
//
//   header := varint(block size) varint(miniblocks per block) varint(count) zigzag(first value)
//   block  := zigzag(least delta) one byte of bit width per miniblock, then the miniblocks, each of
//             (block size / miniblocks) deltas less the least one, bit-packed; unused miniblocks at the end are absent

/// Decodes integers some at a time. Sums wrap, as the format wants.
struct DeltaBinaryPackedDecoder {
    private let bytes: [UInt8]
    private var position: Int
    private var valuesPerMiniblock: Int
    private var miniblocks: Int
    /// How many values the header announces.
    private(set) var count: Int
    private var left: Int
    private var value: Int64
    private var isFirst = true
    private var leastDelta: Int64 = 0
    private var widths: Range<Int> = 0..<0
    private var miniblock = 0
    private var miniblockLeft = 0
    private var bit = 0
    private var width = 0

    init(_ bytes: [UInt8], from position: Int) throws(ParquetError) {
        self.bytes = bytes
        self.position = position
        valuesPerMiniblock = 0
        miniblocks = 0
        count = 0
        left = 0
        value = 0
        let blockSize = try readVarint()
        let miniblocks = try readVarint()
        let count = try readVarint()
        let first = try readZigzag()
        guard (1...(1 << 30)).contains(blockSize), (1...65_536).contains(miniblocks),
            blockSize % miniblocks == 0, (blockSize / miniblocks) % 8 == 0, count <= UInt64(Int32.max)
        else { throw .malformed("delta data with blocks of \(blockSize) in \(miniblocks) for \(count) values") }
        self.valuesPerMiniblock = Int(blockSize / miniblocks)
        self.miniblocks = Int(miniblocks)
        self.count = Int(count)
        left = Int(count)
        value = first
    }

    /// Appends `count` values, truncated to the element's width.
    mutating func read<T: FixedWidthInteger>(_ count: Int, into output: inout [T]) throws(ParquetError) {
        guard count <= left else { throw .malformed("delta data holds fewer values than its page") }
        var wanted = count
        left -= count
        if wanted > 0, isFirst {
            output.append(T(truncatingIfNeeded: value))
            isFirst = false
            wanted -= 1
        }
        while wanted > 0 {
            if miniblockLeft == 0 { try nextMiniblock() }
            let n = min(wanted, miniblockLeft)
            var bit = self.bit
            var value = self.value
            let (width, least, end) = (self.width, leastDelta, bytes.count)
            output.reserveCapacity(output.count + n)
            bytes.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return }
                for _ in 0..<n {
                    let delta = width == 0 ? 0 : Int64(bitPattern: bits(base, end: end, at: bit, width: width))
                    value = value &+ least &+ delta
                    output.append(T(truncatingIfNeeded: value))
                    bit += width
                }
            }
            self.bit = bit
            self.value = value
            miniblockLeft -= n
            wanted -= n
        }
    }

    /// Passes over all values not read and gives the position after the data.
    mutating func endPosition() throws(ParquetError) -> Int {
        var unread = left - (isFirst && left > 0 ? 1 : 0)
        unread -= min(unread, miniblockLeft)
        while unread > 0 {
            try nextMiniblock()
            unread -= min(unread, valuesPerMiniblock)
        }
        return position
    }

    private mutating func nextMiniblock() throws(ParquetError) {
        if miniblock == widths.count {
            leastDelta = try readZigzag()
            guard miniblocks <= bytes.count - position else { throw .malformed("delta data ends early") }
            widths = position..<position + miniblocks
            position += miniblocks
            miniblock = 0
        }
        width = Int(bytes[widths.lowerBound + miniblock])
        guard width <= 64 else { throw .malformed("delta data of \(width) bits") }
        miniblock += 1
        let size = width * valuesPerMiniblock / 8
        bit = position * 8
        miniblockLeft = valuesPerMiniblock
        if size <= bytes.count - position {
            position += size
        } else {
            // The last miniblock may lack the padding after the values in use.
            let held = (bytes.count - position) * 8 / width
            guard held > 0 else { throw .malformed("delta data ends early") }
            miniblockLeft = held
            position = bytes.count
        }
    }

    private mutating func readVarint() throws(ParquetError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard position < bytes.count else { throw .malformed("delta data ends early") }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte & 0x80 == 0 { return value }
        }
        throw .malformed("delta data has an integer of more than ten bytes")
    }

    private mutating func readZigzag() throws(ParquetError) -> Int64 {
        let value = try readVarint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}

final class DeltaIntegerDecoder: ValueDecoder {
    private var deltas: DeltaBinaryPackedDecoder
    private let isWide: Bool

    init(_ bytes: [UInt8], from position: Int, isWide: Bool) throws(ParquetError) {
        deltas = try DeltaBinaryPackedDecoder(bytes, from: position)
        self.isWide = isWide
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        if isWide { try deltas.read(count, into: &values.int64s) } else { try deltas.read(count, into: &values.int32s) }
    }
}

/// All lengths first, then all bytes.
final class DeltaLengthByteArrayDecoder: ValueDecoder {
    private let bytes: [UInt8]
    private var lengths: DeltaBinaryPackedDecoder
    private var position: Int
    private var scratch: [Int64] = []

    init(_ bytes: [UInt8], from position: Int) throws(ParquetError) {
        self.bytes = bytes
        lengths = try DeltaBinaryPackedDecoder(bytes, from: position)
        var ahead = lengths
        self.position = try ahead.endPosition()
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        scratch.removeAll(keepingCapacity: true)
        try lengths.read(count, into: &scratch)
        let buffer = Int32(values.byteArrays.buffers.count)
        values.byteArrays.buffers.append(bytes)
        for length in scratch {
            guard length >= 0, length <= Int64(bytes.count - position) else {
                throw .malformed("a byte array of \(length) bytes is beyond its page")
            }
            values.byteArrays.references.append(.init(buffer: buffer, offset: Int32(position), count: Int32(length)))
            position += Int(length)
        }
    }
}

/// Each value is a prefix of the one before and a suffix of its own: prefix lengths, then suffixes.
final class DeltaByteArrayDecoder: ValueDecoder {
    private var prefixes: DeltaBinaryPackedDecoder
    private let suffixes: DeltaLengthByteArrayDecoder
    private let fixedLength: Int?
    private var previous: [UInt8] = []
    private var scratch: [Int64] = []

    init(_ bytes: [UInt8], from position: Int, fixedLength: Int?) throws(ParquetError) {
        prefixes = try DeltaBinaryPackedDecoder(bytes, from: position)
        var ahead = prefixes
        suffixes = try DeltaLengthByteArrayDecoder(bytes, from: try ahead.endPosition())
        self.fixedLength = fixedLength
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        scratch.removeAll(keepingCapacity: true)
        try prefixes.read(count, into: &scratch)
        var parts = LeafValues()
        try suffixes.read(count, into: &parts)
        var buffer: [UInt8] = []
        let bufferIndex = Int32(values.byteArrays.buffers.count)
        for (index, prefix) in scratch.enumerated() {
            guard prefix >= 0, prefix <= Int64(previous.count) else {
                throw .malformed("a prefix of \(prefix) bytes of a value of \(previous.count)")
            }
            previous.removeSubrange(Int(prefix)...)
            previous.append(contentsOf: parts.byteArrays.bytes(at: index))
            if let fixedLength, previous.count != fixedLength {
                throw .malformed("a value of \(previous.count) bytes in a column of \(fixedLength)")
            }
            guard buffer.count + previous.count <= pageBytesMax else {
                throw .malformed("prefix-compressed values of over \(pageBytesMax) bytes")
            }
            values.byteArrays.references.append(
                .init(buffer: bufferIndex, offset: Int32(buffer.count), count: Int32(previous.count)))
            buffer.append(contentsOf: previous)
        }
        values.byteArrays.buffers.append(buffer)
    }
}
