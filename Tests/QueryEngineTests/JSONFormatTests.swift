import Columnar
import ObjectStore
import QueryEngine
import SparkPlan
import Support
import Testing

/// JSON and text files. Expected schemas and rows are Spark 4's, by `JsonInferSchema`, `JacksonParser` and the guide
/// "JSON Files".
@Suite struct JSONFormatTests {
    private static func schema(_ text: String, _ options: String = "") async throws -> [String] {
        let session = try await session(["f.json": text])
        _ = try session.execute("CREATE TEMP VIEW v USING json OPTIONS (path 's3://b/f.json'\(options.isEmpty ? "" : ", " + options))")
        return try rows(session, "DESCRIBE v").map { String($0.dropLast("|NULL".count)) }
    }

    private static func read(_ text: String, _ columns: String, _ options: String = "", select: String = "*") async throws -> [String] {
        let session = try await session(["f.json": text])
        _ = try session.execute(
            "CREATE TEMP VIEW v (\(columns)) USING json OPTIONS (path 's3://b/f.json'\(options.isEmpty ? "" : ", " + options))")
        return try rows(session, "SELECT \(select) FROM v")
    }

    @Test func `the guide's example`() async throws {
        let people = "{\"name\":\"Michael\"}\n{\"name\":\"Andy\", \"age\":30}\n{\"name\":\"Justin\", \"age\":19}\n"
        let session = try await session(["people.json": people])
        #expect(try rows(session, "DESCRIBE TABLE json.`s3://b/people.json`") == ["age|bigint|NULL", "name|string|NULL"])
        #expect(try rows(session, "SELECT * FROM json.`s3://b/people.json`") == ["NULL|Michael", "30|Andy", "19|Justin"])
        #expect(try rows(session, "SELECT name FROM json.`s3://b/people.json` WHERE age BETWEEN 13 AND 19") == ["Justin"])
        #expect(try rows(session, "SELECT count(*) FROM json.`s3://b/people.json`") == ["3"])
        #expect(try rows(session, "SELECT name, _metadata.file_name FROM json.`s3://b/*.json` LIMIT 1") == ["Michael|people.json"])
    }

