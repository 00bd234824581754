import ObjectStore
package import Columnar
import SparkPlan

/// Partition columns that directory names (`year=2024/month=1`) give, with the types Spark infers: int, bigint, double,
/// date, else string.
package struct FilePartitions: Sendable {
    package var fields: [StructField] = []
    /// For each file, a value for each field.
    package var values: [[Scalar]]

    package init(files: [ObjectFile], declared: StructType?) {
        let pairs = files.map { Self.pairs($0.metadata.key) }
        var names: [String] = []
        for name in (pairs.first ?? []).map(\.0) where pairs.allSatisfy({ $0.contains { $0.0 == name } }) { names.append(name) }
        values = files.map { _ in [] }
        for name in names {
            let texts = pairs.map { list in list.first { $0.0 == name }?.1 ?? nil }
            let type = declared?.index(of: name).flatMap { declared?.fields[$0].dataType } ?? Self.inferred(texts)
            fields.append(StructField(name, type))
            for (index, text) in texts.enumerated() { values[index].append(text.map { Self.scalar($0, type) } ?? .null) }
        }
    }

    /// The columns that stand in the files themselves: those whose name no folder gives, by any case.
    package func outside(_ columns: [StructField]) -> [StructField] {
        columns.filter { column in !fields.contains { $0.name.lowercased() == column.name.lowercased() } }
    }

    private static func pairs(_ key: String) -> [(String, String?)] {
        key.split(separator: "/").dropLast().compactMap { part in
            guard let equals = part.firstIndex(of: "="), equals != part.startIndex else { return nil }
            let value = unescaped(part[part.index(after: equals)...])
            return (unescaped(part[..<equals]), value == "__HIVE_DEFAULT_PARTITION__" ? nil : value)
        }
    }

    private static func unescaped(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 37, index + 2 < bytes.count,
                let byte = UInt8(String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
            {
                result.append(byte)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func inferred(_ texts: [String?]) -> DataType {
        let present = texts.compactMap { $0 }
        if present.isEmpty { return .string }
        if present.allSatisfy({ Int32($0) != nil }) { return .int }
        if present.allSatisfy({ Int64($0) != nil }) { return .long }
        if present.allSatisfy({ Double($0) != nil }) { return .double }
        if present.allSatisfy({ $0.utf8.count == 10 && parseDate($0) != nil }) { return .date }
        return .string
    }

    /// The value of a text; NULL when it is none of the type.
    package static func scalar(_ text: String, _ type: DataType) -> Scalar {
        switch type {
        case .boolean: return text.lowercased() == "true" ? .bool(true) : text.lowercased() == "false" ? .bool(false) : .null
        case .byte: return Int8(text).map { .int8($0) } ?? .null
        case .short: return Int16(text).map { .int16($0) } ?? .null
        case .int: return Int32(text).map { .int32($0) } ?? .null
        case .long: return Int64(text).map { .int64($0) } ?? .null
        case .float: return Float(text).map { .float($0) } ?? .null
        case .double: return Double(text).map { .double($0) } ?? .null
        case .date: return parseDate(text).map { .date($0) } ?? .null
        case .timestamp, .timestampNTZ: return parseTimestamp(text).map { .timestamp($0.micros) } ?? .null
        case .decimal(let precision, let scale):
            guard let (value, from) = parseDecimal(text), from <= scale, let power = Decimals.powerOfTen(scale - from) else { return .null }
            let (unscaled, overflow) = value.multipliedReportingOverflow(by: power)
            return !overflow && Decimals.fits(unscaled, precision: precision) ? .decimal(unscaled, scale: scale) : .null
        case .binary: return .binary(Array(text.utf8))
        case .string: return .string(text)
        default: return .null
        }
    }
}

/// Puts a file's columns, its partition values and its metadata into the order a request asks for.
struct FileColumns: Sendable {
    enum Source: Sendable {
        /// Position in what the format's reader delivers.
        case file(Int)
        case constant(Scalar, DataType)
        case rowIndex
    }

    /// Columns that the format's reader must deliver, in that order.
    private(set) var read: [StructField] = []
    private(set) var sources: [Source] = []
    let schema: StructType

    /// - Parameters:
    ///   - columns: positions in `data` + `partitions` + the hidden columns.
    ///   - rowIndex: whether the last hidden column is the row's number in its file.
    init(
        columns: [Int], data: [StructField], partitions: [StructField], partitionValues: [Scalar], file: ObjectFile,
        hidden: [StructField]
    ) {
        let all = data + partitions + hidden
        schema = StructType(columns.map { all[$0] })
        let constants = FileMetadataColumns.values(file)
        for index in columns {
            if index < data.count {
                sources.append(.file(read.count))
                read.append(data[index])
            } else if index < data.count + partitions.count {
                sources.append(.constant(partitionValues[index - data.count], all[index].dataType))
            } else {
                let position = index - data.count - partitions.count
                sources.append(
                    position < constants.count ? .constant(constants[position], all[index].dataType) : .rowIndex)
            }
        }
    }

    /// - Parameter rowNumbers: of the batch's selected rows in their file.
    func assemble(_ batch: Batch, rowNumbers: some RandomAccessCollection<Int64>) throws -> Batch {
        let dense = batch.compacted()
        let columns = try sources.map { source -> ColumnVector in
            switch source {
            case .file(let index): return dense.columns[index]
            case .constant(let value, let type): return try ColumnVector.constant(value, type, count: dense.rowCount)
            case .rowIndex:
                let builder = FixedWidthBuilder<Int64>(zero: 0, capacity: dense.rowCount)
                for number in rowNumbers { builder.append(number) }
                return builder.finish(.long)
            }
        }
        return Batch(schema: schema, columns: columns, rowCount: dense.rowCount)
    }
}
