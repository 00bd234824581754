/// When and how often a request is sent again. Waiting doubles each time up to a limit, and a random part of it is
/// taken, so that many clients do not come back at once.
package struct RetryPolicy: Sendable, Hashable {
    /// Answers that ask for patience (throttling, 5xx) are taken this many times in all.
    package var attemptsMax: Int
    /// How long failures to connect, and lost connections of repeatable requests, are borne, from the first one on.
    package var connectionPatience: Duration
    package var firstDelay: Duration
    package var delayMax: Duration

    package init(
        attemptsMax: Int = 6, connectionPatience: Duration = .seconds(10), firstDelay: Duration = .milliseconds(50),
        delayMax: Duration = .seconds(5)
    ) {
        self.attemptsMax = attemptsMax
        self.connectionPatience = connectionPatience
        self.firstDelay = firstDelay
        self.delayMax = delayMax
    }

    /// For jobs, which shall outlive a restart of the server.
    package static let patient = RetryPolicy(attemptsMax: 12, connectionPatience: .seconds(120))
}

/// What has been tried for one request.
package struct RetryState: Sendable {
    private let policy: RetryPolicy
    private var failures = 0
    private var answers = 1
    private var firstFailure: ContinuousClock.Instant?

    package init(_ policy: RetryPolicy) { self.policy = policy }

    /// Waits before the next attempt after an answer that asks for one; false when there shall be none.
    ///
    /// - Throws: `CancellationError`.
    package mutating func waitAfterAnswer() async throws -> Bool {
        guard answers < policy.attemptsMax else { return false }
        answers += 1
        try await wait()
        return true
    }

    /// Waits before the next attempt after a connection failure; false when there shall be none.
    ///
    /// - Throws: `CancellationError`.
    package mutating func waitAfterFailure() async throws -> Bool {
        let now = ContinuousClock.now
        let first = firstFailure ?? now
        firstFailure = first
        guard now - first < policy.connectionPatience else { return false }
        try await wait()
        return true
    }

    private mutating func wait() async throws {
        let longest = min(policy.delayMax, policy.firstDelay * (1 << min(failures, 16)))
        failures += 1
        try await Task.sleep(for: longest * Double.random(in: 0.5...1))
    }
}

extension HTTPClientError {
    /// Whether trying again may help, provided that repeating the request is harmless.
    package var isTransient: Bool {
        switch kind {
        case .notConnected, .connectionLost, .timedOut: true
        case .untrusted, .bodyTooLarge, .invalidRequest, .bodySourceFailed, .closed: false
        }
    }
}
