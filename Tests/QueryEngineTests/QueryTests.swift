import Columnar
import ObjectStore
import QueryEngine
import SparkPlan
import Testing

func session(_ objects: [String: String] = [:], threads: Int = 2) async throws -> QuerySession {
    let store = MemoryObjectStore()
    for (key, text) in objects { _ = try await store.put(key, Array(text.utf8), condition: .none) }
    let stores = ObjectStores()
    stores.bind(bucket: "b", to: store)
    let session = QuerySession(
        catalog: LocalSessionCatalog(defaultLocation: nil), stores: stores,
        formats: [CSVFormat(), ParquetFormat(), JSONFormat(), TextFormat()])
    try session.set("spark.default.parallelism", String(threads))
    return session
}

/// Rows as text, cells separated by `|`.
func rows(_ session: QuerySession, _ sql: String) throws -> [String] {
    let outcome = try session.execute(sql)
    return outcome.rows.map { row in
        zip(row, outcome.schema.fields).map { $0.text($1.dataType) }.joined(separator: "|")
    }
}

@Suite struct QueryTests {
    static let people = [
        "in/a.csv": "id,name,pay\n1,ann,10.50\n2,bob,\n3,cy,7.25\n", "in/b.csv": "id,name,pay\n4,dee,1\nx,bad,2\n5,ann,3.10\n",
    ]
    static let view = "CREATE TEMP VIEW p (id INT, name STRING, pay DECIMAL(10,2)) USING csv OPTIONS (path 's3://b/in/*.csv', header 'true')"

    @Test(arguments: [
        ("SELECT 1 + 1, 7 / 2, 7 div 2, 1.10 + 2, 'a' || 'b', DATE '2024-01-31' + INTERVAL 1 MONTH", ["2|3.5|3|3.10|ab|2024-02-29"]),
        ("SELECT n, count(*), sum(v) FROM VALUES ('a', 1), ('b', 2), ('a', 3) AS t(n, v) GROUP BY n ORDER BY n", ["a|2|4", "b|1|2"]),
        ("SELECT n FROM VALUES (3), (1), (NULL), (2) AS t(n) ORDER BY n DESC LIMIT 2", ["3", "2"]),
        ("SELECT a.n, b.m FROM VALUES (1), (2), (3) AS a(n) LEFT JOIN VALUES (2, 'x'), (3, 'y') AS b(n, m) USING (n) ORDER BY 1",
         ["1|NULL", "2|x", "3|y"]),
        ("SELECT n, row_number() OVER (PARTITION BY k ORDER BY n DESC) AS r, sum(n) OVER (PARTITION BY k ORDER BY n) AS s FROM VALUES (1, 'a'), (2, 'a'), (5, 'b') AS t(n, k) ORDER BY n",
         ["1|2|1", "2|1|3", "5|1|5"]),
        ("SELECT n FROM VALUES (1), (2), (3) AS t(n) WHERE n > (SELECT avg(m) FROM VALUES (1), (2) AS u(m)) AND n IN (SELECT 3)", ["3"]),
        ("SELECT DISTINCT n FROM VALUES (1), (1), (2) AS t(n) UNION SELECT 2 ORDER BY 1", ["1", "2"]),
        ("SELECT count(*), max(id) FROM range(100000) WHERE id % 2 = 0", ["50000|99998"]),
        ("SELECT 3 EXCEPT SELECT 3", []),
        ("SELECT CASE WHEN n > 1 THEN 'big' ELSE 'small' END, coalesce(s, '-') FROM VALUES (1, NULL), (2, 'q') AS t(n, s)", ["small|-", "big|q"]),
    ])
    func `queries over values`(sql: String, expected: [String]) async throws {
        #expect(try rows(try await session(), sql) == expected)
    }

