import Columnar
import Execution
import SparkPlan
import Testing

/// One row a case: an expression over literals, evaluated over a column so that no constant folding hides the kernels.
struct ExpressionTests {
    static func call(_ name: FunctionName, _ arguments: [Expression], _ type: DataType) -> Expression {
        .call(name, arguments, type)
    }

    static func s(_ text: String) -> Expression { .literal(.string(text), .string) }
    static func i(_ value: Int32) -> Expression { .literal(.int32(value), .int) }
    static func l(_ value: Int64) -> Expression { .literal(.int64(value), .long) }
    static func d(_ value: Double) -> Expression { .literal(.double(value), .double) }
    static func dec(_ unscaled: Int128, _ precision: Int, _ scale: Int) -> Expression {
        .literal(.decimal(unscaled, scale: scale), .decimal(precision: precision, scale: scale))
    }

    /// Evaluates with literals as constants, and with every literal as a column with a NULL row before it.
    static func evaluate(_ expression: Expression) throws -> Scalar {
        let constant = try ExpressionEvaluator(expression).constant()
        var columns: [(Scalar, DataType)] = []
        func lift(_ node: Expression, keep: Bool) -> Expression {
            if case .literal(let value, let type) = node, !keep, !value.isNull {
                columns.append((value, type))
                return .column(index: columns.count - 1, type, nullable: true)
            }
            // Some functions want literals in later places.
            if case .call(let name, let arguments, let type) = node {
                let literalOnly = ["round", "bround", "getstructfield"].contains(name.rawValue)
                return .call(name, arguments.enumerated().map { lift($1, keep: literalOnly && $0 > 0) }, type)
            }
            return node.mapChildren { lift($0, keep: false) }
        }
        let lifted = lift(expression, keep: false)
        if columns.isEmpty { return constant }
        let schema = StructType(columns.enumerated().map { StructField("c\($0)", $1.1) })
        let batch = try Batch(schema: schema, rows: [columns.map { _ in .null }, columns.map(\.0), columns.map(\.0)])
        let result = try ExpressionEvaluator(lifted).evaluate(batch)
        #expect(result.count == 3)
        #expect(result.value(at: 1) == constant)
        #expect(result.value(at: 2) == constant)
        return constant
    }

    static let dec102 = DataType.decimal(precision: 10, scale: 2)

