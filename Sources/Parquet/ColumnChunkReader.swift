/// Some rows of one leaf: its levels, one of each per entry, and the values of the entries that have one.
struct LeafRows {
    /// Empty when the leaf cannot be null.
    var definitionLevels: [UInt8] = []
    /// Empty when the leaf is not repeated.
    var repetitionLevels: [UInt8] = []
    var entryCount = 0
    var valueCount = 0
    var values = LeafValues()
}

/// Reads one leaf's chunk in steps of rows.
final class ColumnChunkReader {
    /// Entries of one step at most, against files that claim more than memory holds.
    private static let entriesMax = 1 << 27
    private static let levelStep = 4096

    private let column: LeafColumn
    private var pages: PageReader
    private var page: DataPage?
    private var pageEntriesLeft = 0
    private var chunkEntriesLeft: Int64
    private var definitions: RLEBitPackedHybridDecoder?
    private var repetitions: RLEBitPackedHybridDecoder?
    private var decoder: ValueDecoder?
    /// Repetition levels read ahead of the entries handed out, of the current page.
    private var aheadRepetitions: [UInt8] = []
    private var aheadStart = 0
    private var hasStarted = false

    init(column: LeafColumn, metadata: ColumnMetaData, bytes: ArraySlice<UInt8>) throws(ParquetError) {
        guard metadata.type == column.physicalType else {
            throw .malformed("column \(column.name) is \(column.physicalType) in the schema and \(metadata.type) in a row group")
        }
        guard metadata.numValues >= 0 else { throw .malformed("column \(column.name) has \(metadata.numValues) values") }
        self.column = column
        pages = PageReader(column: column, codec: metadata.codec, bytes: bytes)
        chunkEntriesLeft = metadata.numValues
    }

    /// Reads exactly `rows` rows.
    ///
    /// - Throws: `ParquetError` `.malformed` when the chunk holds fewer.
    func read(rows: Int) throws(ParquetError) -> LeafRows {
        var result = LeafRows()
        if column.maxRepetition == 0 {
            while result.entryCount < rows {
                if pageEntriesLeft == 0 {
                    guard try nextPage() else { throw tooFew(rows, result.entryCount) }
                    continue
                }
                try take(min(rows - result.entryCount, pageEntriesLeft), into: &result)
            }
        } else {
            try readRepeated(rows, into: &result)
        }
        return result
    }

    private func readRepeated(_ rows: Int, into result: inout LeafRows) throws(ParquetError) {
        var started = 0
        while true {
            if aheadStart == aheadRepetitions.count {
                if pageEntriesLeft == 0 {
                    guard try nextPage() else {
                        guard started == rows else { throw tooFew(rows, started) }
                        return
                    }
                    continue
                }
                try readAhead()
            }
            var end = aheadStart
            var isComplete = false
            while end < aheadRepetitions.count {
                if aheadRepetitions[end] == 0 {
                    if started == rows {
                        isComplete = true
                        break
                    }
                    started += 1
                }
                end += 1
            }
            let count = end - aheadStart
            guard result.entryCount + count <= Self.entriesMax else {
                throw .unsupported("rows of over \(Self.entriesMax) entries in column \(column.name)")
            }
            result.repetitionLevels.append(contentsOf: aheadRepetitions[aheadStart..<end])
            aheadStart = end
            try take(count, into: &result)
            if isComplete { return }
        }
    }

    private func readAhead() throws(ParquetError) {
        aheadRepetitions.removeAll(keepingCapacity: true)
        aheadStart = 0
        try repetitions?.read(min(Self.levelStep, pageEntriesLeft), into: &aheadRepetitions)
        for level in aheadRepetitions where Int(level) > column.maxRepetition {
            throw .malformed("a repetition level of \(level) in column \(column.name), the highest is \(column.maxRepetition)")
        }
        guard !aheadRepetitions.isEmpty else { throw .malformed("a page of column \(column.name) lacks repetition levels") }
        guard hasStarted || aheadRepetitions[0] == 0 else {
            throw .malformed("column \(column.name) begins in the middle of a row")
        }
        hasStarted = true
    }

    /// Moves `count` entries of the current page, which has as many, to `result`.
    private func take(_ count: Int, into result: inout LeafRows) throws(ParquetError) {
        guard count > 0 else { return }
        var valueCount = count
        if column.maxDefinition > 0 {
            let start = result.definitionLevels.count
            try definitions?.read(count, into: &result.definitionLevels)
            guard result.definitionLevels.count == start + count else {
                throw .malformed("a page of column \(column.name) lacks definition levels")
            }
            valueCount = 0
            let highest = UInt8(column.maxDefinition)
            var above = false
            for level in result.definitionLevels[start...] {
                if level == highest { valueCount += 1 } else if level > highest { above = true }
            }
            if above { throw .malformed("a definition level over \(highest) in column \(column.name)") }
        }
        if valueCount > 0 {
            if decoder == nil, let page {
                decoder = try PageReader.decoder(
                    for: column, encoding: page.encoding, bytes: page.bytes, position: page.valuesStart,
                    dictionary: pages.dictionary)
            }
            try decoder?.read(valueCount, into: &result.values)
        }
        pageEntriesLeft -= count
        result.entryCount += count
        result.valueCount += valueCount
    }

    private func nextPage() throws(ParquetError) -> Bool {
        decoder = nil
        aheadRepetitions.removeAll(keepingCapacity: true)
        aheadStart = 0
        while chunkEntriesLeft > 0 {
            guard let next = try pages.next() else { return false }
            guard next.numValues <= chunkEntriesLeft else {
                throw .malformed("column \(column.name) has more values in its pages than its chunk")
            }
            if next.numValues == 0 { continue }
            chunkEntriesLeft -= Int64(next.numValues)
            pageEntriesLeft = next.numValues
            page = next
            definitions = try RLEBitPackedHybridDecoder(
                next.bytes, range: next.definitionLevels, width: bitWidth(for: column.maxDefinition))
            repetitions = try RLEBitPackedHybridDecoder(
                next.bytes, range: next.repetitionLevels, width: bitWidth(for: column.maxRepetition))
            return true
        }
        return false
    }

    private func tooFew(_ wanted: Int, _ found: Int) -> ParquetError {
        .malformed("column \(column.name) ends after \(found) of \(wanted) rows of a batch")
    }
}
