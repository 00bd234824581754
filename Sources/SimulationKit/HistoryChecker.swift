import JSONModel
import StateStore
import StatesRuntime
import Support
import WorkflowEngine

/// Judges a finished execution by its durable history alone, knowing the States Language and not the engine.
struct HistoryChecker {
    let record: ExecutionRecord
    let history: [HistoryRecord]
    let machine: GeneratedMachine

    private func fail(_ message: String, _ event: HistoryRecord? = nil) -> SimulationFailure {
        SimulationFailure("history", "\(record.name): \(message)" + (event.map { ": \(JSONValue.object($0.event.json))" } ?? ""))
    }

    func check() throws(SimulationFailure) {
        try checkOrder()
        try checkEnd()
        try checkStates()
    }

    // MARK: Order and end

    /// Ids count from 1 without gaps; every event follows from an earlier one.
    private func checkOrder() throws(SimulationFailure) {
        for (index, event) in history.enumerated() {
            guard event.id == Int64(index + 1) else { throw fail("event \(index + 1) has the id \(event.id)") }
            guard event.previousEventID >= 0, event.previousEventID < event.id else {
                throw fail("an event follows from a later one", event)
            }
            let isFirst = event.type == "ExecutionStarted" || event.type.hasPrefix("Execution")
                || event.type == "EvaluationFailed" || event.id == 2
            guard event.previousEventID > 0 || isFirst else { throw fail("an event follows from none", event) }
            if event.previousEventID > 0, history[Int(event.previousEventID - 1)].type.hasPrefix("Execution"), event.id > 2,
                !["ExecutionStarted", "ExecutionRedriven"].contains(history[Int(event.previousEventID - 1)].type),
                event.type != "ExecutionRedriven"
            {
                throw fail("an event follows from the end", event)
            }
        }
        guard history.first?.type == "ExecutionStarted" else { throw fail("the history does not begin with the start") }
    }

    private static let ends: [ExecutionRecord.Status: String] = [
        .succeeded: "ExecutionSucceeded", .failed: "ExecutionFailed", .timedOut: "ExecutionTimedOut",
        .aborted: "ExecutionAborted",
    ]

    private func checkEnd() throws(SimulationFailure) {
        guard record.status != .running else { throw fail("it still runs") }
        guard let last = history.last, last.type == Self.ends[record.status] else {
            throw fail("its status is \(record.status.rawValue)", history.last)
        }
        let ends = history.filter { Self.ends.values.contains($0.type) }
        let redrives = history.count { $0.type == "ExecutionRedriven" }
        guard redrives == record.redrives.count, ends.count == redrives + 1 else {
            throw fail("it ended \(ends.count) times, went on \(redrives) times, and was redriven \(record.redrives.count) times")
        }
        guard record.lastEventID == last.id else { throw fail("its last event is said to be \(record.lastEventID)", last) }
        guard last.details?["output"]?.string == record.output, last.details?["error"]?.string == record.error,
            last.details?["cause"]?.string == record.cause
        else { throw fail("its record and its last event disagree", last) }
        if let cause = record.cause, cause.contains("could not be continued") {
            throw SimulationFailure("engine", "\(record.name): \(cause)")
        }
    }

    // MARK: States

    /// Every state that is entered is left once, or ends because something above it did.
    private func checkStates() throws(SimulationFailure) {
        /// Visits that have not been left, by the state's name.
        var open: [String: [HistoryRecord]] = [:]
        var left: [Int64: Int64] = [:]
        for event in history {
            guard let name = event.details?["name"]?.string else { continue }
            if event.type.hasSuffix("StateEntered") {
                guard machine.groups[name] != nil else { throw fail("a state was entered that the machine has not", event) }
                open[name, default: []].append(event)
            } else if event.type.hasSuffix("StateExited") {
                // The visit is the nearest one of that state up the chain of events.
                let entry = ancestors(of: event).first { isEntry($0, of: name) || $0.type == "ExecutionRedriven" }
                guard let visit = entry?.type == "ExecutionRedriven" ? open[name]?.first : entry else {
                    throw fail("a state was left that was not entered", event)
                }
                guard left.updateValue(event.id, forKey: visit.id) == nil else { throw fail("a state was left twice", event) }
                open[name]?.removeAll { $0.id == visit.id }
            }
        }
        guard record.status == .succeeded else { return }
        for visit in open.values.flatMap({ $0 }).sorted(by: { $0.id < $1.id }) {
            // What ended it: a sibling's failure, which the group around it has taken note of since.
            let name = visit.details?["name"]?.string ?? ""
            let before = isRedriven(visit) ? Array(history.prefix(Int(visit.id))) : Array(ancestors(of: visit))
            let groups = before.filter { entry in
                (machine.groups[name] ?? []).contains { isEntry(entry, of: $0) }
            }
            let isEnded = groups.contains { group in
                left[group.id].map { $0 > visit.id && failed(between: group.id, and: $0) } ?? false
            }
            guard isEnded else { throw fail("a state was entered and never left", visit) }
        }
    }

    /// Whether a redrive led to an event: then the chain of events does not tell the scope that it belongs to.
    private func isRedriven(_ event: HistoryRecord) -> Bool {
        ancestors(of: event).contains { $0.type == "ExecutionRedriven" }
    }

    private func isEntry(_ event: HistoryRecord, of name: String) -> Bool {
        event.type.hasSuffix("StateEntered") && event.details?["name"]?.string == name
    }

