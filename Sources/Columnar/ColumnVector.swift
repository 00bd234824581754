/// How values lie in memory; several types share a form.
package enum PhysicalType: Sendable, Hashable {
    case bool, int8, int16, int32, int64, int128, float, double, view
    /// Int32 offsets, one more than rows, into one child (list) or two (map: keys, values).
    case list, map
    /// One child per field.
    case structure
    /// All rows NULL; values are bytes without meaning.
    case null

    /// Bytes per row of the values buffer; 0 for a struct, whose rows lie in its children.
    package var width: Int {
        switch self {
        case .bool, .int8, .null: 1
        case .int16: 2
        case .int32, .float, .list, .map: 4
        case .int64, .double: 8
        case .int128, .view: 16
        case .structure: 0
        }
    }
}

extension DataType {
    package var physicalType: PhysicalType {
        switch self {
        case .boolean: .bool
        case .byte: .int8
        case .short: .int16
        case .int, .date, .yearMonthInterval: .int32
        case .long, .timestamp, .timestampNTZ, .dayTimeInterval: .int64
        case .float: .float
        case .double: .double
        case .decimal(let precision, _): precision <= DataType.decimalPrecisionOfInt64Max ? .int64 : .int128
        case .string, .binary: .view
        case .array: .list
        case .map: .map
        case .structure, .variant: .structure
        case .null: .null
        }
    }
}

/// The rows of one column, immutable. In one of three encodings:
///
/// - **flat**: `values` holds one value a row (for lists and maps Int32 offsets, `count + 1` of them; a struct has none).
///   Values of NULL rows are defined but without meaning; offsets of NULL rows span nothing.
/// - **constant**: every row is row 0 of `children[0]`, a flat vector of one row. `validity` is nil.
/// - **dictionary**: `values` holds UInt32 codes into `children[0]`, a flat vector without NULLs; `validity` is per row.
///   Codes of NULL rows are in bounds too. (When the dictionary is empty all rows are NULL and codes are 0.)
///
/// A variant is a struct of two binary children, value and metadata.
package final class ColumnVector: @unchecked Sendable {
    // Unchecked: all stored properties are constants and their buffers are no longer written.
    package enum Encoding: Sendable { case flat, constant, dictionary }

    package let dataType: DataType
    package let physicalType: PhysicalType
    package let count: Int
    package let encoding: Encoding
    /// Nil when no row is NULL.
    package let validity: ValidityBitmap?
    package let values: Buffer
    /// Buffers that string views point into.
    package let heaps: [Buffer]
    package let children: [ColumnVector]

    init(
        _ dataType: DataType, count: Int, encoding: Encoding, validity: ValidityBitmap?, values: Buffer,
        heaps: [Buffer] = [], children: [ColumnVector] = []
    ) {
        precondition(validity == nil || validity?.count == count, "validity of another length")
        self.dataType = dataType
        physicalType = dataType.physicalType
        self.count = count
        self.encoding = encoding
        self.validity = validity?.nullCount == 0 ? nil : validity
        self.values = values
        self.heaps = heaps
        self.children = children
    }

    static let noValues = Buffer(bytes: 0)
}

// MARK: - Construction

extension ColumnVector {
    /// A flat column of fixed-width values or views. `values` holds `count` values of the type's physical form.
    package static func flat(
        _ dataType: DataType, count: Int, values: Buffer, validity: ValidityBitmap? = nil, heaps: [Buffer] = []
    ) -> ColumnVector {
        precondition(values.capacity >= count * dataType.physicalType.width, "values buffer too short")
        precondition(!dataType.isNested, "nested types have children")
        return ColumnVector(
            dataType, count: count, encoding: .flat, validity: validity, values: values, heaps: heaps)
    }

