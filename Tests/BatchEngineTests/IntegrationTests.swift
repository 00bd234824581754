import AWSProtocol
import BatchEngine
import BatchScheduling
import BatchService
import JSONModel
import ServiceKit
import StateStore
import StatesIntegrations
import StatesLanguage
import Support
import Testing
import WorkflowEngine

/// Task states' calls of our own services.
@Suite(.timeLimit(.minutes(2)))
struct IntegrationTests {
    let fixture: EngineFixture
    let engine: BatchEngine
    let registry: ServiceIntegrations
    let batch: BatchService

    init() async throws {
        fixture = try EngineFixture()
        engine = try await fixture.engine()
        batch = BatchService(engine: engine)
        registry = ServiceIntegrations(services: ["batch": batch], jobs: engine)
        let context = CallContext(
            account: testScope.account, region: testScope.region, requestID: "r",
            receivedAt: Timestamp(millisecondsSince1970: 0))
        _ = try await batch.call("RegisterJobDefinition", [
            "jobDefinitionName": "sh", "type": "container",
            "containerProperties": ["image": "/bin/sh", "vcpus": 1, "memory": 64, "command": ["-c", "Ref::script"]],
        ], context)
    }

    private func call(_ resource: String, _ parameters: JSONValue, id: String = "c1") throws -> IntegrationCall {
        IntegrationCall(
            commandID: id, resource: try #require(TaskResource("arn:aws:states:::\(resource)")), parameters: parameters,
            executionARN: "arn:aws:states:us-east-1:123456789012:execution:m:e", taskVisit: 4, mapPath: [2, 0], attempt: 0,
            account: testScope.account, region: testScope.region)
    }

    private func submission(_ script: String) -> JSONValue {
        ["JobName": "j", "JobQueue": "glue", "JobDefinition": "sh", "Parameters": ["script": .string(script)]]
    }

    @Test func waitsForAJobAndGivesItsDetail() async throws {
        let call = try call("batch:submitJob.sync", submission("echo $MILLRACE_COMMIT_SCOPE"))
        let integration = try #require(registry.integration(for: call.resource))
        guard case .submitted(let output, let handle) = await integration.start(call) else {
            Issue.record("not submitted")
            return
        }
        let id = try #require(output["JobId"]?.string)
        // A repeated call after a crash finds the same job.
        guard case .submitted(_, let again) = await integration.start(call) else {
            Issue.record("not submitted again")
            return
        }
        #expect(again == handle)
        guard case .succeeded(let detail) = await integration.completion(of: handle, for: call) else {
            Issue.record("did not succeed")
            return
        }
        #expect(detail["JobId"]?.string == id && detail["Status"] == "SUCCEEDED")
        #expect(detail["Parameters"]?["script"] != nil, "keys of maps keep their case")
        #expect(detail["Container"]?["ExitCode"] == 0)
        let lines = try await engine.output(ofJob: id, attempt: nil, .forward(offset: 0, limit: 9)).lines.map(\.text)
        #expect(lines == ["arn:aws:states:us-east-1:123456789012:execution:m:e/4/[2,0]"])
    }

    @Test func failsWithTheJobAsCause() async throws {
        let call = try call("batch:submitJob.sync", submission("exit 9"))
        let integration = try #require(registry.integration(for: call.resource))
        guard case .submitted(_, let handle) = await integration.start(call),
            case .failed(let error, let cause) = await integration.completion(of: handle, for: call)
        else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "States.TaskFailed")
        #expect(try JSONValue(parsing: cause ?? "")["Container"]?["ExitCode"] == 9)
    }

    @Test func stopsTheJobWithTheExecution() async throws {
        let call = try call("batch:submitJob.sync", submission("sleep 100"))
        let integration = try #require(registry.integration(for: call.resource))
        guard case .submitted(_, let handle) = await integration.start(call) else {
            Issue.record("not submitted")
            return
        }
        await integration.cancel(handle, for: call)
        guard case .failed(_, let cause) = await integration.completion(of: handle, for: call) else {
            Issue.record("did not fail")
            return
        }
        #expect(try JSONValue(parsing: cause ?? "")["IsTerminated"] == true)
    }

    @Test func namesErrorsAsTheServiceDoes() async throws {
        let optimized = try call("batch:submitJob", ["JobName": "j", "JobQueue": "none", "JobDefinition": "sh"])
        guard case .failed(let error, let cause) = await registry.integration(for: optimized.resource)?.start(optimized)
        else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "Batch.ClientException")
        #expect(cause?.hasPrefix("Job queue none does not exist (Service: AWSBatch; Status Code: 400; Error Code: ClientException; Request ID: ") == true)
        let sdk = try call("aws-sdk:batch:terminateJob", ["JobId": "none", "Reason": "r"])
        guard case .failed(let name, let text) = await registry.integration(for: sdk.resource)?.start(sdk) else {
            Issue.record("did not fail")
            return
        }
        #expect(name == "Batch.ClientException")
        #expect(text?.hasPrefix("Job none does not exist (Service: Batch, Status Code: 400, Request ID: ") == true)
        #expect(text?.hasSuffix(") (SDK Attempt Count: 1)") == true)
    }

    @Test func callsAnyOperationInPascalCase() async throws {
        let call = try call("aws-sdk:batch:describeJobDefinitions", ["JobDefinitions": ["sh"]])
        guard case .succeeded(let output) = await registry.integration(for: call.resource)?.start(call) else {
            Issue.record("did not succeed")
            return
        }
        #expect(output["JobDefinitions"]?[0]?["ContainerProperties"]?["Command"] == ["-c", "Ref::script"])
    }

    @Test func supportsNothingElse() throws {
        for text in ["batch:submitJob.waitForTaskToken", "glue:startJobRun", "aws-sdk:dynamodb:getItem", "aws-sdk:batch:submitJob.sync", "sqs:sendMessage"] {
            let resource = try #require(TaskResource("arn:aws:states:::\(text)"))
            #expect(registry.integration(for: resource) == nil, "\(text)")
        }
    }
}
