import Columnar

/// Converts one column of a run of records.
final class CSVColumn {
    private enum Builder {
        case text(StringBuilder), boolean(FixedWidthBuilder<UInt8>)
        case int8(FixedWidthBuilder<Int8>), int16(FixedWidthBuilder<Int16>), int32(FixedWidthBuilder<Int32>)
        case int64(FixedWidthBuilder<Int64>), float(FixedWidthBuilder<Float>), double(FixedWidthBuilder<Double>)
        case decimal64(FixedWidthBuilder<Int64>, Int, Int), decimal128(FixedWidthBuilder<Int128>, Int, Int)
        case date(FixedWidthBuilder<Int32>), timestamp(FixedWidthBuilder<Int64>), null(FixedWidthBuilder<UInt8>)
    }

    private let dataType: DataType
    private let builder: Builder
    private let nullValue: [UInt8]
    private let emptyValue: [UInt8]
    private let specials: [(text: [UInt8], value: Double)]
    private let dateFormat: DatePattern?
    private let timestampFormat: DatePattern?
    private let maxChars: Int
    private var scratch: [UInt8] = []

    init(_ dataType: DataType, _ options: CSVOptions) throws {
        self.dataType = dataType
        nullValue = Array(options.nullValue.utf8)
        emptyValue = Array(options.emptyValue.utf8)
        specials = [
            (Array(options.nanValue.utf8), .nan), (Array(options.positiveInf.utf8), .infinity),
            (Array(options.negativeInf.utf8), -.infinity),
        ]
        dateFormat = options.dateFormat
        timestampFormat = options.timestampFormat
        maxChars = options.maxCharsPerColumn ?? .max
        switch dataType {
        case .string, .binary: builder = .text(StringBuilder())
        case .boolean: builder = .boolean(FixedWidthBuilder(zero: 0))
        case .byte: builder = .int8(FixedWidthBuilder(zero: 0))
        case .short: builder = .int16(FixedWidthBuilder(zero: 0))
        case .int: builder = .int32(FixedWidthBuilder(zero: 0))
        case .long: builder = .int64(FixedWidthBuilder(zero: 0))
        case .float: builder = .float(FixedWidthBuilder(zero: 0))
        case .double: builder = .double(FixedWidthBuilder(zero: 0))
        case .decimal(let precision, let scale):
            builder = precision <= DataType.decimalPrecisionOfInt64Max
                ? .decimal64(FixedWidthBuilder(zero: 0), precision, scale)
                : .decimal128(FixedWidthBuilder(zero: 0), precision, scale)
        case .date: builder = .date(FixedWidthBuilder(zero: 0))
        case .timestamp, .timestampNTZ: builder = .timestamp(FixedWidthBuilder(zero: 0))
        case .null: builder = .null(FixedWidthBuilder(zero: 0))
        default:
            throw SparkError(
                condition: "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", sqlState: "0A000",
                message: "The CSV datasource doesn't support a column of the type \"\(dataType.sql)\".")
        }
    }

    /// Appends field `place` of each record.
    ///
    /// - Returns: rows whose field holds no value of the type; they got NULL.
    func convert(
        _ window: UnsafeBufferPointer<UInt8>, _ records: CSVRecords, _ place: Int, _ tokenizer: CSVTokenizer
    ) throws -> [Int] {
        switch builder {
        case .text(let b):
            return try run(window, records, place, tokenizer, appendNull: { b.appendNull() }) { bytes in
                b.append(bytes)
                return true
            }
        case .int32(let b): return try fixed(window, records, place, tokenizer, b) { NumberText.integer($0).flatMap { Int32(exactly: $0) } }
        case .int64(let b): return try fixed(window, records, place, tokenizer, b) { NumberText.integer($0) }
        case .int16(let b): return try fixed(window, records, place, tokenizer, b) { NumberText.integer($0).flatMap { Int16(exactly: $0) } }
        case .int8(let b): return try fixed(window, records, place, tokenizer, b) { NumberText.integer($0).flatMap { Int8(exactly: $0) } }
        case .double(let b):
            let specials = specials
            return try fixed(window, records, place, tokenizer, b) { bytes in
                NumberText.double(NumberText.trimmed(bytes)) ?? specials.first { $0.text.elementsEqual(bytes) }?.value
            }
        case .float(let b):
            let specials = specials
            return try fixed(window, records, place, tokenizer, b) { bytes in
                NumberText.float(NumberText.trimmed(bytes)) ?? specials.first { $0.text.elementsEqual(bytes) }.map { Float($0.value) }
            }
        case .boolean(let b):
            return try fixed(window, records, place, tokenizer, b) {
                NumberText.equals($0, "true") ? 1 : NumberText.equals($0, "false") ? 0 : nil
            }
        case .decimal64(let b, let precision, let scale):
            return try fixed(window, records, place, tokenizer, b) {
                NumberText.decimal($0, precision: precision, scale: scale).value.map { Int64(truncatingIfNeeded: $0) }
            }
        case .decimal128(let b, let precision, let scale):
            return try fixed(window, records, place, tokenizer, b) { NumberText.decimal($0, precision: precision, scale: scale).value }
        case .date(let b):
            let format = dateFormat
            return try fixed(window, records, place, tokenizer, b) { bytes in
                guard let format else { return DateText.date(NumberText.trimmed(bytes)) }
                return format.parse(bytes).map { Int32(truncatingIfNeeded: ValueText.floorDivide($0, DateText.microsPerDay).quotient) }
            }
        case .timestamp(let b):
            let format = timestampFormat
            return try fixed(window, records, place, tokenizer, b) { bytes in
                format.map { $0.parse(bytes) } ?? DateText.timestamp(NumberText.trimmed(bytes))?.micros
            }
        case .null(let b): return try fixed(window, records, place, tokenizer, b) { _ in nil }
        }
    }

