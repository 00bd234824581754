package import Support

/// Which lines of an attempt's output are wanted. Offsets are bytes of the output as it is stored, and come from
/// `JobOutputPage`.
package enum JobOutputRange: Sendable, Hashable {
    /// At most `limit` lines from `offset` on; 0 is the beginning.
    case forward(offset: Int64, limit: Int)
    /// The last lines, at most `limit`, that end at or before `offset`; nil is the end.
    case backward(offset: Int64?, limit: Int)
}

package struct JobOutputPage: Sendable, Hashable {
    package var lines: [JobOutputLine]
    /// Where the first line begins and the last one ends.
    package var start: Int64
    package var end: Int64

    package init(lines: [JobOutputLine], start: Int64, end: Int64) {
        self.lines = lines
        self.start = start
        self.end = end
    }
}

/// One line that a job printed.
package struct JobOutputLine: Sendable, Hashable {
    package enum Stream: Sendable, Hashable { case standardOutput, standardError }

    package var at: Timestamp
    package var stream: Stream
    /// Bytes that are not UTF-8 are replaced.
    package var text: String

    package init(at: Timestamp, stream: Stream, text: String) {
        self.at = at
        self.stream = stream
        self.text = text
    }
}
