import StateStore
import Support

/// The timers of all executions that are due before `horizon`, earliest first. What is due later stays in the store
/// until the queue is filled again.
///
/// When thousands are due together, they come in bursts that share a few commits. While somebody else waits for answers,
/// the store is left to them for three times as long as a burst took, so that most of their writes meet no timer.
struct TimerQueue {
    private static let burstMax = 32
    /// A burst that has taken so long is filled up: a few slow executions hold up nobody else's timers.
    static let slowMilliseconds: Int64 = 100
    private static let restFactor: Int64 = 3, restMilliseconds: ClosedRange<Int64> = 1...60

    fileprivate struct Key: Hashable {
        let executionArn: String
        let timerID: String
    }

    private struct Entry {
        let timer: TimerRecord
        /// Timers that are due together come in the order in which they came here: that of the starts of their
        /// executions, whose rows are neighbours.
        let ordinal: UInt64

        static func < (a: Entry, b: Entry) -> Bool {
            a.timer.dueAt == b.timer.dueAt ? a.ordinal < b.ordinal : a.timer.dueAt < b.timer.dueAt
        }
    }

    /// A binary heap by due time. Entries of cancelled timers stay until they come up.
    private var heap: [Entry] = []
    private var nextOrdinal: UInt64 = 0
    private var live: [Key: Timestamp] = [:]
    /// Taken, and their steps not yet durable.
    private var underWay = 0
    /// The last one: how many were under way when it began, and when that was.
    private var burst = (count: 0, began: Timestamp(millisecondsSince1970: 0))
    private var isResting = false
    /// Somebody waited for an answer since the burst began.
    private var hasCaller = false

    /// Timers due after this moment may be missing; `.max` when all are here.
    var horizon = Timestamp(millisecondsSince1970: .max)

    var count: Int { live.count }

    /// Adds a timer, or changes its time. Ignored beyond the horizon.
    mutating func insert(_ timer: TimerRecord) {
        guard timer.dueAt <= horizon else { return }
        if live.updateValue(timer.dueAt, forKey: timer.key) == timer.dueAt { return }
        heap.append(Entry(timer: timer, ordinal: nextOrdinal))
        nextOrdinal &+= 1
        siftUp(heap.count - 1)
    }

    mutating func remove(executionArn: String, timerID: String) {
        live[Key(executionArn: executionArn, timerID: timerID)] = nil
        if heap.count > 2 * live.count + 1024 {
            heap.removeAll { live[$0.timer.key] != $0.timer.dueAt }
            heap.sort(by: <)
        }
    }

    /// When the earliest timer is due.
    mutating func next() -> Timestamp? {
        while let first = heap.first {
            if live[first.timer.key] == first.timer.dueAt { return first.timer.dueAt }
            removeFirst()
        }
        return nil
    }

    /// Takes the earliest timers that are due. Each is followed by a call of `finishOne`.
    mutating func takeDue(_ now: Timestamp) -> [TimerRecord] {
        var taken: [TimerRecord] = []
        let isFull = burst.count == Self.burstMax && underWay > 0
        let isSlow = now.milliseconds(since: burst.began) >= Self.slowMilliseconds
        guard !isResting, !isFull || isSlow else { return taken }
        while underWay < Self.burstMax, let due = next(), due <= now, let timer = heap.first?.timer {
            live[timer.key] = nil
            removeFirst()
            taken.append(timer)
            underWay += 1
        }
        if !taken.isEmpty {
            burst = (underWay, now)
            hasCaller = false
        }
        return taken
    }

    /// Gives the milliseconds to rest before more are taken, which `endRest` ends; nil unless a burst is over and more are
    /// due.
    mutating func finishOne(_ now: Timestamp) -> Int64? {
        underWay -= 1
        guard !isResting, underWay == 0, let due = next(), due <= now else { return nil }
        isResting = true
        // A few are in nobody's way.
        guard hasCaller, burst.count == Self.burstMax else { return 0 }
        let range = Self.restMilliseconds
        let taken = min(max(now.milliseconds(since: burst.began), 0), range.upperBound)
        return min(max(Self.restFactor * taken, range.lowerBound), range.upperBound)
    }

    /// Takes note that somebody waits for an answer.
    mutating func noteCaller() { hasCaller = true }

    mutating func endRest() { isResting = false }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child] < heap[least] { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }
}

extension TimerRecord {
    fileprivate var key: TimerQueue.Key { TimerQueue.Key(executionArn: executionArn, timerID: timerID) }
}
