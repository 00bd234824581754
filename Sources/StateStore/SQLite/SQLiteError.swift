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
        let isFromSystem = [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xff)
        self.init(
            code: code, message: message.map { String(cString: $0) } ?? "SQLite error \(code)", sql: sql,
            systemError: isFromSystem ? connection.map { sqlite3_system_errno($0) } ?? 0 : 0)
    }

    /// The code without its details: `SQLITE_IOERR` for `SQLITE_IOERR_FSYNC`.
    package var primaryCode: Int32 { code & 0xff }

    /// `SQLITE_IOERR_FSYNC` and `SQLITE_IOERR_DIR_FSYNC`, macros that Swift does not see.
    package static let syncFailed = SQLITE_IOERR | 4 << 8
    package static let directorySyncFailed = SQLITE_IOERR | 5 << 8

    package var description: String {
        sql.map { "SQLite error \(code): \(message), in: \($0)" } ?? "SQLite error \(code): \(message)"
    }
}
