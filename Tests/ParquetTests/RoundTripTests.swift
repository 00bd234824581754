import Columnar
import JSONModel
import Parquet
import Support
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

@Suite struct RoundTripTests {
    static let schema = StructType([
        StructField("flag", .boolean), StructField("tiny", .byte), StructField("small", .short),
        StructField("id", .int, nullable: false), StructField("big", .long), StructField("real", .float),
        StructField("wide", .double), StructField("price", .decimal(precision: 9, scale: 2)),
        StructField("sum", .decimal(precision: 18, scale: 4)), StructField("huge", .decimal(precision: 38, scale: 10)),
        StructField("name", .string), StructField("raw", .binary), StructField("day", .date),
        StructField("at", .timestamp), StructField("local", .timestampNTZ),
        StructField("tags", .array(element: .string, containsNull: true)),
        StructField("props", .map(key: .string, value: .long, valueContainsNull: true)),
        StructField(
            "nested",
            .structure(
                StructType([
                    StructField("x", .int),
                    StructField("list", .array(element: .structure(StructType([StructField("y", .string)])), containsNull: true)),
                ]))),
    ])

    @Test(arguments: [
        (CompressionCodec.snappy, 5000, 1 << 20), (.zstd, 700, 1 << 20), (.uncompressed, 100_000, 600), (.snappy, 0, 100),
    ])
    func keepsEveryValue(codec: CompressionCodec, pageRows: Int, dictionaryBytes: Int) throws {
        var random = SeededRandom(seed: 7)
        let rows = pageRows == 0 ? [] : (0..<5000).map { Self.randomRow($0, &random) }
        var options = ParquetWriterOptions()
        options.codec = codec
        options.pageRows = max(1, pageRows)
        options.rowGroupRows = 3000
        options.dictionaryBytesMax = dictionaryBytes
        options.keyValueMetadata = [KeyValue("org.example", "value")]
        let bytes = try Self.write(rows, options)
        if let path = getenv("MILLRACE_WRITE_PARQUET") {
            let file = try #require(fopen(String(cString: path) + "-\(codec)-\(pageRows).parquet", "wb"))
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
        }
        let file = try ParquetFile(BytesRandomAccess(bytes))
        #expect(file.metadata.rowGroups.count == (rows.isEmpty ? 0 : 2))
        #expect(file.metadata.keyValueMetadata == [KeyValue("org.example", "value")])
        #expect(try file.schema() == Self.schema)
        var read: [[Scalar]] = []
        for group in file.metadata.rowGroups.indices {
            let reader = try file.reader(rowGroup: group, columns: nil, batchRows: 333)
            while let batch = try reader.next() {
                let columns = batch.columns.map(\.scalars)
                for row in 0..<batch.rowCount { read.append(columns.map { $0[row] }) }
            }
        }
        #expect(read.count == rows.count)
        if let index = zip(read, rows).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            Issue.record("row \(index): \(read[index]) instead of \(rows[index])")
        }
    }

    @Test func readsChosenColumnsAsOtherTypes() throws {
        var random = SeededRandom(seed: 1)
        let rows = (0..<10).map { Self.randomRow($0, &random) }
        let file = try ParquetFile(BytesRandomAccess(try Self.write(rows, ParquetWriterOptions())))
        let wanted = StructType([
            StructField("ID", .long), StructField("absent", .string), StructField("price", .decimal(precision: 20, scale: 3)),
        ])
        let batch = try #require(try file.reader(rowGroup: 0, columns: wanted).next())
        #expect(batch.columns[0].scalars == (0..<10).map { .int64(Int64($0)) })
        #expect(batch.columns[1].nullCount == 10)
        for row in 0..<10 {
            guard case .decimal(let unscaled, _) = rows[row][7] else { continue }
            #expect(batch.columns[2].value(at: row) == .decimal(unscaled * 10, scale: 3))
        }
        #expect(throws: ParquetError.self) {
            try file.reader(rowGroup: 0, columns: StructType([StructField("name", .long)]))
        }
        let none = try file.reader(rowGroup: 0, columns: StructType())
        #expect(try none.next()?.rowCount == 10)
    }

    @Test func refusesNullWhereNoneMayBe() throws {
        let writer = try ParquetWriter(schema: StructType([StructField("id", .int, nullable: false)]))
        let column = ColumnBuilder(.int)
        column.appendNull()
        let batch = Batch(schema: StructType([StructField("id", .int)]), columns: [column.finish()], rowCount: 1)
        #expect(throws: ParquetError.self) { try writer.write(batch) }
    }

    /// Any single damaged byte gives rows or an error, never a trap.
    @Test func survivesDamage() throws {
        var random = SeededRandom(seed: 3)
        let rows = (0..<40).map { Self.randomRow($0, &random) }
        let bytes = try Self.write(rows, ParquetWriterOptions())
        for _ in 0..<1500 {
            var damaged = bytes
            for _ in 0..<(1 + Int(random.next() % 3)) {
                damaged[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? SuiteTests.rows(of: damaged, zoneless: [])
        }
        for length in stride(from: 0, to: bytes.count, by: 97) { _ = try? SuiteTests.rows(of: Array(bytes[..<length]), zoneless: []) }
    }

    static func write(_ rows: [[Scalar]], _ options: ParquetWriterOptions) throws -> [UInt8] {
        let writer = try ParquetWriter(schema: schema, options: options)
        var bytes: [UInt8] = []
        var start = 0
        while start < rows.count {
            let end = min(start + 1000, rows.count)
            let columns = try schema.fields.indices.map { index in
                let builder = ColumnBuilder(schema.fields[index].dataType)
                for row in rows[start..<end] { try builder.append(row[index]) }
                return builder.finish()
            }
            try writer.write(Batch(schema: schema, columns: columns, rowCount: end - start))
            bytes += writer.takeBytes()
            start = end
        }
        let written = try writer.finish()
        bytes += writer.takeBytes()
        #expect(written.byteCount == Int64(bytes.count))
        return bytes
    }

    static func randomRow(_ index: Int, _ random: inout SeededRandom) -> [Scalar] {
        func maybe(_ value: Scalar) -> Scalar { random.next() % 5 == 0 ? .null : value }
        func text() -> String { String(repeating: ["a", "é", "xyz", ""][Int(random.next() % 4)], count: Int(random.next() % 30)) }
        let bits = random.next()
        let list: Scalar = .array((0..<Int(random.next() % 4)).map { _ in maybe(.string(text())) })
        let inner: Scalar = .array(
            (0..<Int(random.next() % 3)).map { _ in maybe(.structure([maybe(.string(text()))])) })
        return [
            maybe(.bool(bits & 1 == 1)), maybe(.int8(Int8(truncatingIfNeeded: bits))),
            maybe(.int16(Int16(truncatingIfNeeded: bits))), .int32(Int32(index)), maybe(.int64(Int64(bitPattern: bits))),
            maybe(.float(Float(Int32(truncatingIfNeeded: bits)) / 3)), maybe(.double(Double(Int64(bitPattern: bits)) / 7)),
            maybe(.decimal(Int128(Int64(bitPattern: bits) % 999_999_999), scale: 2)),
            maybe(.decimal(Int128(Int64(bitPattern: bits) % 1_000_000_000_000_000_000), scale: 4)),
            maybe(.decimal(Int128(Int64(bitPattern: bits)) * 12_345_678_901_234_567, scale: 10)),
            maybe(.string(text())), maybe(.binary(Array(text().utf8))),
            maybe(.date(Int32(truncatingIfNeeded: bits % 40_000))), maybe(.timestamp(Int64(bits % 4_000_000_000_000_000))),
            maybe(.timestamp(-Int64(bits % 4_000_000_000_000_000))), maybe(list),
            maybe(.map((0..<Int(random.next() % 3)).map { ScalarEntry(.string("k\($0)"), maybe(.int64(Int64($0)))) })),
            maybe(.structure([maybe(.int32(Int32(truncatingIfNeeded: bits))), maybe(inner)])),
        ]
    }
}
