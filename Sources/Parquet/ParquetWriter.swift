package import Columnar

package struct ParquetWriterOptions: Sendable {
    package var codec = CompressionCodec.snappy
    package var zstdLevel: Int32 = 3
    package var rowGroupRows = 1_000_000
    /// Encoded bytes after which a row group ends.
    package var rowGroupBytes = 64 << 20
    package var pageRows = 20_000
    package var pageBytes = 1 << 20
    /// A dictionary that grows larger is given up.
    package var dictionaryBytesMax = 1 << 20
    package var keyValueMetadata: [KeyValue] = []
    package var createdBy = "millrace"

    package init() {}
}

/// What a written file holds.
package struct WrittenFile: Sendable {
    package var rowCount: Int64
    package var byteCount: Int64
    /// One per column, in order.
    package var columns: [WrittenColumn]
}

/// Figures over all rows of a column, exact.
package indirect enum WrittenColumn: Sendable {
    /// `min` and `max` are nil without values and for floats among which is a NaN. Nulls of the structs around count.
    case leaf(DataType, min: Scalar?, max: Scalar?, nullCount: Int64)
    case structure([String], [WrittenColumn])
    /// A list or map.
    case collection(nullCount: Int64)
}

/// Writes batches as a Parquet file. Bytes are taken out as they are ready; nothing but the row group under way is kept.
package final class ParquetWriter {
    private let schema: StructType
    private let options: ParquetWriterOptions
    private let elements: [SchemaElement]
    private let nodes: [WriteNode]
    private let leaves: [LeafWriter]
    private var output: [UInt8] = Array("PAR1".utf8)
    /// Where the first byte of `output` lies in the file.
    private var offset: Int64 = 0
    private var groupRows = 0
    private var rowCount: Int64 = 0
    private var rowGroups: [RowGroup] = []

    /// - Throws: `ParquetError` `.unsupported` for a column type that cannot be written.
    package init(schema: StructType, options: ParquetWriterOptions = ParquetWriterOptions()) throws(ParquetError) {
        self.schema = schema
        self.options = options
        var builder = WriteSchemaBuilder(options: options, fieldCount: schema.fields.count)
        var nodes: [WriteNode] = []
        for field in schema.fields { nodes.append(try builder.node(field)) }
        self.nodes = nodes
        elements = builder.elements
        leaves = nodes.flatMap(\.leaves)
    }

    /// Appends the selected rows of a batch, whose columns are those of the schema.
    ///
    /// - Throws: `ParquetError` `.outOfRange` for a null in a column that is NOT NULL, `.schemaMismatch`.
    package func write(_ batch: Batch) throws(ParquetError) {
        let batch = batch.compacted()
        guard batch.columns.count == nodes.count else {
            throw ParquetError(.schemaMismatch, "a batch of \(batch.columns.count) columns, expected \(nodes.count)")
        }
        guard batch.rowCount > 0 else { return }
        for (index, node) in nodes.enumerated() {
            let column = batch.columns[index].flattened()
            guard column.dataType.physicalType == schema.fields[index].dataType.physicalType else {
                throw ParquetError(
                    .schemaMismatch, "the column \(schema.fields[index].name) is \(column.dataType.simpleString) in a batch")
            }
            if case .leaf(let leaf, _) = node {
                try leaf.append(rowsOf: column)
            } else {
                let shredder = Shredder(node, column)
                for row in 0..<batch.rowCount { try shredder.shred(row, repetition: 0) }
            }
        }
        for leaf in leaves { try leaf.closePageIfFull() }
        groupRows += batch.rowCount
        if groupRows >= options.rowGroupRows || groupBytes >= options.rowGroupBytes { try endRowGroup() }
    }

    /// Encoded bytes of the row group under way, about.
    package var groupBytes: Int { leaves.reduce(0) { $0 + $1.estimatedBytes } }

    /// Bytes of the file since the last call.
    package func takeBytes() -> [UInt8] {
        let bytes = output
        offset += Int64(bytes.count)
        output = []
        return bytes
    }

    /// Rows written so far.
    package var rowsWritten: Int64 { rowCount + Int64(groupRows) }

    /// The size the file would have now, about.
    package var estimatedBytes: Int64 {
        offset + Int64(output.count) + Int64(groupBytes)
    }

    /// Ends the file; its last bytes are to be taken afterwards. Nothing may be written any more.
    package func finish() throws(ParquetError) -> WrittenFile {
        try endRowGroup()
        var metadata = FileMetaData()
        metadata.schema = elements
        metadata.numRows = rowCount
        metadata.rowGroups = rowGroups
        metadata.keyValueMetadata = options.keyValueMetadata
        metadata.createdBy = options.createdBy
        metadata.columnOrders = Array(repeating: true, count: leaves.count)
        var writer = ThriftCompactWriter()
        metadata.write(to: &writer)
        output.append(contentsOf: writer.bytes)
        for shift in stride(from: 0, to: 32, by: 8) { output.append(UInt8(truncatingIfNeeded: writer.bytes.count >> shift)) }
        output.append(contentsOf: "PAR1".utf8)
        return WrittenFile(
            rowCount: rowCount, byteCount: offset + Int64(output.count), columns: nodes.map { Self.figures(of: $0) })
    }

    /// Ends the row group under way before it is full; its bytes can be taken then. Nothing happens without rows.
    package func endRowGroup() throws(ParquetError) {
        guard groupRows > 0 else { return }
        var group = RowGroup()
        group.fileOffset = offset + Int64(output.count)
        group.numRows = Int64(groupRows)
        for leaf in leaves { group.columns.append(try leaf.closeChunk(to: &output, offset: offset)) }
        group.totalByteSize = group.columns.reduce(0) { $0 + ($1.metaData?.totalUncompressedSize ?? 0) }
        group.totalCompressedSize = group.columns.reduce(0) { $0 + ($1.metaData?.totalCompressedSize ?? 0) }
        group.ordinal = Int16(exactly: rowGroups.count)
        rowGroups.append(group)
        rowCount += Int64(groupRows)
        groupRows = 0
    }

    private static func figures(of node: WriteNode) -> WrittenColumn {
        switch node {
        case .leaf(let leaf, _):
            let range = leaf.fileStatistics.scalars(leaf.dataType)
            return .leaf(leaf.dataType, min: range?.min, max: range?.max, nullCount: leaf.fileStatistics.nullCount)
        case .structure(let members, let names, _): return .structure(names, members.map { figures(of: $0) })
        case .collection(_, _, let counter): return .collection(nullCount: counter.count)
        }
    }
}

