import Columnar

/// Collects one leaf of a row group: levels and values become pages as they fill.
final class LeafWriter {
    let path: [String]
    let dataType: DataType
    let physicalType: PhysicalType
    let typeLength: Int
    let maxDefinition: Int
    let maxRepetition: Int
    private let options: ParquetWriterOptions
    private let encoder: PageEncoder

    // The page under way.
    private var definitions: [UInt8] = []
    private var repetitions: [UInt8] = []
    private var entryCount = 0
    private var rowCount = 0
    /// Values as their plain bits: one of the two is in use.
    private var numbers: [UInt64] = []
    private var byteHeap: [UInt8] = []
    private var byteCounts: [Int] = []

    // The chunk under way.
    private var pages: [UInt8] = []
    private var pageSizeUncompressed = 0
    private var chunkEntries: Int64 = 0
    private var dictionary: DictionaryEncoder?
    private var isDictionaryOpen = true
    private var encodings: Set<Encoding> = []
    private var statistics = LeafStatistics()
    /// Over all row groups closed so far.
    private(set) var fileStatistics = LeafStatistics()

    init(
        path: [String], dataType: DataType, physicalType: PhysicalType, typeLength: Int, maxDefinition: Int,
        maxRepetition: Int, options: ParquetWriterOptions, encoder: PageEncoder
    ) {
        self.path = path
        self.dataType = dataType
        self.physicalType = physicalType
        self.typeLength = typeLength
        self.maxDefinition = maxDefinition
        self.maxRepetition = maxRepetition
        self.options = options
        self.encoder = encoder
    }

    private var isBytes: Bool { physicalType == .byteArray || physicalType == .fixedLengthByteArray }
    private var width: Int { physicalType == .int32 || physicalType == .float ? 4 : physicalType == .boolean ? 1 : 8 }
    private var pageBytes: Int { isBytes ? byteHeap.count + 4 * byteCounts.count : numbers.count * width }

    /// Bytes this chunk will take, about.
    var estimatedBytes: Int { pages.count + pageBytes }

    // MARK: - Taking values in

    /// Appends the rows of a flat column of the top level.
    func append(rowsOf column: ColumnVector) throws(ParquetError) {
        let count = column.count
        if maxDefinition == 0 {
            guard !column.hasNulls else { throw nullRefused() }
        } else if let validity = column.validity {
            definitions.reserveCapacity(definitions.count + count)
            for row in 0..<count { definitions.append(validity.isValid(row) ? 1 : 0) }
        } else {
            definitions.append(contentsOf: repeatElement(1, count: count))
        }
        entryCount += count
        rowCount += count
        statistics.nullCount += Int64(column.nullCount)
        appendValues(column, rows: 0..<count)
    }

    /// Appends an entry that has no value.
    func appendNull(definition: Int, repetition: Int) {
        definitions.append(UInt8(definition))
        if maxRepetition > 0 { repetitions.append(UInt8(repetition)) }
        entryCount += 1
        statistics.nullCount += 1
        if repetition == 0 { rowCount += 1 }
    }

    /// Appends an entry whose value is row `row` of a flat column.
    func append(_ column: ColumnVector, row: Int, repetition: Int) {
        if maxDefinition > 0 { definitions.append(UInt8(maxDefinition)) }
        if maxRepetition > 0 { repetitions.append(UInt8(repetition)) }
        entryCount += 1
        if repetition == 0 { rowCount += 1 }
        appendValues(column, rows: row..<row + 1)
    }

    func nullRefused() -> ParquetError {
        ParquetError(.outOfRange, "a null in column \(path.joined(separator: ".")), which is NOT NULL")
    }

