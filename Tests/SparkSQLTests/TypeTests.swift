import Testing

@Suite struct TypeTests {
    @Test(arguments: [
        ("SELECT 1, 3000000000, 1.50, .05, 1e3, 2L, 3S, 4Y, 1.5D, 2F, 1.25BD",
         "1 int, 3000000000 bigint, 1.50 decimal(3,2), 0.05 decimal(2,2), 1000.0 double, 2 bigint, 3 smallint, 4 tinyint, 1.5 double, 2.0 float, 1.25 decimal(3,2)"),
        ("SELECT a + 1 AS p, a + l AS q, a / 2 AS r, a % 2L AS s, a div 2 AS t FROM t",
         "p int, q bigint, r double, s bigint, t bigint"),
        ("SELECT c + c AS p, c * c AS q, c / c AS r, c * a AS s, c + 1 AS t, c * 1.5 AS u, c + x AS v FROM t",
         "p decimal(11,2), q decimal(21,4), r decimal(23,13), s decimal(21,2), t decimal(11,2), u decimal(13,3), v double"),
        ("SELECT sum(a) AS p, sum(c) AS q, avg(c) AS r, avg(a) AS s, count(*) AS t, max(b) AS u, sum(x) AS v FROM t",
         "p bigint, q decimal(20,2), r decimal(14,6), s double, t bigint, u string, v double"),
        ("SELECT count(*), count(1), sum(a), a + 1, upper(b), CAST(a AS STRING) FROM t GROUP BY a, b",
         "count(1) bigint, count(1) bigint, sum(a) bigint, (a + 1) int, upper(b) string, CAST(a AS STRING) string"),
        ("SELECT d + 1 AS p, d + INTERVAL 3 MONTH AS q, ts + INTERVAL '1' HOUR AS r, d - INTERVAL '90' DAY AS s, datediff(d, d) AS t FROM t",
         "p date, q date, r timestamp, s date, t int"),
        ("SELECT coalesce(a, l) AS p, if(f, 1, 2.5) AS q, CASE WHEN f THEN 'x' END AS r, nullif(a, 1) AS s, coalesce(a, 'x') AS t FROM t",
         "p bigint, q decimal(11,1), r string, s int, t bigint"),
        ("SELECT year(d) AS p, date_trunc('MONTH', ts) AS q, to_date(b) AS r, date_format(d, 'yyyy') AS s, extract(MONTH FROM d) AS t FROM t",
         "p int, q timestamp, r date, s string, t int"),
        ("SELECT round(c, 1) AS p, round(x) AS q, floor(c) AS r, ceil(x) AS s, abs(c) AS t FROM t",
         "p decimal(10,1), q double, r decimal(9,0), s bigint, t decimal(10,2)"),
        ("SELECT s.p, s.q.r, arr[0], m['k'], s.* FROM nested",
         "p int, r string, arr[0] int, m[k] double, p int, q struct<r:string>"),
        ("SELECT row_number() OVER (PARTITION BY a ORDER BY x DESC) AS p, sum(c) OVER (PARTITION BY a) AS q, lag(b) OVER (ORDER BY a) AS r FROM t",
         "p int, q decimal(20,2), r string"),
        ("SELECT * FROM (VALUES (1, 'a'), (2L, NULL)) AS v(n, s)", "n bigint, s string"),
        ("SELECT 1 AS a UNION ALL SELECT 2.5", "a decimal(11,1)"),
        ("SELECT t.*, e FROM t JOIN u USING (a)",
         "a int, b string, c decimal(10,2), d date, ts timestamp, x double, l bigint, f boolean, e string"),
        ("SELECT * FROM u JOIN t USING (a)",
         "a int, e string, b string, c decimal(10,2), d date, ts timestamp, x double, l bigint, f boolean"),
        ("SELECT * EXCEPT (b, c, d, ts, x) FROM t", "a int, l bigint, f boolean"),
        ("SELECT a AS n, n + 1 AS m FROM t", "n int, m int"),
        ("SELECT _metadata.file_path FROM t", "file_path string"),
        ("SELECT struct(a, b) AS s, array(1, 2) AS r, map('k', 1) AS m FROM t",
         "s struct<a:int,b:string>, r array<int>, m map<string,int>"),
    ])
    func `types and names follow Spark`(sql: String, expected: String) throws {
        #expect(try schema(sql) == expected)
    }

