import Columnar
import SparkPlan
import SparkSQL

/// Tables known to the plan tests.
struct TestRelation: ScanRelation {
    let name: String
    let schema: StructType
    var hiddenColumns: [StructField] { [StructField("_metadata.file_path", .string, nullable: false)] }
    var estimatedRows: Int64?
    var explainName: String { name }
}

struct TestResolver: RelationResolver {
    static let tables: [String: (String, Int64)] = [
        "t": ("a INT, b STRING, c DECIMAL(10,2), d DATE, ts TIMESTAMP, x DOUBLE, l BIGINT, f BOOLEAN", 1000),
        "u": ("a INT, e STRING", 10),
        "nested": ("s STRUCT<p: INT, q: STRUCT<r: STRING>>, arr ARRAY<INT>, m MAP<STRING, DOUBLE>", 5),
    ]

    func table(_ name: [String], options: [String: String]) throws -> (ResolvedTable, qualifier: [String])? {
        guard let last = name.last, let (ddl, rows) = Self.tables[last.lowercased()] else { return nil }
        return (.relation(TestRelation(name: last, schema: try SQLParser.parseSchema(ddl), estimatedRows: rows)), ["db", last])
    }

    func files(
        format: String, paths: [String], schema: StructType?, options: [String: String]
    ) throws -> any ScanRelation {
        TestRelation(name: "\(format) \(paths)", schema: schema ?? StructType([StructField("v", .string)]))
    }

    func range(start: Int64, end: Int64, step: Int64) -> any ScanRelation {
        TestRelation(name: "range", schema: StructType([StructField("id", .long, nullable: false)]), estimatedRows: end - start)
    }
}

func analyzed(_ sql: String) throws -> AnalyzedQuery {
    guard case .query(let plan) = try SQLParser.parseStatement(sql) else { throw SparkError.internal("not a query") }
    let context = AnalysisContext(nowMicros: 0, user: "me", database: "db", ansi: true)
    return try Analyzer(resolver: TestResolver(), context: context).analyze(plan)
}

/// The optimised physical plan as EXPLAIN shows it, without constant folding of calls.
func plan(_ sql: String) throws -> String {
    let optimizer = Optimizer { _ in throw SparkError.internal("no evaluator here") }
    let text = PhysicalPlanner().plan(optimizer.optimize(try analyzed(sql).plan)).text
    return text
}

/// `name type` of every column.
func schema(_ sql: String) throws -> String {
    let text = try analyzed(sql).schema.fields.map { "\($0.name) \($0.dataType.simpleString)" }.joined(separator: ", ")
    return text
}

/// The condition of the error that analysing or parsing raises; "none" without one.
func failure(_ sql: String) -> String {
    do {
        _ = try SQLParser.parseStatement(sql)
        _ = try analyzed(sql)
        return "none"
    } catch let error as SparkError {
        return error.condition
    } catch {
        return "\(error)"
    }
}