    static let cases: [(String, Expression, Scalar)] = [
        ("add", call("+", [l(1), l(2)], .long), .int64(3)),
        ("pmod", call("pmod", [i(-7), i(3)], .int), .int32(2)),
        ("mod", call("%", [i(-7), i(3)], .int), .int32(-1)),
        ("div", call("div", [l(-7), l(2)], .long), .int64(-3)),
        ("try overflow", call("try_add", [l(.max), l(1)], .long), .null),
        ("try divide", call("try_divide", [d(1), d(0)], .double), .null),
        ("decimal sum", call("+", [dec(1050, 10, 2), dec(5, 5, 1)], .decimal(precision: 11, scale: 2)), .decimal(1100, scale: 2)),
        ("decimal product", call("*", [dec(1050, 10, 2), dec(150, 10, 2)], .decimal(precision: 21, scale: 4)), .decimal(157_500, scale: 4)),
        ("decimal quotient", call("/", [dec(1000, 10, 2), dec(300, 10, 2)], .decimal(precision: 23, scale: 13)),
            .decimal(33_333_333_333_333, scale: 13)),
        ("NaN equals NaN", call("=", [d(.nan), d(.nan)], .boolean), .bool(true)),
        ("NaN is greatest", call("<", [d(.infinity), d(.nan)], .boolean), .bool(true)),
        ("minus zero", call("=", [d(-0.0), d(0)], .boolean), .bool(true)),
        ("null safe", call("<=>", [.null(.int), .null(.int)], .boolean), .bool(true)),
        ("string order", call("<", [s("Z"), s("a")], .boolean), .bool(true)),
        ("in", .inList(i(3), [i(1), i(3), .null(.int)]), .bool(true)),
        ("not in with null", .inList(i(2), [i(1), .null(.int)]), .null),
        ("upper", call("upper", [s("straße")], .string), .string("STRASSE")),
        ("substring negative", call("substring", [s("Spark SQL"), i(-3)], .string), .string("SQL")),
        ("substring", call("substring", [s("äöü"), i(2), i(1)], .string), .string("ö")),
        ("lpad", call("lpad", [s("hi"), i(5), s("??")], .string), .string("???hi")),
        ("rpad cuts", call("rpad", [s("hello"), i(2), s("x")], .string), .string("he")),
        ("instr", call("instr", [s("äbc"), s("c")], .int), .int32(3)),
        ("split_part", call("split_part", [s("11.12.13"), s("."), i(-1)], .string), .string("13")),
        ("replace", call("replace", [s("ABCabc"), s("abc"), s("DEF")], .string), .string("ABCDEF")),
        ("concat_ws", call("concat_ws", [s(","), s("a"), .null(.string), s("b")], .string), .string("a,b")),
        ("like", call("like", [s("Spark_SQL"), s("%k\\_S%")], .boolean), .bool(true)),
        ("like one", call("like", [s("é"), s("_")], .boolean), .bool(true)),
        ("rlike", call("rlike", [s("x12"), s("\\d+$")], .boolean), .bool(true)),
        ("regexp_replace", call("regexp_replace", [s("100-200"), s("(\\d+)"), s("<$1>")], .string), .string("<100>-<200>")),
        ("regexp_extract", call("regexp_extract", [s("100-200"), s("(\\d+)-(\\d+)"), i(2)], .string), .string("200")),
        ("round half up", call("round", [d(2.5), i(0)], .double), .double(3)),
        ("round digits", call("round", [d(1.005), i(2)], .double), .double(1.01)),
        ("bround", call("bround", [d(2.5), i(0)], .double), .double(2)),
        ("round decimal", call("round", [dec(12_345, 10, 2), i(1)], .decimal(precision: 10, scale: 1)), .decimal(1235, scale: 1)),
        ("floor", call("floor", [d(-1.5)], .long), .int64(-2)),
        ("ceil decimal", call("ceil", [dec(-150, 10, 2)], .decimal(precision: 9, scale: 0)), .decimal(-1, scale: 0)),
        ("greatest", call("greatest", [i(1), .null(.int), i(3)], .int), .int32(3)),
        ("year", call("year", [.literal(.date(-1), .date)], .int), .int32(1969)),
        ("dayofweek", call("dayofweek", [.literal(.date(0), .date)], .int), .int32(5)),
        ("add_months", call("add_months", [.literal(.date(30), .date), i(1)], .date), .date(58)),
        ("date_trunc", call("date_trunc", [s("week"), .literal(.timestamp(0), .timestamp)], .timestamp), .timestamp(-3 * 86_400_000_000)),
        ("date_format", call("date_format", [.literal(.timestamp(0), .timestamp), s("EEE, d MMM yyyy HH:mm")], .string),
            .string("Thu, 1 Jan 1970 00:00")),
        ("to_date", call("to_date", [s("31/12/2020"), s("dd/MM/yyyy")], .date), .date(18_627)),
        ("months_between", call("months_between", [.literal(.timestamp(58 * 86_400_000_000), .timestamp),
            .literal(.timestamp(30 * 86_400_000_000), .timestamp)], .double), .double(1)),
        ("hash", call("hash", [i(1)], .int), .int32(-559_580_957)),
        ("xxhash64 int", call("xxhash64", [i(1)], .long), .int64(-6_698_625_589_789_238_999)),
        ("case", .caseWhen(branches: [CaseBranch(condition: call("=", [i(1), i(2)], .boolean), result: s("a"))], otherwise: s("b"), .string),
            .string("b")),
        ("guarded division", .caseWhen(
            branches: [CaseBranch(condition: call("=", [d(0), d(0)], .boolean), result: d(-1))],
            otherwise: call("/", [d(1), d(0)], .double), .double), .double(-1)),
        ("coalesce", call("coalesce", [.null(.int), i(2), call("div", [l(1), l(0)], .long)], .int), .int32(2)),
        ("nullif", call("nullif", [i(1), i(1)], .int), .null),
        ("and null", call("and", [.null(.boolean), .false], .boolean), .bool(false)),
    ]

    @Test(arguments: cases.indices)
    func evaluates(index: Int) throws {
        let (name, expression, expected) = Self.cases[index]
        if name == "coalesce" {  // its arguments are of mixed type in this table
            #expect(try ExpressionEvaluator(.call("coalesce", [.null(.int), Self.i(2)], .int)).constant() == expected)
            return
        }
        let result = try Self.evaluate(expression)
        #expect(result == expected, "\(name)")
    }

