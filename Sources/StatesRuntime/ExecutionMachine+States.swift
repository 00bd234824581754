import JSONModel
import JSONPath
import StatesLanguage
import Support

/// How long a Wait may last.
private let waitSecondsMax: Int64 = 2_147_483_647

// The life of one state: entering, doing its work, leaving or failing.
extension ExecutionMachine {
    /// One transition of a scope that can go on.
    mutating func step(_ slot: Int) throws(ExecutionError) {
        switch try scope(slot).phase {
        case .entering(let name):
            try enter(slot, name)
            try execute(slot)
        case .executing: try execute(slot)
        case .waiting, .retrying, .task, .group, .mapRun, .done: return
        }
    }

    private mutating func enter(_ slot: Int, _ name: String) throws(ExecutionError) {
        let scope = try scope(slot)
        guard let state = scope.group[name] else { throw ExecutionError("no state is named '\(name)'") }
        // The first state of the execution points at nothing.
        let previous = scope.parent == nil && scope.visit == 0 ? 0 : scope.lastEventID
        let id = emit(
            .entered(state.type.rawValue), after: previous,
            ["input": .string(scope.input.text), "inputDetails": Self.complete, "name": .string(name)])
        scopes[slot]?.state = state
        scopes[slot]?.visit = id
        scopes[slot]?.enteredFrom = previous
        scopes[slot]?.enteredAt = now
        scopes[slot]?.lastEventID = id
        scopes[slot]?.mapRun = nil
        scopes[slot]?.attempt = 0
        scopes[slot]?.retryCounts = state.retriers.isEmpty ? [] : Array(repeating: 0, count: state.retriers.count)
        scopes[slot]?.phase = .executing
        markDirty(slot)
    }

    private mutating func execute(_ slot: Int) throws(ExecutionError) {
        let state = try state(slot)
        let raw = try scope(slot).input
        do throws(EvaluationFailure) {
            if state.queryLanguage == .jsonata {
                try executeJSONata(slot, state, raw)
                return
            }
            switch state.body {
            case .pass(let result):
                let input = try effectiveInput(slot, state, raw)
                let own = result.map { Payload($0) } ?? input
                if let result { inspect("result", .string(result.text)) }
                inspect(text: "afterResultSelector", own)
                let output = try combine(own, with: raw, state.resultPath)
                inspect(text: "afterResultPath", output)
                let assigned = try assign(state.assign, (result ?? input.value), slot)
                try leave(slot, try select(output, state.outputPath, slot), assigned, state.transition)
            case .succeed:
                let input = try select(raw, state.inputPath, slot)
                inspect(text: "afterInputPath", input)
                try leave(slot, try select(input, state.outputPath, slot), nil, .end)
            case .fail(let fields):
                inspect(text: "afterInputPath", raw)
                try failState(slot, fields, raw.value)
            case .choice(let fields):
                let input = try select(raw, state.inputPath, slot)
                inspect(text: "afterInputPath", input)
                let choice = try choose(fields, state, input.value, slot)
                let assigned = try assign(choice.assign, input.value, slot)
                try leave(slot, try select(input, state.outputPath, slot), assigned, .next(choice.next))
            case .wait(let duration):
                let input = try select(raw, state.inputPath, slot)
                inspect(text: "afterInputPath", input)
                let until = try end(of: duration, input.value, slot)
                setPhase(slot, .waiting(startTimer("wait", at: until, slot: slot)))
            case .task(let fields): try startTask(slot, state, fields, raw)
            case .parallel(let branches):
                try startParallel(slot, branches, try effectiveInput(slot, state, raw))
            case .map(let fields):
                let input = try select(raw, state.inputPath, slot)
                inspect(text: "afterInputPath", input)
                try startMap(slot, state, fields, try items(fields, input.value, slot), input)
            }
        } catch {
            try handle(try failure(error, slot), slot)
        }
    }

