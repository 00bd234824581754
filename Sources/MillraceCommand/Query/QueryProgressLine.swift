import QueryEngine
import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Shows on standard error, if that is a terminal, what a statement has done so far, once it takes longer than a second.
final class QueryProgressLine: Sendable {
    private let line = StatusLine()
    private let metrics: QueryMetrics
    private let isOver = Mutex(false)

    private static let patienceMilliseconds: Int64 = 1000
    private static let pauseMicroseconds: UInt32 = 100_000

    init(_ metrics: QueryMetrics) { self.metrics = metrics }

    /// Runs `body` with the line beside it.
    func during<T>(_ body: () throws -> T) rethrows -> T {
        guard line.isShown else { return try body() }
        isOver.withLock { $0 = false }
        let clock = SystemWallClock()
        let begin = clock.now()
        let before = metrics.progress
        startThread(name: "progress", stackBytes: 256 << 10) { [self] in
            while true {
                usleep(Self.pauseMicroseconds)
                let elapsed = clock.now().milliseconds(since: begin)
                // Drawn under the lock: nothing is after `isOver` is set.
                let isOver = isOver.withLock { isOver in
                    if !isOver, elapsed >= Self.patienceMilliseconds { line.show("  " + text(since: before, elapsed)) }
                    return isOver
                }
                if isOver { return }
            }
        }
        defer {
            isOver.withLock {
                $0 = true
                line.clear()
            }
        }
        return try body()
    }

    private func text(since before: QueryProgress, _ elapsed: Int64) -> String {
        let now = metrics.progress
        var parts = [duration(milliseconds: elapsed), "\(grouped(now.rowsRead &- before.rowsRead)) rows read"]
        let written = now.rowsWritten &- before.rowsWritten
        if written > 0 { parts.append("\(grouped(written)) written") }
        if now.tasks > 0, !now.stage.isEmpty { parts.append("\(now.stage) \(now.tasksDone)/\(now.tasks)") }
        return parts.joined(separator: ", ") + "   Ctrl-C cancels"
    }
}
