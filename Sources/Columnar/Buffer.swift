#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A block of memory that columns are made of: 64-byte aligned, at least 64 readable bytes past what was asked for, its
/// content undefined until written. Written by one owner while a column is built, never after it is shared.
package final class Buffer: @unchecked Sendable {
    // Unchecked: builders write before they hand the buffer out; afterwards it is only read.
    package let base: UnsafeMutableRawPointer
    /// Usable bytes, not less than what was asked for.
    package let capacity: Int

    package init(bytes: Int) {
        let size = BufferPool.blockSize(for: bytes)
        base = BufferPool.take(size)
        capacity = size - BufferPool.slackBytes
    }

    /// A buffer whose first `zeroedBytes` are zero.
    package convenience init(zeroedBytes bytes: Int) {
        self.init(bytes: bytes)
        memset(base, 0, bytes)
    }

    deinit { BufferPool.give(base, size: capacity + BufferPool.slackBytes) }

    @inlinable package func pointer<T: BitwiseCopyable>(to: T.Type) -> UnsafeMutablePointer<T> {
        base.assumingMemoryBound(to: T.self)
    }
}

/// Keeps freed blocks of the running thread by size class: fresh blocks of 128 KB and more cost 10 to 50 times as much
/// in page faults as reused ones. A block may be freed on another thread than the one that took it.
package final class BufferPool {
    static let slackBytes = 64
    /// Classes are powers of two from 8 KB to 64 MB; smaller and larger blocks go to the system.
    private static let classShiftMin = 13, classShiftMax = 26
    /// Bytes that one thread keeps for reuse at most.
    private static let retainedBytesMax = 48 << 20

    private var free: [[UnsafeMutableRawPointer]]
    private var retainedBytes = 0

    private init() {
        free = Array(repeating: [], count: Self.classShiftMax - Self.classShiftMin + 1)
    }

    deinit { for list in free { for block in list { Self.release(block) } } }

    private static func release(_ block: UnsafeMutableRawPointer) { block.deallocate() }

    static func blockSize(for bytes: Int) -> Int {
        precondition(bytes >= 0 && bytes <= 1 << 46, "buffer size out of range")
        let needed = bytes + slackBytes
        if needed <= 1 << (classShiftMin - 1) { return (needed + 63) & ~63 }
        if needed > 1 << classShiftMax { return (needed + 4095) & ~4095 }
        return max(1 << classShiftMin, 1 << (Int.bitWidth - (needed - 1).leadingZeroBitCount))
    }

    private static func sizeClass(of size: Int) -> Int? {
        guard size >= 1 << classShiftMin, size <= 1 << classShiftMax else { return nil }
        return size.trailingZeroBitCount - classShiftMin
    }

    static func take(_ size: Int) -> UnsafeMutableRawPointer {
        if let index = sizeClass(of: size), let pool = current(), let block = pool.free[index].popLast() {
            pool.retainedBytes -= size
            return block
        }
        var block: UnsafeMutableRawPointer?
        let status = posix_memalign(&block, 64, size)
        guard status == 0, let block else { preconditionFailure("out of memory: \(size) bytes") }
        return block
    }

    static func give(_ block: UnsafeMutableRawPointer, size: Int) {
        guard let index = sizeClass(of: size), let pool = current(), pool.retainedBytes + size <= retainedBytesMax
        else {
            release(block)
            return
        }
        pool.free[index].append(block)
        pool.retainedBytes += size
    }

    // The key's destructor frees the pool of a thread that ends.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { raw in
            if let raw { Unmanaged<BufferPool>.fromOpaque(raw).release() }
        }
        return key
    }()

    private static func current() -> BufferPool? {
        if let raw = pthread_getspecific(key) { return Unmanaged<BufferPool>.fromOpaque(raw).takeUnretainedValue() }
        let pool = BufferPool()
        pthread_setspecific(key, Unmanaged.passRetained(pool).toOpaque())
        return pool
    }
}
