import Columnar
import SparkPlan

/// Spark's `hash` (Murmur3, seed 42) and `xxhash64` (seed 42), bit for bit: NULL arguments leave the hash as it is.
enum HashFunctions {
    static func find(_ c: FunctionContext) throws -> FunctionImplementation? {
        switch c.name {
        case "hash":
            return FunctionImplementation(strict: false) { a, n, _ in
                var hashes = [Int32](repeating: 42, count: n)
                for column in a { try murmur(column.flattened(), &hashes) }
                return .flat(.int, count: n, as: Int32.self) { out in for row in 0..<n { out[row] = hashes[row] } }
            }
        case "xxhash64":
            return FunctionImplementation(strict: false) { a, n, _ in
                var hashes = [UInt64](repeating: 42, count: n)
                for column in a { try xx(column.flattened(), &hashes) }
                return .flat(.long, count: n, as: Int64.self) { out in for row in 0..<n { out[row] = Int64(bitPattern: hashes[row]) } }
            }
        case "crc32" where c.count == 1:
            return FunctionImplementation { a, n, valid in
                let text = StringReader(a[0])
                return try tryMapRows(n, .long, valid, zero: Int64.zero, failure: nil) { Int64(CRC32.checksum(text[$0])) }
            }
        default: return nil
        }
    }

    /// A column as 32-bit or 64-bit words or bytes, the way Spark feeds its hashes.
    private static func feed(
        _ column: ColumnVector, int: (Int, Int32) -> Void, long: (Int, Int64) -> Void,
        bytes: (Int, UnsafeBufferPointer<UInt8>) -> Void
    ) throws {
        let rows = column.count
        func each(_ body: (Int) -> Void) { for row in 0..<rows where !column.isNull(row) { body(row) } }
        switch column.dataType {
        case .boolean: each { int($0, Int32(column.pointer(to: UInt8.self)[$0])) }
        case .byte: each { int($0, Int32(column.pointer(to: Int8.self)[$0])) }
        case .short: each { int($0, Int32(column.pointer(to: Int16.self)[$0])) }
        case .int, .date, .yearMonthInterval: each { int($0, column.pointer(to: Int32.self)[$0]) }
        case .long, .timestamp, .timestampNTZ, .dayTimeInterval: each { long($0, column.pointer(to: Int64.self)[$0]) }
        case .float:
            each {
                let x = column.pointer(to: Float.self)[$0]
                int($0, Int32(bitPattern: x == 0 ? 0 : x.isNaN ? 0x7FC0_0000 : x.bitPattern))
            }
        case .double:
            each {
                let x = column.pointer(to: Double.self)[$0]
                long($0, Int64(bitPattern: x == 0 ? 0 : x.isNaN ? 0x7FF8_0000_0000_0000 : x.bitPattern))
            }
        case .decimal:
            if column.physicalType == .int64 {
                each { long($0, column.pointer(to: Int64.self)[$0]) }
            } else {
                each { row in
                    // Java's BigInteger.toByteArray: big-endian, as few bytes as hold the sign.
                    let value = column.pointer(to: Int128.self)[row]
                    var list: [UInt8] = []
                    var rest = value
                    repeat {
                        list.append(UInt8(truncatingIfNeeded: rest))
                        rest >>= 8
                    } while !((rest == 0 && list[list.count - 1] < 0x80) || (rest == -1 && list[list.count - 1] >= 0x80))
                    list.reverse()
                    list.withUnsafeBufferPointer { bytes(row, $0) }
                }
            }
        case .string, .binary:
            let text = StringReader(column)
            each { bytes($0, text[$0]) }
        case .null: break
        default: throw SparkError.unsupported("a hash of values of type \(column.dataType.sql)")
        }
    }

    private static func murmur(_ column: ColumnVector, _ hashes: inout [Int32]) throws {
        try hashes.withUnsafeMutableBufferPointer { h in
            let out = h
            try feed(
                column,
                int: { row, x in
                    out[row] = finish(mix(UInt32(bitPattern: out[row]), UInt32(bitPattern: x)), 4)
                },
                long: { row, x in
                    let u = UInt64(bitPattern: x)
                    let first = mix(UInt32(bitPattern: out[row]), UInt32(truncatingIfNeeded: u))
                    out[row] = finish(mix(first, UInt32(truncatingIfNeeded: u >> 32)), 8)
                },
                bytes: { row, b in
                    var h = UInt32(bitPattern: out[row])
                    let aligned = b.count & ~3
                    var i = 0
                    while i < aligned {
                        h = mix(h, UnsafeRawBufferPointer(b).loadUnaligned(fromByteOffset: i, as: UInt32.self))
                        i += 4
                    }
                    while i < b.count {
                        h = mix(h, UInt32(bitPattern: Int32(Int8(bitPattern: b[i]))))
                        i += 1
                    }
                    out[row] = finish(h, UInt32(b.count))
                })
        }
    }

