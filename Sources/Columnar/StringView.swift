#if canImport(Glibc)
package import Glibc
#else
package import Musl
#endif

/// A string's or binary's bytes in 16 bytes, the only form in memory.
///
///     up to 12 bytes:  length u32 | bytes, zero padded ................|
///     longer:          length u32 | first 4 bytes | address of all bytes u64 |
///
/// The address already has its buffer's base added, so that a read takes one step and a gather copies 16 bytes; the
/// column that holds the view also holds the buffers (`ColumnVector.heaps`) and keeps them alive. Strings of more than
/// 2 GB cannot be held.
package struct StringView: Sendable, BitwiseCopyable {
    /// Length in the low half, first four bytes in the high half.
    @usableFromInline package let head: UInt64
    /// Bytes 4 to 11, or the address.
    @usableFromInline package let tail: UInt64

    package static let inlineBytesMax = 12
    package static let empty = StringView(head: 0, tail: 0)

    @inlinable package init(head: UInt64, tail: UInt64) {
        self.head = head
        self.tail = tail
    }

    /// A view of `count` bytes that stay where they are as long as the view lives. Short strings are copied into it.
    @inlinable package init(bytes: UnsafePointer<UInt8>, count: Int) {
        let raw = UnsafeRawPointer(bytes)
        if count > 12 {
            let prefix = raw.loadUnaligned(as: UInt32.self)
            self.init(head: UInt64(UInt32(truncatingIfNeeded: count)) | UInt64(prefix) << 32, tail: UInt64(UInt(bitPattern: bytes)))
            return
        }
        var low: UInt64 = 0
        var high: UInt64 = 0
        if count >= 8 {
            low = raw.loadUnaligned(as: UInt64.self)
            let last = UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            high = count == 8 ? 0 : last >> UInt64((12 - count) * 8)
        } else if count >= 4 {
            let first = UInt64(raw.loadUnaligned(as: UInt32.self))
            let last = UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            low = first | (last << UInt64((count - 4) * 8))
        } else if count > 0 {
            low = UInt64(bytes[0])
            if count > 1 { low |= UInt64(bytes[1]) << 8 }
            if count > 2 { low |= UInt64(bytes[2]) << 16 }
        }
        self.init(head: UInt64(count) | (low & 0xFFFF_FFFF) << 32, tail: low >> 32 | high << 32)
    }

    @inlinable package var count: Int { Int(head & 0xFFFF_FFFF) }
    @inlinable package var isInline: Bool { head & 0xFFFF_FFFF <= 12 }
    @inlinable package var address: UnsafePointer<UInt8>? { UnsafePointer(bitPattern: UInt(tail)) }

    /// Calls `body` with the bytes, valid during the call only.
    @inlinable package func withBytes<R, E: Error>(_ body: (UnsafeBufferPointer<UInt8>) throws(E) -> R) throws(E) -> R {
        if isInline {
            return try withUnsafePointer(to: self) { (pointer) throws(E) in
                try body(UnsafeBufferPointer(start: Self.data(of: pointer), count: count))
            }
        }
        return try body(UnsafeBufferPointer(start: address, count: count))
    }

    /// The first byte of the view that lies at `pointer`; for an inline view it is part of the view itself.
    @inlinable package static func data(of pointer: UnsafePointer<StringView>) -> UnsafePointer<UInt8> {
        if !pointer.pointee.isInline, let address = pointer.pointee.address { return address }
        return UnsafeRawPointer(pointer).assumingMemoryBound(to: UInt8.self) + 4
    }

    package var bytes: [UInt8] { withBytes { Array($0) } }
    /// Broken UTF-8 becomes U+FFFD.
    package var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    @inlinable package static func == (a: StringView, b: StringView) -> Bool {
        if a.head != b.head { return false }
        if a.tail == b.tail { return true }
        if a.isInline { return false }
        guard let x = a.address, let y = b.address else { return false }
        return memcmp(x, y, a.count) == 0
    }

    /// Order by unsigned bytes, shorter first: negative, zero or positive.
    @inlinable package static func compare(_ a: StringView, _ b: StringView) -> Int {
        let x = UInt32(truncatingIfNeeded: a.head >> 32).byteSwapped
        let y = UInt32(truncatingIfNeeded: b.head >> 32).byteSwapped
        if x != y { return x < y ? -1 : 1 }
        return a.withBytes { p in
            b.withBytes { q in
                let n = min(p.count, q.count)
                if n > 4, let s = p.baseAddress, let t = q.baseAddress {
                    let order = memcmp(s, t, n)
                    if order != 0 { return Int(order) }
                }
                return p.count - q.count
            }
        }
    }
}
