// Metadata to Thrift's compact protocol; field numbers are parquet.thrift's.

extension FileMetaData {
    func write(to writer: inout ThriftCompactWriter) {
        writer.writeStruct { w in
            w.field(1, i32: version)
            w.field(2, structs: schema) { $0.writeFields(to: &$1) }
            w.field(3, i64: numRows)
            w.field(4, structs: rowGroups) { $0.writeFields(to: &$1) }
            if !keyValueMetadata.isEmpty {
                w.field(5, structs: keyValueMetadata) { pair, w in
                    w.field(1, string: pair.key)
                    w.field(2, string: pair.value)
                }
            }
            w.field(6, string: createdBy)
            if !columnOrders.isEmpty {
                // TypeDefinedOrder is the union's only member.
                w.field(7, structs: columnOrders) { _, w in w.field(1, structure: { _ in }) }
            }
        }
    }
}

extension SchemaElement {
    fileprivate func writeFields(to w: inout ThriftCompactWriter) {
        w.field(1, i32: type?.rawValue)
        w.field(2, i32: typeLength)
        w.field(3, i32: repetitionType?.rawValue)
        w.field(4, string: name)
        w.field(5, i32: numChildren)
        w.field(6, i32: convertedType)
        w.field(7, i32: scale)
        w.field(8, i32: precision)
        w.field(9, i32: fieldID)
        if let logicalType { w.field(10, structure: { logicalType.writeFields(to: &$0) }) }
    }
}

extension LogicalType {
    fileprivate func writeFields(to w: inout ThriftCompactWriter) {
        switch self {
        case .string: w.field(1, structure: { _ in })
        case .map: w.field(2, structure: { _ in })
        case .list: w.field(3, structure: { _ in })
        case .enumeration: w.field(4, structure: { _ in })
        case .decimal(let precision, let scale):
            w.field(5, structure: {
                $0.field(1, i32: scale)
                $0.field(2, i32: precision)
            })
        case .date: w.field(6, structure: { _ in })
        case .time(let unit, let adjusted): w.field(7, structure: { unit.writeFields(adjusted, to: &$0) })
        case .timestamp(let unit, let adjusted): w.field(8, structure: { unit.writeFields(adjusted, to: &$0) })
        case .integer(let width, let signed):
            w.field(10, structure: {
                $0.field(1, i8: width)
                $0.field(2, bool: signed)
            })
        case .null: w.field(11, structure: { _ in })
        case .json: w.field(12, structure: { _ in })
        case .bson: w.field(13, structure: { _ in })
        case .uuid: w.field(14, structure: { _ in })
        case .float16: w.field(15, structure: { _ in })
        case .variant: w.field(16, structure: { _ in })
        case .geometry: w.field(17, structure: { _ in })
        case .geography: w.field(18, structure: { _ in })
        case .other(let id): w.field(id, structure: { _ in })
        }
    }
}

extension TimeUnit {
    fileprivate func writeFields(_ isAdjustedToUTC: Bool, to w: inout ThriftCompactWriter) {
        w.field(1, bool: isAdjustedToUTC)
        w.field(2, structure: { $0.field(self == .millis ? 1 : self == .micros ? 2 : 3, structure: { _ in }) })
    }
}

extension RowGroup {
    fileprivate func writeFields(to w: inout ThriftCompactWriter) {
        w.field(1, structs: columns) { $0.writeFields(to: &$1) }
        w.field(2, i64: totalByteSize)
        w.field(3, i64: numRows)
        w.field(5, i64: fileOffset)
        w.field(6, i64: totalCompressedSize)
        w.field(7, i16: ordinal)
    }
}

extension ColumnChunk {
    fileprivate func writeFields(to w: inout ThriftCompactWriter) {
        w.field(1, string: filePath)
        w.field(2, i64: fileOffset)
        if let metaData { w.field(3, structure: { metaData.writeFields(to: &$0) }) }
    }
}

extension ColumnMetaData {
    fileprivate func writeFields(to w: inout ThriftCompactWriter) {
        w.field(1, i32: type.rawValue)
        w.field(2, i32s: encodings.map(\.rawValue))
        w.field(3, strings: pathInSchema)
        w.field(4, i32: codec.rawValue)
        w.field(5, i64: numValues)
        w.field(6, i64: totalUncompressedSize)
        w.field(7, i64: totalCompressedSize)
        w.field(9, i64: dataPageOffset)
        w.field(11, i64: dictionaryPageOffset)
        if let statistics { w.field(12, structure: { statistics.writeFields(to: &$0) }) }
    }
}

extension Statistics {
    fileprivate func writeFields(to w: inout ThriftCompactWriter) {
        w.field(1, binary: max)
        w.field(2, binary: min)
        w.field(3, i64: nullCount)
        w.field(4, i64: distinctCount)
        w.field(5, binary: maxValue)
        w.field(6, binary: minValue)
        w.field(7, bool: isMaxValueExact)
        w.field(8, bool: isMinValueExact)
    }
}

extension PageHeader {
    func write(to writer: inout ThriftCompactWriter) {
        writer.writeStruct { w in
            w.field(1, i32: type)
            w.field(2, i32: uncompressedPageSize)
            w.field(3, i32: compressedPageSize)
            if let page = dataPageHeader {
                w.field(5, structure: {
                    $0.field(1, i32: page.numValues)
                    $0.field(2, i32: page.encoding.rawValue)
                    $0.field(3, i32: page.definitionLevelEncoding.rawValue)
                    $0.field(4, i32: page.repetitionLevelEncoding.rawValue)
                })
            }
            if let page = dictionaryPageHeader {
                w.field(7, structure: {
                    $0.field(1, i32: page.numValues)
                    $0.field(2, i32: page.encoding.rawValue)
                })
            }
        }
    }
}
