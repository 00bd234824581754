import JSONModel
import JSONPath
import StatesLanguage
import Support

/// How many iterations of an inline Map run at once when `MaxConcurrency` is 0, as at AWS, and at most.
private let defaultConcurrency = 40
private let greatestConcurrency: Int64 = 1_000

// Parallel and Map: children are scopes of their own; the state around them waits for all, or for the first failure.
extension ExecutionMachine {
    mutating func startParallel(_ slot: Int, _ branches: [StateGroup], _ input: Payload) throws(EvaluationFailure) {
        guard let scope = scopes[slot] else { throw EvaluationFailure("The state is gone.") }
        try checkLimits(input.text, slot)
        if test != nil {
            try answerTest(slot)
            return
        }
        let started = emit(.parallelStateStarted, after: scope.lastEventID, nil)
        scopes[slot]?.lastEventID = started
        var wait = GroupWait(children: [], concurrency: branches.count)
        for (index, branch) in branches.enumerated() {
            wait.children.append(addChild(of: slot, scope, index, branch, item: nil, input, after: started))
        }
        wait.next = branches.count
        wait.running = branches.count
        setPhase(slot, .group(wait))
    }

    mutating func startMap(
        _ slot: Int, _ state: StateDefinition, _ fields: MapFields, _ found: StateItems?, _ input: Payload
    ) throws(EvaluationFailure) {
        if let distributed = fields.distributed, test == nil {
            return try startMapRun(slot, state, fields, distributed, found, input)
        }
        guard let scope = scopes[slot] else { throw EvaluationFailure("The state is gone.") }
        let items = found?.values ?? []
        let limit: Int64, tolerated: Int?
        do throws(EvaluationFailure) {
            limit = try number(fields.maxConcurrency, "MaxConcurrency", input.value, slot) ?? 0
            tolerated = test == nil ? try toleratedFailures(fields, of: items.count, input.value, slot) : nil
        } catch {
            return try failMapSilently(slot, error)
        }
        if test != nil {
            inspect("maxConcurrency", .number(limit))
            try testMap(slot, state, fields, items, input.value)
            return
        }
        let concurrency = limit == 0 ? defaultConcurrency : Int(min(limit, greatestConcurrency))
        let started = emit(.mapStateStarted, after: scope.lastEventID, ["length": .number(items.count)])
        scopes[slot]?.lastEventID = started
        let wait = GroupWait(
            children: Array(repeating: nil, count: items.count), concurrency: concurrency,
            toleratedFailures: tolerated, items: items, selectorInput: input.value)
        dirtyFrames[Self.itemsPath(scope)] = slot
        setPhase(slot, .group(wait))
        if items.isEmpty {
            groupEnded.append(slot)
            return
        }
        do throws(EvaluationFailure) {
            try startIterations(slot, state, fields)
        } catch {
            removeChildren(slot)
            throw error
        }
    }

    /// Starts iterations up to the concurrency.
    private mutating func startIterations(
        _ slot: Int, _ state: StateDefinition, _ fields: MapFields
    ) throws(EvaluationFailure) {
        guard var wait = takeGroup(slot) else { return }
        defer { setPhase(slot, .group(wait)) }
        guard let scope = scopes[slot], let items = wait.items else { return }
        while wait.running < wait.concurrency, wait.next < items.count {
            let index = wait.next
            let item = items[index]
            let input: Payload
            if let selector = fields.itemSelector {
                input = Payload(try evaluate(selector, wait.selectorInput, slot, item: (index, item)))
                try checkLimits(input.text, slot)
            } else {
                input = Payload(item)
            }
            let started = emit(.mapIterationStarted, after: scope.lastEventID, Self.iteration(index, state))
            wait.children[index] = addChild(
                of: slot, scope, index, fields.processor, item: item, input, after: started)
            wait.next += 1
            wait.running += 1
        }
    }

