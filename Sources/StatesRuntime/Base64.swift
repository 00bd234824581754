private let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

/// Base64 with padding (RFC 4648, section 4).
func base64Encoded(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let count = min(3, bytes.count - start)
        var block: UInt32 = 0
        for offset in 0..<3 { block = block << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0) }
        for digit in 0..<4 {
            text.append(digit <= count ? alphabet[Int(block >> UInt32(18 - 6 * digit) & 63)] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes of a Base64 text; padding may be left out. Nil for another character or an impossible length.
func base64Decoded(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var block: UInt32 = 0
    var digits = 0
    var padding = 0
    for character in text.utf8 {
        if character == UInt8(ascii: "=") {
            padding += 1
            continue
        }
        let value: UInt8
        switch character {
        case 65...90: value = character - 65
        case 97...122: value = character - 71
        case 48...57: value = character + 4
        case UInt8(ascii: "+"): value = 62
        case UInt8(ascii: "/"): value = 63
        default: return nil
        }
        guard padding == 0 else { return nil }
        block = block << 6 | UInt32(value)
        digits += 1
        if digits % 4 == 0 {
            bytes.append(UInt8(truncatingIfNeeded: block >> 16))
            bytes.append(UInt8(truncatingIfNeeded: block >> 8))
            bytes.append(UInt8(truncatingIfNeeded: block))
            block = 0
        }
    }
    guard padding <= 2, padding == 0 || (digits + padding) % 4 == 0 else { return nil }
    switch digits % 4 {
    case 0: return bytes
    case 2:
        bytes.append(UInt8(truncatingIfNeeded: block >> 4))
        return bytes
    case 3:
        bytes.append(UInt8(truncatingIfNeeded: block >> 10))
        bytes.append(UInt8(truncatingIfNeeded: block >> 2))
        return bytes
    default: return nil
    }
}