    @inline(__always)
    private func fixed<T: BitwiseCopyable>(
        _ window: UnsafeBufferPointer<UInt8>, _ records: CSVRecords, _ place: Int, _ tokenizer: CSVTokenizer,
        _ builder: FixedWidthBuilder<T>, _ parse: (UnsafeBufferPointer<UInt8>) -> T?
    ) throws -> [Int] {
        try run(window, records, place, tokenizer, appendNull: { builder.appendNull() }) { bytes in
            guard let value = parse(bytes) else { return false }
            builder.append(value)
            return true
        }
    }

    /// The loop over records. `append` gives false when the bytes are no value.
    @inline(__always)
    private func run(
        _ window: UnsafeBufferPointer<UInt8>, _ records: CSVRecords, _ place: Int, _ tokenizer: CSVTokenizer,
        appendNull: () -> Void, _ append: (UnsafeBufferPointer<UInt8>) -> Bool
    ) throws -> [Int] {
        var failed: [Int] = []
        guard let base = window.baseAddress else { return failed }
        let plainNull = nullValue.isEmpty
        let limit = maxChars
        for row in 0..<records.count {
            let index = records.rowStarts[row] + place
            guard index < records.rowStarts[row + 1] else {
                appendNull()
                continue
            }
            let field = records.fields[index]
            if field.length > limit {
                throw SparkError(
                    condition: "MALFORMED_CSV_RECORD", sqlState: "KD000",
                    message: "A CSV field has more than \(limit) bytes (option maxCharsPerColumn).")
            }
            if field.length == 0 {
                // An empty field is `nullValue`; a quoted one is `emptyValue`, which may equal it.
                if !field.isQuoted || emptyValue == nullValue {
                    appendNull()
                } else if !emptyValue.withUnsafeBufferPointer(append) {
                    appendNull()
                    failed.append(row)
                }
                continue
            }
            let bytes = UnsafeBufferPointer(start: base + Int(field.start), count: field.length)
            if !plainNull, nullValue.elementsEqual(bytes) {
                appendNull()
                continue
            }
            let good: Bool
            if field.isEscaped {
                tokenizer.unescape(bytes, into: &scratch)
                good = scratch.withUnsafeBufferPointer(append)
            } else {
                good = append(bytes)
            }
            if !good {
                appendNull()
                failed.append(row)
            }
        }
        return failed
    }

    func finish() -> ColumnVector {
        switch builder {
        case .text(let b): b.finish(dataType)
        case .boolean(let b), .null(let b): b.finish(dataType)
        case .int8(let b): b.finish(dataType)
        case .int16(let b): b.finish(dataType)
        case .int32(let b), .date(let b): b.finish(dataType)
        case .int64(let b), .timestamp(let b): b.finish(dataType)
        case .float(let b): b.finish(dataType)
        case .double(let b): b.finish(dataType)
        case .decimal64(let b, _, _): b.finish(dataType)
        case .decimal128(let b, _, _): b.finish(dataType)
        }
    }
}
