import Support

extension BlockingExecutor {
    /// Runs `body` on the calling thread and `other` on another of these threads, or on the calling one when none comes to
    /// it before `body` is done. So threads that all fork at once never wait for each other.
    ///
    /// - Parameter other: not called any more when this returns.
    func runBoth<T: Sendable>(_ body: () -> Void, _ other: @escaping @Sendable () -> T) -> T {
        let fork = Fork(other)
        submit { fork.run() }
        body()
        fork.run()
        return fork.result()
    }
}

/// A function that whoever comes first runs.
private final class Fork<T: Sendable>: @unchecked Sendable {
    // Unchecked: the variables are only touched under the monitor's lock.
    private let monitor = Monitor()
    private var function: (@Sendable () -> T)?
    private var value: T?

    init(_ function: @escaping @Sendable () -> T) { self.function = function }

    func run() {
        monitor.lock()
        let function = function
        self.function = nil
        monitor.unlock()
        guard let function else { return }
        let value = function()
        monitor.lock()
        self.value = value
        monitor.unlock()
        monitor.wakeAll()
    }

    /// Waits until somebody has run it.
    func result() -> T {
        monitor.lock()
        defer { monitor.unlock() }
        while true {
            if let value { return value }
            monitor.wait()
        }
    }
}
