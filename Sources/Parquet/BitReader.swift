/// The `width` bits (0 to 64) that begin `bit` bits after the start of `bytes`, least significant bit first. Bits after
/// `end` read as zero; `bit` lies before `end`.
@inline(__always)
func bits(
    _ bytes: UnsafePointer<UInt8>, end: Int, at bit: Int, width: Int
) -> UInt64 {
    let byte = bit >> 3
    let shift = UInt64(bit & 7)
    let low: UInt64
    if byte + 8 <= end {
        // SAFETY: eight bytes at `byte` lie before `end`.
        low = UInt64(littleEndian: UnsafeRawPointer(bytes + byte).loadUnaligned(as: UInt64.self))
    } else {
        var value: UInt64 = 0
        for offset in 0..<max(0, end - byte) { value |= UInt64(bytes[byte + offset]) << UInt64(8 * offset) }
        low = value
    }
    var value = low >> shift
    if Int(shift) + width > 64, byte + 8 < end { value |= UInt64(bytes[byte + 8]) << (64 - shift) }
    return width == 64 ? value : value & ((1 << UInt64(width)) - 1)
}

/// The bits needed for values from 0 to `maximum`.
func bitWidth(for maximum: Int) -> Int { maximum <= 0 ? 0 : Int.bitWidth - maximum.leadingZeroBitCount }
