package import JSONModel
package import StatesLanguage
package import Support

/// What `TestState` sets around the one state that it runs.
package struct StateTestSetting: Sendable {
    package enum Mock: Sendable {
        case result(Payload)
        case error(String?, cause: String?)
    }

    package var variables: JSONObject
    /// What the context object calls the state, whichever one of a machine it is.
    package var stateName: String?
    /// Stands for the context object.
    package var context: JSONValue?
    package var mock: Mock?
    /// How often the retrier that matches was used before.
    package var retrierRetryCount: Int64
    /// How many iterations of a Map are said to have failed.
    package var mapIterationFailureCount: Int64
    /// What an `ItemReader` is said to have read.
    package var mapItemReaderData: [JSONValue]?

    package init(
        variables: JSONObject = [:], context: JSONValue? = nil, mock: Mock? = nil, retrierRetryCount: Int64 = 0,
        mapIterationFailureCount: Int64 = 0, mapItemReaderData: [JSONValue]? = nil
    ) {
        self.variables = variables
        self.context = context
        self.mock = mock
        self.retrierRetryCount = retrierRetryCount
        self.mapIterationFailureCount = mapIterationFailureCount
        self.mapItemReaderData = mapItemReaderData
    }
}

/// One state, run by itself as `TestState` does.
package struct StateTest: ~Copyable, Sendable {
    /// What the state does next.
    package enum Step: Sendable {
        /// It calls a service and waits for the answer.
        case call(TaskStart)
        case wait(until: Timestamp)
        case ended
    }

    package enum Status: String, Sendable {
        case succeeded = "SUCCEEDED"
        case failed = "FAILED"
        case retriable = "RETRIABLE"
        case caughtError = "CAUGHT_ERROR"
    }

    private var machine: ExecutionMachine
    private var taskID: String?
    private var timerID: String?

    package init(_ state: SingleState, execution: ExecutionIdentity, setting: StateTestSetting) {
        let definition = StateMachineDefinition(testing: state.group)
        machine = ExecutionMachine(definition: definition, execution: execution)
        machine.test = StateTestRun(setting: setting, isInMap: state.isInMap)
    }

    /// - Parameter outcome: of the call that the last step asked for.
    package mutating func run(
        _ outcome: Result<Payload, TaskError>? = nil, in context: StepContext
    ) throws(ExecutionError) -> Step {
        let event: ExecutionEvent
        switch (outcome, taskID, timerID) {
        case (.success(let output)?, let taskID?, _): event = .taskSucceeded(taskID: taskID, output: output)
        case (.failure(let failure)?, let taskID?, _):
            event = .taskFailed(taskID: taskID, error: failure.error, cause: failure.cause)
        case (_, _, let timerID?): event = .timerFired(timerID: timerID)
        default: event = .started
        }
        var history: [HistoryEvent] = []
        var commands: [ExecutionCommand] = []
        try machine.apply(event, in: context, history: &history, commands: &commands)
        // A long input alone can fill the first step.
        if commands.contains(.continueExecution) {
            try machine.apply(.continuation, in: context, history: &history, commands: &commands)
        }
        for command in commands {
            switch command {
            case .startTask(let start):
                taskID = start.taskID
                return .call(start)
            case .startTimer(let id, let at) where taskID == nil:
                timerID = id
                return .wait(until: at)
            default: continue
            }
        }
        return .ended
    }

    /// A call's failure, with the names that Retry and Catch match.
    package struct TaskError: Error, Sendable {
        package var error: String?
        package var cause: String?

        package init(error: String?, cause: String?) {
            self.error = error
            self.cause = cause
        }
    }

    /// How the test ended; nil before it has.
    package var status: Status? { machine.test?.status }
    package var output: Payload? { machine.test?.output }
    package var error: (error: String?, cause: String?)? { machine.test?.failure.map { ($0.error, $0.cause) } }
    package var nextState: String? { machine.test?.next }
    /// Intermediate values by the names of `InspectionData`, as the service shows them for each type of state.
    package func inspection(of state: StateDefinition) -> JSONObject {
        var hidden: Set<String> = []
        switch state.body {
        case .pass(.some): hidden = ["afterInputPath", "afterParameters"]
        case .parallel: hidden = ["afterInputPath", "afterParameters", "afterArguments", "result"]
        case .map: hidden = ["result"]
        case .pass, .task, .choice, .wait, .succeed, .fail: break
        }
        var shown = JSONObject()
        for (name, value) in machine.test?.inspection ?? [:] where !hidden.contains(name) { shown[name] = value }
        return shown
    }
}

/// A test while it runs.
struct StateTestRun: Sendable {
    let setting: StateTestSetting
    /// The input then stands for the first item of a Map.
    let isInMap: Bool
    var inspection = JSONObject()
    var status: StateTest.Status?
    var output: Payload?
    var failure: StateFailure?
    var next: String?
    var errorDetails = JSONObject()
}

