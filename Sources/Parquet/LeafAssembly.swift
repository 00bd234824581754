import Columnar

// Turns the values of one leaf into a column: gives NULL rows their place and converts to the type asked for.

/// Which slots of a leaf hold a value; nil members mean all of them do.
struct LeafSlots {
    let count: Int
    /// One byte a slot, zero for NULL; nil when every slot has a value.
    let valid: [UInt8]?

    init(_ rows: LeafRows, slotDefinition: Int, maxDefinition: Int) {
        if rows.definitionLevels.isEmpty || rows.valueCount == rows.entryCount {
            count = rows.entryCount
            valid = nil
            return
        }
        var valid: [UInt8] = []
        valid.reserveCapacity(rows.entryCount)
        let (slot, full) = (UInt8(slotDefinition), UInt8(maxDefinition))
        for level in rows.definitionLevels where level >= slot { valid.append(level == full ? 1 : 0) }
        count = valid.count
        self.valid = rows.valueCount == valid.count ? nil : valid
    }

    var validity: ValidityBitmap? {
        valid?.withUnsafeBufferPointer { ValidityBitmap(validBytes: $0) }
    }

    /// A column of `slots` rows made of `source`, one element for every slot that has a value.
    @inline(__always)
    func column<Source: BitwiseCopyable, Target: BitwiseCopyable>(
        _ type: DataType, _ source: [Source], zero: Target, heaps: [Buffer] = [], convert: (Source) -> Target
    ) -> ColumnVector {
        ColumnVector.flat(type, count: count, validity: validity, heaps: heaps, as: Target.self) { target in
            source.withUnsafeBufferPointer { source in
                guard let valid else {
                    for row in 0..<min(count, source.count) { target[row] = convert(source[row]) }
                    return
                }
                var next = 0
                for row in 0..<count {
                    if valid[row] != 0, next < source.count {
                        target[row] = convert(source[next])
                        next += 1
                    } else {
                        target[row] = zero
                    }
                }
            }
        }
    }
}

extension LeafColumn {
    /// The column of `rows` in the type `wanted`, to which `canRead` holds.
    ///
    /// - Throws: `ParquetError` `.outOfRange` for values that the type cannot hold.
    func assemble(_ rows: LeafRows, slotDefinition: Int, as wanted: DataType) throws -> ColumnVector {
        let slots = LeafSlots(rows, slotDefinition: slotDefinition, maxDefinition: maxDefinition)
        let values = rows.values
        switch wanted {
        case .null: return .nulls(.null, count: slots.count)
        case _ where naturalType == .null:
            guard rows.valueCount == 0 else { throw misfit(wanted) }
            return .nulls(wanted, count: slots.count)
        case .boolean: return slots.column(wanted, values.bools, zero: UInt8(0)) { $0 }
        case .byte: return slots.column(wanted, values.int32s, zero: Int8(0)) { Int8(truncatingIfNeeded: $0) }
        case .short: return slots.column(wanted, values.int32s, zero: Int16(0)) { Int16(truncatingIfNeeded: $0) }
        case .int, .date, .yearMonthInterval: return slots.column(wanted, values.int32s, zero: Int32(0)) { $0 }
        case .long, .dayTimeInterval:
            if physicalType == .int64 { return slots.column(wanted, values.int64s, zero: Int64(0)) { $0 } }
            if meaning == .integer(bitWidth: 32, isSigned: false) {
                return slots.column(wanted, values.int32s, zero: Int64(0)) { Int64(UInt32(bitPattern: $0)) }
            }
            return slots.column(wanted, values.int32s, zero: Int64(0)) { Int64($0) }
        case .float: return slots.column(wanted, values.floats, zero: Float(0)) { $0 }
        case .double:
            switch physicalType {
            case .double: return slots.column(wanted, values.doubles, zero: 0.0) { $0 }
            case .float: return slots.column(wanted, values.floats, zero: 0.0) { Double($0) }
            default: return slots.column(wanted, values.int32s, zero: 0.0) { Double($0) }
            }
        case .timestamp, .timestampNTZ: return try timestamps(slots, values, wanted)
        case .decimal(let precision, let scale): return try decimals(slots, values, wanted, precision, scale)
        case .string, .binary: return try byteArrays(slots, values.byteArrays, wanted)
        case .array, .map, .structure, .variant: throw misfit(wanted)
        }
    }

    private func misfit(_ wanted: DataType) -> ParquetError {
        ParquetError(.schemaMismatch, "the column \(name) cannot be read as \(wanted.simpleString)")
    }

    private func timestamps(_ slots: LeafSlots, _ values: LeafValues, _ wanted: DataType) throws -> ColumnVector {
        var overflowed = false
        func scaled(_ value: Int64, _ factor: Int64) -> Int64 {
            let (product, overflow) = value.multipliedReportingOverflow(by: factor)
            if overflow { overflowed = true }
            return product
        }
        let column: ColumnVector
        if physicalType == .int32 {
            column = slots.column(wanted, values.int32s, zero: Int64(0)) { Int64($0) * 86_400_000_000 }
        } else if case .timestamp(.millis, _) = meaning {
            column = slots.column(wanted, values.int64s, zero: Int64(0)) { scaled($0, 1000) }
        } else {
            column = slots.column(wanted, values.int64s, zero: Int64(0)) { $0 }
        }
        if overflowed { throw ParquetError(.outOfRange, "a timestamp of column \(name) is out of range") }
        return column
    }

