import Synchronization

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

/// Bounds what repeating costs a server that is overloaded already: all requests to it share tokens, of which each
/// repetition after an answer takes five and each success brings one back. Connections that fail take none: their
/// repetitions are bounded by the policy's patience.
package final class RetryBudget: Sendable {
    private static let tokensPerRepetition = 5
    private let tokensMax: Int
    private let tokens: Mutex<Int>

    package init(tokensMax: Int = 500) {
        self.tokensMax = tokensMax
        tokens = Mutex(tokensMax)
    }

    /// Whether there is enough for another repetition, which is then taken.
    package func take() -> Bool {
        tokens.withLock { tokens in
            guard tokens >= Self.tokensPerRepetition else { return false }
            tokens -= Self.tokensPerRepetition
            return true
        }
    }

    package func restore() { tokens.withLock { $0 = min(tokensMax, $0 + 1) } }
}

/// What has been tried for one request.
package struct RetryState: Sendable {
    private let policy: RetryPolicy
    private let budget: RetryBudget?
    private let deadline: ContinuousClock.Instant?
    private var failures = 0
    private var answers = 1
    private var firstFailure: ContinuousClock.Instant?

    /// - Parameter deadline: after which nothing is repeated.
    package init(_ policy: RetryPolicy, budget: RetryBudget? = nil, deadline: ContinuousClock.Instant? = nil) {
        self.policy = policy
        self.budget = budget
        self.deadline = deadline
    }

    /// Waits before the next attempt after an answer that asks for one; false when there shall be none.
    ///
    /// - Throws: `CancellationError`.
    package mutating func waitAfterAnswer() async throws -> Bool {
        guard answers < policy.attemptsMax, budget?.take() ?? true else { return false }
        answers += 1
        return try await wait()
    }

    /// Waits before the next attempt after a connection failure; false when there shall be none.
    ///
    /// - Throws: `CancellationError`.
    package mutating func waitAfterFailure() async throws -> Bool {
        let now = ContinuousClock.now
        let first = firstFailure ?? now
        firstFailure = first
        guard now - first < policy.connectionPatience else { return false }
        return try await wait()
    }

    /// False when the wait would end after the deadline.
    private mutating func wait() async throws -> Bool {
        let longest = min(policy.delayMax, policy.firstDelay * (1 << min(failures, 16)))
        let delay = longest * Double.random(in: 0.5...1)
        if let deadline, ContinuousClock.now + delay >= deadline { return false }
        failures += 1
        try await Task.sleep(for: delay)
        return true
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