// Recording what a tested state does.
extension ExecutionMachine {
    mutating func inspect(_ name: String, _ value: @autoclosure () -> JSONValue) {
        if test != nil { test?.inspection[name] = value() }
    }

    /// Notes a value by its text.
    mutating func inspect(text name: String, _ payload: Payload) {
        inspect(name, .string(payload.text))
    }

    /// Ends a tested state by its mock, or by `failure`, instead of running it.
    mutating func answerTest(_ slot: Int, _ failure: StateFailure? = nil) throws(EvaluationFailure) {
        do throws(ExecutionError) {
            switch (failure, test?.setting.mock) {
            case (let failure?, _): try handle(failure, slot)
            case (_, .error(let error, let cause)?): try handle(StateFailure(error: error, cause: cause), slot)
            case (_, .result(let result)?): try leaveWithResult(slot, try state(slot), result)
            case (nil, nil): return
            }
        } catch {
            throw EvaluationFailure(error.message)
        }
    }

    /// Ends a test of a Map by its mock, and by how many iterations are said to have failed.
    mutating func testMap(
        _ slot: Int, _ state: StateDefinition, _ fields: MapFields, _ items: [JSONValue], _ input: JSONValue
    ) throws(EvaluationFailure) {
        var inputs = items
        if let selector = fields.itemSelector {
            inputs = []
            for (index, item) in items.enumerated() {
                inputs.append(try evaluate(selector, input, slot, item: (index, item)))
            }
            inspect("afterItemSelector", Self.list(inputs))
        }
        if let batcher = fields.distributed?.batcher {
            let batches = try batches(of: inputs, batcher, input, slot)
            inspect("afterItemBatcher", Self.list(batches))
        }
        let count = try number(fields.toleratedFailureCount, "ToleratedFailureCount", input, slot)
        let percentage = try toleratedPercentage(fields, input, slot)
        if let count { inspect("toleratedFailureCount", .number(count)) }
        if let percentage { inspect("toleratedFailurePercentage", .number(percentage)) }
        if case .result? = test?.setting.mock,
            let failure = testedThreshold(count: count, percentage: percentage, of: items.count)
        {
            try answerTest(slot, failure)
        } else {
            try answerTest(slot)
        }
    }

    /// What the children of a distributed Map would get.
    private mutating func batches(
        of items: [JSONValue], _ batcher: ItemBatcherFields, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> [JSONValue] {
        let itemsMax = try number(batcher.maxItems, "MaxItemsPerBatch", input, slot) ?? .max
        let bytesMax = try number(batcher.maxBytes, "MaxInputBytesPerBatch", input, slot) ?? .max
        var batches: [[JSONValue]] = []
        var bytes = 0
        for item in items {
            let size = item.text.utf8.count
            bytes += size
            if let last = batches.last, last.count < itemsMax, bytes <= bytesMax {
                batches[batches.count - 1].append(item)
            } else {
                batches.append([item])
                bytes = size
            }
        }
        var batch = JSONObject()
        if let template = batcher.batchInput { batch["BatchInput"] = try evaluate(template, input, slot) }
        return batches.map { items in
            batch["Items"] = .array(items)
            return .object(batch)
        }
    }

    /// As the service shows lists: with a blank behind each comma.
    static func list(_ values: [JSONValue]) -> JSONValue { .string("[\(values.map(\.text).joined(separator: ", "))]") }

    /// The failure of a Map of which more iterations failed than it tolerates, as far as a test says so.
    func testedThreshold(count: Int64?, percentage: Double?, of items: Int) -> StateFailure? {
        guard let failed = test?.setting.mapIterationFailureCount, failed > 0 else { return nil }
        let isOver =
            count.map { failed > $0 } ?? percentage.map { !isTolerated(failed, of: Int64(items), percentage: $0) } ?? false
        return isOver ? .exceededThreshold : nil
    }

    /// Notes how a tested state ends. The execution ends with it.
    mutating func endTest(output: Payload, next: Transition?, assigned: JSONObject?) {
        var variables = test?.setting.variables ?? [:]
        for (name, value) in assigned ?? [:] { variables[name] = value }
        if !variables.isEmpty { inspect("variables", .string(JSONValue.object(variables).text)) }
        if case .next(let name)? = next { test?.next = name }
        test?.output = output
        if test?.status == nil { test?.status = .succeeded }
        endExecution(.succeeded(output: output), after: 0)
    }

    mutating func endTest(_ failure: StateFailure, status: StateTest.Status) {
        test?.status = status
        test?.failure = failure
        endExecution(.failed(error: failure.error, cause: failure.cause), after: 0)
    }

    /// Which retrier or catcher takes a failure.
    mutating func noteErrorDetail(_ name: String, _ value: JSONValue) {
        guard test != nil else { return }
        test?.errorDetails[name] = value
        if let details = test?.errorDetails { inspect("errorDetails", .object(details)) }
    }
}
