private let lowerDigits = Array("0123456789abcdef".utf8)

/// Lower-case hexadecimal, two digits a byte.
package func hexText(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
        text.append(lowerDigits[Int(byte >> 4)])
        text.append(lowerDigits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// The lowest `digits` hexadecimal digits of `value`, with zeros in front.
package func hexText(_ value: UInt64, digits: Int) -> String {
    var text: [UInt8] = []
    for index in stride(from: digits - 1, through: 0, by: -1) {
        text.append(index < 16 ? lowerDigits[Int(value >> UInt64(4 * index) & 15)] : 48)
    }
    return String(decoding: text, as: UTF8.self)
}

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
