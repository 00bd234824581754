package import Columnar

/// Reads the rows of one row group, some at a time. Used by one thread.
package final class RowGroupReader {
    /// Chunks closer than this are read in one request.
    private static let gapBytesMax: Int64 = 1 << 20
    private static let requestBytesMax: Int64 = 64 << 20
    /// Older writers left the dictionary page's header out of a chunk's size.
    private static let sizeSlack: Int64 = 100

    package let schema: StructType
    private let file: ParquetFile
    private let group: RowGroup
    private let nodes: [ReadNode]
    private let batchRows: Int
    private var rowsLeft: Int64
    private var chunks: [Int: ColumnChunkReader]?
    /// Bytes read from the file so far.
    package private(set) var bytesRead: Int64 = 0

    init(file: ParquetFile, group: RowGroup, schema: StructType, nodes: [ReadNode], batchRows: Int) {
        self.file = file
        self.group = group
        self.schema = schema
        self.nodes = nodes
        self.batchRows = batchRows
        rowsLeft = group.numRows
    }

    /// The next batch, nil after the last row.
    ///
    /// - Throws: `ParquetError`, or what the source throws.
    package func next() throws -> Batch? {
        guard rowsLeft > 0 else { return nil }
        let readers = try openChunks()
        let count = Int(min(Int64(batchRows), rowsLeft))
        var rows: [Int: LeafRows] = [:]
        for (index, reader) in readers { rows[index] = try reader.read(rows: count) }
        var columns: [ColumnVector] = []
        columns.reserveCapacity(nodes.count)
        for (node, field) in zip(nodes, schema.fields) {
            let column = try node.assemble(rows, rowCount: count)
            guard column.count == count else {
                throw ParquetError.malformed("column \(field.name) gives \(column.count) rows of \(count)")
            }
            columns.append(column)
        }
        rowsLeft -= Int64(count)
        return Batch(schema: schema, columns: columns, rowCount: count)
    }

    private func openChunks() throws -> [Int: ColumnChunkReader] {
        if let chunks { return chunks }
        var wanted: [(leaf: LeafColumn, metadata: ColumnMetaData, range: Range<Int64>)] = []
        var seen: Set<Int> = []
        for leaf in nodes.flatMap(\.leaves) where seen.insert(leaf.index).inserted {
            wanted.append(try locate(leaf))
        }
        wanted.sort { $0.range.lowerBound < $1.range.lowerBound }
        var opened: [Int: ColumnChunkReader] = [:]
        var index = 0
        while index < wanted.count {
            var end = index + 1
            var range = wanted[index].range
            while end < wanted.count, wanted[end].range.lowerBound <= range.upperBound + Self.gapBytesMax,
                max(range.upperBound, wanted[end].range.upperBound) - range.lowerBound <= Self.requestBytesMax
            {
                range = range.lowerBound..<max(range.upperBound, wanted[end].range.upperBound)
                end += 1
            }
            let bytes = try file.source.read(range)
            guard bytes.count == range.count else {
                throw ParquetError.malformed("\(bytes.count) bytes were read where \(range.count) were asked for")
            }
            bytesRead += Int64(bytes.count)
            for chunk in wanted[index..<end] {
                let start = Int(chunk.range.lowerBound - range.lowerBound)
                opened[chunk.leaf.index] = try ColumnChunkReader(
                    column: chunk.leaf, metadata: chunk.metadata, bytes: bytes[start..<start + chunk.range.count])
            }
            index = end
        }
        chunks = opened
        return opened
    }

    private func locate(
        _ leaf: LeafColumn
    ) throws(ParquetError) -> (leaf: LeafColumn, metadata: ColumnMetaData, range: Range<Int64>) {
        guard group.columns.indices.contains(leaf.index) else { throw .malformed("column \(leaf.name) has no chunk") }
        let chunk = group.columns[leaf.index]
        if chunk.isEncrypted { throw .unsupported("column \(leaf.name) is encrypted") }
        guard chunk.filePath == nil || chunk.filePath == "" else {
            throw .unsupported("column \(leaf.name) lies in another file")
        }
        guard let metadata = chunk.metaData else { throw .malformed("column \(leaf.name) has no metadata") }
        var start = metadata.dataPageOffset
        if let dictionary = metadata.dictionaryPageOffset, dictionary > 0, dictionary < start { start = dictionary }
        let size = metadata.totalCompressedSize
        guard start >= 0, size >= 0, start <= file.footerStart, size <= file.footerStart - start else {
            throw .malformed("column \(leaf.name) lies at \(start) with \(size) bytes, outside the file")
        }
        return (leaf, metadata, start..<min(start + size + Self.sizeSlack, file.footerStart))
    }
}
