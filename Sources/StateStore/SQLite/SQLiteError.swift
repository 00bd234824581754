import CSQLite

/// What SQLite answered instead of doing what it was asked.
package struct SQLiteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// SQLite's extended result code.
    package let code: Int32
    /// SQLite's own words.
    package let message: String
    /// The statement as it was prepared, without the values bound to it; nil when there was none.
    package let sql: String?

    /// `errno` of the system call that failed, if one did.
    package let systemError: Int32

    package init(code: Int32, message: String, sql: String? = nil, systemError: Int32 = 0) {
        self.code = code
        self.message = message
        self.sql = sql
        self.systemError = systemError
    }

    /// What `connection` tells about its last failure; nil stands for a connection that could not be allocated.
    init(code: Int32, connection: OpaquePointer?, sql: String? = nil) {
        let message = connection.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(code)
        self.init(
            code: code, message: message.map { String(cString: $0) } ?? "SQLite error \(code)", sql: sql,
            systemError: connection.map { Self.systemError(code, $0) } ?? 0)
    }

    private static func systemError(_ code: Int32, _ connection: OpaquePointer) -> Int32 {
        guard [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xff) else { return 0 }
        let known = sqlite3_system_errno(connection)
        // A commit's failure to write to the log is kept by the log's file alone.
        guard known == 0, code == writeFailed else { return known }
        var log: UnsafeMutablePointer<sqlite3_file>?
        var number: Int32 = 0
        guard sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK, let log,
            log.pointee.pMethods?.pointee.xFileControl?(log, SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK
        else { return 0 }
        return number
    }

    /// The code without its details: `SQLITE_IOERR` for `SQLITE_IOERR_FSYNC`.
    package var primaryCode: Int32 { code & 0xff }

    /// `SQLITE_IOERR_WRITE`, a macro that Swift does not see.
    package static let writeFailed = SQLITE_IOERR | 3 << 8
    /// `SQLITE_IOERR_FSYNC` and `SQLITE_IOERR_DIR_FSYNC`, macros that Swift does not see.
    package static let syncFailed = SQLITE_IOERR | 4 << 8
    package static let directorySyncFailed = SQLITE_IOERR | 5 << 8

    package var description: String {
        sql.map { "SQLite error \(code): \(message), in: \($0)" } ?? "SQLite error \(code): \(message)"
    }
}
