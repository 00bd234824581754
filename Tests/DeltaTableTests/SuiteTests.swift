import Columnar
import DeltaProtocol
import DeltaTable
import JSONModel
import ObjectStore
import QueryEngine
import SparkPlan
import TableTestSupport
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Reads every table of the conformance suites when they are present.
@Suite struct SuiteTests {
    static let root = Suites.folder("suites")

    @Test(.enabled(if: root != nil), arguments: [("tables", 140), ("tables-generated", 31)])
    func reads(folder: String, minimum: Int) throws {
        let base = (Self.root ?? "") + "/delta/" + folder
        let store = BlockingObjectStore(LocalObjectStore(root: base))
        let manifest = try JSONValue(parsing: try store.get("MANIFEST.json").bytes)
        var passed = 0
        var failures: [String] = []
        for entry in manifest["tables"]?.array ?? [] {
            guard let name = entry["name"]?.string,
                let expected = try? JSONValue(parsing: try store.get(name + "/expected.json").bytes)
            else { continue }
            let why = Self.check(LocalObjectStore(root: base), name, expected)
            if let why { failures.append("\(name): \(why)") } else { passed += 1 }
        }
        if getenv("MILLRACE_VERBOSE") != nil { for failure in failures { print("FAILED", failure) } }
        print("\(folder): \(passed) passed, \(failures.count) failed")
        #expect(passed >= minimum)
    }

    /// Nil when the table reads as expected, else what differs.
    static func check(_ store: any ObjectStore, _ name: String, _ expected: JSONValue) -> String? {
        let kind = expected["kind"]?.string
        let log = DeltaLog(store: store, path: name + "/delta", stores: ObjectStores())
        do {
            let snapshot = try log.requiredSnapshot()
            if let version = expected["version"]?.int64, kind != "error", version != snapshot.version {
                return "version \(snapshot.version) instead of \(version)"
            }
            if let count = expected["num_active_files"]?.int64, kind != "error", Int(count) != snapshot.files.count {
                return "\(snapshot.files.count) files instead of \(count)"
            }
            if kind == "log-only" { return nil }
            let rows = try texts(DeltaSource(log: log, snapshot: snapshot))
            if kind == "error" { return "read \(rows.count) rows, an error was expected" }
            if CanonicalText.digest(rows) != expected["rows_sha256"]?.string {
                return "\(rows.count) rows of \(expected["row_count"]?.int64 ?? -1), such as \(rows.first ?? "") instead of "
                    + (expected["rows"]?[0]?.text ?? expected["first_rows"]?[0]?.text ?? "?")
            }
            for (text, version) in expected["versions"]?.object ?? [:] {
                guard let number = Int64(text), let digest = version["rows_sha256"]?.string else { continue }
                let old = try texts(DeltaSource(log: log, snapshot: try log.requiredSnapshot(version: number)))
                if CanonicalText.digest(old) != digest { return "version \(number) has \(old.count) other rows" }
            }
            return nil
        } catch {
            return kind == "error" ? nil : "\(error)"
        }
    }

    private static func texts(_ source: DeltaSource) throws -> [String] {
        var rows: [String] = []
        for task in try source.scan(ScanRequest(columns: Array(source.schema.fields.indices))) {
            let reader = try task.open()
            while let batch = try reader.next()?.compacted() {
                for row in 0..<batch.rowCount { rows.append(CanonicalText.row(batch, row)) }
            }
        }
        return rows
    }
}
