import CFiles
import NIOCore
import Synchronization

/// Gives memory back to the system after many connections have closed. The allocator would keep it: what connections have
/// used lies between what is still in use.
final class FreedMemory: Sendable {
    /// Closed connections, by some 14 KiB each, that are worth the walk through the allocator's lists.
    private static let connectionsMin = 256
    /// Others of the same crowd close meanwhile; and clients that connect for each request cause no more than this.
    private static let delay = TimeAmount.seconds(10)

    private let closed = Atomic<Int>(0)

    /// - Parameter loop: does the work, some milliseconds for a hundred MB.
    func connectionClosed(on loop: any EventLoop) {
        guard closed.add(1, ordering: .relaxed).newValue == Self.connectionsMin else { return }
        loop.scheduleTask(in: Self.delay) { [self] in
            closed.store(0, ordering: .relaxed)
            millrace_return_memory()
        }
    }
}
