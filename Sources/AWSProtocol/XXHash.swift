import CXXHash

/// XXH64, XXH3 or XXH128 of bytes that come in pieces, without a seed.
///
/// - Source: the xxHash specification; the library's header is the implementation.
struct XXHash: Sendable {
    enum Variant: Sendable { case xxh64, xxh3, xxh128 }

    private var state: State

    init(_ variant: Variant) { state = State(variant) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if !isKnownUniquelyReferenced(&state) { state = State(copying: state) }
        state.update(bytes)
    }

    /// Most significant byte first, the canonical form.
    func finish() -> [UInt8] { state.digest() }

    private final class State: @unchecked Sendable {
        // Unchecked: changed by `update` only, and then one `XXHash` refers to it.
        private let variant: Variant
        private let memory: OpaquePointer

        init(_ variant: Variant) {
            self.variant = variant
            guard let memory = variant == .xxh64 ? XXH64_createState() : XXH3_createState() else {
                preconditionFailure("out of memory")
            }
            self.memory = memory
            // With 64 bits XXH3 begins and goes on as with 128.
            _ = variant == .xxh64 ? XXH64_reset(memory, 0) : XXH3_128bits_reset(memory)
        }

        convenience init(copying other: State) {
            self.init(other.variant)
            if variant == .xxh64 { XXH64_copyState(memory, other.memory) } else { XXH3_copyState(memory, other.memory) }
        }

        deinit { _ = variant == .xxh64 ? XXH64_freeState(memory) : XXH3_freeState(memory) }

        func update(_ bytes: UnsafeRawBufferPointer) {
            guard let address = bytes.baseAddress, !bytes.isEmpty else { return }
            _ = variant == .xxh64
                ? XXH64_update(memory, address, bytes.count) : XXH3_128bits_update(memory, address, bytes.count)
        }

        func digest() -> [UInt8] {
            switch variant {
            case .xxh64: return bigEndianBytes(XXH64_digest(memory))
            case .xxh3: return bigEndianBytes(XXH3_64bits_digest(memory))
            case .xxh128:
                let digest = XXH3_128bits_digest(memory)
                return bigEndianBytes(digest.high64) + bigEndianBytes(digest.low64)
            }
        }
    }
}
