package import Columnar

/// A record that did not fit, as handed to `CSVReader.badRecord`.
package struct CSVBadRecord: Sendable {
    /// From 0; blank lines, comments and the header are not counted.
    package let rowNumber: Int64
    /// Of the record's first byte in the input.
    package let byteOffset: Int64
    package let text: String
    package let reason: String
}

/// Reads CSV from one input, such as a file, into batches. Does no I/O itself: `read` fills a buffer with the input's
/// next bytes and gives their number, 0 at the end.
///
/// Fields become values the way Spark's CSV source does it, not as casts: numbers are not trimmed, booleans are `true` or
/// `false`, an empty field is NULL. A record with fewer or more fields than the schema is malformed, unless only some of
/// the columns are read.
package final class CSVReader {
    package typealias Read = (UnsafeMutableRawBufferPointer) throws -> Int

    /// The columns delivered.
    package let schema: StructType
    /// Called for each malformed record, which is then left out of the result, whatever the mode.
    package var badRecord: ((CSVBadRecord) throws -> Void)?
    /// Row numbers in the input, from 0, of the rows of the last batch.
    package private(set) var rowNumbers: [Int64] = []
    /// Input bytes read so far.
    package private(set) var bytesRead: Int64 = 0

    private let options: CSVOptions
    private let dataFields: [StructField]
    private let corruptColumn: Int?
    /// For each delivered column its place in a record; nil for the corrupt-record column.
    private let places: [Int?]
    private let checksCount: Bool
    private let converters: [CSVColumn]
    private let read: Read

    private var tokenizer: CSVTokenizer
    private var window: Buffer
    private var windowStart: Int64
    private var filled = 0
    private var position = 0
    private var atEnd = false
    private var records = CSVRecords()
    private var skipHeader: Bool
    private var isAtStart: Bool

    private static let windowBytes = 1 << 20

    /// - Parameters:
    ///   - schema: of the whole record, the corrupt-record column included if wanted.
    ///   - columns: positions in `schema` to deliver, in that order; nil for all.
    ///   - start: where in the input `read` begins: behind a line end, or at 0, where a header and a byte order mark are
    ///     looked for. Rows are numbered from there.
    /// - Throws: `SparkError` for a type that CSV cannot hold.
    package init(
        schema: StructType, columns: [Int]? = nil, options: CSVOptions, start: Int64 = 0, read: @escaping Read
    ) throws {
        let wanted = columns ?? Array(schema.fields.indices)
        self.options = options
        self.read = read
        self.schema = StructType(wanted.map { schema.fields[$0] })
        let corrupt = schema.fields.firstIndex { $0.name == options.columnNameOfCorruptRecord && $0.dataType == .string }
        dataFields = schema.fields.enumerated().filter { $0.offset != corrupt }.map(\.element)
        places = wanted.map { column in corrupt.map { column == $0 ? nil : column > $0 ? column - 1 : column } ?? column }
        corruptColumn = wanted.firstIndex { $0 == corrupt }
        let readsAll = Set(places.compactMap { $0 }).count == dataFields.count
        checksCount = readsAll || corruptColumn != nil
        let fields = dataFields
        converters = try places.map { place in try CSVColumn(place.map { fields[$0].dataType } ?? .string, options) }
        tokenizer = CSVTokenizer(options)
        window = Buffer(bytes: Self.windowBytes)
        windowStart = start
        isAtStart = start == 0
        skipHeader = isAtStart && options.header
    }

    /// The next rows; nil at the end.
    ///
    /// - Throws: `SparkError` `MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION` in FAILFAST mode; what `read` throws.
    package func next() throws -> Batch? {
        while true {
            records.removeAll()
            try fill()
            if records.count == 0 { return nil }
            if let batch = try convert() { return batch }
        }
    }

    private var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: UnsafePointer(window.pointer(to: UInt8.self)), count: filled)
    }

    /// Puts the next records of the window into `records`, reading on while there are none.
    private func fill() throws {
        if isAtStart {
            while filled < 3, !atEnd { try readMore() }
            // A byte order mark is not part of the first field.
            if filled >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
            isAtStart = false
        }
        while true {
            if position < filled || !atEnd {
                position = try tokenizer.split(
                    bytes, from: position, rows: Batch.maxRows + (skipHeader ? 1 : 0), atEnd: atEnd, into: &records)
            }
            if skipHeader, records.count > 0 {
                skipHeader = false
                records.dropFirst()
            }
            if records.count > 0 || atEnd { return }
            try readMore()
        }
    }

    private func readMore() throws {
        // Unread bytes move to the front; a record larger than the window makes it grow.
        let rest = filled - position
        if position == 0, filled == window.capacity {
            guard window.capacity < CSVOptions.recordBytesMax else {
                throw SparkError(
                    condition: "MALFORMED_CSV_RECORD", sqlState: "KD000",
                    message: "The CSV record at byte \(windowStart) has more than \(CSVOptions.recordBytesMax) bytes.")
            }
            let bigger = Buffer(bytes: window.capacity * 2)
            bigger.base.copyMemory(from: window.base, byteCount: filled)
            window = bigger
        } else if position > 0 {
            window.base.copyMemory(from: window.base + position, byteCount: rest)
            windowStart += Int64(position)
            position = 0
            filled = rest
        }
        let count = try read(UnsafeMutableRawBufferPointer(start: window.base + filled, count: window.capacity - filled))
        guard count >= 0, count <= window.capacity - filled else { throw SparkError.internal("a read of \(count) bytes") }
        if count == 0 { atEnd = true }
        filled += count
        bytesRead += Int64(count)
    }

    private func convert() throws -> Batch? {
        let rows = records.count
        var reasons: [Int: String] = [:]
        if checksCount {
            for row in 0..<rows {
                let count = records.rowStarts[row + 1] - records.rowStarts[row]
                if count != dataFields.count { reasons[row] = "\(count) fields where the schema has \(dataFields.count)" }
            }
        }
        var columns: [ColumnVector] = []
        for (index, converter) in converters.enumerated() {
            if let place = places[index] {
                let failed = try converter.convert(bytes, records, place, tokenizer)
                for row in failed where reasons[row] == nil {
                    reasons[row] = "column `\(dataFields[place].name)` does not hold a value of type \(dataFields[place].dataType.sql)"
                }
                columns.append(converter.finish())
            } else {
                columns.append(.nulls(.string, count: rows))
            }
        }
        if let corruptColumn { columns[corruptColumn] = corruptTexts(reasons) }
        rowNumbers = records.numbers
        let batch = Batch(schema: schema, columns: columns, rowCount: rows)
        if reasons.isEmpty { return batch }
        return try handle(reasons, batch)
    }

    private func corruptTexts(_ reasons: [Int: String]) -> ColumnVector {
        let builder = StringBuilder(capacity: records.count)
        for row in 0..<records.count {
            if reasons[row] == nil { builder.appendNull() } else { builder.append(UnsafeBufferPointer(rebasing: bytes[records.ranges[row]])) }
        }
        return builder.finish()
    }

    private func handle(_ reasons: [Int: String], _ batch: Batch) throws -> Batch? {
        if let badRecord {
            for row in reasons.keys.sorted() {
                try badRecord(
                    CSVBadRecord(
                        rowNumber: records.numbers[row], byteOffset: windowStart + Int64(records.ranges[row].lowerBound),
                        text: String(decoding: bytes[records.ranges[row]], as: UTF8.self), reason: reasons[row] ?? ""))
            }
        } else {
            switch options.mode {
            case .permissive: return batch
            case .dropMalformed: break
            case .failFast:
                let row = reasons.keys.min() ?? 0
                throw SparkError(
                    condition: "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", sqlState: "22023",
                    message: "Malformed records are detected in record parsing: record \(records.numbers[row]) at byte "
                        + "\(windowStart + Int64(records.ranges[row].lowerBound)): \(reasons[row] ?? ""). Parse Mode: FAILFAST. To process "
                        + "malformed records as null result, try setting the option 'mode' as 'PERMISSIVE'.")
            }
        }
        let kept = (0..<batch.rowCount).filter { reasons[$0] == nil }
        if kept.isEmpty { return nil }
        rowNumbers = kept.map { records.numbers[$0] }
        return kept.map { Int32($0) }.withUnsafeBufferPointer { batch.gather($0) }
    }
}

extension CSVRecords {
    /// Forgets the first record, the header.
    mutating func dropFirst() {
        let dropped = rowStarts[1]
        fields.removeFirst(dropped)
        rowStarts.removeFirst()
        for index in rowStarts.indices { rowStarts[index] -= dropped }
        ranges.removeFirst()
        numbers.removeLast()
    }
}
