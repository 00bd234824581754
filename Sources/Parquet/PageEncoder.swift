/// Turns levels and values into the bytes of V1 pages.
struct PageEncoder {
    let codec: CompressionCodec
    let zstdLevel: Int32

    /// Header and compressed body of a data page.
    func dataPage(
        values: [UInt8], encoding: Encoding, entryCount: Int, definitions: [UInt8], maxDefinition: Int,
        repetitions: [UInt8], maxRepetition: Int
    ) throws(ParquetError) -> (bytes: [UInt8], uncompressedSize: Int) {
        var body: [UInt8] = []
        if maxRepetition > 0 { appendLevels(repetitions, maxRepetition, to: &body) }
        if maxDefinition > 0 { appendLevels(definitions, maxDefinition, to: &body) }
        body.append(contentsOf: values)
        var header = PageHeader(type: PageHeader.Kind.dataPage.rawValue)
        header.dataPageHeader = DataPageHeader(numValues: Int32(truncatingIfNeeded: entryCount), encoding: encoding)
        return try page(&header, body)
    }

    func dictionaryPage(values: [UInt8], count: Int) throws(ParquetError) -> (bytes: [UInt8], uncompressedSize: Int) {
        var header = PageHeader(type: PageHeader.Kind.dictionaryPage.rawValue)
        header.dictionaryPageHeader = DictionaryPageHeader(numValues: Int32(truncatingIfNeeded: count), encoding: .plain)
        return try page(&header, values)
    }

    private func page(_ header: inout PageHeader, _ body: [UInt8]) throws(ParquetError) -> (bytes: [UInt8], uncompressedSize: Int) {
        guard body.count <= pageBytesMax else { throw .unsupported("a page of \(body.count) bytes") }
        let packed = try compress(body, codec: codec, zstdLevel: zstdLevel)
        header.uncompressedPageSize = Int32(truncatingIfNeeded: body.count)
        header.compressedPageSize = Int32(truncatingIfNeeded: packed.count)
        var writer = ThriftCompactWriter()
        header.write(to: &writer)
        return (writer.bytes + packed, writer.bytes.count + body.count)
    }

    private func appendLevels(_ levels: [UInt8], _ maximum: Int, to body: inout [UInt8]) {
        var encoder = RLEBitPackedHybridEncoder(width: bitWidth(for: maximum))
        encoder.encode(levels[...])
        for shift in stride(from: 0, to: 32, by: 8) { body.append(UInt8(truncatingIfNeeded: encoder.bytes.count >> shift)) }
        body.append(contentsOf: encoder.bytes)
    }
}
