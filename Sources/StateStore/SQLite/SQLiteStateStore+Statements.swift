extension SQLiteStateStore {
    /// Runs statements through group commit; for tests and repair tools. Engines use the ports.
    package func execute(_ sql: String) async throws {
        try await write { db in try db.execute(sql) }
    }

    /// The first column of a query's first row as text; nil for no row or NULL.
    ///
    /// - Parameter onWriter: asks the writing connection, whose settings differ from the readers'.
    package func firstText(_ sql: String, onWriter: Bool = false) async throws -> String? {
        onWriter
            ? try await write { db in try db.statement(text: sql).value(as: String.self) }
            : try await read { db in try db.statement(text: sql).value(as: String.self) }
    }
}
