/// Which rows hold a value: bit `i % 64` of word `i / 64` is 1 for a value, 0 for NULL. Bits from `count` on are
/// undefined. A column without a bitmap has no NULL.
package struct ValidityBitmap: Sendable {
    package let buffer: Buffer
    package let count: Int
    package let nullCount: Int

    @inlinable package var words: UnsafePointer<UInt64> { UnsafePointer(buffer.pointer(to: UInt64.self)) }

    /// Takes over a buffer of at least `wordCount(count)` words.
    package init(buffer: Buffer, count: Int) {
        self.buffer = buffer
        self.count = count
        var valid = 0
        let words = buffer.pointer(to: UInt64.self)
        for index in 0..<(count / 64) { valid += words[index].nonzeroBitCount }
        if count % 64 != 0 { valid += (words[count / 64] & ((1 << UInt64(count % 64)) - 1)).nonzeroBitCount }
        nullCount = count - valid
    }

    /// One byte a row, zero for NULL.
    package init(validBytes bytes: UnsafeBufferPointer<UInt8>) {
        let buffer = Buffer(bytes: Self.wordCount(bytes.count) * 8)
        let words = buffer.pointer(to: UInt64.self)
        var index = 0
        while index < bytes.count {
            var word: UInt64 = 0
            let end = min(64, bytes.count - index)
            for bit in 0..<end where bytes[index + bit] != 0 { word |= 1 << UInt64(bit) }
            words[index / 64] = word
            index += 64
        }
        self.init(buffer: buffer, count: bytes.count)
    }

    /// All rows valid, or all NULL.
    package init(count: Int, valid: Bool) {
        buffer = Buffer(bytes: Self.wordCount(count) * 8)
        let words = buffer.pointer(to: UInt64.self)
        for index in 0..<Self.wordCount(count) { words[index] = valid ? .max : 0 }
        self.count = count
        nullCount = valid ? 0 : count
    }

    @inlinable package static func wordCount(_ count: Int) -> Int { (count + 63) / 64 }

    @inlinable package func isValid(_ row: Int) -> Bool {
        words[row >> 6] & (1 << UInt64(row & 63)) != 0
    }

    /// Valid where both are; nil stands for all valid. The counts must be equal.
    package static func intersection(_ a: ValidityBitmap?, _ b: ValidityBitmap?) -> ValidityBitmap? {
        guard let a else { return b }
        guard let b, b.buffer !== a.buffer else { return a }
        precondition(a.count == b.count, "validity of different lengths")
        let buffer = Buffer(bytes: wordCount(a.count) * 8)
        let words = buffer.pointer(to: UInt64.self)
        for index in 0..<wordCount(a.count) { words[index] = a.words[index] & b.words[index] }
        return ValidityBitmap(buffer: buffer, count: a.count)
    }

    /// The rows `range`, moved to the front; nil when none of them is NULL.
    package func slice(_ range: Range<Int>) -> ValidityBitmap? {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice out of bounds")
        let result = Buffer(bytes: Self.wordCount(range.count) * 8)
        let out = result.pointer(to: UInt64.self)
        let shift = UInt64(range.lowerBound % 64)
        let first = range.lowerBound / 64
        let last = Self.wordCount(count) - 1
        for index in 0..<Self.wordCount(range.count) {
            let low = words[first + index] >> shift
            let high = shift == 0 || first + index + 1 > last ? 0 : words[first + index + 1] << (64 - shift)
            out[index] = low | high
        }
        let bitmap = ValidityBitmap(buffer: result, count: range.count)
        return bitmap.nullCount == 0 ? nil : bitmap
    }
}

/// Collects validity while a column grows; holds no memory until the first NULL.
package struct ValidityBuilder {
    private var buffer: Buffer?
    private var capacity = 0
    package private(set) var hasNulls = false

    package init() {}

    /// Marks `row` as NULL. Rows never marked are valid.
    package mutating func setNull(_ row: Int) {
        if row >= capacity { grow(row + 1) }
        hasNulls = true
        guard let words = buffer?.pointer(to: UInt64.self) else { return }
        words[row >> 6] &= ~(1 << UInt64(row & 63))
    }

    private mutating func grow(_ rows: Int) {
        let newCapacity = max(2048, max(rows, capacity * 2) + 63) & ~63
        let bigger = Buffer(bytes: newCapacity / 8)
        let words = bigger.pointer(to: UInt64.self)
        let old = capacity / 64
        if let buffer { words.update(from: buffer.pointer(to: UInt64.self), count: old) }
        for index in old..<(newCapacity / 64) { words[index] = .max }
        buffer = bigger
        capacity = newCapacity
    }

    /// The bitmap of the first `count` rows; nil when no row was marked. The builder is empty afterwards.
    package mutating func finish(count: Int) -> ValidityBitmap? {
        guard hasNulls else { return nil }
        if count > capacity { grow(count) }
        guard let buffer else { return nil }
        self = ValidityBuilder()
        return ValidityBitmap(buffer: buffer, count: count)
    }
}
