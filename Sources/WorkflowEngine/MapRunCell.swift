import StateStore
import Synchronization

/// What the engine keeps of one map run while it is open: the mailbox of the task that drives it.
final class MapRunCell: Sendable {
    struct Mail: Sendable {
        /// Children whose ends are durable.
        var ended: [(child: MapRunMembership, status: ExecutionRecord.Status)] = []
        /// Express children that have ended, of which nothing is durable yet.
        var finished: [ExecutionRecord] = []
        var settings: MapRunSettings?
        /// Nobody waits any more for the run, as it was started or by this redrive.
        var cancelledRedrive: Int?
    }

    let mapRunArn: String
    private let mail = Mutex(Mail())
    let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation
    /// Children that run, in memory or not.
    private let runningCount = Atomic<Int>(0)
    private let runningItems = Atomic<Int>(0)
    /// EXPRESS ones of those whose records tell of an end before.
    private let repeatedCount = Atomic<Int>(0)
    private let repeatedItems = Atomic<Int>(0)
    /// The run was opened while it was still being driven: it has been redriven.
    let isReopened = Atomic<Bool>(false)

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
    var running: MapRunCounts.Pair { Self.pair(runningCount, runningItems) }
    var repeated: MapRunCounts.Pair { Self.pair(repeatedCount, repeatedItems) }

    private static func pair(_ executions: borrowing Atomic<Int>, _ items: borrowing Atomic<Int>) -> MapRunCounts.Pair {
        MapRunCounts.Pair(executions: Int64(executions.load(ordering: .relaxed)), items: Int64(items.load(ordering: .relaxed)))
    }

    func show(running: MapRunCounts.Pair, repeated: MapRunCounts.Pair) {
        runningCount.store(Int(running.executions), ordering: .relaxed)
        runningItems.store(Int(running.items), ordering: .relaxed)
        repeatedCount.store(Int(repeated.executions), ordering: .relaxed)
        repeatedItems.store(Int(repeated.items), ordering: .relaxed)
    }
}
