import AWSProtocol
import JSONModel
import ServiceKit
import ServiceModels
import StateStore
import StatesLanguage
import StatesService
import Support
import TestSupport
import WorkflowEngine

/// The service on an engine and a store of its own, for one test.
struct StatesFixture {
    let directory: TemporaryDirectory
    let store: SQLiteStateStore
    let engine: WorkflowEngine
    let service: StatesService

    init(
        configuration: WorkflowEngine.Configuration = .init(),
        models: @escaping @Sendable (TemporaryDirectory) throws -> ServiceModels? = { _ in nil }
    ) throws {
        let directory = try TemporaryDirectory()
        let found = try models(directory)
        self.directory = directory
        store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        engine = WorkflowEngine(store: store, logs: store, configuration: configuration)
        service = StatesService(engine: engine, models: { found })
    }

    @discardableResult
    func call(_ operation: String, _ input: JSONObject) async throws -> JSONObject {
        try await service.call(
            operation, input,
            CallContext(
                account: "123456789012", region: "us-east-1", requestID: "r", receivedAt: SystemWallClock().now()))
    }

    /// The code that a call is refused with; nil for one that is answered.
    func code(_ operation: String, _ input: JSONObject) async throws -> String? {
        do {
            try await call(operation, input)
            return nil
        } catch let error as AWSError {
            return error.code
        }
    }

    /// The code and message that a call is refused with; nil for one that is answered.
    func refusal(_ operation: String, _ input: JSONObject) async throws -> String? {
        do {
            try await call(operation, input)
            return nil
        } catch let error as AWSError {
            return "\(error.code): \(error.message)"
        }
    }

    /// Runs the engine while `body` runs.
    func running(_ body: () async throws -> Void) async throws {
        let engine = engine
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run(NoIntegrations()) }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private struct NoIntegrations: IntegrationRegistry {
        func integration(for resource: TaskResource) -> (any TaskIntegration)? { nil }
    }
}
