import Support
import Synchronization

/// Runs `body` for every index of `0..<count` on up to `workers` plain threads and returns the results in order.
///
/// Indices are taken in ascending order. After a failure or a cancellation no further index is begun; of several
/// failures the one with the lowest index is thrown, so that a query fails alike for any number of threads.
func parallelMap<R: Sendable>(
    count: Int, workers: Int, cancellation: CancellationFlag, _ body: @escaping @Sendable (Int) throws -> R
) throws -> [R] {
    if count == 0 { return [] }
    if workers <= 1 || count == 1 {
        return try (0..<count).map { index in
            try cancellation.check()
            return try body(index)
        }
    }
    let shared = ParallelState<R>(count: count)
    let threads = min(workers, count)
    let group = ThreadGroup(threads)
    for worker in 0..<threads {
        startThread(name: "query-\(worker)", stackBytes: 16 << 20) {
            while let index = shared.take() {
                do {
                    try cancellation.check()
                    shared.finish(index, .success(try body(index)))
                } catch {
                    shared.finish(index, .failure(error))
                }
            }
            group.leave()
        }
    }
    group.wait()
    return try shared.results()
}

private final class ParallelState<R: Sendable>: Sendable {
    private struct State {
        var next = 0
        var failed = false
        var results: [Result<R, any Error>?]
    }

    private let state: Mutex<State>
    private let count: Int

    init(count: Int) {
        self.count = count
        state = Mutex(State(results: Array(repeating: nil, count: count)))
    }

    func take() -> Int? {
        state.withLock { state in
            guard !state.failed, state.next < count else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    func finish(_ index: Int, _ result: Result<R, any Error>) {
        state.withLock { state in
            if case .failure = result { state.failed = true }
            state.results[index] = result
        }
    }

    func results() throws -> [R] {
        let all = state.withLock { $0.results }
        var values: [R] = []
        values.reserveCapacity(all.count)
        for result in all {
            guard let result else { throw CancellationError() }
            values.append(try result.get())
        }
        return values
    }
}

/// Waits until as many threads have left as were announced.
final class ThreadGroup: @unchecked Sendable {
    // Unchecked: `remaining` is only touched under the monitor's lock.
    private let monitor = Monitor()
    private var remaining: Int

    init(_ count: Int) { remaining = count }

    func leave() {
        monitor.lock()
        remaining -= 1
        if remaining <= 0 { monitor.wakeAll() }
        monitor.unlock()
    }

    func wait() {
        monitor.lock()
        while remaining > 0 { monitor.wait() }
        monitor.unlock()
    }
}

/// Runs `body` on a thread with a large stack and waits for it: parsing, analysis and planning recurse as deep as the
/// query is nested, and callers may have small stacks.
package func onLargeStack<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws -> R {
    let future = FutureValue<R>()
    startThread(name: "query", stackBytes: 64 << 20) { future.fulfil(Result { try body() }) }
    return try future.get()
}

/// A value that other threads fetch ahead of its use.
final class FutureValue<Value: Sendable>: @unchecked Sendable {
    // Unchecked: `result` is only touched under the monitor's lock.
    private let monitor = Monitor()
    private var result: Result<Value, any Error>?

    func fulfil(_ value: Result<Value, any Error>) {
        monitor.lock()
        result = value
        monitor.wakeAll()
        monitor.unlock()
    }

    /// Waits for the value.
    func get() throws -> Value {
        monitor.lock()
        while result == nil { monitor.wait() }
        let value = result
        monitor.unlock()
        guard let value else { throw CancellationError() }
        return try value.get()
    }
}
