import AWSProtocol
import JSONModel
import Logging
import ServiceModels
import StatesLanguage
import Support
import WorkflowEngine

/// Invocations of Lambda functions: a function's ARN as the Resource, `lambda:invoke`, `aws-sdk:lambda:invoke`.
///
/// A function of the configuration's section `lambda` is a program of this machine; any other goes to the endpoint of
/// Lambda. Without one, there are no others.
struct LambdaIntegration: TaskIntegration {
    let local: LocalFunctions?
    let foreign: ForeignServices
    let clock: any WallClock
    private let logger = Logger(label: "millrace.lambda")

    init(local: LocalFunctions?, foreign: ForeignServices, clock: any WallClock) {
        self.local = local
        self.foreign = foreign
        self.clock = clock
    }

    /// A local invocation is found again by its command's id.
    func isRepeatable(_ call: IntegrationCall) -> Bool {
        if isLocal(FunctionName(call)) || foreign.endpoint(ofService: "lambda") == nil { return true }
        return foreign.isRepeatable("invoke", ofService: "lambda")
    }

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        let name = FunctionName(call)
        do {
            let answer: Invocation
            if isLocal(name) {
                answer = try await invokeHere(name, call)
            } else if foreign.endpoint(ofService: "lambda") != nil {
                answer = try await invokeElsewhere(call)
            } else {
                return notFound(name, call)
            }
            return outcome(answer, call)
        } catch is LostInvocation {
            return .failed(error: "States.TaskFailed", cause: "outcome unknown")
        } catch let error as ForeignCallError {
            let operation = try? foreign.operation("invoke", ofService: "lambda")
            return TaskFailure.foreign(error, operation, OptimizedClient(call.resource), call).outcome
        } catch let error as WireParameterError {
            return .failed(error: "States.Runtime", cause: "\(call.resource.arn): \(error)")
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        .failed(error: "States.Runtime", cause: "\(call.resource.arn) does not wait.")
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {}

    func release(_ call: IntegrationCall) { if isLocal(FunctionName(call)) { local?.release(commandID: call.commandID) } }

    private func isLocal(_ name: FunctionName) -> Bool { local?.contains(name.name) == true }

    // MARK: - The two kinds

    private struct Invocation {
        /// JSON text.
        var payload: String
        var isError: Bool
        /// The operation's other members.
        var output: JSONObject
        var exchange: ForeignExchange
    }

    /// - Source: Lambda, Invoke, `LogType`.
    private static let logResultBytes = 4096

    private func invokeHere(_ name: FunctionName, _ call: IntegrationCall) async throws -> Invocation {
        func exchange(_ status: Int, _ requestID: String, _ payload: String) -> ForeignExchange {
            ForeignExchange(
                status: status,
                fields: [
                    "x-amz-executed-version": name.qualifier, "x-amzn-requestid": requestID,
                    "content-length": String(payload.utf8.count), "date": clock.now().httpDate,
                    "content-type": "application/json",
                ], attempts: 1)
        }
        guard let local else { throw LostInvocation() }
        switch call.resource.kind == .lambda ? nil : call.parameters["InvocationType"]?.string {
        case "DryRun"?:
            return Invocation(
                payload: "", isError: false, output: ["ExecutedVersion": .string(name.qualifier), "StatusCode": 204],
                exchange: exchange(204, commandUUID(call.commandID), ""))
        case "Event"?:
            throw ForeignCallError.unusable("a local function is always waited for; InvocationType Event is not supported")
        default:
            let answer = try await local.invoke(
                name.name, event: event(of: call), commandID: call.commandID, region: call.region)
            let payload = String(decoding: answer.payload, as: UTF8.self)
            var output: JSONObject = ["ExecutedVersion": .string(name.qualifier)]
            if call.parameters["LogType"]?.string == "Tail" {
                let log = answer.log.map { $0 + "\n" }.joined()
                output["LogResult"] = .string(Base64.encode(Array(log.utf8.suffix(Self.logResultBytes))))
            }
            output["StatusCode"] = 200
            return Invocation(
                payload: payload, isError: answer.isError, output: output,
                exchange: exchange(200, answer.requestID, payload))
        }
    }

    private func event(of call: IntegrationCall) -> JSONValue {
        if call.resource.kind == .lambda { return call.parameters }
        guard let payload = Self.payload(of: call) else { return [:] }
        // A text is the event's.
        return payload.string.flatMap { try? JSONValue(parsing: $0) } ?? payload
    }

    /// Null is none: the function then gets an empty object.
    private static func payload(of call: IntegrationCall) -> JSONValue? {
        guard let payload = call.parameters["Payload"], payload != .null else { return nil }
        return payload
    }

    private func invokeElsewhere(_ call: IntegrationCall) async throws -> Invocation {
        let operation = try foreign.operation("invoke", ofService: "lambda")
        var parameters = call.parameters.object ?? [:]
        switch call.resource.kind {
        case .lambda:
            parameters = ["FunctionName": .string(call.resource.arn), "Payload": .string(call.parameters.text)]
        case .optimized: parameters["Payload"] = Self.payload(of: call).map { .string($0.string ?? $0.text) }
        default: break
        }
        let answer = try await foreign.call(
            operation, ofService: "lambda", parameters, region: call.region, commandID: call.commandID,
            naming: .plain, idleMilliseconds: 910_000)
        var output = answer.output
        let payload = output["Payload"]?.string ?? ""
        let isError = output["FunctionError"] != nil
        output["Payload"] = nil
        return Invocation(payload: payload, isError: isError, output: output, exchange: answer.exchange)
    }

    // MARK: - Outcomes

    private func outcome(_ answer: Invocation, _ call: IntegrationCall) -> IntegrationOutcome {
        if call.resource.kind == .awsSDK {
            var output = answer.output
            if answer.isError { output["FunctionError"] = "Unhandled" }
            output["Payload"] = .string(answer.payload)
            return .succeeded(.object(output))
        }
        if answer.isError {
            // The optimised form writes the error anew, without blanks.
            let error = call.resource.kind == .optimized ? try? JSONValue(parsing: answer.payload).text : nil
            return Self.functionError(error ?? answer.payload)
        }
        // An answer to an asynchronous invocation has none.
        let payload = answer.payload.isEmpty ? .string("") : (try? JSONValue(parsing: answer.payload)) ?? .string(answer.payload)
        if call.resource.kind == .lambda { return .succeeded(payload) }
        var output = JSONObject()
        for (name, value) in answer.output where name < "Payload" { output[name] = value }
        output["Payload"] = payload
        for (name, value) in answer.exchange.metadata { output[name] = value }
        for (name, value) in answer.output where name > "Payload" { output[name] = value }
        return .succeeded(.object(output))
    }

    /// The function's own error, under the name that it gave it.
    private static func functionError(_ payload: String) -> IntegrationOutcome {
        let type = (try? JSONValue(parsing: payload))?["errorType"]?.string  // Whatever else was answered.
        guard let type, !type.isEmpty else {
            return .failed(
                error: "Lambda.Unknown",
                cause: "The cause could not be determined because Lambda did not return an error type. Returned payload: "
                    + payload)
        }
        return .failed(error: type, cause: payload)
    }

    private func notFound(_ name: FunctionName, _ call: IntegrationCall) -> IntegrationOutcome {
        let arn = ARN(
            service: "lambda", region: call.region, account: call.account,
            resource: "function:\(name.name):\(name.qualifier)")
        logger.warning(
            "A function was called that is not configured: add it to the section lambda of the configuration, or set AWS_ENDPOINT_URL_LAMBDA.",
            metadata: ["function": "\(name.name)", "execution": "\(call.executionARN)"])
        let message = "Function not found: \(arn)"
        let requestID = randomUUIDText()
        if call.resource.kind == .awsSDK {
            return .failed(
                error: "Lambda.ResourceNotFoundException",
                cause: "\(message) (Service: Lambda, Status Code: 404, Request ID: \(requestID)) (SDK Attempt Count: 1)")
        }
        return .failed(
            error: "Lambda.ResourceNotFoundException",
            cause: "\(message) (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; "
                + "Request ID: \(requestID); Proxy: null)")
    }
}

/// A function as a task names it: `name`, `name:version`, `account:function:name`, or an ARN, with or without version.
struct FunctionName: Equatable {
    var name: String
    /// A version or alias.
    var qualifier: String

    init(_ call: IntegrationCall) {
        let text =
            call.resource.kind == .lambda ? call.resource.arn : call.parameters["FunctionName"]?.string ?? ""
        self.init(text)
        if let given = call.parameters["Qualifier"]?.string, call.resource.kind != .lambda { qualifier = given }
    }

    init(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let start = parts.firstIndex(of: "function").map { $0 + 1 } ?? 0
        name = start < parts.count ? parts[start] : ""
        qualifier = start + 1 < parts.count ? parts[start + 1] : "$LATEST"
    }
}
