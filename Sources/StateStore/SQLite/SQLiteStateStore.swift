import CSQLite
import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Durable records in one SQLite database.
///
/// One connection writes, on its own thread, with group commit: all writes that are queued while a commit runs go into
/// the next transaction, each in a savepoint of its own, and get their answers after that transaction is durable. When
/// nothing runs, a write is committed at once; there is no lingering. Reads run on a few other connections and see the
/// last committed state.
///
/// Invariant: the writer's connection has `journal_mode=WAL` and `synchronous=FULL`, so that COMMIT returns after the
/// log has been synchronised with the disk. Both are read back when the database is opened.
package final class SQLiteStateStore: Sendable {
    /// Writes per transaction.
    package static let batchMax = 256
    /// Waiting writes, beyond which further ones are refused.
    package static let waitingMax = 20_000
    private static let readerCount = 3

    private let writer: SQLiteConnection
    private let writerThread: BlockingExecutor
    private let readers = Mutex(Readers())
    private let readerThreads: BlockingExecutor
    private let queue: Mutex<WriteQueue>
    private let checkpointer: Checkpointer
    private let syncFailed: @Sendable (StateStoreError) -> Void
    private let commits = Atomic<Int>(0)

    /// Connections are opened when as many reads as that run at once; most servers need one.
    private struct Readers {
        var idle: [SQLiteConnection] = []
        var closed = false
    }
    private let openReader: @Sendable () throws -> SQLiteConnection

    private struct WriteQueue {
        var waiting: [any QueuedWrite] = []
        var draining = false
        var closed = false
        /// Set for good by a failed fsync.
        var broken: StateStoreError?
    }

    /// Opens the database, makes it if it is missing, and brings its schema up to date.
    ///
    /// - Parameter syncFailed: called on the writer's thread when the disk reports that data could not be made durable.
    ///   Programs end the process here: after such a report nobody knows what the medium holds. The store itself
    ///   refuses every later write.
    /// - Throws: `StateStoreError`: `.newerFormat`, `.notDurable`, `.full`, `.failed`.
    package convenience init(
        path: String, migrations: [StateStoreMigration] = StateStoreSchema.all,
        syncFailed: @escaping @Sendable (StateStoreError) -> Void = { _ in }
    ) throws {
        try self.init(
            path: path, migrations: migrations, formatVersion: StateStoreSchema.formatVersion, vfs: nil,
            syncFailed: syncFailed)
    }

    /// - Parameter vfs: name of a registered SQLite VFS; tests count and fail system calls with one.
    package init(
        path: String, migrations: [StateStoreMigration], formatVersion: Int, vfs: String?,
        syncFailed: @escaping @Sendable (StateStoreError) -> Void = { _ in }
    ) throws {
        writer = try translatingErrors {
            if access(path, F_OK) != 0 {
                try makeDatabase(path: path, migrations: migrations, formatVersion: formatVersion, vfs: vfs)
            }
            let writer = try SQLiteConnection(path: path, vfs: vfs)
            try makeDurable(writer)
            try migrate(writer, migrations: migrations, formatVersion: formatVersion)
            // In KiB, taken as needed: what a busy store changes again and again stays in memory.
            try writer.execute("PRAGMA cache_size=-8192")
            return writer
        }
        openReader = { try SQLiteConnection(path: path, readonly: true, vfs: vfs) }
        writerThread = BlockingExecutor(name: "state-writer", threads: 1)
        readerThreads = BlockingExecutor(name: "state-reader", threads: Self.readerCount)
        queue = Mutex(WriteQueue())
        checkpointer = Checkpointer(writer)
        self.syncFailed = syncFailed
    }

    deinit {
        writerThread.stop()
        readerThreads.stop()
    }

    /// Transactions committed since the store was opened.
    package var commitCount: Int { commits.load(ordering: .relaxed) }

    // MARK: - For adapters

    /// Runs `body` in the next group-committed transaction, in a savepoint of its own: a throw undoes this body only
    /// and is rethrown. Returns after the commit is durable.
    ///
    /// - Throws: what `body` throws; `StateStoreError` when the transaction did not happen.
    func write<T: Sendable>(_ body: @escaping @Sendable (SQLiteConnection) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            enqueue(Write(body: body) { continuation.resume(with: $0) })
        }
    }

    /// As `write`, but calls `completion` on the writer's thread once the outcome is durable.
    func write<T: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws -> T,
        completion: @escaping @Sendable (Result<T, any Error>) -> Void
    ) {
        enqueue(Write(body: body, deliver: completion))
    }

    /// Runs `body` on a connection that sees one committed state throughout.
    func read<T: Sendable>(_ body: @escaping @Sendable (SQLiteConnection) throws -> T) async throws -> T {
        try await readerThreads.run { [self] in try readHere(body) }
    }

    /// As `read`, on the calling thread: for a few rows that are found by their key, which takes less time than a change
    /// of threads.
    func readHere<T>(_ body: (SQLiteConnection) throws -> T) throws -> T {
        let idle = try readers.withLock { readers throws(StateStoreError) in
            if readers.closed { throw .closed }
            return readers.idle.popLast()
        }
        return try translatingErrors {
            let connection = try idle ?? openReader()
            defer { readers.withLock { if !$0.closed { $0.idle.append(connection) } } }
            return try connection.reading { try body(connection) }
        }
    }

    // MARK: - Group commit

    private func enqueue(_ write: any QueuedWrite) {
        let refusal: StateStoreError? = queue.withLock { queue in
            if let broken = queue.broken { return broken }
            if queue.closed { return .closed }
            if queue.waiting.count >= Self.waitingMax { return .tooManyWrites(limit: Self.waitingMax) }
            queue.waiting.append(write)
            if !queue.draining {
                queue.draining = true
                writerThread.submit { self.drain() }
            }
            return nil
        }
        if let refusal { write.finish(refusal) }
    }

    /// On the writer's thread: commits batches until none waits.
    private func drain() {
        while true {
            let batch: [any QueuedWrite] = queue.withLock { queue in
                let batch = Array(queue.waiting.prefix(Self.batchMax))
                queue.waiting.removeFirst(batch.count)
                return batch
            }
            if !batch.isEmpty {
                commit(batch)
                checkpointer.afterCommit()
                continue
            }
            let done = queue.withLock { queue in
                if queue.waiting.isEmpty { queue.draining = false }
                return !queue.draining
            }
            if done { return }
        }
    }

    private func commit(_ batch: [any QueuedWrite]) {
        if let broken = queue.withLock({ $0.broken }) {
            return batch.forEach { $0.finish(broken) }
        }
        do {
            try writer.writing { for write in batch { try perform(write) } }
            commits.add(1, ordering: .relaxed)
            batch.forEach { $0.finish(nil) }
        } catch {
            let failure = StateStoreError(translating: error)
            if case .syncFailed = failure {
                queue.withLock { $0.broken = failure }
                syncFailed(failure)
            }
            batch.forEach { $0.finish(failure) }
        }
    }

    /// Runs one write in a savepoint. Throws only when the whole transaction is lost.
    private func perform(_ write: any QueuedWrite) throws {
        do {
            try writer.savepoint { try write.perform(writer) }
        } catch {
            // Running out of space, among others, makes SQLite roll back the whole transaction by itself.
            guard writer.isInsideTransaction, !error.endsTransaction else { throw error }
        }
    }

    /// Commits what waits, then closes the connections. Later calls throw `.closed`.
    package func close() async throws {
        queue.withLock { $0.closed = true }
        // The writer's thread runs its jobs in order: this one comes after the drain that empties the queue.
        await writerThread.run { [writer] in writer.close() }
        // Those in use close when their reads are done with them.
        readers.withLock { $0 = Readers(closed: true) }
    }
}

