import AWSProtocol
import HTTPTransport
import JSONModel
import ServiceModels
import StatesLanguage
import WorkflowEngine

/// Any operation of a service elsewhere: `aws-sdk:<service>:<action>`, and the optimised forms of SQS, SNS, DynamoDB,
/// EventBridge and others.
struct ForeignIntegration: TaskIntegration {
    let foreign: ForeignServices

    func isRepeatable(_ call: IntegrationCall) -> Bool {
        foreign.isRepeatable(call.resource.action, ofService: call.resource.service)
    }

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        let resource = call.resource
        let client = OptimizedClient(resource)
        do {
            let operation = try foreign.operation(resource.action, ofService: resource.service)
            do {
                let answer = try await foreign.call(
                    operation, ofService: resource.service, Self.parameters(of: call),
                    region: call.region, commandID: call.commandID, naming: client == nil ? .java : .plain)
                guard client != nil else { return .succeeded(.object(answer.output)) }
                return Self.optimized(answer, resource)
            } catch let error as ForeignCallError {
                return TaskFailure.foreign(error, operation, client, call).outcome
            } catch let error as WireParameterError {
                let parameters = call.parameters.text
                return .failed(
                    error: "States.Runtime",
                    cause: "The Parameters '\(parameters)' could not be used to start the Task: [\(error)]")
            }
        } catch let error as ForeignCallError {
            return TaskFailure.foreign(error, nil, client, call).outcome
        } catch {
            return TaskFailure.unexpected(error).outcome
        }
    }

    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        .failed(error: "States.Runtime", cause: "\(call.resource.arn) does not wait.")
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {}

    /// What is sent. EventBridge is told which execution an event comes from.
    private static func parameters(of call: IntegrationCall) -> JSONObject {
        var parameters = call.parameters.object ?? [:]
        guard call.resource.kind == .optimized, call.resource.service == "events",
            let entries = parameters["Entries"]?.array
        else { return parameters }
        let origin: [JSONValue] = [.string(call.stateMachineARN), .string(call.executionARN)]
        parameters["Entries"] = .array(
            entries.map { entry in
                guard var entry = entry.object else { return entry }
                entry["Resources"] = .array((entry["Resources"]?.array ?? []) + origin)
                return .object(entry)
            })
        return parameters
    }

    private static func optimized(_ answer: ForeignAnswer, _ resource: TaskResource) -> IntegrationOutcome {
        if resource.service == "events" {
            let failures = answer.output["FailedEntryCount"]?.int64 ?? 0
            let output = JSONValue.object(answer.output)
            return failures == 0 ? .succeeded(output) : .failed(error: "EventBridge.FailedEntry", cause: output.text)
        }
        var output = answer.output
        for (name, value) in answer.exchange.metadata { output[name] = value }
        return .succeeded(.object(output))
    }
}

/// What the first version of the Java SDK, which optimised integrations go by, calls a service.
struct OptimizedClient: Equatable {
    /// In front of error names.
    var prefix: String
    /// In causes.
    var client: String
    /// Of errors that the service's model does not have.
    var exception: String

    /// Nil for `aws-sdk` integrations.
    init?(_ resource: TaskResource) {
        switch (resource.kind, resource.service) {
        case (.optimized, "athena"):
            self.init(prefix: "Athena", client: "AmazonAthena", exception: "AmazonAthenaException")
        case (.optimized, "codebuild"):
            self.init(prefix: "CodeBuild", client: "AWSCodeBuild", exception: "AWSCodeBuildException")
        case (.optimized, "databrew"):
            self.init(prefix: "GlueDataBrew", client: "AWSGlueDataBrew", exception: "AWSGlueDataBrewException")
        case (.optimized, "dynamodb"):
            self.init(prefix: "DynamoDB", client: "AmazonDynamoDBv2", exception: "AmazonDynamoDBException")
        case (.optimized, "ecs"): self.init(prefix: "ECS", client: "AmazonECS", exception: "AmazonECSException")
        case (.optimized, "eks"): self.init(prefix: "EKS", client: "AmazonEKS", exception: "AmazonEKSException")
        case (.optimized, "emr-containers"):
            self.init(prefix: "EMRContainers", client: "AmazonEMRContainers", exception: "AmazonEMRContainersException")
        case (.optimized, "emr-serverless"):
            self.init(prefix: "EMRServerless", client: "AWSEMRServerless", exception: "AWSEMRServerlessException")
        case (.optimized, "events"):
            self.init(prefix: "EventBridge", client: "AmazonEventBridge", exception: "AmazonEventBridgeException")
        case (.optimized, "mediaconvert"):
            self.init(prefix: "MediaConvert", client: "AWSMediaConvert", exception: "AWSMediaConvertException")
        case (.optimized, "sagemaker"):
            self.init(prefix: "SageMaker", client: "AmazonSageMaker", exception: "AmazonSageMakerException")
        case (.optimized, "sns"): self.init(prefix: "SNS", client: "AmazonSNS", exception: "AmazonSNSException")
        case (.optimized, "sqs"): self.init(prefix: "SQS", client: "AmazonSQS", exception: "AmazonSQSException")
        case (.optimized, "lambda"), (.lambda, _):
            self.init(prefix: "Lambda", client: "AWSLambda", exception: "AWSLambdaException")
        default: return nil
        }
    }

