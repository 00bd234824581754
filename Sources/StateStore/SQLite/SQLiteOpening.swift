/// Sets what the promise of durability rests on, and reads it back.
///
/// With `synchronous=NORMAL`, which many set along with WAL, a power cut may lose commits.
func makeDurable(_ db: SQLiteConnection) throws {
    let journal = try db.statement("PRAGMA journal_mode=WAL").value(as: String.self)
    guard journal == "wal" else {
        throw StateStoreError.notDurable("journal_mode is \(journal ?? "unknown"), expected wal")
    }
    try db.execute("PRAGMA synchronous=FULL")
    let synchronous = try db.statement("PRAGMA synchronous").value(as: Int.self)
    guard synchronous == 2 else {
        throw StateStoreError.notDurable("synchronous is \(synchronous ?? -1), expected 2 (FULL)")
    }
    // The writer checkpoints by itself, after it has acknowledged.
    _ = try db.statement("PRAGMA wal_autocheckpoint=0").value(as: Int.self)
}

/// Applies the migrations that the database has not seen, all in one transaction.
///
/// - Throws: `StateStoreError.newerFormat` for a higher format version or a migration this release does not know.
func migrate(_ db: SQLiteConnection, migrations: [StateStoreMigration], formatVersion: Int) throws {
    let found = try db.statement("PRAGMA user_version").value(as: Int.self) ?? 0
    guard found <= formatVersion else {
        throw StateStoreError.newerFormat(found: String(found), supported: String(formatVersion))
    }
    try db.writing {
        try db.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID")
        let applied = try Set(db.statement("SELECT name FROM schema_migrations").values(as: String.self))
        let known = Set(migrations.map(\.name))
        if let unknown = applied.subtracting(known).sorted().first {
            throw StateStoreError.newerFormat(found: "\(found) with \(unknown)", supported: String(formatVersion))
        }
        for migration in migrations where !applied.contains(migration.name) {
            try db.execute(migration.sql)
            try db.statement("INSERT INTO schema_migrations (name) VALUES (?)").run([migration.name])
        }
        if found != formatVersion { try db.execute("PRAGMA user_version = \(formatVersion)") }
    }
}
