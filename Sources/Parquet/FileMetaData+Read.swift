// Metadata from Thrift's compact protocol; field numbers are parquet.thrift's.

extension FileMetaData {
    /// - Throws: `ParquetError` `.malformed` for what the format forbids.
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = FileMetaData()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .i32): result.version = try r.readI32()
            case (2, .list): result.schema = try r.readList { (r) throws(ParquetError) in try SchemaElement(reading: &r) }
            case (3, .i64): result.numRows = try r.readI64()
            case (4, .list): result.rowGroups = try r.readList { (r) throws(ParquetError) in try RowGroup(reading: &r) }
            case (5, .list): result.keyValueMetadata = try r.readList { (r) throws(ParquetError) in try KeyValue(reading: &r) }
            case (6, .binary): result.createdBy = try r.readString()
            case (7, .list):
                result.columnOrders = try r.readList { (r) throws(ParquetError) in
                    var typeDefined = false
                    try r.readStruct { (_, field) throws(ParquetError) in
                        if field.id == 1 { typeDefined = true }
                        return false
                    }
                    return typeDefined
                }
            case (8, _):
                result.isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        self = result
    }
}

extension SchemaElement {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = SchemaElement()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .i32):
                let raw = try r.readI32()
                guard let type = PhysicalType(rawValue: raw) else { throw .malformed("the schema has physical type \(raw)") }
                result.type = type
            case (2, .i32): result.typeLength = try r.readI32()
            case (3, .i32):
                let raw = try r.readI32()
                guard let repetition = FieldRepetitionType(rawValue: raw) else {
                    throw .malformed("the schema has repetition type \(raw)")
                }
                result.repetitionType = repetition
            case (4, .binary): result.name = try r.readString()
            case (5, .i32): result.numChildren = try r.readI32()
            case (6, .i32): result.convertedType = try r.readI32()
            case (7, .i32): result.scale = try r.readI32()
            case (8, .i32): result.precision = try r.readI32()
            case (9, .i32): result.fieldID = try r.readI32()
            case (10, .structure): result.logicalType = try LogicalType(reading: &r)
            default: return false
            }
            return true
        }
        self = result
    }
}

extension LogicalType {
    init?(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result: LogicalType?
        try reader.readStruct { (r, field) throws(ParquetError) in
            guard field.type == .structure else { return false }
            switch field.id {
            case 1: result = .string
            case 2: result = .map
            case 3: result = .list
            case 4: result = .enumeration
            case 5:
                var scale: Int32 = 0
                var precision: Int32 = 0
                try r.readStruct { (r, field) throws(ParquetError) in
                    switch (field.id, field.type) {
                    case (1, .i32): scale = try r.readI32()
                    case (2, .i32): precision = try r.readI32()
                    default: return false
                    }
                    return true
                }
                result = .decimal(precision: precision, scale: scale)
                return true
            case 6: result = .date
            case 7, 8:
                let (unit, adjusted) = try Self.readTime(&r)
                result = field.id == 7
                    ? .time(unit: unit, isAdjustedToUTC: adjusted) : .timestamp(unit: unit, isAdjustedToUTC: adjusted)
                return true
            case 10:
                var width: Int8 = 0
                var signed = false
                try r.readStruct { (r, field) throws(ParquetError) in
                    switch (field.id, field.type) {
                    case (1, .byte): width = Int8(bitPattern: try r.readByte())
                    case (2, .boolTrue), (2, .boolFalse): signed = r.readBoolField()
                    default: return false
                    }
                    return true
                }
                result = .integer(bitWidth: width, isSigned: signed)
                return true
            case 11: result = .null
            case 12: result = .json
            case 13: result = .bson
            case 14: result = .uuid
            case 15: result = .float16
            case 16: result = .variant
            case 17: result = .geometry
            case 18: result = .geography
            default: result = .other(field.id)
            }
            return false
        }
        guard let result else { return nil }
        self = result
    }

    private static func readTime(_ reader: inout ThriftCompactReader) throws(ParquetError) -> (TimeUnit, Bool) {
        var unit: TimeUnit?
        var adjusted = false
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .boolTrue), (1, .boolFalse): adjusted = r.readBoolField()
            case (2, .structure):
                try r.readStruct { (_, field) throws(ParquetError) in
                    unit = field.id == 1 ? .millis : field.id == 2 ? .micros : field.id == 3 ? .nanos : nil
                    return false
                }
            default: return false
            }
            return true
        }
        guard let unit else { throw .malformed("the schema has a time without a known unit") }
        return (unit, adjusted)
    }
}

extension KeyValue {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = KeyValue("", nil)
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .binary): result.key = try r.readString()
            case (2, .binary): result.value = try r.readString()
            default: return false
            }
            return true
        }
        self = result
    }
}

