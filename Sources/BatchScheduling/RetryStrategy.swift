/// How often a job is attempted, and which endings deserve another attempt.
///
/// - Source: AWS Batch `RetryStrategy` and `EvaluateOnExit`.
package struct RetryStrategy: Sendable, Hashable {
    /// 1 to 10 attempts in all.
    package var attempts: Int
    /// Tried in order; the first rule that matches decides. When none matches, the job is retried.
    package var evaluateOnExit: [ExitRule]

    package init(attempts: Int = 1, evaluateOnExit: [ExitRule] = []) {
        self.attempts = attempts
        self.evaluateOnExit = evaluateOnExit
    }

    package struct ExitRule: Sendable, Hashable {
        package enum Action: String, Sendable, Hashable {
            case retry = "RETRY"
            case exit = "EXIT"
        }

        package var action: Action
        /// Patterns, where a `*` at the end stands for any rest. All that are given must match.
        package var onExitCode: String?
        package var onReason: String?
        package var onStatusReason: String?

        package init(
            action: Action, onExitCode: String? = nil, onReason: String? = nil, onStatusReason: String? = nil
        ) {
            self.action = action
            self.onExitCode = onExitCode
            self.onReason = onReason
            self.onStatusReason = onStatusReason
        }

        func matches(_ outcome: AttemptOutcome) -> Bool {
            guard onExitCode != nil || onReason != nil || onStatusReason != nil else { return false }
            if let onExitCode {
                guard let code = outcome.exitCode, matchesPattern(onExitCode, String(code)) else { return false }
            }
            if let onReason, !matchesPattern(onReason, outcome.reason ?? "") { return false }
            if let onStatusReason, !matchesPattern(onStatusReason, outcome.statusReason) { return false }
            return true
        }
    }

    /// Whether a job whose attempt number `attempt` failed with `outcome` is attempted again. An attempt that
    /// exceeded its timeout is never repeated.
    package func retries(after outcome: AttemptOutcome, attempt: Int) -> Bool {
        guard !outcome.isSuccess, attempt < attempts, !outcome.isTimeout, !outcome.isStopped
        else { return false }
        return evaluateOnExit.first { $0.matches(outcome) }?.action != .exit
    }
}

/// Matches without regard to case; a final `*` stands for any rest.
private func matchesPattern(_ pattern: String, _ text: String) -> Bool {
    let pattern = Array(pattern.lowercased().utf8)
    let text = Array(text.lowercased().utf8)
    return pattern.last == UInt8(ascii: "*") ? text.starts(with: pattern.dropLast()) : text == pattern
}
