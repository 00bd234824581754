import ServiceLifecycle
import Synchronization

/// Work that goes on as long as the server does and is cancelled when the server shuts down.
struct Background: Service {
    let work: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await work()
            // A service that returns ends the group: what has nothing left to do waits for the end.
            try? await Task.sleep(for: .seconds(1_000_000_000))  // Only cancellation ends it.
        }
    }
}

/// Says when the server has been told to stop, as the last requests may take a moment.
struct StopNotice: Service {
    func run() async throws {
        try await gracefulShutdown()
        note("millrace: stopping; running jobs go on and are taken up by the next start")
    }
}

/// Waits until every port listens.
final class ListeningSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let left: Mutex<Int>

    init(count: Int) {
        (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        left = Mutex(count)
    }

    func signal() {
        let isLast = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { continuation.finish() }
    }

    func wait() async {
        for await _ in stream {}
    }
}
