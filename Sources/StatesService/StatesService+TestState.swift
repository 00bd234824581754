import AWSProtocol
import JSONModel
import ServiceKit
import ServiceModels
import StatesLanguage
import StatesRuntime
import Support
import WorkflowEngine

extension StatesService {
    private static let levels = ["INFO", "DEBUG", "TRACE"]
    private static let fieldValidationModes = ["STRICT", "PRESENT", "NONE"]

    /// `TestState`: runs one state, on a mock or for real, and shows what became of its data. A client that hangs up ends it.
    func testState(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        try await withThrowingTaskGroup(of: JSONObject?.self) { group in
            group.addTask { try await self.engine.onOwnThreads { try await self.test(input, context) } }
            group.addTask {
                try await Task.sleep(for: .seconds(testSecondsMax))
                return ["status": .string(StateTest.Status.failed.rawValue), "error": "States.Timeout"]
            }
            if let client = context.client {
                group.addTask {
                    await client.waitForEnd()
                    return nil
                }
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() ?? nil else {
                throw AWSError("RequestTimeout", "The client has hung up.")
            }
            return answer
        }
    }

    private func test(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let text = try input.required("definition", .definition)
        let roleArn = try input.optional("roleArn", .arn)
        let data = try input.optional("input", .data) ?? "{}"
        let level = try input.optional("inspectionLevel", .oneOf(Self.levels)) ?? "INFO"
        let name = try input.optional("stateName", .name)
        let variables = try input.optional("variables", .data)
        let contextText = try input.optional("context", .data)
        let mock = try input.object("mock")
        let configuration = try input.object("stateConfiguration") ?? [:]
        let revealsSecrets = try input.flag("revealSecrets") ?? false
        try input.finish()
        if let roleArn { try ResourceName.checkRole(roleArn) }
        if revealsSecrets, mock != nil {
            throw Self.invalid("TestState does not support RevealSecrets when a mock is specified.")
        }
        if configuration["mapIterationFailureCount"] != nil, mock == nil {
            throw Self.invalid("TestState does not support MapIterationFailureCount when a mock is not specified.")
        }

        let payload = try Self.executionInput(data)
        let single: SingleState?
        do {
            single = try SingleState(parsing: text, name: name)
        } catch {
            throw AWSError("InvalidDefinition", error.exceptionMessage)
        }
        guard let single else { throw Self.invalid("State not found in definition") }
        var setting = StateTestSetting(mock: try Self.mock(mock, for: single.state))
        if case .result(let result)? = setting.mock { try check(result.value, for: single.state, mock) }
        setting.stateName = SingleState.standardName
        if setting.mock == nil { try Self.checkRunnable(single.state, roleArn: roleArn) }
        if let variables {
            guard let object = (try? JSONValue(parsing: variables))?.object else {  // The text is at fault.
                throw Self.invalid("Variables must be a valid JSON object")
            }
            setting.variables = object
        }
        if let contextText { setting.context = try Self.contextObject(contextText, for: single.state) }
        if let cause = configuration["errorCausedByState"]?.string, !single.contains(cause) {
            throw Self.invalid("State not found in definition")
        }
        setting.retrierRetryCount = configuration["retrierRetryCount"]?.int64 ?? 0
        setting.mapIterationFailureCount = configuration["mapIterationFailureCount"]?.int64 ?? 0
        if case .result(let result)? = setting.mock, let results = result.value.array,
            setting.mapIterationFailureCount > results.count
        {
            throw Self.invalid("Map iteration failure count must be less than or equal to the number of Map iterations")
        }
        if let data = configuration["mapItemReaderData"]?.string {
            guard let items = (try? JSONValue(parsing: data))?.array else {  // The text is at fault.
                throw Self.invalid("MapItemReaderData must be a valid JSON array")
            }
            setting.mapItemReaderData = items
        }
        return try await run(
            StateTest(single, execution: Self.testIdentity(payload, roleArn, context), setting: setting), single.state,
            level: level, input: data, context)
    }

    private func run(
        _ test: consuming StateTest, _ state: StateDefinition, level: String, input: String, _ context: CallContext
    ) async throws -> JSONObject {
        var random = SystemRandomNumberGenerator()
        var outcome: Result<Payload, StateTest.TaskError>?
        running: while true {
            let step = try test.run(
                outcome, in: StepContext(now: engine.now, seed: StepSeed(high: random.next(), low: random.next())))
            switch step {
            case .ended: break running
            case .wait(let until): try await Task.sleep(for: .milliseconds(max(0, until.millisecondsSince1970 - engine.now.millisecondsSince1970)))
            case .call(let start): outcome = try await call(start, context)
            }
        }
        guard let status = test.status else { throw AWSError.internalFailure("The test of a state came to no end.") }
        var answer: JSONObject = ["status": .string(status.rawValue)]
        if let output = test.output { answer["output"] = .string(output.text) }
        if let failure = test.error {
            if let error = failure.error { answer["error"] = .string(error) }
            if let cause = failure.cause { answer["cause"] = .string(cause) }
        }
        if let next = test.nextState { answer["nextState"] = .string(next) }
        if level != "INFO" {
            var inspection: JSONObject = ["input": .string(input)]
            for (name, value) in test.inspection(of: state) { inspection[name] = value }
            answer["inspectionData"] = .object(inspection)
        }
        return answer
    }

    /// Makes the call of a Task, for as long as its `TimeoutSeconds` say.
    private func call(
        _ start: TaskStart, _ context: CallContext
    ) async throws -> Result<Payload, StateTest.TaskError> {
        try await withThrowingTaskGroup(of: Result<Payload, StateTest.TaskError>.self) { group in
            group.addTask { [engine] in
                switch await engine.performOnce(start, account: context.account, region: context.region) {
                case .succeeded(let value), .submitted(let value, _): .success(Payload(value))
                case .failed(let error, let cause): .failure(StateTest.TaskError(error: error, cause: cause))
                }
            }
            if let seconds = start.timeoutSeconds {
                group.addTask {
                    try await Task.sleep(for: .seconds(seconds))
                    return .failure(StateTest.TaskError(error: "States.Timeout", cause: nil))
                }
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    private static func invalid(_ message: String) -> AWSError { AWSError("ValidationException", message) }

    private static func mock(_ mock: JSONObject?, for state: StateDefinition) throws -> StateTestSetting.Mock? {
        guard let mock else { return nil }
        if mock["result"] != nil, mock["errorOutput"] != nil {
            throw invalid("A test mock should have only one of the following fields: [result, errorOutput].")
        }
        if let mode = mock["fieldValidationMode"]?.string, !fieldValidationModes.contains(mode) {
            throw invalid(
                "1 validation error detected: Value '\(mode)' at 'mock.fieldValidationMode' failed to satisfy constraint: "
                    + "Member must satisfy enum value set: [\(fieldValidationModes.joined(separator: ", "))]")
        }
        switch state.type {
        case .task, .map, .parallel: break
        case .pass, .succeed, .fail, .choice, .wait:
            throw invalid("State type '\(state.type.rawValue)' is not supported when a mock is specified")
        }
        if let output = mock["errorOutput"] { return .error(output["error"]?.string, cause: output["cause"]?.string) }
        guard let text = mock["result"]?.string else { return nil }
        guard let result = try? Payload(parsing: text) else {  // The text is at fault.
            throw invalid("Mocked result must be valid JSON")
        }
        switch state.body {
        case .parallel(let branches):
            guard let results = result.value.array else { throw invalid("Mocked result must be an array.") }
            guard results.count == branches.count else {
                throw invalid("Mocked result must contain the same number of items as number of Parallel branches.")
            }
        case .map(let fields):
            if fields.distributed?.writer?.exports == true {
                guard result.value.object != nil else { throw invalid("Mocked result must be a JSON object.") }
            } else {
                guard result.value.array != nil else { throw invalid("Mocked result must be an array.") }
            }
        case .task, .pass, .succeed, .fail, .choice, .wait: break
        }
        return .result(result)
    }

    /// Holds the result of a Task to the model of its service, as far as the mock's mode asks for that.
    private func check(_ result: JSONValue, for state: StateDefinition, _ mock: JSONObject?) throws {
        let mode = mock?["fieldValidationMode"]?.string ?? "STRICT"
        guard mode != "NONE", case .task(let fields) = state.body,
            fields.resource.kind == .optimized || fields.resource.kind == .awsSDK
        else { return }
        guard let models = models() else {
            throw Self.invalid(
                "The fieldValidationMode \(mode) needs the service models of the AWS CLI or botocore, and this machine has none: "
                    + "install awscli, name their directory in the setting service-models, or use the mode NONE")
        }
        do {
            try MockResultCheck(isStrict: mode == "STRICT").check(result, fields.resource, models)
        } catch let error as ServiceModelError {
            throw AWSError.internalFailure(error.message)
        }
    }

    /// What can be run without a mock.
    private static func checkRunnable(_ state: StateDefinition, roleArn: String?) throws {
        switch state.body {
        case .map, .parallel:
            throw AWSError(
                "InvalidDefinition",
                "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
            )
        case .task(let fields):
            if roleArn == nil { throw invalid("RoleArn must be specified when testing a Task state") }
            guard fields.resource.kind != .activity, fields.resource.pattern == .requestResponse else {
                throw AWSError(
                    "InvalidDefinition", "TestState API does not support the resource \(fields.resource.arn)")
            }
        case .pass, .choice, .wait, .succeed, .fail: return
        }
    }

    /// The members of a context object that a caller may give.
    private static func contextObject(_ text: String, for state: StateDefinition) throws -> JSONValue {
        func refuse(_ message: String) -> AWSError { invalid("Invalid Context object provided: \(message)") }
        guard let value = try? JSONValue(parsing: text), let object = value.object else {  // The text is at fault.
            throw refuse("must be a valid JSON object")
        }
        let texts: [String: Set<String>] = [
            "Execution": ["Id", "Name", "RoleArn", "StartTime", "RedriveTime"], "State": ["EnteredTime", "Name"],
            "StateMachine": ["Id", "Name"], "Task": ["Token"],
        ]
        let others: [String: Set<String>] = ["Execution": ["Input", "RedriveCount"], "State": ["RetryCount"]]
        for (section, value) in object {
            if section == "Map" { throw refuse("'Map' field is not supported when mocking a Context object") }
            if section == "Task", !hasToken(state) {
                throw refuse(
                    "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
                        + "service integration pattern")
            }
            guard let known = texts[section] else { throw refuse("Field '\(section)' is not allowed") }
            guard let members = value.object else { throw refuse("\(section) must be an object") }
            for (name, member) in members {
                if known.contains(name) {
                    guard member.string != nil else { throw refuse("\(section).\(name) must be a string") }
                } else if others[section]?.contains(name) != true {
                    throw refuse("Field '\(name)' is not allowed")
                }
            }
        }
        return value
    }

    private static func hasToken(_ state: StateDefinition) -> Bool {
        guard case .task(let fields) = state.body else { return false }
        return fields.resource.pattern != .requestResponse
    }

    /// A test is an execution of no machine: only its names are made up.
    private static func testIdentity(
        _ input: Payload, _ roleArn: String?, _ context: CallContext
    ) -> ExecutionIdentity {
        let machine = randomUUIDText(), name = randomUUIDText()
        return ExecutionIdentity(
            executionArn: context.arn(service: "states", resource: "express:\(machine):\(name)").description,
            executionName: name,
            stateMachineArn: context.arn(service: "states", resource: "stateMachine:\(machine)").description,
            stateMachineName: machine, roleArn: roleArn ?? "", region: context.region, account: context.account,
            type: .express, startTime: context.receivedAt, input: input)
    }
}
