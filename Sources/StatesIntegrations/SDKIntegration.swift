import AWSProtocol
import JSONModel
import ServiceKit
import StatesLanguage
import WorkflowEngine

/// `aws-sdk:<service>:<action>`: one operation of a service, its answer the result.
///
/// Repetition after a crash: an operation that creates something with the command id in its context gives the first
/// outcome again; operations that only read, replace or delete may be repeated.
struct SDKIntegration: TaskIntegration {
    let calls: ServiceCalls

    func supports(_ resource: TaskResource) -> Bool {
        calls.service(resource.service) != nil || resource.service == Self.securityTokens
    }

    /// STS, whose one operation needs no service behind it.
    private static let securityTokens = "sts"

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        let context = calls.context(of: call)
        guard let service = calls.service(call.resource.service) else {
            guard call.resource.action == "getCallerIdentity" else {
                let error = AWSError("InvalidAction", CallerIdentity.refusal(of: call.resource.action))
                return TaskFailure.sdk(error, service: Self.securityTokens, requestID: context.requestID).outcome
            }
            return .succeeded(.object(CallerIdentity(context).json))
        }
        let operation = call.resource.action.prefix(1).uppercased() + call.resource.action.dropFirst()
        let isLowercase = MemberNames.beginLowercase(service.name)
        let maps = MemberNames.maps(ofService: service.name)
        var input = call.parameters.object ?? [:]
        if isLowercase { input = MemberNames.lowercased(input, maps: maps) }
        ServiceCalls.writeJSONTexts(in: &input, ofService: service.name)
        do {
            let output = try await service.call(operation, input, context)
            let named = isLowercase ? MemberNames.capitalized(output, maps: maps) : output
            return .succeeded(.object(MemberNames.withTimeTexts(named, ofService: service.name)))
        } catch let error as AWSError {
            return TaskFailure.sdk(error, service: call.resource.service, requestID: context.requestID).outcome
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        .failed(error: "States.Runtime", cause: "\(call.resource.arn) does not wait.")
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {}
}
