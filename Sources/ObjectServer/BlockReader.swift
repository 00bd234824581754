import AWSProtocol
import StateStore

/// Reads the data of a published file, and compares each block with its checksum before anybody sees it.
final class BlockReader {
    private let file: DataFile
    /// For messages.
    private let path: String
    private let length: Int64
    /// 1 where the file has no trailer, so that any range consists of whole blocks.
    private let blockBytes: Int64
    /// Some of the trailer's values, and the block that the first of them belongs to; nil where there is no trailer.
    private var held: (first: Int64, values: [UInt8])?

    /// Bytes of values that are held at once: those of 64 MiB of data.
    private static let heldBytes: Int64 = 16 * 1024

    /// Opens the file and reads its end.
    /// - Throws: `FileError`, `DataDamage`.
    init(_ segment: DataSegment, in files: DataFiles) throws {
        let file = try files.open(segment.file)
        self.file = file
        path = files.path(segment.file)
        length = segment.length
        let size = try file.size()
        guard size != length else {
            blockBytes = 1
            return
        }
        guard size > length else {
            throw DataDamage(path: path, offset: size, finding: "\(path) has \(size) bytes instead of \(length)")
        }
        let tailBytes = min(size - length, Self.heldBytes + Int64(DataFooter.byteCount))
        var tail = [UInt8](repeating: 0, count: Int(tailBytes))
        try tail.withUnsafeMutableBytes { try file.read(into: $0, at: size - tailBytes) }
        guard let footer = tail.suffix(DataFooter.byteCount).withUnsafeBytes({ DataFooter($0) }),
            footer.length == length, size == length + footer.valuesBytes + Int64(DataFooter.byteCount)
        else {
            throw DataDamage(
                path: path, offset: length,
                finding: "the checksums of the data in \(path), which follow its \(length) bytes, are damaged")
        }
        blockBytes = Int64(footer.blockBytes)
        tail.removeLast(DataFooter.byteCount)
        held = ((footer.valuesBytes - Int64(tail.count)) / 4, tail)
    }

    /// What has to be read for `range`.
    func blocks(around range: Range<Int64>) -> Range<Int64> {
        let over = range.upperBound % blockBytes
        let end = over == 0 ? range.upperBound : min(length, range.upperBound - over + blockBytes)
        return range.lowerBound - range.lowerBound % blockBytes..<end
    }

    /// Fills `bytes` with the data from `offset` on: whole blocks.
    /// - Throws: `FileError`, `DataDamage`.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        try file.read(into: bytes, at: offset)
        try holdValues(of: offset..<offset + Int64(bytes.count))
        try compare(UnsafeRawBufferPointer(bytes), at: offset)
    }

    /// As `read`; false when the disk would have to be waited for.
    /// - Throws: `DataDamage`.
    func readCached(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(DataDamage) -> Bool {
        guard holdsValues(of: offset..<offset + Int64(bytes.count)), file.readCached(into: bytes, at: offset) else {
            return false
        }
        try compare(UnsafeRawBufferPointer(bytes), at: offset)
        return true
    }

    /// The blocks of `range`, counted from the start of the file.
    private func numbers(of range: Range<Int64>) -> Range<Int64> {
        range.lowerBound / blockBytes..<(range.upperBound + blockBytes - 1) / blockBytes
    }

    private func holdsValues(of range: Range<Int64>) -> Bool {
        guard let held else { return true }
        let wanted = numbers(of: range)
        return wanted.lowerBound >= held.first && wanted.upperBound <= held.first + Int64(held.values.count / 4)
    }

    private func holdValues(of range: Range<Int64>) throws {
        guard !holdsValues(of: range) else { return }
        let wanted = numbers(of: range)
        let count = min(max(Int64(wanted.count), Self.heldBytes / 4), numbers(of: 0..<length).upperBound - wanted.lowerBound)
        var values = [UInt8](repeating: 0, count: Int(count) * 4)
        let place = length + wanted.lowerBound * 4
        try values.withUnsafeMutableBytes { try file.read(into: $0, at: place) }
        held = (wanted.lowerBound, values)
    }

    private func compare(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DataDamage) {
        guard let held else { return }
        var rest = bytes
        var number = offset / blockBytes
        while !rest.isEmpty {
            let block = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(blockBytes)))
            let value = held.values.withUnsafeBytes { loadValue($0, at: Int(number - held.first) * 4) }
            guard crc32c(block) == value else {
                let start = number * blockBytes
                throw DataDamage(
                    path: path, offset: start,
                    finding: "the data in \(path) from byte \(start) to \(start + Int64(block.count) - 1) does not have its CRC32C")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[block.count...])
            number += 1
        }
    }
}

/// What is on the disk is not what was written.
struct DataDamage: Error, CustomStringConvertible {
    /// Of the file, within the store.
    let path: String
    /// Where in the file what is damaged begins.
    let offset: Int64
    let finding: String

    var description: String { finding }
}