    /// Moves what a state knows of its children out of its scope, so that a change does not copy what is known of all
    /// of them. The caller puts it back.
    private mutating func takeGroup(_ slot: Int) -> GroupWait? {
        guard case .group(let wait)? = scopes[slot]?.phase else { return nil }
        scopes[slot]?.phase = .executing
        return wait
    }

    private static func iteration(_ index: Int, _ state: StateDefinition) -> JSONObject {
        ["index": .number(index), "name": .string(state.name)]
    }

    private mutating func addChild(
        of parent: Int, _ scope: Scope, _ index: Int, _ group: StateGroup, item: JSONValue?, _ input: Payload,
        after previous: Int64
    ) -> Int {
        var child = Scope(
            path: Self.childPath(scope, index), parent: parent, index: index, group: group, item: item,
            phase: .entering(group.startAt), input: input)
        child.lastEventID = previous
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            scopes[free] = child
        } else {
            slot = scopes.count
            scopes.append(child)
        }
        markDirty(slot)
        enqueue(slot)
        return slot
    }

    static func childPath(_ scope: Scope, _ index: Int) -> String {
        (scope.path.isEmpty ? "" : scope.path + "/") + "\(scope.visit).\(index)"
    }

    static func itemsPath(_ scope: Scope) -> String {
        (scope.path.isEmpty ? "" : scope.path + "/") + "\(scope.visit).items"
    }
}

// The ends of children and groups.
extension ExecutionMachine {
    /// Tells parents about children that ended, and goes on with states whose children all have.
    mutating func settle() throws(ExecutionError) {
        while outcome == nil {
            if let slot = groupEnded.popLast() {
                try leaveGroup(slot)
            } else if !ended.isEmpty {
                let end = ended.removeFirst()
                guard let parent = try scope(end.slot).parent else { throw ExecutionError("the execution has a parent") }
                if let failure = end.failure {
                    try childFailed(end.slot, of: parent, failure)
                } else {
                    try childEnded(end.slot, of: parent)
                }
            } else {
                return
            }
        }
    }

    /// - Parameter event: what a Map's iteration ends with.
    private mutating func childEnded(
        _ slot: Int, of parent: Int, with event: HistoryEventType = .mapIterationSucceeded
    ) throws(ExecutionError) {
        let child = try scope(slot)
        let state = try state(parent)
        guard var wait = takeGroup(parent) else { throw ExecutionError("'\(state.name)' runs no children") }
        wait.running -= 1
        let isLast = wait.running == 0 && wait.next == wait.children.count
        setPhase(parent, .group(consume wait))
        scopes[parent]?.lastEventID = child.lastEventID
        if state.type == .map {
            let ended = emit(event, after: child.lastEventID, Self.iteration(child.index, state))
            if event == .mapIterationFailed { abortState(of: child) }
            if isLast { scopes[parent]?.lastEventID = ended }
        }
        try goOn(parent)
    }

    /// Starts further iterations; notes that a group's children have all ended.
    mutating func goOn(_ slot: Int) throws(ExecutionError) {
        let state = try state(slot)
        if case .map(let fields) = state.body {
            do throws(EvaluationFailure) {
                try startIterations(slot, state, fields)
            } catch {
                let failure = try failure(error, slot)
                leaveChildren(slot, failure)
                try handle(failure, slot)
                return
            }
        }
        guard case .group(let wait) = try scope(slot).phase else { return }
        if wait.running == 0, wait.next == wait.children.count { groupEnded.append(slot) }
    }

    private mutating func leaveGroup(_ slot: Int) throws(ExecutionError) {
        let scope = try scope(slot)
        let state = try state(slot)
        guard case .group(let wait) = scope.phase else { throw ExecutionError("'\(state.name)' runs no children") }
        var outputs: [Payload] = []
        outputs.reserveCapacity(wait.children.count)
        for child in wait.children {
            guard let child, case .done(let output) = try self.scope(child).phase else {
                throw ExecutionError("a child of '\(state.name)' has not ended")
            }
            outputs.append(output)
        }
        let succeeded: HistoryEventType = state.type == .map ? .mapStateSucceeded : .parallelStateSucceeded
        // The Exited event points at the same event as this one.
        emit(succeeded, after: scope.lastEventID, nil)
        removeChildren(slot)
        try leaveWithResult(slot, state, Payload(joining: outputs), after: scope.lastEventID)
    }

