/// A data page, decompressed.
struct DataPage {
    let numValues: Int
    let encoding: Encoding
    let bytes: [UInt8]
    let repetitionLevels: Range<Int>
    let definitionLevels: Range<Int>
    /// Where the values begin in `bytes`.
    let valuesStart: Int
}

/// Reads the pages of a column chunk one after another. Nothing a header says is believed before it is checked.
struct PageReader {
    private let column: LeafColumn
    private let codec: CompressionCodec
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    /// Decoded when its page comes by; pages of positions need it.
    private(set) var dictionary: DictionaryDecoder.Dictionary?

    init(column: LeafColumn, codec: CompressionCodec, bytes: ArraySlice<UInt8>) {
        self.column = column
        self.codec = codec
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// The next data page; nil at the end of the chunk's bytes.
    mutating func next() throws(ParquetError) -> DataPage? {
        while position < bytes.endIndex {
            var reader = ThriftCompactReader(bytes[position...])
            let header = try PageHeader(reading: &reader)
            position = reader.position
            let size = Int(header.compressedPageSize)
            guard size >= 0, size <= bytes.endIndex - position else {
                throw .malformed("a page of column \(column.name) has \(size) bytes, beyond its chunk")
            }
            guard header.uncompressedPageSize >= 0 else {
                throw .malformed("a page of column \(column.name) has \(header.uncompressedPageSize) bytes uncompressed")
            }
            let body = bytes[position..<position + size]
            position += size
            switch PageHeader.Kind(rawValue: header.type) {
            case .dataPage:
                guard let page = header.dataPageHeader else { throw .malformed("a data page without its header") }
                return try dataPage(page, header, body)
            case .dataPageV2:
                guard let page = header.dataPageHeaderV2 else { throw .malformed("a data page without its header") }
                return try dataPageV2(page, header, body)
            case .dictionaryPage:
                guard let page = header.dictionaryPageHeader else { throw .malformed("a dictionary page without its header") }
                guard dictionary == nil else { throw .malformed("column \(column.name) has two dictionary pages in a chunk") }
                dictionary = try readDictionary(page, header, body)
            case .indexPage, nil: continue
            }
        }
        return nil
    }

    private func dataPage(
        _ page: DataPageHeader, _ header: PageHeader, _ body: ArraySlice<UInt8>
    ) throws(ParquetError) -> DataPage {
        guard page.numValues >= 0 else { throw .malformed("a page of column \(column.name) has \(page.numValues) values") }
        let bytes = try decompress(body, codec: codec, uncompressedSize: Int(header.uncompressedPageSize))
        var position = 0
        var repetition = 0..<0
        var definition = 0..<0
        if column.maxRepetition > 0, page.numValues > 0 {
            try check(page.repetitionLevelEncoding)
            repetition = try lengthPrefixedRange(bytes, at: position, end: bytes.count)
            position = repetition.upperBound
        }
        if column.maxDefinition > 0, page.numValues > 0 {
            try check(page.definitionLevelEncoding)
            definition = try lengthPrefixedRange(bytes, at: position, end: bytes.count)
            position = definition.upperBound
        }
        return DataPage(
            numValues: Int(page.numValues), encoding: page.encoding, bytes: bytes, repetitionLevels: repetition,
            definitionLevels: definition, valuesStart: position)
    }

    private func check(_ encoding: Encoding) throws(ParquetError) {
        guard encoding == .rle else { throw .unsupported("levels of encoding \(encoding) in column \(column.name)") }
    }

    private func dataPageV2(
        _ page: DataPageHeaderV2, _ header: PageHeader, _ body: ArraySlice<UInt8>
    ) throws(ParquetError) -> DataPage {
        let (repetition, definition) = (Int(page.repetitionLevelsByteLength), Int(page.definitionLevelsByteLength))
        guard page.numValues >= 0, repetition >= 0, definition >= 0, repetition + definition <= body.count,
            repetition + definition <= Int(header.uncompressedPageSize)
        else { throw .malformed("a page of column \(column.name) has levels of \(repetition) and \(definition) bytes") }
        let levels = repetition + definition
        let packed = body[(body.startIndex + levels)...]
        let unpackedSize = Int(header.uncompressedPageSize) - levels
        var bytes = Array(body[..<(body.startIndex + levels)])
        if !page.isCompressed || codec == .uncompressed {
            bytes.append(contentsOf: packed)
        } else if !packed.isEmpty {
            bytes.append(contentsOf: try decompress(packed, codec: codec, uncompressedSize: unpackedSize))
        }
        return DataPage(
            numValues: Int(page.numValues), encoding: page.encoding, bytes: bytes, repetitionLevels: 0..<repetition,
            definitionLevels: repetition..<levels, valuesStart: levels)
    }

    private func readDictionary(
        _ page: DictionaryPageHeader, _ header: PageHeader, _ body: ArraySlice<UInt8>
    ) throws(ParquetError) -> DictionaryDecoder.Dictionary {
        guard page.encoding == .plain || page.encoding == .plainDictionary else {
            throw .unsupported("a dictionary of encoding \(page.encoding) in column \(column.name)")
        }
        let bytes = try decompress(body, codec: codec, uncompressedSize: Int(header.uncompressedPageSize))
        // Every value of a dictionary takes a bit at least, in practice bytes.
        guard page.numValues >= 0, Int(page.numValues) <= max(1, bytes.count * 8) else {
            throw .malformed("a dictionary of column \(column.name) has \(page.numValues) values in \(bytes.count) bytes")
        }
        var values = LeafValues()
        let decoder = try Self.decoder(
            for: column, encoding: .plain, bytes: bytes, position: 0, dictionary: nil)
        try decoder.read(Int(page.numValues), into: &values)
        return DictionaryDecoder.Dictionary(type: column.physicalType, values: values, count: Int(page.numValues))
    }

    /// The decoder for values of `encoding` that begin at `position`.
    static func decoder(
        for column: LeafColumn, encoding: Encoding, bytes: [UInt8], position: Int,
        dictionary: DictionaryDecoder.Dictionary?
    ) throws(ParquetError) -> ValueDecoder {
        let refusal = ParquetError.unsupported(
            "the encoding \(encoding) for the type \(column.physicalType) of column \(column.name)")
        switch encoding {
        case .plain:
            switch column.physicalType {
            case .boolean: return PlainBooleanDecoder(bytes, from: position)
            case .int32: return PlainFixedWidthDecoder<Int32>(bytes, from: position)
            case .int64: return PlainFixedWidthDecoder<Int64>(bytes, from: position)
            case .int96: return PlainInt96Decoder(bytes, from: position)
            case .float: return PlainFixedWidthDecoder<Float>(bytes, from: position)
            case .double: return PlainFixedWidthDecoder<Double>(bytes, from: position)
            case .byteArray: return PlainByteArrayDecoder(bytes, from: position)
            case .fixedLengthByteArray:
                return PlainFixedLengthByteArrayDecoder(bytes, from: position, length: column.typeLength)
            }
        case .plainDictionary, .rleDictionary:
            guard let dictionary else { throw .malformed("column \(column.name) lacks the dictionary that its pages use") }
            return try DictionaryDecoder(bytes, from: position, dictionary: dictionary)
        case .rle:
            guard column.physicalType == .boolean else { throw refusal }
            return try RLEBooleanDecoder(bytes, from: position)
        case .deltaBinaryPacked:
            guard column.physicalType == .int32 || column.physicalType == .int64 else { throw refusal }
            return try DeltaIntegerDecoder(bytes, from: position, isWide: column.physicalType == .int64)
        case .deltaLengthByteArray:
            guard column.physicalType == .byteArray else { throw refusal }
            return try DeltaLengthByteArrayDecoder(bytes, from: position)
        case .deltaByteArray:
            switch column.physicalType {
            case .byteArray: return try DeltaByteArrayDecoder(bytes, from: position, fixedLength: nil)
            case .fixedLengthByteArray:
                return try DeltaByteArrayDecoder(bytes, from: position, fixedLength: column.typeLength)
            default: throw refusal
            }
        case .byteStreamSplit:
            let widths: [PhysicalType: Int] = [
                .int32: 4, .int64: 8, .float: 4, .double: 8, .fixedLengthByteArray: column.typeLength,
            ]
            guard let width = widths[column.physicalType] else { throw refusal }
            return try ByteStreamSplitDecoder(bytes, from: position, type: column.physicalType, width: width)
        default: throw refusal
        }
    }
}