    /// `ItemsPath`, else the whole input; nil when a reader finds them.
    private mutating func items(
        _ fields: MapFields, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> StateItems? {
        if fields.distributed?.reader != nil {
            if test == nil { return nil }
            if let items = test?.setting.mapItemReaderData { return StateItems(items) }
        }
        let source = if let path = fields.itemsPath { try value(at: path, input, slot) } else { input }
        if fields.distributed != nil, case .object(let object) = source { return StateItems(membersOf: object) }
        guard case .array(let items) = source else {
            // A path into the context object is shown as one into that.
            let path = fields.itemsPath?.text ?? "$"
            throw EvaluationFailure("Reference path \"\(path.hasPrefix("$$") ? path.dropFirst() : path[...])\" must point to array.")
        }
        inspect("afterItemsPath", Self.list(items))
        return StateItems(items)
    }

    private mutating func executeJSONata(
        _ slot: Int, _ state: StateDefinition, _ raw: Payload
    ) throws(EvaluationFailure) {
        let input = raw.value
        switch state.body {
        case .pass, .succeed:
            try leave(
                slot, input: input, plain: raw, output: state.output, assign: state.assign,
                state.type == .succeed ? .end : state.transition)
        case .fail(let fields): try failState(slot, fields, input)
        case .choice(let fields):
            let choice = try choose(fields, state, input, slot)
            try leave(
                slot, input: input, plain: raw, output: choice.output, assign: choice.assign, .next(choice.next))
        case .wait(let duration):
            let until = try end(of: duration, input, slot)
            setPhase(slot, .waiting(startTimer("wait", at: until, slot: slot)))
        case .task(let fields): try startTask(slot, state, fields, raw)
        case .parallel(let branches): try startParallel(slot, branches, try effectiveInput(slot, state, raw))
        case .map(let fields):
            try startMap(slot, state, fields, try jsonataItems(fields, input, slot), raw)
        }
    }

    /// Names the state in the cause, and reports failed JSONata.
    mutating func failure(_ failure: EvaluationFailure, _ slot: Int) throws(ExecutionError) -> StateFailure {
        let scope = try scope(slot)
        // A test has no events.
        let named = test == nil ? Self.named(failure, scope) : StateFailure(error: failure.error, cause: failure.text)
        guard failure.error == StateFailure.queryEvaluation else { return named }
        var details = Self.failureDetails(named.error, named.cause)
        if let location = failure.location { details["location"] = .string(location) }
        details["state"] = .string(scope.state?.name ?? "")
        // What fails before the state has done anything points where its Entered event does; a Wait is an exception.
        let isFirst = scope.lastEventID == scope.visit && scope.state?.type != .wait
        let id = emit(.evaluationFailed, after: isFirst ? scope.enteredFrom : scope.lastEventID, details)
        scopes[slot]?.lastEventID = id
        return named
    }

    static func named(_ failure: EvaluationFailure, _ scope: Scope) -> StateFailure {
        // What is too large is named by itself.
        if failure.error == StateFailure.dataLimitExceeded { return StateFailure(error: failure.error, cause: failure.text) }
        let place = "executing the state '\(scope.state?.name ?? "")' (entered at the event id #\(scope.visit))"
        return StateFailure(error: failure.error, cause: "An error occurred while \(place). \(failure.text)")
    }

    /// Leaves the state with its output, for the next one or the end of the scope.
    /// - Parameter assigned: variables to set, already evaluated.
    mutating func leave(
        _ slot: Int, _ output: Payload, _ assigned: JSONObject?, _ transition: Transition?, after previous: Int64? = nil
    ) throws(EvaluationFailure) {
        try checkLimits(output.text, slot)
        if test != nil {
            endTest(output: output, next: transition, assigned: assigned)
            return
        }
        let scope: Scope
        let state: StateDefinition
        do {
            scope = try self.scope(slot)
            state = try self.state(slot)
        } catch {
            throw EvaluationFailure(error.message)
        }
        var details: JSONObject = [
            "name": .string(state.name), "output": .string(output.text), "outputDetails": Self.complete,
        ]
        if let assigned, !assigned.isEmpty {
            var texts = JSONObject()
            var bytes = 0
            for (name, value) in assigned {
                let text = value.text
                try checkLimits(text, slot)
                texts[name] = .string(text)
                bytes += text.utf8.count
            }
            try checkVariables(assigned, bytes, slot)
            for (name, value) in assigned { scopes[slot]?.variables[name] = value }
            details["assignedVariables"] = .object(texts)
            details["assignedVariablesDetails"] = Self.complete
        }
        let id = emit(.exited(state.type.rawValue), after: previous ?? scope.lastEventID, details)
        scopes[slot]?.lastEventID = id
        scopes[slot]?.input = output
        switch transition {
        case .next(let name): setPhase(slot, .entering(name))
        case .end, nil: finish(slot, output)
        }
    }

    private mutating func finish(_ slot: Int, _ output: Payload) {
        scopes[slot]?.phase = .done(output)
        guard let scope = scopes[slot] else { return }
        markDirty(slot)
        if scope.parent != nil {
            ended.append((slot, nil))
        } else {
            endExecution(.succeeded(output: output), after: scope.lastEventID)
        }
    }

    private mutating func failState(
        _ slot: Int, _ fields: FailFields, _ input: JSONValue
    ) throws(EvaluationFailure) {
        let error = try text(fields.error, "ErrorPath", input, slot)
        let cause = try text(fields.cause, "CausePath", input, slot)
        failScope(slot, StateFailure(error: error, cause: cause))
    }

    /// Routes a failure of the current state: to a retrier, a catcher, or out of the scope.
    mutating func handle(_ failure: StateFailure, _ slot: Int) throws(ExecutionError) {
        let state = try state(slot)
        let retrier = state.retriers.firstIndex { $0.errorEquals.contains { failure.isMatched(by: $0) } }
        if let retrier, let test { scopes[slot]?.retryCounts[retrier] = test.setting.retrierRetryCount }
        if let retrier { noteErrorDetail("retryIndex", .number(retrier)) }
        if let retrier, try scope(slot).retryCounts[retrier] < state.retriers[retrier].maxAttempts {
            let count = try scope(slot).retryCounts[retrier]
            scopes[slot]?.retryCounts[retrier] += 1
            scopes[slot]?.attempt += 1
            let delay = Self.delayMilliseconds(state.retriers[retrier], retries: count, using: &random)
            if test != nil {
                noteErrorDetail("retryBackoffIntervalSeconds", .number(delay / 1000))
                endTest(failure, status: .retriable)
                return
            }
            setPhase(slot, .retrying(startTimer("retry", at: now.adding(milliseconds: delay), slot: slot)))
            return
        }
        try endGroup(failed: slot, state)
        let index = state.catchers.firstIndex { $0.errorEquals.contains { failure.isMatched(by: $0) } }
        guard let index else {
            failScope(slot, failure)
            return
        }
        let catcher = state.catchers[index]
        if test != nil {
            noteErrorDetail("catchIndex", .number(index))
            test?.status = .caughtError
            test?.failure = failure
        }
        let result = Payload(.object(failure.output))
        do throws(EvaluationFailure) {
            if state.queryLanguage == .jsonata {
                try leave(
                    slot, input: try scopeInput(slot).value, plain: result,
                    results: StateResults(errorOutput: result.value), output: catcher.output, assign: catcher.assign,
                    .next(catcher.next))
                return
            }
            let combined = try combine(result, with: try scopeInput(slot), catcher.resultPath)
            let assigned = try assign(catcher.assign, result.value, slot)
            try leave(slot, combined, assigned, .next(catcher.next))
        } catch {
            failScope(slot, try self.failure(error, slot))
        }
    }

    private func scopeInput(_ slot: Int) throws(EvaluationFailure) -> Payload {
        guard let input = scopes[slot]?.input else { throw EvaluationFailure("The state has no input.") }
        return input
    }

    /// Emits the failure event that a Parallel or Map has, once nothing retries it.
    private mutating func endGroup(failed slot: Int, _ state: StateDefinition) throws(ExecutionError) {
        guard state.type == .parallel || state.type == .map else { return }
        try emit(state.type == .map ? .mapStateFailed : .parallelStateFailed, in: slot, nil)
    }

    /// A failure that nothing in the scope handles: it fails the state around, or the execution.
    mutating func failScope(_ slot: Int, _ failure: StateFailure) {
        guard let scope = scopes[slot] else { return }
        if test != nil {
            endTest(failure, status: .failed)
        } else if scope.parent != nil {
            ended.append((slot, failure))
        } else {
            endExecution(.failed(error: failure.error, cause: failure.cause), after: scope.lastEventID)
        }
    }

    /// The delay before a retry.
    /// - Parameter retries: how often this retrier was used before.
    static func delayMilliseconds(
        _ retrier: Retrier, retries: Int64, using random: inout some RandomNumberGenerator
    ) -> Int64 {
        var seconds = Double(retrier.intervalSeconds)
        // Powers by repetition end early at the longest delay there is.
        let longest = Double(retrier.maxDelaySeconds ?? 99_999_999)
        var count: Int64 = 0
        while count < retries, seconds > 0, seconds < longest, retrier.backoffRate > 1 {
            seconds *= retrier.backoffRate
            count += 1
        }
        seconds = min(seconds, longest)
        if retrier.jitter == .full { seconds *= Double.random(in: 0...1, using: &random) }
        return Int64(seconds * 1000)
    }

    /// Throws for data too long, or nested too deeply to be read back.
    ///
    /// Whatever outlives a state passes here, so that data can grow deeper by no more than one state's definition
    /// before it is refused, and recursion over it stays bounded.
    ///
    /// - Parameter source: what the data comes from; nil for the state.
    func checkLimits(_ text: String, _ slot: Int, source: String? = nil) throws(EvaluationFailure) {
        if text.utf8.count > limits.payloadBytesMax { throw tooLarge(slot, source: source) }
        if !JSONLimits.default.allowDepth(of: text) {
            throw beyondLimit("a result nested deeper than \(JSONLimits.default.maxDepth) levels.", slot, source)
        }
    }

    /// Throws for variables that are too large together: those of one `Assign`, and all of the execution.
    private func checkVariables(_ assigned: JSONObject, _ bytes: Int, _ slot: Int) throws(EvaluationFailure) {
        guard let bytesMax = limits.variablesBytesMax else { return }
        var total = bytes
        for (other, scope) in scopes.enumerated() {
            for (name, value) in scope?.variables ?? [:] where other != slot || assigned[name] == nil {
                total += value.text.utf8.count
            }
        }
        if bytes > limits.payloadBytesMax || total > bytesMax { throw tooLarge(slot) }
    }

    func tooLarge(_ slot: Int, source: String? = nil) -> EvaluationFailure {
        beyondLimit("a result with a size exceeding the maximum number of bytes service limit.", slot, source)
    }

    private func beyondLimit(_ reason: String, _ slot: Int, _ source: String?) -> EvaluationFailure {
        let name = source ?? scopes[slot]?.state?.name ?? ""
        return EvaluationFailure(
            error: StateFailure.dataLimitExceeded, "The state/task '\(name)' returned \(reason)")
    }
}

// Timers.
extension ExecutionMachine {
    mutating func timerFired(_ timerID: String) throws(ExecutionError) {
        guard let slot = slotOfTimer.removeValue(forKey: timerID) else { return }
        if executionTimer?.timerID == timerID {
            executionTimer = nil
            endExecution(.timedOut(error: nil, cause: nil), after: scopes.first??.enteredFrom ?? 0)
            return
        }
        switch try scope(slot).phase {
        case .retrying: setPhase(slot, .executing)
        case .waiting:
            let state = try state(slot)
            do throws(EvaluationFailure) {
                if state.queryLanguage == .jsonata {
                    let raw = try scopeInput(slot)
                    try leave(
                        slot, input: raw.value, plain: raw, output: state.output, assign: state.assign, state.transition)
                    return
                }
                let input = try select(try scopeInput(slot), state.inputPath, slot)
                let assigned = try assign(state.assign, input.value, slot)
                try leave(slot, try select(input, state.outputPath, slot), assigned, state.transition)
            } catch {
                try handle(try failure(error, slot), slot)
            }
        case .task(let wait): try taskTimedOut(slot, wait, isHeartbeat: wait.heartbeat?.timerID == timerID)
        case .entering, .executing, .group, .mapRun, .done: return
        }
    }

