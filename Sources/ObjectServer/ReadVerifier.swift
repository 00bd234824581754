import AWSProtocol
import StateStore

/// Compares what is read from front to back with the CRCs of its writing. Digests that cost more than the reading (SHA,
/// MD5) are left to `ObjectScrub`.
struct ReadVerifier {
    /// Bytes up to the end of each checked stretch, and the value that it must have.
    private var stretches: ArraySlice<(length: Int64, value: String)>
    private let algorithm: ChecksumAlgorithm
    private var state: ChecksumState
    private var rest: Int64

    /// Nil for an object without a CRC.
    init?(_ record: ObjectRecord) {
        guard let checksum = record.attributes.checksum, let algorithm = ChecksumAlgorithm(rawValue: checksum.algorithm),
            algorithm != .sha1, algorithm != .sha256
        else { return nil }
        if !checksum.isComposite {
            stretches = [(record.size, checksum.value)]
        } else if case .segments(let segments) = record.content,
            segments.count == record.attributes.partChecksums.count
        {
            stretches = zip(segments, record.attributes.partChecksums).map { ($0.length, $1) }[...]
        } else {
            return nil
        }
        self.algorithm = algorithm
        state = ChecksumState(algorithm)
        rest = stretches.first?.length ?? 0
    }

    /// False once a stretch does not have its checksum.
    mutating func update(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var bytes = bytes
        while let stretch = stretches.first {
            let count = Int(min(rest, Int64(bytes.count)))
            state.update(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
            rest -= Int64(count)
            if rest > 0 { return true }
            if Base64.encode(state.finish()) != stretch.value { return false }
            stretches.removeFirst()
            state = ChecksumState(algorithm)
            rest = stretches.first?.length ?? 0
            if bytes.isEmpty { return true }
        }
        return true
    }
}
