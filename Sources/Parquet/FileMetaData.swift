// The structures of a Parquet file's metadata, named after parquet.thrift. Members nobody here needs are left out.

/// How a leaf's values are stored.
package enum PhysicalType: Int32, Sendable, Hashable {
    case boolean = 0, int32, int64, int96, float, double, byteArray, fixedLengthByteArray
}

package enum FieldRepetitionType: Int32, Sendable, Hashable {
    case required = 0, optional, repeated
}

package struct Encoding: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let plain = Encoding(rawValue: 0)
    package static let plainDictionary = Encoding(rawValue: 2)
    package static let rle = Encoding(rawValue: 3)
    package static let bitPacked = Encoding(rawValue: 4)
    package static let deltaBinaryPacked = Encoding(rawValue: 5)
    package static let deltaLengthByteArray = Encoding(rawValue: 6)
    package static let deltaByteArray = Encoding(rawValue: 7)
    package static let rleDictionary = Encoding(rawValue: 8)
    package static let byteStreamSplit = Encoding(rawValue: 9)

    package var description: String {
        let names = [
            0: "PLAIN", 2: "PLAIN_DICTIONARY", 3: "RLE", 4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED",
            6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY", 8: "RLE_DICTIONARY", 9: "BYTE_STREAM_SPLIT",
        ]
        return names[Int(rawValue)] ?? "encoding \(rawValue)"
    }
}

package struct CompressionCodec: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let uncompressed = CompressionCodec(rawValue: 0)
    package static let snappy = CompressionCodec(rawValue: 1)
    package static let gzip = CompressionCodec(rawValue: 2)
    package static let zstd = CompressionCodec(rawValue: 6)

    package var description: String {
        let names = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]
        return names.indices.contains(Int(rawValue)) ? names[Int(rawValue)] : "codec \(rawValue)"
    }
}

package enum TimeUnit: Sendable, Hashable { case millis, micros, nanos }

/// What a leaf's values or a group mean.
package enum LogicalType: Sendable, Hashable {
    case string, map, list, enumeration, date, null, json, bson, uuid, float16, variant, geometry, geography
    case decimal(precision: Int32, scale: Int32)
    case time(unit: TimeUnit, isAdjustedToUTC: Bool)
    case timestamp(unit: TimeUnit, isAdjustedToUTC: Bool)
    case integer(bitWidth: Int8, isSigned: Bool)
    /// A member of the union that this version does not know.
    case other(Int16)
}

/// One node of the schema; the tree is laid out depth first.
package struct SchemaElement: Sendable, Hashable {
    package var type: PhysicalType?
    package var typeLength: Int32?
    package var repetitionType: FieldRepetitionType?
    package var name = ""
    package var numChildren: Int32?
    package var convertedType: Int32?
    package var scale: Int32?
    package var precision: Int32?
    package var fieldID: Int32?
    package var logicalType: LogicalType?
}

/// Figures over a column chunk or page. `min` and `max` are the deprecated members, whose order is signed bytes.
package struct Statistics: Sendable, Hashable {
    package var max: [UInt8]?
    package var min: [UInt8]?
    package var nullCount: Int64?
    package var distinctCount: Int64?
    package var maxValue: [UInt8]?
    package var minValue: [UInt8]?
    package var isMaxValueExact: Bool?
    package var isMinValueExact: Bool?
}

package struct KeyValue: Sendable, Hashable {
    package var key: String
    package var value: String?

    package init(_ key: String, _ value: String?) {
        self.key = key
        self.value = value
    }
}

package struct ColumnMetaData: Sendable, Hashable {
    package var type = PhysicalType.boolean
    package var encodings: [Encoding] = []
    package var pathInSchema: [String] = []
    package var codec = CompressionCodec.uncompressed
    package var numValues: Int64 = 0
    package var totalUncompressedSize: Int64 = 0
    package var totalCompressedSize: Int64 = 0
    package var dataPageOffset: Int64 = 0
    package var dictionaryPageOffset: Int64?
    package var statistics: Statistics?
}

package struct ColumnChunk: Sendable, Hashable {
    package var filePath: String?
    package var fileOffset: Int64 = 0
    package var metaData: ColumnMetaData?
    /// The chunk is encrypted with a key of its own or the footer's.
    package var isEncrypted = false
}

package struct RowGroup: Sendable, Hashable {
    package var columns: [ColumnChunk] = []
    package var totalByteSize: Int64 = 0
    package var numRows: Int64 = 0
    package var fileOffset: Int64?
    package var totalCompressedSize: Int64?
    package var ordinal: Int16?
}

package struct FileMetaData: Sendable, Hashable {
    package var version: Int32 = 1
    package var schema: [SchemaElement] = []
    package var numRows: Int64 = 0
    package var rowGroups: [RowGroup] = []
    package var keyValueMetadata: [KeyValue] = []
    package var createdBy: String?
    /// For each leaf, whether min_value and max_value follow the order of its type.
    package var columnOrders: [Bool] = []
    package var isEncrypted = false
}

struct DataPageHeader {
    var numValues: Int32 = 0
    var encoding = Encoding.plain
    var definitionLevelEncoding = Encoding.rle
    var repetitionLevelEncoding = Encoding.rle
}

struct DictionaryPageHeader {
    var numValues: Int32 = 0
    var encoding = Encoding.plain
}

struct DataPageHeaderV2 {
    var numValues: Int32 = 0
    var numNulls: Int32 = 0
    var numRows: Int32 = 0
    var encoding = Encoding.plain
    var definitionLevelsByteLength: Int32 = 0
    var repetitionLevelsByteLength: Int32 = 0
    var isCompressed = true
}

struct PageHeader {
    enum Kind: Int32 { case dataPage = 0, indexPage, dictionaryPage, dataPageV2 }

    var type: Int32 = -1
    var uncompressedPageSize: Int32 = 0
    var compressedPageSize: Int32 = 0
    var dataPageHeader: DataPageHeader?
    var dictionaryPageHeader: DictionaryPageHeader?
    var dataPageHeaderV2: DataPageHeaderV2?
}
