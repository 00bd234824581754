package import Columnar

/// Finds the schema of CSV input as Spark does: names from the header or `_c0`, `_c1`, …; types, when asked for, from
/// all values: integer, long, decimal (integers beyond long), double, date, timestamp, boolean, string.
package enum CSVInference {
    /// - Parameter read: as for `CSVReader`; read to the end only when types are inferred.
    /// - Returns: all columns nullable; no columns for empty input.
    package static func schema(options: CSVOptions, read: @escaping CSVReader.Read) throws -> StructType {
        var plain = options
        plain.header = false
        plain.mode = .permissive
        plain.nullValue = "\u{0}"
        plain.emptyValue = ""
        var source = RecordSource(options: plain, read: read)
        guard let first = try source.next() else { return StructType() }
        let names = options.header ? headerNames(first, options) : first.indices.map { "_c\($0)" }
        guard options.inferSchema else { return StructType(names.map { StructField($0, .string) }) }
        var types = [DataType](repeating: .null, count: names.count)
        func take(_ record: [[UInt8]]) {
            for (index, field) in record.enumerated() where index < types.count {
                types[index] = merged(types[index], field, options)
            }
        }
        if !options.header { take(first) }
        while let record = try source.next() {
            // Spark leaves out every line that equals the header.
            if options.header, !options.multiLine, record == first { continue }
            take(record)
        }
        return StructType(zip(names, types).map { StructField($0, $1 == .null ? .string : $1) })
    }

    private static func headerNames(_ record: [[UInt8]], _ options: CSVOptions) -> [String] {
        let texts = record.map { String(decoding: $0, as: UTF8.self) }
        let lower = texts.map { $0.lowercased() }
        var counts: [String: Int] = [:]
        for name in lower { counts[name, default: 0] += 1 }
        return texts.enumerated().map { index, name in
            if name.isEmpty || name == options.nullValue { return "_c\(index)" }
            return (counts[lower[index]] ?? 0) > 1 ? "\(name)\(index)" : name
        }
    }

    /// The type of a column so far, and one more field.
    private static func merged(_ soFar: DataType, _ field: [UInt8], _ options: CSVOptions) -> DataType {
        if field.isEmpty || field.elementsEqual(options.nullValue.utf8) || soFar == .string { return soFar }
        return field.withUnsafeBufferPointer { bytes in
            // Each step tries the type so far first, then wider ones.
            let order: [DataType]
            switch soFar {
            case .null, .int: order = [.int, .long, .decimal(precision: 38, scale: 0), .double, .date, .timestamp, .boolean]
            case .long: order = [.long, .decimal(precision: 38, scale: 0), .double, .date, .timestamp, .boolean]
            case .decimal: order = [.decimal(precision: 38, scale: 0), .double, .date, .timestamp, .boolean]
            case .double: order = [.double, .date, .timestamp, .boolean]
            case .date: order = [.date, .timestamp, .boolean]
            case .timestamp: order = [.timestamp, .boolean]
            default: order = [.boolean]
            }
            for type in order {
                if let found = recognised(bytes, type, options) { return common(soFar, found) }
            }
            return .string
        }
    }

    private static func recognised(_ bytes: UnsafeBufferPointer<UInt8>, _ type: DataType, _ options: CSVOptions) -> DataType? {
        switch type {
        case .int: return NumberText.integer(bytes).flatMap { Int32(exactly: $0) } == nil ? nil : .int
        case .long: return NumberText.integer(bytes) == nil ? nil : .long
        case .decimal:
            // Whole numbers only: as many digits as are written.
            let digits = bytes.first == 45 || bytes.first == 43 ? bytes.count - 1 : bytes.count
            guard digits > 0, digits <= DataType.decimalPrecisionMax, bytes.suffix(digits).allSatisfy({ $0 &- 48 <= 9 }) else { return nil }
            let significant = bytes.suffix(digits).drop { $0 == 48 }.count
            return .decimal(precision: max(1, significant), scale: 0)
        case .double:
            let text = String(decoding: bytes, as: UTF8.self)
            if text == options.nanValue || text == options.positiveInf || text == options.negativeInf { return .double }
            return NumberText.double(NumberText.trimmed(bytes)) == nil ? nil : .double
        case .date:
            guard options.preferDate else { return nil }
            if let format = options.dateFormat { return format.parse(bytes) == nil ? nil : .date }
            // Strictly yyyy-MM-dd.
            guard bytes.count == 10, bytes[4] == 45, bytes[7] == 45, DateText.date(bytes) != nil else { return nil }
            return .date
        case .timestamp:
            if let format = options.timestampFormat { return format.parse(bytes) == nil ? nil : .timestamp }
            return DateText.timestamp(NumberText.trimmed(bytes)) == nil ? nil : .timestamp
        default:
            return NumberText.equals(bytes, "true") || NumberText.equals(bytes, "false") ? .boolean : nil
        }
    }

    private static func common(_ a: DataType, _ b: DataType) -> DataType {
        if a == .null || a == b { return b }
        let ladder: [DataType] = [.int, .long]
        switch (a, b) {
        case (.decimal(let p, _), .decimal(let q, _)): return .decimal(precision: max(p, q), scale: 0)
        case (.decimal(let p, _), .int), (.decimal(let p, _), .long), (.int, .decimal(let p, _)), (.long, .decimal(let p, _)):
            return .decimal(precision: max(p, 20), scale: 0)
        case (.double, _) where b.isNumeric, (_, .double) where a.isNumeric: return .double
        case (.date, .timestamp), (.timestamp, .date): return .timestamp
        default:
            if let i = ladder.firstIndex(of: a), let j = ladder.firstIndex(of: b) { return ladder[max(i, j)] }
            return .string
        }
    }
}

