import Crypto
import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Reads an archive from its beginning to its end and holds it to its checksums.
///
/// Every byte counts: headers must be as the writer makes them, padding zero, contents and names as `SHA256SUMS` says,
/// nothing missing and nothing behind the end. Memory does not grow with the archive.
struct ArchiveReader {
    let file: BackupFile
    private let size: Int64

    /// A member's header, and where its content begins.
    struct Member {
        var name: String
        var size: Int64
        var offset: Int64
    }

    init(_ path: String) throws(BackupError) {
        file = try BackupFile(path, O_RDONLY)
        size = try file.size()
    }

    static func sumsLine(_ digest: [UInt8], _ name: String) -> String { "\(hexText(digest))  \(name)\n" }

    /// Hands over every member but the checksums, in their order, and its content piece by piece. What has been handed
    /// over is only to be trusted when this returns.
    ///
    /// - Throws: `BackupError`, or what the closures throw.
    func read(
        _ begin: (Member) throws -> Void = { _ in }, piece: (UnsafeRawBufferPointer) throws -> Void = { _ in },
        end: () throws -> Void = {}
    ) throws {
        var lines = SHA256()
        var position: Int64 = 0
        while true {
            let member = try header(at: position)
            if member.name == ArchiveWriter.sumsName {
                let found = try digest(of: member) { _ in }
                guard found == lines.finalize().map({ $0 }) else { throw try firstAltered(sums: member) }
                return try checkEnd(after: member)
            }
            try begin(member)
            let found = try digest(of: member, piece)
            try end()
            lines.update(data: Array(Self.sumsLine(found, member.name).utf8))
            position = member.offset + member.size + Int64(TarHeader.padding(after: member.size))
        }
    }

    private func header(at position: Int64) throws -> Member {
        let block = try bytes(at: position, count: TarHeader.blockBytes)
        guard let header = TarHeader(block) else {
            throw position == 0
                ? BackupError("\(file.path) is no backup of Millrace")
                : BackupError("\(file.path) has been altered, or is no backup of Millrace: byte \(position) begins no member")
        }
        return Member(name: header.name, size: header.size, offset: position + Int64(TarHeader.blockBytes))
    }

    private func bytes(at position: Int64, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let found = try bytes.withUnsafeMutableBytes { buffer in
            try file.read(into: buffer, at: position)
        }
        guard found == count else { throw truncated() }
        return bytes
    }

    private func truncated() -> BackupError {
        BackupError("\(file.path) is cut off after \(size) bytes: the backup or a copy of it was not finished")
    }

    /// Reads the content and the padding behind it.
    private func digest(of member: Member, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> [UInt8] {
        guard member.size <= size - member.offset else { throw truncated() }
        var digest = SHA256()
        var buffer = [UInt8](repeating: 0, count: ArchiveWriter.pieceBytes)
        var done: Int64 = 0
        while done < member.size {
            let wanted = Int(min(Int64(buffer.count), member.size - done))
            try buffer.withUnsafeMutableBytes { bytes in
                let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted])
                guard try file.read(into: piece, at: member.offset + done) == wanted else { throw truncated() }
                digest.update(bufferPointer: UnsafeRawBufferPointer(piece))
                try body(UnsafeRawBufferPointer(piece))
            }
            done += Int64(wanted)
        }
        let padding = try bytes(at: member.offset + member.size, count: TarHeader.padding(after: member.size))
        guard padding.allSatisfy({ $0 == 0 }) else {
            throw BackupError("\(file.path) has been altered behind \(member.name)")
        }
        return digest.finalize().map { $0 }
    }

    private func checkEnd(after sums: Member) throws {
        let end = sums.offset + sums.size + Int64(TarHeader.padding(after: sums.size))
        guard try bytes(at: end, count: 2 * TarHeader.blockBytes).allSatisfy({ $0 == 0 }),
            size == end + 2 * Int64(TarHeader.blockBytes)
        else { throw BackupError("\(file.path) has been altered: there is something behind its end") }
    }

    /// Goes through the archive again to name the member that does not agree with its checksum.
    private func firstAltered(sums: Member) throws -> BackupError {
        var position: Int64 = 0
        var line = sums.offset
        while true {
            let member = try header(at: position)
            if member.name == sums.name {
                return BackupError("\(file.path) has been altered: \(sums.name) lists more than there is")
            }
            let expected = Array(Self.sumsLine(try digest(of: member) { _ in }, member.name).utf8)
            guard line + Int64(expected.count) <= sums.offset + sums.size,
                try bytes(at: line, count: expected.count) == expected
            else {
                return BackupError(
                    "\(file.path) has been altered: \(member.name) does not agree with its checksum in \(sums.name)")
            }
            line += Int64(expected.count)
            position = member.offset + member.size + Int64(TarHeader.padding(after: member.size))
        }
    }
}