    private func decimals(
        _ slots: LeafSlots, _ values: LeafValues, _ wanted: DataType, _ precision: Int, _ scale: Int
    ) throws -> ColumnVector {
        var naturalScale = 0
        if case .decimal(_, let own) = naturalType { naturalScale = own }
        guard let factor = Decimals.powerOfTen(scale - naturalScale), let limit = Decimals.powerOfTen(precision) else {
            throw misfit(wanted)
        }
        var overflowed = false
        func scaled(_ value: Int128) -> Int128 {
            let (product, overflow) = value.multipliedReportingOverflow(by: factor)
            if overflow || product >= limit || product <= -limit {
                overflowed = true
                return 0
            }
            return product
        }
        // Below 10^18 the scaled value fits Int64, as `limit` was checked.
        let narrow = precision <= DataType.decimalPrecisionOfInt64Max
        let unsigned = meaning == .integer(bitWidth: 64, isSigned: false)
        let column: ColumnVector
        switch physicalType {
        case .int32 where narrow:
            column = slots.column(wanted, values.int32s, zero: Int64(0)) { Int64(truncatingIfNeeded: scaled(Int128($0))) }
        case .int32: column = slots.column(wanted, values.int32s, zero: Int128(0)) { scaled(Int128($0)) }
        case .int64 where narrow:
            column = slots.column(wanted, values.int64s, zero: Int64(0)) { Int64(truncatingIfNeeded: scaled(Int128($0))) }
        case .int64:
            column = slots.column(wanted, values.int64s, zero: Int128(0)) {
                scaled(unsigned ? Int128(UInt64(bitPattern: $0)) : Int128($0))
            }
        default:
            var unscaled: [Int128] = []
            unscaled.reserveCapacity(values.byteArrays.count)
            for index in 0..<values.byteArrays.count {
                guard let value = Int128(bigEndianBytes: values.byteArrays.bytes(at: index)) else {
                    throw ParquetError(.outOfRange, "a decimal of column \(name) has over 128 bits")
                }
                unscaled.append(scaled(value))
            }
            column = narrow
                ? slots.column(wanted, unscaled, zero: Int64(0)) { Int64(truncatingIfNeeded: $0) }
                : slots.column(wanted, unscaled, zero: Int128(0)) { $0 }
        }
        if overflowed {
            throw ParquetError(.outOfRange, "a value of column \(name) does not fit \(wanted.simpleString)")
        }
        return column
    }

    /// Views of copies of the bytes, all in one block.
    private func byteArrays(_ slots: LeafSlots, _ arrays: ByteArrays, _ wanted: DataType) throws -> ColumnVector {
        var total = 0
        for reference in arrays.references where Int(reference.count) > StringView.inlineBytesMax {
            total += Int(reference.count)
        }
        guard total <= pageBytesMax else {
            throw ParquetError(.unsupported, "a batch of column \(name) has over \(pageBytesMax) bytes of strings")
        }
        let heap = Buffer(bytes: total)
        var next = heap.pointer(to: UInt8.self)
        var views: [StringView] = []
        views.reserveCapacity(arrays.count)
        // References of one page lie together: the buffer is looked up once for a run of them.
        var index = 0
        while index < arrays.references.count {
            let buffer = arrays.references[index].buffer
            arrays.buffers[Int(buffer)].withUnsafeBufferPointer { source in
                while index < arrays.references.count, arrays.references[index].buffer == buffer {
                    let reference = arrays.references[index]
                    let count = Int(reference.count)
                    index += 1
                    guard count > 0, let base = source.baseAddress else {
                        views.append(.empty)
                        continue
                    }
                    // SAFETY: decoders make references only within their buffers.
                    let bytes = base + Int(reference.offset)
                    if count > StringView.inlineBytesMax {
                        next.update(from: bytes, count: count)
                        views.append(StringView(bytes: next, count: count))
                        next += count
                    } else {
                        views.append(StringView(bytes: bytes, count: count))
                    }
                }
            }
        }
        return slots.column(wanted, views, zero: StringView.empty, heaps: total > 0 ? [heap] : []) { $0 }
    }
}

extension Int128 {
    /// Big-endian two's complement of any length, as far as the value fits; no bytes mean zero.
    init?(bigEndianBytes bytes: ArraySlice<UInt8>) {
        var value: Int128 = (bytes.first ?? 0) & 0x80 != 0 ? -1 : 0
        let fill: UInt8 = value < 0 ? 0xFF : 0
        let head = bytes.dropLast(16)
        guard head.allSatisfy({ $0 == fill }) else { return nil }
        let tail = bytes.suffix(16)
        if !head.isEmpty, (tail.first ?? 0) & 0x80 != fill & 0x80 { return nil }
        for byte in tail { value = value << 8 | Int128(byte) }
        self = value
    }
}
