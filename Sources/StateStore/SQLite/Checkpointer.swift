import Synchronization

/// Moves the write-ahead log into the database, in steps small enough not to be felt.
///
/// Runs on the writer's thread only, after a commit's answers have been given. A step starts when the log has grown by
/// `idlePages` since the last one and nothing waits, or by `busyPages` in any case; so a step copies at most about that
/// many pages. The log file is not truncated: overwriting allocated blocks makes the next commits' fdatasync cheaper.
final class Checkpointer: Sendable {
    private static let idlePages = 1000
    private static let busyPages = 4000

    private let writer: SQLiteConnection
    /// Pages written since the last step.
    private let pages = Atomic<Int>(0)

    init(_ writer: SQLiteConnection) {
        self.writer = writer
    }

    func afterCommit(idle: Bool) {
        if !idle { pages.add(writer.takeWrittenPages(), ordering: .relaxed) }
        guard pages.load(ordering: .relaxed) >= (idle ? Self.idlePages : Self.busyPages) else { return }
        pages.store(0, ordering: .relaxed)
        // A checkpoint that fails leaves the log as it was, and a later step takes its pages along. Should the disk
        // refuse to synchronise, the next commit meets the same refusal and ends the process.
        _ = try? writer.checkpoint()
    }
}
