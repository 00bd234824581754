// Moves rows: gather by position, slice, concatenate, flatten. Strings move as 16-byte views; their bytes stay.

extension ColumnVector {
    /// Rows by position, in that order. Precondition: positions are in bounds; with `negativeIsNull` a negative
    /// position gives NULL (the missing side of an outer join).
    package func gather(_ indices: UnsafeBufferPointer<Int32>, negativeIsNull: Bool = false) -> ColumnVector {
        let size = indices.count
        guard size > 0, let index = indices.baseAddress else { return slice(0..<0) }
        var lowest = Int32.max
        var highest = Int32.min
        for row in 0..<size {
            lowest = min(lowest, index[row])
            highest = max(highest, index[row])
        }
        precondition(highest < count && (lowest >= 0 || negativeIsNull), "gather out of bounds")
        if highest < 0 { return .nulls(dataType, count: size) }
        if encoding == .constant {
            if lowest >= 0 { return .constant(children[0], count: size) }
            return flattened().gather(indices, negativeIsNull: true)
        }
        let mask = gatheredValidity(index, size, hasNegative: lowest < 0)
        switch physicalType {
        case _ where encoding == .dictionary:
            return ColumnVector(
                dataType, count: size, encoding: .dictionary, validity: mask, values: moved(index, size, UInt32.self),
                children: children)
        case .bool, .int8, .null: return movedFlat(moved(index, size, UInt8.self), size, mask)
        case .int16: return movedFlat(moved(index, size, UInt16.self), size, mask)
        case .int32, .float: return movedFlat(moved(index, size, UInt32.self), size, mask)
        case .int64, .double: return movedFlat(moved(index, size, UInt64.self), size, mask)
        case .int128, .view: return movedFlat(moved(index, size, StringView.self), size, mask)
        case .structure:
            let parts = children.map { $0.gather(indices, negativeIsNull: negativeIsNull) }
            return ColumnVector(
                dataType, count: size, encoding: .flat, validity: mask, values: Self.noValues, children: parts)
        case .list, .map: return gatheredLists(index, size, mask)
        }
    }

    private func movedFlat(_ buffer: Buffer, _ size: Int, _ mask: ValidityBitmap?) -> ColumnVector {
        ColumnVector(dataType, count: size, encoding: .flat, validity: mask, values: buffer, heaps: heaps)
    }

    private func moved<T: BitwiseCopyable>(_ index: UnsafePointer<Int32>, _ size: Int, _ type: T.Type) -> Buffer {
        let buffer = Buffer(bytes: size * MemoryLayout<T>.stride)
        let out = buffer.pointer(to: T.self)
        let source = pointer(to: T.self)
        // A missing row reads row 0, whose value is then masked.
        for row in 0..<size { out[row] = source[Int(max(0, index[row]))] }
        return buffer
    }

    private func gatheredValidity(_ index: UnsafePointer<Int32>, _ size: Int, hasNegative: Bool) -> ValidityBitmap? {
        if validity == nil, !hasNegative { return nil }
        let buffer = Buffer(bytes: ValidityBitmap.wordCount(size) * 8)
        let out = buffer.pointer(to: UInt64.self)
        let words = validity?.words
        var row = 0
        while row < size {
            var word: UInt64 = 0
            for bit in 0..<min(64, size - row) {
                let position = Int(index[row + bit])
                var valid = position >= 0
                if valid, let words { valid = words[position >> 6] >> UInt64(position & 63) & 1 != 0 }
                word |= (valid ? 1 : 0) << UInt64(bit)
            }
            out[row / 64] = word
            row += 64
        }
        return ValidityBitmap(buffer: buffer, count: size)
    }

    private func gatheredLists(_ index: UnsafePointer<Int32>, _ size: Int, _ mask: ValidityBitmap?) -> ColumnVector {
        let offsets = Buffer(bytes: (size + 1) * 4)
        let out = offsets.pointer(to: Int32.self)
        let old = pointer(to: Int32.self)
        var rows: [Int32] = []
        out[0] = 0
        for row in 0..<size {
            let position = Int(index[row])
            if position >= 0, mask?.isValid(row) ?? true { rows.append(contentsOf: old[position]..<old[position + 1]) }
            out[row + 1] = Int32(truncatingIfNeeded: rows.count)
        }
        let parts = rows.withUnsafeBufferPointer { list in children.map { $0.gather(list) } }
        return ColumnVector(dataType, count: size, encoding: .flat, validity: mask, values: offsets, children: parts)
    }

    /// The same rows, flat. A NULL constant keeps zero values.
    package func flattened() -> ColumnVector {
        switch encoding {
        case .flat: return self
        case .constant:
            let zeros = Buffer(zeroedBytes: max(1, count) * 4)
            return children[0].gather(
                UnsafeBufferPointer(start: UnsafePointer(zeros.pointer(to: Int32.self)), count: count))
        case .dictionary:
            if children[0].count == 0 { return ColumnVector.nulls(dataType, count: count).flattened() }
            let codes = UnsafePointer(values.pointer(to: Int32.self))
            let base = children[0].gather(UnsafeBufferPointer(start: codes, count: count))
            return ColumnVector(
                dataType, count: count, encoding: .flat, validity: validity, values: base.values, heaps: base.heaps,
                children: base.children)
        }
    }

