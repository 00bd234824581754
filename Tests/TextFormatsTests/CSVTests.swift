import Columnar
import Support
import Testing
import TextFormats

/// Delivers bytes in pieces of a given size.
func pieces(_ bytes: [UInt8], of size: Int) -> CSVReader.Read {
    var position = 0
    return { buffer in
        let count = min(size, buffer.count, bytes.count - position)
        buffer.copyBytes(from: bytes[position..<(position + count)])
        position += count
        return count
    }
}

func rows(_ reader: CSVReader) throws -> [[Scalar]] {
    var rows: [[Scalar]] = []
    while let batch = try reader.next() { rows += batch.rows }
    return rows
}

struct CSVTests {
    static func strings(_ text: String, _ options: CSVOptions, columns: Int, chunk: Int = 1 << 20) throws -> [[String?]] {
        let schema = StructType((0..<columns).map { StructField("_c\($0)", .string) })
        let reader = try CSVReader(schema: schema, options: options, read: pieces(Array(text.utf8), of: chunk))
        return try rows(reader).map { $0.map(\.stringValue) }
    }

    static func options(_ change: (inout CSVOptions) -> Void = { _ in }) -> CSVOptions {
        var options = CSVOptions()
        change(&options)
        return options
    }

    static let texts: [(String, CSVOptions, [[String?]])] = [
        ("a,b\n1,2\n", options(), [["a", "b"], ["1", "2"]]),
        ("a,b\r\n1,2", options(), [["a", "b"], ["1", "2"]]),
        ("\u{FEFF}a,b\n\n   \n,\n", options(), [["a", "b"], [nil, nil]]),
        ("\"a,\n", options(), [["a,", nil]]),
        ("\"x,y\",\"q\\\"r\"\n", options(), [["x,y", "q\"r"]]),
        ("\"ha \"\"ha\"\" ha\",z\n", options(), [["\"ha \"\"ha\"\" ha\"", "z"]]),
        ("\"a\"\"\",z\n", options(), [["a\"\"", "z"]]),
        ("\"ha \"\"ha\"\" ha\",z\n", options { $0.escape = 34 }, [["ha \"ha\" ha", "z"]]),
        ("\"two\nlines\",2\n3,4\n", options { $0.multiLine = true }, [["two\nlines", "2"], ["3", "4"]]),
        (" a , b \n", options { $0.ignoreLeadingWhiteSpace = true; $0.ignoreTrailingWhiteSpace = true }, [["a", "b"]]),
        ("#x\na,NA\n", options { $0.comment = 35; $0.nullValue = "NA" }, [["a", nil]]),
        ("h1,h2\n\"\",1\n", options { $0.header = true; $0.emptyValue = "e" }, [["e", "1"]]),
        ("a|b\n", options { $0.sep = 124 }, [["a", "b"]]),
    ]

    /// The same for any size of the pieces that the input comes in.
    @Test(arguments: texts.indices)
    func splits(index: Int) throws {
        let (text, options, expected) = Self.texts[index]
        for chunk in [1, 2, 3, 7, 64, 1000] {
            #expect(try Self.strings(text, options, columns: 2, chunk: chunk) == expected, "pieces of \(chunk)")
        }
    }

    @Test func longInputsEqualTheirSource() throws {
        var random = SeededRandom(seed: 5)
        let alphabet = Array("abc,\"\\ \né1".utf8)
        let source = (0..<5000).map { _ in
            (0..<3).map { _ in
                (0..<Int.random(in: 1..<90, using: &random)).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
            }
        }
        var text: [UInt8] = []
        for record in source {
            for (index, field) in record.enumerated() {
                if index > 0 { text.append(44) }
                text.append(34)
                for byte in field { text += byte == 34 ? [34, 34] : [byte] }
                text.append(34)
            }
            text.append(10)
        }
        let schema = StructType((0..<3).map { StructField("_c\($0)", .string) })
        for chunk in [1777, 1 << 20] {
            let reader = try CSVReader(
                schema: schema, options: Self.options { $0.escape = 34; $0.multiLine = true }, read: pieces(text, of: chunk))
            var row = 0
            while let batch = try reader.next() {
                for position in 0..<batch.rowCount {
                    for column in 0..<3 {
                        let (vector, at) = batch.columns[column].location(of: position)
                        #expect(vector.pointer(to: StringView.self)[at].bytes == source[row][column])
                    }
                    row += 1
                }
            }
            #expect(row == source.count)
        }
    }

    static let typed = StructType([
        StructField("i", .int), StructField("d", .double), StructField("m", .decimal(precision: 6, scale: 2)),
        StructField("t", .date), StructField("_corrupt_record", .string),
    ])
    static let mixed = "1,2.5,3.455,2020-01-02\n x,Inf,,\n3,NaN,12345.6,2020-13-01\n4,5\n5,6,7,2020-01-01,8\n"

