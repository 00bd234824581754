#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A mutex, and what threads wait for under it. For threads that may block, not for tasks.
package final class Monitor: @unchecked Sendable {
    // Unchecked: the pointers never change, and what they point to is made for use by many threads.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func lock() { pthread_mutex_lock(mutex) }

    package func unlock() { pthread_mutex_unlock(mutex) }

    /// Under the lock, which is given up while waiting: until a wake, or earlier for no reason.
    package func wait() { pthread_cond_wait(condition, mutex) }

    package func wakeOne() { pthread_cond_signal(condition) }

    package func wakeAll() { pthread_cond_broadcast(condition) }
}
