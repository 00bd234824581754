import AWSProtocol
import HTTPTransport
import ObjectStore

/// Compares what was read of a whole object with the checksum that the store has of it.
struct S3Verification: Sendable {
    private var state: ChecksumState
    private let expected: [UInt8]

    /// Nil when the answer has no checksum of the whole object: it is a range, the store has none, or one of the parts.
    init?(_ fields: HTTPFields) {
        guard fields["content-range"] == nil, fields["x-amz-checksum-type"] != "COMPOSITE" else { return nil }
        // The cheapest first; an object rarely has two.
        for algorithm in [
            ChecksumAlgorithm.crc32c, .crc32, .crc64nvme, .xxhash3, .xxhash128, .xxhash64, .sha256, .sha1, .sha512, .md5,
        ] {
            // Those of parts end in their number: `…-4`.
            guard let value = fields[algorithm.fieldName].flatMap({ Base64.decode($0) }), value.count == algorithm.byteCount
            else { continue }
            state = ChecksumState(algorithm)
            expected = value
            return
        }
        return nil
    }

    mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { state.update($0) } }

    /// - Throws: `ObjectStoreError` `.other("ChecksumMismatch")`.
    func finish(_ key: String) throws(ObjectStoreError) {
        let found = state.finish()
        guard found != expected else { return }
        throw ObjectStoreError(
            .other("ChecksumMismatch"),
            "What came of '\(key)' has the \(state.algorithm.rawValue) \(Base64.encode(found)), but the store recorded "
                + "\(Base64.encode(expected)): it was changed on its way or at the store. Reading it again tells which.",
            key: key)
    }
}
