import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Runs `body` on the cooperative pool and waits for it on the calling thread, which must not be one of that pool:
/// a plain thread, such as those of a query's workers.
package func runBlocking<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
    let waiter = Waiter<T>()
    Task.detached {
        do {
            waiter.resume(.success(try await body()))
        } catch {
            waiter.resume(.failure(error))
        }
    }
    return try waiter.wait().get()
}

private final class Waiter<T: Sendable>: @unchecked Sendable {
    // Unchecked: the semaphore is made to be shared; `result` is guarded by its mutex.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let result = Mutex<Result<T, any Error>?>(nil)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func resume(_ value: Result<T, any Error>) {
        result.withLock { $0 = value }
        sem_post(semaphore)
    }

    func wait() -> Result<T, any Error> {
        while true {
            while sem_wait(semaphore) != 0 {}  // Interrupted by a signal.
            if let value = result.withLock({ $0 }) { return value }
        }
    }
}
