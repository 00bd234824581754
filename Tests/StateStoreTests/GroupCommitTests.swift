import FoundationEssentials
import StateStore
import Support
import Synchronization
import TestSupport
import Testing

struct GroupCommitTests {
    private static let table = StateStoreMigration(
        name: "things", sql: "CREATE TABLE things (id INTEGER PRIMARY KEY, note TEXT) STRICT")

    private func open(
        _ directory: TemporaryDirectory, vfs: String? = nil, formatVersion: Int = 1,
        syncFailed: @escaping @Sendable (StateStoreError) -> Void = { _ in }
    ) throws -> SQLiteStateStore {
        try SQLiteStateStore(
            path: directory.path + "/state.sqlite", migrations: [Self.table], formatVersion: formatVersion, vfs: vfs,
            syncFailed: syncFailed)
    }

    @Test func writerIsFullySynchronous() async throws {
        let directory = try TemporaryDirectory()
        let store = try open(directory)
        #expect(try await store.firstText("PRAGMA synchronous", onWriter: true) == "2")
        #expect(try await store.firstText("PRAGMA journal_mode", onWriter: true) == "wal")
        #expect(try await store.firstText("PRAGMA wal_autocheckpoint", onWriter: true) == "0")
    }

    @Test func everyCommitSynchronisesTheLogOnce() async throws {
        try #require(CountingVFS.registered)
        let directory = try TemporaryDirectory()
        let store = try open(directory, vfs: CountingVFS.name)
        let log = directory.path + "/state.sqlite-wal"
        try await store.execute("INSERT INTO things (note) VALUES ('first')")
        let before = CountingVFS.syncs(of: log)
        for _ in 0..<20 { try await store.execute("INSERT INTO things (note) VALUES ('x')") }
        #expect(CountingVFS.syncs(of: log) - before == 20)
    }