    /// A flat column filled by `body`, which must write all `count` values.
    @inlinable package static func flat<T: BitwiseCopyable>(
        _ dataType: DataType, count: Int, validity: ValidityBitmap? = nil, heaps: [Buffer] = [],
        as type: T.Type, filling body: (UnsafeMutablePointer<T>) throws -> Void
    ) rethrows -> ColumnVector {
        precondition(MemoryLayout<T>.size == dataType.physicalType.width, "element of another width")
        let buffer = Buffer(bytes: count * MemoryLayout<T>.stride)
        try body(buffer.pointer(to: T.self))
        return flat(dataType, count: count, values: buffer, validity: validity, heaps: heaps)
    }

    /// `count` rows of one value; `one` is a vector of one row.
    package static func constant(_ one: ColumnVector, count: Int) -> ColumnVector {
        precondition(one.count == 1, "a constant is made of one row")
        let value = one.flattened()
        return ColumnVector(
            one.dataType, count: count, encoding: .constant, validity: nil, values: noValues, children: [value])
    }

    /// - Throws: `SparkError` `INTERNAL_ERROR` when the scalar does not fit the type.
    package static func constant(_ value: Scalar, _ dataType: DataType, count: Int) throws -> ColumnVector {
        let builder = ColumnBuilder(dataType)
        try builder.append(value)
        return constant(builder.finish(), count: count)
    }

    /// All rows NULL.
    package static func nulls(_ dataType: DataType, count: Int) -> ColumnVector {
        let builder = ColumnBuilder(dataType)
        builder.appendNull()
        return constant(builder.finish(), count: count)
    }

    /// Rows by code. `dictionary` is flat and without NULLs.
    ///
    /// - Parameter codes: `count` UInt32 values.
    /// - Throws: `SparkError` `INTERNAL_ERROR` when a code of any row, NULL or not, lies outside the dictionary.
    package static func dictionary(
        codes: Buffer, count: Int, dictionary: ColumnVector, validity: ValidityBitmap? = nil
    ) throws -> ColumnVector {
        var highest: UInt32 = 0
        let code = codes.pointer(to: UInt32.self)
        for row in 0..<count { highest = max(highest, code[row]) }
        let allNull = validity.map { $0.nullCount == count } ?? (count == 0)
        guard Int(highest) < dictionary.count || (allNull && highest == 0), dictionary.encoding == .flat,
            dictionary.validity == nil
        else { throw SparkError.internal("dictionary code \(highest) of \(dictionary.count)") }
        return ColumnVector(
            dictionary.dataType, count: count, encoding: .dictionary, validity: validity, values: codes,
            children: [dictionary])
    }

    /// Lists: row `i` is `child[offsets[i]..<offsets[i + 1]]`.
    ///
    /// - Throws: `SparkError` `INTERNAL_ERROR` when offsets descend or leave the child.
    package static func list(
        _ dataType: DataType, count: Int, offsets: Buffer, child: ColumnVector, validity: ValidityBitmap? = nil
    ) throws -> ColumnVector {
        try checkOffsets(offsets, count: count, limit: child.count)
        return ColumnVector(
            dataType, count: count, encoding: .flat, validity: validity, values: offsets, children: [child])
    }

    /// Maps: row `i` has the entries `offsets[i]..<offsets[i + 1]` of `keys` and `values`.
    package static func map(
        _ dataType: DataType, count: Int, offsets: Buffer, keys: ColumnVector, values: ColumnVector,
        validity: ValidityBitmap? = nil
    ) throws -> ColumnVector {
        try checkOffsets(offsets, count: count, limit: min(keys.count, values.count))
        return ColumnVector(
            dataType, count: count, encoding: .flat, validity: validity, values: offsets, children: [keys, values])
    }

    /// Structs: `children` has one vector of `count` rows per field.
    package static func structure(
        _ dataType: DataType, count: Int, children: [ColumnVector], validity: ValidityBitmap? = nil
    ) -> ColumnVector {
        precondition(children.allSatisfy { $0.count == count }, "children of other lengths")
        return ColumnVector(
            dataType, count: count, encoding: .flat, validity: validity, values: noValues, children: children)
    }