    /// A range of rows, copied. Precondition: the range is in bounds.
    package func slice(_ range: Range<Int>) -> ColumnVector {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice out of bounds")
        if range == 0..<count { return self }
        let mask = validity?.slice(range)
        if encoding == .constant { return .constant(children[0], count: range.count) }
        if encoding == .flat, physicalType == .structure {
            return ColumnVector(
                dataType, count: range.count, encoding: .flat, validity: mask, values: Self.noValues,
                children: children.map { $0.slice(range) })
        }
        let isList = encoding == .flat && (physicalType == .list || physicalType == .map)
        let width = encoding == .dictionary ? 4 : physicalType.width
        let length = range.count + (isList ? 1 : 0)
        let buffer = Buffer(bytes: length * width)
        buffer.base.copyMemory(from: values.base + range.lowerBound * width, byteCount: length * width)
        // Offsets keep their origin: the child is shared whole.
        return ColumnVector(
            dataType, count: range.count, encoding: encoding, validity: mask, values: buffer, heaps: heaps,
            children: children)
    }

    /// All rows of the vectors, which have one type, in order. A dictionary shared by all of them is kept.
    package static func concatenate(_ vectors: [ColumnVector], as dataType: DataType) -> ColumnVector {
        let parts = vectors.filter { $0.count > 0 }
        guard let first = parts.first else { return ColumnBuilder(dataType).finish() }
        if parts.count == 1 { return first }
        let total = parts.reduce(0) { $0 + $1.count }
        let mask = concatenatedValidity(parts, total)
        if first.encoding == .dictionary,
            parts.allSatisfy({ $0.encoding == .dictionary && $0.children[0] === first.children[0] })
        {
            return ColumnVector(
                dataType, count: total, encoding: .dictionary, validity: mask, values: joined(parts, total, width: 4),
                children: first.children)
        }
        let flat = parts.map { $0.flattened() }
        switch dataType.physicalType {
        case .structure:
            let types = dataType.childTypes
            return ColumnVector(
                dataType, count: total, encoding: .flat, validity: mask, values: noValues,
                children: types.indices.map { child in concatenate(flat.map { $0.children[child] }, as: types[child]) })
        case .list, .map: return concatenatedLists(flat, total, mask, dataType)
        default:
            return ColumnVector(
                dataType, count: total, encoding: .flat, validity: mask,
                values: joined(flat, total, width: dataType.physicalType.width), heaps: mergedHeaps(flat))
        }
    }

    private static func joined(_ parts: [ColumnVector], _ total: Int, width: Int) -> Buffer {
        let buffer = Buffer(bytes: total * width)
        var position = 0
        for part in parts {
            (buffer.base + position).copyMemory(from: part.values.base, byteCount: part.count * width)
            position += part.count * width
        }
        return buffer
    }

    private static func mergedHeaps(_ parts: [ColumnVector]) -> [Buffer] {
        var seen: Set<ObjectIdentifier> = []
        var heaps: [Buffer] = []
        for part in parts { for heap in part.heaps where seen.insert(ObjectIdentifier(heap)).inserted { heaps.append(heap) } }
        return heaps
    }

    private static func concatenatedValidity(_ parts: [ColumnVector], _ total: Int) -> ValidityBitmap? {
        guard parts.contains(where: \.hasNulls) else { return nil }
        let buffer = Buffer(zeroedBytes: ValidityBitmap.wordCount(total) * 8)
        let words = buffer.pointer(to: UInt64.self)
        var row = 0
        for part in parts {
            for position in 0..<part.count {
                if !part.isNull(position) { words[row >> 6] |= 1 << UInt64(row & 63) }
                row += 1
            }
        }
        return ValidityBitmap(buffer: buffer, count: total)
    }

    private static func concatenatedLists(
        _ parts: [ColumnVector], _ total: Int, _ mask: ValidityBitmap?, _ dataType: DataType
    ) -> ColumnVector {
        // Each part may share a larger child: take only what its rows span.
        let offsets = Buffer(bytes: (total + 1) * 4)
        let out = offsets.pointer(to: Int32.self)
        var row = 0
        var base: Int32 = 0
        out[0] = 0
        var spans: [Range<Int>] = []
        for part in parts {
            let old = part.pointer(to: Int32.self)
            let start = old[0]
            for position in 0..<part.count {
                row += 1
                out[row] = base &+ (old[position + 1] &- start)
            }
            base = out[row]
            spans.append(Int(start)..<Int(old[part.count]))
        }
        let types = dataType.childTypes
        let children = types.indices.map { child in
            concatenate(zip(parts, spans).map { $0.children[child].slice($1) }, as: types[child])
        }
        return ColumnVector(
            dataType, count: total, encoding: .flat, validity: mask, values: offsets, children: children)
    }
}
