import Columnar
import SparkPlan

// The one hash table of grouping, DISTINCT and joins.
//
// Keys are normalised to rows of 64-bit words, so that equality is equality of words except for long strings:
//
//     word 0      one bit per key column: NULL
//     then        one word for values of up to 8 bytes; two for Int128 and for strings (a `StringView`)
//
// NaNs are made one, -0.0 becomes 0.0, NULL has zero words. Keys of more than 64 columns, and nested ones, are refused.
// Distinct keys are numbered in order of their first row and kept densely, their hashes aside; `slots` maps by linear
// probing, each slot holding the upper half of the hash and the number + 1. A batch is encoded and hashed first, then
// probed, so that the loops stay small.

/// Encodes the key columns of a batch.
struct KeyEncoder {
    let types: [DataType]
    /// Words of a key row.
    let width: Int
    /// Word positions of strings.
    private let stringWords: [Int]
    private let wordOf: [Int]

    init(_ types: [DataType]) throws {
        guard types.count <= 64 else { throw SparkError.unsupported("more than 64 grouping or join keys") }
        self.types = types
        var next = 1
        var strings: [Int] = []
        var words: [Int] = []
        for type in types {
            words.append(next)
            switch type.physicalType {
            case .list, .map, .structure: throw SparkError.unsupported("grouping or joining by values of type \(type.sql)")
            case .view:
                strings.append(next)
                next += 2
            case .int128: next += 2
            default: next += 1
            }
        }
        width = next
        stringWords = strings
        wordOf = words
    }

    /// Key rows and hashes of a batch. `columns` are kept alive by the result.
    func encode(_ columns: [ColumnVector], rows: Int) -> EncodedKeys {
        let buffer = Buffer(zeroedBytes: rows * width * 8)
        let words = buffer.pointer(to: UInt64.self)
        var flats: [ColumnVector] = []
        for (index, column) in columns.enumerated() {
            let flat = column.flattened()
            flats.append(flat)
            let out = words + wordOf[index]
            switch flat.physicalType {
            case .bool, .int8: copy(flat, UInt8.self, out, rows)
            case .int16: copy(flat, UInt16.self, out, rows)
            case .int32: copy(flat, UInt32.self, out, rows)
            case .int64: copy(flat, UInt64.self, out, rows)
            case .float:
                let x = flat.pointer(to: Float.self)
                for row in 0..<rows {
                    out[row * width] = x[row] == 0 ? 0 : x[row].isNaN ? 0x7FC0_0000 : UInt64(x[row].bitPattern)
                }
            case .double:
                let x = flat.pointer(to: Double.self)
                for row in 0..<rows {
                    out[row * width] = x[row] == 0 ? 0 : x[row].isNaN ? 0x7FF8_0000_0000_0000 : x[row].bitPattern
                }
            case .int128:
                let x = flat.pointer(to: UInt128.self)
                for row in 0..<rows {
                    out[row * width] = UInt64(truncatingIfNeeded: x[row])
                    out[row * width + 1] = UInt64(truncatingIfNeeded: x[row] >> 64)
                }
            case .view:
                let x = flat.pointer(to: StringView.self)
                for row in 0..<rows {
                    out[row * width] = x[row].head
                    out[row * width + 1] = x[row].tail
                }
            case .null, .list, .map, .structure: break
            }
            if let validity = flat.validity {
                let size = flat.physicalType == .view || flat.physicalType == .int128 ? 2 : 1
                for row in 0..<rows where !validity.isValid(row) {
                    words[row * width] |= 1 << UInt64(index)
                    for word in 0..<size { out[row * width + word] = 0 }
                }
            }
        }
        return EncodedKeys(buffer: buffer, rows: rows, columns: flats, hashes: hashes(words, rows))
    }

    private func copy<T: FixedWidthInteger & BitwiseCopyable>(
        _ column: ColumnVector, _: T.Type, _ out: UnsafeMutablePointer<UInt64>, _ rows: Int
    ) {
        let x = column.pointer(to: T.self)
        let width = width
        for row in 0..<rows { out[row * width] = UInt64(truncatingIfNeeded: x[row]) }
    }

