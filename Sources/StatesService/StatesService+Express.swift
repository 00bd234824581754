import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesRuntime
import Support
import WorkflowEngine

extension StatesService {
    /// Reads `includedData`: whether an answer shows data and definitions.
    static func showsData(_ input: inout OperationInput) throws -> Bool {
        try input.optional("includedData", .oneOf(["ALL_DATA", "METADATA_ONLY"])) != "METADATA_ONLY"
    }

    static let unsupportedType = AWSError(
        "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")

    /// `StartSyncExecution`: runs an Express execution and answers with its end.
    func startSyncExecution(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let machineArn = try input.required("stateMachineArn", .arn)
        let name = try input.optional("name", .name)
        let text = try input.optional("input", .data) ?? "{}"
        _ = try input.optional("traceHeader", OperationInput.TextRule(minimum: 0, maximum: 256))
        let showsData = try Self.showsData(&input)
        try input.finish()
        let request = try await executionRequest(machineArn, name: name, input: text, traceHeader: nil, context)
        guard request.stateMachine.type == "EXPRESS" else { throw Self.unsupportedType }
        let result = try await engine.runExpress(request)

        var answer: JSONObject = [
            "executionArn": .string(request.executionArn), "stateMachineArn": .string(request.stateMachine.arn),
            "name": .string(request.name), "startDate": result.startedAt.json, "stopDate": result.stoppedAt.json,
            "billingDetails": Self.billing(result.stoppedAt.milliseconds(since: result.startedAt)),
        ]
        if showsData {
            answer["input"] = .string(text)
            answer["inputDetails"] = ["included": true]
            answer["outputDetails"] = ["included": true]
        }
        switch result.outcome {
        case .succeeded(let output):
            answer["status"] = "SUCCEEDED"
            if showsData { answer["output"] = .string(output.text) }
        case .failed(let error, let cause): answer.add(status: "FAILED", error, cause)
        case .timedOut(let error, let cause): answer.add(status: "TIMED_OUT", error ?? "States.Timeout", cause)
        case .aborted(let error, let cause): answer.add(status: "FAILED", error, cause)
        }
        return answer
    }

    /// What the service would bill: hundreds of milliseconds begun, and the least memory there is.
    private static func billing(_ milliseconds: Int64) -> JSONValue {
        ["billedDurationInMilliseconds": .number(max(1, (milliseconds + 99) / 100) * 100), "billedMemoryUsedInMB": 64]
    }
}

extension JSONObject {
    fileprivate mutating func add(status: String, _ error: String?, _ cause: String?) {
        self["status"] = .string(status)
        if let error { self["error"] = .string(error) }
        if let cause { self["cause"] = .string(cause) }
    }
}
