import Synchronization

/// The pieces of an answer's body as they come, up to 256 KiB each. At most about `bytesMax` wait for the reader; then
/// the connection stands still until it has caught up with half of it.
package struct HTTPBodyStream: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    let queue: BodyQueue

    init(queue: BodyQueue) { self.queue = queue }

    /// A body that is there already, or as much of it as came before a failure.
    package init(_ bytes: [UInt8], failure: HTTPClientError? = nil) {
        queue = BodyQueue(resume: {}, cancel: {})
        if !bytes.isEmpty { _ = bytes.withUnsafeBytes { queue.append($0, rest: bytes.count) } }
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

    /// As much wakes a reader at once.
    static let wakeBytes = 512 * 1024
    /// Bytes up to which what comes is added to the last piece that waits.
    private static let pieceBytes = 256 * 1024
    private static let takenMax = bytesMax / pieceBytes

    private struct State {
        var pieces: [[UInt8]] = []
        /// What the reader got last, for the memory, which is there to be used again once it has done with them.
        var taken: [[UInt8]] = []
        var waitingBytes = 0
        var isPaused = false
        var outcome: Result<Void, any Error>?
        var reader: CheckedContinuation<[UInt8]?, any Error>?

        /// The first of those that there are.
        mutating func takePiece() -> [UInt8] {
            let piece = pieces.removeFirst()
            waitingBytes -= piece.count
            if taken.count == BodyQueue.takenMax { taken.removeFirst() }
            taken.append(piece)
            return piece
        }

        mutating func addPiece(capacity: Int) {
            // Copies nothing where the reader still has the piece; there it gets other memory.
            var piece = taken.count >= 2 ? taken.removeFirst() : []
            piece.removeAll(keepingCapacity: true)
            piece.reserveCapacity(capacity)
            pieces.append(piece)
        }
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

    /// Keeps bytes for the reader, who does not see them before `handOver` or `finish`: libcurl gives 16 KiB at a time, and
    /// a reader woken for each would do little else.
    ///
    /// - Parameter rest: of the body from these bytes on, as far as is known.
    /// - Returns: false when the queue is full: the same bytes must be offered again after a resume.
    func append(_ bytes: UnsafeRawBufferPointer, rest: Int) -> Bool {
        state.withLock { state in
            guard state.waitingBytes < Self.bytesMax else {
                state.isPaused = true
                return false
            }
            var last = state.pieces.count - 1
            if last < 0 || state.pieces[last].count + bytes.count > Self.pieceBytes {
                state.addPiece(capacity: max(bytes.count, min(Self.pieceBytes, rest)))
                last += 1
            }
            state.pieces[last].append(contentsOf: bytes)
            state.waitingBytes += bytes.count
            return true
        }
    }

    /// Gives a reader that waits what has come, if that is `count` bytes or more.
    ///
    /// - Returns: false when it waits on although something has come.
    func handOver(atLeast count: Int) -> Bool {
        let (reader, piece, isDone) = state.withLock { state -> (CheckedContinuation<[UInt8]?, any Error>?, [UInt8], Bool) in
            guard state.reader != nil, !state.pieces.isEmpty else { return (nil, [], true) }
            guard state.waitingBytes >= count else { return (nil, [], false) }
            defer { state.reader = nil }
            return (state.reader, state.takePiece(), true)
        }
        reader?.resume(returning: piece)
        return isDone
    }

    func finish(_ outcome: Result<Void, any Error>) {
        _ = handOver(atLeast: 1)
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
                let (answer, goesOn) = state.withLock { state -> (Result<[UInt8]?, any Error>?, Bool) in
                    if !state.pieces.isEmpty {
                        let piece = state.takePiece()
                        let goesOn = state.isPaused && state.waitingBytes <= Self.bytesMax / 2
                        if goesOn { state.isPaused = false }
                        return (.success(piece), goesOn)
                    }
                    if let outcome = state.outcome { return (outcome.map { nil }, false) }
                    state.reader = continuation
                    return (nil, false)
                }
                if goesOn { resume() }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            cancel()
        }
    }
}
