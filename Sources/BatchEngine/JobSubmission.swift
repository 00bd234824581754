package import BatchScheduling
package import JSONModel
package import Support

/// What a service hands over to have a job run: every name resolved, every default applied.
package struct JobSubmission: Sendable, Hashable {
    package var account: String
    package var region: String
    /// A submission repeated with the same id gives the job of the first one. Nil: each call is a new job.
    package var commandID: String?
    package var name: String
    /// The queue's name, in the account and region of the job. `JobQueueNames.glue` always exists.
    package var queue: String
    /// `name:revision` of the job definition; it need not exist for kinds other than `.batch`.
    package var definition: String
    package var kind: JobKind
    /// An executable: an absolute path, `s3://bucket/key`, or `JobImages.millrace`, the program itself.
    package var image: String
    /// The arguments; empty for none. Parameters have been substituted.
    package var command: [String]
    package var environment: [EnvironmentVariable]
    package var demand: ResourceDemand
    package var retry: RetryStrategy
    /// Seconds each attempt may run.
    package var timeoutSeconds: Int?
    /// Higher goes first within its queue.
    package var priority: Int
    package var dependencies: [JobDependency]
    /// 2 to 10,000 children; nil for a plain job.
    package var arraySize: Int?
    /// Names the effect for exactly-once commits: equal for all repetitions of what must take effect once. Nil means
    /// the job itself. Handed to the process as `MILLRACE_COMMIT_SCOPE`.
    package var commitScope: String?
    package var parameters: [EnvironmentVariable]
    package var tags: [EnvironmentVariable]
    /// Members that the submitting service wants back in descriptions; the engine does not look inside.
    package var details: JSONObject

    package init(
        account: String, region: String, commandID: String? = nil, name: String, queue: String, definition: String,
        kind: JobKind = .batch, image: String, command: [String], environment: [EnvironmentVariable] = [],
        demand: ResourceDemand = ResourceDemand(milliCPUs: 1000, memoryMiB: 2048),
        retry: RetryStrategy = RetryStrategy(), timeoutSeconds: Int? = nil, priority: Int = 0,
        dependencies: [JobDependency] = [], arraySize: Int? = nil, commitScope: String? = nil,
        parameters: [EnvironmentVariable] = [], tags: [EnvironmentVariable] = [], details: JSONObject = [:]
    ) {
        self.account = account
        self.region = region
        self.commandID = commandID
        self.name = name
        self.queue = queue
        self.definition = definition
        self.kind = kind
        self.image = image
        self.command = command
        self.environment = environment
        self.demand = demand
        self.retry = retry
        self.timeoutSeconds = timeoutSeconds
        self.priority = priority
        self.dependencies = dependencies
        self.arraySize = arraySize
        self.commitScope = commitScope
        self.parameters = parameters
        self.tags = tags
        self.details = details
    }
}

/// Which service a job belongs to.
package enum JobKind: Sendable, Hashable {
    case batch
    /// A Glue job run; `runID` is also its log stream's name in `/aws-glue/jobs/output` and `/aws-glue/jobs/error`.
    case glue(jobName: String, runID: String)
}

package struct EnvironmentVariable: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

package enum JobQueueNames {
    /// The built-in queue of Glue job runs.
    package static let glue = "glue"
    /// For whoever has made no queue of their own.
    package static let standard = "default"
    /// Queues that exist without having been created, and are not listed.
    package static let builtIn = [glue, standard]
}

package enum JobImages {
    /// The running program's own executable.
    package static let millrace = "millrace"
}

/// A submitted job: the request, and how far it has come.
package struct JobRecord: Sendable, Hashable {
    /// A UUID; for the child of an array job, the parent's followed by `:` and the index.
    package var id: String
    /// Ascending in order of submission.
    package var sequence: Int64
    package var submission: JobSubmission
    package var state: JobState
    /// Set for children of an array job.
    package var arrayParent: String?
    package var arrayIndex: Int?
    /// For an array job's parent: how many children are in each status.
    package var arraySummary: [JobStatus: Int]?
    /// The jobs it waits for or has waited for, children of array jobs named one by one.
    package var resolvedDependencies: [String] = []
    /// The compute environment of the running or last attempt.
    package var environmentName: String?
    /// The last report of the running or last attempt.
    package var progress: JobProgress?

    package init(id: String, sequence: Int64, submission: JobSubmission, state: JobState) {
        self.id = id
        self.sequence = sequence
        self.submission = submission
        self.state = state
    }

    package var status: JobStatus { state.status }

    package var arn: ARN {
        ARN(service: "batch", region: submission.region, account: submission.account, resource: "job/\(id)")
    }

    /// What makes all repetitions of this job's effects one; see `JobSubmission.commitScope`.
    package var commitScope: String {
        guard let scope = submission.commitScope else { return "job/\(id)" }
        return arrayIndex.map { "\(scope)/child/\($0)" } ?? scope
    }

    /// The log stream of an attempt in `/aws/batch/job`.
    package func logStreamName(attempt: Int) -> String {
        let name = submission.definition.split(separator: ":").first.map(String.init) ?? submission.name
        return "\(name)/default/\(LogStreams.identifier(jobID: id, attempt: attempt))"
    }
}

/// What a job says about itself while it runs.
package struct JobProgress: Sendable, Hashable {
    package var attempt: Int
    package var at: Timestamp
    package var rowsRead: Int64?
    package var rowsWritten: Int64?
    package var bytesRead: Int64?
    package var bytesWritten: Int64?
    package var stage: String?
    package var message: String?

    package init(attempt: Int, at: Timestamp) {
        self.attempt = attempt
        self.at = at
    }
}

/// Runs jobs: the part of the batch engine that other services use.
package protocol JobControl: Sendable {
    /// Makes a job durable and schedules it.
    ///
    /// - Returns: the new job, or the first one that was submitted with the same `commandID`.
    /// - Throws: `JobError` `.unknownQueue`, `.queueDisabled`, `.unknownDependency`, `.invalid`.
    func submit(_ submission: JobSubmission) async throws -> JobRecord

    /// The jobs that exist among `ids`, in that order, each once.
    func describe(_ ids: [String]) async throws -> [JobRecord]

    /// Cancels a job that has no attempt yet: it fails with `reason`. A later one goes on; an ended one stays.
    func cancel(_ id: String, reason: String) async throws

    /// Ends a job in whatever state it is. Returns once the request is durable; the processes end soon after.
    func terminate(_ id: String, reason: String) async throws

    /// Waits until the job has ended and gives its last record.
    ///
    /// - Throws: `JobError` `.unknownJob`, `CancellationError`.
    func completion(ofJob id: String) async throws -> JobRecord

    /// What an attempt of a job printed, oldest line first.
    ///
    /// - Parameter attempt: nil for the last one.
    /// - Throws: `JobError` `.unknownJob`, also for an attempt that the job does not have.
    func output(ofJob id: String, attempt: Int?, _ range: JobOutputRange) async throws -> JobOutputPage
}

/// Why the engine refuses a request. The services put it in their own words.
package struct JobError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        package static let unknownQueue = Code(rawValue: "unknownQueue")
        package static let queueDisabled = Code(rawValue: "queueDisabled")
        package static let unknownDependency = Code(rawValue: "unknownDependency")
        package static let unknownJob = Code(rawValue: "unknownJob")
        package static let invalid = Code(rawValue: "invalid")
        /// Try again later.
        package static let notRunning = Code(rawValue: "notRunning")
        package static let tooManyRequests = Code(rawValue: "tooManyRequests")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
