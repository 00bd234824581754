import CSQLite

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// What can be said of a database without changing it, also while a server writes to it.
package struct DatabaseReport: Sendable {
    /// What SQLite's `quick_check` complains of; empty for a database that is whole.
    package var problems: [String]
    package var formatVersion: Int
    package var bytes: Int64

    /// Reads the whole database.
    ///
    /// - Parameter migrations: those that this release knows.
    /// - Throws: `StateStoreError`: `.newerFormat`, `.corrupt` for a file that is no database, `.failed`.
    package init(path: String, migrations: [StateStoreMigration]) throws(StateStoreError) {
        let database = try ReadOnlyDatabase(path)
        formatVersion = try database.integer("PRAGMA user_version")
        guard try database.integer("SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'") == 1 else {
            throw .corrupt("it holds none of our tables; has it been copied without its -wal file?")
        }
        var unknown: Set<String> = []
        try database.rows("SELECT name FROM schema_migrations") { unknown.insert($0.text(0)) }
        unknown.subtract(migrations.map(\.name))
        guard formatVersion <= StateStoreSchema.formatVersion, unknown.isEmpty else {
            let with = unknown.sorted().first.map { " with \($0)" } ?? ""
            throw .newerFormat(found: "\(formatVersion)\(with)", supported: "\(StateStoreSchema.formatVersion)")
        }
        let pages = try Int64(database.integer("PRAGMA page_count"))
        bytes = try pages * Int64(database.integer("PRAGMA page_size"))
        var problems: [String] = []
        do throws(StateStoreError) {
            try database.rows("PRAGMA quick_check(20)") { problems.append($0.text(0)) }
        } catch StateStoreError.corrupt(let message) {
            problems.append(message)
        }
        self.problems = problems == ["ok"] ? [] : problems
    }
}

/// A copy of a database as it was at one moment, made while others use it.
///
/// Its file has no name: it is gone when this value is.
package final class DatabaseSnapshot {
    private let copy: ReadOnlyDatabase
    /// A descriptor of the copy's file, which this value closes.
    package let descriptor: Int32

    /// Copies in one read transaction: writers go on meanwhile, their log grows until it is done.
    ///
    /// - Parameter temporary: where the copy's file is made; it must not exist. Removed again at once.
    /// - Throws: `StateStoreError`.
    package init(of path: String, temporary: String) throws(StateStoreError) {
        let source = try ReadOnlyDatabase(path)
        copy = try ReadOnlyDatabase(copying: source, to: temporary)
        descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
        unlink(temporary)
        if descriptor < 0 { throw .failed("\(temporary) cannot be opened: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    package func formatVersion() throws(StateStoreError) -> Int { try copy.integer("PRAGMA user_version") }

    /// How many data files the objects of an object index have.
    package func dataFileCount() throws(StateStoreError) -> Int {
        try copy.integer("SELECT count(*) FROM object_file WHERE is_garbage = 0")
    }

    /// Every data file that an object or part of an object index refers to.
    package func eachDataFile(_ body: (DataFileID) throws -> Void) throws {
        var failure: (any Error)?
        try copy.rows("SELECT id FROM object_file WHERE is_garbage = 0 ORDER BY id") { row in
            guard failure == nil else { return }
            do { try body(DataFileID(row.text(0))) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// A connection that only reads.
private final class ReadOnlyDatabase {
    struct Row {
        fileprivate let statement: OpaquePointer?

        func text(_ column: Int32) -> String { sqlite3_column_text(statement, column).map { String(cString: $0) } ?? "" }
    }

    private var handle: OpaquePointer?

    convenience init(_ path: String) throws(StateStoreError) { try self.init(path, SQLITE_OPEN_READONLY) }

    private init(_ path: String, _ flags: Int32) throws(StateStoreError) {
        let status = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard status == SQLITE_OK else { throw failure(status) }
        sqlite3_busy_timeout(handle, 5000)
    }

    /// The copy needs no durability: whoever made it copies it on.
    convenience init(copying source: ReadOnlyDatabase, to path: String) throws(StateStoreError) {
        try self.init(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
        try rows("PRAGMA synchronous=OFF") { _ in }
        try rows("PRAGMA journal_mode=MEMORY") { _ in }
        guard let backup = sqlite3_backup_init(handle, "main", source.handle, "main") else {
            throw failure(sqlite3_errcode(handle))
        }
        // All pages in one step: a step less would begin anew whenever a writer commits in between.
        let status = sqlite3_backup_step(backup, -1)
        let finish = sqlite3_backup_finish(backup)
        guard status == SQLITE_DONE, finish == SQLITE_OK else { throw failure(finish == SQLITE_OK ? status : finish) }
        // The copy says that it has a write-ahead log, as its source does: without, it is one file.
        try rows("PRAGMA journal_mode=DELETE") { _ in }
    }

    deinit { sqlite3_close_v2(handle) }

    func integer(_ sql: String) throws(StateStoreError) -> Int {
        var value = 0
        try rows(sql) { value = Int(sqlite3_column_int64($0.statement, 0)) }
        return value
    }

    func rows(_ sql: String, _ body: (Row) -> Void) throws(StateStoreError) {
        var statement: OpaquePointer?
        let status = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
        guard status == SQLITE_OK else { throw failure(status) }
        defer { sqlite3_finalize(statement) }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: body(Row(statement: statement))
            case SQLITE_DONE: return
            case let status: throw failure(status)
            }
        }
    }

    private func failure(_ status: Int32) -> StateStoreError {
        let message = sqlite3_errmsg(handle).map { String(cString: $0) } ?? "SQLite error \(status)"
        return switch status & 0xFF {
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(message)
        case SQLITE_FULL: .full
        default: .failed(message)
        }
    }
}
