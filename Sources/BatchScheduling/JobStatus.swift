package import Support

/// Where a Batch job stands. A job only moves forward, except that a retried attempt takes it back to `runnable`.
package enum JobStatus: String, Sendable, Hashable, CaseIterable {
    case submitted = "SUBMITTED"
    /// Waits for the jobs it depends on; also an array job's parent while its children are not done.
    case pending = "PENDING"
    /// Waits for capacity.
    case runnable = "RUNNABLE"
    /// An attempt has been decided on; its process may or may not exist yet.
    case starting = "STARTING"
    case running = "RUNNING"
    case succeeded = "SUCCEEDED"
    case failed = "FAILED"

    package var isTerminal: Bool { self == .succeeded || self == .failed }

    /// Whether an attempt holds capacity.
    package var isActive: Bool { self == .starting || self == .running }
}

/// How a job came to its end, told apart more finely than its status.
package enum JobEnding: String, Sendable, Hashable {
    case succeeded
    case failed
    /// Cancelled or terminated on request.
    case stopped
    /// The last attempt exceeded the job's timeout.
    case timedOut
}

/// The changing part of a job: what its record shows besides the request.
package struct JobState: Sendable, Hashable {
    package var status: JobStatus
    /// Nil until there is something to say.
    package var statusReason: String?
    package var createdAt: Timestamp
    /// When the last attempt began to run.
    package var startedAt: Timestamp?
    package var stoppedAt: Timestamp?
    /// Ascending by number, from 1; the last one may be under way.
    package var attempts: [JobAttempt] = []
    package var ending: JobEnding?
    /// Set by the first request to cancel or terminate; what `statusReason` becomes at the end.
    package var stopReason: String?
    package var isCancelled = false
    package var isTerminated = false

    package init(status: JobStatus, createdAt: Timestamp) {
        self.status = status
        self.createdAt = createdAt
    }

    /// The attempt that holds capacity; nil unless the status is starting or running.
    package var currentAttempt: Int? { status.isActive ? attempts.last?.number : nil }
}

/// One attempt at running a job.
package struct JobAttempt: Sendable, Hashable {
    /// From 1.
    package var number: Int
    package var startedAt: Timestamp?
    package var stoppedAt: Timestamp?
    /// The process's exit code, 128 + signal for one that a signal ended; nil if it never ran or is not known.
    package var exitCode: Int?
    /// What befell the process, such as `OutOfMemoryError: …`.
    package var reason: String?
    /// Nil while the attempt is under way.
    package var statusReason: String?

    package init(number: Int) { self.number = number }
}
