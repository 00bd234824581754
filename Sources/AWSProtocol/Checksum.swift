import CKernels
import Crypto
import Support

/// The checksums that S3 knows, by the names that `x-amz-sdk-checksum-algorithm` uses.
package enum ChecksumAlgorithm: String, Sendable, Hashable, CaseIterable {
    case crc32 = "CRC32"
    case crc32c = "CRC32C"
    case crc64nvme = "CRC64NVME"
    case sha1 = "SHA1"
    case sha256 = "SHA256"
    case sha512 = "SHA512"
    case md5 = "MD5"
    case xxhash64 = "XXHASH64"
    case xxhash3 = "XXHASH3"
    case xxhash128 = "XXHASH128"

    /// For errors: every name, in S3's order.
    package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// `x-amz-checksum-crc32` and so on.
    package var fieldName: String { "x-amz-checksum-\(rawValue.lowercased())" }

    /// - Parameter fieldName: of a header or trailer, in lower case.
    package init?(fieldName: String) {
        guard let found = Self.allCases.first(where: { $0.fieldName == fieldName }) else { return nil }
        self = found
    }

    package var byteCount: Int {
        switch self {
        case .crc32, .crc32c: 4
        case .crc64nvme, .xxhash64, .xxhash3: 8
        case .md5, .xxhash128: 16
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }

    /// The checksum of `bytes`, most significant byte first.
    package func checksum(of bytes: [UInt8]) -> [UInt8] {
        var state = ChecksumState(self)
        bytes.withUnsafeBytes { state.update($0) }
        return state.finish()
    }
}

/// A checksum under way.
package struct ChecksumState: Sendable {
    private enum State: Sendable {
        case crc32(UInt32)
        case crc32c(UInt32)
        case crc64(UInt64)
        case sha1(Insecure.SHA1)
        case sha256(SHA256)
        case sha512(SHA512)
        case md5(Insecure.MD5)
        case xxhash(XXHash)
    }

    package let algorithm: ChecksumAlgorithm
    private var state: State

    package init(_ algorithm: ChecksumAlgorithm) {
        self.algorithm = algorithm
        state =
            switch algorithm {
            case .crc32: .crc32(~0)
            case .crc32c: .crc32c(~0)
            case .crc64nvme: .crc64(~0)
            case .sha1: .sha1(Insecure.SHA1())
            case .sha256: .sha256(SHA256())
            case .sha512: .sha512(SHA512())
            case .md5: .md5(Insecure.MD5())
            case .xxhash64: .xxhash(XXHash(.xxh64))
            case .xxhash3: .xxhash(XXHash(.xxh3))
            case .xxhash128: .xxhash(XXHash(.xxh128))
            }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let taken = state
        // With a second owner, a hash would be copied before it goes on.
        state = .crc32(0)
        switch consume taken {
        case .crc32(let crc): state = .crc32(crc32Tables.update(crc, bytes))
        case .crc32c(let crc): state = .crc32c(crc32cTables.update(crc, bytes))
        case .crc64(let crc): state = .crc64(crc64Tables.update(crc, bytes))
        case .sha1(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha1(hash)
        case .sha256(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha256(hash)
        case .sha512(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha512(hash)
        case .md5(var hash):
            hash.update(bufferPointer: bytes)
            state = .md5(hash)
        case .xxhash(var hash):
            hash.update(bytes)
            state = .xxhash(hash)
        }
    }

    /// Most significant byte first.
    package func finish() -> [UInt8] {
        switch state {
        case .crc32(let crc), .crc32c(let crc): bigEndianBytes(~crc)
        case .crc64(let crc): bigEndianBytes(~crc)
        case .sha1(let hash): Array(hash.finalize())
        case .sha256(let hash): Array(hash.finalize())
        case .sha512(let hash): Array(hash.finalize())
        case .md5(let hash): Array(hash.finalize())
        case .xxhash(let hash): hash.finish()
        }
    }
}

/// The CRC32C of bytes that follow those whose CRC32C is `start`. Allocates nothing.
package func crc32c(_ bytes: UnsafeRawBufferPointer, after start: UInt32 = 0) -> UInt32 {
    ~crc32cTables.update(~start, bytes)
}

private let crc32Tables = SlicedTables<UInt32>(polynomial: 0xEDB8_8320)
private let crc32cTables = SlicedTables<UInt32>(polynomial: 0x82F6_3B78)
private let crc64Tables = SlicedTables<UInt64>(polynomial: 0x9A6C_9329_AC4B_C9B5)

/// Eight tables that take a reflected CRC eight bytes forward at once ("slicing by eight"), for what the processor cannot
/// fold at many times the speed.
private struct SlicedTables<Word: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
    private let tables: [Word]
    /// As `ck_crc_fold` wants them; empty where the processor cannot multiply without carries.
    private let factors: [UInt64]
    /// From this many bytes on, folding is faster.
    private static var foldedMin: Int { 128 }

    init(polynomial: Word) {
        var tables = [Word](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = Word(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
            tables[byte] = crc
        }
        for index in 256..<8 * 256 {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(truncatingIfNeeded: previous & 255)]
        }
        self.tables = tables
        factors =
            ck_crc_can_fold() == 0
            ? [] : [2111, 2047, 575, 511, 191, 127].map { UInt64(Self.power($0, polynomial)) << UInt64(64 - Word.bitWidth) }
    }

    /// x to the `exponent`, modulo the polynomial.
    private static func power(_ exponent: Int, _ polynomial: Word) -> Word {
        (0..<exponent).reduce(Word(1) << Word(Word.bitWidth - 1)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1
        }
    }

    func update(_ start: Word, _ bytes: UnsafeRawBufferPointer) -> Word {
        guard bytes.count >= Self.foldedMin, !factors.isEmpty, let address = bytes.baseAddress else {
            return slice(start, bytes)
        }
        let folded = bytes.count & ~63
        let rest = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { rest -> Word in
            rest.initialize(repeating: 0)
            ck_crc_fold(address.assumingMemoryBound(to: UInt8.self), folded, UInt64(start), factors, rest.baseAddress)
            return slice(0, UnsafeRawBufferPointer(rest))
        }
        return slice(rest, UnsafeRawBufferPointer(rebasing: bytes[folded...]))
    }

    private func slice(_ start: Word, _ bytes: UnsafeRawBufferPointer) -> Word {
        tables.withUnsafeBufferPointer { tables in
            var crc = start
            var index = 0
            while index + 8 <= bytes.count {
                let next = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let mixed = next ^ UInt64(crc)
                crc = 0
                for lane in 0..<8 {
                    crc ^= tables[(7 - lane) * 256 + Int(truncatingIfNeeded: mixed >> UInt64(8 * lane) & 255)]
                }
                index += 8
            }
            while index < bytes.count {
                crc = crc >> 8 ^ tables[Int(truncatingIfNeeded: crc & 255) ^ Int(bytes[index])]
                index += 1
            }
            return crc
        }
    }
}

func bigEndianBytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// The value of `Content-MD5`, which some requests need and every server knows.
package func contentMD5(_ bytes: [UInt8]) -> String {
    Base64.encode(Array(Insecure.MD5.hash(data: bytes)))
}
