import Columnar
import SparkPlan

/// Functions that take apart or make arrays, maps and structs.
enum NestedFunctions {
    static func find(_ c: FunctionContext) throws -> FunctionImplementation? {
        switch (c.name, c.count) {
        case ("getstructfield", 2):
            guard case .structure(let type) = c.types[0] else { return nil }
            let index = c.literals[1].flatMap { value in
                value.int64Value.map { Int($0) } ?? value.stringValue.flatMap { type.index(of: $0) }
            }
            guard let index, type.fields.indices.contains(index) else { return nil }
            return FunctionImplementation(strict: false) { a, n, _ in
                let flat = a[0].flattened()
                return flat.children[index].flattened().masked(by: flat.validity)
            }
        case ("getarrayitem", 2), ("get", 2), ("element_at", 2), ("try_element_at", 2):
            if case .map = c.types[0] { return mapValue(c) }
            return arrayItem(c)
        case ("getmapvalue", 2): return mapValue(c)
        case ("size", 1), ("cardinality", 1), ("array_size", 1):
            guard c.types[0].physicalType == .list || c.types[0].physicalType == .map else { return nil }
            return FunctionImplementation { a, n, valid in
                let flat = a[0].flattened()
                return try tryMapRows(n, .int, valid, zero: Int32.zero, failure: nil) { Int32(truncatingIfNeeded: flat.listRange($0).count) }
            }
        case ("array", 0...):
            return rowwise(c) { values in .array(values) }
        case ("struct", 1...), ("named_struct", 2...):
            let named = c.name == "named_struct"
            return rowwise(c) { values in
                .structure(named ? values.enumerated().filter { $0.offset % 2 == 1 }.map(\.element) : values)
            }
        case ("map", 0...):
            guard c.count % 2 == 0 else { return nil }
            return rowwise(c) { values in
                .map(stride(from: 0, to: values.count, by: 2).map { ScalarEntry(values[$0], values[$0 + 1]) })
            }
        case ("array_contains", 2):
            return FunctionImplementation { a, n, valid in
                try tryMapRows(n, .boolean, valid, zero: UInt8.zero, failure: nil) { row -> UInt8? in
                    guard case .array(let list) = a[0].value(at: row) else { return nil }
                    let wanted = a[1].value(at: row)
                    if list.contains(wanted) { return 1 }
                    return list.contains(.null) ? nil : 0
                }
            }
        case ("map_keys", 1), ("map_values", 1):
            guard c.types[0].physicalType == .map else { return nil }
            let child = c.name == "map_keys" ? 0 : 1
            return FunctionImplementation { a, n, _ in
                let flat = a[0].flattened()
                return try .list(c.resultType, count: n, offsets: flat.values, child: flat.children[child], validity: flat.validity)
            }
        case ("array_join", 2...3):
            return FunctionImplementation { a, n, valid in
                mapToString(n, .string, valid) { row, out in
                    guard case .array(let list) = a[0].value(at: row) else { return false }
                    let missing = a.count > 2 ? a[2].value(at: row).stringValue : nil
                    out.append(contentsOf: list.compactMap { $0.stringValue ?? missing }.joined(separator: a[1].value(at: row).stringValue ?? "").utf8)
                    return true
                }
            }
        default: return nil
        }
    }

    private static func rowwise(_ c: FunctionContext, _ make: @escaping ([Scalar]) -> Scalar) -> FunctionImplementation {
        FunctionImplementation(strict: false) { a, n, _ in
            let builder = ColumnBuilder(c.resultType)
            for row in 0..<n { try builder.append(make(a.map { $0.value(at: row) })) }
            return builder.finish()
        }
    }

    private static func arrayItem(_ c: FunctionContext) -> FunctionImplementation? {
        guard c.types[0].physicalType == .list, c.types[1] == .int else { return nil }
        let fromOne = c.name.hasSuffix("element_at")
        let tolerant = c.name == "get" || c.name == "try_element_at"
        return FunctionImplementation(canFail: !tolerant) { a, n, valid in
            let flat = a[0].flattened()
            let wanted = Reader<Int32>(a[1])
            var rows = [Int32](repeating: -1, count: n)
            for row in 0..<n where isValid(valid, row) {
                let range = flat.listRange(row)
                var index = Int(wanted[row])
                if fromOne { index = index > 0 ? index - 1 : index < 0 ? range.count + index : -1 }
                if index >= 0, index < range.count {
                    rows[row] = Int32(truncatingIfNeeded: range.lowerBound + index)
                } else if !tolerant {
                    throw SparkError(
                        condition: fromOne ? "INVALID_ARRAY_INDEX_IN_ELEMENT_AT" : "INVALID_ARRAY_INDEX", sqlState: "22003",
                        message: "The index \(wanted[row]) is out of bounds. The array has \(range.count) elements. Use the SQL function "
                            + "`\(fromOne ? "try_element_at" : "get")()` to tolerate accessing element at invalid index and return NULL instead.")
                }
            }
            return rows.withUnsafeBufferPointer { flat.children[0].gather($0, negativeIsNull: true) }
        }
    }

    private static func mapValue(_ c: FunctionContext) -> FunctionImplementation? {
        guard c.types[0].physicalType == .map else { return nil }
        return FunctionImplementation { a, n, valid in
            let flat = a[0].flattened()
            var rows = [Int32](repeating: -1, count: n)
            for row in 0..<n where isValid(valid, row) {
                let wanted = a[1].value(at: row)
                for entry in flat.listRange(row) where flat.children[0].value(at: entry) == wanted {
                    rows[row] = Int32(truncatingIfNeeded: entry)
                }
            }
            return rows.withUnsafeBufferPointer { flat.children[1].gather($0, negativeIsNull: true) }
        }
    }
}
