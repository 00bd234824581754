/// RLE_DICTIONARY (8) and PLAIN_DICTIONARY (2): positions in the dictionary page, as a bit width and hybrid runs.
final class DictionaryDecoder: ValueDecoder {
    private let dictionary: Dictionary
    private var indices: RLEBitPackedHybridDecoder
    private var scratch: [UInt32] = []

    /// The values of a dictionary page.
    struct Dictionary {
        let type: PhysicalType
        let values: LeafValues
        let count: Int
    }

    init(_ bytes: [UInt8], from position: Int, dictionary: Dictionary) throws(ParquetError) {
        self.dictionary = dictionary
        guard position < bytes.count else {
            // A page of nulls alone may leave the width out.
            indices = try RLEBitPackedHybridDecoder(bytes, range: position..<position, width: 1)
            return
        }
        let width = Int(bytes[position])
        guard width <= 32 else { throw .malformed("dictionary positions of \(width) bits") }
        indices = try RLEBitPackedHybridDecoder(bytes, range: position + 1..<bytes.count, width: width)
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        scratch.removeAll(keepingCapacity: true)
        try indices.read(count, into: &scratch)
        let limit = UInt32(clamping: dictionary.count)
        var largest: UInt32 = 0
        for index in scratch { largest = max(largest, index) }
        guard scratch.isEmpty || largest < limit else {
            throw .malformed("position \(largest) in a dictionary of \(dictionary.count) values")
        }
        switch dictionary.type {
        case .int32: gather(dictionary.values.int32s, into: &values.int32s)
        case .int64, .int96: gather(dictionary.values.int64s, into: &values.int64s)
        case .float: gather(dictionary.values.floats, into: &values.floats)
        case .double: gather(dictionary.values.doubles, into: &values.doubles)
        case .boolean: gather(dictionary.values.bools, into: &values.bools)
        case .byteArray, .fixedLengthByteArray:
            let base = Int32(values.byteArrays.buffers.count)
            values.byteArrays.buffers.append(contentsOf: dictionary.values.byteArrays.buffers)
            let start = values.byteArrays.references.count
            gather(dictionary.values.byteArrays.references, into: &values.byteArrays.references)
            if base != 0 {
                for index in start..<values.byteArrays.references.count { values.byteArrays.references[index].buffer += base }
            }
        }
    }

    private func gather<T: BitwiseCopyable>(_ source: [T], into target: inout [T]) {
        target.reserveCapacity(target.count + scratch.count)
        // Every position was checked against the dictionary's size.
        source.withUnsafeBufferPointer { source in
            for index in scratch { target.append(source[Int(index)]) }
        }
    }
}

/// RLE (3) for booleans: a four-byte length, then hybrid runs of one bit.
final class RLEBooleanDecoder: ValueDecoder {
    private var runs: RLEBitPackedHybridDecoder

    init(_ bytes: [UInt8], from position: Int) throws(ParquetError) {
        let range = try lengthPrefixedRange(bytes, at: position, end: bytes.count)
        runs = try RLEBitPackedHybridDecoder(bytes, range: range, width: 1)
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        try runs.read(count, into: &values.bools)
    }
}

/// The range that a four-byte little-endian length at `position` announces.
func lengthPrefixedRange(_ bytes: [UInt8], at position: Int, end: Int) throws(ParquetError) -> Range<Int> {
    guard position >= 0, end <= bytes.count, end - position >= 4 else { throw .malformed("a page ends within a length") }
    let length = bytes.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt32.self))) }
    guard length <= end - position - 4 else { throw .malformed("a length of \(length) is beyond its page") }
    return position + 4..<position + 4 + length
}
