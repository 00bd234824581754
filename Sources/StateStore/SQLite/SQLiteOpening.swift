import GRDB

/// Sets what the promise of durability rests on, and reads it back.
///
/// GRDB's own WAL mode is not used, as it sets `synchronous=NORMAL`, with which a commit may be lost at a power cut.
func makeDurable(_ db: Database) throws {
    let journal = try String.fetchOne(db, sql: "PRAGMA journal_mode=WAL")
    guard journal == "wal" else {
        throw StateStoreError.notDurable("journal_mode is \(journal ?? "unknown"), expected wal")
    }
    try db.execute(sql: "PRAGMA synchronous=FULL")
    let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
    guard synchronous == 2 else {
        throw StateStoreError.notDurable("synchronous is \(synchronous ?? -1), expected 2 (FULL)")
    }
    // The writer checkpoints by itself, after it has acknowledged.
    _ = try Int.fetchOne(db, sql: "PRAGMA wal_autocheckpoint=0")
}

/// Applies the migrations that the database has not seen, all in one transaction.
///
/// - Throws: `StateStoreError.newerFormat` for a higher format version or a migration this release does not know.
func migrate(_ db: Database, migrations: [StateStoreMigration], formatVersion: Int) throws {
    let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    guard found <= formatVersion else {
        throw StateStoreError.newerFormat(found: String(found), supported: String(formatVersion))
    }
    try db.inTransaction(.immediate) {
        try db.execute(
            sql: "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID")
        let applied = try Set(String.fetchAll(db, sql: "SELECT name FROM schema_migrations"))
        let known = Set(migrations.map(\.name))
        if let unknown = applied.subtracting(known).sorted().first {
            throw StateStoreError.newerFormat(found: "\(found) with \(unknown)", supported: String(formatVersion))
        }
        for migration in migrations where !applied.contains(migration.name) {
            try db.execute(sql: migration.sql)
            try db.execute(sql: "INSERT INTO schema_migrations (name) VALUES (?)", arguments: [migration.name])
        }
        if found != formatVersion { try db.execute(sql: "PRAGMA user_version = \(formatVersion)") }
        return .commit
    }
}
