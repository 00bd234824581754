package import Support

/// How an attempt ended, as the process runner saw it.
package struct AttemptOutcome: Sendable, Hashable {
    package enum Cause: Sendable, Hashable {
        case exited(code: Int)
        case signalled(Int)
        case outOfMemory
        /// Ended because its time was over; the exit code if it still gave one.
        case timedOut(code: Int?)
        /// Ended because of a request to terminate; the exit code if it still gave one.
        case stopped(code: Int?)
        /// The artefact could not be fetched or made executable; the text says why.
        case cannotFetch(String)
        /// The process could not be created; the text says why.
        case cannotStart(String)
        /// The machine went down, or the attempt's supervisor was killed: what the process did is not known.
        case lost
    }

    package var cause: Cause
    package var startedAt: Timestamp?
    package var stoppedAt: Timestamp

    package init(_ cause: Cause, startedAt: Timestamp?, stoppedAt: Timestamp) {
        self.cause = cause
        self.startedAt = startedAt
        self.stoppedAt = stoppedAt
    }

    package var isSuccess: Bool { cause == .exited(code: 0) }
    package var isTimeout: Bool { if case .timedOut = cause { true } else { false } }
    package var isStopped: Bool { if case .stopped = cause { true } else { false } }

    /// As a container's exit code reads: 128 + signal number after a signal, 137 after a kill for memory.
    package var exitCode: Int? {
        switch cause {
        case .exited(let code): code
        case .signalled(let number): 128 + min(max(number, 0), 127)
        case .timedOut(let code), .stopped(let code): code ?? 137
        case .outOfMemory: 137
        case .cannotFetch, .cannotStart, .lost: nil
        }
    }

    /// The container's reason: only where something other than the program decided the end.
    package var reason: String? {
        switch cause {
        case .exited, .signalled, .timedOut, .stopped, .lost: nil
        case .outOfMemory: "OutOfMemoryError: Container killed due to memory usage"
        case .cannotFetch(let why): "CannotPullContainerError: \(why)"
        case .cannotStart(let why): "CannotStartContainerError: \(why)"
        }
    }

    /// The attempt's and the job's `statusReason` in AWS's words, which users' `evaluateOnExit` rules match.
    package var statusReason: String {
        switch cause {
        case .exited, .signalled, .outOfMemory, .stopped: "Essential container in task exited"
        case .timedOut: "Job attempt duration exceeded timeout"
        case .cannotFetch, .cannotStart: "Task failed to start"
        case .lost: "Host EC2 (instance local) terminated."
        }
    }
}
