import Logging
import StateStore
import StatesRuntime
import Support
import Synchronization

extension WorkflowEngine {
    /// The longest sleep: after it the wall clock, which may have jumped, is looked at again.
    private static let tickMilliseconds: Int64 = 1000
    /// Fires timers when the wall clock reaches them, until cancelled.
    func watchTimers() async {
        while !Task.isCancelled {
            fireDueTimers()
            let now = clock.now()
            let next = timers.withLock { $0.next() }
            let milliseconds = next.map { $0.milliseconds(since: now) } ?? Self.tickMilliseconds
            // What is due already follows the burst that is under way.
            let wait = milliseconds <= 0 ? TimerQueue.slowMilliseconds : min(milliseconds, Self.tickMilliseconds)
            guard (try? await clock.sleep(for: .milliseconds(wait))) != nil else { return }
            await refillTimers()
        }
    }

    /// Hands due timers to their executions, in the order of due times: at once as many as `TimerQueue` lets out, the
    /// others some time after the steps of these have become durable.
    package func fireDueTimers() {
        let now = clock.now()
        for timer in timers.withLock({ $0.takeDue(now) }) {
            let event = PostedEvent(event: .timerFired(timerID: timer.timerID)) { [self] error in
                let rest = timers.withLock { $0.finishOne(clock.now()) }
                if let rest { enqueue(.fireTimers(afterMilliseconds: rest, endsRest: true)) }
            }
            post(event, to: timer.executionArn)
        }
    }

    /// Takes note of timers that have become durable.
    func addTimers(_ new: [TimerRecord]) {
        guard let earliest = new.map(\.dueAt).min() else { return }
        timers.withLock { timers in
            for timer in new { timers.insert(timer) }
        }
        // The watch looks again within a tick; only what is due before needs a sleeper of its own.
        let milliseconds = earliest.milliseconds(since: clock.now())
        if milliseconds < Self.tickMilliseconds { enqueue(.fireTimers(afterMilliseconds: max(0, milliseconds))) }
    }

    /// Loads the next timers from the store.
    func fillTimers() async throws {
        let limit = configuration.timersMax
        let loaded = try await store.timers(limit: limit)
        timers.withLock { timers in
            timers.horizon = loaded.count == limit ? loaded[limit - 1].dueAt : Timestamp(millisecondsSince1970: .max)
            for timer in loaded { timers.insert(timer) }
        }
    }

    /// Loads further timers when most of those in memory have fired.
    private func refillTimers() async {
        let isLow = timers.withLock { timers in
            timers.horizon.millisecondsSince1970 != .max && timers.count < configuration.timersMax / 2
        }
        guard isLow else { return }
        do {
            try await fillTimers()
        } catch {
            logger.error("Timers could not be loaded.", metadata: ["error": "\(error)"])
        }
    }
}
