import AWSProtocol
import JSONModel
import ServiceKit
import Support
import WorkflowEngine

extension StatesService {
    /// Tags of one resource at most.
    private static let tagsMax = 50

    func tagResource(_ input: OperationInput) async throws -> JSONObject {
        guard try input.list("tags") != nil else { throw Self.missing("tags") }
        let new = try Self.tags(input)
        let arn = try await taggedResource(input)
        let old = try await engine.tags(ofResource: arn).map(\.key)
        guard Set(old).union(new.map(\.key)).count <= Self.tagsMax else {
            throw AWSError("TooManyTags", "Too many tags: '\(arn)'", members: ["resourceName": .string(arn)])
        }
        try await engine.changeTags(ofResource: arn, set: new, remove: [])
        return [:]
    }

    func untagResource(_ input: OperationInput) async throws -> JSONObject {
        guard let keys = try input.list("tagKeys") else { throw Self.missing("tagKeys") }
        let arn = try await taggedResource(input)
        try await engine.changeTags(ofResource: arn, set: [], remove: keys.compactMap(\.string))
        return [:]
    }

    func listTagsForResource(_ input: OperationInput) async throws -> JSONObject {
        let arn = try await taggedResource(input)
        let tags = try await engine.tags(ofResource: arn)
        return ["tags": .array(tags.map { ["key": .string($0.key), "value": .string($0.value)] })]
    }

    private static func missing(_ member: String) -> AWSError {
        AWSError(
            "ValidationException",
            "1 validation error detected: Value null at '\(member)' failed to satisfy constraint: Member must not be null")
    }

    /// The ARN of the machine or activity that `resourceArn` names.
    private func taggedResource(_ input: OperationInput) async throws -> String {
        var input = input
        let arn = try input.required("resourceArn", .arn)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["stateMachine", "activity"])
        do {
            if ARN(arn)?.resource.hasPrefix("activity:") == true {
                _ = try await engine.activity(arn: arn)
            } else {
                _ = try await engine.stateMachine(arn: arn)
            }
        } catch WorkflowEngineError.stateMachineDoesNotExist, WorkflowEngineError.activityDoesNotExist {
            throw AWSError("ResourceNotFound", "Resource not found: '\(arn)'", members: ["resourceName": .string(arn)])
        }
        return arn
    }

    static func tags(_ input: OperationInput) throws -> [(key: String, value: String)] {
        let tags: [(key: String, value: String)] = try (try input.list("tags") ?? []).map { tag in
            guard let key = tag["key"]?.string, (1...128).contains(key.unicodeScalars.count) else {
                throw AWSError("ValidationException", "A tag's key has 1 to 128 characters: \(tag.text)")
            }
            if ReservedTags.contain(key) { throw AWSError("ValidationException", ReservedTags.refusal) }
            let value = tag["value"]?.string ?? ""
            guard value.unicodeScalars.count <= 256 else {
                throw AWSError("ValidationException", "A tag's value has at most 256 characters: \(tag.text)")
            }
            return (key, value)
        }
        guard Set(tags.map(\.key)).count <= tagsMax else {
            throw AWSError("TooManyTags", "Too many tags: \(tags.count) of at most \(tagsMax)")
        }
        return tags
    }
}