extension RowGroup {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = RowGroup()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .list): result.columns = try r.readList { (r) throws(ParquetError) in try ColumnChunk(reading: &r) }
            case (2, .i64): result.totalByteSize = try r.readI64()
            case (3, .i64): result.numRows = try r.readI64()
            case (5, .i64): result.fileOffset = try r.readI64()
            case (6, .i64): result.totalCompressedSize = try r.readI64()
            case (7, .i16): result.ordinal = try r.readI16()
            default: return false
            }
            return true
        }
        self = result
    }
}

extension ColumnChunk {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = ColumnChunk()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .binary): result.filePath = try r.readString()
            case (2, .i64): result.fileOffset = try r.readI64()
            case (3, .structure): result.metaData = try ColumnMetaData(reading: &r)
            case (8, _), (9, _):
                result.isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        self = result
    }
}

extension ColumnMetaData {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = ColumnMetaData()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .i32):
                let raw = try r.readI32()
                guard let type = PhysicalType(rawValue: raw) else { throw .malformed("a column has physical type \(raw)") }
                result.type = type
            case (2, .list):
                result.encodings = try r.readList { (r) throws(ParquetError) in Encoding(rawValue: try r.readI32()) }
            case (3, .list): result.pathInSchema = try r.readList { (r) throws(ParquetError) in try r.readString() }
            case (4, .i32): result.codec = CompressionCodec(rawValue: try r.readI32())
            case (5, .i64): result.numValues = try r.readI64()
            case (6, .i64): result.totalUncompressedSize = try r.readI64()
            case (7, .i64): result.totalCompressedSize = try r.readI64()
            case (9, .i64): result.dataPageOffset = try r.readI64()
            case (11, .i64): result.dictionaryPageOffset = try r.readI64()
            case (12, .structure): result.statistics = try Statistics(reading: &r)
            default: return false
            }
            return true
        }
        self = result
    }
}

extension Statistics {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = Statistics()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .binary): result.max = try r.readBinary()
            case (2, .binary): result.min = try r.readBinary()
            case (3, .i64): result.nullCount = try r.readI64()
            case (4, .i64): result.distinctCount = try r.readI64()
            case (5, .binary): result.maxValue = try r.readBinary()
            case (6, .binary): result.minValue = try r.readBinary()
            case (7, .boolTrue), (7, .boolFalse): result.isMaxValueExact = r.readBoolField()
            case (8, .boolTrue), (8, .boolFalse): result.isMinValueExact = r.readBoolField()
            default: return false
            }
            return true
        }
        self = result
    }
}

extension PageHeader {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = PageHeader()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .i32): result.type = try r.readI32()
            case (2, .i32): result.uncompressedPageSize = try r.readI32()
            case (3, .i32): result.compressedPageSize = try r.readI32()
            case (5, .structure): result.dataPageHeader = try DataPageHeader(reading: &r)
            case (7, .structure): result.dictionaryPageHeader = try DictionaryPageHeader(reading: &r)
            case (8, .structure): result.dataPageHeaderV2 = try DataPageHeaderV2(reading: &r)
            default: return false
            }
            return true
        }
        self = result
    }
}

extension DataPageHeader {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = DataPageHeader()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .i32): result.numValues = try r.readI32()
            case (2, .i32): result.encoding = Encoding(rawValue: try r.readI32())
            case (3, .i32): result.definitionLevelEncoding = Encoding(rawValue: try r.readI32())
            case (4, .i32): result.repetitionLevelEncoding = Encoding(rawValue: try r.readI32())
            default: return false
            }
            return true
        }
        self = result
    }
}

extension DictionaryPageHeader {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = DictionaryPageHeader()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .i32): result.numValues = try r.readI32()
            case (2, .i32): result.encoding = Encoding(rawValue: try r.readI32())
            default: return false
            }
            return true
        }
        self = result
    }
}

extension DataPageHeaderV2 {
    init(reading reader: inout ThriftCompactReader) throws(ParquetError) {
        var result = DataPageHeaderV2()
        try reader.readStruct { (r, field) throws(ParquetError) in
            switch (field.id, field.type) {
            case (1, .i32): result.numValues = try r.readI32()
            case (2, .i32): result.numNulls = try r.readI32()
            case (3, .i32): result.numRows = try r.readI32()
            case (4, .i32): result.encoding = Encoding(rawValue: try r.readI32())
            case (5, .i32): result.definitionLevelsByteLength = try r.readI32()
            case (6, .i32): result.repetitionLevelsByteLength = try r.readI32()
            case (7, .boolTrue), (7, .boolFalse): result.isCompressed = r.readBoolField()
            default: return false
            }
            return true
        }
        self = result
    }
}