/// Takes nested columns apart into the levels of their leaves, a row at a time.
private final class Shredder {
    private let node: WriteNode
    private let column: ColumnVector
    private let children: [Shredder]

    init(_ node: WriteNode, _ column: ColumnVector) {
        self.node = node
        self.column = column.flattened()
        let inner: [WriteNode] =
            switch node {
            case .leaf: []
            case .structure(let members, _, _): members
            case .collection(let parts, _, _): parts
            }
        children = zip(inner, self.column.children).map { Shredder($0, $1) }
    }

    func shred(_ row: Int, repetition: Int) throws(ParquetError) {
        switch node {
        case .leaf(let leaf, let levels):
            if column.isNull(row) {
                guard levels.nullable else { throw leaf.nullRefused() }
                leaf.appendNull(definition: levels.definition - 1, repetition: repetition)
            } else {
                leaf.append(column, row: row, repetition: repetition)
            }
        case .structure(_, _, let levels):
            if column.isNull(row) {
                try absent(levels, repetition)
            } else {
                for child in children { try child.shred(row, repetition: repetition) }
            }
        case .collection(_, let levels, let counter):
            if column.isNull(row) {
                counter.count += 1
                return try absent(levels, repetition)
            }
            let range = column.listRange(row)
            if range.isEmpty {
                for leaf in node.leaves { leaf.appendNull(definition: levels.definition, repetition: repetition) }
            }
            for index in range {
                let level = index == range.lowerBound ? repetition : levels.repetition + 1
                for child in children { try child.shred(index, repetition: level) }
            }
        }
    }

    private func absent(_ levels: WriteNode.Levels, _ repetition: Int) throws(ParquetError) {
        let leaves = node.leaves
        guard levels.nullable else { throw leaves.first?.nullRefused() ?? .malformed("a null in a column that is NOT NULL") }
        for leaf in leaves { leaf.appendNull(definition: levels.definition - 1, repetition: repetition) }
        countCollections(in: node)
    }

    /// Lists and maps inside a null struct are null too.
    private func countCollections(in node: WriteNode) {
        if case .structure(let members, _, _) = node {
            for member in members {
                if case .collection(_, _, let counter) = member { counter.count += 1 }
                countCollections(in: member)
            }
        }
    }
}