    private static func checkOffsets(_ buffer: Buffer, count: Int, limit: Int) throws {
        let offsets = buffer.pointer(to: Int32.self)
        var ascending = offsets[0] >= 0
        for row in 0..<count { ascending = ascending && offsets[row] <= offsets[row + 1] }
        guard ascending, Int(offsets[count]) <= limit else { throw SparkError.internal("list offsets out of bounds") }
    }

    /// The same rows under another type of the same physical form (a cast that changes no bits).
    package func relabelled(_ type: DataType) -> ColumnVector {
        precondition(type.physicalType == physicalType, "another physical form")
        if type == dataType { return self }
        let inner = encoding == .flat ? children : children.map { $0.relabelled(type) }
        return ColumnVector(
            type, count: count, encoding: encoding, validity: validity, values: values, heaps: heaps, children: inner)
    }

    /// The same values, NULL also where `mask` says so. Flat and dictionary only.
    package func masked(by mask: ValidityBitmap?) -> ColumnVector {
        guard mask != nil else { return self }
        let base = encoding == .constant ? flattened() : self
        return ColumnVector(
            dataType, count: count, encoding: base.encoding,
            validity: ValidityBitmap.intersection(base.validity, mask), values: base.values, heaps: base.heaps,
            children: base.children)
    }
}

// MARK: - Reading

extension ColumnVector {
    /// Whether any row is NULL.
    package var hasNulls: Bool {
        encoding == .constant ? count > 0 && children[0].validity != nil : validity != nil
    }

    package var nullCount: Int {
        encoding == .constant ? (children[0].validity != nil ? count : 0) : validity?.nullCount ?? 0
    }

    package func isNull(_ row: Int) -> Bool {
        if encoding == .constant { return children[0].validity != nil }
        guard let validity else { return false }
        return !validity.isValid(row)
    }

    /// The flat vector that holds the value of `row`, and its position there.
    package func location(of row: Int) -> (vector: ColumnVector, row: Int) {
        switch encoding {
        case .flat: (self, row)
        case .constant: (children[0], 0)
        case .dictionary: (children[0], Int(values.pointer(to: UInt32.self)[row]))
        }
    }

    /// The values of a flat vector (Int8, Int16, Int32, Int64, Int128, Float, Double, StringView; UInt8 or Bool for
    /// booleans; Int32 offsets for lists and maps), valid during the call. Call `flattened()` first when unsure.
    @inlinable package func withValues<T: BitwiseCopyable, R>(
        of type: T.Type, _ body: (UnsafeBufferPointer<T>) throws -> R
    ) rethrows -> R {
        precondition(encoding == .flat && MemoryLayout<T>.size == physicalType.width, "not a flat vector of this width")
        let length = physicalType == .list || physicalType == .map ? count + 1 : count
        return try withExtendedLifetime(self) {
            try body(UnsafeBufferPointer(start: UnsafePointer(values.pointer(to: T.self)), count: length))
        }
    }

    /// The codes of a dictionary vector, valid during the call.
    @inlinable package func withCodes<R>(_ body: (UnsafeBufferPointer<UInt32>) throws -> R) rethrows -> R {
        precondition(encoding == .dictionary, "not a dictionary vector")
        return try withExtendedLifetime(self) {
            try body(UnsafeBufferPointer(start: UnsafePointer(values.pointer(to: UInt32.self)), count: count))
        }
    }

    /// The values' address. The caller keeps the vector alive while it reads (a parameter of the running function is).
    @inlinable package func pointer<T: BitwiseCopyable>(to type: T.Type) -> UnsafePointer<T> {
        UnsafePointer(values.pointer(to: T.self))
    }

    /// Bytes of memory held, shared parts counted in full.
    package var byteSize: Int {
        values.capacity + heaps.reduce(0) { $0 + $1.capacity } + children.reduce(0) { $0 + $1.byteSize }
            + (validity == nil ? 0 : count / 8)
    }
}