    @Test(arguments: [
        (#"{"b":1,"a":"x"}"#, "", ["a|string", "b|bigint"]),
        (#"{"a":1}\#n{"a":2.5}"#, "", ["a|double"]),
        (#"{"a":1}\#n{"a":true}"#, "", ["a|string"]),
        (#"{"a":null}"#, "", ["a|string"]),
        (#"{"a":null,"b":1}"#, "dropFieldIfAllNull 'true'", ["b|bigint"]),
        (#"{"a":12345678901234567890}"#, "", ["a|decimal(20,0)"]),
        (#"{"a":12345678901234567890}\#n{"a":1}"#, "", ["a|decimal(20,0)"]),
        (#"{"a":1.25}\#n{"a":10.5}"#, "prefersDecimal 'true'", ["a|decimal(4,2)"]),
        (#"{"a":[1,null,2]}\#n{"a":[2.5]}"#, "", ["a|array<double>"]),
        (#"{"a":[]}"#, "", ["a|array<string>"]),
        (#"{"a":{"y":1,"x":[{"k":true}]}}"#, "", ["a|struct<x:array<struct<k:boolean>>,y:bigint>"]),
        (#"{"a":{"x":1}}\#n{"a":[1]}"#, "", ["a|string"]),
        (#"{"a":{"x":1}}\#n{"a":{"y":"z"}}"#, "", ["a|struct<x:bigint,y:string>"]),
        (#"{"a":{}, "b":1}"#, "", ["b|bigint"]),
        (#"{"a":1,"t":"2024-01-02T03:04:05Z"}"#, "inferTimestamp 'true'", ["a|bigint", "t|timestamp"]),
        (#"{"a":1,"b":true}"#, "primitivesAsString 'true'", ["a|string", "b|string"]),
        (#"{"a":1}\#nno json"#, "", ["_corrupt_record|string", "a|bigint"]),
        (#"{"a":1}\#n17"#, "", ["_corrupt_record|string", "a|bigint"]),
        (#"{"a":1}\#nno json"#, "mode 'DROPMALFORMED'", ["a|bigint"]),
        (#"[{"a":1},{"b":2}]"#, "", ["a|bigint", "b|bigint"]),
        ("[{\"a\":1},\n {\"a\":2}]", "multiLine 'true'", ["a|bigint"]),
    ])
    func `schemas are inferred`(text: String, options: String, expected: [String]) async throws {
        #expect(try await Self.schema(text, options) == expected)
    }

    @Test func `values that fit, and those that do not`() async throws {
        let text = """
            {"i":1,"d":1.5,"s":"x","b":true,"m":"12.345","day":"2024-02-29","t":"2024-01-02 03:04:05.5"}

            {"i":"2","d":"NaN","s":[1,{"k":null}],"b":1,"m":12.345,"day":"x","t":86400}
            {"i":2147483648,"d":"-INF","s":17,"b":null,"m":123456,"unknown":[1]}
            """
        let columns = "i INT, d DOUBLE, s STRING, b BOOLEAN, m DECIMAL(6,2), day DATE, t TIMESTAMP"
        #expect(
            try await Self.read(text, columns) == [
                "1|1.5|x|true|12.35|2024-02-29|2024-01-02 03:04:05.5",
                "NULL|NaN|[1,{\"k\":null}]|NULL|12.35|NULL|1970-01-02 00:00:00",
                "NULL|-Infinity|17|NULL|NULL|NULL|NULL",
            ])
        #expect(try await Self.read(text, columns, "mode 'DROPMALFORMED'", select: "i, s") == ["1|x"])
        #expect(
            try await Self.read(text, columns + ", _corrupt_record STRING", select: "left(_corrupt_record, 8), i")
                == ["NULL|1", "{\"i\":\"2\"|NULL", "{\"i\":214|NULL"])
        let only = await #expect(throws: SparkError.self) {
            try await Self.read(text, columns + ", _corrupt_record STRING", select: "_corrupt_record")
        }
        #expect(only?.condition == "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN")
        let error = await #expect(throws: SparkError.self) { try await Self.read(text, columns, "mode 'FAILFAST'") }
        #expect(error?.condition == "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION" && error?.sqlState == "22023")
        #expect(error?.message.contains("field `i` does not hold a value of type INT") == true)
    }

    @Test func `nested values, partial rows, dates by a pattern`() async throws {
        let text = #"{"a":[{"k":1,"v":"x"},{"k":"no"}],"m":{"p":1,"q":null}}"#
        #expect(
            try await Self.read(
                text, "a ARRAY<STRUCT<k: INT, v: STRING>>, m MAP<STRING, INT>, _corrupt_record STRING",
                select: "a[0].k, a[0].v, a[1].k, size(a), m['p'], m['q'], _corrupt_record IS NULL")
                == ["1|x|NULL|2|1|NULL|false"])
        #expect(
            try await Self.read(#"{"d":"31.12.2024"}"#, "d DATE", "dateFormat 'dd.MM.yyyy'") == ["2024-12-31"])
        let refused = await #expect(throws: SparkError.self) { try await Self.read("{}", "a BINARY") }
        #expect(refused?.condition == "UNSUPPORTED_FEATURE")
    }

    @Test func `documents over several lines, arrays, and what is neither`() async throws {
        #expect(try await Self.read("[{\"a\":1},\n null, {\"a\":2}]", "a INT", "multiLine 'true'") == ["1", "2"])
        #expect(try await Self.read("[{\"a\":1},{\"a\":2}]\n{\"a\":3}\r\n\r\n{\"a\":4}", "a INT") == ["1", "2", "3", "4"])
        #expect(
            try await Self.read("{\"a\":1}\nnonsense\n[1]\n17\nnull", "a INT, _corrupt_record STRING")
                == ["1|NULL", "NULL|nonsense", "NULL|[1]", "NULL|17"])
        #expect(try await Self.read("\u{FEFF}{\"a\":1}", "a INT") == ["1"])
        let nothing = await #expect(throws: SparkError.self) { try await Self.schema("") }
        #expect(nothing?.condition == "UNABLE_TO_INFER_SCHEMA")
        let deep = String(repeating: "[", count: 100_000)
        #expect(try await Self.read(deep, "a INT") == ["NULL"])
    }

    @Test func `bad records are set aside, partitions come from the path`() async throws {
        let session = try await session(["t/day=2024-01-02/f.json": "{\"a\":1}\nbad\n"])
        _ = try session.execute(
            "CREATE TEMP VIEW v (a INT) USING json OPTIONS (path 's3://b/t', badRecordsPath 's3://b/bad')")
        #expect(try rows(session, "SELECT a, day FROM v") == ["1|2024-01-02"])
        #expect(try rows(session, "SELECT record FROM json.`s3://b/bad/*/bad_records/*`") == ["bad"])
    }

    @Test func `text files`() async throws {
        let session = try await session(["a.txt": "one\n\ntwo\r\nthree\rfour", "b.orc": "", "c.txt.gz": ""])
        #expect(try rows(session, "SELECT value FROM text.`s3://b/a.txt`") == ["one", "", "two", "three", "four"])
        #expect(try rows(session, "SELECT count(*) FROM text.`s3://b/a.txt`") == ["5"])
        #expect(
            try rows(session, "SELECT length(value) FROM read_files('s3://b/a.txt', format => 'text', wholetext => true)") == ["20"])
        for (sql, condition) in [
            ("SELECT * FROM orc.`s3://b/b.orc`", "UNSUPPORTED_DATASOURCE_FOR_DIRECT_QUERY"),
            ("SELECT * FROM read_files('s3://b/b.orc', format => 'orc')", "UNSUPPORTED_FEATURE"),
            ("SELECT * FROM text.`s3://b/c.txt.gz`", "UNSUPPORTED_FEATURE"),
            ("SELECT * FROM json.`s3://b/none`", "PATH_NOT_FOUND"),
            ("SELECT * FROM nothing.`s3://b/a.txt`", "TABLE_OR_VIEW_NOT_FOUND"),
        ] {
            let error = #expect(throws: SparkError.self, "\(sql)") { try session.execute(sql) }
            #expect(error?.condition == condition, "\(sql)")
        }
    }

    /// Files cut into tasks give the rows that whole ones give, wherever the cuts fall.
    @Test func `cuts lose no line`() async throws {
        var random = SeededRandom(seed: 20_261_121)
        for round in 0..<150 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<30, using: &random) {
                text += Array(String(repeating: "x", count: Int.random(in: 0..<4, using: &random)).utf8)
                text += Array(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\n\r"][Int.random(in: 0..<6, using: &random)].utf8)
            }
            let store = MemoryObjectStore()
            try await store.put("f.txt", text)
            let stores = ObjectStores()
            stores.bind(bucket: "b", to: store)
            func read(_ taskBytes: Int64) throws -> [String] {
                try rows(
                    QuerySession(
                        catalog: LocalSessionCatalog(defaultLocation: nil), stores: stores,
                        formats: [TextFormat(taskBytes: taskBytes)]), "SELECT value FROM text.`s3://b/f.txt`")
            }
            let whole = try read(1 << 20)
            for taskBytes in [1, 2, 3, 7] as [Int64] {
                #expect(try read(taskBytes) == whole, "round \(round), tasks of \(taskBytes) bytes, \(text)")
            }
        }
    }
}
