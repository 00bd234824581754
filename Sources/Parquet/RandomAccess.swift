/// A file or object whose bytes can be read at any place. Calls block.
package protocol RandomAccess: Sendable {
    /// The size in bytes.
    var size: Int64 { get }
    /// Exactly the bytes of `range`, which lies within the size.
    func read(_ range: Range<Int64>) throws -> [UInt8]
}

/// Bytes in memory.
package struct BytesRandomAccess: RandomAccess {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var size: Int64 { Int64(bytes.count) }

    package func read(_ range: Range<Int64>) throws -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= size else {
            throw ParquetError.malformed("bytes \(range) of a file of \(size)")
        }
        return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}
