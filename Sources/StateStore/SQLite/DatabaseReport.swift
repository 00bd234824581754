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
    package init(path: String, migrations: [StateStoreMigration]) throws {
        self = try translatingErrors { try Self.read(path, migrations) }
    }

    private init(problems: [String], formatVersion: Int, bytes: Int64) {
        self.problems = problems
        self.formatVersion = formatVersion
        self.bytes = bytes
    }

    private static func read(_ path: String, _ migrations: [StateStoreMigration]) throws -> DatabaseReport {
        let database = try SQLiteConnection(path: path, readonly: true)
        let formatVersion = try database.statement("PRAGMA user_version").value(as: Int.self) ?? 0
        let tables = try database.statement("SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'")
        guard try tables.value(as: Int.self) == 1 else {
            throw StateStoreError.corrupt("it holds none of our tables; has it been copied without its -wal file?")
        }
        let applied = try database.statement("SELECT name FROM schema_migrations").values(as: String.self)
        let unknown = Set(applied).subtracting(migrations.map(\.name))
        guard formatVersion <= StateStoreSchema.formatVersion, unknown.isEmpty else {
            let with = unknown.sorted().first.map { " with \($0)" } ?? ""
            throw StateStoreError.newerFormat(found: "\(formatVersion)\(with)", supported: "\(StateStoreSchema.formatVersion)")
        }
        let pages = try database.statement("PRAGMA page_count").value(as: Int64.self) ?? 0
        let pageSize = try database.statement("PRAGMA page_size").value(as: Int64.self) ?? 0
        var problems: [String] = []
        do {
            try database.statement("PRAGMA quick_check(20)").forEach { row in
                problems.append(try row[0])
                return true
            }
        } catch let error as SQLiteError where [SQLITE_CORRUPT, SQLITE_NOTADB].contains(error.primaryCode) {
            problems.append(error.message)
        }
        return DatabaseReport(
            problems: problems == ["ok"] ? [] : problems, formatVersion: formatVersion, bytes: pages * pageSize)
    }
}

/// A copy of a database as it was at one moment, made while others use it.
///
/// Its file has no name: it is gone when this value is.
package final class DatabaseSnapshot {
    private let copy: SQLiteConnection
    /// A descriptor of the copy's file, which this value closes.
    package let descriptor: Int32

    /// Copies in one read transaction: writers go on meanwhile, their log grows until it is done.
    ///
    /// - Parameter temporary: where the copy's file is made; it must not exist. Removed again at once.
    /// - Throws: `StateStoreError`.
    package init(of path: String, temporary: String) throws {
        copy = try translatingErrors {
            let source = try SQLiteConnection(path: path, readonly: true)
            let copy = try SQLiteConnection(path: temporary)
            // The copy needs no durability: whoever made it copies it on.
            try copy.execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY")
            try copy.take(source)
            // The copy says that it has a write-ahead log, as its source does: without, it is one file.
            try copy.execute("PRAGMA journal_mode=DELETE")
            return copy
        }
        descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
        unlink(temporary)
        if descriptor < 0 {
            throw StateStoreError.failed("\(temporary) cannot be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    package func formatVersion() throws -> Int {
        try translatingErrors { try copy.statement("PRAGMA user_version").value(as: Int.self) ?? 0 }
    }

    /// How many data files the objects of an object index have.
    package func dataFileCount() throws -> Int {
        try translatingErrors {
            try copy.statement("SELECT count(*) FROM object_file WHERE is_garbage = 0").value(as: Int.self) ?? 0
        }
    }

    /// Every data file that an object or part of an object index refers to.
    package func eachDataFile(_ body: (DataFileID) throws -> Void) throws {
        try translatingErrors {
            try copy.statement("SELECT id FROM object_file WHERE is_garbage = 0 ORDER BY id").forEach { row in
                try body(DataFileID(try row[0]))
                return true
            }
        }
    }
}
