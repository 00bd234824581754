import Synchronization

/// The pieces of an answer's body as they come. At most about `bytesMax` wait for the reader; then the connection
/// stands still until it has caught up.
package struct HTTPBodyStream: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    let queue: BodyQueue

    init(queue: BodyQueue) { self.queue = queue }

    /// A body that is there already, or as much of it as came before a failure.
    package init(_ bytes: [UInt8], failure: HTTPClientError? = nil) {
        queue = BodyQueue(resume: {}, cancel: {})
        if !bytes.isEmpty { _ = bytes.withUnsafeBytes { queue.append($0) } }
        queue.finish(failure.map { .failure($0) } ?? .success(()))
    }

    package struct AsyncIterator: AsyncIteratorProtocol, Sendable {
        let queue: BodyQueue
        /// - Throws: `HTTPClientError` when the connection fails, `CancellationError`.
        package mutating func next() async throws -> [UInt8]? { try await queue.next() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
}

/// Between the transport's thread, which appends, and one reader.
final class BodyQueue: Sendable {
    static let bytesMax = 1 << 20

    private struct State {
        var bytes: [UInt8] = []
        var isPaused = false
        var outcome: Result<Void, any Error>?
        var reader: CheckedContinuation<[UInt8]?, any Error>?
    }

    private let state = Mutex(State())
    /// Tells the transport to go on after a pause, or to end the transfer.
    private let resume: @Sendable () -> Void
    private let cancel: @Sendable () -> Void

    init(resume: @escaping @Sendable () -> Void, cancel: @escaping @Sendable () -> Void) {
        self.resume = resume
        self.cancel = cancel
    }

    deinit { if state.withLock({ $0.outcome == nil }) { cancel() } }

    /// False when the queue is full: the same bytes must be offered again after a resume.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let (taken, reader) = state.withLock { state -> (Bool, CheckedContinuation<[UInt8]?, any Error>?) in
            if let reader = state.reader {
                state.reader = nil
                return (true, reader)
            }
            guard state.bytes.count < Self.bytesMax else {
                state.isPaused = true
                return (false, nil)
            }
            state.bytes.append(contentsOf: bytes)
            return (true, nil)
        }
        reader?.resume(returning: Array(bytes))
        return taken
    }

    func finish(_ outcome: Result<Void, any Error>) {
        let reader = state.withLock { state in
            state.outcome = outcome
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(with: outcome.map { nil })
    }

    func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (answer, wasPaused) = state.withLock { state -> (Result<[UInt8]?, any Error>?, Bool) in
                    if !state.bytes.isEmpty {
                        let bytes = state.bytes
                        state.bytes = []
                        defer { state.isPaused = false }
                        return (.success(bytes), state.isPaused)
                    }
                    if let outcome = state.outcome { return (outcome.map { nil }, false) }
                    state.reader = continuation
                    return (nil, false)
                }
                if wasPaused { resume() }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            cancel()
        }
    }
}
