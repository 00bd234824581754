import AWSProtocol
package import BatchEngine
package import JSONModel
package import ServiceKit
import StateStore

/// AWS Batch: restJson1, `POST /v1/<operation in lower case>`.
///
/// - Source: the service model of Batch 2016-08-10. Refused by name: multi-node and EKS jobs, shares, service jobs,
///   consumable resources.
package struct BatchService: JSONService {
    package let name = "batch"
    let engine: BatchEngine

    package init(engine: BatchEngine) { self.engine = engine }

    private typealias Operation = @Sendable (BatchService, Input, CallContext) async throws -> JSONObject

    private static let operations: [String: Operation] = [
        "CreateComputeEnvironment": { try await $0.createComputeEnvironment($1, $2) },
        "DescribeComputeEnvironments": { try await $0.describeComputeEnvironments($1, $2) },
        "UpdateComputeEnvironment": { try await $0.updateComputeEnvironment($1, $2) },
        "DeleteComputeEnvironment": { try await $0.deleteComputeEnvironment($1, $2) },
        "CreateJobQueue": { try await $0.createJobQueue($1, $2) },
        "DescribeJobQueues": { try await $0.describeJobQueues($1, $2) },
        "UpdateJobQueue": { try await $0.updateJobQueue($1, $2) },
        "DeleteJobQueue": { try await $0.deleteJobQueue($1, $2) },
        "CreateSchedulingPolicy": { try await $0.createSchedulingPolicy($1, $2) },
        "DescribeSchedulingPolicies": { try await $0.describeSchedulingPolicies($1, $2) },
        "ListSchedulingPolicies": { try await $0.listSchedulingPolicies($1, $2) },
        "UpdateSchedulingPolicy": { try await $0.updateSchedulingPolicy($1, $2) },
        "DeleteSchedulingPolicy": { try await $0.deleteSchedulingPolicy($1, $2) },
        "RegisterJobDefinition": { try await $0.registerJobDefinition($1, $2) },
        "DeregisterJobDefinition": { try await $0.deregisterJobDefinition($1, $2) },
        "DescribeJobDefinitions": { try await $0.describeJobDefinitions($1, $2) },
        "SubmitJob": { try await $0.submitJob($1, $2) },
        "DescribeJobs": { try await $0.describeJobs($1, $2) },
        "ListJobs": { try await $0.listJobs($1, $2) },
        "CancelJob": { try await $0.cancelJob($1, $2) },
        "TerminateJob": { try await $0.terminateJob($1, $2) },
        "TagResource": { try await $0.tagResource($1, $2) },
        "UntagResource": { try await $0.untagResource($1, $2) },
        "ListTagsForResource": { try await $0.listTagsForResource($1, $2) },
    ]

    package var wire: WireProtocol {
        let tags = "/v1/tags/{resourceArn}"
        var routes: [WireProtocol.Route] = [
            .init("GET", tags, "ListTagsForResource"), .init("POST", tags, "TagResource"),
            .init("DELETE", tags, "UntagResource", query: ["tagKeys": "tagKeys"]),
        ]
        for operation in Self.operations.keys.sorted() where !operation.contains("TagResource") && !operation.contains("TagsFor") {
            routes.append(.init("POST", "/v1/\(operation.lowercased())", operation))
        }
        return .restJSON(routes)
    }

    package func call(_ operation: String, _ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        guard let perform = Self.operations[operation] else {
            throw AWSError.unknownOperation(operation, service: name)
        }
        if ReservedTags.areAmong(input["tags"]) { throw clientException(ReservedTags.refusal) }
        do {
            return try await perform(self, Input(input), context)
        } catch let error as JobError {
            throw translated(error)
        } catch let error as StateStoreError where error.isPassing {
            throw AWSError("ServerException", error.description, httpStatus: 503)
        }
    }

    private func translated(_ error: JobError) -> AWSError {
        switch error.code {
        case .notRunning: AWSError("ServerException", error.message, httpStatus: 503)
        case .tooManyRequests: AWSError("TooManyRequestsException", error.message, httpStatus: 429)
        default: AWSError("ClientException", error.message)
        }
    }
}

func clientException(_ message: String) -> AWSError { AWSError("ClientException", message) }

extension CallContext {
    var scope: BatchScope { BatchScope(account: account, region: region) }
}

/// The members of a request, read by name; one of the wrong type is the client's error.
struct Input {
    let object: JSONObject

    init(_ object: JSONObject) { self.object = object }

    func string(_ key: String) throws -> String? { try read(key, "a string", \.string) }
    func int(_ key: String) throws -> Int? { try read(key, "an integer") { $0.int64.flatMap { Int(exactly: $0) } } }
    func bool(_ key: String) throws -> Bool? { try read(key, "a boolean", \.bool) }
    func list(_ key: String) throws -> [JSONValue]? { try read(key, "a list", \.array) }
    func map(_ key: String) throws -> JSONObject? { try read(key, "a structure", \.object) }
    func nested(_ key: String) throws -> Input? { try map(key).map(Input.init) }

    func strings(_ key: String) throws -> [String]? {
        try read(key, "a list of strings") { value in
            guard let elements = value.array else { return nil }
            let texts = elements.compactMap(\.string)
            return texts.count == elements.count ? texts : nil
        }
    }

    func structures(_ key: String) throws -> [Input]? {
        try read(key, "a list of structures") { value in
            guard let elements = value.array else { return nil }
            let objects = elements.compactMap(\.object)
            return objects.count == elements.count ? objects.map(Input.init) : nil
        }
    }

    func required<T>(_ key: String, _ value: T?) throws -> T {
        guard let value else { throw clientException("\(key) is a required field (cannot be null)") }
        return value
    }

    func requiredString(_ key: String) throws -> String {
        let value = try required(key, try string(key))
        guard !value.isEmpty else { throw clientException("\(key) is a required field (cannot be empty)") }
        return value
    }

    func refuse(_ keys: String...) throws {
        for key in keys where object[key] != nil && object[key] != .null {
            throw clientException("\(key) is not supported: jobs run as processes of this machine, without containers.")
        }
    }

    private func read<T>(_ key: String, _ type: String, _ convert: (JSONValue) -> T?) throws -> T? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let result = convert(value) else { throw clientException("\(key) must be \(type)") }
        return result
    }
}

/// One page of a list whose order is stable.
func page<T>(_ items: [T], _ input: Input, default size: Int = 100) throws -> (items: [T], nextToken: JSONValue?) {
    var start = 0
    if let token = try input.string("nextToken") {
        guard let offset = Int(token), offset > 0 else { throw clientException("Invalid nextToken: \(token)") }
        start = offset
    }
    let size = min(max(1, try input.int("maxResults") ?? size), 1000)
    guard start < items.count else { return ([], nil) }
    let end = min(items.count, start + size)
    return (Array(items[start..<end]), end < items.count ? .string(String(end)) : nil)
}

/// Names as Batch allows them: a letter or digit, then up to 127 letters, digits, hyphens and underscores.
func checkName(_ name: String, _ what: String) throws {
    let bytes = Array(name.utf8)
    let isValid = (1...128).contains(bytes.count)
        && bytes.enumerated().allSatisfy { index, byte in
            switch byte {
            case 48...57, 65...90, 97...122: true
            case 45, 95: index > 0
            default: false
            }
        }
    guard isValid else {
        throw clientException(
            "\(what) \(name) is not valid: up to 128 letters (uppercase and lowercase), numbers, hyphens, and "
                + "underscores are allowed, the first character must be alphanumeric.")
    }
}
