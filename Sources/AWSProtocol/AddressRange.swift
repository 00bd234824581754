/// Addresses of the internet protocol, version 4 or 6, that begin with the same bits, as policies write them:
/// `192.168.0.0/16`, `2001:db8::/32`, or one address.
package struct AddressRange: Sendable, Hashable {
    private let bytes: [UInt8]
    private let bits: Int

    /// Nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let bytes = Self.address(parts[0]) else { return nil }
        let bits = parts.count == 2 ? Int(parts[1]) : bytes.count * 8
        guard let bits, (0...bytes.count * 8).contains(bits) else { return nil }
        self.bytes = bytes
        self.bits = bits
    }

    package func contains(_ text: String) -> Bool {
        guard let other = Self.address(text[...]), other.count == bytes.count else { return false }
        for (index, (a, b)) in zip(bytes, other).enumerated() {
            let rest = bits - index * 8
            if rest <= 0 { return true }
            if (a ^ b) >> (8 - min(8, rest)) != 0 { return false }
        }
        return true
    }

    /// 4 or 16 bytes; 4, too, for one of version 4 that is written as one of version 6.
    private static func address(_ text: Substring) -> [UInt8]? {
        guard text.contains(":") else { return version4(text) }
        // An interface may follow.
        var halves = [text.prefix { $0 != "%" }]
        if let gap = halves[0].firstRange(of: "::") {
            halves = [halves[0][..<gap.lowerBound], halves[0][gap.upperBound...]]
        }
        var sides: [[UInt8]] = []
        for half in halves {
            guard let side = groups(half) else { return nil }
            sides.append(side)
        }
        let missing = 16 - sides.reduce(0) { $0 + $1.count }
        guard sides.count == 1 ? missing == 0 : missing >= 2 else { return nil }
        let bytes = sides[0] + [UInt8](repeating: 0, count: missing) + (sides.count == 2 ? sides[1] : [])
        let isVersion4 = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
        return isVersion4 ? Array(bytes[12...]) : bytes
    }

    private static func groups(_ text: Substring) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, let last = version4(part) {
                bytes += last
            } else if (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"), let group = UInt16(part, radix: 16) {
                bytes += [UInt8(group >> 8), UInt8(truncatingIfNeeded: group)]
            } else {
                return nil
            }
        }
        return bytes
    }

    private static func version4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let bytes = parts.compactMap { $0.utf8.first == UInt8(ascii: "+") ? nil : UInt8($0) }
        return bytes.count == 4 ? bytes : nil
    }
}
