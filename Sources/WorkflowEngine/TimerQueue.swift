import StateStore
import Support

/// The timers of all executions that are due before `horizon`, earliest first. What is due later stays in the store
/// until the queue is filled again.
///
/// Few timers are under way at a time, so that thousands that are due together do not stand before everybody else's
/// writes.
struct TimerQueue {
    private static let underWayMax = 4

    private struct Key: Hashable {
        let executionArn: String
        let timerID: String
    }

    /// A binary heap by due time. Entries of cancelled timers stay until they come up.
    private var heap: [TimerRecord] = []
    private var live: [Key: Timestamp] = [:]
    /// Taken, and their steps not yet durable.
    private var underWay = 0

    /// Timers due after this moment may be missing; `.max` when all are here.
    var horizon = Timestamp(millisecondsSince1970: .max)

    var count: Int { live.count }

    /// Adds a timer, or changes its time. Ignored beyond the horizon.
    mutating func insert(_ timer: TimerRecord) {
        guard timer.dueAt <= horizon else { return }
        let key = Key(executionArn: timer.executionArn, timerID: timer.timerID)
        if live.updateValue(timer.dueAt, forKey: key) == timer.dueAt { return }
        heap.append(timer)
        siftUp(heap.count - 1)
    }

    mutating func remove(executionArn: String, timerID: String) {
        live[Key(executionArn: executionArn, timerID: timerID)] = nil
        if heap.count > 2 * live.count + 1024 {
            heap.removeAll { live[Key(executionArn: $0.executionArn, timerID: $0.timerID)] != $0.dueAt }
            heap.sort { $0.dueAt < $1.dueAt }
        }
    }

    /// When the earliest timer is due.
    mutating func next() -> Timestamp? {
        while let first = heap.first {
            if live[Key(executionArn: first.executionArn, timerID: first.timerID)] == first.dueAt { return first.dueAt }
            removeFirst()
        }
        return nil
    }

    /// Takes the earliest timers that are due. Each is followed by a call of `finishOne`.
    mutating func takeDue(_ now: Timestamp) -> [TimerRecord] {
        var taken: [TimerRecord] = []
        while underWay < Self.underWayMax, let due = next(), due <= now, let timer = heap.first {
            live[Key(executionArn: timer.executionArn, timerID: timer.timerID)] = nil
            removeFirst()
            taken.append(timer)
            underWay += 1
        }
        return taken
    }

    /// True when it is time to take more.
    mutating func finishOne() -> Bool {
        underWay -= 1
        return underWay <= Self.underWayMax / 2 && !live.isEmpty
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].dueAt < heap[least].dueAt { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0, heap[child].dueAt < heap[(child - 1) / 2].dueAt {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }
}