    private func hashes(_ words: UnsafeMutablePointer<UInt64>, _ rows: Int) -> [UInt64] {
        let width = width
        let strings = stringWords
        return Array(unsafeUninitializedCapacity: rows) { out, count in
            for row in 0..<rows {
                let key = words + row * width
                var h: UInt64 = 0x9E37_79B9_7F4A_7C15
                if strings.isEmpty {
                    for word in 0..<width { h = mix(h, key[word]) }
                } else {
                    var nextString = 0
                    var word = 0
                    while word < width {
                        if nextString < strings.count, strings[nextString] == word {
                            nextString += 1
                            h = mix(h, key[word])
                            let view = StringView(head: key[word], tail: key[word + 1])
                            h = view.isInline ? mix(h, key[word + 1]) : view.withBytes { hashBytes($0, h) }
                            word += 2
                        } else {
                            h = mix(h, key[word])
                            word += 1
                        }
                    }
                }
                out[row] = h ^ h >> 32
            }
            count = rows
        }
    }

    @inline(__always)
    private func mix(_ h: UInt64, _ x: UInt64) -> UInt64 {
        let (high, low) = (h ^ x ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB ^ h)
        return high ^ low
    }

    private func hashBytes(_ bytes: UnsafeBufferPointer<UInt8>, _ seed: UInt64) -> UInt64 {
        var h = seed
        var index = 0
        let raw = UnsafeRawBufferPointer(bytes)
        while index + 8 <= raw.count {
            h = mix(h, raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        // A string of more than 12 bytes: the last 8 cover the rest.
        if index < raw.count { h = mix(h, raw.loadUnaligned(fromByteOffset: raw.count - 8, as: UInt64.self)) }
        return h
    }

    @inline(__always)
    func equal(_ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>) -> Bool {
        if stringWords.isEmpty {
            for word in 0..<width where a[word] != b[word] { return false }
            return true
        }
        var nextString = 0
        var word = 0
        while word < width {
            if nextString < stringWords.count, stringWords[nextString] == word {
                nextString += 1
                if !(StringView(head: a[word], tail: a[word + 1]) == StringView(head: b[word], tail: b[word + 1])) { return false }
                word += 2
            } else {
                if a[word] != b[word] { return false }
                word += 1
            }
        }
        return true
    }

    /// Moves the bytes of long strings of a key row into `heap`.
    func own(_ key: UnsafeMutablePointer<UInt64>, _ heap: StringHeap) {
        for word in stringWords {
            let view = StringView(head: key[word], tail: key[word + 1])
            guard !view.isInline, let address = view.address else { continue }
            key[word + 1] = heap.store(address, count: view.count).tail
        }
    }

    /// Key rows back to columns.
    func decode(_ words: UnsafePointer<UInt64>, _ range: Range<Int>, heaps: [Buffer]) -> [ColumnVector] {
        types.indices.map { index in
            let type = types[index]
            let rows = range.count
            let base = words + range.lowerBound * width
            var nulls = ValidityBuilder()
            for row in 0..<rows where base[row * width] >> UInt64(index) & 1 != 0 { nulls.setNull(row) }
            let mask = nulls.finish(count: rows)
            let source = base + wordOf[index]
            func integers<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> ColumnVector {
                .flat(type, count: rows, validity: mask, as: T.self) { out in
                    for row in 0..<rows { out[row] = T(truncatingIfNeeded: source[row * width]) }
                }
            }
            switch type.physicalType {
            case .bool, .int8: return integers(UInt8.self)
            case .int16: return integers(UInt16.self)
            case .int32, .float: return integers(UInt32.self)
            case .int64, .double: return integers(UInt64.self)
            case .int128, .view:
                return .flat(type, count: rows, validity: mask, heaps: heaps, as: StringView.self) { out in
                    for row in 0..<rows { out[row] = StringView(head: source[row * width], tail: source[row * width + 1]) }
                }
            default: return .nulls(type, count: rows)
            }
        }
    }
}

struct EncodedKeys {
    let buffer: Buffer
    let rows: Int
    /// Keeps alive what strings in the rows point to.
    let columns: [ColumnVector]
    let hashes: [UInt64]

    var words: UnsafeMutablePointer<UInt64> { buffer.pointer(to: UInt64.self) }

    /// Whether any key column of a row is NULL, apart from those in `except`, a mask of columns.
    func hasNull(_ row: Int, width: Int, except: UInt64 = 0) -> Bool { words[row * width] & ~except != 0 }
}

/// Distinct keys, numbered from 0 in order of first appearance.
final class KeyTable {
    let encoder: KeyEncoder
    private(set) var count = 0
    private var keys: Buffer
    private var capacity = 1024
    private var hashes: [UInt64] = []
    private var slots: [UInt64]
    private let heap = StringHeap()
    /// More keys than this cannot be numbered.
    private static let countMax = Int(Int32.max) - 1

    init(_ types: [DataType]) throws {
        encoder = try KeyEncoder(types)
        keys = Buffer(bytes: capacity * encoder.width * 8)
        slots = Array(repeating: 0, count: 2048)
    }

    var byteSize: Int { keys.capacity + slots.count * 8 + hashes.capacity * 8 + heap.byteSize }

    /// The number of each row's key, new keys added.
    func insert(_ encoded: EncodedKeys, into numbers: inout [Int32]) throws {
        let width = encoder.width
        numbers.removeAll(keepingCapacity: true)
        numbers.reserveCapacity(encoded.rows)
        guard count + encoded.rows < Self.countMax else { throw SparkError.unsupported("more than 2^31 groups") }
        for row in 0..<encoded.rows {
            if (count + 1) * 2 > slots.count { grow() }
            let hash = encoded.hashes[row]
            let key = encoded.words + row * width
            let mask = slots.count - 1
            var slot = Int(truncatingIfNeeded: hash) & mask
            while true {
                let entry = slots[slot]
                if entry == 0 {
                    let number = add(key, hash)
                    slots[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(number + 1)
                    numbers.append(Int32(truncatingIfNeeded: number))
                    break
                }
                if (entry ^ hash) >> 32 == 0 {
                    let number = Int(entry & 0xFFFF_FFFF) - 1
                    if encoder.equal(keys.pointer(to: UInt64.self) + number * width, key) {
                        numbers.append(Int32(truncatingIfNeeded: number))
                        break
                    }
                }
                slot = (slot + 1) & mask
            }
        }
    }

    /// The number of each row's key, -1 when it is not there. Safe to call from several threads.
    func find(_ encoded: EncodedKeys, into numbers: inout [Int32]) {
        let width = encoder.width
        numbers.removeAll(keepingCapacity: true)
        numbers.reserveCapacity(encoded.rows)
        let mask = slots.count - 1
        let words = keys.pointer(to: UInt64.self)
        slots.withUnsafeBufferPointer { slots in
            for row in 0..<encoded.rows {
                let hash = encoded.hashes[row]
                var slot = Int(truncatingIfNeeded: hash) & mask
                var found: Int32 = -1
                while slots[slot] != 0 {
                    let entry = slots[slot]
                    if (entry ^ hash) >> 32 == 0 {
                        let number = Int(entry & 0xFFFF_FFFF) - 1
                        if encoder.equal(words + number * width, encoded.words + row * width) {
                            found = Int32(truncatingIfNeeded: number)
                            break
                        }
                    }
                    slot = (slot + 1) & mask
                }
                numbers.append(found)
            }
        }
    }

    /// Keys by number, as columns.
    func decode(_ range: Range<Int>) -> [ColumnVector] {
        encoder.decode(UnsafePointer(keys.pointer(to: UInt64.self)), range, heaps: heap.blocks)
    }

    /// All keys as an encoded batch, for insertion into another table.
    func encodedKeys() -> EncodedKeys { EncodedKeys(buffer: keys, rows: count, columns: decode(0..<min(count, 1)), hashes: hashes) }

    private func add(_ key: UnsafeMutablePointer<UInt64>, _ hash: UInt64) -> Int {
        let width = encoder.width
        if count == capacity {
            let bigger = Buffer(bytes: capacity * 2 * width * 8)
            bigger.pointer(to: UInt64.self).update(from: keys.pointer(to: UInt64.self), count: count * width)
            keys = bigger
            capacity *= 2
        }
        let stored = keys.pointer(to: UInt64.self) + count * width
        stored.update(from: key, count: width)
        encoder.own(stored, heap)
        hashes.append(hash)
        count += 1
        return count - 1
    }

    private func grow() {
        var bigger = [UInt64](repeating: 0, count: slots.count * 2)
        let mask = bigger.count - 1
        for number in 0..<count {
            var slot = Int(truncatingIfNeeded: hashes[number]) & mask
            while bigger[slot] != 0 { slot = (slot + 1) & mask }
            bigger[slot] = hashes[number] & 0xFFFF_FFFF_0000_0000 | UInt64(number + 1)
        }
        slots = bigger
    }
}
