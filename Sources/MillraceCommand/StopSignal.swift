import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Ctrl-C and SIGTERM as something to wait for. At most one in a program.
final class StopSignal: Sendable {
    /// Where the handler writes: all that a signal handler may do is a system call.
    private nonisolated(unsafe) static var handlerDescriptor: Int32 = -1  // Set once, before the handler is.
    private let requested = Mutex(false)
    private let stream: AsyncStream<Void>

    /// - Parameter action: called on a thread of its own when the first signal comes.
    init(_ action: @escaping @Sendable () -> Void) {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.stream = stream
        var descriptors: [Int32] = [-1, -1]
        guard pipe(&descriptors) == 0 else { return }
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let readEnd = descriptors[0]
        Self.handlerDescriptor = descriptors[1]
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                var byte: UInt8 = 1
                _ = write(StopSignal.handlerDescriptor, &byte, 1)
            }
        }
        startThread(name: "signals", stackBytes: 256 << 10) { [self] in
            var byte: UInt8 = 0
            while read(readEnd, &byte, 1) < 0, errno == EINTR {}
            requested.withLock { $0 = true }
            action()
            continuation.finish()
        }
    }

    var wasRequested: Bool { requested.withLock { $0 } }

    func wait() async {
        for await _ in stream {}
    }
}
