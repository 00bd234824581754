package import StatesLanguage
import JSONModel
import Support

/// One workflow execution, advanced by events. Performs no I/O and reads no clock: the same events in the same contexts
/// give the same history and commands, byte for byte.
///
/// A scope is a place where states run one after another; branches and iterations are scopes inside a scope. A step
/// takes the scopes that can go on, one after another, each until it waits for something or ends.
package struct ExecutionMachine: ~Copyable, Sendable {
    package let definition: StateMachineDefinition
    package let execution: ExecutionIdentity
    package let limits: ExecutionLimits
    /// Those of the definition that there are not, when the next event is applied: Tasks of them fail.
    package var missingActivities: Set<String> = []

    /// Redrives taken in so far.
    package internal(set) var redriveCount = 0
    /// Nil while the execution runs.
    package internal(set) var outcome: ExecutionOutcome?
    /// The id that the next history event will get.
    package internal(set) var nextEventID: Int64 = 1

    /// Slot 0 is the execution itself; nil marks a free slot.
    var scopes: [Scope?] = []
    var freeSlots: [Int] = []
    /// Slots that may go on, in order, each once. A slot whose scope no longer can is passed over.
    var ready: [Int] = []
    /// Branches and iterations that ended, whose parents do not know yet.
    var ended: [(slot: Int, failure: StateFailure?)] = []
    /// Parallel and Map states whose children have all ended.
    var groupEnded: [Int] = []
    var slotOfTask: [String: Int] = [:]
    var slotOfTimer: [String: Int] = [:]
    var slotOfMapRun: [String: Int] = [:]
    var executionTimer: TimerWait?
    var isContinuationPending = false
    /// Makes identifiers of timers unique in the execution.
    var timerCount: Int64 = 0

    /// Paths of frames that may differ from the last snapshot, each with the slot that it describes or described, and
    /// those that it has.
    var dirtyFrames: [String: Int] = [:]
    var savedFrames: Set<String> = []

    /// Of `$$.Map.Item`, beside the index and the value, while an item of a distributed Map is read.
    var itemDetails = JSONObject()

    /// Set while one state is tested by itself.
    var test: StateTestRun?

    // The step being applied.
    var history: [HistoryEvent] = []
    var commands: [ExecutionCommand] = []
    var now = Timestamp(millisecondsSince1970: 0)
    var random = StepRandom(seed: StepSeed(high: 0, low: 0))
    var transitions = 0
    var historyBytes = 0
    /// Of all steps.
    var historyBytesTotal: Int64 = 0

    /// An execution that has not begun; its first event is `started`.
    package init(
        definition: StateMachineDefinition, execution: ExecutionIdentity, limits: ExecutionLimits = .default
    ) {
        self.definition = definition
        self.execution = execution
        self.limits = limits
        dirtyFrames[""] = 0
    }

    /// Applies `event`, appending what must become durable to `history`, then what must be done to `commands`.
    ///
    /// The caller persists history and frame changes in one transaction before performing any command. A step is
    /// bounded by `limits`; one that stops early appends `continueExecution`. After the end only a redrive counts.
    /// - Throws: `ExecutionError` for an impossible state; the machine must then be dropped.
    package mutating func apply(
        _ event: ExecutionEvent, in context: StepContext, history: inout [HistoryEvent],
        commands: inout [ExecutionCommand]
    ) throws(ExecutionError) {
        if case .redriven = event {} else if outcome != nil { return }
        now = context.now
        random = StepRandom(seed: context.seed)
        transitions = 0
        historyBytes = 0
        // The arrays move in and out, so that appending never copies them.
        swap(&history, &self.history)
        swap(&commands, &self.commands)
        defer {
            historyBytesTotal += Int64(historyBytes)
            swap(&history, &self.history)
            swap(&commands, &self.commands)
        }
        dirtyFrames[""] = 0
        try receive(event)
        try run()
        if outcome == nil, !scopes.isEmpty, !isContinuationPending, slotOfTask.isEmpty, slotOfTimer.isEmpty,
            slotOfMapRun.isEmpty
        {
            throw ExecutionError("the execution waits for nothing")
        }
    }

    /// Whether an outcome of the task would still count.
    package func isWaiting(forTask taskID: String) -> Bool { slotOfTask[taskID] != nil }

    /// Starts of tasks, timers and the continuation that the execution waits for: what must be performed again when
    /// nothing is known of the commands given before a crash.
    package var outstandingCommands: [ExecutionCommand] {
        guard outcome == nil else { return [] }
        var result: [ExecutionCommand] = []
        func add(_ timer: TimerWait?) {
            if let timer { result.append(.startTimer(timerID: timer.timerID, at: timer.at)) }
        }
        add(executionTimer)
        for scope in scopes {
            switch scope?.phase {
            case .task(let wait):
                result.append(.startTask(wait.start))
                add(wait.timeout)
                add(wait.heartbeat)
            case .waiting(let timer), .retrying(let timer): add(timer)
            // A map run has a record of its own, which its start made.
            case .entering, .executing, .group, .mapRun, .done, nil: break
            }
        }
        if isContinuationPending { result.append(.continueExecution) }
        return result
    }
}

