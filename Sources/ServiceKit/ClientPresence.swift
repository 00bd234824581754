/// Tells an operation that takes long whether anybody still waits for its answer.
package struct ClientPresence: Sendable {
    private let watch: @Sendable (_ whenGone: @escaping @Sendable () -> Void) -> Void

    /// - Parameter watch: has what it is given performed once the client has hung up.
    package init(_ watch: @escaping @Sendable (_ whenGone: @escaping @Sendable () -> Void) -> Void) { self.watch = watch }

    /// Returns when the client has hung up, or the task is cancelled.
    package func waitForEnd() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        watch { continuation.finish() }
        for await _ in stream {}
    }
}
