import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import Support

// Log groups: those of jobs, which are always there, and those that were made for executions.
extension LogsService {
    /// - Source: DescribeLogGroups, `limit`.
    private static let pageMax = 50
    static let groupMissing = AWSError("ResourceNotFoundException", "The specified log group does not exist.")

    func describeLogGroups(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        let prefix = input["logGroupNamePrefix"]?.string ?? ""
        let pattern = input["logGroupNamePattern"]?.string ?? ""
        let after = input["nextToken"]?.string ?? ""
        let limit = Int(min(max(1, input["limit"]?.int64 ?? Int64(Self.pageMax)), Int64(Self.pageMax)))
        let made = try await executions.logGroups(account: context.account, region: context.region)
        var groups = Self.jobGroups.map { ($0, nil as LogGroupRecord?) } + made.map { ($0.name, $0) }
        groups = groups.filter { name, _ in
            name.hasPrefix(prefix) && (pattern.isEmpty || name.contains(pattern))
                && after.utf8.lexicographicallyPrecedes(name.utf8)
        }
        groups.sort { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
        let page = groups.prefix(limit)
        var output: JSONObject = ["logGroups": .array(page.map { .object(Self.shape($0, $1, context)) })]
        if groups.count > limit, let last = page.last { output["nextToken"] = .string(last.0) }
        return output
    }

    private static func shape(_ name: String, _ record: LogGroupRecord?, _ context: CallContext) -> JSONObject {
        let arn = context.arn(service: "logs", resource: "log-group:\(name)").description
        var shape: JSONObject = [
            "logGroupName": .string(name), "creationTime": .number(record?.createdAt.millisecondsSince1970 ?? 0),
            "metricFilterCount": 0, "arn": .string(arn + ":*"), "logGroupArn": .string(arn), "storedBytes": 0,
            "logGroupClass": "STANDARD",
        ]
        if let days = record?.retentionDays { shape["retentionInDays"] = .number(days) }
        return shape
    }

    func createLogGroup(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        let name = try Self.groupName(input)
        let allowed = name.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-/#".unicodeScalars.contains($0))
        }
        guard allowed, name.utf8.count <= 512 else {
            throw invalid(
                "1 validation error detected: Value '\(name)' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+")
        }
        let record = LogGroupRecord(
            account: context.account, region: context.region, name: name, createdAt: context.receivedAt,
            tags: input["tags"]?.object ?? [:])
        guard !Self.jobGroups.contains(name), try await executions.createLogGroup(record) else {
            throw AWSError("ResourceAlreadyExistsException", "The specified log group already exists")
        }
        return [:]
    }

    func deleteLogGroup(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        let name = try Self.groupName(input)
        if Self.jobGroups.contains(name) { throw invalid("The log group \(name) belongs to the server: it cannot be deleted.") }
        guard try await executions.deleteLogGroup(account: context.account, region: context.region, name: name) else {
            throw Self.groupMissing
        }
        return [:]
    }

    func setRetention(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        var record = try await group(try Self.groupName(input), context)
        record.retentionDays = input["retentionInDays"]?.int64
        try await executions.updateLogGroup(record)
        return [:]
    }

    func tag(_ operation: String, _ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        var record = try await group(try Self.groupName(input), context)
        if operation.hasPrefix("Untag") {
            for key in (input["tagKeys"] ?? input["tags"])?.array ?? [] { key.string.map { record.tags[$0] = nil } }
        } else {
            for (key, value) in input["tags"]?.object ?? [:] { record.tags[key] = value }
        }
        try await executions.updateLogGroup(record)
        return [:]
    }

    func listTags(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        let name = try Self.groupName(input)
        if Self.jobGroups.contains(name) { return ["tags": [:]] }
        return ["tags": .object(try await group(name, context).tags)]
    }

    func group(_ name: String, _ context: CallContext) async throws -> LogGroupRecord {
        guard let record = try await executions.logGroup(account: context.account, region: context.region, name: name)
        else { throw Self.groupMissing }
        return record
    }
}
