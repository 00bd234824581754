import GlueModel
import Testing

@Suite struct PartitionFilterTests {
    private func matching(_ expression: String, _ type: String, _ values: [String]) throws -> [String] {
        let filter = try PartitionFilter(expression, keys: [GlueColumn(name: "col", type: type)])
        return try values.filter { try filter.matches([$0]) }
    }

    private func refusal(_ expression: String, _ type: String, _ value: String = "1") -> GlueError? {
        do throws(GlueError) {
            let filter = try PartitionFilter(expression, keys: [GlueColumn(name: "col", type: type)])
            _ = try filter.matches([value])
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "col = 2", "col = '2'", "col IN (2)", "col in (6, '4', 2)", "col between 2 AND 2", "col > 1 AND col < 3",
        "col >= 2 and col <> 3", "(col) = ((2)) (OR) (((col))) = (2)", "col IS NOT NULL and col = 2",
        "col not IN (1, 3)", "col NOT BETWEEN 1 AND 1 and col NOT BETWEEN 3 AND 3", "NOT (col = 1 OR col = 3)",
        "2 = col", "3 > col AND (col > 1)", "((col = 2))", "COL = 02", "col != 1 AND col != 3",
    ])
    func integers(expression: String) throws {
        #expect(try matching(expression, "int", ["1", "2", "3"]) == ["2"])
    }

    @Test(arguments: [
        "col = 2.6", "col = '2.6'", "col IN (2.6)", "col in (6, '4', 2.60)", "col between 2 AND 3e10",
        "col > 1.5 AND col < 3", "col >= 2 and col <> '3e14'",
    ])
    func decimals(expression: String) throws {
        #expect(try matching(expression, "decimal(18,4)", ["1.2", "2.6", "3e14", "-7"]) == ["2.6"])
    }

    @Test func texts() throws {
        let values = ["one", "two", "2", "three", "it's"]
        #expect(try matching("col = 'two'", "string", values) == ["two"])
        #expect(try matching("col = 2", "string", values) == ["2"])
        #expect(try matching("col between 'twn' AND 'twp'", "varchar(9)", values) == ["two"])
        for like in ["col LIKE 't_o'", "col LIKE '%wo'", "col LIKE 'tw%'", "col LIKE '%w%' and col like '___'"] {
            #expect(try matching(like, "string", values) == ["two"])
        }
        #expect(try matching("col NOT LIKE '%e' AND col not like '_'", "string", values) == ["two", "it's"])
        #expect(try matching("col = 'it''s'", "string", values) == ["it's"])
    }

    @Test func datesAndTimestamps() throws {
        let days = ["2022-01-01", "2022-02-28", "2022-03-01"]
        #expect(try matching("col > '2022-01-01' AND col < '2022-03-01'", "date", days) == ["2022-02-28"])
        let times = ["2022-01-01 12:00:00", "2022-01-01 12:00:00.5", "2022-01-01 12:00:01"]
        #expect(try matching("col > '2022-01-01 12:00:00.0' AND col < '2022-01-01 12:00:01'", "timestamp", times) == [times[1]])
        #expect(refusal("col = '2022-02-30'", "date")?.message == "2022-02-30 is not a date.")
    }

    @Test func nullsAreNeitherEqualNorUnequal() throws {
        let values = ["a", "__HIVE_DEFAULT_PARTITION__"]
        #expect(try matching("col IS NULL", "string", values) == [values[1]])
        #expect(try matching("col = 'a'", "string", values) == ["a"])
        #expect(try matching("col <> 'a'", "string", values) == [])
        #expect(try matching("NOT col = 'a'", "string", values) == [])
    }

    @Test func refusalsNameTheCause() {
        let cases: [(String, String, String, String)] = [
            ("unknown_col IS NULL", "int", "InvalidInputException", "Unknown column 'unknown_col'"),
            ("col = 'test'", "int", "InvalidInputException", "\"test\" is not an integer."),
            ("col in (2.5)", "int", "InvalidInputException", "\"2.5\" is not an integer."),
            ("col LIKE '2'", "bigint", "InvalidInputException", "Integral data type doesn't support operation 'LIKE'"),
            ("col LIKE '2'", "decimal", "InvalidInputException", "Decimal data type doesn't support operation 'LIKE'"),
            ("col = 3.14", "float", "InvalidInputException", "Unknown type : 'float'"),
            ("col IS test' AND", "string", "InvalidInputException", "Unsupported expression 'col IS test' AND'"),
            ("col = ", "int", "InvalidInputException", "Unsupported expression 'col = '"),
            ("", "int", "InvalidInputException", "Unsupported expression ''"),
        ]
        for (expression, type, code, message) in cases {
            let error = refusal(expression, type)
            #expect((error?.code.rawValue, error?.message) == (code, message))
        }
        #expect(refusal("col = 2", "int", "int")?.code == .invalidState)
        #expect(refusal(String(repeating: "(", count: 1000) + "col=1" + String(repeating: ")", count: 1000), "int") != nil)
        #expect(refusal(String(repeating: "NOT ", count: 300) + "col=1", "int") != nil)
    }

    @Test(arguments: [
        ("*", ["ab_12", "cd"], ["ab_12", "cd"]), ("ab.*", ["ab_12", "cd"], ["ab_12"]), ("ab*", ["ab_12", "cd"], ["ab_12"]),
        ("*_1*", ["ab_12", "cd"], ["ab_12"]), ("\\w+_12", ["ab_12", "_12"], ["ab_12"]), ("ab|cd", ["ab", "cd", "abcd"], ["ab", "cd"]),
        ("[a-c]+", ["abc", "abd"], ["abc"]), ("a?b", ["b", "ab", "aab"], ["b", "ab"]), ("(ab)*", ["abab", "aba"], ["abab"]),
        ("^x$", ["x", "xx"], ["x"]), ("AB", ["ab"], ["ab"]),
    ] as [(String, [String], [String])])
    func namePatterns(pattern: String, names: [String], matching: [String]) throws {
        let pattern = try NamePattern(pattern)
        #expect(names.filter { pattern.matches($0) } == matching)
    }

    @Test func hardPatternsEndSoon() throws {
        let pattern = try NamePattern("(a*)*(a*)*(a*)*(a*)*b")
        #expect(!pattern.matches(String(repeating: "a", count: 255)))
        #expect(try NamePattern("a" + String(repeating: "+", count: 2000)).matches("aa"))
        #expect(throws: GlueError.self) { try NamePattern("(") }
        #expect(throws: GlueError.self) { try NamePattern("[a") }
        #expect(throws: GlueError.self) { try NamePattern(String(repeating: "(", count: 2000)) }
    }
}
