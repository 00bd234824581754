import Columnar
import SparkPlan
import SparkSQL
import Testing

@Suite struct PlanTests {
    @Test func `filters reach the scan and unread columns are not read`() throws {
        #expect(
            try plan("SELECT b FROM (SELECT a AS n, b, c FROM t) WHERE n > 5 AND b LIKE 'x%'") == """
                Project [b]
                +- Filter ((a > 5) AND like(b, x%))
                   +- Scan t [a, b], PushedFilters: [(a > 5), like(b, x%)]
                """)
    }

    @Test func `a join takes its keys from WHERE and builds the small side`() throws {
        #expect(
            try plan("SELECT t.b, u.e FROM t, u WHERE t.a = u.a AND u.e = 'k' AND t.x < u.a") == """
                Project [b, e]
                +- HashJoin [a], [a], Inner, BuildRight, (x < cast(a as double))
                   +- Scan t [a, b, x]
                   +- Filter (e = k)
                      +- Scan u [a, e], PushedFilters: [(e = k)]
                """)
    }

    @Test func `an outer join keeps the conditions of the optional side`() throws {
        #expect(
            try plan("SELECT t.a FROM t LEFT JOIN u ON t.a = u.a AND u.e = 'k' AND t.b = 'z' WHERE t.l = 1") == """
                Project [a]
                +- HashJoin [a], [a], LeftOuter, BuildRight, (b = z)
                   +- Filter (l = 1)
                      +- Scan t [a, b, l], PushedFilters: [(l = 1)]
                   +- Filter (e = k)
                      +- Scan u [a, e], PushedFilters: [(e = k)]
                """)
    }

    @Test func `common conjuncts of alternatives become join keys`() throws {
        #expect(
            try plan("SELECT count(*) FROM t, u WHERE (t.a = u.a AND e = 'p') OR (t.a = u.a AND b = 'q')") == """
                HashAggregate(keys=[], functions=[count(1)])
                +- HashJoin [a], [a], Inner, BuildRight, ((e = p) OR (b = q))
                   +- Scan t [a, b]
                   +- Scan u [a, e]
                """)
    }

    @Test func `aggregates, HAVING and ORDER BY see outputs and input`() throws {
        #expect(
            try plan("SELECT b, sum(c) AS total FROM t GROUP BY b HAVING count(*) > 1 ORDER BY total DESC, max(a) LIMIT 3") == """
                Project [b, total]
                +- Limit 3
                   +- TopN(3) [total DESC NULLS LAST, _order2 ASC NULLS FIRST]
                      +- Project [b, sum(c) AS total, max(a) AS _order2]
                         +- Filter (count(1) > 1)
                            +- HashAggregate(keys=[b], functions=[sum(c), count(1), max(a)])
                               +- Scan t [a, b, c]
                """)
    }

    @Test func `windows over aggregates`() throws {
        #expect(
            try plan("SELECT b, rank() OVER (ORDER BY sum(a) DESC) AS r FROM t GROUP BY b") == """
                Project [b, rank() OVER (ORDER BY sum(a) DESC NULLS LAST) AS r]
                +- Window [rank() OVER (ORDER BY sum(a) DESC NULLS LAST)], [], [sum(a) DESC NULLS LAST]
                   +- HashAggregate(keys=[b], functions=[sum(cast(a as bigint))])
                      +- Scan t [a, b]
                """)
    }

    @Test func `IN subqueries are semi joins, scalar subqueries are run first`() throws {
        #expect(
            try plan("SELECT b FROM t WHERE a IN (SELECT a FROM u) AND l NOT IN (SELECT a FROM u) AND x > (SELECT max(a) FROM u)") == """
                Project [b]
                +- HashJoin [l], [cast(a as bigint)], LeftAnti, BuildRight
                   +- HashJoin [a], [a], LeftSemi, BuildRight
                      +- Filter (x > cast(scalar-subquery#0 as double))
                         +- Scan t [a, b, x, l], PushedFilters: [(x > cast(scalar-subquery#0 as double))]
                      +- Scan u [a]
                   +- Scan u [a]
                """)
    }

    @Test func `limits go below projections`() throws {
        #expect(
            try plan("WITH q AS (SELECT a + 1 AS n FROM t) SELECT n FROM q LIMIT 5 OFFSET 2") == """
                Project [(a + 1) AS n]
                +- Limit 5, offset 2
                   +- Scan t [a]
                """)
    }

    @Test func `scripts are cut at semicolons outside strings and comments`() throws {
        let parts = SQLScript.split("SELECT ';' ; -- a;b\n/* ; */ SET x = 1;\n\n;SELECT `a;b`")
        #expect(parts.map(\.start.line) == [1, 1, 4] && parts.map(\.start.column) == [0, 12, 1])
        #expect(parts.map(\.text.count) == [11, 25, 12])
        #expect(try SQLScript.substitute("SELECT '${a}' -- ${zz}", variables: ["a": "1"]) == "SELECT '1' -- ${zz}")
        #expect(throws: SparkError.self) { try SQLScript.substitute("SELECT ${zz}", variables: [:]) }
    }

    @Test func `a syntax error names the place`() {
        let error = #expect(throws: SparkError.self) { try SQLParser.parseStatement("SELECT a\nFORM t x") }
        #expect(
            error?.description == """
                [PARSE_SYNTAX_ERROR] Syntax error at or near 't': expected end of statement. SQLSTATE: 42601 (line 2, pos 5)

                == SQL ==
                FORM t x
                -----^^^
                """)
    }

    @Test func `places in a script count from the script's beginning`() throws {
        let second = SQLScript.split("SELECT 1; SELCT 2")[1]
        let error = #expect(throws: SparkError.self) { try SQLParser.parseStatement(second.text, at: second.start) }
        #expect(error?.position == SourcePosition(line: 1, column: 10))
        #expect(error?.excerpt == " SELCT 2\n-^^^")
        let later = SQLScript.split("SELECT 1; SELECT\n  FROM FROM")[1]
        let other = #expect(throws: SparkError.self) { try SQLParser.parseStatement(later.text, at: later.start) }
        #expect(other?.position == SourcePosition(line: 2, column: 2))
    }

    @Test(arguments: [
        "CREATE TABLE IF NOT EXISTS s.t (a INT NOT NULL COMMENT 'k', b DECIMAL(10,2)) USING delta PARTITIONED BY (a) LOCATION 's3://b/k' COMMENT 'c' TBLPROPERTIES ('x' = 'y', z.w = 1)",
        "CREATE OR REPLACE TABLE t USING delta AS SELECT * FROM u",
        "CREATE OR REPLACE TEMPORARY VIEW raw (a INT, b STRING) USING csv OPTIONS (path 's3://b/in/*.csv', header 'true')",
        "CREATE TEMP VIEW v AS WITH x AS (SELECT 1) SELECT * FROM x",
        "CREATE DATABASE IF NOT EXISTS d LOCATION 's3://b/d' WITH DBPROPERTIES (a = 'b')",
        "INSERT INTO t SELECT * FROM u", "INSERT OVERWRITE TABLE t PARTITION (a = 1) SELECT b FROM u",
        "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", "DROP TABLE IF EXISTS d.t", "SHOW TABLES IN d LIKE 'a*'",
        "DESCRIBE HISTORY delta.`s3://b/t`", "SET spark.sql.ansi.enabled = false", "EXPLAIN EXTENDED SELECT 1",
        "SELECT * FROM read_files('s3://b/*.csv', format => 'csv', header => true)",
        "SELECT a::string || 'x', -a, b RLIKE 'x', NOT a IS NULL, a NOT BETWEEN 1 AND 2 FROM csv.`/x/y`",
        "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, trim(BOTH ' ' FROM b), substring(b FROM 2 FOR 3) FROM t",
        "SELECT count(DISTINCT a) FILTER (WHERE b > 1) FROM t", "VALUES (1), (2)", "SELECT 1;",
    ])
    func `statements parse`(sql: String) throws {
        _ = try SQLParser.parseStatement(sql)
    }
}
