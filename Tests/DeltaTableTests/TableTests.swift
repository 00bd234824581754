import Columnar
import DeltaProtocol
import DeltaTable
import JSONModel
import ObjectStore
import QueryEngine
import SparkPlan
import Support
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

@Suite struct TableTests {
    static let schema = StructType([StructField("id", .long), StructField("name", .string)])

    static func context(_ store: any ObjectStore) -> SourceContext {
        let stores = ObjectStores()
        stores.bind(bucket: "b", to: store)
        return SourceContext(stores: stores, configuration: SessionConfiguration(), parallelism: 1, nowMicros: 0)
    }

    static func request(_ mode: SaveMode, _ schema: StructType = schema, app: String? = nil) -> WriteRequest {
        var request = WriteRequest(path: "s3://b/t", schema: schema, mode: mode)
        request.transaction = app.map { WriteTransaction(appID: $0, version: 0) }
        return request
    }

    @discardableResult
    static func write(_ request: WriteRequest, _ rows: [[Scalar]], _ context: SourceContext) throws -> WriteResult {
        let sink = try DeltaFormat().sink(request, context: context)
        let writer = try sink.writer(ordinal: 0)
        let columns = try request.schema.fields.indices.map { index in
            let builder = ColumnBuilder(request.schema.fields[index].dataType)
            for row in rows { try builder.append(row[index]) }
            return builder.finish()
        }
        try writer.write(Batch(schema: request.schema, columns: columns, rowCount: rows.count))
        return try sink.commit([try writer.finish()])
    }

    static func read(_ context: SourceContext, options: [String: String] = [:]) throws -> [[Scalar]] {
        let source = try DeltaFormat().source(
            paths: ["s3://b/t"], schema: nil, options: FormatOptions(options), context: context)
        return try rows(of: source)
    }

    static func rows(of source: any TableSource) throws -> [[Scalar]] {
        var rows: [[Scalar]] = []
        for task in try source.scan(ScanRequest(columns: Array(source.schema.fields.indices))) {
            let reader = try task.open()
            while let batch = try reader.next()?.compacted() {
                let columns = batch.columns.map(\.scalars)
                for row in 0..<batch.rowCount { rows.append(columns.map { $0[row] }) }
            }
        }
        return rows
    }

    static func sample(_ range: Range<Int64>) -> [[Scalar]] { range.map { [.int64($0), .string("n\($0)")] } }

    @Test func createsAppendsOverwritesAndTravels() throws {
        let context = Self.context(MemoryObjectStore())
        #expect(try Self.write(Self.request(.append), Self.sample(0..<10), context).version == 0)
        #expect(try Self.write(Self.request(.append), Self.sample(10..<15), context).version == 1)
        #expect(Set(try Self.read(context)) == Set(Self.sample(0..<15)))
        #expect(try Self.write(Self.request(.overwrite), Self.sample(90..<92), context).version == 2)
        #expect(try Self.read(context) == Self.sample(90..<92))
        #expect(try Self.read(context, options: ["versionAsOf": "1"]).count == 15)
        #expect(throws: DeltaError.self) { try Self.read(context, options: ["versionAsOf": "9"]) }
        let (schema, history) = try DeltaFormat().history(path: "s3://b/t", context: context)
        #expect(history.map { $0[0] } == [.int64(2), .int64(1), .int64(0)])
        #expect(history[0][schema.index(of: "operation") ?? 0] == .string("WRITE"))
        #expect(throws: DeltaError.self) { try DeltaFormat().sink(Self.request(.errorIfExists), context: context) }
    }

    @Test func refusesRowsThatDoNotFit() throws {
        let context = Self.context(MemoryObjectStore())
        try Self.write(Self.request(.append), Self.sample(0..<1), context)
        let cases: [(StructType, String)] = [
            (StructType([StructField("id", .long), StructField("extra", .string)]), "DELTA_METADATA_MISMATCH"),
            (StructType([StructField("id", .string)]), "DELTA_FAILED_TO_MERGE_FIELDS"),
        ]
        for (schema, code) in cases {
            let error = #expect(throws: DeltaError.self) { try DeltaFormat().sink(Self.request(.append, schema), context: context) }
            #expect(error?.code.rawValue == code)
        }
        // Fewer columns and another order do fit.
        try Self.write(Self.request(.append, StructType([StructField("NAME", .string)])), [[.string("x")]], context)
        #expect(Set(try Self.read(context)) == [[.int64(0), .string("n0")], [.null, .string("x")]])
    }

    @Test func commitsAnApplicationOnce() throws {
        let context = Self.context(MemoryObjectStore())
        let first = try Self.write(Self.request(.append, app: "a"), Self.sample(0..<3), context)
        let again = try Self.write(Self.request(.append, app: "a"), Self.sample(0..<3), context)
        #expect(!first.alreadyCommitted && again.alreadyCommitted)
        #expect(again.version == 0 && again.rows == 3 && again.files == 1 && again.bytes == first.bytes)
        #expect(try Self.read(context).count == 3)
        // Two attempts alive at once: both began before either committed.
        let sinks = try (0..<2).map { _ in try DeltaFormat().sink(Self.request(.append, app: "b"), context: context) }
        let results = try sinks.map { sink in
            let writer = try sink.writer(ordinal: 0)
            let ids = ColumnBuilder(.long)
            try ids.append(.int64(7))
            let batch = Batch(schema: Self.schema, columns: [ids.finish(), .nulls(.string, count: 1)], rowCount: 1)
            try writer.write(batch)
            return try sink.commit([try writer.finish()])
        }
        #expect(results.map(\.alreadyCommitted) == [false, true])
        #expect(results.map(\.version) == [1, 1])
        #expect(try Self.read(context).count == 4)
    }

