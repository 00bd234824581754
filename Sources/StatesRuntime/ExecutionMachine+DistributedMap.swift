import JSONModel
import StatesLanguage
import Support

/// A map run, as it was started or as its latest redrive lets it go on.
package struct MapRunAttempt: Sendable, Hashable {
    package var mapRunArn: String
    /// All redrives of the run so far.
    package var redriveCount: Int

    package init(mapRunArn: String, redriveCount: Int = 0) {
        self.mapRunArn = mapRunArn
        self.redriveCount = redriveCount
    }
}

/// The items that a Map finds in its state's data.
struct StateItems: Sendable {
    var values: [JSONValue]
    /// Whether they are the members of an object, as `{"Key", "Value"}`.
    var areMembers = false

    init(_ values: [JSONValue]) { self.values = values }

    init(membersOf object: JSONObject) {
        values = object.map { ["Key": .string($0.0), "Value": $0.1] }
        areMembers = true
    }
}

/// Redrives of one map run at most.
/// - Source: Step Functions, "Redrive eligibility for child workflows in a Map Run".
private let redrivesMax = 1_000

// Maps in DISTRIBUTED mode: the machine starts a map run and waits for its end.
extension ExecutionMachine {
    /// - Parameter items: nil when a reader finds them.
    mutating func startMapRun(
        _ slot: Int, _ state: StateDefinition, _ fields: MapFields, _ distributed: DistributedMapFields,
        _ items: StateItems?, _ input: Payload
    ) throws(EvaluationFailure) {
        scopes[slot]?.mapRun = nil
        guard state.queryLanguage == .jsonPath else {
            // Expressions are evaluated before anything is said to have begun.
            let start = try mapRunStart(slot, state, fields, distributed, items, input.value)
            emitMapStarted(slot, items)
            begin(slot, start)
            return
        }
        emitMapStarted(slot, items)
        do throws(EvaluationFailure) {
            begin(slot, try mapRunStart(slot, state, fields, distributed, items, input.value))
        } catch {
            try failMapSilently(slot, error)
        }
    }

    private mutating func emitMapStarted(_ slot: Int, _ items: StateItems?) {
        let previous = scopes[slot]?.lastEventID ?? 0
        let started = emit(.mapStateStarted, after: previous, ["length": .number(items?.values.count ?? 0)])
        scopes[slot]?.lastEventID = started
    }

    private mutating func begin(_ slot: Int, _ start: MapRunStart) {
        let previous = scopes[slot]?.lastEventID ?? 0
        let started = emit(.mapRunStarted, after: previous, ["mapRunArn": .string(start.mapRunArn)])
        scopes[slot]?.lastEventID = started
        scopes[slot]?.mapRun = MapRunAttempt(mapRunArn: start.mapRunArn)
        slotOfMapRun[start.mapRunArn] = slot
        commands.append(.startMapRun(start))
        setPhase(slot, .mapRun)
    }

    /// Lets the run of a Map go on that has not succeeded. Gives the failure of a run that was redriven too often.
    mutating func redriveMapRun(_ slot: Int, after previous: Int64) -> StateFailure? {
        guard var run = scopes[slot]?.mapRun else { return nil }
        run.redriveCount += 1
        guard run.redriveCount <= redrivesMax else {
            let cause = "The Map Run has been redriven \(redrivesMax) times, which is the limit."
            return StateFailure(error: StateFailure.runtime, cause: cause)
        }
        let details: JSONObject = ["mapRunArn": .string(run.mapRunArn), "redriveCount": .number(run.redriveCount)]
        let redriven = emit(.mapRunRedriven, after: previous, details)
        scopes[slot]?.lastEventID = redriven
        scopes[slot]?.mapRun = run
        slotOfMapRun[run.mapRunArn] = slot
        commands.append(.redriveMapRun(run))
        setPhase(slot, .mapRun)
        return nil
    }

