import BatchEngine
import JSONModel
import ServiceKit
import StateStore
import Support

extension BatchService {
    func listTagsForResource(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let text = try input.requiredString("resourceArn")
        if let arn = ARN(text), arn.service == "batch", arn.resource.hasPrefix("job/") {
            let id = String(arn.resource.dropFirst(4))
            guard let record = try await engine.describe([id]).first, record.arn == arn else { throw notFound(text) }
            return ["tags": .object(JSONObject(record.submission.tags.map { ($0.name, .string($0.value)) }))]
        }
        return ["tags": .object(try await tagged(text, context).tags)]
    }

    func tagResource(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let resource = try await tagged(try input.requiredString("resourceArn"), context)
        var tags = resource.tags
        for tag in try JobShape.variables(try input.map("tags"), "tag") { tags[tag.name] = .string(tag.value) }
        guard tags.count <= 50 else { throw clientException("A resource can have at most 50 tags") }
        _ = try await engine.change(resource.change(tags))
        return [:]
    }

    func untagResource(_ input: Input, _ context: CallContext) async throws -> JSONObject {
        let resource = try await tagged(try input.requiredString("resourceArn"), context)
        var tags = resource.tags
        for key in try input.strings("tagKeys") ?? [] { tags[key] = nil }
        _ = try await engine.change(resource.change(tags))
        return [:]
    }

    private struct Tagged {
        var tags: JSONObject
        var change: (JSONObject) -> ResourceChange
    }

    private func tagged(_ text: String, _ context: CallContext) async throws -> Tagged {
        guard let arn = ARN(text), arn.service == "batch", let slash = arn.resource.firstIndex(of: "/") else {
            throw notFound(text)
        }
        let name = String(arn.resource[arn.resource.index(after: slash)...])
        switch arn.resource[..<slash] {
        case "compute-environment":
            guard var found = try await engine.environments(in: context.scope).first(where: { $0.name == name }) else { break }
            return Tagged(tags: found.details["tags"]?.object ?? [:]) {
                found.details["tags"] = .object($0)
                return .putEnvironment(found)
            }
        case "job-queue":
            guard var found = try await engine.queues(in: context.scope).first(where: { $0.name == name }) else { break }
            return Tagged(tags: found.details["tags"]?.object ?? [:]) {
                found.details["tags"] = .object($0)
                return .putQueue(found)
            }
        case "job-definition":
            guard var found = try await engine.definitions(in: context.scope).first(where: {
                "\($0.name):\($0.revision)" == name
            }) else { break }
            return Tagged(tags: found.details["tags"]?.object ?? [:]) {
                found.details["tags"] = .object($0)
                return .putDefinition(found)
            }
        case "scheduling-policy":
            guard var found = try await policy(text, context) else { break }
            return Tagged(tags: found.details["tags"]?.object ?? [:]) {
                found.details["tags"] = .object($0)
                return .putPolicy(found)
            }
        case "job": throw clientException("The tags of a job cannot be changed after its submission: \(text)")
        default: break
        }
        throw notFound(text)
    }

    private func notFound(_ arn: String) -> any Error { clientException("Resource \(arn) does not exist") }
}
