import Synchronization

/// Moves the write-ahead log into the database, in steps small enough not to be felt.
///
/// Runs on the writer's thread only, after a commit's answers have been given. A step starts when the log has grown by
/// `stepPages` since the last one; so it copies at most about that many pages, and who waits for the next commit waits a
/// few milliseconds for it. The log file is not truncated: overwriting allocated blocks makes the next commits' fdatasync cheaper.
final class Checkpointer: Sendable {
    private static let stepPages = 400

    private let writer: SQLiteConnection
    /// Pages written since the last step.
    private let pages = Atomic<Int>(0)

    init(_ writer: SQLiteConnection) {
        self.writer = writer
    }

    func afterCommit() {
        pages.add(writer.takeWrittenPages(), ordering: .relaxed)
        guard pages.load(ordering: .relaxed) >= Self.stepPages else { return }
        pages.store(0, ordering: .relaxed)
        // A checkpoint that fails leaves the log as it was, and a later step takes its pages along. Should the disk
        // refuse to synchronise, the next commit meets the same refusal and ends the process.
        _ = try? writer.checkpoint()
    }
}
