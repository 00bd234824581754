import CSQLite
import StateStore
import TestSupport
import Testing

struct SQLiteConnectionTests {
    private let directory: TemporaryDirectory
    private let db: SQLiteConnection

    init() throws {
        directory = try TemporaryDirectory()
        db = try SQLiteConnection(path: directory.path + "/test.sqlite")
        try db.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, note TEXT, bytes BLOB) STRICT")
    }

    private func count() throws -> Int? { try db.statement("SELECT count(*) FROM things").value() }

    @Test func valuesComeBackAsTheyWere() throws {
        let texts = ["", "a", "fifteen bytes..", "sixteen bytes...", "zero \0 inside", String(repeating: "é🐟", count: 5_000)]
        for text in texts {
            #expect(try db.statement("SELECT ?").value([text]) == text)
            #expect(try db.statement("SELECT length(CAST(? AS BLOB))").value([text]) == text.utf8.count)
        }
        for bytes in [[], [0], [UInt8](0...255), [UInt8](repeating: 7, count: 100_000)] as [[UInt8]] {
            #expect(try db.statement("SELECT ?").value([bytes]) == bytes)
            #expect(try db.statement("SELECT typeof(?)").value([bytes]) == "blob")
        }
        for number in [Int64.min, -1, 0, 1, .max] { #expect(try db.statement("SELECT ?").value([number]) == number) }
        #expect(try db.statement("SELECT ?1, ?2").first([true, false]) { row in [try row[0], try row[1]] } == [true, false])
        #expect(try db.statement("SELECT typeof(?)").value([""]) == "text")
        #expect(try db.statement("SELECT typeof(?)").value([nil as String?]) == "null")
        #expect(try db.statement("SELECT ?").value([nil as Int64?], as: Int64.self) == nil)
    }

    /// Values bound without copying stay valid for each of many parameters, of both kinds of string storage.
    @Test func manyValuesAreBoundAtOnce() throws {
        let row = try db.statement("SELECT ?, ?, ?, ?, ?, ?").first(
            ["short", String(repeating: "long ", count: 10), [1, 2] as [UInt8], 3, nil as String?, "end"]
        ) { row in
            try (row[0] as String, row[1] as String, row[2] as [UInt8], row[3] as Int, row[4] as String?, row[5] as String)
        }
        let (short, long, bytes, number, none, end) = try #require(row)
        #expect(short == "short")
        #expect(long == String(repeating: "long ", count: 10))
        #expect(bytes == [1, 2])
        #expect(number == 3)
        #expect(none == nil)
        #expect(end == "end")
    }

    @Test func columnsAreReadByNameAndType() throws {
        try db.statement("INSERT INTO things (id, note) VALUES (?, ?)").run([7, "n"])
        #expect(db.lastInsertedRowID == 7)
        #expect(db.changesCount == 1)
        let read = try db.statement("SELECT id, note AS remark, bytes FROM things").first { row in
            (try row["id"] as Int, try row["remark"] as String, try row["bytes"] as [UInt8]?)
        }
        #expect(read?.0 == 7)
        #expect(read?.1 == "n")
        #expect(read?.2 == nil)
        func refused<T: SQLiteValue>(_ column: String, _ type: T.Type) -> Int32? {
            do {
                _ = try db.statement("SELECT id, note, bytes FROM things").first { row in try row[column] as T }
            } catch let error as SQLiteError { return error.code } catch {}
            return nil
        }
        #expect(refused("note", Int64.self) == SQLITE_MISMATCH)
        #expect(refused("bytes", [UInt8].self) == SQLITE_MISMATCH)
        #expect(refused("note", [UInt8].self) == SQLITE_MISMATCH)
        #expect(refused("bytes", String.self) == SQLITE_MISMATCH)
        #expect(refused("remark", String.self) == SQLITE_RANGE)
        #expect(refused("note", String.self) == nil)
    }

    @Test func failuresTellCodeMessageAndStatement() throws {
        try db.statement("INSERT INTO things (id) VALUES (1)").run()
        let error = #expect(throws: SQLiteError.self) {
            try db.statement("INSERT INTO things (id, note) VALUES (1, ?)").run(["secret"])
        }
        #expect(error?.primaryCode == SQLITE_CONSTRAINT)
        #expect(error?.code == SQLITE_CONSTRAINT | 6 << 8)
        #expect(error?.message == "UNIQUE constraint failed: things.id")
        #expect(error?.sql == "INSERT INTO things (id, note) VALUES (1, ?)")
        #expect(error?.description.contains("secret") == false)
        let syntax = #expect(throws: SQLiteError.self) { try db.statement("SELEC 1") }
        #expect(syntax?.message == "near \"SELEC\": syntax error")
        #expect(throws: SQLiteError.self) { try db.statement("-- nothing") }
        #expect(throws: SQLiteError.self) { try db.execute("SELECT 1; SELEC 2") }
        // The failed statement is reset and takes the next values.
        try db.statement("INSERT INTO things (id, note) VALUES (2, ?)").run(["fine"])
    }

    @Test func wrongUseIsAnError() throws {
        let statement = try db.statement("SELECT ? UNION ALL SELECT 2")
        #expect(throws: SQLiteError.self) { try statement.run() }
        #expect(throws: SQLiteError.self) { try statement.run([1, 2]) }
        #expect(throws: SQLiteError.self) {
            try statement.forEach([1]) { _ in
                try statement.run([1])
                return true
            }
        }
        #expect(try statement.values([1]) == [1, 2])
    }

    @Test func iterationEndsWhenAsked() throws {
        try db.execute("INSERT INTO things (id) VALUES (1), (2), (3)")
        var seen: [Int] = []
        try db.statement("SELECT id FROM things ORDER BY id").forEach { row in
            seen.append(try row[0])
            return seen.count < 2
        }
        #expect(seen == [1, 2])
        // No read lock is left behind by the unfinished statement.
        try db.execute("DROP TABLE things")
    }

    @Test func statementsArePreparedOnce() throws {
        func selected(_ number: Int) throws -> SQLiteStatement { try db.statement("SELECT 1") }
        #expect(try selected(1) === selected(2))
        #expect(try db.statement(text: "SELECT \(1)") === db.statement(text: "SELECT \(1)"))
        let kept = try db.statement(text: "SELECT 0")
        for number in 1...200 { #expect(try db.statement(text: "SELECT \(number)").value() == number) }
        #expect(try kept.value() == 0)
    }

    @Test func aThrowUndoesTheTransaction() throws {
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try db.writing {
                try db.execute("INSERT INTO things (id) VALUES (1)")
                throw Stop()
            }
        }
        #expect(try count() == 0)
        #expect(!db.isInsideTransaction)
        #expect(try db.writing { db.isInsideTransaction })
    }

    @Test func aThrowUndoesOnlyItsSavepoint() throws {
        struct Stop: Error {}
        func insert(_ id: Int, andThrow: Bool = false) throws {
            try db.savepoint {
                try db.statement("INSERT INTO things (id) VALUES (?)").run([id])
                if andThrow { throw Stop() }
            }
        }
        try db.writing {
            try insert(1)
            #expect(throws: Stop.self) { try insert(2, andThrow: true) }
            #expect(db.isInsideTransaction)
            try insert(3)
        }
        #expect(try db.statement("SELECT group_concat(id) FROM things").value() == "1,3")
    }

    @Test func aSavepointMayLoseTheTransaction() throws {
        #expect(throws: SQLiteError.self) {
            try db.writing {
                try db.execute("INSERT INTO things (id) VALUES (1)")
                try db.savepoint { try db.execute("INSERT OR ROLLBACK INTO things (id) VALUES (1)") }
            }
        }
        #expect(!db.isInsideTransaction)
        #expect(try count() == 0)
    }

    @Test func readersSeeOneState() throws {
        try db.execute("PRAGMA journal_mode=WAL")
        let reader = try SQLiteConnection(path: directory.path + "/test.sqlite", readonly: true)
        try reader.reading {
            #expect(try reader.statement("SELECT count(*) FROM things").value() == 0)
            try db.execute("INSERT INTO things (id) VALUES (1)")
            #expect(try reader.statement("SELECT count(*) FROM things").value() == 0)
        }
        #expect(try reader.statement("SELECT count(*) FROM things").value() == 1)
        let refusal = #expect(throws: SQLiteError.self) { try reader.execute("DELETE FROM things") }
        #expect(refusal?.primaryCode == SQLITE_READONLY)
    }

    @Test func aClosedConnectionRefuses() throws {
        let statement = try db.statement("SELECT 1")
        let loose = try db.statement(text: "SELECT 2")
        db.close()
        db.close()
        #expect(throws: SQLiteError.self) { try statement.run() }
        #expect(throws: SQLiteError.self) { try loose.run() }
        #expect(throws: SQLiteError.self) { try db.statement("SELECT 1") }
        #expect(throws: SQLiteError.self) { try db.execute("SELECT 1") }
        #expect(throws: SQLiteError.self) { try db.checkpoint() }
        #expect(throws: SQLiteError.self) { try db.writing {} }
        #expect(!db.isInsideTransaction)
        #expect(throws: SQLiteError.self) { try SQLiteConnection(path: directory.path + "/no/such/folder") }
        #expect(throws: SQLiteError.self) { try SQLiteConnection(path: directory.path + "/none", readonly: true) }
    }

    @Test func aStatementMayOutliveItsConnection() throws {
        var other: SQLiteConnection? = try SQLiteConnection(path: directory.path + "/test.sqlite")
        let kept = try #require(try other?.statement(text: "SELECT 5"))
        for number in 0..<100 { _ = try other?.statement(text: "SELECT \(number)") }
        other = nil
        #expect(try kept.value() == 5)
    }

    @Test func writtenPagesAreCountedOnce() throws {
        _ = db.takeWrittenPages()
        try db.execute("INSERT INTO things (id) VALUES (1)")
        #expect(db.takeWrittenPages() > 0)
        #expect(db.takeWrittenPages() == 0)
    }
}
