import Crypto
import Support

/// Writes the members of an archive one after the other, their checksums at the end.
///
/// The last member, `SHA256SUMS`, has a line for every other one, in their order, as `sha256sum --check` reads it.
/// Memory does not grow with the archive: the lines wait in an unnamed file.
struct ArchiveWriter: ~Copyable {
    static let pieceBytes = 1 << 20
    static let sumsName = "SHA256SUMS"

    private let file: BackupFile
    private let sums: BackupFile
    private var sumsBytes: Int64 = 0
    private let modified: Int64
    private var buffer = [UInt8](repeating: 0, count: ArchiveWriter.pieceBytes)
    /// Bytes written.
    private(set) var size: Int64 = 0

    /// - Parameters:
    ///   - file: empty; positioned at its beginning.
    ///   - sums: an empty file for the checksums' lines.
    init(to file: BackupFile, sums: BackupFile, modified: Timestamp) {
        self.file = file
        self.sums = sums
        self.modified = modified.millisecondsSince1970 / 1000
    }

    mutating func add(_ name: String, _ bytes: [UInt8]) throws {
        try begin(name, Int64(bytes.count))
        try write(bytes)
        try end(name, Int64(bytes.count), SHA256.hash(data: bytes).map { $0 })
    }

    /// Adds the bytes that the file has now; later ones are left out.
    mutating func add(_ name: String, _ source: BackupFile) throws {
        let size = try source.size()
        try begin(name, size)
        try end(name, size, try copy(source, size))
    }

    /// Adds the checksums and the archive's end, and makes it durable.
    mutating func finish() throws {
        try begin(Self.sumsName, sumsBytes)
        _ = try copy(sums, sumsBytes)
        try write([UInt8](repeating: 0, count: TarHeader.padding(after: sumsBytes)))
        try write([UInt8](repeating: 0, count: 2 * TarHeader.blockBytes))
        try file.synchronise()
    }

    private mutating func begin(_ name: String, _ size: Int64) throws {
        guard name.utf8.count <= TarHeader.nameBytesMax else {
            throw BackupError("the name \(name) has more than \(TarHeader.nameBytesMax) bytes")
        }
        try write(TarHeader(name: name, size: size, modified: modified).encoded)
    }

    private mutating func end(_ name: String, _ size: Int64, _ digest: [UInt8]) throws {
        try write([UInt8](repeating: 0, count: TarHeader.padding(after: size)))
        let line = Array(ArchiveReader.sumsLine(digest, name).utf8)
        try line.withUnsafeBytes { bytes in try sums.append(bytes) }
        sumsBytes += Int64(line.count)
    }

    /// - Returns: the SHA-256 of what was copied.
    private mutating func copy(_ source: BackupFile, _ size: Int64) throws -> [UInt8] {
        var digest = SHA256()
        var position: Int64 = 0
        while position < size {
            let wanted = Int(min(Int64(Self.pieceBytes), size - position))
            try buffer.withUnsafeMutableBytes { bytes in
                let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted])
                guard try source.read(into: piece, at: position) == wanted else {
                    throw BackupError("\(source.path) has become shorter while it was read")
                }
                digest.update(bufferPointer: UnsafeRawBufferPointer(piece))
                try file.append(UnsafeRawBufferPointer(piece))
            }
            position += Int64(wanted)
        }
        self.size += size
        return digest.finalize().map { $0 }
    }

    private mutating func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in try file.append(bytes) }
        size += Int64(bytes.count)
    }
}
