/// BYTE_STREAM_SPLIT (9): the first bytes of all values, then the second bytes, and so on.
final class ByteStreamSplitDecoder: ValueDecoder {
    private let bytes: [UInt8]
    private let start: Int
    private let type: PhysicalType
    private let width: Int
    private let stride: Int
    private var index = 0

    /// - Parameter width: bytes of one value.
    init(_ bytes: [UInt8], from position: Int, type: PhysicalType, width: Int) throws(ParquetError) {
        guard width > 0, (bytes.count - position) % width == 0 else {
            throw .malformed("split streams of \(bytes.count - position) bytes for values of \(width)")
        }
        self.bytes = bytes
        self.type = type
        self.width = width
        start = position
        stride = (bytes.count - position) / width
    }

    override func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        guard count <= stride - index else { throw .malformed("a split page ends early") }
        var joined: [UInt8] = []
        joined.reserveCapacity(count * width)
        for row in index..<index + count {
            for byte in 0..<width { joined.append(bytes[start + byte * stride + row]) }
        }
        index += count
        let inner: ValueDecoder
        switch type {
        case .int32: inner = PlainFixedWidthDecoder<Int32>(joined, from: 0)
        case .int64: inner = PlainFixedWidthDecoder<Int64>(joined, from: 0)
        case .float: inner = PlainFixedWidthDecoder<Float>(joined, from: 0)
        case .double: inner = PlainFixedWidthDecoder<Double>(joined, from: 0)
        case .fixedLengthByteArray: inner = PlainFixedLengthByteArrayDecoder(joined, from: 0, length: width)
        case .boolean, .int96, .byteArray: throw .unsupported("BYTE_STREAM_SPLIT of the type \(type)")
        }
        try inner.read(count, into: &values)
    }
}
