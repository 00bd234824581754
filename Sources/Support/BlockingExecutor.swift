import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A few plain threads for work that blocks (file I/O, fsync, process waits, query pipelines), so that it never holds
/// a thread of the cooperative pool. With one thread it runs its jobs one at a time, in order.
///
/// Threads start when there is work for them, and then stay.
package final class BlockingExecutor: TaskExecutor, SerialExecutor, @unchecked Sendable {
    // Unchecked: the variables are only touched under the monitor's lock; the threads keep the executor alive.
    private let monitor = Monitor()
    private var jobs: [() -> Void] = []
    private var head = 0
    private var stopping = false
    private var threads = 0
    /// Threads that wait for a job, counting those that have been woken for one and have not taken it yet.
    private var waiting = 0
    private let name: String
    private let threadsMax: Int

    /// - Parameter threads: how many run at once; 1 makes the executor serial, as an actor's executor must be.
    package init(name: String, threads: Int) {
        precondition(threads > 0)
        self.name = name
        threadsMax = threads
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        submit { [self] in
            job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
    }

    /// Runs `body` on one of the threads and returns what it returns.
    package func run<T: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> T) async throws(E) -> T {
        let result: Result<T, E> = await withCheckedContinuation { continuation in
            submit { continuation.resume(returning: Result(catching: body)) }
        }
        return try result.get()
    }

    /// Runs `body` on one of the threads, some time.
    package func submit(_ body: @escaping () -> Void) {
        monitor.lock()
        jobs.append(body)
        if jobs.count - head > waiting, threads < threadsMax { addThread() }
        monitor.unlock()
        monitor.wakeOne()
    }

    /// Under the lock.
    private func addThread() {
        let name = threadsMax == 1 ? name : "\(name)-\(threads)"
        let status = tryToStartThread(name: name, stackBytes: 8 << 20) { [self] in
            while let job = next() { job() }
        }
        // Short of threads, those that are there do the work.
        precondition(status == 0 || threads > 0, "cannot start a thread: \(String(cString: strerror(status)))")
        if status == 0 { threads += 1 }
    }

    /// Ends the threads once the jobs submitted so far have run. Nothing may be submitted afterwards.
    package func stop() {
        monitor.lock()
        stopping = true
        monitor.unlock()
        monitor.wakeAll()
    }

    private func next() -> (() -> Void)? {
        monitor.lock()
        waiting += 1
        while head == jobs.count, !stopping { monitor.wait() }
        waiting -= 1
        if head == jobs.count {
            monitor.unlock()
            return nil
        }
        let job = jobs[head]
        jobs[head] = {}
        head += 1
        if head == jobs.count {
            jobs.removeAll(keepingCapacity: jobs.capacity < 1024)
            head = 0
        } else if head > 1024, head * 2 > jobs.count {
            jobs.removeSubrange(..<head)
            head = 0
        }
        monitor.unlock()
        return job
    }
}

/// Starts a detached thread with a stack of the given size.
package func startThread(name: String, stackBytes: Int, _ body: @escaping () -> Void) {
    let status = tryToStartThread(name: name, stackBytes: stackBytes, body)
    precondition(status == 0, "cannot start a thread: \(String(cString: strerror(status)))")
}

/// - Returns: 0, or why there is no thread.
private func tryToStartThread(name: String, stackBytes: Int, _ body: @escaping () -> Void) -> Int32 {
    final class Start { let name: String; let body: () -> Void; init(_ n: String, _ b: @escaping () -> Void) { name = n; body = b } }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackBytes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Start(name, body))
    let status = pthread_create(&thread, &attributes, { raw in
        guard let raw else { return nil }
        let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
        nameThread(start.name)
        start.body()
        return nil
    }, argument.toOpaque())
    pthread_attr_destroy(&attributes)
    if status != 0 { argument.release() }
    return status
}

/// Shows `name` (its first 15 bytes) for the calling thread in `top -H` and `perf`.
private func nameThread(_ name: String) {
    let descriptor = open("/proc/thread-self/comm", O_WRONLY)
    guard descriptor >= 0 else { return }
    _ = name.withCString { write(descriptor, $0, min(15, strlen($0))) }
    close(descriptor)
}
