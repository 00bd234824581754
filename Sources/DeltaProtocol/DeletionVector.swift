// Deletion vectors. Source: PROTOCOL.md, "Deletion Vector Format"; roaring bitmaps: RoaringFormatSpec.
//
//   bitmap  := magic 1681511377 u32 LE, buckets u64 LE, then per bucket: high key u32 LE, a 32-bit roaring bitmap
//   in file := at the offset: size u32 BE, bitmap, CRC-32 of the bitmap u32 BE

/// Rows of a data file that are deleted, by their position in the file, ascending.
package struct DeletionVector: Sendable {
    package let rows: [Int64]

    private static let magic: UInt32 = 1_681_511_377

    /// Whether and where rows of `range` are deleted: their indices in `rows`.
    package func indices(in range: Range<Int64>) -> Range<Int> {
        lowerBound(range.lowerBound)..<lowerBound(range.upperBound)
    }

    private func lowerBound(_ row: Int64) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Where the vector's bytes are: nil when they are in the descriptor.
    ///
    /// - Returns: a path relative to the table, or absolute.
    package static func path(of descriptor: DeletionVectorDescriptor) throws(DeltaError) -> String? {
        switch descriptor.storageType {
        case "i": return nil
        case "p": return descriptor.pathOrInlineDv
        case "u":
            let text = Array(descriptor.pathOrInlineDv.utf8)
            guard text.count >= 20 else { throw malformed("the path '\(descriptor.pathOrInlineDv)' is too short") }
            let bytes = try z85Decoded(text.suffix(20))
            let digits = bytes.map { hexByte($0) }.joined()
            var uuid = ""
            for (index, digit) in digits.enumerated() {
                if [8, 12, 16, 20].contains(index) { uuid.append("-") }
                uuid.append(digit)
            }
            let prefix = String(decoding: text.dropLast(20), as: UTF8.self)
            return (prefix.isEmpty ? "" : prefix + "/") + "deletion_vector_\(uuid).bin"
        default: throw malformed("the storage type '\(descriptor.storageType)' is unknown")
        }
    }

    private static func hexByte(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16)
        return text.utf8.count == 1 ? "0" + text : text
    }

    /// - Parameter file: the file's bytes; unused for a vector inside its descriptor.
    /// - Throws: `DeltaError` `.malformedLog` for a size, checksum, magic number or cardinality that does not hold.
    package init(_ descriptor: DeletionVectorDescriptor, file: [UInt8]) throws(DeltaError) {
        let bitmap: ArraySlice<UInt8>
        guard descriptor.sizeInBytes >= 0, descriptor.cardinality >= 0 else { throw Self.malformed("its size is negative") }
        if descriptor.storageType == "i" {
            let bytes = try Self.z85Decoded(Array(descriptor.pathOrInlineDv.utf8)[...])
            guard descriptor.sizeInBytes <= bytes.count else { throw Self.malformed("it is shorter than its size") }
            bitmap = bytes[..<Int(descriptor.sizeInBytes)]
        } else {
            let offset = descriptor.offset ?? 1
            guard offset >= 0, offset <= file.count, file.count - Int(offset) >= 8,
                descriptor.sizeInBytes <= file.count - Int(offset) - 8
            else { throw Self.malformed("it lies outside its file") }
            let start = Int(offset)
            let size = Self.bigEndian(file[start..<start + 4])
            guard Int64(size) == descriptor.sizeInBytes else {
                throw Self.malformed("it has \(size) bytes where the log says \(descriptor.sizeInBytes)")
            }
            let end = start + 4 + Int(size)
            bitmap = file[start + 4..<end]
            guard Self.bigEndian(file[end..<end + 4]) == crc32(bitmap) else { throw Self.malformed("its checksum is wrong") }
        }
        rows = try Self.rows(bitmap)
        guard Int64(rows.count) == descriptor.cardinality else {
            throw Self.malformed("it has \(rows.count) rows where the log says \(descriptor.cardinality)")
        }
    }

    private static func malformed(_ what: String) -> DeltaError {
        DeltaError(.malformedLog, "A deletion vector cannot be read: \(what).")
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    private struct Cursor {
        let bytes: ArraySlice<UInt8>
        var position: Int

        mutating func read(_ count: Int) throws(DeltaError) -> UInt64 {
            guard bytes.endIndex - position >= count else { throw malformed("its bitmap ends early") }
            var value: UInt64 = 0
            for index in 0..<count { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
            position += count
            return value
        }
    }

    private static func rows(_ bitmap: ArraySlice<UInt8>) throws(DeltaError) -> [Int64] {
        var cursor = Cursor(bytes: bitmap, position: bitmap.startIndex)
        guard try cursor.read(4) == UInt64(magic) else { throw malformed("its magic number is wrong") }
        let buckets = try cursor.read(8)
        // A bucket takes twelve bytes at least.
        guard buckets <= UInt64(bitmap.count) / 4 else { throw malformed("it has \(buckets) buckets") }
        var rows: [Int64] = []
        var previous: Int64 = -1
        for _ in 0..<buckets {
            let key = Int64(try cursor.read(4))
            guard key > previous, key <= Int64(Int32.max) else { throw malformed("its buckets are out of order") }
            previous = key
            try readRoaring(&cursor, base: key << 32, into: &rows)
        }
        for index in rows.indices.dropFirst() where rows[index] <= rows[index - 1] {
            throw malformed("its rows are out of order")
        }
        return rows
    }

    private static func readRoaring(_ cursor: inout Cursor, base: Int64, into rows: inout [Int64]) throws(DeltaError) {
        let cookie = try cursor.read(4)
        var count: Int
        var isRun: [Bool] = []
        if cookie & 0xFFFF == 12347 {
            count = Int(cookie >> 16) + 1
            for _ in 0..<(count + 7) / 8 {
                let flags = try cursor.read(1)
                for bit in 0..<8 { isRun.append(flags >> UInt64(bit) & 1 == 1) }
            }
        } else if cookie == 12346 {
            count = Int(try cursor.read(4))
            guard count <= 65_536 else { throw malformed("a bitmap has \(count) containers") }
            isRun = Array(repeating: false, count: count)
        } else {
            throw malformed("a bitmap has the cookie \(cookie)")
        }
        var containers: [(key: Int64, cardinality: Int)] = []
        for _ in 0..<count { containers.append((Int64(try cursor.read(2)), Int(try cursor.read(2)) + 1)) }
        if cookie == 12346 || count >= 4 { for _ in 0..<count { _ = try cursor.read(4) } }
        for (index, container) in containers.enumerated() {
            let start = base | container.key << 16
            if isRun[index] {
                for _ in 0..<Int(try cursor.read(2)) {
                    let first = Int64(try cursor.read(2))
                    let length = Int64(try cursor.read(2))
                    guard first + length <= 65_535 else { throw malformed("a run leaves its container") }
                    for value in first...first + length { rows.append(start | value) }
                }
            } else if container.cardinality <= 4096 {
                for _ in 0..<container.cardinality { rows.append(start | Int64(try cursor.read(2))) }
            } else {
                for word in 0..<Int64(1024) {
                    var bits = try cursor.read(8)
                    while bits != 0 {
                        rows.append(start | word * 64 + Int64(bits.trailingZeroBitCount))
                        bits &= bits - 1
                    }
                }
            }
        }
    }

    private static let z85Alphabet = Array(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

    private static func z85Decoded(_ text: ArraySlice<UInt8>) throws(DeltaError) -> [UInt8] {
        guard text.count % 5 == 0 else { throw malformed("its text is not Z85") }
        var bytes: [UInt8] = []
        var value: UInt64 = 0
        for (index, character) in text.enumerated() {
            guard let digit = z85Alphabet.firstIndex(of: character) else { throw malformed("its text is not Z85") }
            value = value * 85 + UInt64(digit)
            guard index % 5 == 4 else { continue }
            guard value <= UInt64(UInt32.max) else { throw malformed("its text is not Z85") }
            for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
            value = 0
        }
        return bytes
    }
}

/// CRC-32 as zlib computes it.
private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes { crc = crcTable[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8) }
    return crc ^ 0xFFFF_FFFF
}

private let crcTable: [UInt32] = (0..<256).map { index in
    var value = UInt32(index)
    for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    return value
}
