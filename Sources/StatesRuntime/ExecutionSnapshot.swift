/// One part of an execution's durable state. A snapshot is all frames of an execution; each is JSON bytes with a format
/// version, and stands under a path that is unique in the execution.
package struct SnapshotFrame: Sendable, Hashable {
    /// `""` for the execution itself; `5.0` for the first branch or iteration of the state entered at event 5,
    /// `5.0/9.2` for one nested in it, `5.items` for data of the Map entered at event 5.
    package var path: String
    package var bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// A difference between two snapshots. Applied in any order, each path once.
package enum FrameChange: Sendable, Hashable {
    case write(SnapshotFrame)
    case remove(path: String)
}

/// Frames that cannot be read: damaged, of another definition, or written by a newer release.
package struct SnapshotError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}
