import ObjectStore
import Support

/// The bytes of the lines that begin in a range of an object, one after another. Used by one thread.
///
/// A line begins behind a line end, be it LF, CR LF or CR, or at the object's beginning. The lines of a range go from behind
/// the first line end at or after the byte before it, to the first line end at or after its own last byte: neighbouring
/// ranges miss no line and have none twice.
///
/// The object is read by ranges, the next one fetched ahead: two are in memory.
final class LineInput {
    private static let rangeBytes: Int64 = 4 << 20
    /// Read behind the range together with its end; most lines end there.
    private static let overlapBytes: Int64 = 64 << 10
    private static let fetchers = BlockingExecutor(name: "prefetch", threads: 8)

    private let file: ObjectFile
    private let range: Range<Int64>
    private var fetched: Int64
    private var ahead: FutureValue<[UInt8]>?
    private var current: [UInt8] = []
    /// Of `current`'s first byte in the object.
    private var currentStart: Int64
    private var position = 0
    private var isAligned: Bool
    private var isOver = false
    /// The range's last line ended with CR: an LF that follows is a part of that end.
    private var isOverAfterLineFeed = false

    init(_ file: ObjectFile, _ range: Range<Int64>) {
        self.file = file
        self.range = range
        isAligned = range.lowerBound == 0
        fetched = max(0, range.lowerBound - 1)
        currentStart = fetched
    }

    /// Where in the object the first line begins; to be called before `read`.
    func start() throws -> Int64 {
        guard !isAligned else { return 0 }
        isAligned = true
        while try ensureBytes() {
            if let end = lineEnd(from: position) {
                position = end + 1
                if current[end] == 13, try ensureBytes(), current[position] == 10 { position += 1 }
                // One line reaches over the whole range, and begins before it.
                if currentStart + Int64(position) >= range.upperBound { isOver = true }
                break
            }
            position = current.count
        }
        return currentStart + Int64(position)
    }

    /// Fills a part of `buffer`; 0 at the end.
    func read(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard !isOver, try ensureBytes() else { return 0 }
        if isOverAfterLineFeed {
            isOver = true
            guard current[position] == 10, let first = buffer.baseAddress, buffer.count > 0 else { return 0 }
            first.storeBytes(of: 10, as: UInt8.self)
            return 1
        }
        var end = min(current.count, position + buffer.count)
        let last = range.upperBound - 1
        if range.upperBound < file.metadata.size, currentStart + Int64(end) > last {
            let from = max(position, Int(max(0, last - currentStart)))
            if let found = lineEnd(from: from), found < end {
                end = found + 1
                if current[found] == 13 { isOverAfterLineFeed = true } else { isOver = true }
            }
        }
        let count = end - position
        current.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
        }
        position = end
        return count
    }

    /// False at the object's end.
    private func ensureBytes() throws -> Bool {
        while position == current.count {
            if ahead == nil { fetch() }
            guard let future = ahead else { return false }
            currentStart += Int64(current.count)
            current = try future.get()
            position = 0
            ahead = nil
            if fetched < range.upperBound { fetch() }
        }
        return true
    }

    private func fetch() {
        let start = fetched
        var end = min(start + Self.rangeBytes, file.metadata.size)
        if start < range.upperBound { end = min(end, range.upperBound + Self.overlapBytes) }
        guard start < end else { return }
        fetched = end
        let future = FutureValue<[UInt8]>()
        let file = file
        ahead = future
        Self.fetchers.submit {
            future.fulfil(
                Result { try file.store.get(file.metadata.key, range: start..<end, ifMatch: file.metadata.etag).bytes })
        }
    }

    private func lineEnd(from: Int) -> Int? {
        current.withUnsafeBytes { bytes in bytes[from...].firstIndex { $0 == 10 || $0 == 13 } }
    }
}
