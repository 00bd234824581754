import Columnar

/// Cuts one input into lines, which end with LF, CR LF or CR. Does no I/O itself: `read` fills a buffer with the input's
/// next bytes and gives their number, 0 at the end.
final class LineReader {
    typealias Read = (UnsafeMutableRawBufferPointer) throws -> Int

    /// A longer line ends the read with an error, so that a file without line ends cannot take all memory.
    static let lineBytesMax = 256 << 20
    private static let chunkBytes = 256 << 10

    private let read: Read
    private var window: [UInt8] = []
    /// Of the first byte that has not been handed out.
    private var position = 0
    private var atEnd = false
    /// The last line ended with CR: an LF that follows belongs to it.
    private var skipsLineFeed = false
    /// Of the window's first byte.
    private var windowStart: Int64
    private(set) var bytesRead: Int64 = 0
    /// Of the line that `next` gave last.
    private(set) var lineStart: Int64

    /// - Parameter start: where in the input `read` begins; a byte order mark is left out at 0.
    init(start: Int64, read: @escaping Read) throws {
        self.read = read
        windowStart = start
        lineStart = start
        if start == 0 {
            while window.count < 3, !atEnd { try more() }
            if window.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        }
    }

    /// Calls `body` with the next line, without its end; nil after the last. What follows the last line end is a line
    /// only when it is not empty.
    func next<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) throws -> R? {
        if skipsLineFeed {
            while position == window.count, !atEnd { try more() }
            if position < window.count, window[position] == 10 { position += 1 }
            skipsLineFeed = false
        }
        var searched = 0
        while true {
            let end = window.withUnsafeBufferPointer { bytes in
                bytes[(position + searched)...].firstIndex { $0 == 10 || $0 == 13 }
            }
            if let end {
                skipsLineFeed = window[end] == 13
                return try hand(end, next: end + 1, body)
            }
            searched = window.count - position
            guard !atEnd else { return searched == 0 ? nil : try hand(window.count, next: window.count, body) }
            try more()
        }
    }

    /// All that is left, as one piece.
    func rest<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) throws -> R? {
        while !atEnd { try more() }
        return position == window.count ? nil : try hand(window.count, next: window.count, body)
    }

    private func hand<R>(_ end: Int, next: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> R) throws -> R {
        let start = position
        lineStart = windowStart + Int64(start)
        position = next
        return try window.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[start..<end])) }
    }

    private func more() throws {
        windowStart += Int64(position)
        window.removeFirst(position)
        position = 0
        let used = window.count
        guard used < Self.lineBytesMax else {
            throw SparkError(
                condition: "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", sqlState: "22023",
                message: "The record at byte \(windowStart) has more than \(Self.lineBytesMax) bytes.")
        }
        // A long line is met by long reads, so that it is not moved again for each short one.
        window.append(contentsOf: repeatElement(0, count: max(Self.chunkBytes, used)))
        let count = try window.withUnsafeMutableBytes { bytes in
            try read(UnsafeMutableRawBufferPointer(rebasing: bytes[used...]))
        }
        guard count >= 0, count <= window.count - used else { throw SparkError.internal("a read of \(count) bytes") }
        window.removeLast(window.count - used - count)
        if count == 0 { atEnd = true }
        bytesRead += Int64(count)
    }
}