    @Test(arguments: [
        ("SELECT FROM t", "PARSE_SYNTAX_ERROR"),
        ("SELECT a FORM t", "PARSE_SYNTAX_ERROR"),
        ("SELECT a FROM t WHERE", "PARSE_SYNTAX_ERROR"),
        ("SELECT 'a", "PARSE_SYNTAX_ERROR"),
        ("SELECT a /* x", "UNCLOSED_BRACKETED_COMMENT"),
        ("SELECT zz FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        ("SELECT zz", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"),
        ("SELECT a FROM nope", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT nope(a) FROM t", "UNRESOLVED_ROUTINE"),
        ("SELECT upper() FROM t", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION"),
        ("SELECT a, count(*) FROM t", "MISSING_AGGREGATION"),
        ("SELECT a, b FROM t GROUP BY a", "MISSING_AGGREGATION"),
        ("SELECT t.a FROM t JOIN u ON a = 1", "AMBIGUOUS_REFERENCE"),
        ("SELECT d + true FROM t", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"),
        ("SELECT a FROM t WHERE a + 1", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN"),
        ("SELECT a FROM t WHERE sum(a) > 1", "INVALID_WHERE_CONDITION"),
        ("SELECT sum(sum(a)) FROM t", "NESTED_AGGREGATE_FUNCTION"),
        ("SELECT a FROM t ORDER BY 2", "ORDER_BY_POS_OUT_OF_RANGE"),
        ("SELECT a FROM t GROUP BY 3", "GROUP_BY_POS_OUT_OF_RANGE"),
        ("SELECT CAST(d AS INT) FROM t", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION"),
        ("SELECT a FROM t LIMIT -1", "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE"),
        ("SELECT a FROM t UNION SELECT a, e FROM u", "NUM_COLUMNS_MISMATCH"),
        ("SELECT DATE '2024-13-01'", "INVALID_TYPED_LITERAL"),
        ("SELECT 300Y", "INVALID_NUMERIC_LITERAL_RANGE"),
        ("SELECT row_number() OVER (PARTITION BY a) FROM t", "WINDOW_FUNCTION_WITHOUT_ORDER_BY"),
        ("SELECT explode(arr) FROM nested", "UNSUPPORTED_FEATURE"),
        ("MERGE INTO t USING u ON 1 = 1", "UNSUPPORTED_FEATURE"),
        ("CREATE VIEW v AS SELECT 1", "UNSUPPORTED_FEATURE"),
        ("SELECT a FROM t GROUP BY ROLLUP (a)", "UNSUPPORTED_FEATURE"),
        ("SELECT transform(arr, x -> x + 1) FROM nested", "UNSUPPORTED_FEATURE"),
    ])
    func `errors have Spark's conditions`(sql: String, condition: String) {
        #expect(failure(sql) == condition)
    }

    @Test func `nesting is limited, chains of AND are not`() {
        let deep = String(repeating: "(", count: 100_000) + "1" + String(repeating: ")", count: 100_000)
        #expect(failure("SELECT \(deep)") == "FAILED_TO_PARSE_TOO_COMPLEX")
        #expect(failure("SELECT " + String(repeating: "- ", count: 100_000) + "1") == "FAILED_TO_PARSE_TOO_COMPLEX")
        #expect(failure("SELECT " + String(repeating: "NOT ", count: 100_000) + "true") == "FAILED_TO_PARSE_TOO_COMPLEX")
        #expect(failure("SELECT 1" + String(repeating: " + 1", count: 100_000)) == "FAILED_TO_PARSE_TOO_COMPLEX")
        let wide = (0..<5000).map { "a = \($0)" }.joined(separator: " OR ")
        #expect(failure("SELECT * FROM t WHERE \(wide)") == "none")
    }
}
