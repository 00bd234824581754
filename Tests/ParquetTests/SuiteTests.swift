import Columnar
import JSONModel
import Parquet
import TableTestSupport
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Runs every file of the conformance suites when they are beside the checkout.
@Suite struct SuiteTests {
    static let root = Suites.folder("suites")

    enum Outcome {
        case passed
        case failed(String)
    }

    @Test(.enabled(if: root != nil), arguments: [("parquet", 129), ("parquet-generated", 39)])
    func reads(folder: String, minimum: Int) throws {
        let base = (Self.root ?? "") + "/delta/" + folder
        let manifest = try JSONValue(parsing: try readFile(base + "/MANIFEST.json"))
        var passed = 0
        var failures: [String] = []
        for entry in manifest["files"]?.array ?? [] {
            guard let name = entry["file"]?.string, let bytes = try? readFile(base + "/" + name) else { continue }
            if getenv("MILLRACE_TRACE") != nil { print("reading", name) }
            let outcome: Outcome
            do {
                let rows = try Self.rows(of: bytes, zoneless: try Self.zoneless(base + "/" + name))
                if entry["kind"]?.string == "error" {
                    outcome = .failed("read \(rows.count) rows, an error was expected")
                } else if CanonicalText.digest(rows) == entry["rows_sha256"]?.string {
                    outcome = .passed
                } else {
                    outcome = .failed("\(rows.count) rows of \(entry["row_count"]?.int64 ?? -1): \(rows.first ?? "")".prefix(300).description)
                }
            } catch {
                outcome = entry["kind"]?.string == "error" ? .passed : .failed("\(error)")
            }
            switch outcome {
            case .passed: passed += 1
            case .failed(let why): failures.append("\(name): \(why)")
            }
        }
        if getenv("MILLRACE_VERBOSE") != nil { for failure in failures { print("FAILED", failure) } }
        print("\(folder): \(passed) passed, \(failures.count) failed")
        #expect(passed >= minimum)
    }

    /// Most readers give INT96 timestamps without a zone, Spark with one.
    private static func zoneless(_ path: String) throws -> Set<Int> {
        let expected = try JSONValue(parsing: try readFile(path + ".expected.json"))
        let types = expected["canonical_types"]?.array ?? []
        return Set(types.indices.filter { types[$0].string == "timestamp_ntz" })
    }

    static func rows(of bytes: [UInt8], zoneless: Set<Int>) throws -> [String] {
        let file = try ParquetFile(BytesRandomAccess(bytes))
        var rows: [String] = []
        for group in file.metadata.rowGroups.indices {
            let reader = try file.reader(rowGroup: group, columns: nil)
            while let batch = try reader.next() {
                for row in 0..<batch.rowCount { rows.append(CanonicalText.row(batch, row, zoneless: zoneless)) }
            }
        }
        return rows
    }
}

func readFile(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw ParquetError(.malformed, "cannot open \(path)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return bytes }
        bytes += chunk[..<count]
    }
}
