package import StateStore
import Synchronization

/// A committed step of an execution.
package struct ExecutionChange: Sendable {
    package var executionArn: String
    package var stateMachineArn: String
    package var status: ExecutionRecord.Status
    /// The events that the step added.
    package var events: [HistoryRecord]
}

/// What has become durable since the engine was made.
package struct ExecutionCounts: Sendable {
    /// Events of histories.
    package var events = 0
    /// Executions that ended, by how they did.
    package var ended: [ExecutionRecord.Status: Int] = [:]
}

/// Counts what has become durable, and tells subscribers.
final class ExecutionFeed: Sendable {
    /// Changes kept for a subscriber who does not keep up; older ones are lost.
    private static let bufferedMax = 4096

    private struct Subscribers {
        var nextID = 0
        var changes: [Int: AsyncStream<ExecutionChange>.Continuation] = [:]
        var steps: [String: [Int: AsyncStream<Void>.Continuation]] = [:]
        var counts = ExecutionCounts()
    }
    private let subscribers = Mutex(Subscribers())

    var counts: ExecutionCounts { subscribers.withLock { $0.counts } }

    func changes() -> AsyncStream<ExecutionChange> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ExecutionChange.self, bufferingPolicy: .bufferingNewest(Self.bufferedMax))
        let id = subscribers.withLock { subscribers in
            subscribers.nextID += 1
            subscribers.changes[subscribers.nextID] = continuation
            return subscribers.nextID
        }
        continuation.onTermination = { [weak self] _ in
            self?.subscribers.withLock { _ = $0.changes.removeValue(forKey: id) }
        }
        return stream
    }

    /// An element for every step of one execution since the call; several may become one.
    func steps(of executionArn: String) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = subscribers.withLock { subscribers in
            subscribers.nextID += 1
            subscribers.steps[executionArn, default: [:]][subscribers.nextID] = continuation
            return subscribers.nextID
        }
        continuation.onTermination = { [weak self] _ in
            self?.subscribers.withLock { subscribers in
                subscribers.steps[executionArn]?[id] = nil
                if subscribers.steps[executionArn]?.isEmpty == true { subscribers.steps[executionArn] = nil }
            }
        }
        return stream
    }

    func publish(_ change: ExecutionChange) {
        let (changes, steps) = subscribers.withLock { subscribers in
            subscribers.counts.events += change.events.count
            if change.status != .running { subscribers.counts.ended[change.status, default: 0] += 1 }
            return (
                Array(subscribers.changes.values),
                subscribers.steps[change.executionArn].map { Array($0.values) } ?? []
            )
        }
        for continuation in changes { continuation.yield(change) }
        for continuation in steps { continuation.yield() }
    }
}