    private mutating func waitValue(
        at path: PathExpression, _ field: String, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> JSONValue {
        do throws(EvaluationFailure) {
            return try value(at: path, input, slot)
        } catch {
            throw EvaluationFailure("The \(field) parameter does not reference an input value: \(path.text)")
        }
    }

    private mutating func end(
        of duration: WaitDuration, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Timestamp {
        switch duration {
        case .timestamp(let timestamp): return try near(timestamp)
        case .seconds(let seconds): return try after(seconds)
        case .secondsPath(let path):
            let value = try waitValue(at: path, "SecondsPath", input, slot)
            guard case .number(let number) = value, number.isInteger, let seconds = number.int64 else {
                throw EvaluationFailure(
                    "The SecondsPath parameter cannot be parsed as a long value: \(path.text) == \(plainText(value))")
            }
            if seconds < 0 {
                throw EvaluationFailure("The SecondsPath parameter references a negative value: \(path.text) == \(seconds)")
            }
            return try after(seconds)
        case .timestampPath(let path):
            let value = try waitValue(at: path, "TimestampPath", input, slot)
            guard let timestamp = value.string.flatMap({ Timestamp(iso8601: $0) }) else {
                throw EvaluationFailure(
                    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
                        + "\(path.text) == \(plainText(value))")
            }
            return try near(timestamp)
        case .secondsExpression(let field):
            let seconds = try integer(field, input, slot)
            if seconds < 0 {
                throw EvaluationFailure(
                    query: "The \(field.location) field references a negative value: \(seconds)", at: field.location)
            }
            return try after(seconds)
        case .timestampExpression(let field):
            let text = try string(field, input, slot)
            guard let timestamp = Timestamp(iso8601: text) else {
                throw EvaluationFailure(
                    query: "The \(field.location) field cannot be parsed as an ISO-8601 extended offset date-time format string: \(text)",
                    at: field.location)
            }
            return try near(timestamp)
        }
    }

    private func after(_ seconds: Int64) throws(EvaluationFailure) -> Timestamp {
        if seconds > waitSecondsMax { throw EvaluationFailure("Wait state delay is too long.") }
        return now.adding(milliseconds: seconds * 1000)
    }

    /// Throws for a time that is too far ahead.
    private func near(_ timestamp: Timestamp) throws(EvaluationFailure) -> Timestamp {
        let limit = now.adding(milliseconds: waitSecondsMax * 1000)
        if timestamp > limit { throw EvaluationFailure("Wait state delay is too long.") }
        return timestamp
    }

    /// A string without quotes, anything else as JSON.
    private func plainText(_ value: JSONValue) -> String { value.string ?? value.text }
}