    private init(prefix: String, client: String, exception: String) {
        self.prefix = prefix
        self.client = client
        self.exception = exception
    }
}

extension TaskFailure {
    /// - Parameters:
    ///   - operation: nil when it could not be found.
    ///   - client: nil for an `aws-sdk` integration.
    static func foreign(
        _ error: ForeignCallError, _ operation: ServiceOperation?, _ client: OptimizedClient?, _ call: IntegrationCall
    ) -> TaskFailure {
        let name = JavaNames.pascal(operation?.serviceID ?? call.resource.service)
        let prefix = client?.prefix ?? name
        switch error {
        case .noEndpoint(let service):
            let variable = "AWS_ENDPOINT_URL_" + (operation?.serviceID ?? service).uppercased().map { $0 == " " ? "_" : $0 }
            return TaskFailure(
                error: "States.Runtime",
                cause: "\(call.resource.arn): no endpoint of \(service) is configured. Set \(variable) for the server, or "
                    + "endpoints.\(service) in its configuration file.")
        case .noCredentials:
            return TaskFailure(
                error: "\(prefix).SdkClientException",
                cause: "Unable to load credentials: set aws.access-key-id and aws.secret-access-key in the server's "
                    + "configuration, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for it, or a profile.")
        case .unusable(let why): return TaskFailure(error: "States.Runtime", cause: "\(call.resource.arn): \(why)")
        case .noAnswer(let error):
            return TaskFailure(
                error: "\(prefix).SdkClientException", cause: "Unable to execute HTTP request: \(error.message)")
        case .unreadable(let why):
            return TaskFailure(error: "\(prefix).SdkClientException", cause: "Unable to unmarshall response: \(why)")
        case .refused(let refusal, let exchange):
            let error = refusal.withoutBody(operation, exchange)
            let shape = operation?.errorShape(code: error.code)
            let status = exchange.status
            if let client {
                // SQS has other codes in its older format, which this SDK reports.
                let code = exchange.fields["x-amzn-query-error"]?.split(separator: ";").first.map(String.init) ?? error.code
                return TaskFailure(
                    error: "\(client.prefix).\(shape.map(JavaNames.oldException) ?? client.exception)",
                    cause: "\(error.message) (Service: \(client.client); Status Code: \(status); Error Code: \(code); "
                        + "Request ID: \(exchange.requestID); Proxy: null)")
            }
            let extended = exchange.fields["x-amz-id-2"].map { ", Extended Request ID: \($0)" } ?? ""
            return TaskFailure(
                error: "\(name).\(shape.map(JavaNames.exception) ?? "\(name)Exception")",
                cause: "\(error.message) (Service: \(name), Status Code: \(status), Request ID: \(exchange.requestID)\(extended)) "
                    + "(SDK Attempt Count: \(exchange.attempts))")
        }
    }
}

extension AWSError {
    /// What the SDK makes of S3's refusal of a HEAD, which has no body to say why.
    fileprivate func withoutBody(_ operation: ServiceOperation?, _ exchange: ForeignExchange) -> AWSError {
        guard operation?.serviceID == "S3", exchange.status == 404 else { return self }
        return switch operation?.name {
        case "HeadObject": AWSError("NoSuchKey", "The specified key does not exist.", httpStatus: 404)
        case "HeadBucket": AWSError("NoSuchBucket", "The specified bucket does not exist.", httpStatus: 404)
        default: self
        }
    }
}

extension ForeignExchange {
    /// As optimised integrations show it.
    var metadata: JSONObject {
        let headers = fields.entries.map { (Self.spelling[$0.name] ?? $0.name, $0.value) }
        let sorted = headers.sorted { ($0.0.lowercased(), $0.0) < ($1.0.lowercased(), $1.0) }
        return [
            "SdkHttpMetadata": [
                "AllHttpHeaders": .object(JSONObject(headers.map { ($0.0, .array([.string($0.1)])) })),
                "HttpHeaders": .object(JSONObject(sorted.map { ($0.0, .string($0.1)) })),
                "HttpStatusCode": .number(status),
            ],
            "SdkResponseMetadata": ["RequestId": .string(requestID)],
        ]
    }

    /// The services' own spelling; our fields are in lower case.
    private static let spelling = [
        "connection": "connection", "content-length": "Content-Length", "content-type": "Content-Type", "date": "Date",
        "server": "Server", "x-amz-executed-version": "X-Amz-Executed-Version", "x-amz-function-error": "X-Amz-Function-Error",
        "x-amz-log-result": "X-Amz-Log-Result", "x-amzn-remapped-content-length": "x-amzn-Remapped-Content-Length",
        "x-amzn-requestid": "x-amzn-RequestId", "x-amzn-trace-id": "X-Amzn-Trace-Id",
    ]
}

extension IntegrationCall {
    /// `arn:aws:states:…:execution:machine:name` to `arn:aws:states:…:stateMachine:machine`.
    var stateMachineARN: String {
        var parts = executionARN.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 7 else { return executionARN }
        parts[5] = "stateMachine"
        return parts[..<7].joined(separator: ":")
    }
}
