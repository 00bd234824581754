import Columnar

/// Parquet's converted types, older than logical types; the numbers are parquet.thrift's.
enum ConvertedType {
    static let utf8: Int32 = 0, map: Int32 = 1, mapKeyValue: Int32 = 2, list: Int32 = 3, enumeration: Int32 = 4
    static let decimal: Int32 = 5, date: Int32 = 6, timeMillis: Int32 = 7, timeMicros: Int32 = 8
    static let timestampMillis: Int32 = 9, timestampMicros: Int32 = 10
    static let uint8: Int32 = 11, uint16: Int32 = 12, uint32: Int32 = 13, uint64: Int32 = 14
    static let int8: Int32 = 15, int16: Int32 = 16, int32: Int32 = 17, int64: Int32 = 18
    static let json: Int32 = 19, bson: Int32 = 20, interval: Int32 = 21
}

extension SchemaElement {
    /// The logical type, or what the converted type means in its place.
    var meaning: LogicalType? {
        switch logicalType {
        case .other, nil: break
        default: return logicalType
        }
        switch convertedType {
        case ConvertedType.utf8: return .string
        case ConvertedType.map, ConvertedType.mapKeyValue: return .map
        case ConvertedType.list: return .list
        case ConvertedType.enumeration: return .enumeration
        case ConvertedType.decimal: return .decimal(precision: precision ?? 0, scale: scale ?? 0)
        case ConvertedType.date: return .date
        case ConvertedType.timeMillis: return .time(unit: .millis, isAdjustedToUTC: true)
        case ConvertedType.timeMicros: return .time(unit: .micros, isAdjustedToUTC: true)
        case ConvertedType.timestampMillis: return .timestamp(unit: .millis, isAdjustedToUTC: true)
        case ConvertedType.timestampMicros: return .timestamp(unit: .micros, isAdjustedToUTC: true)
        case ConvertedType.uint8: return .integer(bitWidth: 8, isSigned: false)
        case ConvertedType.uint16: return .integer(bitWidth: 16, isSigned: false)
        case ConvertedType.uint32: return .integer(bitWidth: 32, isSigned: false)
        case ConvertedType.uint64: return .integer(bitWidth: 64, isSigned: false)
        case ConvertedType.int8: return .integer(bitWidth: 8, isSigned: true)
        case ConvertedType.int16: return .integer(bitWidth: 16, isSigned: true)
        case ConvertedType.int32: return .integer(bitWidth: 32, isSigned: true)
        case ConvertedType.int64: return .integer(bitWidth: 64, isSigned: true)
        case ConvertedType.json: return .json
        case ConvertedType.bson: return .bson
        default: return nil
        }
    }
}

extension SchemaNode {
    /// The Spark type of a leaf, as Spark's Parquet reader maps it.
    ///
    /// - Throws: `ParquetError` `.unsupported` naming the types that Spark refuses too: TIME, TIMESTAMP(NANOS), INTERVAL,
    ///   FLOAT16; `.malformed` for a meaning that the physical type cannot have.
    func leafType() throws(ParquetError) -> DataType {
        guard let physical = element.type else { throw .malformed("the group \(name) is no column") }
        if element.convertedType == ConvertedType.interval { throw refused("INTERVAL") }
        switch element.meaning {
        case .time: throw refused("TIME")
        case .timestamp(.nanos, _): throw refused("TIMESTAMP(NANOS)")
        case .float16: throw refused("FLOAT16")
        default: break
        }
        switch (physical, element.meaning) {
        case (.boolean, _): return .boolean
        case (.int32, nil), (.int32, .integer(32, true)), (.int32, .integer(16, false)): return .int
        case (.int32, .integer(8, true)): return .byte
        case (.int32, .integer(16, true)), (.int32, .integer(8, false)): return .short
        case (.int32, .integer(32, false)): return .long
        case (.int32, .date): return .date
        case (.int32, .null), (.int64, .null), (.byteArray, .null): return .null
        case (.int64, nil), (.int64, .integer(64, true)): return .long
        case (.int64, .integer(64, false)): return .decimal(precision: 20, scale: 0)
        case (.int64, .timestamp(_, let adjusted)): return adjusted ? .timestamp : .timestampNTZ
        case (.int96, _): return .timestamp
        case (.float, _): return .float
        case (.double, _): return .double
        case (.byteArray, .string), (.byteArray, .enumeration), (.byteArray, .json): return .string
        case (.byteArray, nil), (.byteArray, .bson), (.byteArray, .geometry), (.byteArray, .geography): return .binary
        case (.fixedLengthByteArray, nil), (.fixedLengthByteArray, .uuid): return .binary
        case (.int32, .decimal(let precision, let scale)): return try decimal(precision, scale, max: 9)
        case (.int64, .decimal(let precision, let scale)): return try decimal(precision, scale, max: 18)
        case (.byteArray, .decimal(let precision, let scale)), (.fixedLengthByteArray, .decimal(let precision, let scale)):
            return try decimal(precision, scale, max: 38)
        default: throw .unsupported("the column \(name) is \(physical) with the logical type \(element.meaning.map { "\($0)" } ?? "none")")
        }
    }

    private func decimal(_ precision: Int32, _ scale: Int32, max: Int32) throws(ParquetError) -> DataType {
        guard precision > 0, scale >= 0, scale <= precision else {
            throw .malformed("the column \(name) is DECIMAL(\(precision), \(scale))")
        }
        guard precision <= 38 else { throw .unsupported("the column \(name) is DECIMAL(\(precision), \(scale)): over 38 digits") }
        guard precision <= max else { throw .malformed("the column \(name) is DECIMAL(\(precision), \(scale)) of a narrower type") }
        return .decimal(precision: Int(precision), scale: Int(scale))
    }

    private func refused(_ type: String) -> ParquetError {
        .unsupported("the column \(name) has the type \(type), which is not supported")
    }
}
