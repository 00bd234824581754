/// The block that precedes a member of a tar archive, as we write it: a plain file, for its owner alone.
///
///     0 name 100 | mode 8 | uid 8 | gid 8 | size 12 | mtime 12 | checksum 8 | type 1 | ... | 257 "ustar\0" "00" | zeros
///
/// Numbers are octal digits and a zero byte; a size of 8 GiB or more is big-endian binary behind 0x80, which GNU tar,
/// bsdtar and Python read. The checksum is the sum of the block's bytes, its own field taken as blanks.
///
/// - Source: POSIX.1-2017, pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".
struct TarHeader: Hashable {
    static let blockBytes = 512
    static let nameBytesMax = 100
    static let sizeMax: Int64 = 1 << 60

    var name: String
    /// Bytes.
    var size: Int64
    /// Seconds since 1970.
    var modified: Int64

    var encoded: [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockBytes)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        put(name.utf8.prefix(Self.nameBytesMax), at: 0)
        put(Self.octal(0o600, digits: 7), at: 100)
        put(Self.octal(0, digits: 7), at: 108)
        put(Self.octal(0, digits: 7), at: 116)
        if size < 1 << 33 {
            put(Self.octal(size, digits: 11), at: 124)
        } else {
            block[124] = 0x80
            put((0..<8).map { UInt8(truncatingIfNeeded: size >> Int64(56 - 8 * $0)) }, at: 128)
        }
        put(Self.octal(modified, digits: 11), at: 136)
        block[156] = UInt8(ascii: "0")
        put("ustar\u{0}00".utf8, at: 257)
        put([UInt8](repeating: 32, count: 8), at: 148)
        let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
        put(Self.octal(sum, digits: 6) + [0], at: 148)
        return block
    }

    init(name: String, size: Int64, modified: Int64) {
        self.name = name
        self.size = size
        self.modified = min(max(0, modified), 1 << 33 - 1)
    }

    /// Reads a block. Nil unless it is what `encoded` gives, byte for byte: then nothing in it can have been altered
    /// without being noticed here or by the checksums of contents and names.
    init?(_ block: [UInt8]) {
        guard block.count == Self.blockBytes, let modified = Self.number(block[136..<147]) else { return nil }
        var size = Self.number(block[124..<135])
        if block[124] == 0x80 { size = block[128..<136].reduce(Int64(0)) { $0 << 8 | Int64($1) } }
        guard let size, (0...Self.sizeMax).contains(size) else { return nil }
        self.init(
            name: String(decoding: block[..<Self.nameBytesMax].prefix { $0 != 0 }, as: UTF8.self), size: size,
            modified: modified)
        guard encoded == block else { return nil }
    }

    /// Bytes that fill the last block of a content.
    static func padding(after size: Int64) -> Int {
        let rest = Int(size % Int64(blockBytes))
        return rest == 0 ? 0 : blockBytes - rest
    }

    private static func octal(_ value: Int64, digits: Int) -> [UInt8] {
        (0..<digits).map { UInt8(48 + (value >> Int64(3 * (digits - 1 - $0)) & 7)) }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard (48...55).contains(digit) else { return nil }
            value = value << 3 | Int64(digit - 48)
        }
        return value
    }
}