    private func appendValues(_ column: ColumnVector, rows: Range<Int>) {
        let validity = column.validity
        func each<T: BitwiseCopyable>(_ type: T.Type, _ body: (T) -> Void) {
            column.withValues(of: type) { values in
                guard let validity else {
                    for row in rows { body(values[row]) }
                    return
                }
                for row in rows where validity.isValid(row) { body(values[row]) }
            }
        }
        // Locals keep the loops free of the class's own fields.
        var statistics = self.statistics
        var numbers = self.numbers
        self.numbers = []
        switch column.physicalType {
        case .bool:
            each(UInt8.self) {
                numbers.append(UInt64($0))
                statistics.update(Int64($0))
            }
        case .int8:
            each(Int8.self) {
                numbers.append(UInt64(bitPattern: Int64($0)))
                statistics.update(Int64($0))
            }
        case .int16:
            each(Int16.self) {
                numbers.append(UInt64(bitPattern: Int64($0)))
                statistics.update(Int64($0))
            }
        case .int32:
            each(Int32.self) {
                numbers.append(UInt64(bitPattern: Int64($0)))
                statistics.update(Int64($0))
            }
        case .int64:
            each(Int64.self) {
                numbers.append(UInt64(bitPattern: $0))
                statistics.update($0)
            }
        case .float:
            each(Float.self) {
                numbers.append(UInt64($0.bitPattern))
                statistics.update(Double($0))
            }
        case .double:
            each(Double.self) {
                numbers.append($0.bitPattern)
                statistics.update($0)
            }
        case .int128:
            let length = typeLength
            each(Int128.self) { value in
                for shift in stride(from: 8 * (length - 1), through: 0, by: -8) {
                    byteHeap.append(UInt8(truncatingIfNeeded: value >> Int128(shift)))
                }
                byteCounts.append(length)
                statistics.update(value)
            }
        case .view:
            each(StringView.self) { view in
                view.withBytes { bytes in
                    byteHeap.append(contentsOf: bytes)
                    byteCounts.append(bytes.count)
                    statistics.update(bytes)
                }
            }
        case .list, .map, .structure, .null: break
        }
        self.statistics = statistics
        self.numbers = numbers
    }

    // MARK: - Pages

    /// Closes the page when it is full. To be called between rows.
    func closePageIfFull() throws(ParquetError) {
        if rowCount >= options.pageRows || pageBytes >= options.pageBytes { try closePage() }
    }

    private func closePage() throws(ParquetError) {
        guard entryCount > 0 else { return }
        let (values, encoding) = encodeValues()
        let page = try encoder.dataPage(
            values: values, encoding: encoding, entryCount: entryCount, definitions: definitions,
            maxDefinition: maxDefinition, repetitions: repetitions, maxRepetition: maxRepetition)
        pages.append(contentsOf: page.bytes)
        pageSizeUncompressed += page.uncompressedSize
        encodings.insert(encoding)
        chunkEntries += Int64(entryCount)
        statistics.valueCount += Int64(isBytes ? byteCounts.count : numbers.count)
        definitions.removeAll(keepingCapacity: true)
        repetitions.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
        byteHeap.removeAll(keepingCapacity: true)
        byteCounts.removeAll(keepingCapacity: true)
        entryCount = 0
        rowCount = 0
    }

    private func encodeValues() -> ([UInt8], Encoding) {
        let count = isBytes ? byteCounts.count : numbers.count
        guard isDictionaryOpen, physicalType != .boolean, count > 0 else { return (plainValues(), .plain) }
        var dictionary = self.dictionary ?? DictionaryEncoder()
        self.dictionary = nil
        let before = dictionary.count
        var codes: [UInt32] = []
        codes.reserveCapacity(count)
        if isBytes {
            var start = 0
            byteHeap.withUnsafeBufferPointer { heap in
                for length in byteCounts {
                    codes.append(dictionary.code(of: UnsafeBufferPointer(rebasing: heap[start..<start + length])))
                    start += length
                }
            }
        } else {
            for number in numbers { codes.append(dictionary.code(of: number)) }
        }
        if dictionary.byteSize(width: width) > options.dictionaryBytesMax || (before == 0 && dictionary.count > max(16, count / 2)) {
            // Not worth it: pages from here on are plain, those before keep the dictionary they used.
            isDictionaryOpen = false
            dictionary.truncate(to: before)
            if before > 0 { self.dictionary = dictionary }
            return (plainValues(), .plain)
        }
        let codeWidth = max(1, bitWidth(for: dictionary.count - 1))
        self.dictionary = dictionary
        var runs = RLEBitPackedHybridEncoder(width: codeWidth)
        runs.encode(codes[...])
        return ([UInt8(codeWidth)] + runs.bytes, .rleDictionary)
    }

