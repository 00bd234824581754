package import Support
import Synchronization

/// Tells a running query to stop. Checked once per batch.
package final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    package init() {}

    package func cancel() { flag.store(true, ordering: .releasing) }
    /// Lets the next query run. Only while none does.
    package func reset() { flag.store(false, ordering: .releasing) }
    package var isCancelled: Bool { flag.load(ordering: .acquiring) }

    package func check() throws {
        if isCancelled { throw CancellationError() }
    }
}

/// What a query has done so far.
package struct QueryProgress: Sendable, Hashable {
    package var rowsRead: Int64 = 0
    package var bytesRead: Int64 = 0
    package var rowsWritten: Int64 = 0
    package var bytesWritten: Int64 = 0
    package var tasksDone = 0
    package var tasks = 0
    package var stage = ""

    package init() {}
}

/// Counts of one session, added to by all worker threads.
package final class QueryMetrics: Sendable {
    private struct State {
        var progress = QueryProgress()
        var reported = Timestamp(millisecondsSince1970: 0)
    }

    private let state = Mutex(State())
    private let clock: any WallClock
    private let report: (@Sendable (QueryProgress) -> Void)?
    private static let reportMilliseconds: Int64 = 500

    /// - Parameter report: called from worker threads, at most every half second, and at the end of each statement.
    package init(clock: any WallClock = SystemWallClock(), report: (@Sendable (QueryProgress) -> Void)? = nil) {
        self.clock = clock
        self.report = report
    }

    package var progress: QueryProgress { state.withLock { $0.progress } }

    func update(_ change: (inout QueryProgress) -> Void) {
        let due = state.withLock { state -> QueryProgress? in
            change(&state.progress)
            guard report != nil else { return nil }
            let now = clock.now()
            guard now.milliseconds(since: state.reported) >= Self.reportMilliseconds else { return nil }
            state.reported = now
            return state.progress
        }
        if let due { report?(due) }
    }

    func flush() {
        if let report { report(progress) }
    }
}
