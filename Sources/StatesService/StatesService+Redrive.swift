import JSONModel
import ServiceKit
import StateStore
import WorkflowEngine

extension StatesService {
    private static let clientToken = OperationInput.TextRule(
        maximum: 64,
        pattern: (
            "regular expression pattern: [!-~]+",
            { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
        ))

    func redriveExecution(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let token = try input.optional("clientToken", Self.clientToken)
        let arn = try input.required("executionArn", .arn)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["execution"])
        return ["redriveDate": try await engine.redriveExecution(arn: arn, clientToken: token).json]
    }

    /// The members of DescribeExecution about redrives.
    func redriveMembers(_ record: ExecutionRecord) async throws -> JSONObject {
        var members: JSONObject = ["redriveCount": .number(record.redrives.count)]
        if let date = record.redrives.date { members["redriveDate"] = date.json }
        if let reason = try await engine.redriveRefusal(record) {
            members["redriveStatus"] = "NOT_REDRIVABLE"
            members["redriveStatusReason"] = .string(reason)
        } else {
            members["redriveStatus"] = record.mapRun == nil ? "REDRIVABLE" : "REDRIVABLE_BY_MAP_RUN"
        }
        return members
    }
}
