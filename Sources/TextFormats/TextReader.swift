package import Columnar

/// Reads the lines of one input as rows of one STRING column, or all of it as one row. Does no I/O itself: `read` fills a
/// buffer with the input's next bytes and gives their number, 0 at the end. Lines end with LF, CR LF or CR.
package final class TextReader {
    package static let schema = StructType([StructField("value", .string)])
    package var bytesRead: Int64 { lines.bytesRead }

    /// Bytes of lines that a batch takes before it ends.
    private static let batchBytes = 8 << 20

    private let schema: StructType
    private let isWhole: Bool
    private let lines: LineReader

    /// - Parameters:
    ///   - schema: one STRING column, or none: then only the rows count.
    ///   - isWhole: the input is one row.
    ///   - start: where in the input `read` begins: behind a line end, or at 0.
    package init(
        schema: StructType, isWhole: Bool, start: Int64 = 0, read: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws {
        self.schema = schema
        self.isWhole = isWhole
        lines = try LineReader(start: start, read: read)
    }

    /// The next rows; nil at the end.
    package func next() throws -> Batch? {
        let builder = StringBuilder()
        var count = 0
        var bytes = 0
        while count < Batch.maxRows, bytes < Self.batchBytes {
            func take(_ line: UnsafeBufferPointer<UInt8>) {
                bytes += line.count
                count += 1
                if !schema.fields.isEmpty { builder.append(line) }
            }
            guard try (isWhole ? lines.rest(take) : lines.next(take)) != nil else { break }
        }
        if count == 0 { return nil }
        return Batch(schema: schema, columns: schema.fields.isEmpty ? [] : [builder.finish()], rowCount: count)
    }
}
