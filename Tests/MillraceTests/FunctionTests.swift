import Millrace
import Testing

/// One call of each function, with the value that Spark 4 gives.
@Suite struct FunctionTests {
    let row: DataFrame

    init() throws {
        row = try Place().session().createDataFrame(
            [["Ab c", "a,b,,d", -2.5, 7, "2026-03-31", "2026-03-31 13:45:59.25", nil, [3, 1, 3], "{\"a\": [5]}"]],
            schema: "t STRING, list STRING, d DOUBLE, i INT, day DATE, at TIMESTAMP, n STRING, xs ARRAY<INT>, j STRING")
    }

    private func check(_ column: Column, _ expected: String, at location: SourceLocation = #_sourceLocation) {
        do {
            let value = try row.select(column).collect()[0].values[0]
            #expect(value.description == expected, sourceLocation: location)
        } catch {
            Issue.record(error, sourceLocation: location)
        }
    }

    @Test func text() {
        check(F.concat("t", lit("!")), "Ab c!")
        check(F.concat("t", "n"), "null")
        check(F.concat_ws("-", "t", "n", "list"), "Ab c-a,b,,d")
        check(F.upper("t"), "AB C")
        check(F.lower("t"), "ab c")
        check(F.initcap(lit("ab CD")), "Ab Cd")
        check(F.trim(lit("  x ")), "x")
        check(F.ltrim(lit("  x ")), "x ")
        check(F.rtrim(lit("  x ")), "  x")
        check(F.length("t"), "4")
        check(F.substring("t", 2, 2), "b ")
        check(F.lpad("i", 3, "0"), "007")
        check(F.rpad("i", 3, "xy"), "7xy")
        check(F.repeat("i", 3), "777")
        check(F.reverse("t"), "c bA")
        check(F.translate("t", "Ac", "x"), "xb ")
        check(F.replace("list", ",", ";"), "a;b;;d")
        check(F.instr("t", "c"), "4")
        check(F.split("list", ","), "[a, b, , d]")
        check(F.split("list", ",", 2), "[a, b,,d]")
        check(F.split_part("list", ",", 2), "b")
        check(F.regexp_replace("list", "([a-d]),", "$1;"), "a;b;,d")
        check(F.regexp_extract("list", "([a-z]),([a-z])", 2), "b")
    }

    @Test func numbers() {
        check(F.round("d"), "-3.0")
        check(F.bround("d"), "-2.0")
        check(F.round(lit(.decimal("1.255")), 2), "1.26")
        check(F.floor("d"), "-3")
        check(F.ceil("d"), "-2")
        check(F.abs("d"), "2.5")
        check(F.sqrt(lit(16)), "4.0")
        check(F.exp(lit(0)), "1.0")
        check(F.log(lit(1)), "0.0")
        check(F.log10(lit(1000)), "3.0")
        check(F.pow("i", 2), "49.0")
        check(F.signum("d"), "-1.0")
        check(F.greatest("i", lit(9), lit(nil)), "9")
        check(F.least("i", lit(9)), "7")
        check(F.coalesce("n", "t"), "Ab c")
        check(F.isnull("n"), "true")
        check(F.isnan("d"), "false")
        check(F.hash(lit("Spark")), "228093765")
        check(F.call("pmod", "i", lit(4)), "3")
    }

    @Test func dates() {
        check(F.to_date(lit("31/03/2026"), "dd/MM/yyyy"), "2026-03-31")
        check(F.to_date("at"), "2026-03-31")
        check(F.try_to_date(lit("x"), "yyyy-MM-dd"), "null")
        check(F.to_timestamp(lit("2026-03-31 01:02:03")), "2026-03-31 01:02:03")
        check(F.to_timestamp(lit("31.03.26 01"), "dd.MM.yy HH"), "2026-03-31 01:00:00")
        check(F.date_format("at", "yyyy/MM/dd HH:mm"), "2026/03/31 13:45")
        check(F.date_trunc("hour", "at"), "2026-03-31 13:00:00")
        check(F.trunc("day", "month"), "2026-03-01")
        check(F.year("day"), "2026")
        check(F.quarter("day"), "1")
        check(F.month("day"), "3")
        check(F.dayofmonth("day"), "31")
        check(F.dayofweek("day"), "3")
        check(F.dayofyear("day"), "90")
        check(F.weekofyear("day"), "14")
        check(F.hour("at"), "13")
        check(F.minute("at"), "45")
        check(F.second("at"), "59")
        check(F.date_add("day", 1), "2026-04-01")
        check(F.date_sub("day", col("i")), "2026-03-24")
        check(F.add_months("day", -1), "2026-02-28")
        check(F.datediff("day", lit(.date("2026-01-01"))), "89")
        check(F.months_between("day", lit(.date("2026-01-31"))), "2.0")
        check(F.last_day(lit(.date("2028-02-03"))), "2028-02-29")
        check(F.next_day("day", "Mon"), "2026-04-06")
        check(F.unix_timestamp("day"), "1774915200")
        check(F.from_unixtime(lit(0)), "1970-01-01 00:00:00")
        check(F.make_date(lit(2026), lit(2), lit(3)), "2026-02-03")
    }

    @Test func collections() {
        check(F.array("i", lit(8)), "[7, 8]")
        check(F.create_map(lit("k"), "i"), "{k -> 7}")
        check(F.struct("i", "t"), "[7,Ab c]")
        check(F.size("xs"), "3")
        check(F.array_contains("xs", 1), "true")
        check(F.array_join(F.split("list", ","), "+"), "a+b++d")
        check(F.element_at("xs", -2), "1")
        check(F.map_keys(F.create_map(lit("k"), "i")), "[k]")
        check(F.map_values(F.create_map(lit("k"), "i")), "[7]")
        check(col("xs").getItem(0), "3")
        check(F.struct("i", "t").getField("t"), "Ab c")
        check(F.call("typeof", "xs"), "array<int>")
    }
}
