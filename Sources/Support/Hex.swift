/// Lower-case hexadecimal, two digits a byte.
@inlinable
package func hexText(_ bytes: some Sequence<UInt8>) -> String {
    let text = bytes.withContiguousStorageIfAvailable { hexText(UnsafeRawBufferPointer($0)) }
    return text ?? Array(bytes).withUnsafeBytes { hexText($0) }
}

/// Lower-case hexadecimal, two digits a byte.
@usableFromInline
package func hexText(_ bytes: UnsafeRawBufferPointer) -> String {
    String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
        for (index, byte) in bytes.enumerated() {
            text[2 * index] = lowerDigit(byte >> 4)
            text[2 * index + 1] = lowerDigit(byte & 15)
        }
        return 2 * bytes.count
    }
}

/// The lowest `digits` hexadecimal digits of `value`, with zeros in front.
package func hexText(_ value: UInt64, digits: Int) -> String {
    String(unsafeUninitializedCapacity: digits) { text in
        for index in 0..<digits {
            let shift = UInt64(4 * (digits - 1 - index))
            text[index] = lowerDigit(UInt8(truncatingIfNeeded: value >> shift & 15))
        }
        return digits
    }
}

private func lowerDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

/// The bytes that a text of hexadecimal digits of either case stands for; nil for an odd count or another character.
package func bytes(fromHex text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else { return nil }
        result.append(high << 4 | low)
    }
    return result
}

/// The value of one hexadecimal digit; nil for another character.
package func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 65...70: digit - 55
    case 97...102: digit - 87
    default: nil
    }
}
