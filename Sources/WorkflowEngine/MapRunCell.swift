import StateStore
import Synchronization

/// What the engine keeps of one map run while it is open: the mailbox of the task that drives it.
final class MapRunCell: Sendable {
    struct Mail: Sendable {
        /// Children whose ends are durable.
        var ended: [(ordinal: Int64, status: ExecutionRecord.Status)] = []
        /// Express children that have ended, of which nothing is durable yet.
        var finished: [ExecutionRecord] = []
        var settings: MapRunSettings?
        /// Nobody waits for the run any more.
        var isCancelled = false
    }

    let mapRunArn: String
    private let mail = Mutex(Mail())
    let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation
    /// Children that run, in memory or not.
    private let runningCount = Atomic<Int>(0)
    private let runningItems = Atomic<Int>(0)

    init(mapRunArn: String) {
        self.mapRunArn = mapRunArn
        (arrivals, arrival) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func post(_ change: (inout Mail) -> Void) {
        mail.withLock { change(&$0) }
        arrival.yield()
    }

    func take() -> Mail {
        mail.withLock { mail in
            let taken = mail
            mail.ended = []
            mail.finished = []
            mail.settings = nil
            return taken
        }
    }

    /// Running children and their items, for those who ask.
    var running: MapRunCounts.Pair {
        MapRunCounts.Pair(
            executions: Int64(runningCount.load(ordering: .relaxed)), items: Int64(runningItems.load(ordering: .relaxed)))
    }

    func setRunning(_ running: MapRunCounts.Pair) {
        runningCount.store(Int(running.executions), ordering: .relaxed)
        runningItems.store(Int(running.items), ordering: .relaxed)
    }
}