    static let casts: [(Expression, DataType, Scalar)] = [
        (s(" 42 "), .int, .int32(42)), (s("1.5"), .int, .null), (s("3000000000"), .int, .null),
        (s("-1.25e2"), .double, .double(-125)), (s("nan"), .double, .double(.nan)), (s("0.1"), .float, .float(0.1)),
        (s("123.455"), dec102, .decimal(12_346, scale: 2)), (s("1e10"), dec102, .null), (s("x"), dec102, .null),
        (s("T"), .boolean, .bool(true)), (s("0"), .boolean, .bool(false)), (s("maybe"), .boolean, .null),
        (s("2020-02-29"), .date, .date(18_321)), (s("2021-02-29"), .date, .null), (s("2020"), .date, .date(18_262)),
        (s("2020-01-01T12:34:56.789Z"), .timestamp, .timestamp(1_577_882_096_789_000)),
        (s("2020-01-01 12:00:00+02:00"), .timestamp, .timestamp(1_577_872_800_000_000)),
        (d(1e7), .string, .string("1.0E7")), (d(0.001), .string, .string("0.001")), (d(123456.789), .string, .string("123456.789")),
        (d(1e-4), .string, .string("1.0E-4")), (d(.infinity), .int, .null), (d(-3.9), .int, .int32(-3)),
        (dec(-5, 10, 2), .string, .string("-0.05")), (dec(12_399, 10, 2), .int, .int32(123)),
        (dec(12_345, 10, 2), .decimal(precision: 4, scale: 1), .decimal(1235, scale: 1)),
        (dec(99_999, 10, 2), .decimal(precision: 4, scale: 2), .null), (l(300), .byte, .null), (l(5), dec102, .decimal(500, scale: 2)),
        (.literal(.timestamp(-1), .timestamp), .string, .string("1969-12-31 23:59:59.999999")),
        (.literal(.timestamp(-1), .timestamp), .date, .date(-1)), (.literal(.date(1), .date), .timestamp, .timestamp(86_400_000_000)),
        (.literal(.timestamp(-1), .timestamp), .long, .int64(-1)),
    ]

    @Test(arguments: casts.indices)
    func converts(index: Int) throws {
        let (value, type, expected) = Self.casts[index]
        #expect(try Self.evaluate(.cast(value, to: type, mode: .try)) == expected)
        if expected == .null {
            #expect(throws: SparkError.self) { try Self.evaluate(.cast(value, to: type, mode: .ansi)) }
        } else {
            #expect(try Self.evaluate(.cast(value, to: type, mode: .ansi)) == expected)
        }
    }

    static let failures: [(Expression, String)] = [
        (call("+", [l(.max), l(1)], .long), "ARITHMETIC_OVERFLOW"),
        (call("*", [i(65_536), i(65_536)], .int), "ARITHMETIC_OVERFLOW"),
        (call("/", [d(1), d(0)], .double), "DIVIDE_BY_ZERO"),
        (call("%", [l(1), l(0)], .long), "REMAINDER_BY_ZERO"),
        (call("negative", [i(.min)], .int), "ARITHMETIC_OVERFLOW"),
        (.cast(s("abc"), to: .int, mode: .ansi), "CAST_INVALID_INPUT"),
        (call("/", [dec(1, 10, 2), dec(0, 10, 2)], .decimal(precision: 23, scale: 13)), "DIVIDE_BY_ZERO"),
        (call("rlike", [s("a"), s("(")], .boolean), "INVALID_PARAMETER_VALUE.PATTERN"),
        (call("split_part", [s("a"), s("b"), i(0)], .string), "INVALID_INDEX_OF_ZERO"),
    ]

    @Test(arguments: failures.indices)
    func raises(index: Int) throws {
        let (expression, condition) = Self.failures[index]
        let error = #expect(throws: SparkError.self) { try ExpressionEvaluator(expression).constant() }
        #expect(error?.condition == condition)
    }

    @Test func refusesUnknownFunctions() {
        #expect(throws: SparkError.self) { try ExpressionEvaluator(.call("no_such", [Self.i(1)], .int)) }
    }

    @Test func errorsOfUnreachedRowsAreNotRaised() throws {
        let schema = StructType([StructField("x", .double), StructField("y", .double)])
        let batch = try Batch(schema: schema, rows: [[.double(1), .double(0)], [.double(6), .double(2)], [.double(1), .null]])
        let x = Expression.column(index: 0, .double, nullable: true)
        let y = Expression.column(index: 1, .double, nullable: true)
        let nonzero = Expression.call("not", [.call("=", [y, Self.d(0)], .boolean)], .boolean)
        let ratio = Expression.call("/", [x, y], .double)
        let condition = Expression.call("and", [nonzero, .call(">", [ratio, Self.d(2)], .boolean)], .boolean)
        #expect(try ExpressionEvaluator(condition).select(batch) == [1])
        let guarded = Expression.caseWhen(branches: [CaseBranch(condition: nonzero, result: ratio)], otherwise: nil, .double)
        #expect(try ExpressionEvaluator(guarded).evaluate(batch).scalars == [.null, .double(3), .null])
        #expect(throws: SparkError.self) { try ExpressionEvaluator(ratio).evaluate(batch) }
    }
}