    /// The events that led to one, nearest first.
    private func ancestors(of event: HistoryRecord) -> UnfoldSequence<HistoryRecord, HistoryRecord> {
        sequence(state: event) { state -> HistoryRecord? in
            guard state.previousEventID > 0, state.previousEventID <= history.count else { return nil }
            state = history[Int(state.previousEventID - 1)]
            return state
        }
    }

    /// Whether anything failed meanwhile: a task, an evaluation, or a Fail state.
    private func failed(between first: Int64, and last: Int64) -> Bool {
        history.contains { event in
            guard event.id > first, event.id <= last else { return false }
            return event.type.hasSuffix("Failed") || event.type.hasSuffix("TimedOut") || event.type == "FailStateEntered"
        }
    }

    // MARK: Outcomes

    /// Tasks ended as the services decided, and only those that were asked.
    func check(against effects: [String: SimulatedServices.Effect]) throws(SimulationFailure) {
        for event in history {
            guard ["TaskSucceeded", "LambdaFunctionSucceeded", "ActivitySucceeded", "TaskFailed", "LambdaFunctionFailed",
                "ActivityFailed"].contains(event.type),
                let scheduled = ancestors(of: event).first(where: { $0.type.hasSuffix("Scheduled") })
            else { continue }
            if event.details?["resourceType"]?.string == "states" { continue }  // Its work is an execution.
            let isUnknown = event.details?["cause"]?.string == "outcome unknown"
            guard let effect = effects["\(record.arn)#\(scheduled.id)"] else {
                // The engine died after it had made durable that it would call, and before it did.
                if isUnknown, event.details?["resource"]?.string == "sendMessage" { continue }
                throw SimulationFailure("outcome", "\(record.name): a task ended that nobody was asked to do: \(event)")
            }
            switch effect.outcome {
            case .succeeded(let output):
                if event.details?["output"]?.string == output.text { continue }
            case .failed(let error, let cause):
                if event.details?["error"]?.string == error, event.details?["cause"]?.string == cause { continue }
            case .submitted: break
            }
            if isUnknown, !SimulatedIntegration.isRepeatable(effect.call.resource) { continue }
            throw SimulationFailure(
                "outcome", "\(record.name): a task ended with \(event), and its work with \(effect.outcome)")
        }
    }

    // MARK: Scopes

    /// The events of each scope in order, without what may differ between runs: ids, times and tokens.
    ///
    /// A scope is a branch or iteration with its path. For machines without races, whose groups are entered, run and
    /// left without failing.
    var eventsByScope: [String: [String]] {
        var scopes: [String: [String]] = [:]
        var scopeOf: [Int64: [String]] = [:]
        for event in history {
            let previous = event.previousEventID > 0 ? history[Int(event.previousEventID - 1)] : nil
            var scope = scopeOf[event.previousEventID] ?? []
            let name = event.details?["name"]?.string ?? ""
            if event.type.hasSuffix("StateEntered") || event.type.hasSuffix("StateExited") {
                let depth = machine.groups[name]?.count ?? 0
                if scope.count > depth { scope.removeLast(scope.count - depth) }
                if scope.count < depth { scope.append("\(machine.groups[name]?.last ?? "")/\(branch(of: name))") }
            } else if event.type == "MapIterationStarted" {
                scope = Array(scope.prefix(machine.groups[name]?.count ?? 0))
                scope.append("\(name)/\(event.details?["index"]?.text ?? "")")
            } else if event.type == "MapStateSucceeded" || event.type == "ParallelStateSucceeded" {
                // Not after a Map that had no iterations, nor after a distributed one.
                if previous?.type != "MapStateStarted", previous?.type != "MapRunSucceeded" { _ = scope.popLast() }
            } else if event.type.hasPrefix("Execution") {
                scope = []
            }
            scopeOf[event.id] = scope
            if let text = comparable(event) { scopes[scope.joined(separator: " "), default: []].append(text) }
        }
        return scopes
    }

    /// Branches are told apart by the states in them: whichever is named first stands for its branch.
    private func branch(of name: String) -> String { machine.branches[name] ?? "" }

    private func comparable(_ event: HistoryRecord) -> String? {
        // A callee with a token may report before its request was answered; one that hangs may time out before.
        if event.type == "TaskSubmitted" {
            let entry = ancestors(of: event).first { $0.type == "TaskStateEntered" }
            let plan = machine.plans[entry?.details?["name"]?.string ?? ""]
            if plan?.hangs == true || event.details?["resource"]?.string?.contains("Token") == true { return nil }
        }
        var text = event.type + " " + (event.details.map { JSONValue.object($0).text } ?? "")
        text = masked(text, after: "event id #") { $0.isNumber }
        text = masked(text, after: "token\\\":\\\"") { $0.isHexDigit }
        text = masked(text, after: ":mapRun:\(record.stateMachine.name.prefix { $0 != "/" })/") { $0 != "\"" && $0 != "\\" }
        text = masked(text, after: "\(record.arn)#") { $0.isNumber }
        return text.replacing(record.arn, with: "")
    }

    /// The text with what follows each `marker` left out as far as it is of one kind.
    private func masked(_ text: String, after marker: String, _ isMasked: (Character) -> Bool) -> String {
        let parts = text.components(separatedBy: marker)
        return parts[0] + parts.dropFirst().map { marker + $0.drop(while: isMasked) }.joined()
    }
}

extension String {
    fileprivate func components(separatedBy marker: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: marker) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