    private mutating func mapRunStart(
        _ slot: Int, _ state: StateDefinition, _ fields: MapFields, _ distributed: DistributedMapFields,
        _ items: StateItems?, _ input: JSONValue
    ) throws(EvaluationFailure) -> MapRunStart {
        guard let scope = scopes[slot] else { throw EvaluationFailure("The state is gone.") }
        // A child's machine is named `machine/label`; a Map in it belongs to the same machine.
        let machine = execution.stateMachineName.split(separator: "/").first.map(String.init) ?? ""
        let label = distributed.label ?? madeUpLabel(of: state.name, machine)
        let resource = "mapRun:\(machine)/\(label):\(uuidText(using: &random))"
        let arn = ARN(service: "states", region: execution.region, account: execution.account, resource: resource)
        let concurrency = try number(fields.maxConcurrency, "MaxConcurrency", input, slot) ?? 0
        let count = try number(fields.toleratedFailureCount, "ToleratedFailureCount", input, slot)
        let percentage = try toleratedPercentage(fields, input, slot)
        var start = MapRunStart(mapRunArn: arn.description, stateName: state.name, label: label)
        start.items = items?.values
        start.itemsAreMembers = items?.areMembers ?? false
        start.maxConcurrency = concurrency
        start.toleratedFailureCount = count
        start.toleratedFailurePercentage = percentage
        if let reader = distributed.reader {
            let maxItems = try wholeNumber(reader.maxItems, "MaxItems", input, slot)
            start.reader = ItemReaderStart(
                source: reader.source, parameters: try evaluate(reader.parameters, input, slot), format: reader.format,
                maxItems: maxItems == 0 ? nil : maxItems)
        }
        if let batcher = distributed.batcher {
            start.batcher = ItemBatcherStart(
                maxItems: try positive(batcher.maxItems, "MaxItemsPerBatch", input, slot),
                maxBytes: try positive(batcher.maxBytes, "MaxInputBytesPerBatch", input, slot))
            if let template = batcher.batchInput { start.batcher?.batchInput = try evaluate(template, input, slot) }
        }
        if let writer = distributed.writer {
            start.writer = ResultWriterStart(transformation: writer.transformation, outputType: writer.outputType)
            if writer.exports { start.writer?.parameters = try evaluate(writer.parameters, input, slot) }
        }
        if fields.itemSelector != nil {
            start.selector = ItemSelectorScope(
                input: input, variables: visibleVariables(slot), visit: scope.visit,
                enteredAt: scope.enteredAt.millisecondsSince1970, attempt: scope.attempt)
        }
        return start
    }

    private mutating func evaluate(
        _ template: PayloadTemplate?, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> JSONValue {
        guard let template else { return [:] }
        return try evaluate(template, input, slot, item: nil)
    }

    private mutating func positive(
        _ field: NumberField<Int64>?, _ name: String, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Int64? {
        let number = try number(field, name, input, slot)
        if number == 0 { throw EvaluationFailure("\(name) must be greater than 0.") }
        return number
    }

    /// The same for one Map of one machine, whoever runs it.
    private func madeUpLabel(of state: String, _ machine: String) -> String {
        // FNV-1a, 64 bits.
        let name = "\(execution.region) \(execution.account) \(machine) \(state)"
        let seed = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var random = SeededRandom(seed: seed)
        return uuidText(using: &random)
    }

    private func visibleVariables(_ slot: Int) -> JSONObject {
        var result = JSONObject()
        var current: Int? = slot
        while let position = current, let scope = scopes[position] {
            for (name, value) in scope.variables where result[name] == nil { result[name] = value }
            current = scope.parent
        }
        return result
    }

    /// - Parameter output: nil when it is larger than a state's result may be.
    mutating func mapRunSucceeded(_ run: MapRunAttempt, _ output: Payload?) throws(ExecutionError) {
        guard let slot = endMapRunWait(run) else { return }
        // Whatever fails now, a redrive starts a run of its own.
        scopes[slot]?.mapRun = nil
        let state = try state(slot)
        try emit(.mapRunSucceeded, in: slot, nil)
        let succeeded = try scope(slot).lastEventID
        do throws(EvaluationFailure) {
            guard let output else { throw tooLarge(slot) }
            try checkLimits(output.text, slot)
            // The Exited event points at the same event as this one.
            emit(.mapStateSucceeded, after: succeeded, nil)
            try leaveWithMapResult(slot, state, output, after: succeeded)
        } catch {
            try handle(try failure(error, slot), slot)
        }
    }

    private mutating func leaveWithMapResult(
        _ slot: Int, _ state: StateDefinition, _ output: Payload, after previous: Int64
    ) throws(EvaluationFailure) {
        do throws(ExecutionError) {
            try leaveWithResult(slot, state, output, after: previous)
        } catch {
            throw EvaluationFailure(error.message)
        }
    }

    mutating func mapRunFailed(_ run: MapRunAttempt, _ failure: StateFailure) throws(ExecutionError) {
        guard let slot = endMapRunWait(run) else { return }
        // What can never succeed is not redriven.
        if failure.error == StateFailure.runtime { scopes[slot]?.mapRun = nil }
        try emit(.mapRunFailed, in: slot, Self.failureDetails(failure.error, failure.cause))
        try handle(failure, slot)
    }

    /// Takes back the map run of a state that is left before its end.
    mutating func cancelMapRun(_ slot: Int) {
        scopes[slot]?.phase = .executing
        guard let run = scopes[slot]?.mapRun else { return }
        slotOfMapRun[run.mapRunArn] = nil
        commands.append(.cancelMapRun(run))
    }

    private mutating func endMapRunWait(_ run: MapRunAttempt) -> Int? {
        guard let slot = slotOfMapRun[run.mapRunArn], scopes[slot]?.mapRun == run else { return nil }
        slotOfMapRun[run.mapRunArn] = nil
        scopes[slot]?.phase = .executing
        markDirty(slot)
        return slot
    }
}