// Events and the loop.
extension ExecutionMachine {
    private mutating func receive(_ event: ExecutionEvent) throws(ExecutionError) {
        switch event {
        case .started: try start()
        case .continuation: isContinuationPending = false
        case .taskSubmitted(let taskID, let output): try taskSubmitted(taskID, output)
        case .taskSucceeded(let taskID, let output): try taskSucceeded(taskID, output)
        case .taskFailed(let taskID, let error, let cause):
            try taskFailed(taskID, StateFailure(error: error, cause: cause))
        case .taskHeartbeat(let taskID): try restartHeartbeat(taskID)
        case .activityStarted(let taskID, let workerName): try activityStarted(taskID, workerName)
        case .timerFired(let timerID): try timerFired(timerID)
        case .mapRunSucceeded(let run, let output): try mapRunSucceeded(run, output)
        case .mapRunFailed(let run, let error, let cause): try mapRunFailed(run, StateFailure(error: error, cause: cause))
        case .stopRequested(let error, let cause): stop(error: error, cause: cause)
        case .redriven(let count, let last): try redrive(count, after: last)
        }
    }

    private mutating func start() throws(ExecutionError) {
        guard scopes.isEmpty else { return }
        var scope = Scope(
            path: "", parent: nil, index: 0, group: definition.root,
            item: test?.isInMap == true ? .some(execution.input.value) : nil,
            phase: .entering(definition.root.startAt), input: execution.input)
        if let test { scope.variables = test.setting.variables }
        scopes.append(scope)
        var details: JSONObject = [
            "input": .string(execution.input.text), "inputDetails": Self.complete, "roleArn": .string(execution.roleArn),
        ]
        if let arn = execution.stateMachineAliasArn { details["stateMachineAliasArn"] = .string(arn) }
        if let arn = execution.stateMachineVersionArn { details["stateMachineVersionArn"] = .string(arn) }
        emit(.executionStarted, after: 0, details)
        startExecutionTimer(from: execution.startTime)
        enqueue(0)
    }

    mutating func startExecutionTimer(from start: Timestamp) {
        guard let seconds = [definition.timeoutSeconds, limits.executionSecondsMax].compactMap({ $0 }).min() else { return }
        executionTimer = startTimer("execution", at: start.adding(milliseconds: seconds * 1000), slot: 0)
    }

    /// Lets scopes go on until all wait, the execution ends, or the step is long enough.
    private mutating func run() throws(ExecutionError) {
        guard !isContinuationPending else { return }
        try settle()
        while outcome == nil, let slot = ready.first {
            guard let scope = scopes[slot], scope.isRunnable else {
                scopes[slot]?.isQueued = false
                ready.removeFirst()
                continue
            }
            if let cause = exceededHistoryLimit {
                endExecution(.failed(error: StateFailure.runtime, cause: cause), after: scope.lastEventID)
                break
            }
            if transitions >= limits.stepTransitionsMax || historyBytes >= limits.stepHistoryBytesMax {
                isContinuationPending = true
                commands.append(.continueExecution)
                break
            }
            transitions += 1
            try step(slot)
            try settle()
        }
    }

    /// The complaint about a history that has no room left for more than its end.
    private var exceededHistoryLimit: String? {
        if nextEventID >= limits.historyEventsMax {
            return "The execution reached the maximum number of history events (\(limits.historyEventsMax))."
        }
        if historyBytesTotal + Int64(historyBytes) > limits.historyBytesMax {
            return "The execution reached the maximum size of its history (\(limits.historyBytesMax >> 20) MiB)."
        }
        return nil
    }

    private mutating func stop(error: String?, cause: String?) {
        endExecution(.aborted(error: error, cause: cause), after: scopes.first??.enteredFrom ?? 0)
    }

