package import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// One thread, and a time that passes only when nothing is left to do on it.
///
/// Tasks whose executor this is, and their children, run one piece at a time in an order drawn from the seed, on the
/// thread that calls `run`. When all of them wait, the clock goes to the next thing that is due. Same seed, same order.
package final class SimulatedScheduler: TaskExecutor, WallClock, @unchecked Sendable {
    // Unchecked: only the thread inside `run` touches the variables; a job from elsewhere is counted and not run.
    private var jobs: [UnownedJob] = []
    private var agenda: [Entry] = []
    private var actions: [Int: () -> Void] = [:]
    private var entryCount = 0
    private var random: SeededRandom
    private let thread = pthread_self()
    private let strayJobs = Atomic<Int>(0)
    private(set) var jobsRun = 0

    /// Milliseconds since the scheduler began.
    package private(set) var elapsed: Int64 = 0
    /// What the time of day is ahead of `elapsed`; a jump of the clock changes it.
    package var wallOffset: Int64 = 1_700_000_000_000

    private struct Entry {
        var due: Int64
        var id: Int
    }

    package init(seed: UInt64) { random = SeededRandom(seed: seed) }

    package func now() -> Timestamp { Timestamp(millisecondsSince1970: elapsed + wallOffset) }

    package func sleep(for duration: Duration) async throws {
        let (seconds, attoseconds) = duration.components
        let milliseconds = max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        let id = reserve()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                sleepers[id] = continuation
                enter(id, after: milliseconds) { [self] in sleepers.removeValue(forKey: id)?.resume() }
            }
        } onCancel: {
            actions[id] = nil
            sleepers.removeValue(forKey: id)?.resume(throwing: CancellationError())
        }
    }
    private var sleepers: [Int: CheckedContinuation<Void, any Error>] = [:]

    /// Lets others go first.
    package func pause() async { try? await sleep(for: .zero) }  // Cancelled: it goes on at once.

    /// Calls `action` once that much time has passed.
    package func after(_ milliseconds: Int64, _ action: @escaping () -> Void) {
        enter(reserve(), after: milliseconds, action)
    }

    private func reserve() -> Int {
        entryCount += 1
        return entryCount
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        guard pthread_equal(pthread_self(), thread) != 0 else {
            strayJobs.add(1, ordering: .relaxed)
            return
        }
        jobs.append(UnownedJob(job))
    }

    /// Works until `isOver`, which is asked after every piece.
    ///
    /// - Parameters:
    ///   - elapsedMax: gives up when this moment comes.
    ///   - jobsMax: gives up after so many pieces in all.
    /// - Throws: `SimulationFailure` when it gives up, or when nothing is left to do.
    package func run(elapsedMax: Int64, jobsMax: Int, until isOver: () -> Bool) throws(SimulationFailure) {
        while !isOver() {
            if strayJobs.load(ordering: .relaxed) > 0 {
                throw SimulationFailure("determinism", "a task left the simulation's thread")
            }
            if jobs.isEmpty {
                guard let entry = popEntry() else {
                    throw SimulationFailure("hang", "nothing is left to do at \(elapsed) ms, and the run is not over")
                }
                guard let action = actions.removeValue(forKey: entry.id) else { continue }
                guard entry.due <= elapsedMax else {
                    throw SimulationFailure("hang", "the run is not over after \(elapsedMax / 1000) s of its time")
                }
                elapsed = max(elapsed, entry.due)
                action()
                continue
            }
            jobsRun += 1
            guard jobsRun < jobsMax else {
                throw SimulationFailure("hang", "the run is not over after \(jobsMax) pieces of work")
            }
            jobs.swapAt(Int(random.next() % UInt64(jobs.count)), jobs.count - 1)
            let job = jobs.removeLast()
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// Runs `body` as a task of a scheduler of its own, on the calling thread, and waits for its end.
    package static func run(
        seed: UInt64, _ body: @escaping @Sendable (SimulatedScheduler) async throws -> Void
    ) throws {
        let scheduler = SimulatedScheduler(seed: seed)
        let result = Mutex<Result<Void, any Error>?>(nil)
        // Its result is in `result`.
        _ = Task(executorPreference: scheduler) {
            do {
                try await body(scheduler)
                result.withLock { $0 = .success(()) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
        }
        try scheduler.run(elapsedMax: .max, jobsMax: .max) { result.withLock { $0 != nil } }
        try result.withLock { $0 }?.get()
    }

    // A binary heap by (due, id).

    private func enter(_ id: Int, after milliseconds: Int64, _ action: @escaping () -> Void) {
        actions[id] = action
        agenda.append(Entry(due: elapsed + max(0, milliseconds), id: id))
        var child = agenda.count - 1
        while child > 0, Self.isBefore(agenda[child], agenda[(child - 1) / 2]) {
            agenda.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private func popEntry() -> Entry? {
        guard let first = agenda.first else { return nil }
        let last = agenda.removeLast()
        if agenda.isEmpty { return first }
        agenda[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < agenda.count {
                if Self.isBefore(agenda[child], agenda[least]) { least = child }
            }
            if least == parent { return first }
            agenda.swapAt(parent, least)
            parent = least
        }
    }

    private static func isBefore(_ a: Entry, _ b: Entry) -> Bool { (a.due, a.id) < (b.due, b.id) }
}

/// What a checker found wrong. `rule` is one of a few stable names.
package struct SimulationFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let rule: String
    package let message: String

    package init(_ rule: String, _ message: String) {
        self.rule = rule
        self.message = message
    }

    package var description: String { "[\(rule)] \(message)" }
}
