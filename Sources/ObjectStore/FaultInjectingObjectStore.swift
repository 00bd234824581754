import Support
import Synchronization

/// How often `FaultInjectingObjectStore` does what. Probabilities from 0 to 1, tried in this order.
package struct ObjectStoreFaults: Sendable, Hashable {
    /// Refused before any effect, as a throttled request is: `.unavailable`.
    package var throttled = 0.0
    /// The effect happens, the answer is lost: `.ambiguous` for a conditional put, else `.unavailable`.
    package var lostResponses = 0.0
    /// The store stops for good, as at a crash, when this many effects have happened.
    package var effectsMax: Int?

    package init(throttled: Double = 0, lostResponses: Double = 0, effectsMax: Int? = nil) {
        self.throttled = throttled
        self.lostResponses = lostResponses
        self.effectsMax = effectsMax
    }
}

/// A store whose calls fail now and then, the same way for the same seed and order of calls.
///
/// These faults are survivable by contract: every caller must cope with them without loss or repetition.
package final class FaultInjectingObjectStore: ObjectStore {
    private let store: any ObjectStore
    private let faults: ObjectStoreFaults
    private let state: Mutex<(random: SeededRandom, effects: Int)>

    package init(_ store: any ObjectStore, faults: ObjectStoreFaults, seed: UInt64) {
        self.store = store
        self.faults = faults
        state = Mutex((SeededRandom(seed: seed), 0))
    }

    /// Effects so far: puts and copies that succeeded, deletions.
    package var effects: Int { state.withLock { $0.effects } }

    package func get(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> ObjectRead {
        try refuse(key)
        return try await store.get(key, range: range, ifMatch: ifMatch)
    }

    package func download(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> any ObjectDownload {
        try refuse(key)
        return FaultyDownload(
            store: self, download: try await store.download(key, range: range, ifMatch: ifMatch), key: key)
    }

    package func head(_ key: String) async throws -> ObjectMetadata {
        try refuse(key)
        return try await store.head(key)
    }

    package func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) async throws -> ObjectMetadata {
        try refuse(key)
        let metadata = try await store.put(key, bytes, condition: condition)
        try loseAnswer(key, condition)
        return metadata
    }

    package func copy(
        _ source: String, to target: String, ifMatch: String?, condition: PutCondition
    ) async throws -> ObjectMetadata {
        try refuse(target)
        let metadata = try await store.copy(source, to: target, ifMatch: ifMatch, condition: condition)
        try loseAnswer(target, condition)
        return metadata
    }

    package func upload(_ key: String) async throws -> any ObjectUpload {
        try refuse(key)
        return FaultyUpload(store: self, upload: try await store.upload(key), key: key)
    }

    package func delete(_ key: String) async throws {
        try refuse(key)
        try await store.delete(key)
        try loseAnswer(key, .none)
    }

    package func delete(_ keys: [String]) async throws {
        for key in keys { try await delete(key) }
    }

    package func list(prefix: String, startAfter: String?, delimiter: String?) -> ObjectPages {
        let pages = store.list(prefix: prefix, startAfter: startAfter, delimiter: delimiter)
        return ObjectPages { [self] in
            try refuse(prefix)
            return try await pages.nextPage()
        }
    }

    package func supportsConditionalWrites(near key: String) async throws -> Bool {
        try await store.supportsConditionalWrites(near: key)
    }

    fileprivate func refuse(_ key: String) throws {
        try state.withLock { state in
            if let most = faults.effectsMax, state.effects >= most {
                throw ObjectStoreError(.unavailable, "The store stopped after \(most) effects.", key: key)
            }
            if Double.random(in: 0..<1, using: &state.random) < faults.throttled {
                throw ObjectStoreError(.unavailable, "Please reduce your request rate.", key: key)
            }
        }
    }

    fileprivate func loseAnswer(_ key: String, _ condition: PutCondition) throws {
        try state.withLock { state in
            state.effects += 1
            if Double.random(in: 0..<1, using: &state.random) < faults.lostResponses {
                throw ObjectStoreError(
                    condition == .none ? .unavailable : .ambiguous, "The connection was lost before the answer.",
                    key: key)
            }
        }
    }
}

/// Fails between two pieces as often as other calls do.
private struct FaultyDownload: ObjectDownload {
    let store: FaultInjectingObjectStore
    let download: any ObjectDownload
    let key: String

    var metadata: ObjectMetadata { download.metadata }

    func read() async throws -> [UInt8]? {
        try store.refuse(key)
        return try await download.read()
    }
}

private struct FaultyUpload: ObjectUpload {
    let store: FaultInjectingObjectStore
    let upload: any ObjectUpload
    let key: String

    func write(_ bytes: [UInt8]) async throws {
        try store.refuse(key)
        try await upload.write(bytes)
    }

    func complete(condition: PutCondition) async throws -> ObjectMetadata {
        do {
            try store.refuse(key)
        } catch {
            await upload.abort()
            throw error
        }
        let metadata = try await upload.complete(condition: condition)
        try store.loseAnswer(key, condition)
        return metadata
    }

    func abort() async { await upload.abort() }
}
