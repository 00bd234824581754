package import Columnar

/// Writes batches as CSV text, as Spark does: fields are quoted when they hold a separator, a quote or a line end, an
/// empty string is `""`, NULL is nothing.
package struct CSVWriter {
    private let options: CSVOptions
    private let schema: StructType
    private var wroteHeader = false

    /// - Throws: `SparkError` for a type that CSV cannot hold.
    package init(schema: StructType, options: CSVOptions) throws {
        for field in schema.fields { _ = try CSVColumn(field.dataType, options) }
        self.schema = schema
        self.options = options
    }

    /// Appends the rows, and the header before the first ones.
    package mutating func write(_ batch: Batch, to out: inout [UInt8]) {
        if options.header, !wroteHeader {
            for (index, field) in schema.fields.enumerated() {
                if index > 0 { out.append(options.sep) }
                append(text: Array(field.name.utf8), to: &out)
            }
            out.append(10)
        }
        wroteHeader = true
        let dense = batch.compacted()
        let columns = dense.columns.map { $0.flattened() }
        for row in 0..<dense.rowCount {
            for (index, column) in columns.enumerated() {
                if index > 0 { out.append(options.sep) }
                if column.isNull(row) {
                    out.append(contentsOf: options.nullValue.utf8)
                } else {
                    append(column, row, to: &out)
                }
            }
            out.append(10)
        }
    }

    private func append(_ column: ColumnVector, _ row: Int, to out: inout [UInt8]) {
        switch column.dataType {
        case .string, .binary: append(text: column.pointer(to: StringView.self)[row].bytes, to: &out)
        case .boolean: out.append(contentsOf: (column.pointer(to: UInt8.self)[row] != 0 ? "true" : "false").utf8)
        case .byte: ValueText.append(Int64(column.pointer(to: Int8.self)[row]), to: &out)
        case .short: ValueText.append(Int64(column.pointer(to: Int16.self)[row]), to: &out)
        case .int: ValueText.append(Int64(column.pointer(to: Int32.self)[row]), to: &out)
        case .long: ValueText.append(column.pointer(to: Int64.self)[row], to: &out)
        case .float: ValueText.append(column.pointer(to: Float.self)[row], to: &out)
        case .double: ValueText.append(column.pointer(to: Double.self)[row], to: &out)
        case .date:
            let days = Int64(column.pointer(to: Int32.self)[row])
            if let format = options.dateFormat { format.format(days &* DateText.microsPerDay, to: &out) } else { ValueText.append(date: Int(days), to: &out) }
        case .timestamp, .timestampNTZ:
            let micros = column.pointer(to: Int64.self)[row]
            if let format = options.timestampFormat { format.format(micros, to: &out) } else { appendISO(micros, column.dataType, to: &out) }
        case .decimal(_, let scale):
            let value = column.physicalType == .int64
                ? Int128(column.pointer(to: Int64.self)[row]) : column.pointer(to: Int128.self)[row]
            ValueText.append(decimal: value, scale: scale, to: &out)
        default: break
        }
    }

    /// `yyyy-MM-dd'T'HH:mm:ss.SSS[XXX]`, Spark's default when writing.
    private func appendISO(_ micros: Int64, _ type: DataType, to out: inout [UInt8]) {
        let start = out.count
        ValueText.append(timestamp: ValueText.floorDivide(micros, 1_000_000).quotient &* 1_000_000, to: &out)
        if let blank = out[start...].firstIndex(of: 32) { out[blank] = 84 }
        out.append(46)
        ValueText.appendDigits(UInt64(ValueText.floorDivide(micros, 1_000_000).remainder / 1000), width: 3, to: &out)
        if type == .timestamp { out.append(90) }
    }

    private func append(text: [UInt8], to out: inout [UInt8]) {
        if text.isEmpty {
            out.append(contentsOf: [options.quote, options.quote])
            return
        }
        let special = text.contains { $0 == options.sep || $0 == options.quote || $0 == 10 || $0 == 13 || $0 == options.comment }
        guard special else {
            out.append(contentsOf: text)
            return
        }
        out.append(options.quote)
        for byte in text {
            if byte == options.quote || (byte == options.escape && options.escape != options.quote) { out.append(options.escape) }
            out.append(byte)
        }
        out.append(options.quote)
    }
}
