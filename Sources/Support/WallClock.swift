#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The time of day as an argument: engines ask it, cores are told by their callers.
package protocol WallClock: Sendable {
    func now() -> Timestamp

    /// Waits for an interval, whatever the time of day does meanwhile.
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    func sleep(for duration: Duration) async throws
}

extension WallClock {
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

package struct SystemWallClock: WallClock {
    package init() {}

    package func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(millisecondsSince1970: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
