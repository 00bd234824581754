import CSQLite

/// A connection to an SQLite database, and the statements prepared on it.
///
/// It is opened without SQLite's own mutex: one thread at a time may use a connection and its statements.
package final class SQLiteConnection: @unchecked Sendable {
    // Unchecked: whoever shares a connection sees to it that one thread uses it at a time, as said above.
    private let handle: OpaquePointer
    private var isOpen = true
    /// By the address of the text, which for a literal never changes.
    private var literals: [UnsafePointer<UInt8>: SQLiteStatement] = [:]
    private var texts: [String: SQLiteStatement] = [:]

    /// How long a statement waits for another process's lock on the database.
    private static let busyMilliseconds: Int32 = 5000
    /// Statements of run-time text that are kept; when there are more, all of them go.
    private static let textsMax = 64

    /// - Parameter vfs: name of a registered SQLite VFS; nil for the default one.
    package init(path: String, readonly: Bool = false, vfs: String? = nil) throws {
        let access = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(path, &opened, access | SQLITE_OPEN_NOMUTEX, vfs)
        guard let opened, status == SQLITE_OK else {
            let error = SQLiteError(code: status, connection: opened)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, Self.busyMilliseconds)
    }

    deinit { close() }

    /// Frees the statements and closes the database. Later calls throw.
    package func close() {
        guard isOpen else { return }
        isOpen = false
        for statement in literals.values { statement.close() }
        for statement in texts.values { statement.close() }
        literals = [:]
        texts = [:]
        // A statement that is still referred to keeps the database open until it goes, which is all "v2" says.
        sqlite3_close_v2(handle)
    }

    // MARK: - Statements

    /// The statement of a literal, prepared at its first use.
    package func statement(_ sql: StaticString) throws -> SQLiteStatement {
        if let known = literals[sql.utf8Start] { return known }
        try checkOpen()
        let text = UnsafeBufferPointer(start: sql.utf8Start, count: sql.utf8CodeUnitCount)
        let statement = try SQLiteStatement(handle, sql: text, persistent: true)
        literals[sql.utf8Start] = statement
        return statement
    }

    /// The statement of a text composed at run time, prepared unless it was lately.
    package func statement(text: String) throws -> SQLiteStatement {
        if let known = texts[text] { return known }
        try checkOpen()
        var sql = text
        let statement = try sql.withUTF8 { try SQLiteStatement(handle, sql: $0, persistent: false) }
        if texts.count >= Self.textsMax { texts = [:] }
        texts[text] = statement
        return statement
    }

    /// Runs any number of statements without parameters; rows are not read.
    package func execute(_ script: String) throws {
        try checkOpen()
        let status = sqlite3_exec(handle, script, nil, nil, nil)
        guard status == SQLITE_OK else { throw SQLiteError(code: status, connection: handle, sql: script) }
    }

    private func checkOpen() throws {
        guard isOpen else { throw SQLiteError(code: SQLITE_MISUSE, message: "the connection has been closed") }
    }

    /// Rows that the last INSERT, UPDATE or DELETE changed.
    package var changesCount: Int { isOpen ? Int(sqlite3_changes(handle)) : 0 }

    package var lastInsertedRowID: Int64 { isOpen ? sqlite3_last_insert_rowid(handle) : 0 }

    // MARK: - Transactions

    /// Whether a transaction is open. SQLite may have ended it by itself after a severe error.
    package var isInsideTransaction: Bool { isOpen && sqlite3_get_autocommit(handle) == 0 }

    /// Runs `body` on one committed state of the database.
    package func reading<T>(_ body: () throws -> T) throws -> T {
        try transaction(begin: statement("BEGIN"), body)
    }

    /// Runs `body` in a transaction that may write, and commits it.
    package func writing<T>(_ body: () throws -> T) throws -> T {
        try transaction(begin: statement("BEGIN IMMEDIATE"), body)
    }

    private func transaction<T>(begin: SQLiteStatement, _ body: () throws -> T) throws -> T {
        try orRollBack {
            try begin.run()
            let result = try body()
            try statement("COMMIT").run()
            return result
        }
    }

    /// Runs `body` in a savepoint of the open transaction: what it wrote is undone if it throws.
    ///
    /// - Throws: what `body` throws; or the savepoint's own failure, and then the transaction has been rolled back.
    package func savepoint<T>(_ body: () throws -> T) throws -> T {
        try orRollBack { try statement("SAVEPOINT one").run() }
        let result: Result<T, any Error>
        do { result = .success(try body()) } catch { result = .failure(error) }
        // Some failures make SQLite roll back the whole transaction by itself.
        if case .failure(let error) = result, !isInsideTransaction { throw error }
        try orRollBack {
            if case .failure = result { try statement("ROLLBACK TO one").run() }
            try statement("RELEASE one").run()
        }
        return try result.get()
    }

    private func orRollBack<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch {
            // The error being thrown tells more than a rollback that fails, too.
            if isInsideTransaction { try? statement("ROLLBACK").run() }
            throw error
        }
    }

    // MARK: - Copies

    /// Becomes a copy of another database as it is at one moment; writers to that one go on meanwhile.
    package func take(_ source: SQLiteConnection) throws {
        try checkOpen()
        try source.checkOpen()
        guard let backup = sqlite3_backup_init(handle, "main", source.handle, "main") else {
            throw SQLiteError(code: sqlite3_extended_errcode(handle), connection: handle)
        }
        // All pages in one step: a step less would begin anew whenever a writer commits in between.
        let status = sqlite3_backup_step(backup, -1)
        let finish = sqlite3_backup_finish(backup)
        guard status == SQLITE_DONE, finish == SQLITE_OK else {
            throw SQLiteError(code: finish == SQLITE_OK ? status : finish, connection: handle)
        }
    }

    // MARK: - Write-ahead log

    /// Moves as much of the log into the database as can be moved without waiting for anybody.
    package func checkpoint() throws {
        try checkOpen()
        let status = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        guard status == SQLITE_OK else { throw SQLiteError(code: status, connection: handle) }
    }

    /// Pages that the connection has written since the last call.
    package func takeWrittenPages() -> Int {
        guard isOpen else { return 0 }
        var current: Int32 = 0
        var highest: Int32 = 0
        let reset: Int32 = 1
        let status = sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_WRITE, &current, &highest, reset)
        return status == SQLITE_OK ? Int(current) : 1
    }
}