    @Test func partitionsAndSkips() throws {
        let context = Self.context(MemoryObjectStore())
        var request = Self.request(
            .append, StructType([StructField("v", .int), StructField("p", .string), StructField("d", .date)]))
        request.partitionColumns = ["p", "d"]
        let rows: [[Scalar]] = [
            [.int32(1), .string("a b/c"), .date(1)], [.int32(2), .null, .date(2)], [.int32(3), .string("x:y=%"), .null],
            [.int32(4), .string("a b/c"), .date(1)],
        ]
        #expect(try Self.write(request, rows, context).files == 3)
        #expect(Set(try Self.read(context)) == Set(rows))
        let source = try DeltaFormat().source(paths: ["s3://b/t"], schema: nil, options: FormatOptions(), context: context)
        func files(_ filter: String, _ column: Int, _ type: DataType, _ value: Scalar) throws -> Int {
            try source.scan(
                ScanRequest(
                    columns: [0],
                    filters: [.call(.init(rawValue: filter), [.column(index: column, type, nullable: true), .literal(value, type)], .boolean)]
                )).count
        }
        #expect(try files("=", 1, .string, .string("a b/c")) == 1)
        #expect(try files(">", 0, .int, .int32(3)) == 1)
        #expect(try files("<=", 0, .int, .int32(2)) == 2)
        #expect(try files("=", 2, .date, .date(9)) == 0)
    }

    @Test(arguments: [0.0, 0.1])
    func eightWritersLoseAndDoubleNothing(faults: Double) async throws {
        let memory = MemoryObjectStore()
        let store: any ObjectStore = faults == 0
            ? memory : FaultInjectingObjectStore(memory, faults: ObjectStoreFaults(throttled: faults / 50, lostResponses: faults), seed: 5)
        let context = Self.context(store)
        let executor = BlockingExecutor(name: "writers", threads: 8)
        let writes = 12
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    try await executor.run {
                        for write in 0..<writes {
                            let id = Int64(worker * writes + write)
                            // A job that fails is run again under the same identity.
                            for attempt in 0... {
                                do {
                                    try Self.write(Self.request(.append, app: "w\(id)"), Self.sample(id..<id + 1), context)
                                    break
                                } catch let error as ObjectStoreError where attempt < 500 && faults > 0 && error.code == .unavailable {
                                    continue
                                }
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let clean = Self.context(memory)
        let log = try DeltaLog(uri: "s3://b/t", stores: clean.stores)
        let rows = try await executor.run { try Self.read(clean) }
        #expect(rows.count == 8 * writes)
        #expect(Set(rows) == Set(Self.sample(0..<Int64(8 * writes))))
        let versions = try await executor.run { try log.commits().map(\.version) }
        #expect(versions == (0..<Int64(8 * writes)).reversed())
        let snapshot = try await executor.run { try log.requiredSnapshot() }
        #expect(snapshot.transactions.count == 8 * writes)
        if faults == 0 {
            let names = try await memory.listAll(prefix: "t/_delta_log/").map(\.key)
            #expect(names.contains("t/_delta_log/00000000000000000090.checkpoint.parquet"))
            #expect(names.contains("t/_delta_log/_last_checkpoint"))
        }
    }

    /// Writes a table for other readers to check when MILLRACE_WRITE_TABLE names a directory that does not exist.
    @Test func writesForOtherReaders() throws {
        guard let path = getenv("MILLRACE_WRITE_TABLE").map({ String(cString: $0) }) else { return }
        let context = SourceContext(
            stores: ObjectStores(), configuration: SessionConfiguration(), parallelism: 1, nowMicros: 0)
        let inner = StructType([StructField("x", .int), StructField("y", .string)])
        let schema = StructType([
            StructField("id", .long, nullable: false), StructField("p", .string), StructField("day", .date),
            StructField("price", .decimal(precision: 20, scale: 3)), StructField("at", .timestamp), StructField("f", .double),
            StructField("s", .structure(inner)), StructField("l", .array(element: .int, containsNull: true)),
            StructField("m", .map(key: .string, value: .long, valueContainsNull: true)), StructField("b", .boolean),
            StructField("raw", .binary), StructField("text", .string), StructField("small", .short),
        ])
        for version in 0..<23 {
            var request = WriteRequest(path: path, schema: schema, mode: version == 12 ? .overwrite : .append)
            request.partitionColumns = ["p"]
            request.transaction = WriteTransaction(appID: "app\(version)", version: 0)
            let rows: [[Scalar]] = (0..<20).map { row in
                let id = Int64(version * 100 + row)
                return [
                    .int64(id), row % 5 == 0 ? .null : .string(["a", "b c", "é:/%"][row % 3]), .date(Int32(id)),
                    .decimal(Int128(id) * -1001, scale: 3), .timestamp(id * 1_000_001), .double(Double(id) / 3),
                    row % 7 == 0 ? .null : .structure([.int32(Int32(row)), row % 2 == 0 ? .null : .string("y\(row)")]),
                    row % 4 == 0 ? .null : .array([.int32(1), .null, .int32(Int32(row))]),
                    .map([ScalarEntry(.string("k"), .int64(id))]), row % 3 == 0 ? .null : .bool(row % 2 == 0), .binary([1, UInt8(row)]),
                    .string(String(repeating: "long text ", count: row)), .int16(Int16(row)),
                ]
            }
            try Self.write(request, rows, context)
        }
    }
}
