extension ColumnVector {
    /// The value of one row. Slow: for tests, literals, statistics and printing.
    package func value(at row: Int) -> Scalar {
        precondition(row >= 0 && row < count, "row out of bounds")
        if isNull(row) { return .null }
        let (vector, position) = location(of: row)
        return vector.flatValue(position)
    }

    /// All values in order. Slow.
    package var scalars: [Scalar] { (0..<count).map { value(at: $0) } }

    private func flatValue(_ row: Int) -> Scalar {
        switch dataType {
        case .null: return .null
        case .boolean: return .bool(pointer(to: UInt8.self)[row] != 0)
        case .byte: return .int8(pointer(to: Int8.self)[row])
        case .short: return .int16(pointer(to: Int16.self)[row])
        case .int, .yearMonthInterval: return .int32(pointer(to: Int32.self)[row])
        case .long, .dayTimeInterval: return .int64(pointer(to: Int64.self)[row])
        case .float: return .float(pointer(to: Float.self)[row])
        case .double: return .double(pointer(to: Double.self)[row])
        case .decimal(_, let scale):
            return physicalType == .int64
                ? .decimal(Int128(pointer(to: Int64.self)[row]), scale: scale)
                : .decimal(pointer(to: Int128.self)[row], scale: scale)
        case .date: return .date(pointer(to: Int32.self)[row])
        case .timestamp, .timestampNTZ: return .timestamp(pointer(to: Int64.self)[row])
        case .string: return .string(pointer(to: StringView.self)[row].string)
        case .binary: return .binary(pointer(to: StringView.self)[row].bytes)
        case .array: return .array(listRange(row).map { children[0].value(at: $0) })
        case .map:
            return .map(listRange(row).map { ScalarEntry(children[0].value(at: $0), children[1].value(at: $0)) })
        case .structure, .variant: return .structure(children.map { $0.value(at: row) })
        }
    }

    /// The child rows of one row of a flat list or map.
    package func listRange(_ row: Int) -> Range<Int> {
        let offsets = pointer(to: Int32.self)
        return Int(offsets[row])..<Int(offsets[row + 1])
    }
}
