import Support

// Paths in the log are URI references (RFC 2396, as Hadoop's Path makes them). Directory names of partitions are
// escaped the way Hive does before that, so the log shows them escaped twice.

/// Decodes the percent escapes of a log path once. Escapes that are not well formed stay as they are.
package func decodedPath(_ path: String) -> String {
    guard path.utf8.contains(UInt8(ascii: "%")) else { return path }
    let source = Array(path.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < source.count {
        if source[index] == UInt8(ascii: "%"), index + 2 < source.count,
            let high = hexValue(source[index + 1]), let low = hexValue(source[index + 2])
        {
            result.append(high << 4 | low)
            index += 3
        } else {
            result.append(source[index])
            index += 1
        }
    }
    return String(decoding: result, as: UTF8.self)
}

/// The log's form of a path relative to the table: everything but unreserved characters, `/`, `=` and a few more that
/// are harmless in a path is percent-encoded, the colon too, as readers take `a:b` for a URL.
package func encodedPath(_ path: String) -> String {
    var result: [UInt8] = []
    for byte in path.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            result.append(byte)
        default:
            if "-_.~/=+,@!$&'()*;".utf8.contains(byte) {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: hexText(CollectionOfOne(byte)).uppercased().utf8)
            }
        }
    }
    return String(decoding: result, as: UTF8.self)
}

/// `column=value`, escaped as Hive and Spark escape partition directories; null is `__HIVE_DEFAULT_PARTITION__`.
package func partitionDirectory(column: String, value: String?) -> String {
    let text = value.flatMap { $0.isEmpty ? nil : hiveEscaped($0) } ?? "__HIVE_DEFAULT_PARTITION__"
    return hiveEscaped(column) + "=" + text
}

private func hiveEscaped(_ text: String) -> String {
    var result: [UInt8] = []
    for byte in text.utf8 {
        if byte < 0x20 || byte == 0x7F || "\"#%'*/:=?\\{[]^ ".utf8.contains(byte) {
            result.append(UInt8(ascii: "%"))
            result.append(contentsOf: hexText(CollectionOfOne(byte)).uppercased().utf8)
        } else {
            result.append(byte)
        }
    }
    return String(decoding: result, as: UTF8.self)
}

/// Whether a log path names a file outside the table's directory: it begins with a scheme or a slash.
package func isAbsolutePath(_ path: String) -> Bool {
    if path.hasPrefix("/") { return true }
    guard let colon = path.utf8.firstIndex(of: UInt8(ascii: ":")) else { return false }
    let scheme = path[..<colon]
    guard let first = scheme.utf8.first, (97...122).contains(first | 0x20) else { return false }
    return scheme.utf8.allSatisfy { (97...122).contains($0 | 0x20) || (48...57).contains($0) || "+-.".utf8.contains($0) }
}
