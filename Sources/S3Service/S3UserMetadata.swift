import AWSProtocol

/// Values of user metadata (`x-amz-meta-*`) as fields of HTTP carry them: what is not printable ASCII is written in the
/// encoded words of RFC 2047, by the rules that recordings of S3's answers show.
///
/// S3 takes bytes beyond ASCII in a request's field for ISO-8859-1; here they are UTF-8, which is what clients mean.
enum S3UserMetadata {
    /// What a request's field means: words that are encoded are decoded, when the whole value is made of them.
    static func decoded(_ value: String) -> String {
        guard value.hasPrefix("=?") else { return value }
        var text = ""
        for word in value.split(separator: " ") {
            guard let part = decodedWord(word) else { return value }
            text += part
        }
        return text
    }

    /// How an answer's field says `value`.
    static func encoded(_ value: String) -> String {
        if value.utf8.allSatisfy({ (0x20...0x7e).contains($0) || $0 == tab }) { return value }
        if value.unicodeScalars.contains(where: isUnprintable) {
            return "=?UTF-8?B?\(Base64.encode(Array(value.utf8)))?="
        }
        var text = ""
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: " "): text += "_"
            case UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "_"), 0x7f...: text += hexadecimal(byte)
            default: text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return "=?UTF-8?Q?\(text)?="
    }

    private static let tab = UInt8(ascii: "\t")

    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control: scalar != "\t"
        case .format, .surrogate, .privateUse, .unassigned: true
        default: scalar == "\u{fffd}"
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "=0" : "=") + String(byte, radix: 16, uppercase: true)
    }

    /// - Returns: nil for what is no encoded word, or one in a character set that is not known here.
    private static func decodedWord(_ word: Substring) -> String? {
        guard word.hasPrefix("=?"), word.hasSuffix("?="), word.utf8.count >= 6 else { return nil }
        let parts = word.dropFirst(2).dropLast(2).split(separator: "?", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let bytes: [UInt8]?
        switch parts[1] {
        case "B", "b": bytes = Base64.decode(parts[2])
        case "Q", "q": bytes = quotedBytes(parts[2])
        default: return nil
        }
        guard let bytes else { return nil }
        switch parts[0].lowercased() {
        case "utf-8", "us-ascii": return String(validating: bytes, as: UTF8.self)
        case "iso-8859-1": return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        default: return nil
        }
    }

    private static func quotedBytes(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "_"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "="):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}
