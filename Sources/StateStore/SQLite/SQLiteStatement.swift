import CSQLite

/// A prepared statement of one connection, used by the thread that uses the connection.
///
/// Each call binds values to all parameters, in order, runs the statement and leaves it reset: no lock and no pointer
/// to a value outlives the call, whether it returns or throws.
package final class SQLiteStatement {
    private var handle: OpaquePointer?
    private let parameterCount: Int
    private var isRunning = false
    /// The names of the result's columns, in order.
    fileprivate let columns: [String]

    init(_ connection: OpaquePointer, sql: UnsafeBufferPointer<UInt8>, persistent: Bool) throws {
        let flags = persistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
        var handle: OpaquePointer?
        let status = sql.withMemoryRebound(to: CChar.self) { text in
            sqlite3_prepare_v3(connection, text.baseAddress, Int32(clamping: text.count), flags, &handle, nil)
        }
        guard status == SQLITE_OK, let handle else {
            // A text without a statement in it, such as a comment, gives neither.
            let code = status == SQLITE_OK ? SQLITE_MISUSE : status
            throw SQLiteError(code: code, connection: connection, sql: String(decoding: sql, as: UTF8.self))
        }
        self.handle = handle
        parameterCount = Int(sqlite3_bind_parameter_count(handle))
        columns = (0..<sqlite3_column_count(handle)).map { column in
            sqlite3_column_name(handle, column).map { String(cString: $0) } ?? ""
        }
    }

    deinit { close() }

    /// Frees the statement. Later calls throw.
    func close() {
        sqlite3_finalize(handle)
        handle = nil
    }

    // MARK: - Running

    /// Runs the statement to its end; rows are not read.
    package func run(_ values: [any SQLiteValue] = []) throws {
        try perform(values) { handle in while try step(handle) {} }
    }

    /// Calls `body` with each row until it returns false.
    package func forEach(_ values: [any SQLiteValue] = [], _ body: (SQLiteRow) throws -> Bool) throws {
        try perform(values) { handle in
            let row = SQLiteRow(statement: self, handle: handle)
            while try step(handle), try body(row) {}
        }
    }

    /// What `read` makes of the first row; nil when there is none. A statement that writes writes all its rows.
    package func first<T>(_ values: [any SQLiteValue] = [], _ read: (SQLiteRow) throws -> T) throws -> T? {
        var result: T?
        try perform(values) { handle in
            guard try step(handle) else { return }
            result = try read(SQLiteRow(statement: self, handle: handle))
        }
        return result
    }

    /// What `read` makes of each row.
    package func all<T>(_ values: [any SQLiteValue] = [], _ read: (SQLiteRow) throws -> T) throws -> [T] {
        var result: [T] = []
        try perform(values) { handle in
            let row = SQLiteRow(statement: self, handle: handle)
            while try step(handle) { result.append(try read(row)) }
        }
        return result
    }

    /// The first column of the first row; nil when there is no row or it holds NULL.
    package func value<T: SQLiteValue>(_ values: [any SQLiteValue] = [], as type: T.Type = T.self) throws -> T? {
        try first(values) { row in try row[0] as T? } ?? nil
    }

    /// The first column of each row.
    package func values<T: SQLiteValue>(_ values: [any SQLiteValue] = [], as type: T.Type = T.self) throws -> [T] {
        try all(values) { row in try row[0] }
    }

    // MARK: - Steps

    private func perform(_ values: [any SQLiteValue], _ body: (OpaquePointer) throws -> Void) throws {
        guard let handle else { throw SQLiteError(code: SQLITE_MISUSE, message: "the statement has been closed") }
        guard values.count == parameterCount else {
            throw misuse("the statement has \(parameterCount) parameters, \(values.count) values were given", handle)
        }
        guard !isRunning else { throw misuse("the statement was run again from within one of its own rows", handle) }
        isRunning = true
        defer { isRunning = false }
        try bind(values, from: 0, to: handle) {
            defer {
                sqlite3_reset(handle)
                sqlite3_clear_bindings(handle)
            }
            try body(handle)
        }
    }

    /// Binds one value after the other, each inside the call that keeps the former one's bytes in place.
    private func bind(
        _ values: [any SQLiteValue], from index: Int, to handle: OpaquePointer, _ body: () throws -> Void
    ) throws {
        guard index < values.count else { return try body() }
        try values[index].withBound(to: handle, at: Int32(truncatingIfNeeded: index + 1)) {
            try bind(values, from: index + 1, to: handle, body)
        }
    }

    private func step(_ handle: OpaquePointer) throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw SQLiteError(code: code, connection: sqlite3_db_handle(handle), sql: Self.sql(handle))
        }
    }

    private func misuse(_ message: String, _ handle: OpaquePointer) -> SQLiteError {
        SQLiteError(code: SQLITE_MISUSE, message: message, sql: Self.sql(handle))
    }

    fileprivate static func sql(_ handle: OpaquePointer) -> String? { sqlite3_sql(handle).map { String(cString: $0) } }
}

/// The current row of a running statement, valid inside the closure that received it.
///
/// A column that holds another type than asked for (NULL counts as one, unless an optional is asked for) throws.
package struct SQLiteRow {
    fileprivate let statement: SQLiteStatement
    fileprivate let handle: OpaquePointer

    package subscript<T: SQLiteValue>(_ column: Int) -> T {
        get throws {
            guard column < statement.columns.count else { throw absent("number \(column)") }
            if let value = T.read(handle, Int32(truncatingIfNeeded: column)) { return value }
            throw SQLiteError(
                code: SQLITE_MISMATCH, message: "column \(statement.columns[column]) holds no \(T.self)",
                sql: SQLiteStatement.sql(handle))
        }
    }

    package subscript<T: SQLiteValue>(_ name: String) -> T {
        get throws {
            guard let column = statement.columns.firstIndex(of: name) else { throw absent(name) }
            return try self[column]
        }
    }

    private func absent(_ column: String) -> SQLiteError {
        SQLiteError(code: SQLITE_RANGE, message: "there is no column \(column)", sql: SQLiteStatement.sql(handle))
    }
}
