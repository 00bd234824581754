import Synchronization

/// The memory that one query may use. Operators reserve before they allocate what grows with their input.
package final class MemoryPool: Sendable {
    package let limitBytes: Int
    private let used = Atomic<Int>(0)

    package init(limitBytes: Int) { self.limitBytes = limitBytes }

    package static let unlimited = MemoryPool(limitBytes: .max)

    package var usedBytes: Int { used.load(ordering: .relaxed) }

    package func reservation(_ owner: String) -> MemoryReservation { MemoryReservation(pool: self, owner: owner) }

    fileprivate func take(_ bytes: Int, owner: String) throws(SparkError) {
        let (_, new) = used.wrappingAdd(bytes, ordering: .relaxed)
        if new > limitBytes {
            used.wrappingSubtract(bytes, ordering: .relaxed)
            throw SparkError(
                condition: "UNABLE_TO_ACQUIRE_MEMORY", sqlState: "53200",
                message: "Unable to acquire \(bytes) bytes of memory for \(owner); \(new &- bytes) of \(limitBytes) are in use.")
        }
    }

    fileprivate func give(_ bytes: Int) { used.wrappingSubtract(bytes, ordering: .relaxed) }
}

/// What one operator holds of a pool; given back when it is released.
package final class MemoryReservation {
    private let pool: MemoryPool
    private let owner: String
    package private(set) var bytes = 0

    fileprivate init(pool: MemoryPool, owner: String) {
        self.pool = pool
        self.owner = owner
    }

    deinit { pool.give(bytes) }

    /// Sets what is held.
    ///
    /// - Throws: `SparkError` `UNABLE_TO_ACQUIRE_MEMORY` when the pool's limit would be exceeded; what was held stays.
    package func resize(to newBytes: Int) throws(SparkError) {
        if newBytes > bytes {
            try pool.take(newBytes - bytes, owner: owner)
        } else {
            pool.give(bytes - newBytes)
        }
        bytes = newBytes
    }
}
