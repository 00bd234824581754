package import JSONModel
package import StatesLanguage
package import Support

/// One item of a distributed Map, as it was read.
package struct MapRunItem: Sendable, Hashable {
    /// Counts the items of the run from 0.
    package var index: Int
    package var value: JSONValue
    /// The name of an object's member.
    package var key: String?
    /// Where it was read: `STATE_DATA`, or an S3 URI.
    package var source: String

    package init(index: Int, value: JSONValue, key: String? = nil, source: String) {
        self.index = index
        self.value = value
        self.key = key
        self.source = source
    }
}

/// Why a map run fails, as Retry and Catch of its Map see it.
package struct MapRunFailure: Error, Sendable, Hashable {
    package var error: String
    package var cause: String?

    package init(error: String, cause: String?) {
        self.error = error
        self.cause = cause
    }

    package static let thresholdExceeded = MapRunFailure(
        error: StateFailure.exceededThreshold.error ?? "", cause: StateFailure.exceededThreshold.cause)
    package static func itemReader(_ cause: String) -> MapRunFailure {
        MapRunFailure(error: "States.ItemReaderFailed", cause: cause)
    }
    package static func resultWriter(_ cause: String) -> MapRunFailure {
        MapRunFailure(error: "States.ResultWriterFailed", cause: cause)
    }
}

/// Makes inputs of children from items by the Map's `ItemSelector`, in the surroundings of the state's entering.
package struct MapRunItems: ~Copyable, Sendable {
    private var machine: ExecutionMachine
    private let selector: PayloadTemplate?
    private let input: JSONValue

    /// - Parameters:
    ///   - definition: of the machine that has the Map.
    ///   - execution: the one that entered it.
    package init(
        definition: StateMachineDefinition, execution: ExecutionIdentity, start: MapRunStart, limits: ExecutionLimits
    ) throws(SnapshotError) {
        machine = ExecutionMachine(definition: definition, execution: execution, limits: limits)
        input = start.selector?.input ?? .null
        guard let state = definition.root.find(start.stateName), case .map(let fields) = state.body else {
            throw SnapshotError("the definition has no Map '\(start.stateName)'")
        }
        selector = start.selector == nil ? nil : fields.itemSelector
        var scope = Scope(
            path: "", parent: nil, index: 0, group: definition.root, item: nil, phase: .executing, input: Payload(.null))
        scope.state = state
        scope.visit = start.selector?.visit ?? 0
        scope.enteredAt = Timestamp(millisecondsSince1970: start.selector?.enteredAt ?? 0)
        scope.attempt = start.selector?.attempt ?? 0
        scope.variables = start.selector?.variables ?? [:]
        machine.scopes = [scope]
    }

    /// What a child gets for `item`; the same for the same seed.
    package mutating func input(for item: MapRunItem, in context: StepContext) throws(MapRunFailure) -> JSONValue {
        guard let selector else { return item.value }
        machine.now = context.now
        machine.random = StepRandom(seed: context.seed)
        machine.itemDetails = ["Source": .string(item.source)]
        if let key = item.key { machine.itemDetails["Key"] = .string(key) }
        do throws(EvaluationFailure) {
            let value = try machine.evaluate(selector, input, 0, item: (item.index, item.value))
            try machine.checkLimits(value.text, 0)
            return value
        } catch {
            let named = machine.scopes[0].map { ExecutionMachine.named(error, $0) }
            throw MapRunFailure(error: error.error, cause: named?.cause ?? error.text)
        }
    }
}
