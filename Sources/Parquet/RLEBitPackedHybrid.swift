// The RLE / bit-packing hybrid: runs of one value, and groups of eight bit-packed values.
//
//   run            := varint(count << 1)      value in ceil(width / 8) bytes, little endian
//   packed groups  := varint(groups << 1 | 1) groups * width bytes, least significant bit first
//
// Source: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)".

/// Decodes as many values as are asked for; the encoded data does not say how many it holds.
struct RLEBitPackedHybridDecoder {
    private let bytes: [UInt8]
    private let end: Int
    private let width: Int
    private var position: Int
    private var runLeft = 0
    private var runValue: UInt32 = 0
    private var packedLeft = 0
    private var packedBit = 0

    /// - Parameter range: where the data lies in `bytes`; it must lie inside.
    init(_ bytes: [UInt8], range: Range<Int>, width: Int) throws(ParquetError) {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count, (0...32).contains(width) else {
            throw .malformed("run-length data of bit width \(width) in bytes \(range) of \(bytes.count)")
        }
        self.bytes = bytes
        self.width = width
        position = range.lowerBound
        end = range.upperBound
    }

    /// Appends `count` values.
    mutating func read<T: FixedWidthInteger & UnsignedInteger>(
        _ count: Int, into output: inout [T]
    ) throws(ParquetError) {
        var wanted = count
        while wanted > 0 {
            if runLeft > 0 {
                let n = min(wanted, runLeft)
                output.append(contentsOf: repeatElement(T(truncatingIfNeeded: runValue), count: n))
                runLeft -= n
                wanted -= n
            } else if packedLeft > 0 {
                let n = min(wanted, packedLeft)
                unpack(n, into: &output)
                packedLeft -= n
                wanted -= n
            } else {
                try nextRun()
            }
        }
    }

    private mutating func unpack<T: FixedWidthInteger & UnsignedInteger>(_ count: Int, into output: inout [T]) {
        let start = output.count
        let (width, end, first) = (width, end, packedBit)
        output.append(contentsOf: repeatElement(0, count: count))
        bytes.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            output.withUnsafeMutableBufferPointer { target in
                var bit = first
                for index in start..<start + count {
                    target[index] = T(truncatingIfNeeded: bits(base, end: end, at: bit, width: width))
                    bit += width
                }
            }
        }
        packedBit += count * width
    }

    private mutating func nextRun() throws(ParquetError) {
        if width == 0, position == end {
            // Nothing has to be stored for values of no bits.
            runLeft = Int.max
            runValue = 0
            return
        }
        let header = try readVarint()
        if header & 1 == 1 {
            let groups = Int(header >> 1)
            guard groups > 0 else { throw .malformed("run-length data has an empty group") }
            // Writers may cut the padding of the last group off.
            let available = (end - position) * 8
            let bitsWanted = groups.multipliedReportingOverflow(by: 8 * width)
            guard !bitsWanted.overflow else { throw .malformed("run-length data has a group beyond its end") }
            if width == 0 {
                packedLeft = groups <= Int.max / 8 ? groups * 8 : Int.max
                packedBit = position * 8
                runLeft = packedLeft
                runValue = 0
                packedLeft = 0
                return
            }
            packedLeft = min(bitsWanted.partialValue, available) / width
            guard packedLeft > 0 else { throw .malformed("run-length data ends early") }
            packedBit = position * 8
            position += min(bitsWanted.partialValue / 8, end - position)
        } else {
            guard header >> 1 > 0 else { throw .malformed("run-length data has an empty run") }
            let valueBytes = (width + 7) / 8
            guard end - position >= valueBytes else { throw .malformed("run-length data ends early") }
            var value: UInt32 = 0
            for offset in 0..<valueBytes { value |= UInt32(bytes[position + offset]) << UInt32(8 * offset) }
            position += valueBytes
            runLeft = Int(header >> 1)
            runValue = value
            guard width == 32 || value < 1 << UInt32(width) else {
                throw .malformed("run-length data has the value \(value) in \(width) bits")
            }
        }
    }

    private mutating func readVarint() throws(ParquetError) -> UInt32 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            guard position < end else { throw .malformed("run-length data ends early") }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte & 0x80 == 0 {
                guard let value = UInt32(exactly: value) else { break }
                return value
            }
        }
        throw .malformed("run-length data has a run header over 32 bits")
    }
}

/// Encodes values of one bit width: runs of eight or more equal values as runs, the rest bit-packed.
struct RLEBitPackedHybridEncoder {
    private(set) var bytes: [UInt8] = []
    private let width: Int

    init(width: Int) { self.width = width }

    mutating func encode<T: FixedWidthInteger & UnsignedInteger>(_ values: ArraySlice<T>) {
        var index = values.startIndex
        var packedStart = index
        while index < values.endIndex {
            var runEnd = index + 1
            while runEnd < values.endIndex, values[runEnd] == values[index] { runEnd += 1 }
            if runEnd - index >= 8 {
                // Groups hold eight values: the run gives what the group before it lacks.
                let lacking = (8 - (index - packedStart) % 8) % 8
                let runStart = index + lacking
                if runEnd - runStart >= 8 {
                    pack(values[packedStart..<runStart])
                    run(of: values[index], count: runEnd - runStart)
                    packedStart = runEnd
                }
            }
            index = runEnd
        }
        pack(values[packedStart...])
    }

    private mutating func run<T: FixedWidthInteger & UnsignedInteger>(of value: T, count: Int) {
        writeVarint(UInt64(count) << 1)
        for offset in 0..<(width + 7) / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> T(8 * offset))) }
    }

    private mutating func pack<T: FixedWidthInteger & UnsignedInteger>(_ values: ArraySlice<T>) {
        guard !values.isEmpty else { return }
        let groups = (values.count + 7) / 8
        writeVarint(UInt64(groups) << 1 | 1)
        var pending: UInt64 = 0
        var pendingBits = 0
        for index in 0..<groups * 8 {
            let value = index < values.count ? UInt64(values[values.startIndex + index]) : 0
            pending |= value << UInt64(pendingBits)
            pendingBits += width
            while pendingBits >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: pending))
                pending >>= 8
                pendingBits -= 8
            }
        }
    }

    private mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
