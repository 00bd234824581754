import Columnar
import JSONModel
import TestSupport
import Testing
import TextFormats

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Files with the rows that Spark 4.0.1 reads from them; run when the suite is beside the checkout.
@Suite(.enabled(if: Suites.folder("suites/delta/csv") != nil))
struct CSVConformanceTests {
    static func bytes(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return all }
            all += chunk[..<count]
        }
    }

    /// The suite records rows as Spark's cast to string gives them.
    static func canonical(_ value: Scalar) -> String {
        var out: [UInt8] = []
        switch value {
        case .null: return "null"
        case .bool(let x): out += (x ? "true" : "false").utf8
        case .string(let x): out += x.utf8
        case .decimal(let x, let scale): ValueText.append(decimal: x, scale: scale, to: &out)
        case .double(let x): ValueText.append(x, to: &out)
        case .date(let days): ValueText.append(date: Int(days), to: &out)
        case .timestamp(let micros): ValueText.append(timestamp: micros, to: &out)
        default: ValueText.append(value.int64Value ?? 0, to: &out)
        }
        return JSONValue.string(String(decoding: out, as: UTF8.self)).text
    }

    @Test func readsAsSpark() throws {
        let root = (Suites.folder("suites/delta/csv") ?? "") + "/"
        let manifest = try JSONValue(parsing: Self.bytes(root + "MANIFEST.json") ?? [])
        var passed = 0
        var failures: [String] = []
        for entry in manifest["files"]?.array ?? [] {
            guard let name = entry["file"]?.string, let input = Self.bytes(root + name),
                let text = Self.bytes(root + name + ".expected.json"), let spark = try JSONValue(parsing: text)["spark"]
            else { continue }
            for (variant, expected) in spark.object ?? JSONObject() {
                guard let listed = expected["options"]?.object, let wanted = expected["rows"]?.array,
                    expected["row_count"]?.int64 == Int64(wanted.count)
                else { continue }
                var given: [String: String] = [:]
                for (key, value) in listed { given[key] = value.string }
                var found: [[String]] = []
                var names: [String] = []
                var types: [String] = []
                do {
                    let options = try CSVOptions(given)
                    let schema = try CSVInference.schema(options: options, read: pieces(input, of: 4096))
                    names = schema.fields.map(\.name)
                    types = schema.fields.map(\.dataType.simpleString)
                    let reader = try CSVReader(schema: schema, options: options, read: pieces(input, of: 4096))
                    while let batch = try reader.next() {
                        found += batch.rows.map { $0.map { Self.canonical($0) } }
                    }
                } catch {
                    failures.append("\(name) \(variant): \(error)")
                    continue
                }
                let wantedRows = wanted.map { row in (row.array ?? []).map(\.text) }
                let wantedNames = expected["columns"]?.array?.compactMap(\.string) ?? []
                let wantedTypes = expected["types"]?.array?.compactMap(\.string) ?? []
                func sorted(_ rows: [[String]]) -> [[String]] { rows.sorted { $0.joined(separator: ",") < $1.joined(separator: ",") } }
                if sorted(found) == sorted(wantedRows), names == wantedNames, types == wantedTypes { passed += 1; continue }
                let at = found.indices.first { $0 >= wantedRows.count || found[$0] != wantedRows[$0] } ?? found.count
                failures.append(
                    "\(name) \(variant): names \(names == wantedNames) types \(types == wantedTypes ? "same" : "\(types) / \(wantedTypes)") rows \(found.count)/\(wantedRows.count) at \(at): "
                        + "\((found.indices.contains(at) ? "\(found[at])" : "-").prefix(200)) / \((wantedRows.indices.contains(at) ? "\(wantedRows[at])" : "-").prefix(200))")
            }
        }
        print("csv: \(passed) passed, \(failures.count) failed")
        for failure in failures { print("  \(failure.replacing("\n", with: "\\n").prefix(600))") }
        #expect(passed >= 1061, "\(failures.joined(separator: "\n"))")
    }
}
