import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesLanguage
import Support
import WorkflowEngine

/// `states:startExecution`, also with `.sync` and `.sync:2`. The result of the latter two is the execution as
/// DescribeExecution gives it, its input and output as text or parsed; one that does not succeed makes the task fail
/// with `States.TaskFailed` and the same as its cause.
struct StartExecutionIntegration: TaskIntegration {
    let states: any JSONService
    let workflow: WorkflowEngine
    let calls: ServiceCalls

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        let context = calls.context(of: call)
        var input = MemberNames.lowercased(call.parameters.object ?? [:], maps: MemberNames.maps(ofService: "states"))
        ServiceCalls.writeJSONTexts(in: &input, ofService: "states")
        do {
            let answer = try await states.call("StartExecution", input, context)
            guard let arn = answer["executionArn"] else { throw AWSError.internalFailure("StartExecution gave no ARN.") }
            var output: JSONObject = ["ExecutionArn": arn]
            for (name, value) in Self.metadata(answer, context) { output[name] = value }
            output["StartDate"] = Self.milliseconds(answer["startDate"])
            switch call.resource.pattern {
            case .sync, .sync2: return .submitted(output: .object(output), handle: ["executionArn": arn])
            case .requestResponse, .waitForTaskToken: return .succeeded(.object(output))
            }
        } catch let error as AWSError {
            return TaskFailure.optimized(
                error, service: "StepFunctions", client: "AWSStepFunctions", requestID: context.requestID).outcome
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        do {
            let record = try await workflow.waitForEnd(executionARN: handle["executionArn"]?.string ?? "")
            let output = JSONValue.object(Self.description(of: record, parsed: call.resource.pattern == .sync2))
            return record.status == .succeeded
                ? .succeeded(output) : .failed(error: "States.TaskFailed", cause: output.text)
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {
        // An execution that has ended meanwhile is as good as stopped.
        _ = try? await workflow.stopExecution(
            arn: handle["executionArn"]?.string ?? "", error: nil,
            cause: "The execution \(call.executionARN) no longer waits for this one.")
    }

    private static func description(of record: ExecutionRecord, parsed: Bool) -> JSONObject {
        func data(_ text: String) -> JSONValue {
            // It was parsed before it was stored.
            parsed ? (try? JSONValue(parsing: text)) ?? .string(text) : .string(text)
        }
        var result = JSONObject()
        if let cause = record.cause { result["Cause"] = .string(cause) }
        if let error = record.error { result["Error"] = .string(error) }
        result["ExecutionArn"] = .string(record.arn)
        result["Input"] = data(record.input)
        result["InputDetails"] = ["Included": true]
        result["Name"] = .string(record.name)
        if let output = record.output {
            result["Output"] = data(output)
            result["OutputDetails"] = ["Included": true]
        }
        result["StartDate"] = .number(record.startedAt.millisecondsSince1970)
        result["StateMachineArn"] = .string(record.stateMachine.arn)
        result["Status"] = .string(record.status.rawValue)
        if let stopped = record.stoppedAt { result["StopDate"] = .number(stopped.millisecondsSince1970) }
        return result
    }

    /// The exchange as the integration shows it.
    private static func metadata(_ answer: JSONObject, _ context: CallContext) -> JSONObject {
        let headers: [(String, String)] = [
            ("x-amzn-RequestId", context.requestID), ("Content-Length", String(JSONValue.object(answer).text.utf8.count)),
            ("Date", context.receivedAt.iso8601), ("Content-Type", "application/x-amz-json-1.0"),
        ]
        return [
            "SdkHttpMetadata": [
                "AllHttpHeaders": .object(JSONObject(headers.map { ($0.0, .array([.string($0.1)])) })),
                "HttpHeaders": .object(JSONObject(headers.map { ($0.0, .string($0.1)) })), "HttpStatusCode": 200,
            ],
            "SdkResponseMetadata": ["RequestId": .string(context.requestID)],
        ]
    }

    /// Seconds as awsJson sends them, in milliseconds.
    private static func milliseconds(_ seconds: JSONValue?) -> JSONValue {
        guard let seconds = seconds?.double, abs(seconds) < 1e12 else { return .null }
        return .number(Int64((seconds * 1000).rounded()))
    }
}
