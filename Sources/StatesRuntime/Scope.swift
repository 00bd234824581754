import JSONModel
import StatesLanguage
import Support

/// A place where states run one after another: the execution itself, a branch of a Parallel, or an iteration of a Map.
struct Scope: Sendable {
    /// See `SnapshotFrame.path`.
    let path: String
    /// The slot of the scope around it; nil for the execution.
    let parent: Int?
    /// Which branch or iteration, from 0.
    let index: Int
    let group: StateGroup
    /// The element of a Map's iteration, for `$$.Map.Item`.
    let item: JSONValue?

    var phase: Phase
    /// The raw input of the current state, or of the one to be entered.
    var input: Payload
    /// Variables assigned in this scope.
    var variables = JSONObject()

    /// The current state, entered by event `visit`.
    var state: StateDefinition?
    var visit: Int64 = 0
    /// The event that the Entered event points at.
    var enteredFrom: Int64 = 0
    var enteredAt = Timestamp(millisecondsSince1970: 0)
    /// The event that the next one points at.
    var lastEventID: Int64 = 0
    /// Per retrier of the current state, how often it was used in this visit.
    var retryCounts: [Int64] = []
    /// All retries of this visit.
    var attempt = 0
    /// Whether its slot stands in the queue of those that may go on.
    var isQueued = false
    /// Of the task being started or running, for `$$.Task.Token`.
    var taskToken: String?
    /// Of a distributed Map: its run that goes on, or that a redrive would let go on.
    var mapRun: MapRunAttempt?

    enum Phase: Sendable {
        /// About to enter a state.
        case entering(String)
        /// Entered, and about to do its work, for the first time or again.
        case executing
        case waiting(TimerWait)
        /// Until the next attempt.
        case retrying(TimerWait)
        case task(TaskWait)
        /// While branches or iterations run.
        case group(GroupWait)
        /// While a distributed Map's children run.
        case mapRun
        /// Finished, while siblings run.
        case done(Payload)
    }

    var isRunnable: Bool {
        switch phase {
        case .entering, .executing: true
        case .waiting, .retrying, .task, .group, .mapRun, .done: false
        }
    }
}

struct TimerWait: Sendable {
    var timerID: String
    var at: Timestamp
}

/// A task that was started and not yet ended.
struct TaskWait: Sendable {
    var start: TaskStart
    var timeout: TimerWait?
    var heartbeat: TimerWait?
    /// Whether a worker took the activity's task.
    var isTaken = false
}

/// A Parallel or Map whose children run.
struct GroupWait: Sendable {
    /// Slots of children by index; nil before a child starts.
    var children: [Int?]
    /// The index of the next child to start.
    var next = 0
    var running = 0
    var concurrency: Int
    /// How many more iterations of a Map may fail; nil for one that tolerates none.
    var toleratedFailures: Int?
    /// The elements of a Map; nil for a Parallel.
    var items: [JSONValue]?
    /// What `ItemSelector` sees as `$`.
    var selectorInput: JSONValue = .null

    /// Whether an iteration may fail so without the Map.
    func tolerates(_ failure: StateFailure) -> Bool {
        (toleratedFailures ?? 0) > 0 && failure.error != StateFailure.runtime
    }
}