    @Test(arguments: [1, 2, 7]) func `CSV files give the same rows for any number of threads`(threads: Int) async throws {
        let session = try await session(Self.people, threads: threads)
        _ = try session.execute(Self.view)
        #expect(
            try rows(session, "SELECT name, count(*) AS n, sum(pay) AS s FROM p GROUP BY name ORDER BY s DESC NULLS LAST, name")
                == ["ann|2|13.60", "cy|1|7.25", "bad|1|2.00", "dee|1|1.00", "bob|1|NULL"])
        #expect(try rows(session, "SELECT _metadata.file_name, id FROM p WHERE pay > 5") == ["a.csv|1", "a.csv|3"])
        #expect(try rows(session, "SELECT id FROM p LIMIT 2 OFFSET 1") == ["2", "3"])
    }

    @Test func `bad records are written aside`() async throws {
        let session = try await session(Self.people)
        let options = "path 's3://b/in/*.csv', header 'true', badRecordsPath 's3://b/bad'"
        _ = try session.execute("CREATE TEMP VIEW p (id INT, name STRING, pay DECIMAL(10,2)) USING csv OPTIONS (\(options))")
        #expect(try rows(session, "SELECT count(id), count(*) FROM p WHERE id IS NOT NULL") == ["5|5"])
        let (store, _) = try session.stores.store(for: "s3://b/x")
        let bad = try BlockingObjectStore(store).listAll(prefix: "bad/")
        let text = String(decoding: try BlockingObjectStore(store).get(try #require(bad.first).key).bytes, as: UTF8.self)
        #expect(bad.count == 1)
        #expect(text.contains(#""record":"x,bad,2""#) && text.contains("s3://b/in/b.csv"))
    }

    @Test(arguments: [
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO"), ("SELECT CAST('x' AS INT)", "CAST_INVALID_INPUT"),
        ("SELECT 2147483647 + 1", "ARITHMETIC_OVERFLOW"), ("SELECT * FROM nope", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT * FROM csv.`s3://b/none/`", "PATH_NOT_FOUND"), ("SELECT (SELECT n FROM VALUES (1), (2) AS t(n))", "SCALAR_SUBQUERY_TOO_MANY_ROWS"),
        ("SELECT '${nope}'", "UNBOUND_SQL_PARAMETER"), ("USE nope", "SCHEMA_NOT_FOUND"),
        ("SET spark.sql.session.timeZone = Europe/Paris", "INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS"),
        ("CREATE TABLE t USING nope AS SELECT 1", "DATA_SOURCE_NOT_FOUND"),
    ])
    func `failures have Spark's conditions`(sql: String, condition: String) async throws {
        let session = try await session()
        let error = #expect(throws: SparkError.self) { try session.execute(sql) }
        #expect(error?.condition == condition)
    }

    @Test func `parts of times`() async throws {
        let time = "TIMESTAMP'2027-01-01 10:20:30.25'"
        #expect(
            try rows(await session(), "SELECT EXTRACT(SECOND FROM \(time)), EXTRACT(YEAROFWEEK FROM \(time)), EXTRACT(WEEK FROM \(time))")
                == ["30.250000|2026|53"])
    }

    @Test func `every function that is found also runs`() async throws {
        let session = try await session()
        for (function, sql) in FunctionSamples.queries {
            #expect(throws: Never.self, "\(function)") { try session.execute(sql) }
        }
    }

    @Test func `settings, variables, databases and views`() async throws {
        let session = try await session()
        session.setVariable("limit", "1")
        #expect(try rows(session, "SELECT n FROM VALUES (1), (2) AS t(n) LIMIT ${limit}") == ["1"])
        _ = try session.execute("CREATE DATABASE IF NOT EXISTS silver")
        #expect(try rows(session, "SHOW DATABASES") == ["default", "silver"])
        _ = try session.execute("CREATE TEMP VIEW v AS SELECT 1 AS a")
        #expect(try rows(session, "DESCRIBE TABLE v") == ["a|int|NULL"])
        #expect(throws: SparkError.self) { try session.execute("CREATE TEMP VIEW v AS SELECT 2 AS a") }
        #expect(try rows(session, "SET spark.sql.ansi.enabled") == ["spark.sql.ansi.enabled|true"])
    }
}
