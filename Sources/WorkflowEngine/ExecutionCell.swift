import JSONModel
import StateStore
import StatesRuntime

/// An event on its way to an execution.
struct PostedEvent: Sendable {
    var event: ExecutionEvent
    /// Of a submitted task: where its work goes on.
    var handle: JSONValue?
    /// Called once: with nil after the step that took the event in is durable, or with why it never will be.
    var acknowledge: (@Sendable ((any Error)?) -> Void)?
}

/// An execution's machine and what it was loaded with.
struct LoadedExecution: ~Copyable {
    var record: ExecutionRecord
    var machine: ExecutionMachine
    /// Sizes of the frames, by path.
    private var frameBytes: [String: Int] = [:]
    private var frameBytesTotal = 0

    init(record: ExecutionRecord, machine: consuming ExecutionMachine) {
        self.record = record
        self.machine = machine
    }

    /// About what the machine holds in memory.
    var byteCount: Int { (16 << 10) + 4 * frameBytesTotal }

    /// Notes how long a frame is; nil for one that is gone.
    mutating func noteFrame(_ path: String, byteCount: Int?) {
        frameBytesTotal += (byteCount ?? 0) - (frameBytes[path] ?? 0)
        frameBytes[path] = byteCount
    }
}

/// What the engine keeps of one execution while it has something to do or its machine is resident.
///
/// `loaded` is only touched by the one task that drives the cell; everything else only under the lock of the engine's
/// `Residents`.
final class ExecutionCell: @unchecked Sendable {
    // Unchecked: see above.
    let executionArn: String
    var loaded: LoadedExecution?

    var inbox: [PostedEvent] = []
    /// The execution is to be looked at although no event is there.
    var needsRun = false
    /// A task drives the cell or has been asked to.
    var isActive = false
    /// When the cell last became idle, in the order of `Residents`.
    var idleSince = 0
    var byteCount = 0

    init(executionArn: String) { self.executionArn = executionArn }
}

/// The cells, and which machine goes first when memory runs short.
struct Residents {
    private(set) var cells: [String: ExecutionCell] = [:]
    private(set) var byteCount = 0
    private var clock = 0
    /// Set when the engine has ended: nothing is taken in any more.
    private var isClosed = false
    /// Idle cells in the order in which they became idle; an entry counts if the cell still has its number.
    private var idle: [(cell: ExecutionCell, since: Int)] = []
    private var idleHead = 0

    /// Changes a cell, which is made if it is missing. True if it was idle and must be driven now.
    mutating func activate(_ executionArn: String, _ change: (ExecutionCell) -> Void) -> ExecutionCell? {
        if isClosed { return nil }
        let cell = cells[executionArn] ?? ExecutionCell(executionArn: executionArn)
        cells[executionArn] = cell
        change(cell)
        if cell.isActive { return nil }
        cell.isActive = true
        byteCount -= cell.byteCount
        cell.byteCount = 0
        cell.idleSince = 0
        return cell
    }

    /// Ends the taking in of events; gives those that nobody will take.
    mutating func close() -> [PostedEvent] {
        isClosed = true
        let events = cells.values.flatMap(\.inbox)
        for cell in cells.values { cell.inbox = [] }
        cells = [:]
        idle = []
        idleHead = 0
        return events
    }

    /// What a driver is to do next; nil makes the cell idle.
    mutating func take(
        _ cell: ExecutionCell, limit: Int, residentBytes: Int?, bytesMax: Int
    ) -> [PostedEvent]? {
        if cell.inbox.isEmpty, !cell.needsRun {
            becomeIdle(cell, residentBytes, bytesMax)
            return nil
        }
        let events = Array(cell.inbox.prefix(limit))
        cell.inbox.removeFirst(events.count)
        cell.needsRun = false
        return events
    }

    private mutating func becomeIdle(_ cell: ExecutionCell, _ residentBytes: Int?, _ bytesMax: Int) {
        cell.isActive = false
        guard let residentBytes else {
            cells[cell.executionArn] = nil
            return
        }
        clock += 1
        cell.idleSince = clock
        cell.byteCount = residentBytes
        byteCount += residentBytes
        idle.append((cell, clock))
        while byteCount > bytesMax || idle.count - idleHead > 2 * cells.count + 64, idleHead < idle.count {
            let (oldest, since) = idle[idleHead]
            idleHead += 1
            // Busy since, or idle again with a later entry.
            guard oldest.idleSince == since else { continue }
            byteCount -= oldest.byteCount
            oldest.byteCount = 0
            oldest.idleSince = 0
            // Nobody drives an idle cell, and nobody can while the lock is held.
            oldest.loaded = nil
            cells[oldest.executionArn] = nil
        }
        if idleHead > 1024, idleHead * 2 > idle.count {
            idle.removeFirst(idleHead)
            idleHead = 0
        }
    }
}
