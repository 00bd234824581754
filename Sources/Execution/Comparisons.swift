package import Columnar
import SparkPlan

/// `= < <= > >= <=>` on operands of one type. NaN equals NaN and is greater than any number; -0.0 equals 0.0; strings
/// and binary compare by unsigned bytes.
enum Comparisons {
    static func implementation(_ name: String, _ type: DataType) throws -> FunctionImplementation {
        if name == "<=>" {
            let equals = try implementation("=", type)
            return FunctionImplementation(strict: false) { a, rows, _ in try nullSafe(a, rows, equals) }
        }
        switch type.physicalType {
        case .bool, .null: return comparison(name, UInt8.self)
        case .int8: return comparison(name, Int8.self)
        case .int16: return comparison(name, Int16.self)
        case .int32: return comparison(name, Int32.self)
        case .int64: return comparison(name, Int64.self)
        case .int128: return comparison(name, Int128.self)
        case .float: return floats(name, Float.self)
        case .double: return floats(name, Double.self)
        case .view: return strings(name)
        case .list, .structure:
            return FunctionImplementation { a, rows, valid in
                let builder = FixedWidthBuilder<UInt8>(zero: 0, capacity: rows)
                for row in 0..<rows {
                    if !isValid(valid, row) { builder.append(0); continue }
                    let order = ValueOrder.compare(a[0].value(at: row), a[1].value(at: row))
                    builder.append(holds(name, order) ? 1 : 0)
                }
                return builder.finish(.boolean)
            }
        case .map: throw SparkError.unsupported("comparison of values of type \(type.sql)")
        }
    }

    private static func holds(_ name: String, _ order: Int) -> Bool {
        switch name {
        case "=": order == 0
        case "<": order < 0
        case "<=": order <= 0
        case ">": order > 0
        default: order >= 0
        }
    }

    private static func comparison<T: Comparable & BitwiseCopyable>(_ name: String, _: T.Type) -> FunctionImplementation {
        switch name {
        case "=": FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in x == y ? 1 : 0 } }
        case "<": FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in x < y ? 1 : 0 } }
        case "<=": FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in x <= y ? 1 : 0 } }
        case ">": FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in x > y ? 1 : 0 } }
        default: FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in x >= y ? 1 : 0 } }
        }
    }

    private static func floats<T: BinaryFloatingPoint & BitwiseCopyable>(_ name: String, _: T.Type) -> FunctionImplementation {
        switch name {
        case "=":
            FunctionImplementation { a, n, _ in
                mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in x == y || (x.isNaN && y.isNaN) ? 1 : 0 }
            }
        case "<": FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in less(x, y) ? 1 : 0 } }
        case "<=": FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in less(y, x) ? 0 : 1 } }
        case ">": FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in less(y, x) ? 1 : 0 } }
        default: FunctionImplementation { a, n, _ in mapBinary(a[0], a[1], n, .boolean) { (x: T, y: T) -> UInt8 in less(x, y) ? 0 : 1 } }
        }
    }

    @inline(__always)
    static func less<T: BinaryFloatingPoint>(_ x: T, _ y: T) -> Bool { x < y || (y.isNaN && !x.isNaN) }

    private static func strings(_ name: String) -> FunctionImplementation {
        if name == "=" {
            return FunctionImplementation { a, n, _ in
                mapBinary(a[0], a[1], n, .boolean) { (x: StringView, y: StringView) -> UInt8 in x == y ? 1 : 0 }
            }
        }
        return FunctionImplementation { a, n, _ in
            mapBinary(a[0], a[1], n, .boolean) { (x: StringView, y: StringView) -> UInt8 in
                holds(name, StringView.compare(x, y)) ? 1 : 0
            }
        }
    }

    private static func nullSafe(_ a: [ColumnVector], _ rows: Int, _ equals: FunctionImplementation) throws -> ColumnVector {
        let x = a[0].flattened()
        let y = a[1].flattened()
        let same = try equals.evaluate([x, y], rows, ValidityBitmap.intersection(x.validity, y.validity)).flattened()
        let hit = same.pointer(to: UInt8.self)
        return .flat(.boolean, count: rows, as: UInt8.self) { out in
            for row in 0..<rows {
                let p = x.isNull(row)
                let q = y.isNull(row)
                out[row] = p || q ? (p && q ? 1 : 0) : hit[row]
            }
            withExtendedLifetime(same) {}
        }
    }
}

/// Spark's order of single values of one type, NULLs first. Slow: for nested values and generic code paths.
package enum ValueOrder {
    package static func compare(_ a: Scalar, _ b: Scalar) -> Int {
        switch (a, b) {
        case (.null, .null): return 0
        case (.null, _): return -1
        case (_, .null): return 1
        case (.bool(let x), .bool(let y)): return x == y ? 0 : (x ? 1 : -1)
        case (.float(let x), .float(let y)): return order(x, y)
        case (.double(let x), .double(let y)): return order(x, y)
        case (.decimal(let x, let s), .decimal(let y, let t)):
            let common = max(s, t)
            let p = DecimalArithmetic.raised(x, by: common - s) ?? x
            let q = DecimalArithmetic.raised(y, by: common - t) ?? y
            return p < q ? -1 : (p == q ? 0 : 1)
        case (.string(let x), .string(let y)): return bytes(Array(x.utf8), Array(y.utf8))
        case (.binary(let x), .binary(let y)): return bytes(x, y)
        case (.array(let x), .array(let y)), (.structure(let x), .structure(let y)):
            for (p, q) in zip(x, y) {
                let order = compare(p, q)
                if order != 0 { return order }
            }
            return x.count - y.count
        default:
            guard let x = a.int64Value, let y = b.int64Value else { return 0 }
            return x < y ? -1 : (x == y ? 0 : 1)
        }
    }

    private static func order<T: BinaryFloatingPoint>(_ x: T, _ y: T) -> Int {
        Comparisons.less(x, y) ? -1 : (Comparisons.less(y, x) ? 1 : 0)
    }

    private static func bytes(_ x: [UInt8], _ y: [UInt8]) -> Int {
        x.lexicographicallyPrecedes(y) ? -1 : (x == y ? 0 : 1)
    }
}
