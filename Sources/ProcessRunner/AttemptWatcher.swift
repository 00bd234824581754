import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Tells when shims die: one thread polls the writing ends of their control FIFOs, where the kernel reports an error as
/// soon as the last reader is gone.
final class AttemptWatcher: Sendable {
    private let watches = WatchList()
    /// Writing wakes the thread; -1 until it runs. Closed by `deinit`, which ends the thread.
    private let wakeDescriptor = Mutex<Int32>(-1)

    init() {}

    deinit {
        let descriptor = wakeDescriptor.withLock { $0 }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Returns when nobody reads the FIFO, at once if it is missing.
    func waitUntilReleased(controlPath path: String) async throws {
        try Task.checkCancellation()
        let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENXIO || errno == ENOENT { return }
            throw ProcessRunnerError.system(operation: "open", path: path, errno: errno)
        }
        let wake: Int32
        do {
            wake = try wakeDescriptor.withLock { wake throws(ProcessRunnerError) in
                if wake < 0 { wake = try startPolling() }
                return wake
            }
        } catch {
            close(descriptor)
            throw error
        }
        let id = watches.reserve()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                watches.add(id, descriptor, continuation)
                poke(wake)
            }
        } onCancel: {
            watches.cancel(id)
            poke(wake)
        }
        try Task.checkCancellation()
    }

    private func startPolling() throws(ProcessRunnerError) -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(operation: "pipe", path: "", errno: errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        let wake = ends[0]
        startThread(name: "attempt-watch", stackBytes: 256 << 10) { [watches] in
            while watches.pollOnce(wake: wake) {}
            close(wake)
        }
        return ends[1]
    }
}

private func poke(_ descriptor: Int32) {
    var byte: UInt8 = 0
    _ = write(descriptor, &byte, 1)
}

/// The FIFOs that are watched. Only the polling thread closes them, so that it never polls a number that has come to
/// mean another file.
private final class WatchList: Sendable {
    private let state = Mutex(State())

    private struct State {
        var watches: [UInt64: Watch] = [:]
        var cancelled: Set<UInt64> = []
        var next: UInt64 = 0
    }

    private struct Watch: Sendable {
        var descriptor: Int32
        var continuation: CheckedContinuation<Void, Never>
    }

    func reserve() -> UInt64 {
        state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    func add(_ id: UInt64, _ descriptor: Int32, _ continuation: CheckedContinuation<Void, Never>) {
        state.withLock { $0.watches[id] = Watch(descriptor: descriptor, continuation: continuation) }
    }

    /// Also before `add`: the thread ends the watch when it finds both.
    func cancel(_ id: UInt64) {
        _ = state.withLock { $0.cancelled.insert(id) }
    }

    /// Waits for the next event and ends the watches concerned. False once the waking end has been closed.
    func pollOnce(wake: Int32) -> Bool {
        let watched = state.withLock { state in
            state.watches.map { (id: $0.key, descriptor: $0.value.descriptor) }
        }
        var polled = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
        for watch in watched { polled.append(pollfd(fd: watch.descriptor, events: 0, revents: 0)) }
        if poll(&polled, nfds_t(polled.count), -1) < 0, errno != EINTR { usleep(10_000) }
        var ended: Set<UInt64> = []
        for (watch, result) in zip(watched, polled.dropFirst()) where result.revents != 0 { ended.insert(watch.id) }
        var byte = [UInt8](repeating: 0, count: 64)
        while read(wake, &byte, byte.count) > 0 {}
        let finished = state.withLock { state in
            // A cancellation that came before its watch stays until the watch is there.
            let cancelled = state.cancelled.filter { state.watches[$0] != nil }
            state.cancelled.subtract(cancelled)
            state.cancelled.subtract(ended)
            return ended.union(cancelled).compactMap { state.watches.removeValue(forKey: $0) }
        }
        for watch in finished {
            close(watch.descriptor)
            watch.continuation.resume()
        }
        return polled[0].revents & Int16(POLLHUP) == 0
    }
}
