import Columnar
import JSONModel
import Support
import Testing

struct ColumnVectorTests {
    static let nested = DataType.structure(
        StructType([
            StructField("a", .array(element: .int, containsNull: true)),
            StructField("m", .map(key: .string, value: .string, valueContainsNull: true)),
        ]))

    static let samples: [(DataType, [Scalar])] = [
        (.boolean, [.bool(true), .null, .bool(false)]),
        (.byte, [.int8(-3), .null, .int8(7)]),
        (.short, [.int16(-300), .int16(5), .null]),
        (.int, [.int32(1), .null, .int32(.max)]),
        (.long, [.int64(.min), .int64(0), .int64(.max)]),
        (.float, [.float(1.5), .null, .float(.nan)]),
        (.double, [.double(-0.5), .double(.infinity), .null]),
        (.decimal(precision: 10, scale: 2), [.decimal(12345, scale: 2), .null, .decimal(-1, scale: 2)]),
        (.decimal(precision: 38, scale: 0), [.decimal(Int128(Int64.max) * 1000, scale: 0), .null, .decimal(0, scale: 0)]),
        (.string, [.string(""), .string("twelve bytes"), .string("thirteen byte"), .null, .string("Zürich é \u{1F600} long text")]),
        (.binary, [.binary([0, 255]), .null, .binary(Array(repeating: 7, count: 40))]),
        (.date, [.date(-1), .date(0), .null]),
        (.timestamp, [.timestamp(1), .null, .timestamp(-1)]),
        (.null, [.null, .null]),
        (nested, [
            .structure([.array([.int32(1), .null]), .map([ScalarEntry(.string("k"), .string("a long enough value"))])]),
            .null, .structure([.array([]), .null]), .structure([.null, .map([])]),
        ]),
    ]

    static func column(_ type: DataType, _ values: [Scalar]) throws -> ColumnVector {
        let builder = ColumnBuilder(type)
        for value in values { try builder.append(value) }
        return builder.finish()
    }

    @Test(arguments: samples.indices)
    func movesRows(sample: Int) throws {
        let (type, values) = Self.samples[sample]
        let column = try Self.column(type, values)
        #expect(column.scalars == values)
        let order = (0..<200).map { Int32(($0 * 7) % values.count) }
        let gathered = order.withUnsafeBufferPointer { column.gather($0) }
        #expect(gathered.scalars == order.map { values[Int($0)] })
        let missing: [Int32] = [0, -1, 1, -1]
        let outer = missing.withUnsafeBufferPointer { column.gather($0, negativeIsNull: true) }
        #expect(outer.scalars == [values[0], .null, values[1], .null])
        for range in [0..<200, 63..<130, 64..<65, 5..<5] {
            #expect(gathered.slice(range).scalars == Array(gathered.scalars[range]))
        }
        let joined = ColumnVector.concatenate([column, gathered.slice(63..<130), column.slice(1..<2)], as: type)
        #expect(joined.scalars == values + gathered.scalars[63..<130] + [values[1]])
        let one = ColumnVector.constant(column.slice(1..<2), count: 5)
        #expect(one.scalars == Array(repeating: values[1], count: 5))
        #expect(one.flattened().scalars == one.scalars)
        #expect(ColumnVector.concatenate([one, column], as: type).scalars == one.scalars + values)
        let nulls = ColumnVector.nulls(type, count: 3)
        #expect(nulls.scalars == [.null, .null, .null])
        #expect(missing.withUnsafeBufferPointer { one.gather($0, negativeIsNull: true) }.scalars
            == [values[1], .null, values[1], .null])
    }

    @Test func dictionariesKeepTheirForm() throws {
        let dictionary = try Self.column(.string, [.string("north"), .string("a longer region name")])
        let codes = Buffer(bytes: 16)
        for (row, code) in [1, 0, 1, 1].enumerated() { codes.pointer(to: UInt32.self)[row] = UInt32(code) }
        var nulls = ValidityBuilder()
        nulls.setNull(2)
        let column = try ColumnVector.dictionary(
            codes: codes, count: 4, dictionary: dictionary, validity: nulls.finish(count: 4))
        let expected: [Scalar] = [.string("a longer region name"), .string("north"), .null, .string("a longer region name")]
        #expect(column.scalars == expected)
        #expect(column.flattened().scalars == expected)
        let twice = ColumnVector.concatenate([column, column.slice(1..<3)], as: .string)
        #expect(twice.encoding == .dictionary)
        #expect(twice.scalars == expected + expected[1..<3])
        codes.pointer(to: UInt32.self)[0] = 2
        #expect(throws: SparkError.self) {
            try ColumnVector.dictionary(codes: codes, count: 4, dictionary: dictionary)
        }
    }

    @Test func viewsCompareByBytes() {
        let texts = ["", "a", "ab", "abc", "abcd", "abcde", "abcdefgh", "abcdefghi", "abcdefghijkl", "abcdefghijklm",
            "abcdefghijklz", "abd", "b", "\u{7F}", "é", "\u{1F600}"]
        let heap = StringHeap()
        let views = texts.map { text in Array(text.utf8).withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { heap.store($0, count: bytes.count) } ?? .empty } }
        for (i, a) in views.enumerated() {
            #expect(a.string == texts[i])
            for (j, b) in views.enumerated() {
                let expected = Array(texts[i].utf8).lexicographicallyPrecedes(Array(texts[j].utf8))
                #expect((StringView.compare(a, b) < 0) == expected)
                #expect((a == b) == (i == j))
            }
        }
        withExtendedLifetime(heap) {}
    }

    @Test func schemasRoundTripAsJSON() throws {
        let schema = StructType([
            StructField("id", .long, nullable: false), StructField("d", .decimal(precision: 12, scale: 3)),
            StructField("n", Self.nested, metadata: ["comment": "x"]), StructField("t", .timestampNTZ),
        ])
        #expect(try DataType(jsonText: schema.json.text) == .structure(schema))
        #expect(DataType.structure(schema).simpleString
            == "struct<id:bigint,d:decimal(12,3),n:struct<a:array<int>,m:map<string,string>>,t:timestamp_ntz>")
        #expect(throws: SparkError.self) { try DataType(jsonText: "\"geometry\"") }
        #expect(schema.index(of: "ID") == 0)
        #expect(schema.index(of: "ID", caseSensitive: true) == nil)
    }

    @Test func selectionsAndReservations() throws {
        let schema = StructType([StructField("x", .int)])
        let batch = try Batch(schema: schema, rows: (0..<10).map { [.int32(Int32($0))] })
        let chosen = Batch(schema: schema, columns: batch.columns, rowCount: 10, selection: SelectionVector([1, 5, 9]))
        #expect(chosen.rows == [[.int32(1)], [.int32(5)], [.int32(9)]])
        #expect(Batch.concatenate([chosen, batch]).rowCount == 13)
        let pool = MemoryPool(limitBytes: 1000)
        let held = pool.reservation("sort")
        try held.resize(to: 900)
        #expect(throws: SparkError.self) { try pool.reservation("join").resize(to: 200) }
        try held.resize(to: 10)
        #expect(pool.usedBytes == 10)
    }
}
