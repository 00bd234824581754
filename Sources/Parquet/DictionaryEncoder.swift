/// Gives each distinct value a code in order of first appearance: linear probing over the values' own storage.
struct DictionaryEncoder {
    /// Values by code: numbers as bits, byte arrays as places in `heap`.
    private(set) var numbers: [UInt64] = []
    private(set) var heap: [UInt8] = []
    private(set) var places: [(start: Int, count: Int)] = []
    /// Code + 1, zero for a free slot.
    private var slots: [UInt32] = Array(repeating: 0, count: 1024)
    private var mask = 1023

    var count: Int { max(numbers.count, places.count) }

    /// The bytes of the dictionary page for values of `width` bytes, or for byte arrays.
    func byteSize(width: Int) -> Int { numbers.count * width + heap.count + 4 * places.count }

    /// Keeps the first `count` values, for pages made before.
    mutating func truncate(to count: Int) {
        if numbers.count > count { numbers.removeLast(numbers.count - count) }
        if places.count > count {
            places.removeLast(places.count - count)
            heap.removeLast(heap.count - (places.last.map { $0.start + $0.count } ?? 0))
        }
    }

    mutating func code(of bits: UInt64) -> UInt32 {
        var slot = Int(truncatingIfNeeded: mix(bits)) & mask
        while slots[slot] != 0 {
            let code = slots[slot] - 1
            if numbers[Int(code)] == bits { return code }
            slot = (slot + 1) & mask
        }
        let code = UInt32(truncatingIfNeeded: numbers.count)
        numbers.append(bits)
        slots[slot] = code + 1
        if numbers.count * 2 > mask { grow() }
        return code
    }

    mutating func code(of bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var slot = Int(truncatingIfNeeded: Self.hash(bytes)) & mask
        while slots[slot] != 0 {
            let code = slots[slot] - 1
            let place = places[Int(code)]
            if place.count == bytes.count,
                heap.withUnsafeBufferPointer({ $0[place.start..<place.start + place.count].elementsEqual(bytes) })
            {
                return code
            }
            slot = (slot + 1) & mask
        }
        let code = UInt32(truncatingIfNeeded: places.count)
        places.append((heap.count, bytes.count))
        heap.append(contentsOf: bytes)
        slots[slot] = code + 1
        if places.count * 2 > mask { grow() }
        return code
    }

    private mutating func grow() {
        mask = mask * 2 + 1
        slots = Array(repeating: 0, count: mask + 1)
        for code in 0..<count {
            let hash = numbers.isEmpty
                ? heap.withUnsafeBufferPointer {
                    Self.hash(UnsafeBufferPointer(rebasing: $0[places[code].start..<places[code].start + places[code].count]))
                } : mix(numbers[code])
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(truncatingIfNeeded: code) + 1
        }
    }

    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
        var index = 0
        while index + 8 <= bytes.count {
            // SAFETY: eight bytes at `index` lie before the end.
            hash = mix(hash ^ UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        while index < bytes.count {
            hash = (hash ^ UInt64(bytes[index])) &* 0x0100_0000_01B3
            index += 1
        }
        return mix(hash)
    }
}

@inline(__always)
private func mix(_ value: UInt64) -> UInt64 {
    var z = value &* 0xBF58_476D_1CE4_E5B9
    z ^= z >> 31
    z = z &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 29)
}