    /// Ends the execution with its last event, cancelling whatever runs. Unless it has succeeded, its scopes stay as
    /// they are, for a redrive.
    mutating func endExecution(_ outcome: ExecutionOutcome, after previous: Int64) {
        cancelChildrenAndWaits()
        var details = JSONObject()
        let type: HistoryEventType
        switch outcome {
        case .succeeded(let output):
            type = .executionSucceeded
            details = ["output": .string(output.text), "outputDetails": Self.complete]
        case .failed(let error, let cause):
            type = .executionFailed
            details = Self.failureDetails(error, cause)
        case .timedOut(let error, let cause):
            type = .executionTimedOut
            details = Self.failureDetails(error, cause)
        case .aborted(let error, let cause):
            type = .executionAborted
            details = Self.failureDetails(error, cause)
        }
        emit(type, after: previous, details)
        self.outcome = outcome
        if case .succeeded = outcome {
            for slot in scopes.indices { markDirty(slot) }
            scopes = []
            freeSlots = []
        }
        ready = []
        ended = []
        groupEnded = []
        isContinuationPending = false
        commands.append(.endExecution(outcome))
    }

    private mutating func cancelChildrenAndWaits() {
        for slot in scopes.indices {
            if case .mapRun? = scopes[slot]?.phase { emit(.mapRunAborted, after: scopes[slot]?.lastEventID ?? 0, nil) }
            cancelWaits(slot)
        }
        if let executionTimer {
            commands.append(.cancelTimer(timerID: executionTimer.timerID))
            slotOfTimer[executionTimer.timerID] = nil
        }
        executionTimer = nil
    }

    /// Takes back the task and timers of one scope.
    mutating func cancelWaits(_ slot: Int) {
        switch scopes[slot]?.phase {
        case .task(let wait):
            commands.append(.cancelTask(taskID: wait.start.taskID))
            endTaskWait(slot, wait)
        case .waiting(let timer), .retrying(let timer): cancelTimer(timer)
        case .mapRun: cancelMapRun(slot)
        case .entering, .executing, .group, .done, nil: break
        }
    }

    /// Forgets a task and takes its timers back.
    mutating func endTaskWait(_ slot: Int, _ wait: TaskWait) {
        scopes[slot]?.phase = .executing
        slotOfTask[wait.start.taskID] = nil
        if let timer = wait.timeout { cancelTimer(timer) }
        if let timer = wait.heartbeat { cancelTimer(timer) }
    }
}

// What all states use.
extension ExecutionMachine {
    static let complete: JSONValue = ["truncated": false]

    static func failureDetails(_ error: String?, _ cause: String?) -> JSONObject {
        var details = JSONObject()
        if let error { details["error"] = .string(error) }
        if let cause { details["cause"] = .string(cause) }
        return details
    }

    /// Appends an event and returns its id.
    @discardableResult
    mutating func emit(_ type: HistoryEventType, after previous: Int64, _ details: JSONObject?) -> Int64 {
        let id = nextEventID
        nextEventID += 1
        history.append(HistoryEvent(id: id, previousEventID: previous, timestamp: now, type: type, details: details))
        historyBytes += 100
        if let details {
            for (_, value) in details { if case .string(let text) = value { historyBytes += text.utf8.count } }
        }
        return id
    }

    /// Appends an event of a scope: it points at the scope's last one and becomes it.
    mutating func emit(_ type: HistoryEventType, in slot: Int, _ details: JSONObject?) throws(ExecutionError) {
        let previous = try scope(slot).lastEventID
        let id = emit(type, after: previous, details)
        scopes[slot]?.lastEventID = id
    }

    func scope(_ slot: Int) throws(ExecutionError) -> Scope {
        guard scopes.indices.contains(slot), let scope = scopes[slot] else {
            throw ExecutionError("no scope in slot \(slot)")
        }
        return scope
    }

    func state(_ slot: Int) throws(ExecutionError) -> StateDefinition {
        guard let state = try scope(slot).state else { throw ExecutionError("no current state in slot \(slot)") }
        return state
    }

    mutating func startTimer(_ kind: String, at: Timestamp, slot: Int) -> TimerWait {
        timerCount += 1
        let timer = TimerWait(timerID: "\(kind)-\(timerCount)", at: at)
        slotOfTimer[timer.timerID] = slot
        commands.append(.startTimer(timerID: timer.timerID, at: at))
        return timer
    }

    mutating func cancelTimer(_ timer: TimerWait) {
        if slotOfTimer.removeValue(forKey: timer.timerID) != nil {
            commands.append(.cancelTimer(timerID: timer.timerID))
        }
    }

    mutating func setPhase(_ slot: Int, _ phase: Scope.Phase) {
        scopes[slot]?.phase = phase
        markDirty(slot)
        if scopes[slot]?.isRunnable == true { enqueue(slot) }
    }

    mutating func enqueue(_ slot: Int) {
        guard scopes[slot]?.isQueued == false else { return }
        scopes[slot]?.isQueued = true
        ready.append(slot)
    }

    mutating func markDirty(_ slot: Int) { if let path = scopes[slot]?.path { dirtyFrames[path] = slot } }
}
