import AWSProtocol
import JSONModel
import ServiceKit
import Support
import WorkflowEngine

/// Calls operations of our services on behalf of task states.
struct ServiceCalls: Sendable {
    let services: [String: any JSONService]
    let clock: any WallClock

    /// The service that the SDK calls by a name; the SDKs have names of their own for some.
    func service(_ name: String) -> (any JSONService)? {
        services[name] ?? Self.signingNames[name].flatMap { services[$0] }
    }

    private static let signingNames = ["sfn": "states", "cloudwatchlogs": "logs"]

    /// Members that hold JSON as text: Step Functions takes JSON for them, too, and sends its text; a null is left out.
    private static let jsonTexts: [String: Set<String>] = [
        "states": ["input", "output", "definition"], "dynamodb": [], "lambda": ["Payload"],
    ]

    static func writeJSONTexts(in input: inout JSONObject, ofService name: String) {
        for key in jsonTexts[name] ?? [] {
            switch input[key] {
            case .null?: input[key] = nil
            case .string?, nil: continue
            case let value?: input[key] = .string(value.text)
            }
        }
    }

    /// The command id makes a repetition of an effect harmless, the commit scope makes the effects of repeated jobs
    /// one.
    func context(of call: IntegrationCall) -> CallContext {
        var context = CallContext(
            account: call.account, region: call.region, requestID: randomUUIDText(), receivedAt: clock.now(),
            commandID: call.commandID)
        context.commitScope = commitScope(of: call)
        return context
    }
}

/// Names what a task state is to bring about: the same for its Retry, after a redrive and a restart; another one when
/// the state is entered again or in another iteration of a Map.
func commitScope(of call: IntegrationCall) -> String {
    let path = call.mapPath.map(String.init).joined(separator: ",")
    return "\(call.executionARN)/\(call.taskVisit)/[\(path)]"
}

/// A service's refusal as an error of a task.
struct TaskFailure: Error {
    var error: String
    var cause: String

    var outcome: IntegrationOutcome { .failed(error: error, cause: cause) }

    /// As an `aws-sdk` integration reports it.
    static func sdk(_ error: AWSError, service: String, requestID: String) -> TaskFailure {
        let name = errorPrefix(ofSDKService: service)
        let status = error.httpStatus
        return TaskFailure(
            error: "\(name).\(exceptionName(error.code))",
            cause: "\(error.message) (Service: \(name), Status Code: \(status), Request ID: \(requestID)) (SDK Attempt Count: 1)")
    }

    /// As an optimised integration reports it. `service` is the error's prefix, `client` the service's name in the
    /// cause.
    static func optimized(_ error: AWSError, service: String, client: String, requestID: String) -> TaskFailure {
        let status = error.httpStatus
        return TaskFailure(
            error: "\(service).\(exceptionName(error.code))",
            cause: "\(error.message) (Service: \(client); Status Code: \(status); Error Code: \(error.code); "
                + "Request ID: \(requestID); Proxy: null)")
    }

    /// A fault of ours.
    static func unexpected(_ error: any Error) -> TaskFailure {
        TaskFailure(error: "States.TaskFailed", cause: "\(error)")
    }

    /// Java's exception classes all end so.
    private static func exceptionName(_ code: String) -> String {
        code.hasSuffix("Exception") ? code : code + "Exception"
    }

    /// The service's name as the Java SDK's clients have it.
    private static func errorPrefix(ofSDKService service: String) -> String {
        let names = [
            "cloudwatchlogs": "CloudWatchLogs", "dynamodb": "DynamoDb", "eventbridge": "EventBridge", "s3": "S3",
            "sqs": "Sqs", "sns": "Sns", "sts": "Sts",
        ]
        return names[service] ?? service.prefix(1).uppercased() + service.dropFirst()
    }
}
