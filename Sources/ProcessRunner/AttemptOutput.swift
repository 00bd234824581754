package import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A line that an attempt printed, as `output.log` keeps it.
package struct AttemptOutputLine: Sendable, Hashable {
    package var at: Timestamp
    package var isError: Bool
    package var text: String
}

/// Lines of `output.log`, and the byte offsets between which they stand.
package struct AttemptOutputPage: Sendable, Hashable {
    package var lines: [AttemptOutputLine]
    package var start: Int64
    package var end: Int64
}

extension AttemptDirectory {
    /// Bytes read for one page at most.
    private static let pageBytesMax: Int64 = 4 << 20

    /// Up to `limit` whole lines from `offset` on. Blocks.
    package func output(from offset: Int64, limit: Int) throws(ProcessRunnerError) -> AttemptOutputPage {
        let offset = max(0, offset)
        let bytes = try outputBytes(from: offset, count: Self.pageBytesMax)
        var page = AttemptOutputPage(lines: [], start: offset, end: offset)
        var position = 0
        while page.lines.count < limit, let newline = bytes[position...].firstIndex(of: 10) {
            if let line = parseLine(bytes[position..<newline]) { page.lines.append(line) }
            position = newline + 1
        }
        page.end = offset + Int64(position)
        return page
    }

    /// The last whole lines, up to `limit`, that end at or before `offset`; nil stands for the end. Blocks.
    package func output(before offset: Int64?, limit: Int) throws(ProcessRunnerError) -> AttemptOutputPage {
        let size = try outputSize()
        let end = min(max(0, offset ?? size), size)
        let begin = max(0, end - Self.pageBytesMax)
        let bytes = try outputBytes(from: begin, count: end - begin)
        guard let lastNewline = bytes.lastIndex(of: 10) else { return AttemptOutputPage(lines: [], start: end, end: end) }
        var lines: [AttemptOutputLine] = []
        var lineEnd = lastNewline
        var start = lastNewline + 1
        while lines.count < limit, start > 0 {
            let previous = bytes[..<lineEnd].lastIndex(of: 10)
            if previous == nil, begin > 0 { break }  // its beginning lies before what was read
            let lineStart = previous.map { $0 + 1 } ?? 0
            if let line = parseLine(bytes[lineStart..<lineEnd]) { lines.append(line) }
            start = lineStart
            guard let previous else { break }
            lineEnd = previous
        }
        lines.reverse()
        return AttemptOutputPage(lines: lines, start: begin + Int64(start), end: begin + Int64(lastNewline + 1))
    }

    private func outputSize() throws(ProcessRunnerError) -> Int64 {
        var status = stat()
        if stat(outputPath, &status) == 0 { return Int64(status.st_size) }
        if errno == ENOENT { return 0 }
        throw .system(operation: "stat", path: outputPath, errno: errno)
    }

    private func outputBytes(from offset: Int64, count: Int64) throws(ProcessRunnerError) -> [UInt8] {
        let file: OpenFile
        do throws(ProcessRunnerError) {
            file = try OpenFile(outputPath, O_RDONLY)
        } catch .system(_, _, ENOENT) {
            return []
        }
        var bytes = [UInt8](repeating: 0, count: Int(min(count, Self.pageBytesMax)))
        var have = 0
        while have < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(file.descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[have...]).baseAddress, $0.count - have,
                    off_t(offset) + off_t(have))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw .system(operation: "read", path: outputPath, errno: errno) }
            if count == 0 { break }
            have += count
        }
        bytes.removeSubrange(have...)
        return bytes
    }
}

/// `<milliseconds> <o|e> <text>`; nil for anything else.
private func parseLine(_ bytes: ArraySlice<UInt8>) -> AttemptOutputLine? {
    guard let space = bytes.firstIndex(of: 32), bytes.endIndex - space >= 3,
        let milliseconds = Int64(String(decoding: bytes[..<space], as: UTF8.self))
    else { return nil }
    return AttemptOutputLine(
        at: Timestamp(millisecondsSince1970: milliseconds), isError: bytes[space + 1] == UInt8(ascii: "e"),
        text: String(decoding: bytes[(space + 3)...], as: UTF8.self))
}
