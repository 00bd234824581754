import AWSProtocol
import BatchEngine
import BatchScheduling
import FoundationEssentials
import HTTPTransport
import JSONModel
import ProcessRunner
import ServiceModels
import StateStore
import StatesIntegrations
import StatesLanguage
import Support
import Synchronization
import TestSupport
import Testing
import WorkflowEngine

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Answers requests as a test says, and remembers them.
final class ScriptedHTTP: HTTPClient {
    enum Answer: Sendable {
        case response(HTTPResponse)
        case failure(HTTPClientError)
    }
    private let state: Mutex<(answers: [Answer], requests: [HTTPRequest])>

    /// The last answer is given again and again.
    init(_ answers: [Answer]) { state = Mutex((answers, [])) }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }

    func send(_ request: HTTPRequest, bodyBytesMax: Int) async throws -> HTTPResponse {
        let answer = state.withLock { state in
            state.requests.append(request)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers.first
        }
        switch answer {
        case .response(let response)?: return response
        case .failure(let error)?: throw error
        case nil: throw HTTPClientError(.closed, mayHaveHappened: false, "There is no answer.")
        }
    }

    static func response(_ status: Int, _ fields: HTTPFields = [:], _ body: String = "{}") -> Answer {
        .response(HTTPResponse(status: status, fields: fields, body: Array(body.utf8)))
    }
}

extension HTTPRequest {
    var text: String { if case .bytes(let bytes) = body { String(decoding: bytes, as: UTF8.self) } else { "" } }
}

/// A registry with services elsewhere that a test scripts, and local functions.
final class IntegrationFixture: Sendable {
    let directory: TemporaryDirectory
    let store: SQLiteStateStore
    let jobs: BatchEngine
    static let account = "123456789012"

    init() throws {
        directory = try TemporaryDirectory()
        store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        jobs = BatchEngine(
            store: store, runner: ProcessRunner(shimPath: shimPath()),
            configuration: BatchEngineConfiguration(
                workDirectory: directory.path + "/work", executablePath: "/bin/echo", endpointURL: "http://127.0.0.1:1",
                machine: ResourceDemand(milliCPUs: 1000, memoryMiB: 100)),
            credentials: NoJobs(), artifacts: NoJobs())
    }

    static let endpoints: [String: ForeignServices.Endpoint] = Dictionary(
        uniqueKeysWithValues: ["sqs", "sns", "dynamodb", "eventbridge", "lambda", "s3", "secretsmanager"].map {
            ($0, ForeignServices.Endpoint(address: HTTPEndpoint(scheme: "http", host: "\($0).test")))
        })

    func foreign(
        _ http: any HTTPClient, endpoints: [String: ForeignServices.Endpoint] = endpoints, hasKey: Bool = true
    ) throws -> ForeignServices {
        let models = try self.models()
        return ForeignServices(
            endpoints: endpoints,
            credentials: { hasKey ? AWSCredentials(accessKeyID: "AKID", secretAccessKey: "secret") : nil }, http: http,
            models: { models }, clock: FixedClock())
    }

    func functions(_ functions: [String: LocalFunctions.Function]) -> LocalFunctions {
        LocalFunctions(
            functions: functions, directory: directory.path + "/functions", runner: ProcessRunner(shimPath: shimPath()),
            endpointURL: "http://127.0.0.1:9",
            key: { _ in AWSCredentials(accessKeyID: "FUNCTIONKEY", secretAccessKey: "secret") })
    }

    func registry(_ foreign: ForeignServices, functions: LocalFunctions? = nil) -> ServiceIntegrations {
        ServiceIntegrations(services: [:], jobs: jobs, foreign: foreign, functions: functions, clock: FixedClock())
    }

    /// The models that the fixture of the wire formats carries.
    private func models() throws -> ServiceModels {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "ServiceModelsTests/Fixtures/wire-by-botocore.json")
        var merged: [String: JSONObject] = ["sts": [:]]
        for test in try JSONValue(parsing: Array(Data(contentsOf: file))).array ?? [] {
            guard let service = test["service"]?.string, let model = test["model"]?.object,
                test["model"]?["metadata"]?["protocol"] != "query" || service != "sqs"
            else { continue }
            guard var known = merged[service] else {
                merged[service] = model
                continue
            }
            for part in ["operations", "shapes"] {
                var all = known[part]?.object ?? [:]
                for (key, value) in model[part]?.object ?? [:] { all[key] = value }
                known[part] = .object(all)
            }
            merged[service] = known
        }
        let path = directory.path + "/models"
        for (service, model) in merged {
            let folder = "\(path)/\(service)/2020-01-01"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(model.bytes).write(to: URL(filePath: folder + "/service-2.json"))
        }
        return try ServiceModels(directory: path)
    }
}

struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(millisecondsSince1970: 1_795_260_761_000) }
}

/// No test here runs a job.
private struct NoJobs: JobCredentialIssuer, ArtifactFetcher {
    func credentials(
        forJob id: String, attempt: Int, account: String, region: String, lifetimeSeconds: Int
    ) async throws -> JobCredentials { throw TestSupportError(message: "no jobs") }

    func fetch(_ uri: String, account: String, region: String, to path: String) async throws {
        throw TestSupportError(message: "no jobs")
    }
}

func call(_ resource: String, _ parameters: JSONValue, id: String = "c1", token: String? = nil) throws -> IntegrationCall {
    let arn = resource.hasPrefix("arn:") ? resource : "arn:aws:states:::\(resource)"
    return IntegrationCall(
        commandID: id, resource: try #require(TaskResource(arn)), parameters: parameters,
        executionARN: "arn:aws:states:us-east-1:123456789012:execution:m:e", taskVisit: 4, mapPath: [], attempt: 0,
        account: IntegrationFixture.account, region: "us-east-1", taskToken: token)
}

/// The shim stands beside the test program.
func shimPath() -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let executable = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return executable[..<(executable.lastIndex(of: "/") ?? executable.endIndex)] + "/millrace-shim"
}
