import Columnar
import ObjectStore
import QueryEngine
import SparkPlan
import Support
import Testing

/// Files cut into tasks give the rows that whole ones give, wherever the cuts fall.
@Suite struct CSVTaskTests {
    private static let columns = "a STRING, b STRING, c INT"

    private func session(_ text: [UInt8], taskBytes: Int64) async throws -> QuerySession {
        let store = MemoryObjectStore()
        try await store.put("f.csv", text)
        let stores = ObjectStores()
        stores.bind(bucket: "b", to: store)
        return QuerySession(
            catalog: LocalSessionCatalog(defaultLocation: nil), stores: stores, formats: [CSVFormat(taskBytes: taskBytes)])
    }

    private func read(
        _ text: [UInt8], taskBytes: Int64, _ options: String, columns: String = Self.columns, select: String = "*"
    ) async throws -> [String] {
        let session = try await session(text, taskBytes: taskBytes)
        _ = try session.execute("CREATE TEMP VIEW v (\(columns)) USING csv OPTIONS (path 's3://b/f.csv', \(options))")
        return try rows(session, "SELECT \(select) FROM v")
    }

    /// Lines as a careless program writes them.
    private static func text(_ random: inout SeededRandom) -> [UInt8] {
        let pieces = [
            "x", "1", "22", ",", ",", ",", "\"", "\"", "\"\"", "\\\"", "\\", " ", "#", "\n", "\n", "\r\n", "\r", "\n\n", "é",
            "\"a,b\"", "\"open\n", "\u{FEFF}", "a,b,3\n", "\"q\",\"r\",4\r\n", "lang".uppercased(),
        ]
        var text = Array("a,b,c\n".utf8)
        for _ in 0..<Int.random(in: 0..<60, using: &random) {
            text += Array(pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8)
        }
        return text
    }

    @Test func cutsDoNotMatter() async throws {
        var random = SeededRandom(seed: 11)
        let options = [
            "header 'true', escape '\"'", "header 'false'", "header 'true', comment '#', mode 'DROPMALFORMED'",
            "header 'true', ignoreLeadingWhiteSpace 'true', ignoreTrailingWhiteSpace 'true'",
        ]
        for round in 0..<120 {
            let text = Self.text(&random)
            let option = options[round % options.count]
            let whole = try await read(text, taskBytes: .max, option)
            for taskBytes in [1, 2, 3, 7, 16, 50] as [Int64] {
                let cut = try await read(text, taskBytes: taskBytes, option)
                #expect(cut == whole, "\(taskBytes) bytes, \(option): \(String(decoding: text, as: UTF8.self).debugDescription)")
            }
        }
    }

    @Test func linesLongerThanWhatIsFetched() async throws {
        let long = String(repeating: "y", count: 300_000)
        let text = Array("a,b,c\n1,\(long),1\n2,z,2\n3,\(long)\(long),3\n4,w,4\n".utf8)
        let whole = try await read(text, taskBytes: .max, "header 'true'", select: "a, length(b), c")
        #expect(whole == ["1|300000|1", "2|1|2", "3|600000|3", "4|1|4"])
        for taskBytes in [20, 1000, 100_000, 450_000] as [Int64] {
            #expect(try await read(text, taskBytes: taskBytes, "header 'true'", select: "a, length(b), c") == whole)
        }
    }

    @Test func recordsThatMayNotBeCutAreNot() async throws {
        let lines = Array("a,b,c\n1,\"two\nlines\",1\n2,x,2\n".utf8)
        #expect(try await read(lines, taskBytes: 3, "header 'true', multiLine 'true'") == ["1|two\nlines|1", "2|x|2"])
        let numbered = Array("1,x,1\n2,x,2\n3,x,3\n".utf8)
        #expect(
            try await read(numbered, taskBytes: 3, "header 'false'", select: "a, _metadata.row_index")
                == ["1|0", "2|1", "3|2"])
        let wrong = Array("1,x,1\n2,x,2\n3,x,three\n".utf8)
        do {
            _ = try await read(wrong, taskBytes: 3, "header 'false', mode 'FAILFAST'")
            Issue.record("the third record does not fit")
        } catch {
            #expect("\(error)".contains("record 2 at byte 12"), "\(error)")
        }
    }

    @Test func badRecordsOfEveryTaskAreKept() async throws {
        let text = Array((0..<40).map { $0 % 3 == 0 ? "bad\($0)\n" : "\($0),x,\($0)\n" }.joined().utf8)
        let session = try await session(text, taskBytes: 50)
        _ = try session.execute(
            "CREATE TEMP VIEW v (\(Self.columns)) USING csv OPTIONS (path 's3://b/f.csv', badRecordsPath 's3://b/bad')")
        #expect(try rows(session, "SELECT count(a), count(b), count(c) FROM v") == ["26|26|26"])
        let (store, _) = try session.stores.store(for: "s3://b/x")
        let logs = try await store.listAll(prefix: "bad/")
        #expect(logs.count > 1 && logs.contains { $0.key.hasSuffix("/part-f.csv.json") })
        var lines = 0
        for log in logs { lines += try await store.get(log.key).bytes.count { $0 == 10 } }
        #expect(lines == 14)
    }
}
