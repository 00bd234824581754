import Columnar

// Loops over columns with the scalar operation inlined. They live in one module with their callers, so that each use is
// specialised. All-valid and constant operands have their own loops.

/// Reads a flat or constant column: element `row & mask`.
struct Reader<T: BitwiseCopyable> {
    let base: UnsafePointer<T>
    let mask: Int

    init(_ column: ColumnVector, _ type: T.Type = T.self) {
        if column.encoding == .constant {
            base = column.children[0].pointer(to: T.self)
            mask = 0
        } else {
            base = column.pointer(to: T.self)
            mask = -1
        }
    }

    @inline(__always) subscript(row: Int) -> T { base[row & mask] }
    var isConstant: Bool { mask == 0 }
}

@inline(__always)
func isValid(_ valid: ValidityBitmap?, _ row: Int) -> Bool {
    guard let valid else { return true }
    return valid.isValid(row)
}

@inline(__always)
func mapUnary<A: BitwiseCopyable, R: BitwiseCopyable>(
    _ a: ColumnVector, _ rows: Int, _ type: DataType, _ operation: (A) -> R
) -> ColumnVector {
    let x = Reader<A>(a)
    return .flat(type, count: rows, as: R.self) { out in
        for row in 0..<rows { out[row] = operation(x[row]) }
    }
}

@inline(__always)
func mapBinary<A: BitwiseCopyable, B: BitwiseCopyable, R: BitwiseCopyable>(
    _ a: ColumnVector, _ b: ColumnVector, _ rows: Int, _ type: DataType, _ operation: (A, B) -> R
) -> ColumnVector {
    let x = Reader<A>(a)
    let y = Reader<B>(b)
    return .flat(type, count: rows, as: R.self) { out in
        if y.isConstant {
            let value = y.base[0]
            for row in 0..<rows { out[row] = operation(x[row], value) }
        } else if x.isConstant {
            let value = x.base[0]
            for row in 0..<rows { out[row] = operation(value, y.base[row]) }
        } else {
            for row in 0..<rows { out[row] = operation(x.base[row], y.base[row]) }
        }
    }
}

/// As `mapUnary` for an operation that may have no result. Where it has none the row becomes NULL, or `failure` is
/// thrown for the first such row when given. Rows that are not valid are skipped.
@inline(__always)
func tryMapUnary<A: BitwiseCopyable, R: BitwiseCopyable>(
    _ a: ColumnVector, _ rows: Int, _ type: DataType, _ valid: ValidityBitmap?, zero: R,
    failure: ((Int) -> SparkError)?, _ operation: (A) -> R?
) throws -> ColumnVector {
    let x = Reader<A>(a)
    let buffer = Buffer(bytes: rows * MemoryLayout<R>.stride)
    let out = buffer.pointer(to: R.self)
    var nulls = ValidityBuilder()
    for row in 0..<rows {
        if let result = operation(x[row]) {
            out[row] = result
        } else {
            out[row] = zero
            if isValid(valid, row) {
                if let failure { throw failure(row) }
                nulls.setNull(row)
            }
        }
    }
    return .flat(type, count: rows, values: buffer, validity: nulls.finish(count: rows))
}

@inline(__always)
func tryMapBinary<A: BitwiseCopyable, B: BitwiseCopyable, R: BitwiseCopyable>(
    _ a: ColumnVector, _ b: ColumnVector, _ rows: Int, _ type: DataType, _ valid: ValidityBitmap?, zero: R,
    failure: ((Int) -> SparkError)?, _ operation: (A, B) -> R?
) throws -> ColumnVector {
    let x = Reader<A>(a)
    let y = Reader<B>(b)
    let buffer = Buffer(bytes: rows * MemoryLayout<R>.stride)
    let out = buffer.pointer(to: R.self)
    var nulls = ValidityBuilder()
    for row in 0..<rows {
        if let result = operation(x[row], y[row]) {
            out[row] = result
        } else {
            out[row] = zero
            if isValid(valid, row) {
                if let failure { throw failure(row) }
                nulls.setNull(row)
            }
        }
    }
    return .flat(type, count: rows, values: buffer, validity: nulls.finish(count: rows))
}

/// Integer arithmetic with one overflow check a batch; rows are looked at one by one only when it fails.
@inline(__always)
func checkedBinary<T: FixedWidthInteger & BitwiseCopyable>(
    _ a: ColumnVector, _ b: ColumnVector, _ rows: Int, _ type: DataType, _ valid: ValidityBitmap?, _: T.Type,
    failure: ((Int) -> SparkError)?, _ operation: (T, T) -> (partialValue: T, overflow: Bool)
) throws -> ColumnVector {
    let x = Reader<T>(a)
    let y = Reader<T>(b)
    let buffer = Buffer(bytes: rows * MemoryLayout<T>.stride)
    let out = buffer.pointer(to: T.self)
    var any = false
    for row in 0..<rows {
        let (value, overflow) = operation(x[row], y[row])
        out[row] = value
        any = any != overflow || any
    }
    var nulls = ValidityBuilder()
    if any {
        for row in 0..<rows where isValid(valid, row) && operation(x[row], y[row]).overflow {
            if let failure { throw failure(row) }
            nulls.setNull(row)
        }
    }
    return .flat(type, count: rows, values: buffer, validity: nulls.finish(count: rows))
}

/// A string result per valid row. `operation` appends the bytes of the result to the scratch array, or gives false for
/// NULL.
@inline(__always)
func mapToString(
    _ rows: Int, _ type: DataType, _ valid: ValidityBitmap?,
    _ operation: (_ row: Int, _ out: inout [UInt8]) throws -> Bool
) rethrows -> ColumnVector {
    let builder = StringBuilder(capacity: rows)
    var scratch: [UInt8] = []
    for row in 0..<rows {
        guard isValid(valid, row) else {
            builder.appendNull()
            continue
        }
        scratch.removeAll(keepingCapacity: true)
        if try operation(row, &scratch) { builder.append(scratch) } else { builder.appendNull() }
    }
    return builder.finish(type)
}

/// Reads the strings of a flat or constant column.
struct StringReader {
    private let base: UnsafePointer<StringView>
    private let mask: Int

    init(_ column: ColumnVector) {
        let reader = Reader<StringView>(column)
        base = reader.base
        mask = reader.mask
    }

    /// Valid while the column lives.
    @inline(__always) subscript(row: Int) -> UnsafeBufferPointer<UInt8> {
        let view = base + (row & mask)
        return UnsafeBufferPointer(start: StringView.data(of: view), count: view.pointee.count)
    }
}
