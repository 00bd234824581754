package import Columnar

/// An open Parquet file: its metadata, checked, and access to its bytes.
///
/// - Source: parquet-format, README.md.
package final class ParquetFile: Sendable {
    /// A footer longer than this is refused.
    private static let footerBytesMax: Int64 = 256 << 20
    /// What is read from the end at first; most footers fit.
    private static let tailBytes: Int64 = 64 << 10

    package let metadata: FileMetaData
    package let root: SchemaNode
    let source: any RandomAccess
    /// Row groups end before this offset.
    let footerStart: Int64

    /// Reads the footer.
    ///
    /// - Throws: `ParquetError` `.malformed`, `.unsupported` for an encrypted file; what `source` throws.
    package init(_ source: any RandomAccess) throws {
        let size = source.size
        guard size >= 12 else { throw ParquetError.malformed("a file of \(size) bytes is too short to be Parquet") }
        var tail = try source.read(max(0, size - Self.tailBytes)..<size)
        guard tail.count >= 8 else { throw ParquetError.malformed("the end of the file could not be read") }
        let magic = tail.suffix(4)
        if magic.elementsEqual("PARE".utf8) { throw ParquetError.unsupported("the file is encrypted") }
        guard magic.elementsEqual("PAR1".utf8) else { throw ParquetError.malformed("the file does not end in PAR1") }
        var length: Int64 = 0
        for (index, byte) in tail.dropLast(4).suffix(4).enumerated() { length |= Int64(byte) << Int64(8 * index) }
        guard length <= size - 12, length <= Self.footerBytesMax else {
            throw ParquetError.malformed("a footer of \(length) bytes in a file of \(size)")
        }
        if length + 8 > tail.count { tail = try source.read(size - 8 - length..<size) }
        let footer = tail.dropLast(8).suffix(Int(length))
        var reader = ThriftCompactReader(footer)
        metadata = try FileMetaData(reading: &reader)
        if metadata.isEncrypted { throw ParquetError.unsupported("the file is encrypted") }
        root = try SchemaNode.build(metadata.schema)
        self.source = source
        footerStart = size - 8 - length
        try check()
    }

    private func check() throws(ParquetError) {
        let leaves = root.leaves
        guard leaves.allSatisfy({ $0.definitionLevel <= SchemaNode.levelMax }) else {
            throw .malformed("the schema nests too deep")
        }
        for group in metadata.rowGroups {
            guard group.numRows >= 0 else { throw .malformed("a row group of \(group.numRows) rows") }
            guard group.columns.count == leaves.count else {
                throw .malformed("a row group of \(group.columns.count) columns, the schema has \(leaves.count)")
            }
        }
    }

    /// The file's columns in Spark's types.
    ///
    /// - Throws: `ParquetError` `.unsupported` for a column whose type is refused.
    package func schema() throws(ParquetError) -> StructType {
        let planner = ReadPlanner(matching: .name)
        var fields: [StructField] = []
        for node in root.children {
            let planned = try planner.plan(node, wanted: nil)
            fields.append(StructField(node.name, planned.dataType, nullable: node.repetition == .optional))
        }
        return StructType(fields)
    }

    package var rowCount: Int64 { metadata.rowGroups.reduce(0) { $0 &+ $1.numRows } }

    /// The row, counted over the whole file, at which a row group begins.
    package func firstRow(ofRowGroup index: Int) -> Int64 {
        metadata.rowGroups.prefix(index).reduce(0) { $0 &+ $1.numRows }
    }

    /// A reader of one row group.
    ///
    /// - Parameter columns: what to read, in output order, as the types wanted; columns the file lacks are NULL. Nil for
    ///   all columns in the file's own types.
    /// - Throws: `ParquetError` `.schemaMismatch`, `.unsupported`.
    package func reader(
        rowGroup: Int, columns: StructType?, matching: ColumnMatching = .name, batchRows: Int = Batch.maxRows
    ) throws -> RowGroupReader {
        guard metadata.rowGroups.indices.contains(rowGroup) else {
            throw ParquetError.malformed("row group \(rowGroup) of \(metadata.rowGroups.count)")
        }
        let schema = try columns ?? self.schema()
        let planner = ReadPlanner(matching: matching)
        var nodes: [ReadNode] = []
        for field in schema.fields {
            if let node = planner.find(field, in: root) {
                nodes.append(try planner.plan(node, wanted: field.dataType))
            } else {
                nodes.append(.missing(field.dataType))
            }
        }
        return RowGroupReader(
            file: self, group: metadata.rowGroups[rowGroup], schema: schema, nodes: nodes, batchRows: max(1, batchRows))
    }
}
