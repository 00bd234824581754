package import Columnar
import JSONModel

/// Reads JSON from one input, such as a file, into batches: a record in each line, or one document (`multiLine`). Does no
/// I/O itself: `read` fills a buffer with the input's next bytes and gives their number, 0 at the end.
///
/// Blank lines are no records; of an array each object is one. A record with a field that does not fit keeps its other
/// fields, as in Spark, and is malformed. The text of a malformed line goes to the corrupt-record column.
///
/// Unlike Spark's, the parser takes texts in double quotes only, and no NaN and Infinity without quotes.
package final class JSONLinesReader {
    /// The columns delivered.
    package let schema: StructType
    /// Called for each malformed record, which is then left out of the result, whatever the mode.
    package var badRecord: ((_ text: String, _ reason: String) throws -> Void)?
    package var bytesRead: Int64 { lines.bytesRead }

    /// Bytes of lines that a batch takes before it ends.
    private static let batchBytes = 8 << 20

    private let options: JSONOptions
    private let fields: [StructField]
    private let corruptColumn: Int?
    private let converter: JSONFields
    private let lines: LineReader
    /// Rows of the last line that the last batch had no room for.
    private var waiting: ArraySlice<[Scalar]> = []
    private var bytesInBatch = 0
    private var isAtEnd = false

    /// - Parameters:
    ///   - schema: the columns to deliver, the corrupt-record column included if wanted. Names are case-sensitive.
    ///   - start: where in the input `read` begins: behind a line end, or at 0.
    /// - Throws: `SparkError` for a type that JSON cannot hold.
    package init(
        schema: StructType, options: JSONOptions, start: Int64 = 0,
        read: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws {
        self.schema = schema
        self.options = options
        converter = JSONFields(options: options)
        corruptColumn = schema.fields.firstIndex { $0.name == options.columnNameOfCorruptRecord && $0.dataType == .string }
        let corrupt = corruptColumn
        fields = schema.fields.enumerated().filter { $0.offset != corrupt }.map(\.element)
        for field in fields { try JSONFields.check(field.dataType) }
        lines = try LineReader(start: start, read: read)
    }

    /// The next rows; nil at the end.
    ///
    /// - Throws: `SparkError` `MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION` in FAILFAST mode; what `read` throws.
    package func next() throws -> Batch? {
        var rows: [[Scalar]] = []
        bytesInBatch = 0
        while rows.count < Batch.maxRows, bytesInBatch < Self.batchBytes {
            if waiting.isEmpty {
                guard !isAtEnd, let found = try nextLine() else {
                    isAtEnd = true
                    break
                }
                waiting = found[...]
            }
            let taken = waiting.prefix(Batch.maxRows - rows.count)
            rows += taken
            waiting = waiting.dropFirst(taken.count)
        }
        return rows.isEmpty ? nil : try Batch(schema: schema, rows: rows)
    }

    private func nextLine() throws -> [[Scalar]]? {
        options.multiLine ? try lines.rest { try rows(of: $0) } : try lines.next { try rows(of: $0) }
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }

    private func rows(of bytes: UnsafeBufferPointer<UInt8>) throws -> [[Scalar]] {
        bytesInBatch += bytes.count
        if bytes.allSatisfy(Self.isBlank) { return [] }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            return try malformed(bytes, "it is no JSON: \(error.message)", [])
        }
        var reason: String?
        var rows: [[Scalar]] = []
        for record in value.array ?? [value] {
            guard let object = record.object else {
                if !record.isNull { return try malformed(bytes, "it is no object", []) }
                continue
            }
            rows.append(converter.row(object, fields, misfit: &reason))
        }
        guard let reason else { return rows.map { complete($0, corrupt: .null) } }
        return try malformed(bytes, reason, rows)
    }

    private func malformed(_ bytes: UnsafeBufferPointer<UInt8>, _ reason: String, _ rows: [[Scalar]]) throws -> [[Scalar]] {
        let text = String(decoding: bytes, as: UTF8.self)
        if let badRecord {
            try badRecord(text, reason)
            return []
        }
        switch options.mode {
        case .permissive:
            let kept = rows.first ?? fields.map { _ in .null }
            return [complete(kept, corrupt: .string(text))]
        case .dropMalformed: return []
        case .failFast:
            throw SparkError(
                condition: "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", sqlState: "22023",
                message: "Malformed records are detected in record parsing: the record at byte \(lines.lineStart): \(reason). Parse "
                    + "Mode: FAILFAST. To process malformed records as null result, try setting the option 'mode' as 'PERMISSIVE'.")
        }
    }

    private func complete(_ row: [Scalar], corrupt: Scalar) -> [Scalar] {
        guard let corruptColumn else { return row }
        var row = row
        row.insert(corrupt, at: corruptColumn)
        return row
    }
}
