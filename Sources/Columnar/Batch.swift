/// Positions of the rows that count, ascending.
package struct SelectionVector: Sendable {
    package let buffer: Buffer
    package let count: Int

    /// Takes over a buffer of UInt16 positions.
    package init(buffer: Buffer, count: Int) {
        self.buffer = buffer
        self.count = count
    }

    package init(_ positions: [Int]) {
        buffer = Buffer(bytes: positions.count * 2)
        count = positions.count
        for (index, position) in positions.enumerated() {
            buffer.pointer(to: UInt16.self)[index] = UInt16(truncatingIfNeeded: position)
        }
    }

    @inlinable package var positions: UnsafePointer<UInt16> { UnsafePointer(buffer.pointer(to: UInt16.self)) }
}

/// Some rows of several columns, at most `rowsLimit`. Without a selection all rows count.
package struct Batch: Sendable {
    /// The usual number of rows.
    package static let maxRows = 2048
    /// The most rows a batch may have: selections are 16 bits wide.
    package static let rowsLimit = 65_536

    package let schema: StructType
    package let columns: [ColumnVector]
    /// Rows of each column, whether selected or not.
    package let rowCount: Int
    package let selection: SelectionVector?

    package init(schema: StructType, columns: [ColumnVector], rowCount: Int, selection: SelectionVector? = nil) {
        precondition(rowCount <= Self.rowsLimit || selection == nil, "too many rows for a selection")
        precondition(columns.allSatisfy { $0.count == rowCount }, "columns of different lengths")
        self.schema = schema
        self.columns = columns
        self.rowCount = rowCount
        self.selection = selection
    }

    /// Rows that count.
    package var selectedCount: Int { selection?.count ?? rowCount }

    /// The same rows without a selection: columns gathered when there is one.
    package func compacted() -> Batch {
        guard let selection else { return self }
        if selection.count == rowCount { return Batch(schema: schema, columns: columns, rowCount: rowCount) }
        let indices = Buffer(bytes: selection.count * 4)
        let index = indices.pointer(to: Int32.self)
        let positions = selection.positions
        for row in 0..<selection.count { index[row] = Int32(positions[row]) }
        return gather(UnsafeBufferPointer(start: UnsafePointer(index), count: selection.count))
    }

    /// Rows by position, in that order; ignores any selection. Precondition: all positions are in bounds.
    package func gather(_ indices: UnsafeBufferPointer<Int32>) -> Batch {
        Batch(schema: schema, columns: columns.map { $0.gather(indices) }, rowCount: indices.count)
    }

    /// A range of rows. Precondition: no selection.
    package func slice(_ range: Range<Int>) -> Batch {
        precondition(selection == nil, "compact first")
        if range == 0..<rowCount { return self }
        return Batch(schema: schema, columns: columns.map { $0.slice(range) }, rowCount: range.count)
    }

    /// All selected rows of all batches, which have one schema, in order. Precondition: at least one batch.
    package static func concatenate(_ batches: [Batch]) -> Batch {
        let dense = batches.map { $0.compacted() }
        if dense.count == 1 { return dense[0] }
        let schema = dense[0].schema
        let columns = schema.fields.indices.map { index in
            ColumnVector.concatenate(dense.map { $0.columns[index] }, as: schema.fields[index].dataType)
        }
        return Batch(schema: schema, columns: columns, rowCount: dense.reduce(0) { $0 + $1.rowCount })
    }

    /// A batch from scalars, row by row. Slow.
    package init(schema: StructType, rows: [[Scalar]]) throws {
        let builders = schema.fields.map { ColumnBuilder($0.dataType) }
        for row in rows {
            guard row.count == builders.count else { throw SparkError.internal("a row of \(row.count) values") }
            for (builder, value) in zip(builders, row) { try builder.append(value) }
        }
        self.init(schema: schema, columns: builders.map { $0.finish() }, rowCount: rows.count)
    }

    /// The selected rows as scalars. Slow.
    package var rows: [[Scalar]] {
        let dense = compacted()
        return (0..<dense.rowCount).map { row in dense.columns.map { $0.value(at: row) } }
    }

    package var byteSize: Int { columns.reduce(0) { $0 + $1.byteSize } }
}