    @Test func writesThatArriveDuringACommitShareTheNextOne() async throws {
        try #require(CountingVFS.registered)
        let directory = try TemporaryDirectory()
        let store = try open(directory, vfs: CountingVFS.name)
        let log = directory.path + "/state.sqlite-wal"
        // The first commit writes the log's header, which is synchronised apart.
        try await store.execute("INSERT INTO things (note) VALUES ('first')")
        let syncs = CountingVFS.syncs(of: log)
        let commits = store.commitCount
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<2000 {
                group.addTask { try await store.execute("INSERT INTO things (note) VALUES ('n\(index)')") }
            }
            try await group.waitForAll()
        }
        #expect(try await store.firstText("SELECT count(*) FROM things") == "2001")
        let used = store.commitCount - commits
        #expect(used >= 2000 / SQLiteStateStore.batchMax)
        #expect(used < 2000)
        #expect(CountingVFS.syncs(of: log) - syncs <= used + 1)
    }

    @Test func aThrowUndoesOnlyItsOwnWrite() async throws {
        let directory = try TemporaryDirectory()
        let store = try open(directory)
        let failures = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<400 {
                group.addTask {
                    let sql = "INSERT INTO things (id, note) VALUES (\(index), 'a')"
                    // The second statement of every odd write breaks the primary key.
                    let second = index.isMultiple(of: 2) ? "" : "; INSERT INTO things (id) VALUES (\(index))"
                    do { try await store.execute(sql + second) } catch { return true }
                    return false
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(failures == 200)
        #expect(try await store.firstText("SELECT count(*) FROM things WHERE id % 2 = 0") == "200")
        #expect(try await store.firstText("SELECT count(*) FROM things") == "200")
    }

    @Test(arguments: [(CountingVFS.Fault.diskFull, StateStoreError.full), (.readOnly, .readOnly)])
    func aDiskThatTakesNothingRefusesAndRecovers(_ fault: CountingVFS.Fault, _ error: StateStoreError) async throws {
        try #require(CountingVFS.registered)
        let directory = try TemporaryDirectory()
        let store = try open(directory, vfs: CountingVFS.name)
        let log = directory.path + "/state.sqlite-wal"
        try await store.execute("INSERT INTO things (id) VALUES (1)")
        CountingVFS.setFault(fault, on: log)
        await #expect(throws: error) { try await store.execute("INSERT INTO things (id) VALUES (2)") }
        CountingVFS.setFault(nil, on: log)
        try await store.execute("INSERT INTO things (id) VALUES (3)")
        #expect(try await store.firstText("SELECT group_concat(id) FROM things") == "1,3")
    }

    @Test func aFailedSyncIsReportedAndEndsTheStore() async throws {
        try #require(CountingVFS.registered)
        let directory = try TemporaryDirectory()
        let reported = Mutex<[StateStoreError]>([])
        let store = try open(directory, vfs: CountingVFS.name) { error in reported.withLock { $0.append(error) } }
        try await store.execute("INSERT INTO things (id) VALUES (1)")
        let log = directory.path + "/state.sqlite-wal"
        CountingVFS.setFault(.sync, on: log)
        await #expect(throws: StateStoreError.self) { try await store.execute("INSERT INTO things (id) VALUES (2)") }
        CountingVFS.setFault(nil, on: log)
        await #expect(throws: StateStoreError.self) { try await store.execute("INSERT INTO things (id) VALUES (3)") }
        let errors = reported.withLock { $0 }
        #expect(errors.count == 1)
        if case .syncFailed = errors.first {} else { Issue.record("expected .syncFailed, got \(errors)") }
    }

    @Test func aNewerFormatIsRefusedByName() async throws {
        let directory = try TemporaryDirectory()
        try await open(directory, formatVersion: 7).close()
        #expect(throws: StateStoreError.newerFormat(found: "7", supported: "1")) { try open(directory) }
        #expect(throws: StateStoreError.newerFormat(found: "7 with things", supported: "7")) {
            try SQLiteStateStore(
                path: directory.path + "/state.sqlite", migrations: [], formatVersion: 7, vfs: nil)
        }
    }

    @Test func aDatabaseIsMadeAnewAfterAHalfMadeOne() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/state.sqlite"
        for leftover in [".new", ".new-journal", ".new-wal"] {
            #expect(FileManager.default.createFile(atPath: path + leftover, contents: Array("half".utf8).withUnsafeBytes { Data($0) }))
        }
        let store = try open(directory)
        try await store.execute("INSERT INTO things (id) VALUES (1)")
        try await store.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["state.sqlite"])
        #expect(try await open(directory).firstText("SELECT count(*) FROM things") == "1")
    }

    /// A place that cannot be written to is an error, and leaves nothing behind.
    @Test func aDatabaseThatCannotBeMadeIsReported() async throws {
        let directory = try TemporaryDirectory()
        #expect(throws: StateStoreError.self) {
            try SQLiteStateStore(
                path: directory.path + "/no/state.sqlite", migrations: [Self.table], formatVersion: 1, vfs: nil)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
    }

    @Test func theLogIsCheckpointedInSteps() async throws {
        let directory = try TemporaryDirectory()
        let store = try open(directory)
        let note = String(repeating: "x", count: 30_000)
        for _ in 0..<600 { try await store.execute("INSERT INTO things (note) VALUES ('\(note)')") }
        try await store.execute("SELECT 1")
        // 18 MB were written; the log was reused.
        #expect(try fileSize(directory.path + "/state.sqlite-wal") < 12 << 20)
        #expect(try fileSize(directory.path + "/state.sqlite") > 10 << 20)
    }

    @Test func closingKeepsWhatWaits() async throws {
        let directory = try TemporaryDirectory()
        let store = try open(directory)
        async let written: Void = store.execute("INSERT INTO things (id) VALUES (1)")
        try await written
        try await store.close()
        await #expect(throws: StateStoreError.closed) { try await store.execute("DELETE FROM things") }
        #expect(try await open(directory).firstText("SELECT count(*) FROM things") == "1")
    }
}
