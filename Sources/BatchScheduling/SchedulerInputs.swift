package import Support

/// Names a queue or a compute environment.
package struct QueueKey: Sendable, Hashable, Comparable {
    package var account: String
    package var region: String
    package var name: String

    package init(account: String, region: String, name: String) {
        self.account = account
        self.region = region
        self.name = name
    }

    package static func < (a: QueueKey, b: QueueKey) -> Bool {
        (a.account, a.region, a.name) < (b.account, b.region, b.name)
    }
}

package struct QueueSetting: Sendable, Hashable {
    package var key: QueueKey
    /// Higher goes first.
    package var priority: Int
    /// In order of preference.
    package var environments: [QueueKey]

    package init(key: QueueKey, priority: Int, environments: [QueueKey]) {
        self.key = key
        self.priority = priority
        self.environments = environments
    }
}

package struct EnvironmentSetting: Sendable, Hashable {
    package var key: QueueKey
    package var isEnabled: Bool
    /// Nil: as much as the machine has.
    package var milliCPUsMax: Int?

    package init(key: QueueKey, isEnabled: Bool, milliCPUsMax: Int?) {
        self.key = key
        self.isEnabled = isEnabled
        self.milliCPUsMax = milliCPUsMax
    }
}

/// A job as the scheduler sees it.
package struct ScheduledJob: Sendable, Hashable {
    package let id: String
    package let queue: QueueKey
    package let priority: Int
    /// Ascending in order of submission.
    package let sequence: Int64
    package let demand: ResourceDemand
    package let retry: RetryStrategy
    /// The array job that this is a child of.
    package let parent: String?
    /// Jobs that must succeed first, among those that have not ended.
    package var waitsFor: Set<String>
    /// One of its dependencies had failed when it was submitted.
    package var dependsOnFailure: Bool
    /// Set for an array job's parent, which itself never runs.
    package var children: ChildCounts?
    /// The environment that the current attempt occupies.
    package var environment: QueueKey?
    package var state: JobState

    package init(
        id: String, queue: QueueKey, priority: Int, sequence: Int64, demand: ResourceDemand, retry: RetryStrategy,
        parent: String? = nil, waitsFor: Set<String> = [], dependsOnFailure: Bool = false,
        children: ChildCounts? = nil, environment: QueueKey? = nil, state: JobState
    ) {
        self.id = id
        self.queue = queue
        self.priority = priority
        self.sequence = sequence
        self.demand = demand
        self.retry = retry
        self.parent = parent
        self.waitsFor = waitsFor
        self.dependsOnFailure = dependsOnFailure
        self.children = children
        self.environment = environment
        self.state = state
    }

    package struct ChildCounts: Sendable, Hashable {
        package var open: Int
        package var succeeded = 0
        package var failed = 0

        package init(open: Int) { self.open = open }

        mutating func count(_ status: JobStatus) {
            open -= 1
            if status == .succeeded { succeeded += 1 } else { failed += 1 }
        }
    }
}

package enum SchedulerEvent: Sendable, Hashable {
    /// New jobs; an array job's parent comes with its children.
    case submitted([ScheduledJob])
    /// The program of an attempt has been executed.
    case attemptStarted(jobID: String, attempt: Int, at: Timestamp)
    case attemptEnded(jobID: String, attempt: Int, AttemptOutcome)
    case cancelRequested(jobID: String, reason: String)
    case terminateRequested(jobID: String, reason: String)
    /// Queues or environments are not what they were.
    case settingsChanged
}

package enum SchedulerCommand: Sendable, Hashable {
    case start(jobID: String, attempt: Int)
    case stop(jobID: String, attempt: Int)
}

/// The jobs that an event changed, each as it stands after it, in the order in which they changed first.
package struct JobChanges: Sendable {
    private(set) package var jobs: [ScheduledJob] = []
    private var positions: [String: Int] = [:]

    package init() {}

    package var isEmpty: Bool { jobs.isEmpty }

    mutating func insert(_ job: ScheduledJob) {
        if let position = positions[job.id] {
            jobs[position] = job
        } else {
            positions[job.id] = jobs.count
            jobs.append(job)
        }
    }
}
