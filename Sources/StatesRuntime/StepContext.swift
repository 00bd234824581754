package import Support

/// What one step may know of the world: the time, and the seed of all its randomness and identifiers.
package struct StepContext: Sendable, Hashable {
    package var now: Timestamp
    package var seed: StepSeed

    package init(now: Timestamp, seed: StepSeed) {
        self.now = now
        self.seed = seed
    }
}

/// 128 bits from a pseudo-random function of a secret of the execution and the number of the step. Task tokens are
/// made from it, so it must not be guessable.
package struct StepSeed: Sendable, Hashable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// The random numbers of one step: SipHash-2-4 of a counter under the step's seed, so that no output tells another.
/// - Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
struct StepRandom: RandomNumberGenerator {
    private let seed: StepSeed
    private var counter: UInt64 = 0

    init(seed: StepSeed) { self.seed = seed }

    mutating func next() -> UInt64 {
        counter &+= 1
        var v0 = seed.low ^ 0x736F_6D65_7073_6575, v1 = seed.high ^ 0x646F_7261_6E64_6F6D
        var v2 = seed.low ^ 0x6C79_6765_6E65_7261, v3 = seed.high ^ 0x7465_6462_7974_6573
        func rotate(_ x: UInt64, _ n: UInt64) -> UInt64 { x << n | x >> (64 - n) }
        func round() {
            v0 &+= v1; v1 = rotate(v1, 13); v1 ^= v0; v0 = rotate(v0, 32)
            v2 &+= v3; v3 = rotate(v3, 16); v3 ^= v2
            v0 &+= v3; v3 = rotate(v3, 21); v3 ^= v0
            v2 &+= v1; v1 = rotate(v1, 17); v1 ^= v2; v2 = rotate(v2, 32)
        }
        // The message is the counter's eight bytes; the last block holds its length.
        for block in [counter, 8 << 56] {
            v3 ^= block
            round()
            round()
            v0 ^= block
        }
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
