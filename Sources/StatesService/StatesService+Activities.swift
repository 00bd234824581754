import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import Support
import WorkflowEngine

extension StatesService {
    /// How long GetActivityTask waits for a task.
    /// - Source: GetActivityTask.
    private static let pollLimit = Duration.seconds(60)

    func createActivity(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let name = try input.required("name", .name)
        try input.finish()
        try ResourceName.check(name)
        try Self.checkEncryption(input)
        let record = ActivityRecord(
            arn: context.arn(service: "states", resource: "activity:\(name)").description, account: context.account,
            region: context.region, name: name, createdAt: context.receivedAt)
        // The service ignores other tags of a call that is repeated.
        let existing = try await engine.createActivity(record, tags: try Self.tags(input))
        return [
            "activityArn": .string(record.arn), "creationDate": (existing ?? record).createdAt.json,
        ]
    }

    func describeActivity(_ input: OperationInput) async throws -> JSONObject {
        let record = try await engine.activity(arn: try Self.activityArn(input))
        return [
            "activityArn": .string(record.arn), "name": .string(record.name), "creationDate": record.createdAt.json,
            "encryptionConfiguration": ["type": "AWS_OWNED_KEY"],
        ]
    }

    func deleteActivity(_ input: OperationInput) async throws -> JSONObject {
        try await engine.deleteActivity(arn: try Self.activityArn(input))
        return [:]
    }

    func listActivities(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let limit = try input.maxResults()
        let token = try input.optional("nextToken", .pageToken)
        try input.finish()
        let kind = "activities"
        let records = try await engine.activities(
            account: context.account, region: context.region, after: try PageToken.decodeKey(kind, token),
            limit: limit + 1)
        return PageToken.page(
            "activities", kind, records, limit: limit, place: { PageKey(time: $0.createdAt, arn: $0.arn).place },
            json: { ["activityArn": .string($0.arn), "name": .string($0.name), "creationDate": $0.createdAt.json] })
    }

    /// An empty answer says that no task came.
    func getActivityTask(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let workerName = try input.optional("workerName", .name)
        let arn = try Self.activityArn(input)
        let task = try await engine.takeActivityTask(arn: arn, workerName: workerName, limit: Self.pollLimit)
        guard let task else { return [:] }
        return ["taskToken": .string(task.taskToken), "input": .string(task.input)]
    }

    private static func activityArn(_ input: OperationInput) throws -> String {
        var input = input
        let arn = try input.required("activityArn", .arn)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["activity"])
        return arn
    }

    /// Throws for a key of one's own.
    static func checkEncryption(_ input: OperationInput) throws {
        guard let given = try input.object("encryptionConfiguration"), given["type"]?.string != "AWS_OWNED_KEY" else {
            return
        }
        throw AWSError("InvalidEncryptionConfiguration", "Encryption with a key of one's own is not supported.")
    }
}
