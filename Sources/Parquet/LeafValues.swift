/// The values of one leaf without its nulls, in the array of its physical type; the other arrays are empty.
struct LeafValues {
    /// One byte each, 0 or 1.
    var bools: [UInt8] = []
    var int32s: [Int32] = []
    /// INT64, and INT96 as microseconds since 1970.
    var int64s: [Int64] = []
    var floats: [Float] = []
    var doubles: [Double] = []
    var byteArrays = ByteArrays()
}

/// Byte strings as places in shared buffers.
struct ByteArrays {
    struct Reference: BitwiseCopyable {
        var buffer: Int32
        var offset: Int32
        var count: Int32
    }

    var buffers: [[UInt8]] = []
    var references: [Reference] = []

    var count: Int { references.count }

    func bytes(at index: Int) -> ArraySlice<UInt8> {
        let reference = references[index]
        return buffers[Int(reference.buffer)][Int(reference.offset)..<Int(reference.offset + reference.count)]
    }
}

/// A fixed-width value that a plain page holds little endian, back to back.
protocol FixedWidthValue: BitwiseCopyable {
    static var zero: Self { get }
    static func modify(_ values: inout LeafValues, _ body: (inout [Self]) -> Void)
    static func elements(_ values: LeafValues) -> [Self]
}

extension Int32: FixedWidthValue {
    static func modify(_ values: inout LeafValues, _ body: (inout [Int32]) -> Void) { body(&values.int32s) }
    static func elements(_ values: LeafValues) -> [Int32] { values.int32s }
}

extension Int64: FixedWidthValue {
    static func modify(_ values: inout LeafValues, _ body: (inout [Int64]) -> Void) { body(&values.int64s) }
    static func elements(_ values: LeafValues) -> [Int64] { values.int64s }
}

extension Float: FixedWidthValue {
    static func modify(_ values: inout LeafValues, _ body: (inout [Float]) -> Void) { body(&values.floats) }
    static func elements(_ values: LeafValues) -> [Float] { values.floats }
}

extension Double: FixedWidthValue {
    static func modify(_ values: inout LeafValues, _ body: (inout [Double]) -> Void) { body(&values.doubles) }
    static func elements(_ values: LeafValues) -> [Double] { values.doubles }
}

/// Decodes the values of one page, some at a time.
class ValueDecoder {
    /// Appends exactly `count` values.
    func read(_ count: Int, into values: inout LeafValues) throws(ParquetError) {
        throw .unsupported("this encoding")
    }
}
