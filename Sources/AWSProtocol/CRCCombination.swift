/// Finds the check of a whole from those of its pieces.
///
/// All three of S3's CRCs are reflected, and start as and are inverted with all ones; then the check of two texts in a
/// row is that of the first with as many zero bytes appended as the second is long, exclusive-or that of the second.
/// Zero bytes are appended by squaring the matrix that appends one zero bit (zlib, `crc32_combine`).
package struct CRCCombination {
    private let width: Int
    private let polynomial: UInt64

    /// Nil for the hashes, which cannot be combined.
    package init?(_ algorithm: ChecksumAlgorithm) {
        switch algorithm {
        case .crc32: (width, polynomial) = (32, 0xEDB8_8320)
        case .crc32c: (width, polynomial) = (32, 0x82F6_3B78)
        case .crc64nvme: (width, polynomial) = (64, 0x9A6C_9329_AC4B_C9B5)
        case .sha1, .sha256, .sha512, .md5, .xxhash64, .xxhash3, .xxhash128: return nil
        }
    }

    /// - Parameter second: checksum and length in bytes of what follows. Checksums are most significant byte first.
    package func combine(_ first: [UInt8], _ second: (checksum: [UInt8], length: Int64)) -> [UInt8] {
        var odd = [UInt64](repeating: 0, count: width)
        odd[0] = polynomial
        for bit in 1..<width { odd[bit] = 1 << UInt64(bit - 1) }
        var power = square(square(square(odd)))  // One zero byte.
        var value = number(first)
        var rest = second.length
        while rest > 0 {
            if rest & 1 == 1 { value = multiply(power, value) }
            rest >>= 1
            if rest > 0 { power = square(power) }
        }
        value ^= number(second.checksum)
        return stride(from: width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt64($0)) }
    }

    private func number(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    private func square(_ matrix: [UInt64]) -> [UInt64] { matrix.map { multiply(matrix, $0) } }

    private func multiply(_ matrix: [UInt64], _ vector: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        var rest = vector
        for row in matrix where rest != 0 {
            if rest & 1 == 1 { sum ^= row }
            rest >>= 1
        }
        return sum
    }
}