    @Test func permissiveKeepsWhatItCan() throws {
        let reader = try CSVReader(schema: Self.typed, options: CSVOptions(), read: pieces(Array(Self.mixed.utf8), of: 10))
        #expect(try rows(reader) == [
            [.int32(1), .double(2.5), .decimal(346, scale: 2), .date(18_263), .null],
            [.null, .double(.infinity), .null, .null, .string(" x,Inf,,")],
            [.int32(3), .double(.nan), .null, .null, .string("3,NaN,12345.6,2020-13-01")],
            [.int32(4), .double(5), .null, .null, .string("4,5")],
            [.int32(5), .double(6), .decimal(700, scale: 2), .date(18_262), .string("5,6,7,2020-01-01,8")],
        ])
    }

    @Test func otherModesDropOrFail() throws {
        let dropping = try CSVReader(
            schema: Self.typed, columns: [0, 1, 2, 3], options: Self.options { $0.mode = .dropMalformed },
            read: pieces(Array(Self.mixed.utf8), of: 1000))
        #expect(try rows(dropping).map { $0[0] } == [.int32(1)])
        #expect(dropping.rowNumbers == [0])
        let failing = try CSVReader(
            schema: Self.typed, options: Self.options { $0.mode = .failFast }, read: pieces(Array(Self.mixed.utf8), of: 1000))
        let error = #expect(throws: SparkError.self) { try rows(failing) }
        #expect(error?.condition == "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION")
        var bad: [CSVBadRecord] = []
        let collecting = try CSVReader(schema: Self.typed, options: CSVOptions(), read: pieces(Array(Self.mixed.utf8), of: 11))
        collecting.badRecord = { bad.append($0) }
        #expect(try rows(collecting).count == 1)
        #expect(bad.map(\.rowNumber) == [1, 2, 3, 4])
        #expect(bad.map(\.byteOffset) == [23, 32, 57, 61])
    }

    @Test func pruningReadsOnlyWhatIsWanted() throws {
        let reader = try CSVReader(
            schema: StructType([StructField("a", .int), StructField("b", .string), StructField("c", .string)]), columns: [2, 0],
            options: Self.options { $0.mode = .failFast }, read: pieces(Array("1,x,y\n2\n".utf8), of: 100))
        #expect(try rows(reader) == [[.string("y"), .int32(1)], [.null, .int32(2)]])
        let counting = try CSVReader(schema: Self.typed, columns: [], options: CSVOptions(), read: pieces(Array(Self.mixed.utf8), of: 100))
        #expect(try counting.next()?.rowCount == 5)
    }

    @Test func infersSparksTypes() throws {
        let text = "i,l,m,d,t,ts,b,s,i,\n1,3000000000,99999999999999999999,1,2020-01-01,2020-01-01 10:00:00,true,x,1,\n"
            + ",1,5,1.5,2021-01-01,2020-01-01,FALSE,1,2,\n"
        var options = CSVOptions()
        options.header = true
        options.inferSchema = true
        let schema = try CSVInference.schema(options: options, read: pieces(Array(text.utf8), of: 9))
        #expect(schema.fields.map(\.name) == ["i0", "l", "m", "d", "t", "ts", "b", "s", "i8", "_c9"])
        #expect(schema.fields.map(\.dataType.simpleString)
            == ["int", "bigint", "decimal(20,0)", "double", "date", "timestamp", "boolean", "string", "int", "string"])
    }

    @Test func writesWhatItReads() throws {
        let schema = StructType([StructField("a", .string), StructField("b", .timestamp), StructField("c", .decimal(precision: 5, scale: 2))])
        let source: [[Scalar]] = [[.string("x,\"y\""), .timestamp(0), .decimal(-5, scale: 2)], [.null, .null, .null], [.string("\\"), .timestamp(1_500_000), .null]]
        var writer = try CSVWriter(schema: schema, options: Self.options { $0.header = true })
        var out: [UInt8] = []
        writer.write(try Batch(schema: schema, rows: source), to: &out)
        #expect(String(decoding: out, as: UTF8.self)
            == "a,b,c\n\"x,\\\"y\\\"\",1970-01-01T00:00:00.000Z,-0.05\n,,\n\\,1970-01-01T00:00:01.500Z,\n")
        let reader = try CSVReader(schema: schema, options: Self.options { $0.header = true }, read: pieces(out, of: 5))
        #expect(try rows(reader) == source.map { $0 })
    }

    @Test func refusesUnknownValuesOfOptions() throws {
        #expect(throws: SparkError.self) { try CSVOptions(["mode": "SOMETIMES"]) }
        #expect(throws: SparkError.self) { try CSVOptions(["sep": "||"]) }
        #expect(throws: SparkError.self) { try CSVOptions(["encoding": "UTF-16"]) }
        #expect(try CSVOptions(["HEADER": "True", "delimiter": "\\t"]).sep == 9)
    }
}