/// Records as bytes, one by one. Slow: for the header and for inference.
private struct RecordSource {
    private var tokenizer: CSVTokenizer
    private let read: CSVReader.Read
    private var window: [UInt8] = []
    private var position = 0
    private var atEnd = false
    private var records = CSVRecords()
    private var row = 0
    private var isAtStart = true
    private static let slack = 64

    init(options: CSVOptions, read: @escaping CSVReader.Read) {
        tokenizer = CSVTokenizer(options)
        self.read = read
    }

    mutating func next() throws -> [[UInt8]]? {
        if isAtStart {
            while window.count < 3, !atEnd { try more() }
            if window.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
            isAtStart = false
        }
        while row >= records.count {
            records.removeAll()
            row = 0
            let used = window.count
            window.append(contentsOf: repeatElement(0, count: Self.slack))
            position = try window.withUnsafeBufferPointer { all in
                try tokenizer.split(
                    UnsafeBufferPointer(rebasing: all[..<used]), from: position, rows: 1024, atEnd: atEnd, into: &records)
            }
            window.removeLast(Self.slack)
            if records.count > 0 { break }
            if atEnd { return nil }
            try more()
        }
        var fields: [[UInt8]] = []
        for index in records.rowStarts[row]..<records.rowStarts[row + 1] {
            let field = records.fields[index]
            let range = Int(field.start)..<(Int(field.start) + field.length)
            var value = Array(window[range])
            if field.isEscaped { window[range].withUnsafeBufferPointer { tokenizer.unescape($0, into: &value) } }
            fields.append(value)
        }
        row += 1
        return fields
    }

    private mutating func more() throws {
        window.removeFirst(position)
        position = 0
        guard window.count < CSVOptions.recordBytesMax else { throw SparkError.unsupported("a CSV record of more than \(CSVOptions.recordBytesMax) bytes") }
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        let count = try chunk.withUnsafeMutableBytes { try read($0) }
        if count == 0 { atEnd = true }
        window.append(contentsOf: chunk[..<max(0, min(count, chunk.count))])
    }
}
