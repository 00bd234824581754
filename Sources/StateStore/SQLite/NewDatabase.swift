#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Makes a database with its schema at `path`, where there is none.
///
/// It is made beside its place and synchronised once, then renamed, so that a crash leaves all of it or nothing. SQLite
/// by itself would wait for the disk seven times.
func makeDatabase(
    path: String, migrations: [StateStoreMigration], formatVersion: Int, vfs: String?
) throws {
    let new = path + ".new"
    // What a crash has left of an earlier attempt, if anything.
    for file in [new, new + "-journal", new + "-wal", new + "-shm"] { unlink(file) }
    let db = try SQLiteConnection(path: new, vfs: vfs)
    try db.execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY")
    try migrate(db, migrations: migrations, formatVersion: formatVersion)
    try db.execute("PRAGMA journal_mode=WAL")
    db.close()
    try synchronise(new)
    guard rename(new, path) == 0 else { throw failure("renaming \(new)") }
    let directory = path.lastIndex(of: "/").map { path[...$0] } ?? "."
    try synchronise(String(directory))
}

private func synchronise(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("opening \(path)") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
        throw StateStoreError.syncFailed("fsync of \(path): \(String(cString: strerror(errno)))")
    }
}

private func failure(_ action: String) -> StateStoreError {
    errno == ENOSPC ? .full : .failed("\(action): \(String(cString: strerror(errno)))")
}