    private func plainValues() -> [UInt8] {
        if isBytes {
            if physicalType == .fixedLengthByteArray { return byteHeap }
            var result: [UInt8] = []
            result.reserveCapacity(byteHeap.count + 4 * byteCounts.count)
            var start = 0
            for count in byteCounts {
                appendLength(count, to: &result)
                result.append(contentsOf: byteHeap[start..<start + count])
                start += count
            }
            return result
        }
        return Self.plain(numbers, physicalType, width)
    }

    private static func plain(_ numbers: [UInt64], _ type: PhysicalType, _ width: Int) -> [UInt8] {
        if type == .boolean {
            var result = [UInt8](repeating: 0, count: (numbers.count + 7) / 8)
            for (index, bit) in numbers.enumerated() where bit != 0 { result[index >> 3] |= 1 << UInt8(index & 7) }
            return result
        }
        let size = numbers.count * width
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            // SAFETY: `size` bytes hold every number at its width.
            if width == 4 {
                for (index, number) in numbers.enumerated() {
                    raw.storeBytes(of: UInt32(truncatingIfNeeded: number).littleEndian, toByteOffset: 4 * index, as: UInt32.self)
                }
            } else {
                for (index, number) in numbers.enumerated() {
                    raw.storeBytes(of: number.littleEndian, toByteOffset: 8 * index, as: UInt64.self)
                }
            }
            count = size
        }
    }

    private func appendLength(_ count: Int, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
    }

    // MARK: - Chunks

    /// Ends the chunk: appends its bytes to `output`, whose first byte lies at `offset` in the file.
    func closeChunk(to output: inout [UInt8], offset: Int64) throws(ParquetError) -> ColumnChunk {
        try closePage()
        var metadata = ColumnMetaData()
        metadata.type = physicalType
        metadata.pathInSchema = path
        metadata.codec = options.codec
        metadata.numValues = chunkEntries
        let start = offset + Int64(output.count)
        if let dictionary {
            var values: [UInt8] = []
            if isBytes {
                for place in dictionary.places {
                    if physicalType == .byteArray { appendLength(place.count, to: &values) }
                    values.append(contentsOf: dictionary.heap[place.start..<place.start + place.count])
                }
            } else {
                values = Self.plain(dictionary.numbers, physicalType, width)
            }
            let page = try encoder.dictionaryPage(values: values, count: dictionary.count)
            metadata.dictionaryPageOffset = start
            metadata.totalUncompressedSize = Int64(page.uncompressedSize)
            output.append(contentsOf: page.bytes)
            encodings.insert(.plain)
        }
        metadata.dataPageOffset = offset + Int64(output.count)
        output.append(contentsOf: pages)
        metadata.totalUncompressedSize += Int64(pageSizeUncompressed)
        metadata.totalCompressedSize = offset + Int64(output.count) - start
        if maxDefinition > 0 || maxRepetition > 0 { encodings.insert(.rle) }
        metadata.encodings = encodings.sorted { $0.rawValue < $1.rawValue }
        metadata.statistics = statistics.encoded(dataType, physicalType, length: typeLength)
        fileStatistics.merge(statistics)
        pages.removeAll(keepingCapacity: true)
        pageSizeUncompressed = 0
        chunkEntries = 0
        dictionary = nil
        isDictionaryOpen = true
        encodings = []
        statistics = LeafStatistics()
        return ColumnChunk(fileOffset: start, metaData: metadata)
    }
}
