import Support

/// The percent-encoding that Signature Version 4 prescribes: everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX` in
/// upper case, byte by byte of the UTF-8 form.
package enum PercentEncoding {
    /// - Parameter keepingSlashes: leaves `/` as it is, as paths need.
    package static func encode(_ bytes: some Sequence<UInt8>, keepingSlashes: Bool = false) -> String {
        var result: [UInt8] = []
        for byte in bytes {
            if isUnreserved(byte) || (keepingSlashes && byte == UInt8(ascii: "/")) {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "%"))
                result.append(upperDigit(byte >> 4))
                result.append(upperDigit(byte & 15))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    package static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
        encode(text.utf8, keepingSlashes: keepingSlashes)
    }

    /// The bytes that `text` stands for; nil when a `%` is not followed by two hexadecimal digits.
    /// - Parameter plusIsSpace: reads `+` as a space, as HTML forms write it.
    package static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> [UInt8]? {
        var text = String(text)
        return text.withUTF8 { decode($0, plusIsSpace: plusIsSpace) }
    }

    private static func decode(_ bytes: UnsafeBufferPointer<UInt8>, plusIsSpace: Bool) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 2 <= bytes.count, let high = hexValue(bytes[index]), let low = hexValue(bytes[index + 1])
                else { return nil }
                result.append(high << 4 | low)
                index += 2
            } else {
                result.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return result
    }

    /// As `decode`, for text: nil also when the bytes are not UTF-8.
    package static func decodeText(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        decode(text, plusIsSpace: plusIsSpace).flatMap { String(validating: $0, as: UTF8.self) }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func upperDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 55 + value }
}

/// The parameters of a query string in order, still percent-encoded.
package struct RawQuery: Sendable, Hashable {
    package var items: [Item]

    package struct Item: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    /// - Parameter text: what follows the `?`; empty items (`a&&b`) are dropped.
    package init(_ text: String?) {
        items = (text ?? "").utf8.split(separator: UInt8(ascii: "&")).map { item in
            if let equals = item.firstIndex(of: UInt8(ascii: "=")) {
                Item(
                    name: String(decoding: item[..<equals], as: UTF8.self),
                    value: String(decoding: item[item.index(after: equals)...], as: UTF8.self))
            } else {
                Item(name: String(decoding: item, as: UTF8.self), value: "")
            }
        }
    }

    /// The decoded value of the first parameter whose name is written `name` in the request; nil when there is none
    /// or it is not valid UTF-8.
    package subscript(name: String) -> String? {
        items.first { $0.name == name }.flatMap { PercentEncoding.decodeText($0.value) }
    }
}
