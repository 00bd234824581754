/// Builds a column of any type from scalars. Slow: for literals, partition values, small metadata tables and tests.
package final class ColumnBuilder {
    private enum Storage {
        case bool(FixedWidthBuilder<UInt8>), int8(FixedWidthBuilder<Int8>), int16(FixedWidthBuilder<Int16>)
        case int32(FixedWidthBuilder<Int32>), int64(FixedWidthBuilder<Int64>), int128(FixedWidthBuilder<Int128>)
        case float(FixedWidthBuilder<Float>), double(FixedWidthBuilder<Double>), view(StringBuilder)
        /// Offsets after each row, and the children.
        case nested([ColumnBuilder])
    }

    package let dataType: DataType
    package private(set) var count = 0
    private let storage: Storage
    private var offsets: [Int32] = [0]
    private var validity = ValidityBuilder()

    package init(_ dataType: DataType) {
        self.dataType = dataType
        switch dataType.physicalType {
        case .bool, .null: storage = .bool(FixedWidthBuilder(zero: 0, capacity: 16))
        case .int8: storage = .int8(FixedWidthBuilder(zero: 0, capacity: 16))
        case .int16: storage = .int16(FixedWidthBuilder(zero: 0, capacity: 16))
        case .int32: storage = .int32(FixedWidthBuilder(zero: 0, capacity: 16))
        case .int64: storage = .int64(FixedWidthBuilder(zero: 0, capacity: 16))
        case .int128: storage = .int128(FixedWidthBuilder(zero: 0, capacity: 16))
        case .float: storage = .float(FixedWidthBuilder(zero: 0, capacity: 16))
        case .double: storage = .double(FixedWidthBuilder(zero: 0, capacity: 16))
        case .view: storage = .view(StringBuilder(capacity: 16))
        case .list, .map, .structure: storage = .nested(dataType.childTypes.map { ColumnBuilder($0) })
        }
    }

    package func appendNull() {
        switch storage {
        case .bool(let b): b.appendNull()
        case .int8(let b): b.appendNull()
        case .int16(let b): b.appendNull()
        case .int32(let b): b.appendNull()
        case .int64(let b): b.appendNull()
        case .int128(let b): b.appendNull()
        case .float(let b): b.appendNull()
        case .double(let b): b.appendNull()
        case .view(let b): b.appendNull()
        case .nested(let children):
            if dataType.physicalType == .structure { for child in children { child.appendNull() } }
            offsets.append(Int32(truncatingIfNeeded: children.first?.count ?? 0))
            validity.setNull(count)
        }
        count += 1
    }

    /// - Throws: `SparkError` `INTERNAL_ERROR` for a value of another kind, or one that does not fit.
    package func append(_ value: Scalar) throws {
        switch (storage, value) {
        case (_, .null): return appendNull()
        case (.bool(let b), .bool(let x)) where dataType == .boolean: b.append(x ? 1 : 0)
        case (.int8(let b), .int8(let x)): b.append(x)
        case (.int16(let b), .int16(let x)): b.append(x)
        case (.int32(let b), .int32(let x)) where dataType != .date: b.append(x)
        case (.int32(let b), .date(let x)) where dataType == .date: b.append(x)
        case (.int64(let b), .int64(let x)) where dataType == .long || dataType == .dayTimeInterval: b.append(x)
        case (.int64(let b), .timestamp(let x)) where dataType == .timestamp || dataType == .timestampNTZ: b.append(x)
        case (.int64(let b), .decimal(let x, let scale)):
            guard let narrow = Int64(exactly: try rescaled(x, from: scale)) else { throw misfit(value) }
            b.append(narrow)
        case (.int128(let b), .decimal(let x, let scale)): b.append(try rescaled(x, from: scale))
        case (.float(let b), .float(let x)): b.append(x)
        case (.double(let b), .double(let x)): b.append(x)
        case (.view(let b), .string(let x)) where dataType == .string: b.append(x)
        case (.view(let b), .binary(let x)) where dataType == .binary: b.append(x)
        case (.nested(let children), .array(let elements)) where dataType.physicalType == .list:
            for element in elements { try children[0].append(element) }
            offsets.append(Int32(truncatingIfNeeded: children[0].count))
        case (.nested(let children), .map(let entries)) where dataType.physicalType == .map:
            for entry in entries {
                try children[0].append(entry.key)
                try children[1].append(entry.value)
            }
            offsets.append(Int32(truncatingIfNeeded: children[0].count))
        case (.nested(let children), .structure(let members)) where dataType.physicalType == .structure:
            guard members.count == children.count else { throw misfit(value) }
            for (child, member) in zip(children, members) { try child.append(member) }
        default: throw misfit(value)
        }
        count += 1
    }

    /// The column; the builder must not be used afterwards.
    package func finish() -> ColumnVector {
        switch storage {
        case .bool(let b): return b.finish(dataType)
        case .int8(let b): return b.finish(dataType)
        case .int16(let b): return b.finish(dataType)
        case .int32(let b): return b.finish(dataType)
        case .int64(let b): return b.finish(dataType)
        case .int128(let b): return b.finish(dataType)
        case .float(let b): return b.finish(dataType)
        case .double(let b): return b.finish(dataType)
        case .view(let b): return b.finish(dataType)
        case .nested(let children):
            let columns = children.map { $0.finish() }
            let mask = validity.finish(count: count)
            let buffer: Buffer
            if dataType.physicalType == .structure {
                buffer = ColumnVector.noValues
            } else {
                buffer = Buffer(bytes: offsets.count * 4)
                for (index, offset) in offsets.enumerated() { buffer.pointer(to: Int32.self)[index] = offset }
            }
            return ColumnVector(
                dataType, count: count, encoding: .flat, validity: mask, values: buffer, children: columns)
        }
    }

    private func rescaled(_ unscaled: Int128, from scale: Int) throws -> Int128 {
        guard case .decimal(let precision, let target) = dataType, scale <= target,
            let power = Decimals.powerOfTen(target - scale)
        else { throw misfit(.decimal(unscaled, scale: scale)) }
        let (result, overflow) = unscaled.multipliedReportingOverflow(by: power)
        guard !overflow, Decimals.fits(result, precision: precision) else {
            throw misfit(.decimal(unscaled, scale: scale))
        }
        return result
    }

    private func misfit(_ value: Scalar) -> SparkError {
        SparkError.internal("a value of another kind for a column of type \(dataType.simpleString)")
    }
}

extension DataType {
    /// The types of a nested column's child vectors.
    package var childTypes: [DataType] {
        switch self {
        case .array(let element, _): [element]
        case .map(let key, let value, _): [key, value]
        case .structure(let type): type.fields.map(\.dataType)
        case .variant: [.binary, .binary]
        default: []
        }
    }
}

/// Arithmetic shared by everything that handles decimals.
package enum Decimals {
    private static let powers: [Int128] = {
        var list: [Int128] = [1]
        for _ in 0..<38 { list.append(list[list.count - 1] * 10) }
        return list
    }()

    /// 10^exponent for 0 to 38; nil outside.
    package static func powerOfTen(_ exponent: Int) -> Int128? {
        exponent >= 0 && exponent <= 38 ? powers[exponent] : nil
    }

    /// Whether the unscaled value has at most `precision` digits.
    package static func fits(_ unscaled: Int128, precision: Int) -> Bool {
        guard precision >= 0, precision <= 38 else { return false }
        return unscaled < powers[precision] && unscaled > -powers[precision]
    }
}
