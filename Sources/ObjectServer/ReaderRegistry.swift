import Synchronization

/// Knows which reads run, so that files are unlinked only when no read that may need them does.
///
/// A read takes a ticket before it looks an object up. What is garbage at some moment can be seen only by reads that
/// began before it.
final class ReaderRegistry: Sendable {
    private struct Content {
        var next: UInt64 = 0
        var active: Set<UInt64> = []
        var waiting: [(limit: UInt64, resume: CheckedContinuation<Void, Never>)] = []
    }

    private let content = Mutex(Content())

    func begin() -> ReadTicket {
        let number = content.withLock { content in
            content.next += 1
            content.active.insert(content.next)
            return content.next
        }
        return ReadTicket(number: number, registry: self)
    }

    /// Returns when every read that runs now has ended.
    func waitForCurrent() async throws {
        await withCheckedContinuation { continuation in
            let free = content.withLock { content in
                if content.active.isEmpty { return true }
                content.waiting.append((content.next, continuation))
                return false
            }
            if free { continuation.resume() }
        }
        try Task.checkCancellation()
    }

    fileprivate func end(_ number: UInt64) {
        let free = content.withLock { content in
            content.active.remove(number)
            let oldest = content.active.min() ?? .max
            let free = content.waiting.filter { $0.limit < oldest }.map(\.resume)
            if !free.isEmpty { content.waiting.removeAll { $0.limit < oldest } }
            return free
        }
        for continuation in free { continuation.resume() }
    }
}

/// Ends the read when it is released.
final class ReadTicket: Sendable {
    private let number: UInt64
    private let registry: ReaderRegistry

    fileprivate init(number: UInt64, registry: ReaderRegistry) {
        self.number = number
        self.registry = registry
    }

    deinit { registry.end(number) }
}
