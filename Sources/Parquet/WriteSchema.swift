import Columnar
import JSONModel

/// One column or member to be written, over its leaves.
indirect enum WriteNode {
    struct Levels {
        /// The definition level of a value that is present; one less when the node may be null and is.
        var definition: Int
        var repetition: Int
        var nullable: Bool
    }

    case leaf(LeafWriter, Levels)
    case structure([WriteNode], names: [String], Levels)
    /// A list (one child) or a map (key and value).
    case collection([WriteNode], Levels, NullCounter)

    var leaves: [LeafWriter] {
        switch self {
        case .leaf(let writer, _): [writer]
        case .structure(let members, _, _): members.flatMap(\.leaves)
        case .collection(let children, _, _): children.flatMap(\.leaves)
        }
    }
}

/// Counts the nulls of a list or map column, which no leaf's count tells.
final class NullCounter {
    var count: Int64 = 0
}

/// Makes the Parquet schema of Spark columns and the writers of its leaves.
struct WriteSchemaBuilder {
    private(set) var elements: [SchemaElement]
    private let options: ParquetWriterOptions
    private let encoder: PageEncoder

    init(options: ParquetWriterOptions, fieldCount: Int) {
        self.options = options
        encoder = PageEncoder(codec: options.codec, zstdLevel: options.zstdLevel)
        elements = [SchemaElement(name: "spark_schema", numChildren: Int32(truncatingIfNeeded: fieldCount))]
    }

    mutating func node(_ field: StructField) throws(ParquetError) -> WriteNode {
        let id = (field.metadata["parquet.field.id"] ?? field.metadata["delta.columnMapping.id"])?.int64
        return try node(
            field.name, field.dataType, nullable: field.nullable, path: [], definition: 0, repetition: 0,
            fieldID: id.flatMap { Int32(exactly: $0) })
    }

    private mutating func node(
        _ name: String, _ type: DataType, nullable: Bool, path: [String], definition: Int, repetition: Int,
        fieldID: Int32? = nil
    ) throws(ParquetError) -> WriteNode {
        guard path.count <= SchemaNode.depthMax / 2 else { throw .unsupported("the column \(name) nests too deep") }
        let path = path + [name]
        let definition = definition + (nullable ? 1 : 0)
        let levels = WriteNode.Levels(definition: definition, repetition: repetition, nullable: nullable)
        var element = SchemaElement(repetitionType: nullable ? .optional : .required, name: name, fieldID: fieldID)
        switch type {
        case .structure(let type):
            guard !type.fields.isEmpty else { throw .unsupported("the struct \(name) without members cannot be written") }
            element.numChildren = Int32(truncatingIfNeeded: type.fields.count)
            elements.append(element)
            var members: [WriteNode] = []
            for field in type.fields {
                members.append(
                    try node(
                        field.name, field.dataType, nullable: field.nullable, path: path, definition: definition,
                        repetition: repetition))
            }
            return .structure(members, names: type.fields.map(\.name), levels)
        case .array(let inner, let containsNull):
            element.numChildren = 1
            element.convertedType = ConvertedType.list
            element.logicalType = .list
            elements.append(element)
            elements.append(SchemaElement(repetitionType: .repeated, name: "list", numChildren: 1))
            let child = try node(
                "element", inner, nullable: containsNull, path: path + ["list"], definition: definition + 1,
                repetition: repetition + 1)
            return .collection([child], levels, NullCounter())
        case .map(let key, let value, let valueContainsNull):
            element.numChildren = 1
            element.convertedType = ConvertedType.map
            element.logicalType = .map
            elements.append(element)
            elements.append(SchemaElement(repetitionType: .repeated, name: "key_value", numChildren: 2))
            let entry = path + ["key_value"]
            let keys = try node(
                "key", key, nullable: false, path: entry, definition: definition + 1, repetition: repetition + 1)
            let values = try node(
                "value", value, nullable: valueContainsNull, path: entry, definition: definition + 1,
                repetition: repetition + 1)
            return .collection([keys, values], levels, NullCounter())
        default:
            try Self.describe(type, name, &element)
            elements.append(element)
            guard let physical = element.type else { throw .unsupported("the column \(name) has no physical type") }
            return .leaf(
                LeafWriter(
                    path: path, dataType: type, physicalType: physical, typeLength: Int(element.typeLength ?? 0),
                    maxDefinition: definition, maxRepetition: repetition, options: options, encoder: encoder),
                levels)
        }
    }

    private static func describe(_ type: DataType, _ name: String, _ element: inout SchemaElement) throws(ParquetError) {
        switch type {
        case .boolean: element.type = .boolean
        case .byte:
            element.type = .int32
            element.convertedType = ConvertedType.int8
            element.logicalType = .integer(bitWidth: 8, isSigned: true)
        case .short:
            element.type = .int32
            element.convertedType = ConvertedType.int16
            element.logicalType = .integer(bitWidth: 16, isSigned: true)
        case .int, .yearMonthInterval: element.type = .int32
        case .long, .dayTimeInterval: element.type = .int64
        case .float: element.type = .float
        case .double: element.type = .double
        case .date:
            element.type = .int32
            element.convertedType = ConvertedType.date
            element.logicalType = .date
        case .timestamp:
            element.type = .int64
            element.convertedType = ConvertedType.timestampMicros
            element.logicalType = .timestamp(unit: .micros, isAdjustedToUTC: true)
        case .timestampNTZ:
            element.type = .int64
            element.logicalType = .timestamp(unit: .micros, isAdjustedToUTC: false)
        case .string:
            element.type = .byteArray
            element.convertedType = ConvertedType.utf8
            element.logicalType = .string
        case .binary: element.type = .byteArray
        case .decimal(let precision, let scale):
            element.type = precision <= 9 ? .int32 : precision <= 18 ? .int64 : .fixedLengthByteArray
            if precision > 18 { element.typeLength = Int32(decimalBytes(precision: precision)) }
            element.convertedType = ConvertedType.decimal
            element.precision = Int32(precision)
            element.scale = Int32(scale)
            element.logicalType = .decimal(precision: Int32(precision), scale: Int32(scale))
        case .null, .variant, .array, .map, .structure:
            throw .unsupported("the column \(name) of type \(type.simpleString) cannot be written")
        }
    }

    /// The least number of bytes whose two's complement holds `precision` digits.
    static func decimalBytes(precision: Int) -> Int {
        guard let power = Decimals.powerOfTen(precision) else { return 16 }
        var bytes = 1
        while bytes < 16, (Int128(1) << Int128(8 * bytes - 1)) < power { bytes += 1 }
        return bytes
    }
}
