import JSONModel
import StatesLanguage
import Support

// A redrive: an execution that ended without success goes on where it stopped. What has succeeded stays; branches and
// iterations that have not are taken up where they stopped; retry counters and time-outs begin anew. The current states
// keep their visits, so what their tasks bring about keeps its identity.
//
// - Source: Step Functions, "Redriving executions", redrive behaviour of individual states.
extension ExecutionMachine {
    /// - Parameters:
    ///   - count: all redrives so far, this one included. One that was taken in before changes nothing.
    ///   - last: the id of the execution's last event, which the snapshot need not know.
    mutating func redrive(_ count: Int, after last: Int64) throws(ExecutionError) {
        guard count > redriveCount else { return }
        guard !scopes.isEmpty else { throw ExecutionError("nothing is left of the execution to go on with") }
        redriveCount = count
        outcome = nil
        nextEventID = max(nextEventID, last + 1)
        slotOfTask = [:]
        slotOfTimer = [:]
        slotOfMapRun = [:]
        isContinuationPending = false
        ready = []
        ended = []
        groupEnded = []
        let redriven = emit(.executionRedriven, after: last, ["redriveCount": .number(count)])
        for slot in scopes.indices { scopes[slot]?.isQueued = false }
        startExecutionTimer(from: now)
        var idleGroups: [Int] = []
        var failures: [(slot: Int, StateFailure)] = []
        for slot in slotsInOrder {
            if let failure = try resume(slot, after: redriven) { failures.append((slot, failure)) }
            if case .group(let wait)? = scopes[slot]?.phase, wait.running == 0 { idleGroups.append(slot) }
        }
        for slot in idleGroups { try goOn(slot) }
        for (slot, failure) in failures where outcome == nil && scopes[slot] != nil { try handle(failure, slot) }
    }

    /// Scopes before those inside them, branches and iterations by their index: an order that a snapshot keeps.
    private var slotsInOrder: [Int] {
        var result: [Int] = [], next = [0]
        while let slot = next.popLast() {
            result.append(slot)
            if case .group(let wait)? = scopes[slot]?.phase { next += wait.children.compactMap { $0 }.reversed() }
        }
        return result
    }

    /// Lets a scope go on with what it has not finished. Gives why its state cannot.
    private mutating func resume(_ slot: Int, after redriven: Int64) throws(ExecutionError) -> StateFailure? {
        guard let scope = scopes[slot] else { return nil }
        if case .done = scope.phase { return nil }
        scopes[slot]?.lastEventID = redriven
        switch scope.phase {
        case .done: break
        case .entering(let name): setPhase(slot, .entering(name))
        case .group(var wait):
            wait.running = wait.children.count { child in
                if let child, case .done? = scopes[child]?.phase { false } else { child != nil }
            }
            setPhase(slot, .group(wait))
        case .executing, .waiting, .retrying, .task, .mapRun:
            let state = try state(slot)
            scopes[slot]?.attempt = 0
            scopes[slot]?.retryCounts = Array(repeating: 0, count: state.retriers.count)
            scopes[slot]?.taskToken = nil
            if scope.mapRun != nil { return redriveMapRun(slot, after: redriven) }
            // Only a Fail state is entered again.
            setPhase(slot, state.type == .fail ? .entering(state.name) : .executing)
        }
        return nil
    }

    /// Whether nothing in the scopes around handles a failure of `slot`'s state, so that it will end the execution.
    func isFatal(_ failure: StateFailure, in slot: Int) -> Bool {
        var current: Int? = slot
        while let position = current, let scope = scopes[position], let state = scope.state {
            if position != slot, case .group(let wait) = scope.phase, wait.tolerates(failure) { return false }
            if let retrier = state.retriers.firstIndex(where: { $0.errorEquals.contains { failure.isMatched(by: $0) } }),
                scope.retryCounts[retrier] < state.retriers[retrier].maxAttempts
            {
                return false
            }
            if state.catchers.contains(where: { $0.errorEquals.contains { failure.isMatched(by: $0) } }) { return false }
            current = scope.parent
        }
        return true
    }
}
