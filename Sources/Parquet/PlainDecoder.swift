// PLAIN (0): values back to back, little endian; booleans one bit each; byte arrays after a four-byte length.

final class PlainFixedWidthDecoder<T: FixedWidthValue>: ValueDecoder {
    private let bytes: [UInt8]
    private var position: Int

    init(_ bytes: [UInt8], from position: Int) {
        self.bytes = bytes
        self.position = position
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        let size = MemoryLayout<T>.size
        guard count <= (bytes.count - position) / size else { throw .malformed("a plain page ends early") }
        let position = self.position
        T.modify(&values) { target in
            let start = target.count
            target.append(contentsOf: repeatElement(T.zero, count: count))
            bytes.withUnsafeBytes { source in
                target.withUnsafeMutableBytes { target in
                    // SAFETY: both ranges were checked above; x86-64 and arm64 are little endian as the format is.
                    UnsafeMutableRawBufferPointer(rebasing: target[(start * size)...])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[position..<position + count * size]))
                }
            }
        }
        self.position += count * size
    }
}

final class PlainBooleanDecoder: ValueDecoder {
    private let bytes: [UInt8]
    private var bit: Int

    init(_ bytes: [UInt8], from position: Int) {
        self.bytes = bytes
        bit = position * 8
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        guard count <= bytes.count * 8 - bit else { throw .malformed("a plain page ends early") }
        values.bools.reserveCapacity(values.bools.count + count)
        for index in bit..<bit + count { values.bools.append(bytes[index >> 3] >> UInt8(index & 7) & 1) }
        bit += count
    }
}

/// INT96 timestamps: nanoseconds of the day (8 bytes), then the Julian day (4 bytes). They become microseconds at once,
/// as nanoseconds in 64 bits only reach from 1677 to 2262.
final class PlainInt96Decoder: ValueDecoder {
    private static let julianDayOf1970: Int64 = 2_440_588
    private let bytes: [UInt8]
    private var position: Int

    init(_ bytes: [UInt8], from position: Int) {
        self.bytes = bytes
        self.position = position
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        guard count <= (bytes.count - position) / 12 else { throw .malformed("a plain page ends early") }
        for _ in 0..<count {
            let (nanoseconds, day) = bytes.withUnsafeBytes {
                ($0.loadUnaligned(fromByteOffset: position, as: Int64.self),
                    Int64($0.loadUnaligned(fromByteOffset: position + 8, as: UInt32.self)))
            }
            position += 12
            let (time, overflow) = (day - Self.julianDayOf1970).multipliedReportingOverflow(by: 86_400_000_000)
            let (sum, overflowed) = time.addingReportingOverflow(floorDivide(nanoseconds, 1000))
            guard !overflow, !overflowed else {
                throw ParquetError(.outOfRange, "an INT96 timestamp is out of the range of 64-bit microseconds")
            }
            values.int64s.append(sum)
        }
    }
}

final class PlainByteArrayDecoder: ValueDecoder {
    private let bytes: [UInt8]
    private var position: Int

    init(_ bytes: [UInt8], from position: Int) {
        self.bytes = bytes
        self.position = position
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        // Every value takes four bytes or more.
        guard count <= (bytes.count - position) / 4 else { throw .malformed("a plain page ends early") }
        let buffer = Int32(values.byteArrays.buffers.count)
        values.byteArrays.buffers.append(bytes)
        values.byteArrays.references.reserveCapacity(values.byteArrays.references.count + count)
        for _ in 0..<count {
            guard bytes.count - position >= 4 else { throw .malformed("a plain page ends early") }
            let length = bytes.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt32.self))) }
            position += 4
            guard length <= bytes.count - position else { throw .malformed("a byte array of \(length) bytes is beyond its page") }
            values.byteArrays.references.append(.init(buffer: buffer, offset: Int32(position), count: Int32(length)))
            position += length
        }
    }
}

final class PlainFixedLengthByteArrayDecoder: ValueDecoder {
    private let bytes: [UInt8]
    private let length: Int
    private var position: Int

    init(_ bytes: [UInt8], from position: Int, length: Int) {
        self.bytes = bytes
        self.position = position
        self.length = length
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        guard length == 0 || count <= (bytes.count - position) / length else { throw .malformed("a plain page ends early") }
        let buffer = Int32(values.byteArrays.buffers.count)
        values.byteArrays.buffers.append(bytes)
        for _ in 0..<count {
            values.byteArrays.references.append(.init(buffer: buffer, offset: Int32(position), count: Int32(length)))
            position += length
        }
    }
}

/// Division that rounds towards negative infinity; `divisor` is positive.
func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
}
