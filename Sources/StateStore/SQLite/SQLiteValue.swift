import CSQLite

/// A type that SQLite stores.
package protocol SQLiteValue {
    /// Binds the value to a parameter while `body` runs. Nothing is copied: SQLite reads texts and blobs where they
    /// are, and must have been told to let go of them when `body` returns.
    ///
    /// - Parameter parameter: counted from 1.
    func withBound(to statement: OpaquePointer, at parameter: Int32, _ body: () throws -> Void) throws

    /// The value of a column of the current row, copied once; nil when the column holds another type.
    static func read(_ statement: OpaquePointer, _ column: Int32) -> Self?
}

extension Int64: SQLiteValue {
    package func withBound(to statement: OpaquePointer, at parameter: Int32, _ body: () throws -> Void) throws {
        try check(sqlite3_bind_int64(statement, parameter, self), statement)
        try body()
    }

    package static func read(_ statement: OpaquePointer, _ column: Int32) -> Int64? {
        sqlite3_column_type(statement, column) == SQLITE_INTEGER ? sqlite3_column_int64(statement, column) : nil
    }
}

extension Int: SQLiteValue {
    package func withBound(to statement: OpaquePointer, at parameter: Int32, _ body: () throws -> Void) throws {
        try Int64(self).withBound(to: statement, at: parameter, body)
    }

    package static func read(_ statement: OpaquePointer, _ column: Int32) -> Int? {
        Int64.read(statement, column).flatMap { Int(exactly: $0) }
    }
}

/// 0 and 1.
extension Bool: SQLiteValue {
    package func withBound(to statement: OpaquePointer, at parameter: Int32, _ body: () throws -> Void) throws {
        try Int64(self ? 1 : 0).withBound(to: statement, at: parameter, body)
    }

    package static func read(_ statement: OpaquePointer, _ column: Int32) -> Bool? {
        Int64.read(statement, column).map { $0 != 0 }
    }
}

/// TEXT in UTF-8. Numbers are read as SQLite writes them.
extension String: SQLiteValue {
    package func withBound(to statement: OpaquePointer, at parameter: Int32, _ body: () throws -> Void) throws {
        var text = self
        try text.withUTF8 { utf8 in
            // An empty buffer may have no address, which would bind NULL.
            try utf8.withMemoryRebound(to: CChar.self) { characters in
                let status =
                    if let start = characters.baseAddress {
                        sqlite3_bind_text64(
                            statement, parameter, start, UInt64(utf8.count), nil, UInt8(SQLITE_UTF8))
                    } else {
                        sqlite3_bind_text(statement, parameter, "", 0, nil)
                    }
                try check(status, statement)
            }
            try body()
        }
    }

    package static func read(_ statement: OpaquePointer, _ column: Int32) -> String? {
        guard let text = sqlite3_column_text(statement, column) else { return nil }
        let utf8 = UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(statement, column)))
        return String(decoding: utf8, as: UTF8.self)
    }
}

/// BLOB.
extension [UInt8]: SQLiteValue {
    package func withBound(to statement: OpaquePointer, at parameter: Int32, _ body: () throws -> Void) throws {
        try withUnsafeBytes { bytes in
            let status =
                if bytes.isEmpty {
                    sqlite3_bind_zeroblob(statement, parameter, 0)
                } else {
                    sqlite3_bind_blob64(statement, parameter, bytes.baseAddress, UInt64(bytes.count), nil)
                }
            try check(status, statement)
            try body()
        }
    }

    package static func read(_ statement: OpaquePointer, _ column: Int32) -> [UInt8]? {
        guard sqlite3_column_type(statement, column) == SQLITE_BLOB else { return nil }
        let start = sqlite3_column_blob(statement, column)
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
    }
}

/// NULL for nil.
extension Optional: SQLiteValue where Wrapped: SQLiteValue {
    package func withBound(to statement: OpaquePointer, at parameter: Int32, _ body: () throws -> Void) throws {
        if let value = self { return try value.withBound(to: statement, at: parameter, body) }
        try check(sqlite3_bind_null(statement, parameter), statement)
        try body()
    }

    package static func read(_ statement: OpaquePointer, _ column: Int32) -> Wrapped?? {
        sqlite3_column_type(statement, column) == SQLITE_NULL ? .some(nil) : Wrapped.read(statement, column)
    }
}

private func check(_ status: Int32, _ statement: OpaquePointer) throws {
    guard status == SQLITE_OK else { throw SQLiteError(code: status, connection: sqlite3_db_handle(statement)) }
}