// MARK: - Queued writes

private protocol QueuedWrite: AnyObject, Sendable {
    func perform(_ db: SQLiteConnection) throws
    /// Delivers the outcome: `failure` if the transaction was lost, else what `perform` gave or threw.
    func finish(_ failure: StateStoreError?)
}

private final class Write<T: Sendable>: QueuedWrite, @unchecked Sendable {
    // Unchecked: `outcome` is only touched on the writer's thread.
    private let body: @Sendable (SQLiteConnection) throws -> T
    private let deliver: @Sendable (Result<T, any Error>) -> Void
    private var outcome: Result<T, any Error> = .failure(StateStoreError.closed)

    init(
        body: @escaping @Sendable (SQLiteConnection) throws -> T,
        deliver: @escaping @Sendable (Result<T, any Error>) -> Void
    ) {
        self.body = body
        self.deliver = deliver
    }

    func perform(_ db: SQLiteConnection) throws {
        do {
            outcome = .success(try body(db))
        } catch {
            outcome = .failure(error is SQLiteError ? StateStoreError(translating: error) : error)
            throw error
        }
    }

    func finish(_ failure: StateStoreError?) { deliver(failure.map(Result.failure) ?? outcome) }
}

// MARK: - Errors

extension Error {
    /// Whether a database error leaves the transaction unusable, whatever SQLite rolled back.
    fileprivate var endsTransaction: Bool {
        guard let error = self as? SQLiteError else { return false }
        return [SQLITE_FULL, SQLITE_IOERR, SQLITE_NOMEM, SQLITE_CORRUPT].contains(error.primaryCode)
    }
}

extension StateStoreError {
    init(translating error: any Error) {
        if let error = error as? StateStoreError {
            self = error
            return
        }
        guard let error = error as? SQLiteError else {
            self = .failed(String(describing: error))
            return
        }
        self =
            switch (error.primaryCode, error.code) {
            case (_, SQLiteError.syncFailed), (_, SQLiteError.directorySyncFailed): .syncFailed(error.message)
            case (SQLITE_FULL, _): .full
            case _ where [ENOSPC, EDQUOT].contains(error.systemError): .full
            case (SQLITE_READONLY, _): .readOnly
            case _ where error.systemError == EROFS: .readOnly
            case (SQLITE_CORRUPT, _), (SQLITE_NOTADB, _): .corrupt(error.message)
            default: .failed(error.message)
            }
    }
}

/// Runs `body`, turning the database's errors into `StateStoreError` and letting others through.
func translatingErrors<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as SQLiteError { throw StateStoreError(translating: error) }
}
