import BatchScheduling
import Support
import Testing

struct RetryStrategyTests {
    private func outcome(_ cause: AttemptOutcome.Cause) -> AttemptOutcome {
        AttemptOutcome(cause, startedAt: nil, stoppedAt: Timestamp(millisecondsSince1970: 0))
    }

    @Test func retriesEveryFailureUntilTheAttemptsAreUsedUp() {
        let strategy = RetryStrategy(attempts: 3)
        #expect(strategy.retries(after: outcome(.exited(code: 1)), attempt: 1))
        #expect(strategy.retries(after: outcome(.lost), attempt: 2))
        #expect(!strategy.retries(after: outcome(.exited(code: 1)), attempt: 3))
        #expect(!strategy.retries(after: outcome(.exited(code: 0)), attempt: 1))
    }

    @Test func neverRepeatsATimeoutOrATermination() {
        let strategy = RetryStrategy(attempts: 10)
        #expect(!strategy.retries(after: outcome(.timedOut(code: nil)), attempt: 1))
        #expect(!strategy.retries(after: outcome(.stopped(code: 143)), attempt: 1))
    }

    @Test func letsTheFirstMatchingRuleDecide() {
        let strategy = RetryStrategy(
            attempts: 5,
            evaluateOnExit: [
                .init(action: .retry, onStatusReason: "Host EC2*"),
                .init(action: .exit, onExitCode: "13*"),
                .init(action: .exit, onReason: "CannotPullContainerError*"),
                .init(action: .retry, onExitCode: "2", onStatusReason: "essential container*"),
                .init(action: .exit, onExitCode: "2"),
            ])
        #expect(strategy.retries(after: outcome(.lost), attempt: 1))
        #expect(!strategy.retries(after: outcome(.signalled(9)), attempt: 1))
        #expect(!strategy.retries(after: outcome(.exited(code: 13)), attempt: 1))
        #expect(!strategy.retries(after: outcome(.cannotFetch("no")), attempt: 1))
        #expect(strategy.retries(after: outcome(.exited(code: 2)), attempt: 1))
        #expect(strategy.retries(after: outcome(.exited(code: 7)), attempt: 1), "no rule matches")
    }

    @Test func saysWhatHappenedInTheServicesWords() {
        #expect(outcome(.exited(code: 3)).statusReason == "Essential container in task exited")
        #expect(outcome(.signalled(11)).exitCode == 139)
        #expect(outcome(.timedOut(code: nil)).statusReason == "Job attempt duration exceeded timeout")
        #expect(outcome(.outOfMemory).reason == "OutOfMemoryError: Container killed due to memory usage")
        #expect(outcome(.outOfMemory).exitCode == 137)
        #expect(outcome(.cannotStart("exec")).reason == "CannotStartContainerError: exec")
    }
}
