package import Logging
package import StateStore
package import Support
import Synchronization

/// The embedded object store: buckets and objects with S3's semantics, kept in one directory.
///
/// Architecture invariants: an object becomes visible, replaced or removed only by a transaction of the index, so that
/// of concurrent conditional writers exactly one wins; its bytes are durable before that transaction; no object is ever
/// held in memory as a whole beyond `ObjectWriter.inlineMax`.
///
/// Deleting takes two steps: the index calls files garbage, and `run()` unlinks them once every reader that may have
/// seen them has ended.
package final class ObjectServer: Sendable {
    /// Bytes of a single put, of a part and of a copy.
    package static let putSizeMax: Int64 = 5 << 30
    package static let objectSizeMax: Int64 = 50 << 40
    package static let keyBytesMax = 1024

    let index: any ObjectIndex
    let files: DataFiles
    let clock: any WallClock
    let logger: Logger
    /// For work that blocks: hashing, writing and reading of data files.
    package let executor: BlockingExecutor
    let readers = ReaderRegistry()
    let garbageSignal: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private let known = Mutex<[String: BucketRecord]>([:])
    private let syncFailed: @Sendable (String) -> Void

    /// - Parameter directory: made if missing; holds `staging` and `data`.
    /// - Parameter threads: how many requests hash and write at once.
    /// - Parameter syncFailed: called when the disk could not make data durable; programs end the process here.
    package init(
        directory: String, index: any ObjectIndex, clock: any WallClock = SystemWallClock(), threads: Int = 8,
        logger: Logger = Logger(label: "object-server"), syncFailed: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        self.index = index
        self.clock = clock
        self.logger = logger
        self.syncFailed = syncFailed
        files = try DataFiles(root: directory)
        executor = BlockingExecutor(name: "objects", threads: threads)
        garbageSignal = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    deinit { executor.stop() }

    /// Loads the buckets and removes what a crash left behind. Call once, before any other operation.
    package func start() async throws {
        let buckets = try await index.buckets()
        known.withLock { known in
            for bucket in buckets { known[bucket.name] = bucket }
        }
        let staged = try await blocking { [files] in try files.staged() }
        let live = try await index.live(among: staged)
        try await blocking { [files] in
            for id in staged {
                if live.contains(id) { files.unstage(id) } else { files.remove(id) }
            }
        }
        if !staged.isEmpty {
            logger.info("objects.cleaned", metadata: ["staged": "\(staged.count)", "kept": "\(live.count)"])
        }
        garbageSignal.continuation.yield()
    }

    /// Removes garbage as it arises. Returns after cancellation.
    package func run() async {
        for await _ in garbageSignal.stream {
            do {
                try await Task.sleep(for: Self.gatheringPause)
                while try await collectGarbage() > 0 {}
                // What is left, a backup keeps.
                guard try await !index.garbage(limit: 1).isEmpty else { continue }
                try await Task.sleep(for: Self.keptPause)
                garbageSignal.continuation.yield()
            } catch is CancellationError {
                return
            } catch {
                logger.warning("objects.garbage_failed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// How long garbage may gather before it is looked for: many writes at once make one search.
    private static let gatheringPause = Duration.milliseconds(200)

    /// How long to wait for a backup before looking again.
    private static let keptPause = Duration.seconds(2)

    /// Removes up to 1,000 garbage files that no reader can see, unless a backup keeps them.
    /// - Returns: how many.
    package func collectGarbage() async throws -> Int {
        let garbage = try await index.garbage(limit: 1000)
        guard !garbage.isEmpty else { return 0 }
        try await readers.waitForCurrent()
        let removed = try await blocking { [files] in
            try files.unlessKept {
                for id in garbage { files.remove(id) }
            }
        }
        guard removed else { return 0 }
        try await index.forgetGarbage(garbage)
        return garbage.count
    }

    // MARK: - Buckets

    /// - Throws: `.invalidBucketName`, `.bucketAlreadyOwnedByYou`, `.bucketAlreadyExists`.
    package func createBucket(_ bucket: BucketRecord) async throws {
        let name = bucket.name
        guard BucketName.isValid(name) else {
            throw ObjectServerError(
                .invalidBucketName, "The specified bucket is not valid.", details: [.init("BucketName", name)])
        }
        let existing = try await indexed { try await self.index.createBucket(bucket) }
        if let existing {
            throw existing.account == bucket.account
                ? ObjectServerError(
                    .bucketAlreadyOwnedByYou,
                    "Your previous request to create the named bucket succeeded and you already own it.",
                    details: [.init("BucketName", name)])
                : ObjectServerError(
                    .bucketAlreadyExists,
                    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
                    details: [.init("BucketName", name)])
        }
        known.withLock { $0[name] = bucket }
    }

    /// - Throws: `.noSuchBucket`.
    package func bucket(_ name: String) throws -> BucketRecord {
        guard let bucket = known.withLock({ $0[name] }) else { throw ObjectServerError.noSuchBucket(name) }
        return bucket
    }

    /// Ascending by name.
    package func buckets(ofAccount account: String) -> [BucketRecord] {
        known.withLock { known in known.values.filter { $0.account == account } }.sorted { $0.name < $1.name }
    }

    /// - Throws: `.noSuchBucket`.
    package func changeBucket(_ name: String, _ change: BucketChange) async throws {
        guard try await indexed({ try await self.index.changeBucket(name, change) }) else {
            throw ObjectServerError.noSuchBucket(name)
        }
        // The index may have been changed again meanwhile, so what it says now counts.
        let now = try await indexed { try await self.index.buckets() }.first { $0.name == name }
        known.withLock { $0[name] = now }
    }

    /// - Throws: `.noSuchBucket`, `.bucketNotEmpty`.
    package func deleteBucket(_ name: String) async throws {
        let outcome = try await indexed { try await self.index.deleteBucket(name) }
        switch outcome {
        case .done: known.withLock { $0[name] = nil }
        case .noSuchBucket: throw ObjectServerError.noSuchBucket(name)
        case .notEmpty:
            throw ObjectServerError(
                .bucketNotEmpty, "The bucket you tried to delete is not empty", details: [.init("BucketName", name)])
        }
        garbageSignal.continuation.yield()
    }

    // MARK: - Translating

    /// Runs `body` on a blocking thread.
    func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        do {
            return try await executor.run(body)
        } catch let error as FileError {
            throw translate(error)
        }
    }

    package func translate(_ error: any Error) -> any Error {
        guard let error = error as? FileError else { return error }
        if error.isFull { return ObjectServerError.diskFull }
        if error.isReadOnly, !error.isLostSynchronisation { return ObjectServerError.diskReadOnly }
        logger.error("objects.io_failed", metadata: ["error": "\(error)"])
        if error.isLostSynchronisation { syncFailed(error.description) }
        return ObjectServerError(.internalError, "We encountered an internal error. Please try again.")
    }

    func indexed<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as StateStoreError {
            if !error.isPassing { logger.error("objects.index_failed", metadata: ["error": "\(error)"]) }
            throw ObjectServerError(error)
        }
    }
}