    private mutating func childFailed(
        _ slot: Int, of parent: Int, _ failure: StateFailure
    ) throws(ExecutionError) {
        let child = try scope(slot)
        let state = try state(parent)
        guard case .group(var wait) = try scope(parent).phase else { throw ExecutionError("'\(state.name)' runs no children") }
        if wait.tolerates(failure), let tolerated = wait.toleratedFailures {
            wait.toleratedFailures = tolerated - 1
            setPhase(parent, .group(wait))
            setPhase(slot, .done(Payload(.object(failure.output))))
            return try childEnded(slot, of: parent, with: .mapIterationFailed)
        }
        let isIntolerable = wait.toleratedFailures != nil && failure.error != StateFailure.runtime
        let failure = isIntolerable ? .exceededThreshold : failure
        if state.type == .map { emit(.mapIterationFailed, after: child.lastEventID, Self.iteration(child.index, state)) }
        abortState(of: child)
        abortChildren(of: parent, besides: slot, after: child.lastEventID)
        leaveChildren(parent, failure)
        scopes[parent]?.lastEventID = child.lastEventID
        try handle(failure, parent)
    }

    /// Tells the end of the state in which a child has failed. A Parallel or Map has told its own.
    private mutating func abortState(of child: Scope) {
        guard let type = child.state?.type, type == .task || type == .wait else { return }
        emit(.aborted(type.rawValue), after: child.lastEventID, nil)
    }

    /// Tells the ends of those that still run in a state of which another has failed, and of the states they are in.
    /// - Parameter event: the failure, which all of them point at.
    private mutating func abortChildren(of parent: Int, besides failed: Int? = nil, after event: Int64) {
        guard let scope = scopes[parent], let state = scope.state, case .group(let wait) = scope.phase else { return }
        for slot in wait.children {
            guard let slot, slot != failed, let child = scopes[slot] else { continue }
            switch child.phase {
            case .done: continue
            case .entering, .executing, .waiting, .retrying, .task, .group, .mapRun: break
            }
            if state.type == .map { emit(.mapIterationAborted, after: event, Self.iteration(child.index, state)) }
            if case .entering = child.phase { continue }
            abortChildren(of: slot, after: event)
            switch child.state?.type {
            case .task?, .wait?, .parallel?, .map?: emit(.aborted(child.state?.type.rawValue ?? ""), after: event, nil)
            case .pass?, .choice?, .succeed?, .fail?, nil: break
            }
        }
    }

    /// Ends what runs in the children of a state that fails. They stay, for a redrive, when that ends the execution.
    private mutating func leaveChildren(_ slot: Int, _ failure: StateFailure) {
        guard isFatal(failure, in: slot) else { return removeChildren(slot) }
        ended = []
        groupEnded = []
    }

    /// Ends what runs in the children of a group and forgets them.
    mutating func removeChildren(_ slot: Int) {
        guard let scope = scopes[slot], case .group(let wait) = scope.phase else { return }
        if wait.items != nil { dirtyFrames[Self.itemsPath(scope)] = slot }
        for child in wait.children { if let child { remove(child) } }
        scopes[slot]?.phase = .executing
    }

    private mutating func remove(_ slot: Int) {
        guard let scope = scopes[slot] else { return }
        removeChildren(slot)
        cancelWaits(slot)
        markDirty(slot)
        if scope.isQueued { ready.removeAll { $0 == slot } }
        ended.removeAll { $0.slot == slot }
        scopes[slot] = nil
        freeSlots.append(slot)
    }
}

extension Payload {
    /// An array of payloads, each with its text.
    init(joining payloads: [Payload]) {
        var text = "["
        for (index, payload) in payloads.enumerated() {
            if index > 0 { text += "," }
            text += payload.text
        }
        self.init(.array(payloads.map(\.value)), text: text + "]")
    }
}
