import FoundationEssentials
import JSONModel
import JSONata
import Support
import TestSupport
import Testing

/// The published cases beside the checkout; nothing where they are absent.
@Suite struct SuiteTests {
    static let folder = Suites.folder("suites/expr")

    struct Outcome {
        var result: JSONValue?
        var code: String?
    }

    static func load(_ name: String) throws -> JSONValue {
        guard let folder, let data = FileManager.default.contents(atPath: folder + "/" + name) else { return [] }
        return try JSONValue(parsing: Array(data))
    }

    @Test func publishedCases() throws {
        let datasets = try Self.load("jsonata-datasets.json")
        var failed: [String] = []
        // The last names the insides of another implementation.
        let left: Set<String> = ["wildcards/case010#1"]
        for test in try Self.load("jsonata.json").array ?? [] {
            guard test["usesEval"] == nil, let id = test["id"]?.string, !left.contains(id) else { continue }
            let input = test["dataset"]?.string.flatMap { datasets[$0] } ?? test["data"]
            var limits = JSONataLimits(steps: 60_000_000)
            if let depth = test["depth"]?.int64 { limits.depth = Int(depth) }
            let found = Self.run(test["expr"]?.string ?? "", input, test["bindings"]?.object ?? [:], limits)
            let wanted = test["v206"] ?? test
            let isRight: Bool
            if wanted["noAnswer"] != nil {
                isRight = true
            } else if let code = wanted["code"] {
                isRight = code.isNull ? found.code != nil : found.code == code.string
            } else if let code = test["error"]?["code"]?.string, wanted["result"] == nil {
                isRight = found.code == code
            } else if wanted["undefinedResult"] != nil {
                isRight = found.code == nil && found.result == nil
            } else if let result = found.result, let expected = wanted["result"] {
                isRight =
                    test["unordered"] == nil
                    ? areEqual(result, expected)
                    : Set((result.array ?? []).map(\.text)) == Set((expected.array ?? []).map(\.text))
                        || areEqual(result, expected)
            } else {
                isRight = false
            }
            if !isRight { failed.append(id) }
        }
        #expect(failed.isEmpty, "\(failed)")
    }

    private static func run(
        _ text: String, _ input: JSONValue?, _ bindings: JSONObject, _ limits: JSONataLimits
    ) -> Outcome {
        do {
            let expression = try JSONataExpression(parsing: text)
            let environment = JSONataEnvironment(
                now: Timestamp(millisecondsSince1970: 1_700_000_000_123), seed: 7, limits: limits)
            var values: [String: JSONValue] = [:]
            for (key, value) in bindings { values[key] = value }
            return Outcome(result: try expression.evaluate(input, bindings: values, in: environment))
        } catch {
            return Outcome(code: error.code)
        }
    }
}

/// Numbers by value, objects in any order.
func areEqual(_ a: JSONValue, _ b: JSONValue) -> Bool {
    switch (a, b) {
    case (.number(let a), .number(let b)): return a.double == b.double
    case (.array(let a), .array(let b)): return a.count == b.count && zip(a, b).allSatisfy { areEqual($0, $1) }
    case (.object(let a), .object(let b)):
        return a.count == b.count && a.allSatisfy { key, value in b[key].map { areEqual(value, $0) } ?? false }
    default: return a == b
    }
}
