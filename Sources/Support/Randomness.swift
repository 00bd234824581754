/// A repeatable generator (SplitMix64) for what must be reproducible, such as tests and simulation. Not for secrets.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A version 4 UUID in lower-case canonical form, from the given randomness.
package func uuidText(using random: inout some RandomNumberGenerator) -> String {
    var high = random.next()
    var low = random.next()
    high = (high & ~0xF000) | 0x4000
    low = (low & ~(0b11 << 62)) | (0b10 << 62)
    return uuidText(high: high, low: low)
}

/// 128 bits in the canonical form of a UUID.
package func uuidText(high: UInt64, low: UInt64) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for (index, digit) in (hexText(high, digits: 16) + hexText(low, digits: 16)).utf8.enumerated() {
        if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
        text.append(digit)
    }
    return String(decoding: text, as: UTF8.self)
}

/// A version 4 UUID from the system's secure randomness.
package func randomUUIDText() -> String {
    var random = SystemRandomNumberGenerator()
    return uuidText(using: &random)
}