    private static func mix(_ h: UInt32, _ k: UInt32) -> UInt32 {
        var k = k &* 0xCC9E_2D51
        k = (k << 15 | k >> 17) &* 0x1B87_3593
        let x = h ^ k
        return (x << 13 | x >> 19) &* 5 &+ 0xE654_6B64
    }

    private static func finish(_ h: UInt32, _ length: UInt32) -> Int32 {
        var x = h ^ length
        x ^= x >> 16
        x = x &* 0x85EB_CA6B
        x ^= x >> 13
        x = x &* 0xC2B2_AE35
        return Int32(bitPattern: x ^ x >> 16)
    }

    private static let p1: UInt64 = 0x9E37_79B1_85EB_CA87, p2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let p3: UInt64 = 0x1656_67B1_9E37_79F9, p4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let p5: UInt64 = 0x27D4_EB2F_1656_67C5

    private static func xx(_ column: ColumnVector, _ hashes: inout [UInt64]) throws {
        try hashes.withUnsafeMutableBufferPointer { h in
            let out = h
            try feed(
                column,
                int: { row, x in
                    var v = out[row] &+ p5 &+ 4
                    v ^= UInt64(UInt32(bitPattern: x)) &* p1
                    out[row] = avalanche(rotate(v, 23) &* p2 &+ p3)
                },
                long: { row, x in
                    var v = out[row] &+ p5 &+ 8
                    v ^= rotate(UInt64(bitPattern: x) &* p2, 31) &* p1
                    out[row] = avalanche(rotate(v, 27) &* p1 &+ p4)
                },
                bytes: { row, b in out[row] = xxBytes(b, out[row]) })
        }
    }

    private static func rotate(_ x: UInt64, _ n: UInt64) -> UInt64 { x << n | x >> (64 - n) }

    private static func avalanche(_ v: UInt64) -> UInt64 {
        var x = v
        x ^= x >> 33
        x = x &* p2
        x ^= x >> 29
        x = x &* p3
        return x ^ x >> 32
    }

    private static func xxBytes(_ b: UnsafeBufferPointer<UInt8>, _ seed: UInt64) -> UInt64 {
        var i = 0
        var v = seed &+ p5
        func word(_ at: Int) -> UInt64 { UnsafeRawBufferPointer(b).loadUnaligned(fromByteOffset: at, as: UInt64.self) }
        if b.count >= 32 {
            var a = (seed &+ p1 &+ p2, seed &+ p2, seed, seed &- p1)
            while i <= b.count - 32 {
                a.0 = rotate(a.0 &+ word(i) &* p2, 31) &* p1
                a.1 = rotate(a.1 &+ word(i + 8) &* p2, 31) &* p1
                a.2 = rotate(a.2 &+ word(i + 16) &* p2, 31) &* p1
                a.3 = rotate(a.3 &+ word(i + 24) &* p2, 31) &* p1
                i += 32
            }
            v = rotate(a.0, 1) &+ rotate(a.1, 7) &+ rotate(a.2, 12) &+ rotate(a.3, 18)
            for lane in [a.0, a.1, a.2, a.3] { v = (v ^ rotate(lane &* p2, 31) &* p1) &* p1 &+ p4 }
        }
        v = v &+ UInt64(b.count)
        while i + 8 <= b.count {
            v = rotate(v ^ rotate(word(i) &* p2, 31) &* p1, 27) &* p1 &+ p4
            i += 8
        }
        if i + 4 <= b.count {
            let w = UnsafeRawBufferPointer(b).loadUnaligned(fromByteOffset: i, as: UInt32.self)
            v = rotate(v ^ UInt64(w) &* p1, 23) &* p2 &+ p3
            i += 4
        }
        while i < b.count {
            v = rotate(v ^ UInt64(b[i]) &* p5, 11) &* p1
            i += 1
        }
        return avalanche(v)
    }
}

/// CRC-32 as in zlib.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { byte in
        var c = UInt32(byte)
        for _ in 0..<8 { c = c & 1 != 0 ? 0xEDB8_8320 ^ c >> 1 : c >> 1 }
        return c
    }

    static func checksum(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var c: UInt32 = .max
        for byte in bytes { c = table[Int((c ^ UInt32(byte)) & 0xFF)] ^ c >> 8 }
        return ~c
    }
}
